"""Surfels of assets: small discs with a normal and colours, how they are kept in few bytes, and coarser levels of them.

An asset's axes: x along its heading, z up, the middle of its box at 0, 0, 0.

Legend: n surfels of an asset, A assets, L levels of detail, L1 = L + 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int, Int8, Int16, Int32, UInt8

from genie_gym.errors import GenieGymError

STEPS = 64_000  # of a position across the box: ±32,000 are its faces, and a little lies beyond them
SMALLEST_RADIUS, STEPS_PER_DOUBLING = 0.002, 16  # metres; radii are kept as logarithms, from 2 mm to 125 m
RADII = (SMALLEST_RADIUS * 2.0 ** (np.arange(256) / STEPS_PER_DOUBLING)).astype(np.float32)
"""[256]: the radius, in metres, that each code stands for."""
REACH = 0.75  # of the spacing of surfels: radii from which a surface has no holes
MERGED = 1.15  # how much larger a merged surfel is than the area of those it stands for
MOSTLY = 0.5  # of an asset's surface that is of discs, for which it counts as made of them
CUT_ANGLES, CUT_STEPS = 64, 64  # of lines that cut patterns off: angles of a round, steps of half a pattern's side
UNCUT = 127  # the offset of a line that cuts nothing off
GRID = 32  # cells along a side of an asset's footprint


@dataclass(frozen=True, eq=False)
class Asset:
    """What one asset is made from, in plain units.

    Args:
        name: its class. kind: a finer name.
        size: metres, of its box: along x, along y, height.
        position: metres, from the middle of its box. normal: outward, need not be of unit length.
        albedo: what it shows in light 1. snowy: the same under snow; None: as `albedo`.
        glow: what it shines with by itself where the light's glow is 1; None: with nothing.
        radius: metres, of each surfel: at least `REACH` of the distance to its neighbours.
        pattern: which pattern of the library's book a surfel shows, on a square of half a side radius / √2; -1: it is a disc
            of one colour; None: all are.
        frequency: how often recordings of each scene, by name, showed it. coverage: the share of it that was seen.
        occupancy: where one can walk, see `occupancy.py`; None: read off the surfels.
        phases: how many assets in a row, this one first, are one gait of a being, its legs from one end of their swing to
            the other; 0 for those that come after the first.
    """

    name: str
    size: tuple[float, float, float]
    position: Float[np.ndarray, "n 3"]
    normal: Float[np.ndarray, "n 3"]
    albedo: UInt8[np.ndarray, "n 3"]
    radius: Float[np.ndarray, " n"]
    kind: str = ""
    snowy: UInt8[np.ndarray, "n 3"] | None = None
    glow: UInt8[np.ndarray, "n 3"] | None = None
    pattern: Int[np.ndarray, " n"] | None = None
    frequency: dict[str, float] = field(default_factory=dict)
    coverage: float = 1.0
    occupancy: UInt8[np.ndarray, "32 32"] | None = None
    phases: int = 1

    def __post_init__(self) -> None:
        count = len(self.position)
        others = (self.normal, self.albedo, self.radius, self.snowy, self.glow, self.pattern)
        if not count or any(part is not None and len(part) != count for part in others):
            raise GenieGymError(f"an asset ({self.name!r}) has surfels, and as many of each of their parts.")
        if not np.isfinite(self.position).all() or min(self.size) <= 0 or float(np.min(self.radius)) <= 0:
            raise GenieGymError(f"an asset ({self.name!r}) has finite positions, and a size and radii above 0.")


@dataclass(frozen=True, eq=False)
class Packed:
    """Surfels as a library keeps them. `spacing` is the typical distance, in metres, between neighbours."""

    position: Int16[np.ndarray, "n 3"]
    normal: Int8[np.ndarray, "n 3"]
    albedo: UInt8[np.ndarray, "n 3"]
    snowy: UInt8[np.ndarray, "n 3"]
    glow: UInt8[np.ndarray, "n 3"]
    radius: UInt8[np.ndarray, " n"]
    pattern: Int32[np.ndarray, " n"]
    spacing: float


def encode_radius(radius: Float[np.ndarray, " n"]) -> UInt8[np.ndarray, " n"]:
    """The code of the next larger radius."""
    code = np.ceil(np.log2(np.maximum(radius, SMALLEST_RADIUS) / SMALLEST_RADIUS) * STEPS_PER_DOUBLING - 1e-4)
    return np.clip(code, 0, 255).astype(np.uint8)


def pack_levels(asset: Asset, levels: int) -> list[Packed]:
    """An asset's surfels, and then ever coarser ones: each level merges those of the one before that lie in one cell and
    face one way; cells double in size from level to level."""
    parts = _Parts.of(asset)
    plain = parts.pattern < 0
    # Of what is mostly squares the second level is as fine as these.
    discs = float((parts.radius[plain] ** 2).sum()) > MOSTLY * float((parts.radius**2).sum())
    fine = parts.radius[plain] / REACH if discs else parts.radius[~plain] / 2**0.5
    cell = max(float(np.median(fine)), 1e-3)
    packed = []
    for level in range(levels):
        if level:
            parts = parts.merged(cell * 2**level)
        packed.append(parts.packed(np.array(asset.size), cell * 2**level))
    return packed


@dataclass(eq=False)
class _Parts:
    position: Float[np.ndarray, "n 3"]
    normal: Float[np.ndarray, "n 3"]
    colours: Float[np.ndarray, "n 9"]  # albedo, snowy, glow
    radius: Float[np.ndarray, " n"]
    pattern: Int[np.ndarray, " n"]

    @classmethod
    def of(cls, asset: Asset) -> _Parts:
        albedo = asset.albedo.astype(np.float64)
        snowy = albedo if asset.snowy is None else asset.snowy.astype(np.float64)
        glow = np.zeros_like(albedo) if asset.glow is None else asset.glow.astype(np.float64)
        position, normal = asset.position.astype(np.float64), asset.normal.astype(np.float64)
        pattern = np.full(len(position), -1) if asset.pattern is None else np.asarray(asset.pattern, np.int64)
        colours, radius = np.concatenate([albedo, snowy, glow], 1), np.asarray(asset.radius, np.float64)
        return cls(position, _unit(normal), colours, radius, pattern)

    def merged(self, cell: float) -> _Parts:
        """One surfel for all in a cell (its side in metres) that face the same of six ways; those that are larger than a
        cell stay as they are."""
        way = np.abs(self.normal).argmax(1)
        way = 2 * way + (np.take_along_axis(self.normal, way[:, None], 1)[:, 0] > 0)
        place = np.floor(self.position / cell).astype(np.int64) + (1 << 16)
        key = ((place[:, 0] << 34 | place[:, 1] << 17 | place[:, 2]) << 3) | way
        large = self.radius > cell * REACH
        key[large] = -1 - np.arange(int(large.sum()))
        _, group = np.unique(key, return_inverse=True)
        count = int(group.max()) + 1
        weight = self.radius**2
        total = np.bincount(group, weight, count)

        def mean(values: np.ndarray) -> np.ndarray:
            return np.stack([np.bincount(group, weight * column, count) / total for column in values.T], 1)

        position = mean(self.position)
        largest = np.zeros(count)
        np.maximum.at(largest, group, self.radius)
        # As much surface as before, and a little more against cracks: what is thin stays thin.
        alone = np.bincount(group) == 1
        reach = np.where(alone, largest, np.clip(np.sqrt(total) * MERGED, largest, cell))
        pattern = np.full(count, -1)
        pattern[group] = self.pattern
        pattern[~alone] = -1
        return _Parts(position, _unit(mean(self.normal)), mean(self.colours), reach, pattern)

    def packed(self, size: np.ndarray, spacing: float) -> Packed:
        position = np.clip(np.rint(self.position / size * STEPS), -32768, 32767).astype(np.int16)
        colours = np.clip(np.rint(self.colours), 0, 255).astype(np.uint8)
        albedo, snowy, glow = (np.ascontiguousarray(colours[:, k : k + 3]) for k in (0, 3, 6))
        normal, pattern = np.rint(self.normal * 127).astype(np.int8), self.pattern.astype(np.int32)
        return Packed(position, normal, albedo, snowy, glow, encode_radius(self.radius), pattern, spacing)


def _unit(vectors: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(length > 1e-9, vectors / np.maximum(length, 1e-9), (0.0, 0.0, 1.0))


def first_of_levels(counts: Int[np.ndarray, "A L"]) -> Int[np.ndarray, "A L1"]:
    """Where each level of each asset begins, of surfels that lie one asset after the other, its finest level first; the last
    column is where the asset ends."""
    ends = np.cumsum(counts).reshape(counts.shape)
    return np.concatenate([ends[:, :1] - counts[:, :1], ends], 1).astype(np.int64)
