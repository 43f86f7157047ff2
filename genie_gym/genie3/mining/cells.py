"""Points of many views, gathered in small cells of a thing's own axes, and fused into surfels.

A cell holds what faces one of six ways. Near views fill fine cells, far ones coarse cells; where both saw a place the fine
ones count. Of each episode a cell keeps one mean; over episodes the median, so that what was taken for the thing once does
not show.

Legend: n points, c columns, k groups, r rows (one of a cell and an episode), s surfels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Shaped

LEVELS = 5
_MIDDLE, _BITS = 1 << 17, 18
COLOURS = ("dry", "snow", "shine")  # albedo, albedo under snow, light of its own in the dark
DRY, SNOW, SHINE = range(3)


@dataclass(frozen=True, eq=False)
class Rows:
    """What episodes saw of one thing's cells, a row for each cell and episode. `geometry` is position and normal, [r, 6];
    `colours` are [r, 3, 3] by `COLOURS`, `weights` [r, 4] that of the geometry and of each colour."""

    key: Int[np.ndarray, " r"]
    geometry: Float[np.ndarray, "r 6"]
    colours: Float[np.ndarray, "r 3 3"]
    weights: Float[np.ndarray, "r 4"]

    def __len__(self) -> int:
        return len(self.key)

    @classmethod
    def joined(cls, parts: Sequence[Rows]) -> Rows:
        if not parts:
            shapes = (np.int64, (0,)), (np.float32, (0, 6)), (np.float16, (0, 3, 3)), (np.float16, (0, 4))
            return cls(*(np.zeros(shape, dtype) for dtype, shape in shapes))
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))

    def keep(self, which: np.ndarray | slice) -> Rows:
        return Rows(*(getattr(self, name)[which] for name in self.__dataclass_fields__))


def cell_of(size: Sequence[float], far: bool = False) -> float:
    """How fine, in metres, a thing of this size is made; coarse where it is only seen from `far`."""
    largest = max(size)
    cell = 0.04 if largest < 1.3 else 0.06 if largest < 26 else 0.12 if largest < 40 else 0.3
    return max(cell, 0.3) if far else cell


def gather(
    points: Float[np.ndarray, "n 3"],
    normals: Float[np.ndarray, "n 3"],
    colours: Float[np.ndarray, "n 3 3"],
    trust: Float[np.ndarray, "n 3"],
    footprint: Float[np.ndarray, " n"],
    facing: Float[np.ndarray, " n"],
    cell: float,
) -> Rows:
    """The rows of one episode. `trust` is 0 where a colour is not known, `footprint` metres that a pixel covers across the
    sight, `facing` the cosine between normal and sight."""
    effective = footprint / np.sqrt(np.clip(facing, 0.1, 1))
    level = np.clip(np.ceil(np.log2(np.maximum(effective * 0.8 / cell, 1e-6))), 0, LEVELS - 1).astype(np.int64)
    cells, row = np.unique(keys_of(points, normals, cell, level), return_inverse=True)
    count = len(cells)
    weight = (np.clip(facing, 0.05, 1) / np.maximum(effective, 0.3 * cell) ** 2).astype(np.float64) ** 2
    weight /= weight.max(initial=1e-12)
    total = np.bincount(row, weight, count)[:, None]
    geometry = sums(row, weight[:, None] * np.concatenate([points, normals], 1), count) / total
    seen = weight[:, None] * trust
    known = sums(row, seen, count)
    mean = np.stack([sums(row, seen[:, k, None] * colours[:, k], count) for k in range(3)], 1)
    mean /= np.maximum(known, 1e-12)[..., None]
    pixels = np.bincount(row, minlength=count)[:, None]
    weights = np.concatenate([pixels, np.where(known > 1e-9, known / total * pixels, 0)], 1)
    return Rows(
        cells, geometry.astype(np.float32), np.clip(mean, -1e3, 1e3).astype(np.float16),
        np.minimum(weights, 6e4).astype(np.float16),
    )  # fmt: skip


def sums(group: Int[np.ndarray, " n"], values: Shaped[np.ndarray, "n c"], count: int) -> Float[np.ndarray, "k c"]:
    """Of each column, over each of `count` groups."""
    total = np.stack([np.bincount(group, column, count) for column in values.T], 1)
    return total.astype(np.float64, copy=False)  # of no values at all NumPy's sums are integers


def ways_of(normals: Float[np.ndarray, "n 3"]) -> Int[np.ndarray, " n"]:
    """Which of six ways (-x, x, -y, y, -z, z) each faces."""
    axis = np.abs(normals).argmax(1)
    return np.asarray(2 * axis + (np.take_along_axis(normals, axis[:, None], 1)[:, 0] > 0))


def keys_of(points: np.ndarray, normals: np.ndarray, cell: float, level: np.ndarray) -> np.ndarray:
    """Numbers of cells: level, way and place; see `unpack`."""
    place = np.floor(points / (cell * 2.0**level)[:, None]).astype(np.int64)
    return np.asarray(((level * 6 + ways_of(normals)) << 3 * _BITS) | packed(place))


def packed(place: Int[np.ndarray, "n 3"]) -> Int[np.ndarray, " n"]:
    """A number for each place within ±2^17 cells."""
    x, y, z = (place + _MIDDLE).T
    return np.asarray((x << 2 * _BITS) | (y << _BITS) | z)


def unpack(key: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Level, way and place [n, 3] of keys."""
    code = key >> 3 * _BITS
    mask = (1 << _BITS) - 1
    place = np.stack([key >> 2 * _BITS & mask, key >> _BITS & mask, key & mask], 1) - _MIDDLE
    return code // 6, code % 6, place


