"""LeRobot's datasets (v3.0) as recordings: pictures of one key, with actions, rewards and ends.

Files that are named in the dataset are looked for in their usual places alone, inside its folder; sizes are held against
what there can be before anything is read.

Legend: T frames, H W image, k numbers of an action.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from genie_gym.datasets.exports.contents import BLOCK_FRAMES, MOST_BYTES, MOST_STEPS, PICTURE_BYTES
from genie_gym.datasets.exports.lerobot import VIDEOS, import_pyarrow
from genie_gym.datasets.imports.foreign import Foreign, Found
from genie_gym.datasets.video import VideoWriter
from genie_gym.errors import GenieGymError, did_you_mean
from genie_gym.files import read_json
from genie_gym.visual import read_image

MOST_EPISODES = 10_000_000
MOST_TASKS = 64  # of an episode
ROWS_TOGETHER = 1024
WIDEST = 4096  # numbers of an action
LABELS = ("action", "next.reward", "next.done", "next.truncated")
PICTURES = "observation.images."
EARLIER = "python -m lerobot.scripts.convert_dataset_v21_to_v30"


def import_lerobot(
    folder: str | Path,
    out: str | Path,
    image_key: str | None = None,
    size: tuple[int, int] | None = None,
    num_frames: int | None = None,
    max_frames: int | None = None,
    resume: bool = False,
) -> VideoWriter:
    """Records a dataset of LeRobot; see `Foreign.record`. An episode of T frames has T - 1 steps in a recording: what the
    last action led to is not there, and what it brought counts for the one before.

    Args:
        folder: that holds `meta/info.json`.
        image_key: which pictures, "observation.images.top" or "top"; None is the only ones, or `rgb`.

    Raises:
        GenieGymError: no such dataset, one of an earlier layout, or without pictures; or pyarrow is missing.
    """
    import_pyarrow()
    dataset = _Dataset.at(Path(folder).expanduser(), image_key)
    about: dict[str, Any] = {"image_key": dataset.key}
    if dataset.keys and dataset.keys.meanings:
        about["action_meanings"] = dataset.keys.meanings
    foreign = Foreign("lerobot", dataset.folder.resolve().name, dataset.fps, dataset.episodes(), about)
    return foreign.record(out, size, num_frames, max_frames, resume)


@dataclass(frozen=True)
class _Keys:
    """That actions of a dataset of ours are keys: the first one's number, and whether each has a number of its own."""

    first: int
    one_hot: bool
    meanings: list[str] | None

    @classmethod
    def of(cls, feature: dict[str, Any]) -> _Keys | None:
        info = feature.get("info")
        if not isinstance(info, dict) or not isinstance(info.get("keys"), int) or not isinstance(info.get("first"), int):
            return None
        meanings = info.get("meanings")
        are_texts = isinstance(meanings, list) and all(isinstance(one, str) for one in meanings)
        return cls(info["first"], bool(info.get("one_hot")), meanings if are_texts else None)

    def pressed(self, values: np.ndarray) -> np.ndarray:
        """int64 [T]."""
        if self.one_hot:
            return values.reshape(len(values), -1).argmax(1) + self.first
        return values.reshape(len(values), -1)[:, 0].astype(np.int64)


