"""Recorded views with what the simulator knows of them, in memory: what the stages of Genie 2 learn from.

Legend: B clips, T frames a clip, E episodes, F frames of all episodes, N things that can move, or frames that are found, I
ids, H W image.
"""

from __future__ import annotations

import weakref

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError
from genie_gym.genie2.perception import UNLABELLED
from genie_gym.geometry.level import TO_LEVEL, heading_of, pitch_of, turn_by
from genie_gym.progress import progress

NEEDED = ("depth", "pose", "instance", "entities")
SURVEY = "survey"  # the behaviour of episodes that are no walk: each frame is taken from somewhere else
NOTHING, PUSHABLE, BEING = range(3)
"""What a pixel shows that can move."""
_LOADED: weakref.WeakKeyDictionary[VideoDataset, RecordedViews] = weakref.WeakKeyDictionary()


class RecordedViews:
    """All frames of a recording with depth, poses, and what moves. Twins, where the recording has them, are the same views
    under another light.

    An episode counts up to its first event: after a scene transition it is another place, and of what came later the
    recording does not say whether it moves by itself. `known` are the numbers of the frames that count, [n]; `walked` says
    of how many frames each episode's walk is; of surveys it is 0."""

    def __init__(self, data: VideoDataset):
        if data.flat is None:
            raise GenieGymError(f"{data.paths[0]} is too large to be kept in memory; train on fewer frames.")
        self.data, self.flat = data, data.flat
        count, size = data.num_frames, (data.height, data.width)
        self.inverse_depth = np.empty((count, *size), np.float16)
        self.instance = np.empty((count, *size), np.int16)
        self.poses = np.empty((count, 4, 4), np.float32)
        self.twins = np.empty_like(data.flat) if data.has_truth("twin") else None
        self.entities: list[np.ndarray] = []
        self.beings: list[set[int]] = []
        self.class_of: list[np.ndarray] = []
        self.episode_of = np.repeat(np.arange(len(data)), data.lengths)
        walks = np.array([data.behaviour(index) != SURVEY for index in range(len(data))])
        self.walked = np.where(walks, data.calm, 0)
        self.known = self._in_their_first(data.calm)
        for index in progress(range(len(data)), desc="reading ground truth", unit="episode", leave=False):
            begin = int(data.offsets[index])
            span = slice(begin, begin + int(data.lengths[index]))
            self.inverse_depth[span] = 1 / data.truth(index, "depth").astype(np.float32)
            self.instance[span] = data.truth(index, "instance")
            self.poses[span] = TO_LEVEL @ data.truth(index, "pose")
            self.entities.append(data.truth(index, "entities"))
            graph = data.description(index).get("scene_graph", [])
            self.beings.append({thing["id"] for thing in graph if thing["behaviour"]})
            self.class_of.append(class_table(data, index))
            if int(self.instance[span].max(initial=0)) >= len(self.class_of[-1]):
                raise GenieGymError(f"masks of {data.paths[0]} show ids without a class; record the simulator again.")
            if self.twins is not None:
                self.twins[span] = data.truth(index, "twin")

    @classmethod
    def of(cls, data: VideoDataset) -> RecordedViews:
        """Those of a recording, read once a process.

        Raises:
            GenieGymError: for a recording without the ground truth.
        """
        if data not in _LOADED:
            data.need_truth(NEEDED, "Genie 2 learns from")
            _LOADED[data] = cls(data)
        return _LOADED[data]

    def windows(self, rng: np.random.Generator, batch: int, length: int) -> Int[np.ndarray, "B T"]:
        """Numbers of the frames of clips out of walks, all equally likely."""
        return rng.choice(self._after(length - 1), batch)[:, None] + np.arange(1 - length, 1)

    def looks_back(
        self, rng: np.random.Generator, batch: int, near: tuple[int, int], far: tuple[int, int], count: int
    ) -> Int[np.ndarray, "B T"]:
        """Numbers of frames of walks, and of T - 1 = `count` earlier ones of the same walk: the first of them between
        `near` frames before, the others between `far` frames before, as far as the episode goes back."""
        target = rng.choice(self._after(near[1]), batch)
        starts = self.data.offsets[self.episode_of]
        first = target - rng.integers(*near, batch)
        others = target[:, None] - rng.integers(*far, (batch, count - 1))
        return np.concatenate([target[:, None], first[:, None], np.maximum(others, starts[target][:, None])], 1)

    def later(
        self, rng: np.random.Generator, numbers: Int[np.ndarray, " B"], after: tuple[int, int]
    ) -> Int[np.ndarray, " B"]:
        """Frames of the same walks, so many after these, as far as the walk goes on."""
        episodes = self.episode_of[numbers]
        last = self.data.offsets[episodes] + self.walked[episodes] - 1
        return np.minimum(numbers + rng.integers(*after, len(numbers)), last)

    def _after(self, before: int) -> Int[np.ndarray, " N"]:
        """Numbers of all frames of walks that have so many `before` them."""
        found = self._in_their_first(self.walked, before)
        if not len(found):
            raise GenieGymError(f"no walk in {self.data.paths[0]} has {before + 1} frames; record longer ones.")
        return found

    def _in_their_first(self, lengths: Int[np.ndarray, " E"], before: int = 0) -> Int[np.ndarray, " N"]:
        """Numbers of all frames in the first `lengths` of their episodes that have so many `before` them there."""
        place = np.arange(self.data.num_frames) - self.data.offsets[self.episode_of]
        return np.flatnonzero((place >= before) & (place < lengths[self.episode_of]))

    def frames(self, numbers: Int[np.ndarray, "B T"], twin: np.ndarray) -> UInt8[Tensor, "B T H W 3"]:
        """Frames by number; of the rows of `twin` under the other light."""
        frames = self.flat[numbers]
        if self.twins is not None:
            frames[twin] = self.twins[numbers[twin]]
        return torch.from_numpy(frames)

    def batch(self, numbers: Int[np.ndarray, "B T"], rng: np.random.Generator) -> dict[str, Tensor]:
        """These views, each row under one of its two lights: frames uint8 [B, T, H, W, 3]; inverse_depth [B, T, H, W], 1/m;
        poses [B, T, 4, 4], camera to world, level (`geometry.level`); kinds [B, T, H, W]: `NOTHING`, `PUSHABLE`, `BEING`."""
        return {
            "frames": self.frames(numbers, rng.random(len(numbers)) < 0.5),
            "inverse_depth": torch.from_numpy(self.inverse_depth[numbers].astype(np.float32)),
            "poses": torch.from_numpy(self.poses[numbers]),
            "kinds": torch.from_numpy(np.stack([np.stack([self.kinds(n) for n in row]) for row in numbers.tolist()])),
        }

    def kinds(self, number: int) -> Int[np.ndarray, "H W"]:
        """What each pixel of a frame shows that can move."""
        return self._look_up(number)[0]

    def motion(self, number: int) -> Float[np.ndarray, "H W 3"]:
        """How each pixel's thing moves: metres a step to the right, down and forward of the camera's heading."""
        _, index, rows = self._look_up(number)
        entities = self.entities[self.episode_of[number]]
        now = number - int(self.data.offsets[self.episode_of[number]])
        before = max(now - 1, 0)
        after = min(before + 1, len(entities) - 1)
        moved = entities[after, :, 1:4] - entities[before, :, 1:4]
        moved[entities[after, :, 0] != entities[before, :, 0]] = 0
        heading = heading_of(torch.from_numpy(self.poses[number : number + 1]))
        level = turn_by(-heading.expand(len(moved)), torch.from_numpy(moved @ TO_LEVEL[:3, :3].T)).numpy()
        return np.concatenate([level, np.zeros((1, 3), np.float32)])[np.where(rows[index] >= 0, rows[index], len(level))]

    def semantic(self, number: int) -> UInt8[np.ndarray, "H W"]:
        """The class of what each pixel of a frame shows, a number in the simulator's `classes`; `UNLABELLED` where the
        recording does not say."""
        return self.class_of[self.episode_of[number]][self.instance[number]]

    def _look_up(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Kind a pixel [H, W], the clipped id a pixel [H, W], and the row of `entities` of each id, -1 for none."""
        episode = self.episode_of[number]
        ids = self.entities[episode][number - int(self.data.offsets[episode]), :, 0].astype(np.int64)
        instance = np.maximum(self.instance[number], 0).astype(np.int64)
        rows = np.full(max(int(instance.max()), int(ids.max(initial=0))) + 1, -1)
        rows[ids] = np.arange(len(ids))
        rows[0] = -1
        kind = np.where(rows >= 0, PUSHABLE, NOTHING)
        kind[[i for i in self.beings[episode] if i < len(kind) and rows[i] >= 0]] = BEING
        return kind[instance], instance, rows

    def pitch(self, numbers: np.ndarray) -> Float[Tensor, " B"]:
        """How far cameras look up, in radians."""
        return pitch_of(torch.from_numpy(self.poses[numbers]))


def class_table(data: VideoDataset, index: int) -> UInt8[np.ndarray, " I"]:
    """The class of each id of an episode's `instance` maps; the last entry is that of the id -1, the sky."""
    said = data.description(index).get("instance_classes")
    if not isinstance(said, list) or not all(type(number) is int and 0 <= number <= UNLABELLED for number in said):
        raise GenieGymError(f"{data.paths[0]} does not say which class each instance is of; record the simulator again.")
    table, known = np.array(said, np.uint8), len(data.source["classes"])
    if not len(table) or bool(((table >= known) & (table != UNLABELLED)).any()):
        raise GenieGymError(f"{data.paths[0]} has instances of classes that it does not list; record the simulator again.")
    return table
