"""Worlds as folders: those that ship with the package, one's own, or a hub repository's.

config.json        {"family", "format_version", "config"}
<part>.safetensors one file a network, float16
starts.h5          start frames, uint8 [P, H, W, 3]
manifest.json      SHA-256 of each of these

Legend: P start frames, H W image.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError
from safetensors.torch import load_file, save_file

from genie_gym.devices import pick_device
from genie_gym.errors import GenieGymError, did_you_mean
from genie_gym.families import find_family
from genie_gym.files import MANIFEST_FILE, beside, check_manifest, write_json, write_manifest
from genie_gym.world import World

WORLDS_FOLDER = Path(__file__).parent / "worlds"
CONFIG_FILE, STARTS_FILE = "config.json", "starts.h5"


def shipped_worlds() -> list[str]:
    """Names of the worlds inside the package."""
    return sorted(path.parent.name for path in WORLDS_FOLDER.glob(f"*/{MANIFEST_FILE}"))


def load_world(world: str | Path | World, device: str = "auto") -> World:
    """A world ready to play.

    Args:
        world: a shipped name ("genie1"), a folder that `genie-gym train` or `save_world` wrote, a hub repository
            ("owner/name"), or a `World`, which is moved to `device` and returned.
        device: "auto", "cpu", "cuda", …

    Raises:
        GenieGymError: no such world; files that do not have the checksums of its manifest; a family that is not
            registered; or a format that this version does not read.
    """
    target = pick_device(device)
    loaded = world if isinstance(world, World) else _read(_find(str(world)))
    for part in loaded.parts().values():
        part.eval().to(target)
    return loaded


def save_world(world: World, folder: str | Path) -> None:
    """Writes a world as `load_world` reads it."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    names = [CONFIG_FILE]
    header = {"family": world.family, "format_version": world.format_version, "config": world.config_dict()}
    write_json(folder / CONFIG_FILE, header)
    for name, part in world.parts().items():
        names.append(f"{name}.safetensors")
        tensors = {k: (v.half() if v.is_floating_point() else v).cpu().contiguous() for k, v in part.state_dict().items()}
        with beside(folder / names[-1]) as path:
            save_file(tensors, path)
            path.chmod(0o644)  # safetensors leaves it to its owner alone
    if len(world.starts):
        names.append(STARTS_FILE)
        with beside(folder / STARTS_FILE) as path, h5py.File(path, "w") as file:
            file.create_dataset("frames", data=world.starts, compression="gzip", compression_opts=9, fletcher32=True)
    write_manifest(folder, names)


def _find(name: str) -> Path:
    """The folder of a named world, downloaded where it lies on the hub."""
    if name in shipped_worlds():
        return WORLDS_FOLDER / name
    if Path(name).is_dir():
        return Path(name)
    if name.count("/") == 1 and not name.startswith((".", "/", "~")):
        try:
            return Path(snapshot_download(name))
        except (OSError, HfHubHTTPError) as error:
            reason = str(error).splitlines()[0]
            raise GenieGymError(f"no world at {name!r}: not a folder here, and the hub says: {reason}") from error
    raise GenieGymError(f"unknown world {name!r}: neither shipped nor a folder." + did_you_mean(name, shipped_worlds()))


def _read(folder: Path) -> World:
    """The world in `folder`, after checking every checksum."""
    listed = check_manifest(folder)
    if CONFIG_FILE not in listed:
        raise GenieGymError(f"{folder / MANIFEST_FILE} does not list {CONFIG_FILE}; train or download the world again.")
    header: dict[str, Any] = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    world = _build(folder, header)
    for name, part in world.parts().items():
        file = f"{name}.safetensors"
        if file not in listed:
            raise GenieGymError(f"{folder / MANIFEST_FILE} does not list {file}; train or download the world again.")
        try:
            part.load_state_dict(load_file(folder / file))
        except RuntimeError as error:
            raise GenieGymError(f"{folder / file} does not fit {CONFIG_FILE}: {error}") from error
    if STARTS_FILE in listed:
        with h5py.File(folder / STARTS_FILE) as file:
            world.starts = file["frames"][:]
    return world


def _build(folder: Path, header: Mapping[str, Any]) -> World:
    """The world that a config file describes, with fresh weights."""
    if not {"family", "format_version", "config"} <= header.keys():
        raise GenieGymError(f"{folder} was written by an older version of genie_gym; train the world again.")
    world_class: type[World] = find_family(header["family"]).load("world")
    if header["format_version"] != world_class.format_version:
        age = "an older" if header["format_version"] < world_class.format_version else "a newer"
        raise GenieGymError(
            f"{folder} is a {header['family']} world of {age} version ({header['format_version']}; this genie_gym reads "
            f"{world_class.format_version}); train it again, or install the version of genie_gym that wrote it."
        )
    return world_class.from_config(header["config"])
