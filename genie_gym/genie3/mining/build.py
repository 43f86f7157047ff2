"""From clouds of surfels to a library: flat parts of what is large as patches, everything else as small discs.

Legend: n patches, s surfels, U V rows and columns of the atlas.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8

from genie_gym.genie3.mining.around import all_around
from genie_gym.genie3.mining.cells import DRY, SHINE, SNOW, Cloud, keys_of, sums
from genie_gym.genie3.mining.colours import SnowRule, completed_colours
from genie_gym.genie3.mining.config import MiningConfig
from genie_gym.genie3.mining.patches import Patches, cut
from genie_gym.genie3.mining.planes import Side, completed, find_sides, outer_sides
from genie_gym.genie3.mining.stood import Stood, carved
from genie_gym.places.library import AssetLibrary, Material
from genie_gym.places.light import LightTable
from genie_gym.places.occupancy import occupancy_of
from genie_gym.places.surfels import Asset

FLAT_FROM = 0.6  # metres: the largest side of what is cut into patches
FLAT_SHARE = 0.35  # of its surface that must be flat
SURFEL_BYTES = 1.35 * 21  # in the library, with coarser levels
BROAD = 0.6  # of its box
MIDDLING, LARGE, VAST = 3.0, 7.0, 14.0  # metres: the largest side of what is made less fine where it is not flat
HOUSES = 2.5  # metres: the least width and depth of what has sides all around


@dataclass(frozen=True, eq=False)
class Source:
    """What an asset is made of.

    `scenes`: how often things in each scene look so; `coverage`: how whole it is; `phases`: of a gait, 0 for all but the
    first of them; `solid`: its sides have no holes; `around`: and there are as many as opposite ones; `beyond`: it stands
    where one sees one side of it, but not always the same one; `members`: episodes, and things in them, that look so, those
    that were seen best first.
    """

    name: str
    kind: str
    size: tuple[float, float, float]
    cell: float
    cloud: Cloud
    scenes: dict[str, float]
    coverage: float
    phases: int = 1
    solid: bool = True
    around: bool = False
    beyond: bool = False
    members: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, eq=False)
class Piece:
    """An asset before there is an atlas. `sides` are what its patches were cut from."""

    source: Source
    cloud: Cloud
    patches: Patches
    sides: tuple[Side, ...] = ()

    def __len__(self) -> int:
        return len(self.cloud) + len(self.patches)

    @property
    def bytes(self) -> int:
        return int(SURFEL_BYTES * len(self))

    def wholeness(self) -> float:
        """The share of directions, from its middle, in which there is a surface: 16 around, at 8 heights."""
        if not len(self):
            return 0.0
        position, normal, radius = (
            np.concatenate([getattr(self.cloud, name), getattr(self.patches, name)])
            for name in ("position", "normal", "radius")
        )
        helper = np.where(np.abs(normal[:, 2:]) < 0.9, (0.0, 0.0, 1.0), (1.0, 0.0, 0.0))
        across = np.cross(normal, helper)
        across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
        reach = 0.7 * radius[:, None]
        rims = (position + reach * way for side in (across, np.cross(normal, across)) for way in (side, -side))
        x, y, z = (np.concatenate([position, *rims]) / np.array(self.source.size)).T
        around = ((np.arctan2(y, x) / (2 * np.pi) + 0.5) * 16).astype(int) % 16
        height = ((z + 0.5) * 8).astype(int).clip(0, 7)
        return len(np.unique(around * 8 + height)) / 128

    def told(self) -> dict[str, Any]:
        """For reports."""
        source = self.source
        return {
            "name": source.name, "kind": source.kind, "size": [round(side, 2) for side in source.size],
            "discs": len(self.cloud), "patches": len(self.patches), "coverage": round(source.coverage, 3),
            "scenes": {scene: round(often, 1) for scene, often in source.scenes.items()},
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Atlas:
    """`texels` [U, V, 4]: colours and how much of its glow each has. Of each patch of all pieces, in their order: its window
    [n, 3] (first row and column, texels along a side), and the colour of the glow that it shows [n, 3]."""

    texels: UInt8[np.ndarray, "U V 4"]
    windows: Int[np.ndarray, "n 3"]
    glow: Float[np.ndarray, "n 3"]


def piece_of(source: Source, rule: SnowRule) -> Piece:
    """Flat parts of what is large as patches, everything else as discs."""
    cloud, cell, largest = completed_colours(source.cloud, rule), source.cell, max(source.size)
    if largest >= FLAT_FROM and source.phases == 1:
        sides, rest = _sides(cloud, source)
        flat = sum(float(side.mask.sum()) * cell**2 for side in sides)
        surface = float(((rest.radius / 0.8) ** 2).sum()) + flat
        if flat > FLAT_SHARE * surface:
            if source.solid:
                sides = completed(sides, source.size, both=source.around and min(source.size[:2]) > HOUSES)
            parts = [cut(side) for side in sides]
            rest = thinned(rest, 2 * cell) if largest > LARGE else rest
            cloud = Cloud.joined([part for _, part in parts] + [rest])
            cloud = thinned(cloud, 2 * cell) if largest > VAST else cloud
            return Piece(source, cloud, Patches.joined([part for part, _ in parts]), tuple(sides))
    if largest > MIDDLING:
        cloud = thinned(cloud, (2 if largest > LARGE else 1.4) * cell)
    return Piece(source, cloud, Patches.joined([]))


def _sides(cloud: Cloud, source: Source) -> tuple[list[Side], Cloud]:
    """Planes, and the surfels that lie in none."""
    sides, rest = find_sides(cloud, source.cell)
    if source.solid and not source.around and _stands_broad(cloud, source.size):
        sides, rest = outer_sides(sides, rest)
    return all_around(sides, rest, source.size) if source.beyond else (sides, rest)


def thinned(cloud: Cloud, cell: float) -> Cloud:
    """One surfel for all that lie in a cell and face one way; what is as coarse stays as it is."""
    if not len(cloud):
        return cloud
    level = np.zeros(len(cloud), np.int64)
    key = keys_of(cloud.position, cloud.normal, cell, level)
    coarse = cloud.radius > 0.7 * cell
    key[coarse] = -1 - np.arange(int(coarse.sum()))
    _, group = np.unique(key, return_inverse=True)
    count = np.bincount(group)

    def mean(values: np.ndarray) -> np.ndarray:
        flat = sums(group, values.reshape(len(values), -1).astype(float), len(count)) / count[:, None]
        return np.asarray(flat.reshape(len(count), *values.shape[1:]))

    normal = mean(cloud.normal)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    largest = np.zeros(len(count))
    np.maximum.at(largest, group, cloud.radius)
    # Two by two make a surface as large as before; fewer do not.
    radius = np.where(count > 1, np.clip(largest * np.sqrt(np.minimum(count, 4)), largest, 0.8 * cell), largest)
    return Cloud(mean(cloud.position), normal, mean(cloud.colours), mean(cloud.known) > 0, radius)


def _stands_broad(cloud: Cloud, size: tuple[float, float, float]) -> bool:
    """Whether it is as wide below as anywhere: no tree."""
    low = cloud.position[cloud.position[:, 2] < -0.25 * size[2]]
    return len(low) > 20 and bool((np.ptp(low[:, :2], axis=0) > BROAD * np.array(size[:2])).all())


def build_library(
    pieces: Sequence[Piece], atlas: Atlas, stood: Stood, materials: Sequence[Material], classes: Sequence[str],
    scenes: Sequence[str], weathers: Sequence[str], light: LightTable, config: MiningConfig, named: tuple[str, str, str],
) -> AssetLibrary:  # fmt: skip
    """The library of all pieces, whose patches are windows of one atlas. `named`: the classes of sky, ground and water."""
    ends = np.cumsum([len(piece.patches) for piece in pieces], dtype=np.int64)
    ranges = [slice(end - len(piece.patches), end) for piece, end in zip(pieces, ends, strict=True)]
    assets = [
        _asset(piece, np.arange(mine.start, mine.stop), atlas.glow[mine], stood)
        for piece, mine in zip(pieces, ranges, strict=True)
    ]
    texels, windows = (atlas.texels, atlas.windows) if len(atlas.windows) else (None, None)
    cuts = (
        np.concatenate([Patches.joined([]).cuts, *(piece.patches.cuts for piece in pieces)]) if len(atlas.windows) else None
    )
    return AssetLibrary.build(
        assets, materials, classes, scenes, weathers, config.levels, light, texels, windows, cuts, named
    )  # fmt: skip


def _asset(piece: Piece, numbers: np.ndarray, glow: np.ndarray, stood: Stood) -> Asset:
    """`numbers`: of its patches among all. `glow` [n, 3]: of what they look like; it counts for those that nobody saw in the
    dark."""
    cloud, patches, source = piece.cloud, piece.patches, piece.source
    patches.colours[:, SHINE] = np.where(patches.known[:, SHINE, None], patches.colours[:, SHINE], glow)

    def both(name: str) -> np.ndarray:
        return np.concatenate([getattr(cloud, name), getattr(patches, name)])

    colours = np.clip(np.rint(both("colours")), 0, 255).astype(np.uint8)
    asset = Asset(
        source.name, source.size, both("position"), both("normal"), colours[:, DRY], both("radius"), source.kind,
        snowy=colours[:, SNOW], glow=colours[:, SHINE], frequency=source.scenes, coverage=source.coverage,
        pattern=np.concatenate([np.full(len(cloud), -1), numbers]), phases=source.phases,
    )  # fmt: skip
    spots = stood.on(source.members)
    return replace(asset, occupancy=carved(occupancy_of(asset), source.size, spots)) if len(spots) else asset
