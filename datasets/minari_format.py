"""Minari's on-disk layout, written directly: shards of episodes joined by external links.

    DIR/data/shard-00000.hdf5   episode_0 … : attrs id, seed, total_steps; observations [T+1, …], actions, rewards,
                                terminations, truncations [T]; of episodes in which something happened infos/events [T+1]:
                                JSON arrays of the events that first show in each observation, "" where there is none
    DIR/data/main_data.hdf5     episode_i -> ExternalLink (fails loudly when a shard is missing)
    DIR/data/metadata.json      what the dataset says about itself (`minari_metadata`)
    DIR/manifest.json           the settings, and each finished shard's checksum: what resuming trusts

A shard is written under another name and renamed when whole, and so is `data`: until all is there it is `.data.part`, which
Minari does not see. Afterwards the dataset is Minari's to change: what it adds (episodes in main_data.hdf5, attributes of
episodes, keys of the metadata) is kept by a repair. Layout and traps: Minari 0.5 (Younis et al. 2024).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from minari.namespace import create_namespace, list_local_namespaces

from genie_gym.datasets.minari_place import INSIDE, DatasetPlace, dataset_place
from genie_gym.datasets.play import Played
from genie_gym.datasets.video import write_frames
from genie_gym.errors import GenieGymError
from genie_gym.files import MANIFEST_FILE, beside, open_hdf5, part_of, read_json, sha256, write_json, write_text

LAYOUT = 2
MAIN_FILE, METADATA_FILE = "main_data.hdf5", "metadata.json"


@dataclass
class Trajectory:
    """One episode: observations [T+1, …] (or a dict of such), events [T+1] (None: nothing happened), the rest [T]."""

    index: int
    seed: int | None
    observations: Any
    actions: np.ndarray
    rewards: np.ndarray
    terminations: np.ndarray
    truncations: np.ndarray
    events: list[str] | None = None

    @classmethod
    def of(cls, episode: Played) -> Trajectory:
        ends = np.zeros((2, len(episode.actions)), dtype=bool)
        # An end just as time ran out is an end: readers such as d3rlpy take an episode to be one or the other.
        ends[:, -1] = episode.terminated, episode.truncated and not episode.terminated
        return cls(
            index=episode.assignment.index,
            seed=episode.assignment.seed,
            observations=_stack(episode.observations),
            actions=np.stack(episode.actions),
            rewards=np.asarray(episode.rewards, dtype=np.float64),
            terminations=ends[0],
            truncations=ends[1],
            events=["", *episode.events] if any(episode.events) else None,
        )

    @property
    def steps(self) -> int:
        return len(self.actions)


def _stack(observations: list[Any]) -> Any:
    """Observations of one step after the other, as one array or a dict of arrays."""
    first = observations[0]
    if isinstance(first, dict):
        return {name: _stack([observation[name] for observation in observations]) for name in first}
    return np.stack(observations)


class MinariWriter:
    """Writes shards, after `begin()` and in any order, and the files that join them at the end.

    Args:
        out: the dataset's folder, see `dataset_place`. settings: what its episodes depend on. resume: go on with it.

    Raises:
        GenieGymError: a name that Minari does not take; a folder that holds something else, or a dataset where `resume` is
            false; other settings than those it was begun with.
    """

    def __init__(self, out: str | Path, settings: dict[str, Any], resume: bool = False):
        self.place: DatasetPlace = dataset_place(out)
        self.folder = self.place.folder
        self.finished = self.folder / INSIDE
        self.data = self.finished if self.finished.is_dir() else part_of(self.finished)
        self.manifest_path = self.folder / MANIFEST_FILE
        self.shards: dict[str, dict[str, Any]] = {}
        self.changed = False  # whether this run wrote a shard
        try:
            self.settings = json.loads(json.dumps(settings))  # as they are read back: tuples are lists then
        except TypeError as error:
            raise GenieGymError(f"these settings cannot be written beside the dataset: {error}.") from error
        _read_manifest(Path(out))  # the name without a version that older datasets have
        known = _read_manifest(self.folder)
        if known is not None:
            if not resume:
                raise GenieGymError(f"{self.folder} holds a dataset already; pass --resume to go on, or another --out.")
            self._go_on(known)
        elif self.folder.exists() and any(self.folder.iterdir()):
            raise GenieGymError(f"{self.folder} is not empty and holds no dataset; choose another --out.")

    def begin(self) -> None:
        """Makes the folder, and clears away what a kill left half-written."""
        self.data.mkdir(parents=True, exist_ok=True)
        for leftover in self.data.glob(part_of("*.*").name):
            leftover.unlink()
        self._write_manifest()

    def _go_on(self, known: dict[str, Any]) -> None:
        if known["settings"] != self.settings:
            names = known["settings"].keys() | self.settings.keys()
            changed = sorted(k for k in names if known["settings"].get(k) != self.settings.get(k))
            raise GenieGymError(f"{self.folder} was begun with other settings ({', '.join(changed)}); give the same ones.")
        self.shards = known["shards"]

    def has_shard(self, number: int) -> bool:
        """Whether the shard is there, whole: with the checksum that it was written with, or, where Minari has since changed
        it (`update_episode_metadata` does), all readable."""
        known = self.shards.get(_shard_name(number))
        path = self.data / _shard_name(number)
        if known is None or not path.is_file():
            return False
        return sha256(path) == known["sha256"] or _is_readable(path, known["episodes"])

    def write_shard(self, number: int, episodes: list[Trajectory]) -> None:
        path = self.data / _shard_name(number)
        try:
            with beside(path) as part, open_hdf5(part, "w") as file:
                for episode in sorted(episodes, key=lambda e: e.index):
                    _write_episode(file, episode)
        except OSError as error:
            raise GenieGymError(
                f"could not write {path}: {error} (is the disk full?). Finished shards are kept; go on with --resume."
            ) from error
        self.shards[path.name] = {
            "sha256": sha256(path),
            "episodes": [e.index for e in sorted(episodes, key=lambda e: e.index)],
            "steps": sum(e.steps for e in episodes),
        }
        self.changed = True
        self._write_manifest()

    def finish(self, metadata: dict[str, Any]) -> None:
        """Joins the shards into a dataset that `minari.load_dataset` opens; `metadata` is `dataset_metadata`'s.

        Of a dataset that was finished before, only what was lost is made anew.
        """
        main, described = self.data / MAIN_FILE, self.data / METADATA_FILE
        added = _added_episodes(main)
        if added is None:
            with beside(main) as part, open_hdf5(part, "w") as file:
                for name in sorted(self.shards):
                    for index in self.shards[name]["episodes"]:
                        file[f"episode_{index}"] = h5py.ExternalLink(name, f"episode_{index}")
        before = read_json(described) if described.is_file() else {}
        if (
            added is not None
            and self.data == self.finished
            and not self.changed
            and before.get("dataset_id") == self.place.id
        ):
            return
        metadata = (
            metadata
            | before
            | {
                "dataset_id": self.place.id,
                "total_episodes": self.num_episodes + len(added or []),
                "total_steps": self.num_steps + sum(added or []),
            }
        )
        sizes = [path.stat().st_size for path in self.data.iterdir() if path != described]
        megabytes = round((sum(sizes) + len(json.dumps(metadata))) / 1e6, 1)
        write_text(described, json.dumps(metadata | {"dataset_size": megabytes}))
        if self.data != self.finished:
            self.data = self.data.rename(self.finished)
        if self.place.namespace is not None and self.place.namespace not in list_local_namespaces():
            create_namespace(self.place.namespace)

    @property
    def num_episodes(self) -> int:
        return sum(len(shard["episodes"]) for shard in self.shards.values())

    @property
    def num_steps(self) -> int:
        return sum(shard["steps"] for shard in self.shards.values())

    def _write_manifest(self) -> None:
        write_json(self.manifest_path, {"layout": LAYOUT, "settings": self.settings, "shards": self.shards})


def _read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of the dataset in `folder`, if there is one.

    Raises:
        GenieGymError: it was written before ids had versions: Minari can neither list nor combine it.
    """
    path = folder / MANIFEST_FILE
    known = read_json(path) if path.is_file() else {}
    if not {"settings", "shards"} <= known.keys():
        return None
    if known.get("layout") != LAYOUT:
        raise GenieGymError(
            f"{folder} is a dataset in an older layout, which Minari cannot list: delete or move it away, and generate anew."
        )
    return known


