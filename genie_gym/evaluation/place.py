"""Worlds that are places: they have a camera, say how deep they look and where they stand, and take keys. And held-out clips
with the ground truth that they are compared with.

Legend: B clips (rows), T frames, F = T - 1 steps, H W image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError
from genie_gym.evaluation.measure import Evaluation
from genie_gym.geometry.camera import Camera
from genie_gym.rollout import row_seeds
from genie_gym.world import Start, TakesKeys, World, WorldState

ROWS = 16  # that are stepped at a time
TRIES = 16  # drawings of clips, until enough begin where the camera stands …
STANDS = 0.01  # … so many metres a step, or less
MOVED = 0.1  # metres from where it was: a thing that moves
NEEDED = ("depth", "pose")  # ground truth without which nothing is compared


@runtime_checkable
class Place(TakesKeys, Protocol):
    """What the measures of places ask of a world, besides `World`, and the extras "depth" and "pose" of its states."""

    camera: Camera


@runtime_checkable
class Forgets(Protocol):
    """A world that can be without its memory, to be compared with that."""

    def without_memory(self) -> World:
        """The same world, which remembers its last frame and nothing else."""


def as_place(world: World) -> Place:
    """The world, known to be a place.

    Raises:
        GenieGymError: it is none.
    """
    if not isinstance(world, Place) or not {"depth", "pose"} <= world.extras.keys():
        raise GenieGymError(f"a {world.family} world has no camera, keys, depth and pose; measure it by what it has.")
    return cast(Place, world)


@dataclass
class Clips:
    """Held-out clips: frames whole, ground truth of single frames when asked for."""

    data: VideoDataset
    windows: list[tuple[int, int]]
    """(episode, first frame)."""
    frames: UInt8[Tensor, "B T H W 3"]

    @classmethod
    def draw(cls, evaluation: Evaluation, count: int, length: int) -> Clips:
        """Clips of `length` frames before anything happens, every window equally likely."""
        windows = evaluation.data.sample_windows(evaluation.rng, count, length, calm=True)
        return cls(evaluation.data, windows, torch.from_numpy(evaluation.data.clips(windows, length)))

    @classmethod
    def draw_standing(cls, evaluation: Evaluation, count: int, length: int) -> Clips:
        """Clips that begin where the camera has stood for a step, `count` of them or as many as are found: one frame does
        not say how fast one walks already.

        Raises:
            GenieGymError: none is found.
        """
        data, windows = evaluation.data, list[tuple[int, int]]()
        for _ in range(TRIES):
            for episode, start in data.sample_windows(evaluation.rng, 2 * count, length + 1, calm=True):
                places = data.truth(episode, "pose", slice(start, start + 2))[:, :3, 3]
                if float(np.abs(places[1] - places[0]).max()) < STANDS:
                    windows.append((episode, start + 1))
            if len(windows) >= count:
                break
        if not windows:
            raise GenieGymError("in no clip of the video the camera ever stands; keys are compared from where it does.")
        windows = windows[:count]
        return cls(data, windows, torch.from_numpy(data.clips(windows, length)))

    def select(self, numbers: Sequence[int]) -> Clips:
        """Some of the clips."""
        return Clips(self.data, [self.windows[number] for number in numbers], self.frames[list(numbers)])

    def depth(self, at: int) -> Float[Tensor, "B H W"]:
        """Metres, at frame `at`."""
        return torch.from_numpy(self._truth("depth", at)).float()

    def pose(self, at: int) -> Float[Tensor, "B 4 4"]:
        """Camera to world, at frame `at`."""
        return torch.from_numpy(self._truth("pose", at)).float()

    def moved(self, at: int) -> Bool[Tensor, "B H W"]:
        """Pixels of frame `at` that show things which are elsewhere than in the first frame."""
        masks = []
        for episode, start in self.windows:
            before, now = (self.data.truth(episode, "entities", slice(frame, frame + 1))[0] for frame in (start, start + at))
            gone = (before[:, 0] == now[:, 0]) & (np.linalg.norm(now[:, 1:4] - before[:, 1:4], axis=1) > MOVED)
            shown = self.data.truth(episode, "instance", slice(start + at, start + at + 1))[0]
            masks.append(np.isin(shown, now[gone, 0].astype(shown.dtype)))
        return torch.from_numpy(np.stack(masks))

    def keys(self) -> Int[Tensor, "B F"]:
        """The keys that were held."""
        keys = self.data.clip_labels(self.windows, self.frames.shape[1])["actions"]
        return torch.from_numpy(keys.astype(np.int64))

    def _truth(self, name: str, at: int) -> np.ndarray:
        return np.concatenate([self.data.truth(e, name, slice(s + at, s + at + 1)) for e, s in self.windows])


def why_not(data: VideoDataset, what: str) -> list[str]:
    """Why `what` cannot be measured on this video, in one sentence; nothing where it can."""
    if data.has_truth(*NEEDED) and data.has_labels():
        return []
    return [f"{what} were not measured: the video lacks depth, pose or keys; record it with --truth {' '.join(NEEDED)}"]


def parts(rows: int) -> list[slice]:
    """All rows, `ROWS` at a time."""
    return [slice(k, min(k + ROWS, rows)) for k in range(0, rows, ROWS)]


def begin(world: World, frames: UInt8[Tensor, "B H W 3"], seed: int) -> WorldState:
    """Rows that begin at real frames."""
    return world.reset(row_seeds(seed, len(frames)).to(world.device), Start(frames=frames.to(world.device)))


def mean_of(values: Sequence[float] | np.ndarray) -> float:
    """The mean of what is there; NaN where nothing is."""
    there = np.asarray(values, float)
    there = there[np.isfinite(there)]
    return float(there.mean()) if len(there) else float("nan")
