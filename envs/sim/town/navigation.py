"""Where one can walk: a grid over the fixed things, walking distances from a goal, and the next point on the way."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import dijkstra

from genie_gym.envs.sim.town.layout import GRID, HALF, RESOLUTION, Layout, grid_window
from genie_gym.envs.sim.town.people import rig
from genie_gym.envs.sim.town.shapes import Collider

CLEARANCE = 0.42  # metres between the centre of a walker and what stands
STEP = 0.25  # what is lower can be walked over


class NavigationGrid:
    """Cells of half a metre; `blocked` [GRID, GRID] (rows north, columns east)."""

    def __init__(self, blocked: np.ndarray):
        self.blocked = blocked
        self._graph = None

    @classmethod
    def of(cls, layout: Layout, moved: Mapping[int, tuple[float, float, float]] | None = None) -> NavigationGrid:
        """Everything that stands in the layout, people who stand included.

        `moved` tells where movable things (by index) are now, as (x, y, yaw); those that it does not name are left out.
        Without it they are where they started."""
        centres = (np.arange(GRID) + 0.5) * RESOLUTION - HALF
        x, y = np.meshgrid(centres, centres)
        blocked = np.maximum(np.abs(x), np.abs(y)) > HALF - CLEARANCE
        if layout.quay is not None:
            blocked |= y < layout.quay + CLEARANCE
        for index, entity in enumerate(layout.entities):
            if entity.behaviour == "stand":
                _block(blocked, x, y, entity.x, entity.y, Collider("cylinder", (0, 0, 0), (rig(entity.kind).radius, 1)), 0.0)
            if entity.shape is None or (entity.mass > 0 and moved is not None and index not in moved):
                continue
            at = (entity.x, entity.y, entity.yaw) if moved is None or entity.mass == 0 else moved[index]
            c, s = np.cos(at[2]), np.sin(at[2])
            for part in entity.shape.colliders:
                height = part.size[-1] if part.kind != "sphere" else part.size[0]
                if part.position[2] - height > 2.0 or part.position[2] + height < STEP:
                    continue
                px = at[0] + c * part.position[0] - s * part.position[1]
                py = at[1] + s * part.position[0] + c * part.position[1]
                _block(blocked, x, y, px, py, part, at[2] + part.yaw)
        return cls(blocked)

    def cell(self, x: float, y: float) -> tuple[int, int]:
        row, column = (min(max(int((c + HALF) / RESOLUTION), 0), GRID - 1) for c in (y, x))
        return row, column

    def point(self, row: int, column: int) -> tuple[float, float]:
        return (column + 0.5) * RESOLUTION - HALF, (row + 0.5) * RESOLUTION - HALF

    def points(self, cells: np.ndarray) -> np.ndarray:
        """Centres [n, 2] (x, y) of cells [n, 2] (row, column)."""
        return (cells[:, ::-1] + 0.5) * RESOLUTION - HALF

    def distances(self, x: float, y: float) -> np.ndarray:
        """Walking distance in metres from (x, y) to every cell, inf where one cannot get; [GRID, GRID]."""
        if self._graph is None:
            self._graph = _graph(self.blocked)
        row, column = self.nearest_free(*self.cell(x, y))
        return dijkstra(self._graph, indices=row * GRID + column).reshape(GRID, GRID) * RESOLUTION

    def nearest_free(self, row: int, column: int) -> tuple[int, int]:
        if not self.blocked[row, column]:
            return row, column
        free = np.argwhere(~self.blocked)
        nearest = free[np.abs(free - (row, column)).sum(1).argmin()]
        return int(nearest[0]), int(nearest[1])

    def clear(self, a: tuple[float, float], b: tuple[float, float]) -> bool:
        """Whether one can walk straight from a to b."""
        steps = max(2, int(np.hypot(b[0] - a[0], b[1] - a[1]) / (RESOLUTION / 2)))
        t = np.arange(1, steps) / (steps - 1)
        rows = ((a[1] + (b[1] - a[1]) * t + HALF) / RESOLUTION).astype(int)
        columns = ((a[0] + (b[0] - a[0]) * t + HALF) / RESOLUTION).astype(int)
        if min(rows[-1], columns[-1]) < 0 or max(rows[-1], columns[-1]) >= GRID:
            return False
        return not bool(self.blocked[rows, columns].any())

    def next_point(self, distances: np.ndarray, x: float, y: float, horizon: int = 14) -> tuple[float, float]:
        """Where to head from (x, y) on the way to the goal of `distances`: the farthest visible point downhill."""
        row, column = self.cell(x, y)
        if not np.isfinite(distances[row, column]):
            row, column = _nearest_finite(distances, row, column)
        target = self.point(row, column)
        for _ in range(horizon):
            window = distances[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
            r, c = np.unravel_index(int(window.argmin()), window.shape)
            row, column = max(row - 1, 0) + int(r), max(column - 1, 0) + int(c)
            candidate = self.point(row, column)
            if self.clear((x, y), candidate):
                target = candidate
        return target


def _block(blocked: np.ndarray, x: np.ndarray, y: np.ndarray, px: float, py: float, part: Collider, yaw: float) -> None:
    extent = float(np.hypot(part.size[0], part.size[1])) if part.kind == "box" else part.size[0]
    window = grid_window(px, py, extent + CLEARANCE + RESOLUTION)
    dx, dy = x[window] - px, y[window] - py
    if part.kind == "box":
        c, s = np.cos(yaw), np.sin(yaw)
        inside = (np.abs(c * dx + s * dy) < part.size[0] + CLEARANCE) & (np.abs(c * dy - s * dx) < part.size[1] + CLEARANCE)
    else:
        inside = dx**2 + dy**2 < (part.size[0] + CLEARANCE) ** 2
    blocked[window] |= inside


def _graph(blocked: np.ndarray) -> csr_matrix:
    """Free cells joined to their free neighbours; diagonals only where no corner is cut."""
    index = np.arange(GRID * GRID).reshape(GRID, GRID)
    free = ~blocked
    rows, columns, lengths = [], [], []
    for dr, dc, length in ((0, 1, 1.0), (1, 0, 1.0), (1, 1, 2**0.5), (1, -1, 2**0.5)):
        a = (slice(0, GRID - dr), slice(0, GRID - dc) if dc >= 0 else slice(1, GRID))
        b = (slice(dr, GRID), slice(dc, GRID) if dc >= 0 else slice(0, GRID - 1))
        joined = free[a] & free[b]
        if dr and dc:
            joined &= free[a[0], b[1]] & free[b[0], a[1]]
        rows.append(index[a][joined])
        columns.append(index[b][joined])
        lengths.append(np.full(int(joined.sum()), length))
    r, c, d = np.concatenate(rows), np.concatenate(columns), np.concatenate(lengths)
    return coo_matrix((np.r_[d, d], (np.r_[r, c], np.r_[c, r])), shape=(GRID**2, GRID**2)).tocsr()


def _nearest_finite(distances: np.ndarray, row: int, column: int) -> tuple[int, int]:
    cells = np.argwhere(np.isfinite(distances))
    nearest = cells[np.abs(cells - (row, column)).sum(1).argmin()]
    return int(nearest[0]), int(nearest[1])
