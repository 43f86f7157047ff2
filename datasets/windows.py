"""Windows of consecutive frames across datasets, for training: a map-style torch `Dataset` that is fast at random, and an
order for sets that are larger than memory.

Frames are read past HDF5's pipeline: where their chunks lie is asked once, then they are read from the file and inflated
here, which is several times faster. What HDF5's checksums would tell `verify` tells.

Legend: F frames of a window, T frames of an episode.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch.utils.data import Dataset, Sampler

from genie_gym.datasets.chunks import CHECKSUM, chunk_values
from genie_gym.datasets.minari_reader import MinariFolder, check_alike
from genie_gym.errors import GenieGymError

CACHE = 256_000_000  # bytes of inflated chunks, in each process
MOST_KNOWN, MOST_FILES = 20_000, 128  # values of episodes whose place is remembered, files that are open


class Windows(Dataset[dict[str, torch.Tensor]]):
    """All windows of `frames` consecutive frames of some datasets.

    Item: a dict of tensors. Of keys that have a value a frame (observations, infos) [F, …], of those that have one a step
    (actions, rewards, terminations, truncations) [F - 1, …]: those between the frames. Safe with workers of a `DataLoader`.

    Args:
        folders: of datasets with the same observations and actions. frames: F. keys: "observations" (all of them),
            "observations/NAME", "actions", "rewards", "terminations", "truncations", "infos/NAME". stride: of the first
            frames. cache: bytes of inflated frames that are kept, in each process.

    Raises:
        GenieGymError: there is no dataset, no such key, or no window.

    Example:
        loader = DataLoader(Windows("data/coinrun-v0", frames=16), batch_size=32, shuffle=True, num_workers=2)
    """

    def __init__(
        self,
        folders: str | Path | Sequence[str | Path],
        frames: int = 16,
        keys: Sequence[str] = ("observations", "actions", "rewards"),
        stride: int = 1,
        cache: int = CACHE,
    ):
        if frames < 1 or stride < 1:
            raise GenieGymError(f"windows have at least one frame and a stride of at least 1; got {frames} and {stride}.")
        given = [folders] if isinstance(folders, str | Path) else list(folders)
        self.datasets = [MinariFolder(folder) for folder in given]
        if not self.datasets:
            raise GenieGymError("windows are of at least one dataset.")
        check_alike(self.datasets)
        self.frames, self.stride = frames, stride
        self._episodes = [(dataset, number) for dataset in self.datasets for number in range(len(dataset))]
        lengths = np.concatenate([dataset.lengths for dataset in self.datasets]) + 1
        self.counts = np.maximum(0, (lengths - frames) // stride + 1)
        """int64: the windows of each episode."""
        self._ends = np.cumsum(self.counts)
        if not len(self):
            raise GenieGymError(f"no episode has {frames} frames; the longest has {lengths.max(initial=0)}.")
        self.keys = self._all_keys(keys)
        self._cache = _Cache(cache)

    def _all_keys(self, keys: Sequence[str]) -> list[str]:
        """With "observations" taken apart where there are several."""
        dataset, number = self._episodes[int(np.argmax(self.counts > 0))]
        there = dataset.keys(number)
        found = []
        for key in keys:
            inside = [name for name in there if name == key or name.startswith(f"{key}/")]
            if not inside:
                raise GenieGymError(f"{dataset.folder} holds no {key!r}; it holds {', '.join(there)}.")
            found += inside
        return list(dict.fromkeys(found))

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def where(self, index: int) -> tuple[int, int]:
        """The episode (counted over all datasets) and the first frame of a window.

        Raises:
            IndexError: there is no such window.
        """
        if not -len(self) <= index < len(self):
            raise IndexError(f"there are {len(self)} windows; got {index}")
        index %= len(self)
        episode = int(np.searchsorted(self._ends, index, side="right"))
        before = int(self._ends[episode - 1]) if episode else 0
        return episode, (index - before) * self.stride

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        episode, begin = self.where(index)
        return {key: torch.from_numpy(self._read(episode, key, begin)) for key in self.keys}

    def _read(self, episode: int, key: str, begin: int) -> np.ndarray:
        has_one_a_frame = key.split("/")[0] in ("observations", "infos")
        return self._cache.read(self._episodes[episode], key, begin, begin + self.frames - (0 if has_one_a_frame else 1))


@dataclass
class _Chunks:
    """Where the values of one dataset of HDF5 lie: chunks of `size` values at these places (offset, bytes) of a file."""

    file: str
    places: list[tuple[int, int]]
    size: int
    shape: tuple[int, ...]
    dtype: np.dtype
    gzip: bool
    shuffle: bool
    has_checksum: bool

    def read(self, number: int, file: int) -> np.ndarray:
        """One chunk, out of the opened file."""
        offset, count = self.places[number]
        raw = os.pread(file, count - (CHECKSUM if self.has_checksum else 0), offset)
        return chunk_values(raw, self.dtype, (self.size, *self.shape), self.gzip, self.shuffle)


class _Cache:
    """Values of episodes, by key: chunks of frames as long as there is room, what is small whole."""

    def __init__(self, most: int):
        self.most = most
        self._process = os.getpid()
        self._forget()

    def _forget(self) -> None:
        self._chunks: OrderedDict[tuple[Any, ...], np.ndarray] = OrderedDict()
        self._bytes = 0
        self._known: OrderedDict[tuple[Any, ...], _Chunks | np.ndarray] = OrderedDict()
        self._files: OrderedDict[str, int] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        return {"most": self.most}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["most"])  # type: ignore[misc]

    def read(self, episode: tuple[MinariFolder, int], key: str, begin: int, end: int) -> np.ndarray:
        if self._process != os.getpid():
            self._process = os.getpid()
            self._forget()
        dataset, number = episode
        name = (str(dataset.folder), number, key)
        if name not in self._known:
            self._known[name] = self._look(dataset, number, key)
            if len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
        known = self._known[name]
        if isinstance(known, np.ndarray):
            return known[begin:end].copy()
        found = np.empty((end - begin, *known.shape), known.dtype)
        for place in range(begin // known.size, -(-end // known.size)):
            first = place * known.size
            low, high = max(begin, first), min(end, first + known.size)
            found[low - begin : high - begin] = self._chunk(name, known, place)[low - first : high - first]
        return found

    def _chunk(self, name: tuple[Any, ...], known: _Chunks, place: int) -> np.ndarray:
        wanted = (*name, place)
        if wanted in self._chunks:
            self._chunks.move_to_end(wanted)
            return self._chunks[wanted]
        try:
            chunk = known.read(place, self._file(known.file))
        except (GenieGymError, OSError) as error:
            raise GenieGymError(f"{name[2]} of episode {name[1]} of {name[0]} is damaged: {error}.") from error
        self._chunks[wanted] = chunk
        self._bytes += chunk.nbytes
        while self._bytes > self.most and len(self._chunks) > 1:
            self._bytes -= self._chunks.popitem(last=False)[1].nbytes
        return chunk

    def _file(self, path: str) -> int:
        if path in self._files:
            self._files.move_to_end(path)
            return self._files[path]
        self._files[path] = os.open(path, os.O_RDONLY)
        if len(self._files) > MOST_FILES:
            os.close(self._files.popitem(last=False)[1])
        return self._files[path]

    def _look(self, dataset: MinariFolder, number: int, key: str) -> _Chunks | np.ndarray:
        """Where the chunks lie, of what is stored as frames are; else the values."""
        item = dataset.item(number, key)
        if not _is_plain(item):
            return dataset.read(number, key)
        found = item.id
        places = []
        for first in range(0, len(item), item.chunks[0]):
            info = found.get_chunk_info_by_coord((first, *[0] * (item.ndim - 1)))
            if info.byte_offset is None or info.filter_mask:
                return dataset.read(number, key)
            places.append((info.byte_offset, info.size))
        return _Chunks(
            str(item.file.filename), places, item.chunks[0], item.shape[1:], item.dtype,
            item.compression == "gzip", bool(item.shuffle), bool(item.fletcher32),
        )  # fmt: skip

    def __del__(self) -> None:
        for file in getattr(self, "_files", {}).values():
            os.close(file)


def _is_plain(item: h5py.Dataset) -> bool:
    """Whether chunks hold whole values, and nothing was done to them but what `chunk_values` undoes."""
    if item.chunks is None or item.ndim < 2 or item.chunks[1:] != item.shape[1:]:
        return False
    return item.compression in (None, "gzip") and item.dtype.kind in "biuf" and item.scaleoffset is None


class InShards(Sampler[int]):
    """An order for sets that are larger than memory: episodes are taken in a drawn order, some at a time, and the windows of
    those are mixed, so that each file is read once an epoch.

    Args:
        windows: to be ordered. at_once: episodes that are mixed. seed: of the order; epochs differ.

    Example:
        DataLoader(windows, batch_size=32, sampler=InShards(windows))
    """

    def __init__(self, windows: Windows, at_once: int = 64, seed: int = 0):
        if at_once < 1:
            raise GenieGymError(f"at least one episode is read at a time; got {at_once}.")
        self.windows, self.at_once, self.seed, self.epoch = windows, at_once, seed, 0

    def __len__(self) -> int:
        return len(self.windows)

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng([self.seed, self.epoch])
        self.epoch += 1
        counts = self.windows.counts
        ends = np.cumsum(counts)
        order = rng.permutation(len(counts))
        for k in range(0, len(order), self.at_once):
            part = order[k : k + self.at_once]
            mixed = np.concatenate([np.arange(ends[one] - counts[one], ends[one]) for one in part])
            rng.shuffle(mixed)
            yield from mixed.tolist()
