"""One HDF5 file of video: what worlds are learned from.

Layout, one group an episode, T frames:

    /                attrs: format, version, height, width, fps, source (JSON text)
    /episode_000000  attrs: behaviour
        frames       uint8 [T, H, W, 3], gzip with checksums, chunks of 8 frames for random clips
        actions      [T-1, …]     optional; actions[t] leads from frames[t] to frames[t+1]
        rewards      float32 [T-1] optional; received on that same step
        terminated   bool [T-1]    optional
        truth/       optional, from simulators, one value a frame: depth float16 [T, H, W] (metres), instance int16 and
                     semantic uint8 [T, H, W], pose float32 [T, 4, 4] (camera to world), agent float32 [T, n],
                     entities float32 [T, N, 8] (of all that can move: id as in instance, centre x y z in metres and
                     rotation w x y z as in the scene graph), twin uint8 [T, H, W, 3]
                     place uint8 [P]: where everything stands at the start, the zlib-compressed JSON of
                     `genie_gym.places.place.Place`
                     attrs: description, JSON (spec, seed, instruction, events, scene graph at the start, intrinsics,
                     instance_classes: the class of each id of instance, the last that of -1 …)
    /layouts         optional, places that were never filmed: bytes uint8 [sum of P], ends int64 [places], see `layouts.py`

What worlds must know of a simulator is in its recordings, in source: classes by name, action_meanings (what each key does),
agent_state, vocabulary (`text.vocabulary.Vocabulary`), and goals: when its tasks are done (`geometry.goals.Goal`).

Actions are what was intended: the keys pressed. What came of it is in pose and agent; a key held at a wall moves nothing.
Entities: a row is one thing's until a scene_transition, which brings new things and ids; its id is 0 while it is not there.
N is the episode's own, 0 to 128; of more things the first are kept. The twin is the same episode drawn under another weather
and hour (`twin_spec` in the description): everything is where it is in frames, so depth, masks and poses hold for both.

A place teaches what a thing of a class looks like from all sides: boxes are in the world of the poses (metres, x east, y
north, z up), and a thing's id is that by which instance shows it. Several things may share an id, as parts of one large one;
a pixel is that part's in whose box it lies. Recordings of another source teach a place where they have depth, pose, instance
and place, and intrinsics in the description; semantic and classes name what is seen, entities follow what moves.

Frames are all that the tokenizer, the latent actions and the dynamics ever read (`sample_clips`); labels come out by
another door (`sample_labelled`), used by the heads and by evaluation.

Legend: B clips, T frames of an episode or clip, N things that can move, F frames of all episodes, H W image.
"""

from __future__ import annotations

import functools
import json
import mmap
import multiprocessing
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from genie_gym.datasets.chunks import write_frames
from genie_gym.datasets.layouts import GROUP, Layout, LayoutLog, Layouts, count_of, layout_at, pack, unpack
from genie_gym.errors import GenieGymError
from genie_gym.files import open_hdf5, part_of
from genie_gym.places.place import Place

FORMAT = "genie_gym/video"
VERSION = 1
PRELOAD_BYTES = 12 << 30
END_FRAMES = 8
LABELS = ("actions", "rewards", "terminated")
PLACE = "place"  # among the ground truth; it is one an episode, not one a frame


@dataclass
class Episode:
    """One episode: frames uint8 [T, H, W, 3] and, where the source has them, labels for its T-1 transitions, ground truth
    for its T frames (`truth`, by name), a `description` (JSON values) and the `place` that it begins in."""

    frames: np.ndarray
    actions: np.ndarray | None = None
    rewards: np.ndarray | None = None
    terminated: np.ndarray | None = None
    behaviour: str = ""
    truth: dict[str, np.ndarray] = field(default_factory=dict)
    description: dict[str, Any] = field(default_factory=dict)
    place: Place | None = None


