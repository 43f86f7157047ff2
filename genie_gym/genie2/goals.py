"""Which tasks a recording teaches, and frames from which a task begins.

Both follow from the rules that the recording has (`geometry.goals`), told of its poses, masks and scene graphs: no reward is
read, and a landmark teaches what it is to find it wherever it was seen. Episodes count up to their first event.

Legend: K things, T frames of an episode, P start frames, H W image.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from genie_gym.datasets.video import VideoDataset
from genie_gym.genie2.views import NEEDED
from genie_gym.geometry.goals import SHOWN, Goal, goals_of

NEAR = 2.0  # times as far away as the rule says: so near is near
LEAST_FRAMES, LEAST_EPISODES = 60, 4  # that have to show a goal from near, so that its task is learned
MOST_STARTS, MOST_OF_EPISODE = 6, 2  # start frames of a task, and out of one episode
BEGIN = 12.0  # metres from the goal, at most, where a task begins
_LEARNABLE: weakref.WeakKeyDictionary[VideoDataset, tuple[Goal, ...]] = weakref.WeakKeyDictionary()


def learnable_goals(data: VideoDataset) -> tuple[Goal, ...]:
    """The goals that a recording shows from near, often enough and in enough episodes, and of a class that the simulator
    numbers; without ground truth, none. Looked for once a process."""
    if data not in _LEARNABLE:
        _LEARNABLE[data] = _shown_from_near(data) if data.has_truth(*NEEDED) else ()
    return _LEARNABLE[data]


def _shown_from_near(data: VideoDataset) -> tuple[Goal, ...]:
    goals = [goal for goal in goals_of(data.source.get("goals", ())) if goal.kind in data.source["classes"]]
    frames, episodes = np.zeros(len(goals), int), np.zeros(len(goals), int)
    for index in range(len(data)):
        poses, graph = _calm_poses(data, index), _graph(data, index)
        for n, goal in enumerate(goals):
            _, metres, ahead = goal.before(poses, graph)
            count = int((ahead & (metres < NEAR * goal.reach)).any(0).sum())
            frames[n] += count
            episodes[n] += count > 0
    enough = (frames >= LEAST_FRAMES) & (episodes >= LEAST_EPISODES)
    return tuple(goal for goal, shown in zip(goals, enough, strict=True) if shown)


def pick_task_starts(data: VideoDataset, goals: Sequence[Goal]) -> dict[str, UInt8[np.ndarray, "P H W 3"]]:
    """Frames for the task of each goal in which it shows ahead, some metres away, and is not reached."""
    rng = np.random.default_rng(0)
    found: dict[str, list[np.ndarray]] = {goal.task: [] for goal in goals}
    least = 2 * SHOWN * data.height * data.width
    for index in rng.permutation(len(data)).tolist():
        poses, graph = _calm_poses(data, index), _graph(data, index)
        for goal in goals:
            ids, metres, ahead = goal.before(poses, graph)
            apart = (metres > NEAR * goal.reach) & (metres < BEGIN) & ahead
            k, t = np.nonzero(apart)
            tried = rng.permutation(len(k))[:MOST_OF_EPISODE] if len(found[goal.task]) < MOST_STARTS else ()
            for number, frame in zip(ids[k[tried]], t[tried].tolist(), strict=True):
                shown = data.truth(index, "instance", slice(frame, frame + 1)) == number
                if shown.sum() >= least:
                    found[goal.task].append(data.frames(index, slice(frame, frame + 1))[0])
    return {task: np.stack(frames[:MOST_STARTS]) for task, frames in found.items() if frames}


def _calm_poses(data: VideoDataset, index: int) -> Float[np.ndarray, "T 4 4"]:
    """Of an episode before its first event."""
    return data.truth(index, "pose", slice(int(data.calm[index])))


def _graph(data: VideoDataset, index: int) -> list[dict[str, Any]]:
    return list(data.description(index).get("scene_graph", []))