def _is_readable(path: Path, episodes: list[int]) -> bool:
    """Whether every value of these episodes can be read; HDF5's own checksums tell."""
    try:
        with open_hdf5(path) as file:
            for index in episodes:
                file[f"episode_{index}"].visititems(_read)
    except (OSError, KeyError, RuntimeError):
        return False
    return True


def _read(_: str, item: h5py.Group | h5py.Dataset) -> None:
    if isinstance(item, h5py.Dataset):
        item[()]


def _added_episodes(main: Path) -> list[int] | None:
    """The steps of each episode that Minari added to a dataset and no shard holds; None where there is no main file."""
    try:
        with open_hdf5(main) as file:
            own = [name for name in file if isinstance(file.get(name, getlink=True), h5py.HardLink)]
            return [int(file[name].attrs["total_steps"]) for name in own]
    except OSError:
        return None


def _shard_name(number: int) -> str:
    return f"shard-{number:05d}.hdf5"


def _write_episode(file: h5py.File, episode: Trajectory) -> None:
    group = file.create_group(f"episode_{episode.index}")
    group.attrs.update(id=episode.index, seed=episode.seed, total_steps=episode.steps)
    _write_observations(group, "observations", episode.observations)
    for key in ("actions", "rewards", "terminations", "truncations"):
        values = getattr(episode, key)
        group.create_dataset(key, data=values, chunks=values.shape, maxshape=(None, *values.shape[1:]), fletcher32=True)
    if episode.events is not None:
        texts = np.array(episode.events, dtype=object)
        infos = group.create_group("infos")
        infos.create_dataset("events", data=texts, dtype=h5py.string_dtype(), chunks=texts.shape, maxshape=(None,))


def _write_observations(group: h5py.Group, name: str, values: Any) -> None:
    """Dictionaries become groups, as in Minari."""
    if isinstance(values, dict):
        inner = group.create_group(name)
        for key, part in values.items():
            _write_observations(inner, key, part)
        return
    write_frames(group, name, values)
