"""Named worlds: those that ship with the package, a folder, or a hub repository."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub.errors import HfHubHTTPError

from genie_gym.devices import pick_device
from genie_gym.errors import GenieGymError, did_you_mean
from genie_gym.world_model import MANIFEST_FILE, WorldModel

WORLDS_FOLDER = Path(__file__).parent / "worlds"


def shipped_worlds() -> list[str]:
    """Names of the worlds inside the package."""
    return sorted(path.parent.name for path in WORLDS_FOLDER.glob(f"*/{MANIFEST_FILE}"))


def load_world(world: str | Path | WorldModel, device: str = "auto") -> WorldModel:
    """A world ready to play.

    Args:
        world: a shipped name ("genie1"), a folder that `genie-gym train` wrote, a hub repository ("owner/name"), or a
            `WorldModel`, which is moved to `device` and returned.
        device: "auto", "cpu", "cuda", …

    Raises:
        GenieGymError: no such world, or files that do not have the checksums of its manifest.
    """
    target = str(pick_device(device))
    if isinstance(world, WorldModel):
        return world.to(target).eval()
    name = str(world)
    if name in shipped_worlds():
        return WorldModel.from_pretrained(WORLDS_FOLDER / name, map_location=target)
    if Path(name).is_dir():
        return WorldModel.from_pretrained(name, map_location=target)
    if name.count("/") == 1 and not name.startswith((".", "/", "~")):
        try:
            return WorldModel.from_pretrained(name, map_location=target)
        except (OSError, HfHubHTTPError) as error:
            reason = str(error).splitlines()[0]
            raise GenieGymError(f"no world at {name!r}: not a folder here, and the hub says: {reason}") from error
    raise GenieGymError(f"unknown world {name!r}: neither shipped nor a folder." + did_you_mean(name, shipped_worlds()))
