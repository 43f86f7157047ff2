"""Writes a Minari dataset as a LeRobot dataset (v3.0), for its policies, its viewer and the hub.

    OUT/meta/info.json, stats.json, tasks.parquet, episodes/chunk-000/file-000.parquet
    OUT/data/chunk-000/file-000.parquet                  one row a frame, one row group an episode
    OUT/videos/observation.images.NAME/chunk-000/file-000.mp4

An episode of T actions has T frames, the first T of its T + 1 observations: LeRobot pairs what is seen with what is done.

    observation.images.NAME   colours, and of LeRobot 0.6 on `depth` in metres
    observation.state         all other numbers that are observed, one after another (a pose is its 16 numbers)
    action                    float32: the vector, or the number of the key; with `one_hot` one number a key
    next.reward, next.done, next.truncated; next.success where the dataset says which episodes reached their goal

Layout: LeRobot 0.6.1 (Cadene et al. 2024).
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from jaxtyping import Float32

from genie_gym.datasets.exports.contents import (
    Contents,
    instruction_of,
    key_of,
    read_depths,
    read_pictures,
    read_values,
    steps_of,
)
from genie_gym.datasets.exports.episodes import new_folder
from genie_gym.datasets.exports.lerobot_stats import Stats, as_lists, joined, stats_of_values
from genie_gym.datasets.exports.lerobot_videos import FILE_MEGABYTES, FILES_A_CHUNK, Again, Colours, Depths, VideoFiles
from genie_gym.datasets.interrupt import Interrupt
from genie_gym.datasets.minari_reader import MinariFolder
from genie_gym.errors import GenieGymError
from genie_gym.files import write_json, write_text
from genie_gym.progress import progress

VERSION = "v3.0"
DATA_MEGABYTES = 100
EPISODES_TOGETHER = 500  # rows of meta/episodes in memory
MOST_KEYS = 4096
DATA = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEOS = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
EPISODES = "meta/episodes/chunk-000/file-000.parquet"
INDICES = {"timestamp": "float32", "frame_index": "int64", "episode_index": "int64", "index": "int64", "task_index": "int64"}
NEEDS = "LeRobot datasets are Parquet files; pip install 'genie-gym[lerobot]' (pyarrow)."
CARD = """---
tags: [LeRobot, genie-gym]
task_categories: [robotics]
configs:
- config_name: default
  data_files: data/*/*.parquet
---
{name} as a [LeRobot](https://github.com/huggingface/lerobot) dataset ({version}), written by genie_gym.
"""

Columns = dict[str, np.ndarray]  # [T, k], float32, int64 or bool


def export_lerobot(
    dataset: MinariFolder, out: Path, fps: float | None = None, one_hot: bool = False, depth: bool = True
) -> str:
    """Writes the dataset to the folder `out`, whole or not at all. Returns what was written, and how near it is.

    Args:
        fps: frames a second; None is the dataset's own rate.
        one_hot: keys as vectors, 1 for the one that is pressed: LeRobot's policies take no actions of a single number.
        depth: whether depths are written. Policies that look at all pictures with one network of three channels (ACT) take
            none.

    Raises:
        GenieGymError: there is something in `out`, the dataset is empty or damaged, or pyarrow is missing.
    """
    rate = dataset.fps if fps is None else fps
    if not 0 < rate <= 1000:
        raise GenieGymError(f"fps is a number of frames a second above 0, at most 1000; got {rate}.")
    if not len(dataset):
        raise GenieGymError(f"{dataset.folder} holds no episodes; there is nothing to export.")
    import_pyarrow()
    with new_folder(out) as part, Interrupt() as interrupt:
        writer = _Writer(dataset, part, Fraction(rate).limit_denominator(10**6), one_hot, depth)
        for number in progress(range(len(dataset)), unit="episode", desc="export"):
            interrupt.check()
            writer.append(number)
        said = writer.finish()
    return f"{out}: {said}"


def import_pyarrow() -> Any:
    """`pyarrow` with its Parquet.

    Raises:
        GenieGymError: it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise GenieGymError(NEEDS) from error
    return pyarrow


@dataclass(frozen=True)
class _Actions:
    """How actions are written: `width` numbers, for keys their number or one for each."""

    width: int
    names: list[str]
    first: int | None = None
    """The number of the first key; None where actions are no keys."""
    keys: int = 0
    one_hot: bool = False
    meanings: list[str] | None = None

    @classmethod
    def of(cls, dataset: MinariFolder, one_hot: bool) -> _Actions:
        space, meanings = dataset.action_space, dataset.action_meanings
        if isinstance(space, gym.spaces.Discrete):
            keys, first = int(space.n), int(space.start)
            if not one_hot:
                return cls(1, ["key"], first, keys, False, meanings)
            if keys > MOST_KEYS:
                raise GenieGymError(f"{keys} keys are too many for a number each (at most {MOST_KEYS}); leave one_hot out.")
            named = meanings is not None and len(meanings) == keys
            return cls(
                keys, list(meanings or []) if named else [f"key_{k}" for k in range(keys)], first, keys, True, meanings
            )
        if one_hot:
            raise GenieGymError(f"{dataset.folder} has actions that are no keys; leave one_hot out.")
        if not isinstance(space, gym.spaces.Box | gym.spaces.MultiDiscrete | gym.spaces.MultiBinary):
            raise GenieGymError(f"LeRobot takes numbers as actions; {dataset.folder} has a {type(space).__name__}.")
        width = math.prod(space.shape)
        if not 0 < width <= MOST_KEYS:
            raise GenieGymError(f"actions of {width} numbers cannot be exported (1 to {MOST_KEYS} can).")
        return cls(width, _numbered("action", width))

    def columns(self, actions: np.ndarray) -> Float32[np.ndarray, "T k"]:
        values = actions.reshape(len(actions), -1).astype(np.float32)
        if values.shape[1] != (1 if self.one_hot else self.width):
            raise GenieGymError(f"actions of {values.shape[1]} numbers are none of their space; the dataset is damaged.")
        if not self.one_hot:
            return values
        pressed = values[:, 0].astype(np.int64) - (self.first or 0)
        if pressed.min() < 0 or pressed.max() >= self.keys:
            raise GenieGymError(f"actions hold keys beyond the {self.keys} that there are; the dataset is damaged.")
        return np.eye(self.keys, dtype=np.float32)[pressed]

    def feature(self) -> dict[str, Any]:
        found: dict[str, Any] = {"dtype": "float32", "shape": [self.width], "names": self.names}
        if self.first is not None:  # so that they can be read as keys again
            keys = {"keys": self.keys, "first": self.first, "one_hot": self.one_hot, "meanings": self.meanings}
            found["info"] = keys
        return found


@dataclass
class _Writer:
    """The files of a dataset that is being written into `folder`."""

    dataset: MinariFolder
    folder: Path
    rate: Fraction
    one_hot: bool
    depth: bool
    frames: int = 0
    tasks: dict[str, int] = field(default_factory=dict)
    stats: dict[str, Stats] | None = None

    def __post_init__(self) -> None:
        contents = Contents.of(self.dataset.observation_space)
        self.contents = contents if self.depth else dataclasses.replace(contents, depths=())
        self.actions = _Actions.of(self.dataset, self.one_hot)
        self.videos = dict(self._videos())
        self.tells_success = all("reached" in self.dataset.about(number) for number in range(len(self.dataset)))
        self._data = _Rows(self.folder, DATA_MEGABYTES)
        self._episodes: Any = None
        self._waiting: list[dict[str, Any]] = []

    def _videos(self) -> Iterator[tuple[str, VideoFiles]]:
        for name in self.contents.pictures:
            first = next(read_pictures(self.dataset, 0, name, 1))[0]
            yield name, VideoFiles(self.folder, _feature(name, "rgb"), Colours(), first.shape[:2], self.rate)
        for name in self.contents.depths:
            first = next(read_depths(self.dataset, 0, name, 1))[0]
            coding = Depths.between(block for number in range(len(self.dataset)) for block in self._depths(number, name))
            yield name, VideoFiles(self.folder, _feature(name, "depth"), coding, first.shape, self.rate)

    def _depths(self, number: int, name: str) -> Iterator[np.ndarray]:
        return read_depths(self.dataset, number, name, steps_of(self.dataset, number))

    def _frames_of(self, number: int, name: str, steps: int) -> Again:
        read = read_depths if name in self.contents.depths else read_pictures
        return lambda: read(self.dataset, number, name, steps)

    def append(self, number: int) -> None:
        """Writes an episode."""
        steps = steps_of(self.dataset, number)
        text = instruction_of(self.dataset, number) or f"play {_environment(self.dataset)}"
        task = self.tasks.setdefault(text, len(self.tasks))
        columns = self._columns(number, steps) | {
            "timestamp": (np.arange(steps) / float(self.rate)).astype(np.float32)[:, None],
            "frame_index": np.arange(steps)[:, None],
            "episode_index": np.full((steps, 1), number),
            "index": np.arange(self.frames, self.frames + steps)[:, None],
            "task_index": np.full((steps, 1), task),
        }
        stats = {key: stats_of_values(values) for key, values in columns.items()}
        row: dict[str, Any] = {"episode_index": number, "tasks": [text], "length": steps}
        row |= {f"data/{name}": value for name, value in self._data.append(columns).items()}
        row |= {"dataset_from_index": self.frames, "dataset_to_index": self.frames + steps}
        for name, files in self.videos.items():
            place, stats[files.key] = files.append(self._frames_of(number, name, steps))
            row |= {f"videos/{files.key}/{what}": value for what, value in place.items()}
        for key, one in as_lists(stats).items():
            row |= {f"stats/{key}/{name}": value for name, value in one.items()}
        self._waiting.append(row | {"meta/episodes/chunk_index": 0, "meta/episodes/file_index": 0})
        self.stats = stats if self.stats is None else joined(self.stats, stats)
        self.frames += steps
        if len(self._waiting) >= EPISODES_TOGETHER:
            self._write_episodes()

    def _columns(self, number: int, steps: int) -> Columns:
        read = self.dataset
        found: Columns = {}
        if self.contents.vectors:
            parts = [self._vector(number, name, size, steps) for name, size in self.contents.vectors.items()]
            found["observation.state"] = np.concatenate(parts, axis=1)
        found["action"] = self.actions.columns(read_values(read, number, "actions", steps))
        ended, cut = (read_values(read, number, key, steps).astype(bool) for key in ("terminations", "truncations"))
        found["next.reward"] = read_values(read, number, "rewards", steps).astype(np.float32)[:, None]
        found["next.done"], found["next.truncated"] = (ended | cut)[:, None], cut[:, None]
        if self.tells_success:
            success = np.zeros((steps, 1), bool)
            success[-1] = bool(read.about(number)["reached"])
            found["next.success"] = success
        return found

    def _vector(self, number: int, name: str, size: int, steps: int) -> Float32[np.ndarray, "T k"]:
        values = read_values(self.dataset, number, key_of(name), steps)
        if values.dtype.kind not in "biuf" or values.size != steps * size:
            raise GenieGymError(f"{key_of(name)} of episode {number} of {self.dataset.folder} is not {size} numbers a step.")
        return values.reshape(steps, size).astype(np.float32)

    def _features(self) -> dict[str, Any]:
        found: dict[str, Any] = {files.key: files.feature() for files in self.videos.values()}
        if self.contents.vectors:
            names = [one for name, size in self.contents.vectors.items() for one in _numbered(name or "state", size)]
            found["observation.state"] = {"dtype": "float32", "shape": [len(names)], "names": names}
        found["action"] = self.actions.feature()
        kinds = {"next.reward": "float32", "next.done": "bool", "next.truncated": "bool"}
        kinds |= ({"next.success": "bool"} if self.tells_success else {}) | INDICES
        return found | {key: {"dtype": kind, "shape": [1], "names": None} for key, kind in kinds.items()}

    def finish(self) -> str:
        """Writes what describes the dataset. Returns what was written, in words."""
        for files in self.videos.values():
            files.close()
        self._data.close()
        self._write_episodes()
        self._episodes.close()
        write_tasks(self.folder / "meta" / "tasks.parquet", list(self.tasks))
        assert self.stats is not None
        write_json(self.folder / "meta" / "stats.json", as_lists(self.stats))
        rate = int(self.rate) if self.rate.denominator == 1 else float(self.rate)
        count = len(self.dataset)
        write_json(
            self.folder / "meta" / "info.json",
            {
                "codebase_version": VERSION, "fps": rate, "features": self._features(), "total_episodes": count,
                "total_frames": self.frames, "total_tasks": len(self.tasks), "chunks_size": FILES_A_CHUNK,
                "data_files_size_in_mb": DATA_MEGABYTES, "video_files_size_in_mb": FILE_MEGABYTES, "data_path": DATA,
                "video_path": VIDEOS if self.videos else None, "robot_type": None, "splits": {"train": f"0:{count}"},
            },
        )  # fmt: skip
        write_text(self.folder / "README.md", CARD.format(name=self.dataset.id, version=VERSION))
        told = [f"{count} episodes, {self.frames} frames, {rate:g} a second"]
        told += [f"{files.key.removeprefix('observation.images.')}: {files.coding.said()}" for files in self.videos.values()]
        if self.contents.left_out:
            told.append(f"left out, as LeRobot has no place for it: {', '.join(self.contents.left_out)}")
        return "; ".join(told)

    def _write_episodes(self) -> None:
        arrow = import_pyarrow()
        if not self._waiting:
            return
        table = arrow.Table.from_pylist(self._waiting, schema=None if self._episodes is None else self._episodes.schema)
        if self._episodes is None:
            path = self.folder / EPISODES
            path.parent.mkdir(parents=True, exist_ok=True)
            self._episodes = arrow.parquet.ParquetWriter(path, table.schema)
        self._episodes.write_table(table)
        self._waiting.clear()


class _Rows:
    """Parquet files of rows, a row group an episode, the next one where one is large enough."""

    def __init__(self, folder: Path, megabytes: int):
        self.folder, self.megabytes = folder, megabytes
        self._number = -1
        self._writer: Any = None

    def append(self, columns: Mapping[str, np.ndarray]) -> dict[str, int]:
        """In which file they are."""
        arrow = import_pyarrow()
        table = arrow.table({key: _column(arrow, values) for key, values in columns.items()})
        if self._writer is None or self._path.stat().st_size > self.megabytes << 20:
            self.close()
            self._number += 1
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = arrow.parquet.ParquetWriter(self._path, table.schema)
        self._writer.write_table(table)
        chunk, file = divmod(self._number, FILES_A_CHUNK)
        return {"chunk_index": chunk, "file_index": file}

    @property
    def _path(self) -> Path:
        chunk, file = divmod(self._number, FILES_A_CHUNK)
        return self.folder / DATA.format(chunk_index=chunk, file_index=file)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _column(arrow: Any, values: np.ndarray) -> Any:
    """One number a row as such, several as a list of fixed length: so LeRobot's `datasets` wants them."""
    flat = arrow.array(np.ascontiguousarray(values).reshape(-1))
    return flat if values.shape[1] == 1 else arrow.FixedSizeListArray.from_arrays(flat, values.shape[1])


def write_tasks(path: Path, tasks: list[str]) -> None:
    """The table of tasks, whose index pandas takes from `task`."""
    arrow = import_pyarrow()
    number = {"pandas_type": "int64", "numpy_type": "int64", "metadata": None}
    text = {"pandas_type": "unicode", "numpy_type": "object", "metadata": None}
    about = {
        "index_columns": ["task"],
        "column_indexes": [{"name": None, "field_name": None} | text | {"metadata": {"encoding": "UTF-8"}}],
        "columns": [
            {"name": "task_index", "field_name": "task_index"} | number,
            {"name": "task", "field_name": "task"} | text,
        ],
        "creator": {"library": "pyarrow", "version": arrow.__version__},
        "pandas_version": "2.0.0",
    }
    columns = {"task_index": arrow.array(range(len(tasks)), arrow.int64()), "task": arrow.array(tasks, arrow.string())}
    arrow.parquet.write_table(arrow.table(columns).replace_schema_metadata({"pandas": json.dumps(about)}), path)


def _feature(name: str, bare: str) -> str:
    return f"observation.images.{name.replace('/', '_') or bare}"  # names of features hold no slash


def _numbered(name: str, size: int) -> list[str]:
    name = name.replace("/", "_")
    return [name] if size == 1 else [f"{name}_{k}" for k in range(size)]


def _environment(dataset: MinariFolder) -> str:
    """The id of what was played."""
    try:
        return str(json.loads(dataset.metadata["env_spec"])["id"])
    except (KeyError, TypeError, ValueError):
        return dataset.id