@dataclass(frozen=True)
class _Dataset:
    """What there is in a dataset's folder."""

    folder: Path
    fps: float
    features: dict[str, Any]
    key: str
    is_video: bool
    keys: _Keys | None

    @classmethod
    def at(cls, folder: Path, image_key: str | None) -> _Dataset:
        path = folder / "meta" / "info.json"
        if not path.is_file():
            raise GenieGymError(f"there is no LeRobot dataset in {folder}: give the folder that holds meta/info.json.")
        info = read_json(_checked(folder, path))
        version, fps, features = info.get("codebase_version"), info.get("fps"), info.get("features")
        if not isinstance(version, str) or not version.startswith("v3."):
            raise GenieGymError(f"{folder} has LeRobot's layout {version!r:.20}; v3.0 is read: convert it with {EARLIER}.")
        if isinstance(fps, bool) or not isinstance(fps, int | float) or not isinstance(features, dict):
            raise GenieGymError(f"{path} says neither fps nor features; the dataset is damaged.")
        if not all(isinstance(one, dict) for one in features.values()):
            raise GenieGymError(f"{path} has features that are none; the dataset is damaged.")
        key = _choose(features, image_key, folder)
        return cls(
            folder, float(fps), features, key, features[key]["dtype"] == "video", _Keys.of(features.get("action", {}))
        )

    def episodes(self) -> Iterator[Found]:
        """One after the other, as their rows lie in the files."""
        known = self._known()
        for number, rows in self._rows():
            if number not in known:
                raise GenieGymError(f"{self.folder} has rows of episode {number}, which meta/episodes does not know.")
            place = known[number]
            count = len(rows["rows"])
            tasks = place.get("tasks")
            where = f"episode {number} of {self.folder}"
            yield Found(
                f"{self.folder.resolve().name} episode {number}",
                self._film(place, count) if self.is_video else _pictures(rows["pictures"], where),
                count,
                self._actions(rows.get("action")),
                None if (rewards := rows.get("next.reward")) is None else rewards.reshape(-1).astype(np.float32),
                _terminated(rows),
                str(tasks[0]) if isinstance(tasks, list) and tasks else "",
            )

    def _actions(self, values: Any) -> np.ndarray | None:
        if values is None:
            return None
        return self.keys.pressed(values) if self.keys else values.astype(np.float32)

    def _known(self) -> dict[int, dict[str, Any]]:
        """What meta/episodes says of each episode."""
        found: dict[int, dict[str, Any]] = {}
        place = [f"videos/{self.key}/{what}" for what in ("chunk_index", "file_index", "from_timestamp")]
        names = ["episode_index", "tasks", *(place if self.is_video else [])]
        for path in self._files("meta/episodes"):
            for batch in _read(path, {name: MOST_TASKS if name == "tasks" else 1 for name in names}):
                for row in batch.to_pylist():
                    if len(found) >= MOST_EPISODES or not isinstance(row.get("episode_index"), int):
                        raise GenieGymError(f"{path} has too many episodes, or such without a number; it is damaged.")
                    found[row["episode_index"]] = row
        return found

    def _rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """The number of each episode, and its columns: arrays, and of pictures a list of bytes."""
        width = math.prod(_shape(self.features.get("action", {})))
        if not 0 < width <= WIDEST:
            raise GenieGymError(f"{self.folder} has actions of {width} numbers; 1 to {WIDEST} are read.")
        widths = {"episode_index": 1} | {name: width if name == "action" else 1 for name in LABELS if name in self.features}
        if not self.is_video:
            widths[self.key] = 1
        pieces: list[dict[str, Any]] = []
        now, count = -1, 0
        for path in self._files("data"):
            for batch in _read(path, widths):
                columns = {name: _values(batch, name, size, path) for name, size in widths.items()}
                numbers = columns.pop("episode_index").astype(np.int64)
                cuts = np.flatnonzero(np.diff(numbers)) + 1
                for begin, end in zip([0, *cuts], [*cuts, len(numbers)], strict=True):
                    if begin == end:
                        continue
                    if int(numbers[begin]) != now and pieces:
                        yield now, _together(pieces)
                        pieces, count = [], 0
                    now, count = int(numbers[begin]), count + int(end - begin)
                    if count > MOST_STEPS or count * width * 4 > MOST_BYTES:
                        raise GenieGymError(
                            f"episode {now} of {self.folder} is longer than {MOST_STEPS} frames, or than memory."
                        )
                    piece = {name: values[begin:end] for name, values in columns.items()}
                    if not self.is_video:
                        piece["pictures"] = piece.pop(self.key)
                    pieces.append(piece | {"rows": numbers[begin:end]})
        if pieces:
            yield now, _together(pieces)

    def _files(self, below: str) -> list[Path]:
        paths = sorted((self.folder / below).glob("chunk-*/file-*.parquet"))
        if not paths:
            raise GenieGymError(f"{self.folder / below} holds no files of LeRobot; the dataset is not whole.")
        return [_checked(self.folder, path) for path in paths]

    def _film(self, place: dict[str, Any], count: int) -> Iterator[UInt8[np.ndarray, "T H W 3"]]:
        """An episode's frames out of its video, some at a time."""
        chunk, file, begin = (place[f"videos/{self.key}/{what}"] for what in ("chunk_index", "file_index", "from_timestamp"))
        if not isinstance(chunk, int) or not isinstance(file, int) or not isinstance(begin, int | float):
            raise GenieGymError(f"{self.folder} does not say where an episode's video is; meta/episodes is damaged.")
        path = self.folder / VIDEOS.format(video_key=self.key, chunk_index=chunk, file_index=file)
        return film(_checked(self.folder, path), float(begin), self.fps, count)


def film(path: Path, begin: float, fps: float, count: int) -> Iterator[UInt8[np.ndarray, "T H W 3"]]:
    """`count` frames of a video from a time on, as LeRobot reads them.

    Raises:
        GenieGymError: it is damaged, or lacks one.
    """
    import av

    frames: list[np.ndarray] = []
    given = 0
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            if stream.width * stream.height * 3 > PICTURE_BYTES:
                raise GenieGymError(f"{path} has frames of {stream.width}x{stream.height}, which are too large to be read.")
            assert stream.time_base is not None
            container.seek(max(0, round(begin / stream.time_base) - 1), stream=stream, backward=True)
            for frame in container.decode(stream):
                late = float(frame.time or 0) - (begin + given / fps)
                if late < -0.5 / fps:
                    continue
                if late > 0.5 / fps:
                    break
                frames.append(frame.to_ndarray(format="rgb24"))
                given += 1
                if len(frames) == BLOCK_FRAMES or given == count:
                    yield np.stack(frames)
                    frames = []
                if given == count:
                    return
    except (av.error.FFmpegError, OSError, IndexError) as error:
        raise GenieGymError(f"{path} is damaged: {str(error).rstrip('. ')}.") from error
    raise GenieGymError(f"{path} lacks the frame at {begin + given / fps:.3f} s; the dataset is damaged.")