class VideoWriter:
    """Appends episodes to `path`. Works on `part_of(path)`, flushed after each episode, renamed on `close()`.

    With `resume=True` it goes on with what an earlier run left (the part, or the finished file).
    """

    def __init__(self, path: str | Path, height: int, width: int, fps: float, source: dict, resume: bool = False):
        self.path = Path(path)
        self.part = part_of(self.path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists() and not resume:
            raise GenieGymError(f"{self.path} exists already; pass --resume to add to it, or choose another name.")
        found = self.path if self.path.exists() else self.part
        if found.exists() and resume:
            with open_video(found) as file:
                known = (int(file.attrs["height"]), int(file.attrs["width"]))
                recorded = json.loads(str(file.attrs["source"]))
            if known != (height, width):
                raise GenieGymError(
                    f"{self.path} holds frames of {known}, the source gives {(height, width)} (height, width)."
                )
            told = json.loads(json.dumps(source))
            if changed := sorted(k for k in recorded.keys() & told.keys() - {"seed"} if recorded[k] != told[k]):
                raise GenieGymError(f"{self.path} was begun with other settings ({', '.join(changed)}); give the same ones.")
            os.replace(found, self.part)
            self.file = open_video(self.part, "r+")
        else:
            self.file = open_hdf5(self.part, "w")
            self.file.attrs.update(
                format=FORMAT, version=VERSION, height=height, width=width, fps=fps, source=json.dumps(source)
            )
        self.size = (height, width)
        episodes = episodes_in(self.file)
        self.num_episodes = len(episodes)
        self.num_frames = sum(group["frames"].shape[0] for group in episodes)
        self._layouts = LayoutLog(self.file)
        self.num_new_frames = 0  # since this writer began

    def append(self, episode: Episode) -> None:
        """Adds an episode.

        Raises:
            GenieGymError: its frames have another size, or the disk is full.
        """
        name, size = f"episode_{self.num_episodes:06d}", tuple(episode.frames.shape[1:3])
        if size != self.size:
            raise GenieGymError(
                f"{episode.behaviour or name} is {size[0]}x{size[1]}, the others {self.size[0]}x{self.size[1]} (height x "
                "width); pass --size to resize."
            )
        try:
            group = self.file.create_group(name)
            group.attrs["behaviour"] = episode.behaviour
            frames = episode.frames
            write_frames(group, "frames", frames)
            for key in LABELS:
                values = getattr(episode, key)
                if values is not None:
                    group.create_dataset(key, data=values, fletcher32=True, chunks=values.shape)
            if episode.truth or episode.description or episode.place:
                truth = group.create_group("truth")
                truth.attrs["description"] = json.dumps(episode.description)
                for key, values in episode.truth.items():
                    write_frames(truth, key, values)
                if episode.place is not None:
                    packed = pack(episode.place.to_dict())
                    truth.create_dataset(PLACE, data=packed, fletcher32=True, chunks=packed.shape)
            self.file.flush()
        except OSError as error:
            raise self._full_disk(error) from error
        self.num_episodes += 1
        self.num_frames += len(frames)
        self.num_new_frames += len(frames)

    @property
    def num_layouts(self) -> int:
        """That were recorded alone."""
        return self._layouts.count

    def append_layout(self, spec: dict[str, Any] | None, place: Place) -> None:
        """Adds a place without frames, and the spec (JSON values) that it was made of.

        Raises:
            GenieGymError: the disk is full.
        """
        try:
            self._layouts.append(spec, place)
            self.file.flush()
        except OSError as error:
            raise self._full_disk(error) from error

    def _full_disk(self, error: OSError) -> GenieGymError:
        return GenieGymError(f"could not write {self.part}: {error} (is the disk full?)")

    def close(self) -> None:
        """Finishes the file under its final name; with no episode and no layout in it there is no file at all."""
        if not self.file:
            return
        self.file.close()
        if self.num_episodes or self.num_layouts:
            os.replace(self.part, self.path)
        else:
            self.part.unlink()

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, kind: type | None, *_: Any) -> None:
        if kind is None or issubclass(kind, KeyboardInterrupt):
            self.close()
        elif self.file:
            self.file.close()  # the part stays for --resume


def episodes_in(file: h5py.File) -> list[h5py.Group]:
    """The groups of a video file's episodes, in order."""
    return [group for name, group in file.items() if name != GROUP]


