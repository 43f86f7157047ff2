"""Minari's on-disk layout, written directly: shards of episodes joined by external links.

    DIR/data/shard-00000.hdf5   episode_0 … : attrs id, seed, total_steps; observations [T+1, …], actions, rewards,
                                terminations, truncations [T]; what else is known of it (prompt, spec, task, reached …);
                                infos/NAME [T+1]; of episodes in which something happened infos/events: JSON arrays of
                                the events that first show in each observation, "" where there is none; state: the world
                                at the beginning, where that was asked for
    DIR/data/main_data.hdf5     episode_i -> ExternalLink (fails loudly when a shard is missing)
    DIR/data/metadata.json      what the dataset says about itself (`minari_metadata`)
    DIR/manifest.json           the settings, and each finished shard's checksum: what resuming trusts

A shard is written under another name and renamed when whole, and so is `data`: until all is there it is `.data.part`, which
Minari does not see. Afterwards the dataset is Minari's to change: what it adds (episodes in main_data.hdf5, attributes of
episodes, keys of the metadata) is kept by a repair. Layout and traps: Minari 0.5 (Younis et al. 2024).
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from filelock import FileLock, Timeout
from minari.namespace import create_namespace, list_local_namespaces

from genie_gym.datasets.chunks import GZIP, write_frames
from genie_gym.datasets.minari_place import INSIDE, DatasetPlace, dataset_place
from genie_gym.errors import GenieGymError
from genie_gym.files import MANIFEST_FILE, beside, open_hdf5, part_of, read_json, sha256, write_json, write_text

LAYOUT = 2
MAIN_FILE, METADATA_FILE, LOCK_FILE = "main_data.hdf5", "metadata.json", ".writer.lock"


@dataclass
class Trajectory:
    """One episode: observations [T+1, …] (or a dict of such), actions, rewards and ends [T]; infos, by name, [T+1]: arrays,
    or lists of texts. about: what else is known of it, attributes of its group. state: what its world was at the beginning
    (`State.to_bytes`)."""

    index: int
    seed: int | None
    observations: Any
    actions: np.ndarray
    rewards: np.ndarray
    terminations: np.ndarray
    truncations: np.ndarray
    infos: dict[str, Any] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)
    state: bytes | None = None

    @property
    def steps(self) -> int:
        return len(self.actions)


@dataclass(frozen=True)
class ShardFile:
    """What is known of a shard: its checksum, the numbers and lengths of its episodes, which of them reached their goal, and
    how it came about (`tally`: how many episodes were played, reached their goal, were left out and why)."""

    sha256: str
    episodes: tuple[int, ...]
    lengths: tuple[int, ...]
    reached: tuple[bool, ...]
    tally: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        known = dataclasses.asdict(self)
        return known | {"steps": sum(self.lengths)}

    @classmethod
    def from_json(cls, known: Mapping[str, Any]) -> ShardFile:
        """Of what a manifest says; older ones say less."""
        episodes = tuple(known["episodes"])
        lengths = tuple(known.get("lengths") or (known["steps"], *[0] * (len(episodes) - 1))[: len(episodes)])
        reached = tuple(known.get("reached") or [False] * len(episodes))
        return cls(known["sha256"], episodes, lengths, reached, dict(known.get("tally") or {"played": len(episodes)}))


def write_shard(
    path: Path, episodes: Sequence[Trajectory], tally: Mapping[str, Any] | None = None, compression: str = GZIP
) -> ShardFile:
    """Writes these episodes into one file: whole or not at all. `compression`: see `chunks.write_frames`.

    Raises:
        GenieGymError: it cannot be written.
    """
    episodes = sorted(episodes, key=lambda one: one.index)
    with _shard(path) as file:
        for episode in episodes:
            _write_episode(file, episode, compression)
    return ShardFile(
        sha256(path), tuple(one.index for one in episodes), tuple(one.steps for one in episodes),
        tuple(bool(one.about.get("reached")) for one in episodes), dict(tally or {"played": len(episodes)}),
    )  # fmt: skip


def copy_shard(path: Path, episodes: Iterable[tuple[int, h5py.Group]]) -> ShardFile:
    """Writes copies of these groups into one file, under other numbers.

    Raises:
        GenieGymError: it cannot be written, or a group cannot be read.
    """
    numbers, lengths, reached = [], [], []
    with _shard(path) as file:
        for number, group in episodes:
            group.file.copy(group, file, f"episode_{number}")
            file[f"episode_{number}"].attrs["id"] = number
            numbers.append(number)
            lengths.append(int(group.attrs["total_steps"]))
            reached.append(bool(group.attrs.get("reached", False)))
    return ShardFile(sha256(path), tuple(numbers), tuple(lengths), tuple(reached), {"played": len(numbers)})


@contextmanager
def _shard(path: Path) -> Iterator[h5py.File]:
    """A new file, there once it is whole."""
    try:
        with beside(path) as part, open_hdf5(part, "w") as file:
            yield file
    except (OSError, RuntimeError) as error:
        reason = str(error).split(" (")[0]  # without what HDF5 knows of itself
        raise GenieGymError(
            f"could not write {path}: {reason} (is the disk full?). Finished shards are kept; go on with --resume."
        ) from error


def shard_name(number: int) -> str:
    return f"shard-{number:05d}.hdf5"


def shard_number(name: str) -> int:
    return int(Path(name).stem.removeprefix("shard-"))


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
        self.shards: dict[str, ShardFile] = {}
        self.count: int | None = None  # of the episodes that belong to the dataset; None: all
        self.changed = False  # whether this run wrote a shard
        self._lock: FileLock | None = None
        try:
            self.settings = json.loads(json.dumps(settings))  # as they are read back: tuples are lists then
        except TypeError as error:
            raise GenieGymError(f"these settings cannot be written beside the dataset: {error}.") from error
        self._resume = resume
        self._is_new = not self.folder.exists()
        _read_manifest(Path(out))  # the name without a version that older datasets have
        if not self._take_up() and self.folder.exists() and any(path.name != LOCK_FILE for path in self.folder.iterdir()):
            raise GenieGymError(f"{self.folder} is not empty and holds no dataset; choose another --out.")

    def begin(self) -> None:
        """Makes the folder, and clears away what a kill left half-written.

        Raises:
            GenieGymError: another process is writing there.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self.folder / LOCK_FILE)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            self._lock = None
            raise GenieGymError(f"{self.folder} is being written by another process; wait, or give another --out.") from None
        try:
            self._take_up()  # again: another process may have been done meanwhile
        except GenieGymError:
            self.close()
            raise
        self.data = self.finished if self.finished.is_dir() else part_of(self.finished)
        self.data.mkdir(exist_ok=True)
        for leftover in self.data.glob(part_of("*.*").name):
            leftover.unlink()
        self._write_manifest()

    def close(self) -> None:
        """Lets others write there."""
        if self._lock is not None:
            (self.folder / LOCK_FILE).unlink(missing_ok=True)
            self._lock.release()
            self._lock = None

    def abandon(self) -> None:
        """Removes what `begin` made, where no shard has been written since."""
        if self._is_new and not self.shards and not any(self.data.glob("shard-*.hdf5")) and self.data != self.finished:
            shutil.rmtree(self.data, ignore_errors=True)
            self.manifest_path.unlink(missing_ok=True)
            self.close()
            with suppress(OSError):  # something else lies there
                self.folder.rmdir()

    def _take_up(self) -> bool:
        """Goes on with the dataset in the folder; False where there is none."""
        known = _read_manifest(self.folder)
        if known is None:
            return False
        if not self._resume:
            raise GenieGymError(f"{self.folder} holds a dataset already; pass --resume to go on, or another --out.")
        self._go_on(known)
        return True

    def _go_on(self, known: dict[str, Any]) -> None:
        settings = known["settings"]
        if settings != self.settings:
            names = settings.keys() | self.settings.keys()
            changed = sorted(k for k in names if settings.get(k) != self.settings.get(k))
            raise GenieGymError(f"{self.folder} was begun with other settings ({', '.join(changed)}); give the same ones.")
        try:
            self.shards = {name: ShardFile.from_json(one) for name, one in known["shards"].items()}
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise GenieGymError(f"{self.manifest_path} is damaged ({type(error).__name__}: {error}).") from error

    def whole_shards(self) -> set[int]:
        """The numbers of the shards that are there, whole: with the checksum that they were written with, or, where Minari
        has since changed one (`update_episode_metadata` does), all readable. The others are forgotten."""
        for name, known in list(self.shards.items()):
            path = self.data / name
            if not (path.is_file() and (sha256(path) == known.sha256 or _is_readable(path, known.episodes))):
                del self.shards[name]
        return {shard_number(name) for name in self.shards}

    def note_shard(self, number: int, shard: ShardFile) -> None:
        """A shard has been written."""
        self.shards[shard_name(number)] = shard
        self.changed = True
        self._write_manifest()

    def keep_shards(self, count: int) -> None:
        """Forgets, and deletes, all but the first ones."""
        wanted = {shard_name(number) for number in range(count)}
        for name in [name for name in self.shards if name not in wanted]:
            del self.shards[name]
        self._write_manifest()
        for path in self.data.glob("shard-*.hdf5"):
            if path.name not in wanted:
                path.unlink()

    def finish(self, metadata: dict[str, Any], count: int | None = None) -> None:
        """Joins the shards, or the first `count` of their episodes, into a dataset that `minari.load_dataset` opens;
        `metadata` is `dataset_metadata`'s. Episodes are counted from 0, whatever was left out in between.

        Of a dataset that was finished before, only what was lost is made anew.
        """
        main, described = self.data / MAIN_FILE, self.data / METADATA_FILE
        self.count = count
        added = _added_episodes(main)
        if added is None:
            with beside(main) as part, open_hdf5(part, "w") as file:
                for number, (name, index, _) in enumerate(self._episodes()):
                    file[f"episode_{number}"] = h5py.ExternalLink(name, f"episode_{index}")
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

    def _episodes(self) -> list[tuple[str, int, int]]:
        """The shard, number and length of each episode."""
        named = sorted(self.shards.items())
        found = [(name, *one) for name, shard in named for one in zip(shard.episodes, shard.lengths, strict=True)]
        return found[: self.count]

    @property
    def num_episodes(self) -> int:
        return len(self._episodes())

    @property
    def num_steps(self) -> int:
        return sum(length for *_, length in self._episodes())

    @property
    def tally(self) -> dict[str, Any]:
        """What became of the episodes of all shards: how many were played, reached their goal, and were left out and why."""
        found: dict[str, Any] = {"played": 0, "reached": 0, "left_out": {}}
        for shard in self.shards.values():
            found["played"] += shard.tally["played"]
            found["reached"] += shard.tally.get("reached", 0)
            for reason, number in shard.tally.get("left_out", {}).items():
                found["left_out"][reason] = found["left_out"].get(reason, 0) + number
        return found

    def _write_manifest(self) -> None:
        shards = {name: shard.to_json() for name, shard in sorted(self.shards.items())}
        write_json(self.manifest_path, {"layout": LAYOUT, "settings": self.settings, "shards": shards})


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