@dataclass(frozen=True, eq=False)
class Cloud:
    """Surfels of one thing, in metres of its own axes: `position`, `normal` [s, 3], `colours` [s, 3, 3] by `COLOURS`,
    `known` [s, 3] (which colours were seen), `radius` [s]."""

    position: Float[np.ndarray, "s 3"]
    normal: Float[np.ndarray, "s 3"]
    colours: Float[np.ndarray, "s 3 3"]
    known: np.ndarray
    radius: Float[np.ndarray, " s"]

    def __len__(self) -> int:
        return len(self.radius)

    def keep(self, which: np.ndarray) -> Cloud:
        return Cloud(*(getattr(self, name)[which] for name in self.__dataclass_fields__))

    @classmethod
    def joined(cls, parts: Sequence[Cloud]) -> Cloud:
        if not parts:
            flat = np.zeros((0, 3))
            return cls(flat, flat, np.zeros((0, 3, 3)), np.zeros((0, 3), bool), np.zeros(0))
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))


def fuse(rows: Rows, cell: float, specks: bool = True) -> Cloud:
    """The median over episodes of each cell; coarse cells only where no fine ones are. With `specks`, cells that hardly
    anybody saw are left out."""
    cells, row = np.unique(rows.key, return_inverse=True)
    count = len(cells)
    level, way, place = unpack(cells)
    pixels = np.bincount(row, rows.weights[:, 0], count)
    keep = np.ones(count, bool)
    if specks:
        typical = np.median(pixels[level == level.min()]) if count else 0
        keep &= pixels >= min(3, 0.06 * typical)
    keep &= ~_covered(level, way, place, keep)
    geometry = _median(row, rows.geometry, rows.weights[:, 0], count)
    colours = np.stack([_median(row, rows.colours[:, k], rows.weights[:, 1 + k], count) for k in range(3)], 1)
    known = np.stack([np.bincount(row, rows.weights[:, 1 + k], count) > 0 for k in range(3)], 1)
    normal = geometry[:, 3:]
    normal = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    radius = 0.8 * cell * 2.0**level
    return Cloud(geometry[:, :3], normal, colours, known, radius).keep(keep)


def _covered(level: np.ndarray, way: np.ndarray, place: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """Which cells hold finer ones (of any way: thin things' normals are not to be trusted) over a good part."""
    covered = np.zeros(len(level), bool)
    for one in range(1, LEVELS):
        mine = np.flatnonzero(level == one)
        finer = np.flatnonzero((level < one) & keep)
        if not len(mine) or not len(finer):
            continue
        shift = one - level[finer]
        held, area = packed(place[finer] >> shift[:, None]), 0.25 ** shift.astype(float)
        held, where = np.unique(held, return_inverse=True)
        share = np.bincount(where, area)
        at = np.clip(np.searchsorted(held, packed(place[mine])), 0, len(held) - 1)
        covered[mine] = (held[at] == packed(place[mine])) & (share[at] > 0.3)
    return covered


def _median(group: np.ndarray, values: np.ndarray, weights: np.ndarray, count: int) -> np.ndarray:
    """The weighted median of each column by group [count, columns]; 0 where nothing weighs."""
    found = np.zeros((count, values.shape[1]))
    weighs = weights > 0
    group, values, weights = group[weighs], values[weighs], weights[weighs].astype(np.float64)
    weights = np.minimum(weights, 40)  # one episode is one voice
    total = np.bincount(group, weights, count)
    for c in range(values.shape[1]):
        order = np.lexsort((values[:, c], group))
        g, w, v = group[order], weights[order], values[order, c]
        along = np.cumsum(w)
        start = np.cumsum(total) - total
        inside = along - start[g]  # weight up to and with this one, within its group
        half = total[g] / 2
        hit = (inside >= half) & (inside - w < half)
        found[g[hit], c] = v[hit]
    return found
