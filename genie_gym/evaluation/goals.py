"""What the rules of tasks say of a recording: what worlds learn their tasks from, and are held against.

Legend: F frames of all episodes, N goals, H W image.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from genie_gym.datasets.video import VideoDataset
from genie_gym.geometry.goals import FARTHEST, Goal, Told, told_goals
from genie_gym.progress import progress


def recorded_goals(data: VideoDataset, goals: Sequence[Goal], instance: Int[np.ndarray, "F H W"] | None = None) -> Told:
    """What the rules say of all frames [F, N]; from the first event of an episode on, that there is no goal.

    Args:
        instance: the recording's masks, where they are in memory already; else they are read.
    """
    facing = np.zeros((data.num_frames, len(goals)), bool)
    distance = np.full(facing.shape, FARTHEST, np.float32)
    for index in progress(range(len(data)), desc="goals in real frames", unit="episode", leave=False):
        calm = slice(int(data.calm[index]))
        span = slice(int(data.offsets[index]), int(data.offsets[index] + data.calm[index]))
        masks = data.truth(index, "instance", calm) if instance is None else instance[span]
        told = told_goals(goals, data.truth(index, "pose", calm), masks, data.description(index).get("scene_graph", []))
        facing[span], distance[span] = told.facing, told.distance
    return Told(facing, distance)
