"""Where one can walk, on a grid: for beings that go about, and to put things where one gets to them.

Legend: B rows, C cells along a side of the square, D = C · FINER finer ones, K cells, or points.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy import ndimage, sparse
from scipy.sparse.csgraph import dijkstra
from torch import Tensor

from genie_gym.places.ground import Ground
from genie_gym.places.library import AssetLibrary
from genie_gym.places.occupancy import BLOCKED, PER_METRE
from genie_gym.places.place import heights_at
from genie_gym.places.surfels import GRID
from genie_gym.places.table import Things

CELLS, FINER = 128, 2  # C; finer cells a side of one
BODY = 0.35  # metres: half as wide is who walks, with a little to spare
STEP, HEAD = 0.3, 1.9  # metres above the ground: what ends below is stepped over, what begins above is passed under
DEEP = 0.3  # metres of water
SHALLOW = 5  # of a water's numbers (`places.ground`)


def blocked_cells(things: Things, ground: Ground, library: AssetLibrary, row: int) -> Bool[np.ndarray, "D D"]:
    """Where something stands on the ground of a row, or water is deep (rows go north, columns east). What can be pushed, and
    beings, are not in the way; decks and bridges are, for who is under them."""
    half, side = float(ground.half[row]), CELLS * FINER
    cell = 2 * half / side
    axis = (np.arange(side) + 0.5) * cell - half
    x, y = np.meshgrid(axis, axis)
    level = heights_at(ground.heights[row].cpu().numpy(), half, np.stack([x.ravel(), y.ravel()], 1)).reshape(side, side)
    blocked = np.zeros((side, side), bool)
    for height, west, south, east, north, wades in ground.water[row].tolist():
        if not wades:
            blocked |= (height - level > DEEP) & (x > west) & (x < east) & (y > south) & (y < north)
    fixed = things.there[row] & ~things.movable[row] & (things.behaviour[row] < 0)
    lines = fixed.nonzero()[:, 0].cpu()
    centre, size, yaw, asset = (
        getattr(things, name)[row].cpu()[lines].numpy() for name in ("centre", "size", "yaw", "asset")
    )
    occupancy, whole = library.occupancy.cpu().numpy(), library.size.cpu().numpy()
    for (mx, my, mz), (wide, deep, tall), turn, number in zip(centre, size, yaw, asset, strict=True):
        sin, cos = math.sin(turn), math.cos(turn)
        reach = (abs(wide * cos) + abs(deep * sin)) / 2, (abs(wide * sin) + abs(deep * cos)) / 2
        low = [max(0, math.floor((m - r + half) / cell)) for m, r in zip((mx, my), reach, strict=True)]
        high = [min(side, math.ceil((m + r + half) / cell)) for m, r in zip((mx, my), reach, strict=True)]
        if low[0] >= high[0] or low[1] >= high[1]:
            continue
        part = slice(low[1], high[1]), slice(low[0], high[0])
        east, north = x[part] - mx, y[part] - my
        u, v = (east * cos + north * sin) / wide + 0.5, (north * cos - east * sin) / deep + 0.5
        inside = (np.abs(u - 0.5) * wide < (wide + cell) / 2) & (np.abs(v - 0.5) * deep < (deep + cell) / 2)  # fences too
        base = mz - tall / 2
        under = level[part]
        meets = (base < under + HEAD) & (base + tall > under + STEP)
        if number >= 0:
            cells = np.clip(np.stack([v, u]) * GRID, 0, GRID - 1).astype(int)
            found = occupancy[number][cells[0], cells[1]]
            deck = base + found * (tall / float(whole[number, 2]) / PER_METRE)
            meets &= (found == BLOCKED) | ((found > 0) & (deck > under + STEP))
        blocked[part] |= inside & meets
    return blocked


def free_cells(blocked: Bool[np.ndarray, "D D"], half: float) -> Bool[np.ndarray, "C C"]:
    """Where who is as wide as `BODY` can stand within a square."""
    cell = 2 * half / len(blocked)
    edge = math.ceil(BODY / cell)
    grown = ndimage.binary_dilation(blocked, _disc(BODY / cell))
    grown[:edge], grown[-edge:], grown[:, :edge], grown[:, -edge:] = True, True, True, True
    return ~grown.reshape(CELLS, FINER, CELLS, FINER).any((1, 3))


def is_free(free: Bool[Tensor, "B C C"], half: Float[Tensor, " B"], points: Tensor) -> Tensor:
    """Whether points [B, …, 2] lie on free cells; outside the square none do."""
    cells = free.shape[1]
    scaled = half.view(-1, *(1,) * (points.dim() - 1))
    place = torch.floor((points + scaled) / (2 * scaled) * cells).long()
    inside = ((place >= 0) & (place < cells)).all(-1)
    place = place.clamp(0, cells - 1)
    flat = (place[..., 1] * cells + place[..., 0]).flatten(1)
    return free.flatten(1).gather(1, flat).view(inside.shape) & inside


def _disc(radius: float) -> Bool[np.ndarray, "K K"]:
    reach = np.arange(-math.ceil(radius), math.ceil(radius) + 1)
    return np.asarray(reach[:, None] ** 2 + reach**2 <= radius**2 + 1e-9)


class Ways:
    """Ways on foot over a place's free cells."""

    def __init__(self, free: Bool[np.ndarray, "C C"], half: float):
        self.free, self.half = free, half
        self.cell = 2 * half / len(free)
        number = np.arange(free.size).reshape(free.shape)
        begins, ends, lengths = [], [], []
        for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
            a = number[: len(free) - down, max(0, -right) : len(free) - max(0, right)]
            b = number[down:, max(0, right) : len(free) + min(0, right)]
            passes = free.flat[a] & free.flat[b]
            if down and right:  # not round a corner's tip
                passes &= free.flat[a + right] & free.flat[a + len(free) * down]
            begins.append(a[passes])
            ends.append(b[passes])
            lengths.append(np.full(int(passes.sum()), math.hypot(down, right) * self.cell))
        edges = np.concatenate(lengths), (np.concatenate(begins), np.concatenate(ends))
        self._graph = sparse.coo_array(edges, shape=(free.size, free.size)).tocsr()

    def cell_of(self, points: Float[np.ndarray, "K 2"]) -> Int[np.ndarray, "K 2"]:
        """Row and column of each point (x, y)."""
        at = np.floor((np.asarray(points, float)[:, ::-1] + self.half) / self.cell).astype(int)
        return np.clip(at, 0, len(self.free) - 1)

    def points(self, cells: Int[np.ndarray, "K 2"]) -> Float[np.ndarray, "K 2"]:
        """The middle (x, y) of each cell."""
        return (cells[:, ::-1] + 0.5) * self.cell - self.half

    def nearest_free(self, x: float, y: float, among: Bool[np.ndarray, "C C"] | None = None) -> tuple[float, float]:
        """The point itself where one can stand there, else the middle of the nearest cell where one can; `among` some."""
        free = self.free if among is None else among
        row, column = self.cell_of(np.array([[x, y]]))[0]
        if free[row, column] or not free.any():
            return x, y
        cells = np.argwhere(free)
        points = self.points(cells)
        nearest = points[np.square(points - (x, y)).sum(1).argmin()]
        return float(nearest[0]), float(nearest[1])

    def distances(self, points: Float[np.ndarray, "K 2"]) -> Float[np.ndarray, "C C"]:
        """How far it is to walk to each cell from the nearest of these points; inf where one does not get."""
        cells = self.cell_of(points)
        starts = cells[:, 0] * len(self.free) + cells[:, 1]
        found = dijkstra(self._graph, directed=False, indices=np.unique(starts), min_only=True)
        return np.asarray(found).reshape(self.free.shape)

    def spots(self, far: Float[np.ndarray, "C C"], low: float, high: float) -> Float[np.ndarray, "K 2"]:
        """Points at distances within a range, or the farthest ones there are."""
        reached = np.isfinite(far)
        chosen = reached & (far >= low) & (far <= high)
        if not chosen.any() and reached.any():
            chosen = reached & (far >= min(low, 0.7 * far[reached].max()))
        return self.points(np.argwhere(chosen))

    def clear(
        self, start: Float[np.ndarray, " 2"], end: Float[np.ndarray, " 2"], wide: Bool[np.ndarray, "C C"] | None = None
    ) -> bool:
        """Whether the straight line between two points is free (`wide`: other cells that have to be)."""
        count = max(2, math.ceil(float(np.linalg.norm(end - start)) / (self.cell / 2)))
        cells = self.cell_of(start + np.linspace(0, 1, count)[:, None] * (end - start))
        return bool((self.free if wide is None else wide)[cells[:, 0], cells[:, 1]].all())