def _pictures(encoded: list[Any], where: str) -> Iterator[UInt8[np.ndarray, "T H W 3"]]:
    for one in encoded:
        data = one.get("bytes") if isinstance(one, dict) else None
        if not isinstance(data, bytes):
            raise GenieGymError(f"{where} has pictures that lie in other files, which is refused.")
        yield read_image(data)[None]


def _choose(features: dict[str, Any], image_key: str | None, folder: Path) -> str:
    """Which pictures are recorded."""
    names = [name for name, one in features.items() if one.get("dtype") in ("video", "image") and not _is_depth(one)]
    if not names:
        raise GenieGymError(f"{folder} holds no pictures, so there is nothing to record.")
    wanted = [image_key, f"{PICTURES}{image_key}"] if image_key is not None else [f"{PICTURES}rgb"]
    for name in wanted:
        if name in names:
            return str(name)
    if image_key is not None:
        raise GenieGymError(f"no pictures {image_key!r} in {folder}." + did_you_mean(image_key, names))
    if len(names) > 1:
        raise GenieGymError(f"{folder} holds several pictures; choose one with --image-key: {', '.join(names)}.")
    return names[0]


def _is_depth(feature: dict[str, Any]) -> bool:
    told = [feature.get(name) for name in ("info", "video_info")]
    return any(isinstance(one, dict) and (one.get("is_depth_map") or one.get("video.is_depth_map")) for one in told)


def _shape(feature: dict[str, Any]) -> list[int]:
    shape = feature.get("shape", [1])
    if not isinstance(shape, list) or len(shape) > 4 or not all(type(side) is int and 0 < side <= WIDEST for side in shape):
        raise GenieGymError(f"a feature has the shape {shape!r:.40}; the dataset is damaged.")
    return shape


def _terminated(rows: dict[str, Any]) -> np.ndarray | None:
    """What ended, and did not only run out of time."""
    done, cut = rows.get("next.done"), rows.get("next.truncated")
    if done is None:
        return None
    done = done.reshape(-1).astype(bool)
    return done if cut is None else done & ~cut.reshape(-1).astype(bool)


def _checked(folder: Path, path: Path) -> Path:
    """The path, where it is a file inside of the folder."""
    if not path.resolve().is_relative_to(folder.resolve()):
        raise GenieGymError(f"{path} leads outside of the dataset, which is refused; copy it without links (cp -rL).")
    if not path.is_file():
        raise GenieGymError(f"{path} is missing; the dataset is not whole.")
    return path


def _read(path: Path, widths: dict[str, int]) -> Iterator[Any]:
    """Rows of these columns, some at a time. A column has at most `widths` values a row (twice as many are let pass)."""
    arrow = import_pyarrow()
    try:
        with arrow.parquet.ParquetFile(path) as file:
            missing = [name for name in widths if name not in file.schema_arrow.names]
            if missing:
                raise GenieGymError(f"{path} has no column {missing[0]!r}; the dataset is damaged.")
            for group in range(file.metadata.num_row_groups):
                known = file.metadata.row_group(group)
                for column in (known.column(k) for k in range(known.num_columns)):
                    name = next((name for name in widths if f"{column.path_in_schema}.".startswith(f"{name}.")), None)
                    if name is not None and column.num_values > 2 * known.num_rows * widths[name] + 2:
                        raise GenieGymError(f"{path} has {column.num_values} values of {name} in {known.num_rows} rows.")
            yield from file.iter_batches(batch_size=ROWS_TOGETHER, columns=list(widths))
    except (arrow.ArrowException, OSError) as error:
        raise GenieGymError(f"{path} is damaged: {str(error).rstrip('. ')}.") from error


def _values(batch: Any, name: str, width: int, path: Path) -> Any:
    """A column as an array [T] or [T, k]; of pictures, a list."""
    column = batch.column(name)
    arrow = import_pyarrow()
    if arrow.types.is_struct(column.type):
        return column.to_pylist()
    is_list = arrow.types.is_list(column.type) or arrow.types.is_fixed_size_list(column.type)
    values = column.flatten() if is_list else column
    if values.null_count or not (arrow.types.is_primitive(values.type)):
        raise GenieGymError(f"{path} has a column {name} with gaps, or that holds no numbers; the dataset is damaged.")
    array = values.to_numpy(zero_copy_only=False)
    if len(array) != len(column) * width:
        raise GenieGymError(f"{path} has {name} of another length than {width}; the dataset is damaged.")
    return array.reshape(len(column), width) if is_list else array


def _together(pieces: list[dict[str, Any]]) -> dict[str, Any]:
    """Pieces of an episode as one."""
    return {
        name: [one for piece in pieces for one in piece[name]]
        if name == "pictures"
        else np.concatenate([piece[name] for piece in pieces])
        for name in pieces[0]
    }
