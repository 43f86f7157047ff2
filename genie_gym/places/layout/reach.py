"""Where one can walk from the spawn, on a grid.

Legend: N cells along a side of the square, n of them all, K points, T things.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.ndimage import label

from genie_gym.places.layout.board import Board
from genie_gym.places.layout.config import GROUPS

CELL = 0.5  # units
BODY = 0.3  # units: half as wide is who walks
STEP, HEAD = 0.3, 1.9  # units: what ends below is stepped over, what begins above is passed under
SPECK = 8  # cells: smaller corners that nobody reaches do not count


class Walkable:
    """`free` [N, N] (rows go north) says where one can stand, `reached` [N, N] where one comes from the spawn."""

    def __init__(self, board: Board):
        self.board = board
        ground = board.ground
        self.size = round(2 * ground.half / (CELL * ground.unit))
        axis = (np.arange(self.size) + 0.5) * (2 * ground.half / self.size) - ground.half
        self._axis = axis
        x, y = np.meshgrid(axis, axis)
        self.points: Float[np.ndarray, "n 2"] = np.stack([x.ravel(), y.ravel()], 1)
        dry = (np.abs(self.points).max(1) < ground.half - BODY * ground.unit) & ~ground.in_deep(
            self.points, BODY * ground.unit
        )
        self._dry = dry.reshape(self.size, self.size)
        self.refresh()

    def refresh(self) -> None:
        """After things came or went."""
        solid = self.blocking()
        self.free: Bool[np.ndarray, "N N"] = self._dry.copy()
        self._take(solid & (self.board.groups == GROUPS.index("frame")))
        self._open = self._from_spawn(self.free)[0]
        self._take(solid & (self.board.groups != GROUPS.index("frame")))
        self.reached, self.parts, self.count = self._from_spawn(self.free)

    def _take(self, chosen: Bool[np.ndarray, " T"]) -> None:
        for box in self.board.cores[chosen]:
            window, covered = self._covered(box, BODY * self.board.ground.unit)
            self.free[window] &= ~covered

    def _from_spawn(self, free: Bool[np.ndarray, "N N"]) -> tuple[Bool[np.ndarray, "N N"], Int[np.ndarray, "N N"], int]:
        """Where one comes to, and all connected parts by number, and how many there are."""
        parts, count = label(free)
        if self.board.spawn is None or not count:
            return np.zeros_like(free), parts, count
        row, column = self.cell(*self.board.spawn[:2])
        near = parts[max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3]
        sizes = np.bincount(parts.ravel(), minlength=count + 1)
        part = int(parts[row, column]) or max((int(one) for one in np.unique(near)), key=lambda one: sizes[one] * (one > 0))
        return (parts == part) & (part > 0), parts, count

    def blocking(self) -> Bool[np.ndarray, " T"]:
        """Which things one cannot walk through."""
        unit = self.board.ground.unit
        return np.asarray(
            (self.board.low < HEAD * unit) & (self.board.high > STEP * unit) & (self.board.groups != GROUPS.index("being"))
        )

    def _covered(self, box: np.ndarray, margin: float) -> tuple[tuple[slice, slice], np.ndarray]:
        """A window of the grid, and which of its cells a box covers that is grown by a margin."""
        x, y, yaw = (float(value) for value in box[:3])
        wide, deep = float(box[3]) + margin, float(box[4]) + margin
        half, step = self.board.ground.half, 2 * self.board.ground.half / self.size
        reach = math.hypot(wide, deep)
        south, north = self._span(y, reach, half, step)
        west, east = self._span(x, reach, half, step)
        along = self._axis[west:east] - x
        across = (self._axis[south:north] - y)[:, None]
        cos, sin = math.cos(yaw), math.sin(yaw)
        covered = (np.abs(along * cos + across * sin) < wide) & (np.abs(across * cos - along * sin) < deep)
        return (slice(south, north), slice(west, east)), covered

    def _span(self, middle: float, reach: float, half: float, step: float) -> tuple[int, int]:
        low, high = int((middle - reach + half) / step), int((middle + reach + half) / step) + 1
        return min(max(low, 0), self.size), min(max(high, 0), self.size)

    def cell(self, x: float, y: float) -> tuple[int, int]:
        """Row and column of a point."""
        half = self.board.ground.half
        row, column = (int(np.clip((c + half) / (2 * half) * self.size, 0, self.size - 1)) for c in (y, x))
        return row, column

    def reaches(self, points: Float[np.ndarray, "K 2"]) -> Bool[np.ndarray, " K"]:
        half = self.board.ground.half
        cells = np.clip(((points + half) / (2 * half) * self.size).astype(int), 0, self.size - 1)
        return np.asarray(self.reached[cells[:, 1], cells[:, 0]])

    @property
    def share(self) -> float:
        """Of the free ground that one would reach if only pieces of rooms, rings and edges stood (specks left out), how much
        is reached; 1 where there is none."""
        large = self.reached | self._shut()
        return float(self.reached.sum() / large.sum()) if large.any() else 1.0

    def in_between(self) -> list[int]:
        """Things that touch both what is reached and what is not, those first that part most from it."""
        shut = self._shut()
        if not shut.any():
            return []
        blocking = np.flatnonzero(self.blocking())
        both = []
        for box in self.board.cores[blocking]:
            window, covered = self._covered(box, (BODY + 1.5 * CELL) * self.board.ground.unit)
            both.append(min(int((shut[window] & covered).sum()), int((self.reached[window] & covered).sum())))
        return [int(blocking[k]) for k in np.argsort(-np.array(both), kind="stable") if both[k] > 0]

    def _shut(self) -> Bool[np.ndarray, "N N"]:
        """Free ground that things keep from being reached."""
        sizes = np.bincount(self.parts.ravel(), minlength=self.count + 1)
        return np.asarray(self._open & (self.parts > 0) & ~self.reached & (sizes[self.parts] > SPECK))