def open_video(path: str | Path, mode: str = "r") -> h5py.File:
    """Opens and checks a video file. Raises `GenieGymError` where it is missing, damaged, unfinished or something else."""
    path = Path(path)
    if not path.is_file():
        if (part := part_of(path)).is_file():
            open_video(part).close()
            raise GenieGymError(f"{path} is not finished: a run that stopped left {part}; go on with it (--resume).")
        raise GenieGymError(f"no video file at {path}; `genie-gym record` makes one.")
    try:
        file = open_hdf5(path, mode)
        if file.attrs.get("format") != FORMAT:
            file.close()
            raise GenieGymError(f"{path} is HDF5 but not a {FORMAT} file; `genie-gym record` makes one.")
    except OSError as error:
        raise GenieGymError(f"{path} is damaged or not HDF5 ({error}); record it again.") from error
    return file


class VideoDataset:
    """Random clips out of one or more video files.

    Decompressed frames are kept in memory (`flat`, uint8 [F, H, W, 3], episodes one after the other) when all of them fit
    into `preload_bytes`, else read clip by clip (`flat` is None).
    """

    def __init__(self, paths: str | Path | Sequence[str | Path], preload_bytes: int = PRELOAD_BYTES):
        paths = [paths] if isinstance(paths, str | Path) else list(paths)
        if not paths:
            raise GenieGymError("no video files given.")
        self.files = [open_video(path) for path in paths]
        self.paths = [Path(path) for path in paths]
        sizes = {(int(f.attrs["height"]), int(f.attrs["width"])) for f in self.files}
        if len(sizes) > 1:
            raise GenieGymError(f"the video files differ in frame size: {sorted(sizes)} (height, width).")
        self.height, self.width = sizes.pop()
        self.fps = float(self.files[0].attrs["fps"])
        self.source: dict[str, Any] = json.loads(str(self.files[0].attrs["source"]))
        files = zip(self.paths, self.files, strict=True)
        self._groups = [(path, group) for path, file in files for group in episodes_in(file)]
        self.lengths = np.array([group["frames"].shape[0] for _, group in self._groups], dtype=np.int64)
        if not len(self.lengths) and not any(count_of(file) for file in self.files):
            raise GenieGymError(f"{self.paths[0]} holds no episodes.")
        self.offsets = np.cumsum(self.lengths) - self.lengths
        total = self.num_frames * self.height * self.width * 3
        self.flat = self._preload(total) if 0 < total <= preload_bytes else None

    def __len__(self) -> int:
        return len(self._groups)

    @property
    def num_frames(self) -> int:
        return int(self.lengths.sum())

    def _read(self, index: int, key: str, span: slice = slice(None)) -> np.ndarray:
        path, group = self._groups[index]
        try:
            return group[key][span]
        except (OSError, KeyError) as error:
            raise GenieGymError(f"{path} is damaged or incomplete at {group.name}/{key} ({error}).") from error

    def _preload(self, size: int) -> np.ndarray:
        """All frames. With several files, as many processes decompress as there are cores: HDF5 itself uses one."""
        workers = min(len(self.files), os.cpu_count() or 1)
        shared = workers > 1 and "fork" in multiprocessing.get_all_start_methods()
        buffer: Any = mmap.mmap(-1, size) if shared else np.empty(size, np.uint8)
        flat = np.frombuffer(buffer, np.uint8).reshape(self.num_frames, self.height, self.width, 3)
        if not shared:
            self._fill(flat, range(len(self)))
            return flat
        context = multiprocessing.get_context("fork")
        parts = [
            context.Process(target=self._fill_files, args=(flat, range(k, len(self.files), workers))) for k in range(workers)
        ]
        for part in parts:
            part.start()
        for part in parts:
            part.join()
        if any(part.exitcode for part in parts):
            raise GenieGymError(f"could not read all of {', '.join(map(str, self.paths))}; see the message above.")
        return flat

    def _fill(self, flat: np.ndarray, episodes: Iterable[int]) -> None:
        for index in episodes:
            begin = int(self.offsets[index])
            flat[begin : begin + int(self.lengths[index])] = self._read(index, "frames")

    def _fill_files(self, flat: np.ndarray, files: Iterable[int]) -> None:
        """In a forked process: an open HDF5 file must not be shared with the parent."""
        for number in files:
            path = self.paths[number]
            mine = [i for i, (owner, _) in enumerate(self._groups) if owner == path]
            try:
                with open_video(path) as file:
                    for index in mine:
                        self._groups[index] = (path, file[self._groups[index][1].name])
                    self._fill(flat, mine)
            except GenieGymError as error:
                print(error, file=sys.stderr)
                sys.exit(1)

    def frames(self, index: int, span: slice = slice(None)) -> np.ndarray:
        """Frames uint8 [T, H, W, 3] of one episode."""
        if self.flat is not None:
            begin = int(self.offsets[index])
            return self.flat[begin : begin + int(self.lengths[index])][span]
        return self._read(index, "frames", span)

    def has_labels(self) -> bool:
        return all("actions" in g and "rewards" in g and "terminated" in g for _, g in self._groups)

    def has_truth(self, *names: str) -> bool:
        """Whether all episodes have this ground truth."""
        return all(f"truth/{name}" in group for _, group in self._groups for name in names)

    def need_truth(self, names: Sequence[str], who: str) -> None:
        """Raises `GenieGymError`, "`who` recordings with ground truth; …", where this one has not all of `names`."""
        missing = [name for name in names if not self.has_truth(name)]
        if missing:
            raise GenieGymError(
                f"{who} recordings with ground truth; {self.paths[0]} has no {' and no '.join(missing)}: "
                "record it with `genie-gym record --source town`."
            )

    def episode(self, index: int) -> Episode:
        """One whole episode with its labels."""
        group = self._groups[index][1]
        labels = {k: self._read(index, k) for k in LABELS if k in group}
        truth = {k: self.truth(index, k) for k in group.get("truth", ()) if k != PLACE}
        return Episode(
            self.frames(index),
            behaviour=self.behaviour(index),
            truth=truth,
            description=self.description(index),
            place=self.place(index),
            **labels,
        )

    def behaviour(self, index: int) -> str:
        """Who acted in one episode; empty where nobody said."""
        return str(self._groups[index][1].attrs["behaviour"])

    def truth(self, index: int, name: str, span: slice = slice(None)) -> np.ndarray:
        """Ground truth of one episode's frames, by name (see the layout above). Raises `GenieGymError` where it has none."""
        return self._read(index, f"truth/{name}", span)

    def description(self, index: int) -> dict[str, Any]:
        """What a simulator said of an episode; empty for other sources."""
        group = self._groups[index][1]
        return dict(json.loads(str(group["truth"].attrs["description"]))) if "truth" in group else {}

    def place(self, index: int) -> Place | None:
        """Where everything stands when an episode begins; None where nobody said."""
        group = self._groups[index][1]
        if f"truth/{PLACE}" not in group:
            return None
        return Place.from_dict(unpack(self._read(index, f"truth/{PLACE}")))

    @functools.cached_property
    def layouts(self) -> Sequence[Layout]:
        """(spec as JSON values or None, place) of all episodes that have a place, then of those that were recorded alone."""
        filmed = [index for index, (_, group) in enumerate(self._groups) if f"truth/{PLACE}" in group]
        readers = [functools.partial(self._layout_of, index) for index in filmed]
        alone = [functools.partial(layout_at, file, k) for file in self.files for k in range(count_of(file))]
        return Layouts([*readers, *alone])

    def _layout_of(self, index: int) -> Layout:
        place = self.place(index)
        assert place is not None
        return self.description(index).get("spec"), place

    @functools.cached_property
    def calm(self) -> np.ndarray:
        """Of how many frames each episode is before the first event of its simulator shows: int64 [episodes]; where none
        does, of all."""
        events = [self.description(index).get("events", ()) for index in range(len(self))]
        return np.array(
            [min([length, *(step for step, _ in some)]) for length, some in zip(self.lengths, events, strict=True)]
        )

    def __iter__(self) -> Iterator[Episode]:
        return (self.episode(i) for i in range(len(self)))

    def sample_windows(self, rng: np.random.Generator, batch: int, length: int, calm: bool = False) -> list[tuple[int, int]]:
        """(episode, start) of clips, every window of `length` frames equally likely; with `calm`, every one before the
        first event.

        Raises:
            GenieGymError: there is none.
        """
        lengths = self.calm if calm else self.lengths
        room = np.maximum(lengths - length + 1, 0)
        ends = np.cumsum(room)
        if not len(ends):
            raise GenieGymError(f"{self.paths[0]} holds layouts alone and no frames: record some with --frames.")
        if ends[-1] == 0:
            before = " before its first event" if calm and (lengths < self.lengths).any() else ""
            raise GenieGymError(
                f"no episode in {self.paths[0]} has {length} frames{before}; the longest has {lengths.max()}: record longer "
                "ones."
            )
        picks = rng.integers(ends[-1], size=batch)
        episodes = np.searchsorted(ends, picks, side="right")
        return [(int(e), int(p - (ends[e] - room[e]))) for e, p in zip(episodes, picks, strict=True)]

    def sample_clips(self, rng: np.random.Generator, batch: int, length: int) -> np.ndarray:
        """Unlabelled clips: frames uint8 [B, T, H, W, 3]."""
        return self.clips(self.sample_windows(rng, batch, length), length)

    def clips(self, windows: list[tuple[int, int]], length: int) -> np.ndarray:
        """The clips at these windows: frames uint8 [B, T, H, W, 3]."""
        return np.stack([self.frames(e, slice(s, s + length)) for e, s in windows])

    def labels(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Rewards and terminations of one episode, each [T-1]."""
        return self._labels["rewards"][index], self._labels["terminated"][index]

    def sample_labelled(
        self, rng: np.random.Generator, batch: int, length: int, end_share: float = 0.0
    ) -> tuple[Episode, np.ndarray]:
        """Clips with labels, and their importance weights [B].

        The `Episode`'s arrays have a batch axis in front ([B, T, …] and [B, T-1, …]). `end_share` of the clips are drawn
        from those that stop within the last `END_FRAMES` frames of an episode; the weights undo that on average.
        """
        if not self.has_labels():
            raise GenieGymError(f"{self.paths[0]} has frames only; this step needs actions, rewards and terminations.")
        windows, weights = self.sample_ends(rng, batch, length, end_share)
        labels = self.clip_labels(windows, length)
        return Episode(self.clips(windows, length), labels["actions"], labels["rewards"], labels["terminated"]), weights

    def sample_ends(
        self, rng: np.random.Generator, batch: int, length: int, end_share: float
    ) -> tuple[list[tuple[int, int]], np.ndarray]:
        """Windows of which `end_share` stop near an episode's end, and their importance weights [B]."""
        windows = self.sample_windows(rng, batch, length)
        usable = np.flatnonzero(self.lengths >= length)
        spans = np.minimum(self.lengths[usable] - length + 1, END_FRAMES)  # clips near the end, of each episode
        total, near_end = int(np.maximum(self.lengths - length + 1, 0).sum()), int(spans.sum())
        for i in np.flatnonzero(rng.random(batch) < end_share):
            pick = int(np.searchsorted(np.cumsum(spans), rng.integers(near_end), side="right"))
            episode = int(usable[pick])
            windows[i] = (episode, int(self.lengths[episode] - length - rng.integers(spans[pick])))
        is_end = np.array([s + length > self.lengths[e] - END_FRAMES for e, s in windows])
        weights = 1 / np.where(is_end, 1 - end_share + end_share * total / near_end, 1 - end_share)
        return windows, weights

    def clip_labels(self, windows: list[tuple[int, int]], length: int) -> dict[str, np.ndarray]:
        """Actions, rewards and terminations of the transitions in these windows, each [B, T-1, …]."""
        return {key: np.stack([self._labels[key][e][s : s + length - 1] for e, s in windows]) for key in LABELS}

    @functools.cached_property
    def _labels(self) -> dict[str, list[np.ndarray]]:
        return {key: [self._read(i, key) for i in range(len(self))] for key in LABELS}

    def close(self) -> None:
        for file in self.files:
            file.close()
