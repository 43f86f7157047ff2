"""Checks what lies on disk, and names each damage: datasets, video files, folders of worlds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import h5py
import numpy as np

from genie_gym.datasets.minari_format import ShardFile
from genie_gym.datasets.minari_place import INSIDE
from genie_gym.datasets.minari_reader import MinariFolder
from genie_gym.datasets.video import episodes_in, open_video
from genie_gym.errors import GenieGymError
from genie_gym.files import MANIFEST_FILE, check_manifest, part_of, read_json, sha256
from genie_gym.progress import progress

VIDEO = (".h5", ".hdf5")
ENDS = ("terminations", "truncations")


def verify(path: str | Path) -> list[str]:
    """What is wrong with a dataset's folder, a video file or a world's folder: a sentence each; none where all is well. All
    values are read.

    Raises:
        GenieGymError: there is nothing of the kind.
    """
    path = Path(path)
    if path.is_file() and path.suffix in VIDEO:
        return list(_in_video(path))
    if (path / INSIDE).is_dir() or part_of(path / INSIDE).is_dir():
        return list(_in_dataset(path))
    if (path / MANIFEST_FILE).is_file():
        return list(_in_world(path))
    raise GenieGymError(f"{path} is no dataset's folder, no video file (.h5) and no world's folder.")


def _in_world(folder: Path) -> Iterator[str]:
    try:
        check_manifest(folder)
    except GenieGymError as error:
        yield str(error)


def _in_video(path: Path) -> Iterator[str]:
    try:
        file = open_video(path)
    except GenieGymError as error:
        yield str(error)
        return
    with file:
        for group in progress(episodes_in(file), desc=f"verify {path.name}", unit="episode"):
            yield from (f"{path}: {group.name} {why}" for why in _unreadable(group))


def _unreadable(group: h5py.Group) -> Iterator[str]:
    """Values of a group that cannot be read; HDF5's own checksums tell."""
    names: list[str] = []
    group.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    for name in names:
        try:
            group[name][()]
        except (OSError, RuntimeError, KeyError) as error:
            yield f"{name} is damaged: {error}"


def _in_dataset(folder: Path) -> Iterator[str]:
    if not (folder / INSIDE).is_dir():
        yield f"{folder} is not finished: go on with genie-gym generate --resume."
        return
    manifest = folder / MANIFEST_FILE
    if manifest.is_file():
        yield from _in_shards(folder, manifest)
    try:
        with MinariFolder(folder) as dataset:
            yield from dataset.unlinked()
            yield from _in_episodes(dataset)
    except GenieGymError as error:
        yield str(error)


def _in_shards(folder: Path, manifest: Path) -> Iterator[str]:
    """Shards that are missing, or are not what was written."""
    try:
        known = {name: ShardFile.from_json(one) for name, one in read_json(manifest)["shards"].items()}
    except (GenieGymError, KeyError, TypeError, AttributeError) as error:
        yield f"{manifest} is damaged: {error}."
        return
    for name, shard in progress(known.items(), desc=f"verify {folder.name}", unit="shard"):
        path = folder / INSIDE / Path(name).name
        if not path.is_file():
            yield f"{path} is missing: go on with genie-gym generate --resume."
        elif sha256(path) != shard.sha256:
            yield f"{path} has another checksum than {MANIFEST_FILE} gives: damaged, or changed since it was written."
    lost = [one.name for one in (folder / INSIDE).glob("shard-*.hdf5") if one.name not in known]
    yield from (
        f"{folder / INSIDE / name} belongs to no dataset: {MANIFEST_FILE} does not name it." for name in sorted(lost)
    )


def _in_episodes(dataset: MinariFolder) -> Iterator[str]:
    """Episodes that are missing or damaged, or hold what does not fit together."""
    steps, whole = 0, True
    for number in progress(range(len(dataset)), desc=f"verify {dataset.id}", unit="episode"):
        found = list(_in_episode(dataset, number))
        whole &= not found
        yield from (f"{dataset.folder}: episode {number} {why}" for why in found)
        if not found:
            steps += int(dataset.about(number)["total_steps"])
    if whole and steps != dataset.metadata.get("total_steps"):
        yield f"{dataset.folder} says that it has {dataset.metadata.get('total_steps')} steps; there are {steps}."


def _in_episode(dataset: MinariFolder, number: int) -> Iterator[str]:
    try:
        group = dataset.group(number)
    except GenieGymError as error:
        yield f"is missing: {error}"
        return
    unreadable = list(_unreadable(group))
    yield from unreadable
    if unreadable:
        return
    lacking = [name for name in ("observations", "actions", "rewards", *ENDS) if name not in group]
    if lacking or "total_steps" not in group.attrs:
        yield f"lacks {', '.join(lacking) or 'total_steps'}"
        return
    steps = int(group.attrs["total_steps"])
    for name in ("actions", "rewards", *ENDS):
        if len(group[name]) != steps:
            yield f"has {len(group[name])} {name} for {steps} steps"
    yield from _misfits(group["observations"], dataset.observation_space, steps + 1, "observations")
    if len(group["actions"]) and not dataset.action_space.contains(_value(group["actions"][0], dataset.action_space)):
        yield f"has actions such as {group['actions'][0]}, which are none of {dataset.action_space}"
    if not np.isfinite(group["rewards"][()]).all():
        yield "has rewards that are no numbers"
    if any(group[name][:-1].any() for name in ENDS if steps):
        yield "goes on after its end"


def _misfits(item: Any, space: gym.Space, length: int, name: str) -> Iterator[str]:
    """Observations of another length, shape or type than the dataset says."""
    if isinstance(space, gym.spaces.Dict):
        for part, inner in space.items():
            if part not in item:
                yield f"lacks {name}/{part}"
            else:
                yield from _misfits(item[part], inner, length, f"{name}/{part}")
        return
    if len(item) != length:
        yield f"has {len(item)} {name} for {length - 1} steps"
    elif item.shape[1:] != space.shape or item.dtype != space.dtype:
        yield f"has {name} of {item.dtype} {list(item.shape[1:])}; the dataset says {space.dtype} {list(space.shape or ())}"


def _value(action: Any, space: gym.Space) -> Any:
    return np.asarray(action).astype(space.dtype)[()] if isinstance(space, gym.spaces.Discrete) else action
