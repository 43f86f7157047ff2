"""Where to stand, and look, so as to see a place whole: its things from near and from each side, and all else from anywhere.

Legend: S sides of boxes, C cells of the navigation grid.
"""

from __future__ import annotations

import numpy as np

from genie_gym.envs.sim.town.agent import MAX_PITCH
from genie_gym.envs.sim.town.eye import EYE_HEIGHT
from genie_gym.envs.sim.town.navigation import NavigationGrid
from genie_gym.envs.sim.town.plane import HALF, as_point, heading_of
from genie_gym.envs.sim.town.plane import Place as Standpoint
from genie_gym.places.place import Place

NEAR_SHARE = 0.6  # of the views
LEVEL_SHARE = 0.7  # of the others
NEAR = (1.5, 6.0)  # metres from what is looked at
SLANT = 0.7  # radians, at most, between such a look and straight at the side
AREAS = (1.0, 30.0)  # square metres, between which a side counts by its area
TRIES = 60  # sides that are tried for one view


class Viewpoints:
    """Draws views of a place without end. Near ones go through all sides of all boxes before they begin again, large sides
    mostly first; those that nobody can stand before are passed over.

    Args:
        reachable: bool [GRID, GRID], cells that one can get to.
    """

    def __init__(self, place: Place, reachable: np.ndarray, rng: np.random.Generator):
        self.place, self.reachable, self.rng = place, reachable, rng
        things = [thing for thing in place.things if max(abs(thing.centre[0]), abs(thing.centre[1])) < HALF + 8]
        boxes = np.array([(*thing.centre, *thing.size, thing.yaw) for thing in things]).reshape(-1, 7)
        turns = np.repeat(boxes[:, 6:], 4, 1) + np.arange(4) * np.pi / 2
        depth, width = boxes[:, [3, 4, 3, 4]] / 2, boxes[:, [4, 3, 4, 3]] / 2  # half sizes, towards a side and along it
        self._turns, self._widths = turns.ravel(), width.ravel()
        towards = np.stack([np.cos(turns), np.sin(turns)], -1) * depth[..., None]
        self._middles = (boxes[:, None, :2] + towards).reshape(-1, 2)
        self._spans = np.repeat(np.c_[boxes[:, 2] - boxes[:, 5] / 2, boxes[:, 2] + boxes[:, 5] / 2], 4, 0)  # [S, 2], heights
        areas = np.clip(2 * self._widths * np.ptp(self._spans, axis=1), *AREAS)
        self._shares = areas / areas.sum()
        self._queue: list[int] = []

    def next(self, grid: NavigationGrid) -> tuple[Standpoint, float] | None:
        """A free place (x, y, yaw) and a pitch; None where there is no room at all. `grid` says what is free now."""
        near = self.rng.random() < NEAR_SHARE
        return (self._near(grid) if near else None) or self._anywhere(grid)

    def _anywhere(self, grid: NavigationGrid) -> tuple[Standpoint, float] | None:
        cells = np.argwhere(self.reachable & ~grid.blocked)
        if not len(cells):
            return None
        x, y = grid.points(cells[[self.rng.integers(len(cells))]])[0]
        level = self.rng.random() < LEVEL_SHARE
        pitch = 0.0 if level else float(self.rng.uniform(-MAX_PITCH, MAX_PITCH))
        return (float(x), float(y), float(self.rng.uniform(-np.pi, np.pi))), pitch

    def _near(self, grid: NavigationGrid) -> tuple[Standpoint, float] | None:
        """A look at the next side that one can stand before."""
        for _ in range(TRIES if len(self._turns) else 0):
            if not self._queue:
                count = len(self._turns)
                self._queue = list(self.rng.choice(count, count, replace=False, p=self._shares)[::-1])
            side = self._queue.pop()
            turn, across = self._turns[side], self.rng.uniform(-0.8, 0.8) * self._widths[side]
            aim = self._middles[side] + across * np.array([-np.sin(turn), np.cos(turn)])
            angle, distance = turn + self.rng.uniform(-SLANT, SLANT), self.rng.uniform(*NEAR)
            way = np.array([np.cos(angle), np.sin(angle)])
            stand = aim + way * distance
            if np.abs(stand).max() >= HALF or not self.reachable[grid.cell(*stand)]:
                continue
            if not grid.clear(as_point(stand), as_point(aim + way * min(0.7, distance / 2))):
                continue
            eye = self.place.height(*stand) + EYE_HEIGHT
            reach = distance * np.tan(MAX_PITCH)
            low, high = np.clip(self._spans[side], eye - reach, eye + reach)
            pitch = float(np.arctan2(self.rng.uniform(low, high) - eye, distance))
            return (float(stand[0]), float(stand[1]), heading_of(-way)), pitch
        return None