def _is_readable(path: Path, episodes: Sequence[int]) -> bool:
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


def _write_episode(file: h5py.File, episode: Trajectory, compression: str) -> None:
    group = file.create_group(f"episode_{episode.index}")
    seed = {} if episode.seed is None else {"seed": episode.seed}
    group.attrs.update(episode.about | seed | {"id": episode.index, "total_steps": episode.steps})
    _write_observations(group, "observations", episode.observations, compression)
    for key in ("actions", "rewards", "terminations", "truncations"):
        values = getattr(episode, key)
        group.create_dataset(key, data=values, chunks=values.shape, maxshape=(None, *values.shape[1:]), fletcher32=True)
    infos = group.create_group("infos") if episode.infos else group
    for name, values in episode.infos.items():
        if isinstance(values, list):
            texts = np.array(values, dtype=object)
            infos.create_dataset(name, data=texts, dtype=h5py.string_dtype(), chunks=texts.shape, maxshape=(None,))
        else:
            write_frames(infos, name, values, compression)
    if episode.state is not None:
        group.create_dataset("state", data=np.frombuffer(episode.state, np.uint8), compression="gzip", fletcher32=True)


def _write_observations(group: h5py.Group, name: str, values: Any, compression: str) -> None:
    """Dictionaries become groups, as in Minari."""
    if isinstance(values, dict):
        inner = group.create_group(name)
        for key, part in values.items():
            _write_observations(inner, key, part, compression)
        return
    write_frames(group, name, values, compression)
