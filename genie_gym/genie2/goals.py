"""Which tasks a recording teaches, and frames from which a task begins.

Both follow from the rules of Town's tasks (`envs.sim.town.goals`), told of recorded poses, masks and scene graphs: no reward
is read, and a landmark teaches what it is to find it wherever it was seen. Episodes count up to their first event.

Legend: K things, T frames of an episode, P start frames, H W image.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from genie_gym.datasets.video import VideoDataset
from genie_gym.envs.sim.town.goals import SHOWN, TOLD, before_goals, goal_class, reach
from genie_gym.genie2.views import NEEDED

NEAR = 2.0  # times as far away as the rule says: so near is near
LEAST_FRAMES, LEAST_EPISODES = 60, 4  # that have to show a goal from near, so that its task is learned
MOST_STARTS, MOST_OF_EPISODE = 6, 2  # start frames of a task, and out of one episode
BEGIN = 12.0  # metres from the goal, at most, where a task begins
_LEARNABLE: weakref.WeakKeyDictionary[VideoDataset, tuple[str, ...]] = weakref.WeakKeyDictionary()


def learnable_tasks(data: VideoDataset) -> tuple[str, ...]:
    """The tasks whose goals a recording shows from near, often enough and in enough episodes, and of a class that the
    simulator numbers; without ground truth, none. Looked for once a process."""
    if data not in _LEARNABLE:
        _LEARNABLE[data] = _shown_from_near(data) if data.has_truth(*NEEDED) else ()
    return _LEARNABLE[data]


def _shown_from_near(data: VideoDataset) -> tuple[str, ...]:
    frames, episodes = np.zeros(len(TOLD), int), np.zeros(len(TOLD), int)
    for index in range(len(data)):
        poses, graph = _calm_poses(data, index), _graph(data, index)
        for n, task in enumerate(TOLD):
            _, metres, ahead = before_goals(task, poses, graph)
            count = int((ahead & (metres < NEAR * reach(task))).any(0).sum())
            frames[n] += count
            episodes[n] += count > 0
    known = np.array([goal_class(task) in data.source["classes"] for task in TOLD])
    return tuple(np.array(TOLD)[known & (frames >= LEAST_FRAMES) & (episodes >= LEAST_EPISODES)].tolist())


def pick_task_starts(data: VideoDataset, tasks: Sequence[str]) -> dict[str, UInt8[np.ndarray, "P H W 3"]]:
    """Frames of each task in which its goal shows ahead, some metres away, and is not reached."""
    rng = np.random.default_rng(0)
    found: dict[str, list[np.ndarray]] = {task: [] for task in tasks}
    least = 2 * SHOWN * data.height * data.width
    for index in rng.permutation(len(data)).tolist():
        poses, graph = _calm_poses(data, index), _graph(data, index)
        for task in tasks:
            ids, metres, ahead = before_goals(task, poses, graph)
            apart = (metres > NEAR * reach(task)) & (metres < BEGIN) & ahead
            k, t = np.nonzero(apart)
            tried = rng.permutation(len(k))[:MOST_OF_EPISODE] if len(found[task]) < MOST_STARTS else ()
            for number, frame in zip(ids[k[tried]], t[tried].tolist(), strict=True):
                shown = data.truth(index, "instance", slice(frame, frame + 1)) == number
                if shown.sum() >= least:
                    found[task].append(data.frames(index, slice(frame, frame + 1))[0])
    return {task: np.stack(frames[:MOST_STARTS]) for task, frames in found.items() if frames}


def _calm_poses(data: VideoDataset, index: int) -> Float[np.ndarray, "T 4 4"]:
    """Of an episode before its first event."""
    return data.truth(index, "pose", slice(int(data.calm[index])))


def _graph(data: VideoDataset, index: int) -> list[dict[str, Any]]:
    return list(data.description(index).get("scene_graph", []))
