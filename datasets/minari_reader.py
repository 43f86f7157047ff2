"""Reads a Minari dataset of HDF5 files as it lies on disk: ours, and others'.

Nothing outside its folder is ever opened: links to elsewhere and external storage are refused.

Legend: T frames, H W image.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import gymnasium as gym
import h5py
import numpy as np
from minari.serialization import deserialize_space

from genie_gym.datasets.minari_format import MAIN_FILE, METADATA_FILE, ShardFile
from genie_gym.datasets.minari_place import INSIDE
from genie_gym.errors import GenieGymError
from genie_gym.files import MANIFEST_FILE, open_hdf5, read_json

MOST_OPEN = 16  # shards
MOST_EPISODES = 100_000_000


class MinariFolder:
    """A dataset's folder (that which holds `data`).

    Args:
        folder: of the dataset.

    Raises:
        GenieGymError: there is no dataset, it is not finished, or damaged.

    Attributes:
        metadata: what it says of itself. fps: frames a second. id: its name in Minari.

    Example:
        with MinariFolder("data/coinrun-v0") as dataset:
            for number in range(len(dataset)):
                dataset.read(number, "actions")
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self.data = self.folder / INSIDE
        if not (self.data / METADATA_FILE).is_file():
            unfinished = (self.folder / MANIFEST_FILE).is_file()
            raise GenieGymError(
                f"{self.folder} is not finished: go on with genie-gym generate --resume." if unfinished
                else f"there is no Minari dataset in {self.folder}: give the folder that holds {INSIDE}/."
            )  # fmt: skip
        self.metadata = read_json(self.data / METADATA_FILE)
        if self.metadata.get("data_format", "hdf5") != "hdf5":
            raise GenieGymError(f"{self.folder} holds {self.metadata['data_format']} files; only HDF5 is read.")
        self._files: OrderedDict[str, h5py.File] = OrderedDict()
        self._process = os.getpid()

    # What there is

    @property
    def id(self) -> str:
        return str(self.metadata.get("dataset_id", self.folder.name))

    @property
    def fps(self) -> float:
        return float(self.metadata.get("render_fps") or 15)

    @cached_property
    def observation_space(self) -> gym.Space:
        return deserialize_space(self.metadata["observation_space"])

    @cached_property
    def action_space(self) -> gym.Space:
        return deserialize_space(self.metadata["action_space"])

    @property
    def action_meanings(self) -> list[str] | None:
        """What each action does, where that is known."""
        return self.metadata.get("action_meanings")

    def __len__(self) -> int:
        return len(self._places)

    @cached_property
    def _places(self) -> list[tuple[str, str]]:
        """The file of each episode and the group in it."""
        if self._listed is not None:
            return [(file, f"episode_{index}") for file, index, _ in self._listed]
        return [self._linked(number) for number in range(self._count)]

    @property
    def _count(self) -> int:
        count = self.metadata.get("total_episodes")
        if not isinstance(count, int) or not 0 <= count <= MOST_EPISODES:
            raise GenieGymError(f"{self.folder}: total_episodes is {count!r:.40}.")
        return count

    @cached_property
    def _listed(self) -> list[tuple[str, int, int]] | None:
        """The file, number and length of each episode, as a manifest of ours has them: of a hundred thousand they are known
        at once. None where there is no manifest, or it says something else than the dataset."""
        path = self.folder / MANIFEST_FILE
        if not path.is_file():
            return None
        try:
            shards = sorted((name, ShardFile.from_json(one)) for name, one in read_json(path)["shards"].items())
            listed = [
                (Path(name).name, int(index), int(length))
                for name, shard in shards
                for index, length in zip(shard.episodes, shard.lengths, strict=True)
            ][: self._count]
        except (GenieGymError, KeyError, TypeError, ValueError, AttributeError):
            return None
        steps = sum(length for *_, length in listed)
        return listed if len(listed) == self._count and steps == self.metadata.get("total_steps") else None

    def _linked(self, number: int) -> tuple[str, str]:
        """Where the main file says that an episode lies."""
        name = f"episode_{number}"
        link = self._open(MAIN_FILE).get(name, getlink=True)
        if isinstance(link, h5py.HardLink):
            return MAIN_FILE, name
        if not isinstance(link, h5py.ExternalLink):
            raise GenieGymError(f"{name} of {self.folder} is missing.")
        if (self.data / link.filename).parent.resolve() != self.data.resolve():
            raise GenieGymError(f"{name} of {self.folder} leads to {link.filename}, outside of the dataset.")
        return link.filename, link.path

    def unlinked(self) -> list[str]:
        """What the main file, by which Minari reads, says otherwise than the manifest: a sentence each."""
        found = []
        for number in range(self._count):
            try:
                place = self._linked(number)
            except GenieGymError as error:
                found.append(str(error))
                continue
            if (place[0], place[1].strip("/")) != self._places[number]:
                found.append(f"episode_{number} of {self.folder} leads to another episode than {MANIFEST_FILE} says.")
        return found

    @cached_property
    def lengths(self) -> np.ndarray:
        """int64: the steps of each episode."""
        if self._listed is not None:
            return np.array([length for *_, length in self._listed], np.int64)
        return np.array([int(self.about(number)["total_steps"]) for number in range(len(self))], np.int64)

    def about(self, number: int) -> dict[str, Any]:
        """What else is known of an episode: seed, total_steps; of ours prompt, spec, task, reached."""
        attributes = self.group(number).attrs.items()
        return {name: value.tolist() if isinstance(value, np.generic | np.ndarray) else value for name, value in attributes}

    # Its values

    def group(self, number: int) -> h5py.Group:
        """The HDF5 group of an episode.

        Raises:
            GenieGymError: it is missing or damaged.
        """
        file, name = self._places[number]
        try:
            group = _inside(self._open(file), name.strip("/"))
        except (KeyError, OSError, RuntimeError) as error:
            raise GenieGymError(f"episode {number} of {self.folder} cannot be read: {error}.") from error
        if not isinstance(group, h5py.Group):
            raise GenieGymError(f"episode {number} of {self.folder} is missing, or leads elsewhere.")
        return group

    def keys(self, number: int = 0) -> list[str]:
        """The names of what an episode holds: "observations" or "observations/NAME", "actions", "infos/NAME" …"""
        found: list[str] = []
        self.group(number).visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
        return found

    def item(self, number: int, key: str) -> h5py.Dataset:
        """The HDF5 dataset that an episode holds of `key`.

        Raises:
            GenieGymError: it holds no such thing, or one that lies elsewhere.
        """
        item = _inside(self.group(number), key)
        if not isinstance(item, h5py.Dataset):
            raise GenieGymError(
                f"episode {number} of {self.folder} holds no {key!r}; it holds {', '.join(self.keys(number))}."
            )
        if item.external or item.is_virtual:
            raise GenieGymError(f"{key} of episode {number} of {self.folder} lies in another file, which is refused.")
        return item

    def read(self, number: int, key: str, begin: int = 0, end: int | None = None) -> np.ndarray:
        """What an episode holds of `key` from one step to another; texts as `str` objects.

        Raises:
            GenieGymError: see `item`; or it is damaged.
        """
        item = self.item(number, key)
        try:
            values = item.asstr()[begin:end] if h5py.check_string_dtype(item.dtype) else item[begin:end]
        except (OSError, RuntimeError) as error:
            raise GenieGymError(f"{key} of episode {number} of {self.folder} is damaged: {error}.") from error
        return np.asarray(values)

    def image_keys(self) -> list[str]:
        """Of observations that are pictures: uint8 [T, H, W, 3]."""
        space = self.observation_space
        parts = {f"observations/{name}": part for name, part in space.items()} if isinstance(space, gym.spaces.Dict) else {}
        parts = parts or {"observations": space}
        return [
            key for key, part in parts.items()
            if isinstance(part, gym.spaces.Box) and part.dtype == np.uint8 and len(part.shape) == 3 and part.shape[2] == 3
        ]  # fmt: skip

    # Files

    def _open(self, name: str) -> h5py.File:
        """A file of the dataset, which stays open for a while; in a process that was forked off, anew."""
        if self._process != os.getpid():
            self._files, self._process = OrderedDict(), os.getpid()
        if name in self._files:
            self._files.move_to_end(name)
            return self._files[name]
        path = self.data / name
        try:
            file = open_hdf5(path)
        except OSError as error:
            raise GenieGymError(f"cannot read {path}: {error}.") from error
        self._files[name] = file
        if len(self._files) > MOST_OPEN:
            self._files.popitem(last=False)[1].close()
        return file

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_files": OrderedDict()}  # open files do not travel

    def close(self) -> None:
        for file in self._files.values():
            file.close()
        self._files.clear()

    def __enter__(self) -> MinariFolder:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def _inside(group: h5py.Group, key: str) -> Any:
    """What a group holds under a name, where no link on the way leads elsewhere; else None."""
    for part in key.split("/"):
        if not isinstance(group, h5py.Group) or not isinstance(group.get(part, getlink=True), h5py.HardLink):
            return None
        group = group[part]
    return group


def check_alike(datasets: Sequence[MinariFolder]) -> None:
    """Raises `GenieGymError` unless all have the same observations and actions."""
    first = datasets[0]
    for other in datasets[1:]:
        for what in ("observation_space", "action_space"):
            if getattr(other, what) != getattr(first, what):
                raise GenieGymError(f"{other.folder} has another {what.replace('_', ' ')} than {first.folder}.")
