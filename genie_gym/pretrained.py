"""Worlds as folders: those that ship with the package, one's own, or a hub repository's.

config.json        {"family", "format_version", "config", "made"}
<part>.safetensors one file a network, float16
starts.h5          start frames, uint8 [P, H, W, 3], and what each is like, a WorldSpec as JSON text, where that is known;
                   start frames of tasks, where the world knows some
judgement.json     what it is worth, where that was measured (genie_gym.judgement)
manifest.json      SHA-256 of each of these
README.md          the card, for people; a new one does not replace one that was edited

Legend: P start frames, H W image.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from genie_gym.card import check_made, write_card
from genie_gym.devices import pick_device
from genie_gym.errors import GenieGymError, did_you_mean
from genie_gym.families import find_family
from genie_gym.files import MANIFEST_FILE, beside, check_manifest, open_hdf5, read_json, write_json, write_manifest
from genie_gym.judgement import Judgement
from genie_gym.text.spec import WorldSpec
from genie_gym.world import StartPool, World

WORLDS_FOLDER = Path(__file__).parent / "worlds"
CONFIG_FILE, STARTS_FILE, JUDGEMENT_FILE = "config.json", "starts.h5", "judgement.json"
MAX_STARTS, MAX_CONDITION = 100_000, 20_000  # frames, and characters of what one is like
_warned: set[Path] = set()


def shipped_worlds() -> list[str]:
    """Names of the worlds inside the package."""
    return sorted(path.parent.name for path in WORLDS_FOLDER.glob(f"*/{MANIFEST_FILE}"))


def load_world(world: str | Path | World, device: str = "auto") -> World:
    """A world ready to play. Warns (`UserWarning`, once a folder) where what was measured of it is bad.

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


@functools.lru_cache(maxsize=4)
def shared_world(world: str, device: str = "auto") -> World:
    """`load_world`, once a process: for worlds that others draw upon."""
    return load_world(world, device)


