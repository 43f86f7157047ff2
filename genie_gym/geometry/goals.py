"""When a task's goal is reached: near a thing of some class, and looking at it. The rules come with a recording, as its
simulator has them (`goals_of`); told of recorded poses, masks and scene graphs, they say what no reward was recorded for.

Legend: T frames, N goals, K things, H W image.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from genie_gym.errors import GenieGymError

MOST, FAR = 1000, 1e4  # goals of a recording; metres
NAME = re.compile(r"[\w-][\w:-]{0,59}", re.ASCII)
SHOWN = 0.002  # of the picture: of what shows less, one sees nothing
FARTHEST = 30.0  # metres: all that is farther away counts as that far


@dataclass(frozen=True)
class Goal:
    """`task` is done within `reach` metres of a thing of the class `kind`, and, where there is a `half_angle` (radians),
    with its middle no farther than that to either side. Distance is to the edge of the thing's footprint, a rectangle with
    the half extents `half` (metres, in the axes of the thing), in whose frame the middle of its box lies at `middle`."""

    task: str
    kind: str
    reach: float
    half_angle: float | None = None
    middle: tuple[float, float] = (0.0, 0.0)
    half: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        numbers = (self.reach, *self.middle, *self.half, self.half_angle or 1.0)
        if not (
            all(isinstance(name, str) and NAME.fullmatch(name) for name in (self.task, self.kind))
            and all(isinstance(x, int | float) and not isinstance(x, bool) and abs(x) < FAR for x in numbers)
            and len(numbers) == 6
            and self.reach > 0
            and (self.half_angle is None or self.half_angle > 0)
        ):
            raise GenieGymError(
                "a goal has a task and a kind, names of letters, digits and _:-, a reach above 0 in metres, and may have a "
                f"half_angle, a middle and a half; got {str(self)[:200]}."
            )

    def before(
        self, poses: Float[np.ndarray, "T 4 4"], graph: Sequence[Mapping[str, Any]]
    ) -> tuple[Int[np.ndarray, " K"], Float[np.ndarray, "K T"], Bool[np.ndarray, "K T"]]:
        """The ids of the things that it asks for, how far away each is, and whether one looks at it as the rule wants,
        whatever stands in between. Poses are camera to world, z up, ids those of the scene graph: goals do not move."""
        things = [thing for thing in graph if thing["class"] == self.kind]
        metres, ahead = np.zeros((len(things), len(poses)), np.float32), np.zeros((len(things), len(poses)), bool)
        for k, thing in enumerate(things):
            real, _, _, upright = thing["rotation"]
            turn = 2 * np.arctan2(upright, real)
            axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
            off = poses[:, :2, 3] - (np.array(thing["centre"][:2]) - np.array(self.middle) @ axes)
            metres[k] = np.linalg.norm(np.maximum(np.abs(off @ axes.T) - np.array(self.half), 0), axis=1)
            to_it = np.arctan2(-off[:, 1], -off[:, 0]) - np.arctan2(poses[:, 1, 2], poses[:, 0, 2])
            angle = np.abs((to_it + np.pi) % (2 * np.pi) - np.pi)
            ahead[k] = True if self.half_angle is None else angle < self.half_angle
        return np.array([thing["id"] for thing in things], np.int64), metres, ahead


@dataclass(frozen=True)
class Told:
    """Of frames and goals: whether a thing that is asked for shows where one has to have it, and how far away the nearest
    such thing is, in metres as the rule counts them (`FARTHEST` where there is none)."""

    facing: Bool[np.ndarray, "T N"]
    distance: Float[np.ndarray, "T N"]

    def reached(self, goals: Sequence[Goal]) -> Bool[np.ndarray, "T N"]:
        return self.facing & (self.distance < [goal.reach for goal in goals])


def goals_of(said: Any) -> tuple[Goal, ...]:
    """Those that a recording says (`source["goals"]`), or a world's file, in JSON values by name.

    Raises:
        GenieGymError: for what are no goals, or two of one task.
    """
    if not isinstance(said, list | tuple) or len(said) > MOST or not all(isinstance(goal, Mapping) for goal in said):
        raise GenieGymError(f"goals are a list of at most {MOST:,} objects; given {str(said)[:80]}.")
    try:
        pairs = [{name: tuple(goal[name]) for name in ("middle", "half") if name in goal} for goal in said]
        goals = tuple(Goal(**{**goal, **pair}) for goal, pair in zip(said, pairs, strict=True))
    except TypeError as error:
        raise GenieGymError(f"these are no goals: {error}.") from error
    if len({goal.task for goal in goals}) < len(goals):
        raise GenieGymError("each task has one goal; two are of the same.")
    return goals


def told_goals(
    goals: Sequence[Goal],
    poses: Float[np.ndarray, "T 4 4"],
    instance: Int[np.ndarray, "T H W"],
    graph: Sequence[Mapping[str, Any]],
) -> Told:
    """What the rules say of frames of one episode, whose scene graph is that of its start."""
    facing = np.zeros((len(poses), len(goals)), bool)
    distance = np.full(facing.shape, FARTHEST, np.float32)
    least = SHOWN * instance.shape[1] * instance.shape[2]
    for n, goal in enumerate(goals):
        ids, metres, ahead = goal.before(poses, graph)
        for number, far, right in zip(ids, metres, ahead, strict=True):
            if not (right & (far < FARTHEST)).any():
                continue
            shows = right & (far < FARTHEST) & ((instance == number).sum((1, 2)) >= least)
            facing[:, n] |= shows
            distance[:, n] = np.where(shows, np.minimum(distance[:, n], far), distance[:, n])
    return Told(facing, distance)
