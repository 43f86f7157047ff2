"""A scripted player that knows the map: it walks along free cells to what a task asks for, by keys.

It sees what anybody can ask a world for: the place as it stands, where one can walk, and where the camera is.

Legend: B rows, K points, C cells along a side of the square.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from genie_gym.genie3.state import Genie3State
from genie_gym.genie3.walkable import Ways
from genie_gym.genie3.world import Genie3World
from genie_gym.geometry.goals import Goal
from genie_gym.places.place import Place, Thing
from genie_gym.world import World, WorldState

INSIDE = 0.3  # metres nearer than the rule asks: there the goal is reached for certain
TURN = math.radians(3.5)  # within so much of where it wants to go it goes straight on: a key turns by 5 degrees
AHEAD = 12  # cells on the way that it looks ahead, as far as the way there is straight and free
STUCK, FREE_M = 16, 0.3  # steps forward in which it moves less than that …
BACK, ASIDE = 4, 10  # … bring it to step back and aside for so many


class Expert:
    """Plays one episode a row. Rows whose task has no rule of a thing to come near (`geometry.goals`) stand still.

    Args:
        state: the rows at their beginning. tasks: what is to be done in each.
    """

    def __init__(self, world: World, state: WorldState, tasks: Sequence[str], rng: np.random.Generator):
        assert isinstance(world, Genie3World)
        assert isinstance(state, Genie3State)
        self.keys = {name: number for number, name in enumerate(world.key_names)}
        goals = dict(zip(world.errands.names, world.errands.goals, strict=True))
        free = state.free.cpu().numpy()
        self.players = [
            _Player(goals[task], place, free[row], rng)
            for row, (task, place) in enumerate(zip(tasks, world.places(state), strict=True))
        ]

    def act(self, state: WorldState) -> Int[np.ndarray, " B"]:
        """The key that each row presses now."""
        poses = state.extras["pose"].cpu().numpy()
        return np.array([self.keys[player.key(pose)] for player, pose in zip(self.players, poses, strict=True)])


def can_solve(world: World, task: str) -> bool:
    """Whether the expert knows how a task is done."""
    assert isinstance(world, Genie3World)
    return world.errands.goals[world.errands.names.index(task)] is not None


class _Player:
    """One row's."""

    def __init__(self, goal: Goal | None, place: Place, free: Bool[np.ndarray, "C C"], rng: np.random.Generator):
        self.goal, self.rng = goal, rng
        self.ways, self.trail, self.aside = Ways(free, place.half), list[np.ndarray](), list[str]()
        self.things = [thing for thing in place.things if goal is not None and thing.name == goal.kind]
        self.far = self._distances()

    def key(self, pose: Float[np.ndarray, "4 4"]) -> str:
        """By its name."""
        if self.goal is None or not self.things:
            return "noop"
        here, heading = pose[:2, 3].astype(float), math.atan2(pose[1, 2], pose[0, 2])
        if self.aside:
            return self.aside.pop()
        near = min(self.things, key=lambda thing: self._metres(here[None], thing)[0])
        if self._metres(here[None], near)[0] < self.goal.reach:
            return _turning(self._turn(here, heading, np.array(near.centre[:2])))
        turn = self._turn(here, heading, self._next(here))
        if abs(turn) > TURN:
            return _turning(turn)
        self.trail = [*self.trail[-STUCK:], here]
        if len(self.trail) > STUCK and np.ptp(np.array(self.trail), axis=0).max() < FREE_M:
            side = "strafe left" if self.rng.random() < 0.5 else "strafe right"
            self.aside, self.trail = [side] * ASIDE + ["back"] * BACK, []
            return self.aside.pop()
        return "forward"

    def _distances(self) -> Float[np.ndarray, "C C"]:
        """How far it is to walk from each cell to where the goal is reached."""
        if self.goal is None or not self.things:
            return np.full(self.ways.free.shape, np.inf)
        cells = np.argwhere(self.ways.free)
        points = self.ways.points(cells)
        metres = np.min([self._metres(points, thing) for thing in self.things], axis=0)
        least = max(self.goal.reach - INSIDE, float(metres.min()) + self.ways.cell)
        return self.ways.distances(points[metres <= least])

    def _metres(self, points: Float[np.ndarray, "K 2"], thing: Thing) -> Float[np.ndarray, " K"]:
        """As `Goal` counts them."""
        assert self.goal is not None
        sin, cos = math.sin(thing.yaw), math.cos(thing.yaw)
        axes = np.array([[cos, sin], [-sin, cos]])
        off = points - (np.array(thing.centre[:2]) - np.array(self.goal.middle) @ axes)
        return np.asarray(np.linalg.norm(np.maximum(np.abs(off @ axes.T) - np.array(self.goal.half), 0), axis=1))

    def _next(self, here: Float[np.ndarray, " 2"]) -> Float[np.ndarray, " 2"]:
        """Where to go on to: some cells down the way, as far as one gets there straight."""
        x, y = here.tolist()
        cell = self.ways.cell_of(np.array([self.ways.nearest_free(x, y, among=np.isfinite(self.far))]))[0]
        wanted = self.ways.points(cell[None])[0]
        for _ in range(AHEAD):
            around = [cell + (down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
            around = [one for one in around if (one >= 0).all() and (one < len(self.far)).all()]
            cell = min(around, key=lambda one: self.far[one[0], one[1]])
            point = self.ways.points(cell[None])[0]
            if not self.ways.clear(here, point):
                break
            wanted = point
            if self.far[cell[0], cell[1]] == 0:
                break
        return np.asarray(wanted)

    def _turn(self, here: Float[np.ndarray, " 2"], heading: float, point: Float[np.ndarray, " 2"]) -> float:
        """By how much to turn to the left to look at a point."""
        wanted = math.atan2(point[1] - here[1], point[0] - here[0])
        return (wanted - heading + math.pi) % (2 * math.pi) - math.pi


def _turning(turn: float) -> str:
    return "turn left" if turn > 0 else "turn right"
