"""Where one can walk: a grid over the fixed things, walking distances from a goal, and the next point on the way."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import dijkstra

from genie_gym.envs.sim.town.layout import Layout
from genie_gym.envs.sim.town.people import rig
from genie_gym.envs.sim.town.plane import CENTRES, GRID, HALF, RESOLUTION, Place, Point, cells_around
from genie_gym.envs.sim.town.shapes import Collider

CLEARANCE = 0.42  # metres between the centre of a walker and what stands
STEP, HEADROOM = 0.25, 2.0  # metres; what is lower can be walked over, what is higher walked under


class NavigationGrid:
    """Cells of half a metre; `blocked` [GRID, GRID] (rows north, columns east)."""

    def __init__(self, blocked: np.ndarray):
        self.blocked = blocked

    @classmethod
    def of(cls, layout: Layout, moved: Mapping[int, Place] | None = None) -> NavigationGrid:
        """Everything that stands in the layout, people who stand included.

        `moved` tells where movable things (by index) are now, as (x, y, yaw); those that it does not name are left out.
        Without it they are where they started."""
        blocked = np.maximum(np.abs(CENTRES)[None, :], np.abs(CENTRES)[:, None]) > HALF - CLEARANCE
        if layout.quay is not None:
            blocked |= (layout.quay + CLEARANCE > CENTRES)[:, None]
        for index, entity in layout.standing():
            if entity.behaviour == "stand":
                _block(blocked, entity.x, entity.y, Collider("cylinder", (0, 0, 0), (rig(entity.kind).radius, 1)), 0.0)
            if entity.shape is None or (entity.mass > 0 and moved is not None and index not in moved):
                continue
            x, y, yaw = (entity.x, entity.y, entity.yaw) if moved is None or entity.mass == 0 else moved[index]
            cos, sin = np.cos(yaw), np.sin(yaw)
            for part in entity.shape.colliders:
                px, py, pz = part.position
                if pz - part.size[-1] > HEADROOM or pz + part.size[-1] < STEP:
                    continue
                _block(blocked, x + cos * px - sin * py, y + sin * px + cos * py, part, yaw + part.yaw)
        return cls(blocked)

    def cell(self, x: float, y: float) -> tuple[int, int]:
        row, column = (min(max(int((c + HALF) / RESOLUTION), 0), GRID - 1) for c in (y, x))
        return row, column

    def point(self, row: int, column: int) -> Point:
        return (column + 0.5) * RESOLUTION - HALF, (row + 0.5) * RESOLUTION - HALF

    def points(self, cells: np.ndarray) -> np.ndarray:
        """Centres [n, 2] (x, y) of cells [n, 2] (row, column)."""
        return (cells[:, ::-1] + 0.5) * RESOLUTION - HALF

    @functools.cached_property
    def graph(self) -> csr_matrix:
        """Free cells joined to their free neighbours; diagonals only where no corner is cut."""
        index = np.arange(GRID * GRID).reshape(GRID, GRID)
        free = ~self.blocked
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
        one, other, metres = np.concatenate(rows), np.concatenate(columns), np.concatenate(lengths)
        both_ways = np.r_[metres, metres], (np.r_[one, other], np.r_[other, one])
        return coo_matrix(both_ways, shape=(GRID**2, GRID**2)).tocsr()

    def distances(self, x: float, y: float) -> np.ndarray:
        """Walking distance in metres from (x, y) to every cell, inf where one cannot get; [GRID, GRID]."""
        row, column = self.nearest_free(*self.cell(x, y))
        return dijkstra(self.graph, indices=row * GRID + column).reshape(GRID, GRID) * RESOLUTION

    def nearest_free(self, row: int, column: int) -> tuple[int, int]:
        return _nearest(~self.blocked, row, column)

    def clear(self, a: Point, b: Point) -> bool:
        """Whether one can walk straight from a to b."""
        steps = max(2, int(np.hypot(b[0] - a[0], b[1] - a[1]) / (RESOLUTION / 2)))
        t = np.arange(1, steps) / (steps - 1)
        rows = ((a[1] + (b[1] - a[1]) * t + HALF) / RESOLUTION).astype(int)
        columns = ((a[0] + (b[0] - a[0]) * t + HALF) / RESOLUTION).astype(int)
        if min(rows[-1], columns[-1]) < 0 or max(rows[-1], columns[-1]) >= GRID:
            return False
        return not bool(self.blocked[rows, columns].any())

    def next_point(self, distances: np.ndarray, x: float, y: float, horizon: int = 14) -> Point:
        """Where to head from (x, y) on the way to the goal of `distances`: the farthest visible point downhill."""
        row, column = _nearest(np.isfinite(distances), *self.cell(x, y))
        target = self.point(row, column)
        for _ in range(horizon):
            window = distances[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
            r, c = np.unravel_index(int(window.argmin()), window.shape)
            row, column = max(row - 1, 0) + int(r), max(column - 1, 0) + int(c)
            candidate = self.point(row, column)
            if self.clear((x, y), candidate):
                target = candidate
        return target


def _block(blocked: np.ndarray, x: float, y: float, part: Collider, yaw: float) -> None:
    """Blocks the cells whose centres lie within `CLEARANCE` of a collider at (x, y)."""
    width, depth = part.half
    box = part.kind == "box"
    reach = (float(np.hypot(width, depth)) if box else width) + CLEARANCE + RESOLUTION
    window, along, across = cells_around(x, y, yaw if box else 0.0, reach)
    if box:
        inside = (np.abs(along) < width + CLEARANCE) & (np.abs(across) < depth + CLEARANCE)
    else:
        inside = along**2 + across**2 < (width + CLEARANCE) ** 2
    blocked[window] |= inside


def _nearest(wanted: np.ndarray, row: int, column: int) -> tuple[int, int]:
    """The cell itself if it is wanted (bool [GRID, GRID]), else the nearest one that is."""
    if wanted[row, column]:
        return row, column
    cells = np.argwhere(wanted)
    nearest = cells[np.abs(cells - (row, column)).sum(1).argmin()]
    return int(nearest[0]), int(nearest[1])
