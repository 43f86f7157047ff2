"""What the rules of Town's tasks say of moments that were recorded: from where the camera was, and what stood where.

Told of two tasks, whose goals show from where they are reached: the beacon, and landmarks to find. A coin is below the
picture when one takes it, and the crate's mark lies under the crate.

Legend: T frames, N tasks, K things, H W image.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from genie_gym.envs.sim.town.landmarks import FOOTPRINTS, landmark
from genie_gym.envs.sim.town.vocabulary import VOCABULARY

BEACON_REACH = 1.5  # metres to its middle
FIND_REACH, FIND_HALF_ANGLE = 3.0, float(np.radians(30))  # metres to the thing's edge; to its middle, to either side
TOLD = ("reach_beacon", *(f"find:{name}" for name in VOCABULARY.landmarks))
SHOWN = 0.002  # of the picture: of what shows less, one sees nothing
FARTHEST = 30.0  # metres: all that is farther away counts as that far


@dataclass(frozen=True)
class Goals:
    """Of frames and tasks: whether a thing that the task asks for shows where one has to have it, and how far away the
    nearest such thing is, in metres as the rule counts them (`FARTHEST` where there is none)."""

    facing: Bool[np.ndarray, "T N"]
    distance: Float[np.ndarray, "T N"]

    def reached(self, tasks: Sequence[str]) -> Bool[np.ndarray, "T N"]:
        return self.facing & (self.distance < [reach(task) for task in tasks])


def goal_class(task: str) -> str:
    """The class of what is to be reached."""
    kind, _, target = task.partition(":")
    return target if kind == "find" else "beacon"


def reach(task: str) -> float:
    """Within how many metres it counts as reached."""
    return FIND_REACH if task.startswith("find:") else BEACON_REACH


def told_goals(
    tasks: Sequence[str],
    poses: Float[np.ndarray, "T 4 4"],
    instance: Int[np.ndarray, "T H W"],
    graph: Sequence[Mapping[str, Any]],
) -> Goals:
    """What the rules of `tasks` (out of `TOLD`) say of frames of one episode. Poses are camera to world, as Town records
    them, ids those of the scene graph at the episode's start: goals do not move."""
    facing = np.zeros((len(poses), len(tasks)), bool)
    distance = np.full(facing.shape, FARTHEST, np.float32)
    least = SHOWN * instance.shape[1] * instance.shape[2]
    for n, task in enumerate(tasks):
        ids, metres, ahead = before_goals(task, poses, graph)
        for number, far, right in zip(ids, metres, ahead, strict=True):
            if not (right & (far < FARTHEST)).any():
                continue
            shows = right & (far < FARTHEST) & ((instance == number).sum((1, 2)) >= least)
            facing[:, n] |= shows
            distance[:, n] = np.where(shows, np.minimum(distance[:, n], far), distance[:, n])
    return Goals(facing, distance)


def before_goals(
    task: str, poses: Float[np.ndarray, "T 4 4"], graph: Sequence[Mapping[str, Any]]
) -> tuple[Int[np.ndarray, " K"], Float[np.ndarray, "K T"], Bool[np.ndarray, "K T"]]:
    """The ids of the things that a task asks for, how far away each is, and whether one looks at it as the rule wants,
    whatever stands in between."""
    kind = goal_class(task)
    things = [thing for thing in graph if thing["class"] == kind]
    metres, ahead = np.zeros((len(things), len(poses)), np.float32), np.zeros((len(things), len(poses)), bool)
    for k, thing in enumerate(things):
        real, _, _, upright = thing["rotation"]
        turn = 2 * np.arctan2(upright, real)
        axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        middle, half = _footprint(kind)
        off = poses[:, :2, 3] - (np.array(thing["centre"][:2]) - middle @ axes)
        metres[k] = np.linalg.norm(np.maximum(np.abs(off @ axes.T) - half, 0), axis=1)
        to_it = np.arctan2(-off[:, 1], -off[:, 0]) - np.arctan2(poses[:, 1, 2], poses[:, 0, 2])
        angle = np.abs((to_it + np.pi) % (2 * np.pi) - np.pi)
        ahead[k] = True if kind == "beacon" else angle < FIND_HALF_ANGLE
    return np.array([thing["id"] for thing in things], np.int64), metres, ahead


@functools.cache
def _footprint(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Where the middle of a thing's box lies from where it stands, and the half extents of what it covers; of the beacon,
    whose middle counts, none."""
    if kind == "beacon":
        return np.zeros(2), np.zeros(2)
    low, high = landmark(kind).bounds()
    return (low[:2] + high[:2]) / 2, np.array(FOOTPRINTS[kind])
