"""Datasets of other libraries by name, as `genie-gym record --source KIND:WHERE` takes them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from genie_gym.datasets.video import VideoWriter
from genie_gym.errors import GenieGymError, check_name

KINDS = {
    "lerobot": "a folder of LeRobot (v3.0)",
    "minari": "a dataset of Minari: its folder, or its id",
    "robomimic": "an HDF5 file of robomimic",
}
"""What each is, by its name. A kind NAME is read by `import_NAME` of the module of that name beside this one."""


def parse_source(source: str) -> tuple[str, str] | None:
    """Of "lerobot:DIR" its kind and where it lies; None of what means something else (an environment, a video).

    Raises:
        GenieGymError: it says a kind and no place.
    """
    kind, colon, where = source.partition(":")
    if not colon or kind not in KINDS:
        return None
    if not where.strip():
        raise GenieGymError(f"{source!r} says no place; after {kind}: comes {KINDS[kind]}.")
    return kind, where


def record_dataset(
    kind: str,
    where: str | Path,
    out: str | Path,
    size: tuple[int, int] | None = None,
    num_frames: int | None = None,
    image_key: str | None = None,
    max_frames: int | None = None,
    resume: bool = False,
) -> VideoWriter:
    """Records a dataset of another library; see `imports.foreign.Foreign.record`. Returns the closed writer, for its counts.

    Args:
        kind, where: as `parse_source` reads them. image_key: which pictures, where there are several.

    Raises:
        GenieGymError: an unknown kind, no such dataset, or one without pictures.
    """
    check_name("kind of dataset", kind, KINDS)
    record = getattr(import_module(f"genie_gym.datasets.imports.{kind}"), f"import_{kind}")
    writer: VideoWriter = record(where, out, image_key, size, num_frames, max_frames, resume)
    return writer