def save_world(world: World, folder: str | Path) -> None:
    """Writes a world as `load_world` reads it, with a card (README.md), and with its judgement where it has one."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    names = [CONFIG_FILE]
    header = {"family": world.family, "format_version": world.format_version, "config": world.config_dict()}
    if world.provenance.made:
        header["made"] = dict(world.provenance.made)
    write_json(folder / CONFIG_FILE, header)
    for name, part in world.parts().items():
        names.append(f"{name}.safetensors")
        tensors = {k: _smaller(v).cpu().contiguous() for k, v in part.state_dict().items()}
        with beside(folder / names[-1]) as path:
            save_file(tensors, path)
            path.chmod(0o644)  # safetensors leaves it to its owner alone
    if len(world.starts):
        names.append(STARTS_FILE)
        _write_starts(world.starts, folder / STARTS_FILE)
    if world.provenance.judgement is not None:
        names.append(JUDGEMENT_FILE)
        write_json(folder / JUDGEMENT_FILE, world.provenance.judgement.to_dict())
    write_manifest(folder, names)
    write_card(world, folder)


def _smaller(values: Tensor) -> Tensor:
    """In half precision, where that holds all of it."""
    half = values.half() if values.is_floating_point() else values
    return half if bool((half.isfinite() == values.isfinite()).all()) else values


def _find(name: str) -> Path:
    """The folder of a named world, downloaded where it lies on the hub."""
    if name in shipped_worlds():
        return WORLDS_FOLDER / name
    if Path(name).is_dir():
        return Path(name)
    if name.count("/") == 1 and not name.startswith((".", "/", "~")):
        try:
            return Path(snapshot_download(name))
        except (OSError, HfHubHTTPError, HFValidationError) as error:
            reason = str(error).splitlines()[0]
            raise GenieGymError(f"no world at {name!r}: not a folder here, and the hub says: {reason}") from error
    raise GenieGymError(f"unknown world {name!r}: neither shipped nor a folder." + did_you_mean(name, shipped_worlds()))


def _read(folder: Path) -> World:
    """The world in `folder`, after checking every checksum."""
    listed = check_manifest(folder)
    again = "train or download the world again"
    if CONFIG_FILE not in listed:
        raise GenieGymError(f"{folder / MANIFEST_FILE} does not list {CONFIG_FILE}; {again}.")
    world = _build(folder, read_json(folder / CONFIG_FILE))
    for name, part in world.parts().items():
        path = folder / f"{name}.safetensors"
        if path.name not in listed:
            raise GenieGymError(f"{folder / MANIFEST_FILE} does not list {path.name}; {again}.")
        try:
            part.load_state_dict(load_file(path))
        except (RuntimeError, SafetensorError) as error:
            raise GenieGymError(f"{path} does not fit {CONFIG_FILE}: {error}; {again}.") from error
    if STARTS_FILE in listed:
        try:
            world.starts = _read_starts(folder / STARTS_FILE, tuple(world.frame_shape))
            if world.vocabulary is not None:
                for spec in world.starts.conditions:
                    world.vocabulary.check(spec)
        except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:  # of arrays of another kind too
            reason = str(error).rstrip(".")
            raise GenieGymError(f"{folder / STARTS_FILE} holds no start frames: {reason}; {again}.") from error
    if JUDGEMENT_FILE in listed:
        try:
            judgement = Judgement.from_dict(read_json(folder / JUDGEMENT_FILE))
        except GenieGymError as error:
            raise GenieGymError(f"{folder / JUDGEMENT_FILE}: {error} {again.capitalize()}.") from error
        world.provenance = replace(world.provenance, judgement=judgement)
        _warn(folder.resolve(), judgement)
    return world


def _write_starts(starts: StartPool, path: Path) -> None:
    if len(starts) > MAX_STARTS or len(starts.conditions) not in (0, len(starts)):
        raise GenieGymError(
            f"a world keeps at most {MAX_STARTS:,} start frames, and what each of them is like or nothing of that; given "
            f"{len(starts):,} frames and {len(starts.conditions):,} conditions."
        )
    with beside(path) as part, open_hdf5(part, "w") as file:
        file.create_dataset("frames", data=starts.frames, compression="gzip", compression_opts=9, fletcher32=True)
        if len(starts.conditions):
            file["conditions"] = [condition.to_json() for condition in starts.conditions]
        for task, frames in starts.tasks.items():
            file.create_dataset(f"tasks/{task}", data=frames, compression="gzip", compression_opts=9, fletcher32=True)


def _read_starts(path: Path, shape: tuple[int, ...]) -> StartPool:
    """Start frames of this shape, and what they are like. Sizes are looked at before anything is read."""
    with open_hdf5(path) as file:
        frames, conditions, of_tasks = file["frames"], file.get("conditions"), file.get("tasks", {})
        for some in (frames, *of_tasks.values()):
            if some.dtype != "uint8" or some.shape[1:] != shape or len(some) > MAX_STARTS:
                raise GenieGymError(
                    f"they must be at most {MAX_STARTS:,} of uint8 {list(shape)}; it holds {some.dtype} {list(some.shape)}"
                )
        if conditions is not None and conditions.shape != frames.shape[:1]:
            raise GenieGymError(f"what they are like must be {len(frames)} texts, one a frame")
        read, tasks = frames[:], {task: some[:] for task, some in of_tasks.items()}
        texts = [] if conditions is None else conditions.asstr()[:]  # TypeError where they are no texts
    if any(len(text) > MAX_CONDITION for text in texts):
        raise GenieGymError(f"what a start frame is like takes at most {MAX_CONDITION:,} characters")
    return StartPool(read, tuple(WorldSpec.from_json(text) for text in texts), tasks)


def _warn(folder: Path, judgement: Judgement) -> None:
    """Says what is wrong with a world, once a process."""
    if judgement.sentences() and folder not in _warned:
        _warned.add(folder)
        warnings.warn(f"the world in {folder} is not good: {judgement.summary()}", UserWarning, stacklevel=4)


def _build(folder: Path, header: Mapping[str, Any]) -> World:
    """The world that a config file describes, with fresh weights."""
    kinds = {"family": str, "format_version": int, "config": dict}
    if not all(isinstance(header.get(key), kind) for key, kind in kinds.items()):
        raise GenieGymError(f"{folder} was written by an older version of genie_gym; train the world again.")
    world_class: type[World] = find_family(header["family"]).load("world")
    if header["format_version"] != world_class.format_version:
        age = "an older" if header["format_version"] < world_class.format_version else "a newer"
        raise GenieGymError(
            f"{folder} is a {header['family']} world of {age} version ({header['format_version']}; this genie_gym reads "
            f"{world_class.format_version}); train it again, or install the version of genie_gym that wrote it."
        )
    try:
        made = check_made(header.get("made", {}))
    except GenieGymError as error:
        raise GenieGymError(f"{folder / CONFIG_FILE}: {error}") from error
    try:
        world = world_class.from_config(header["config"])
        world.provenance = replace(world.provenance, made=made)
        return world
    except (KeyError, TypeError, AttributeError) as error:
        raise GenieGymError(f"{folder / CONFIG_FILE} does not describe a {header['family']} world: {error!r}.") from error
