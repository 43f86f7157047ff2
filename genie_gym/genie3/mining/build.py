"""From clouds of surfels to a library: flat parts of what is large as patches, everything else as small discs.

Legend: n patches, s surfels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genie_gym.genie3.mining.around import all_around
from genie_gym.genie3.mining.cells import Cloud, keys_of
from genie_gym.genie3.mining.colours import DRY, SHINE, SNOW, SnowRule, completed_colours
from genie_gym.genie3.mining.config import MiningConfig
from genie_gym.genie3.mining.patches import Patches, cut, make_books
from genie_gym.genie3.mining.planes import completed, find_sides, outer_sides
from genie_gym.places.library import AssetLibrary, Material
from genie_gym.places.light import LightTable
from genie_gym.places.surfels import Asset

FLAT_FROM = 2.3  # metres: the largest side of what is cut into patches
FLAT_SHARE = 0.35  # of its surface that must be flat
DISC_BYTES, PATCH_BYTES = 1.35 * 21, 1.35 * 21  # in the library, with coarser levels
BROAD = 0.6  # of its box
MIDDLING, LARGE, VAST = 3.0, 7.0, 14.0  # metres: the largest side of what is made less fine where it is not flat
HOUSES = 2.5  # metres: the least width and depth of what has sides all around


@dataclass(frozen=True, eq=False)
class Piece:
    """An asset before the book of patterns is made."""

    name: str
    kind: str
    size: tuple[float, float, float]
    cloud: Cloud
    patches: Patches
    scenes: dict[str, float]
    coverage: float
    phases: int

    def __len__(self) -> int:
        return len(self.cloud) + len(self.patches)

    @property
    def bytes(self) -> int:
        return int(DISC_BYTES * len(self.cloud) + PATCH_BYTES * len(self.patches))

    def told(self) -> dict[str, Any]:
        """For reports."""
        return {
            "name": self.name, "kind": self.kind, "size": [round(side, 2) for side in self.size],
            "discs": len(self.cloud), "patches": len(self.patches), "coverage": round(self.coverage, 3),
            "scenes": {scene: round(often, 1) for scene, often in self.scenes.items()},
        }  # fmt: skip


def piece_of(
    name: str, kind: str, size: tuple[float, float, float], cloud: Cloud, cell: float, rule: SnowRule,
    scenes: dict[str, float], coverage: float, phases: int, solid: bool, around: bool = False, beyond: bool = False,
) -> Piece:  # fmt: skip
    """`solid`: its sides have no holes; `around`: and there are as many as opposite ones; `beyond`: it
    stands where one sees one side of it, but not always the same one."""
    cloud, patches = completed_colours(cloud, rule), Patches.joined([])
    if max(size) >= FLAT_FROM and phases == 1:
        sides, rest = find_sides(cloud, cell)
        if solid and not around and _stands_broad(cloud, size):
            sides, rest = outer_sides(sides, rest)
        if beyond:
            sides, rest = all_around(sides, rest, size)
        flat = sum(float(side.mask.sum()) * cell**2 for side in sides)
        surface = float(((rest.radius / 0.8) ** 2).sum()) + flat
        if flat > FLAT_SHARE * surface:
            if solid:
                sides = completed(sides, size, both=around and min(size[:2]) > HOUSES)
            parts = [cut(side) for side in sides]
            patches = Patches.joined([part for part, _ in parts if len(part)])
            rest = thinned(rest, 2 * cell) if max(size) > LARGE and len(rest) else rest
            cloud = Cloud.joined([part for _, part in parts] + [rest])
            cloud = thinned(cloud, 2 * cell) if max(size) > VAST and len(cloud) else cloud
            return Piece(name, kind, size, cloud, patches, scenes, coverage, phases)
    if max(size) > MIDDLING and len(cloud):
        cloud = thinned(cloud, (2 if max(size) > LARGE else 1.4) * cell)
    return Piece(name, kind, size, cloud, patches, scenes, coverage, phases)


def thinned(cloud: Cloud, cell: float) -> Cloud:
    """One surfel for all that lie in a cell and face one way; what is as coarse stays as it is."""
    level = np.zeros(len(cloud), np.int64)
    key = keys_of(cloud.position, cloud.normal, cell, level)
    coarse = cloud.radius > 0.7 * cell
    key[coarse] = -1 - np.arange(int(coarse.sum()))
    _, group = np.unique(key, return_inverse=True)
    count = np.bincount(group)

    def mean(values: np.ndarray) -> np.ndarray:
        flat = values.reshape(len(values), -1).astype(float)
        sums = np.stack([np.bincount(group, column) for column in flat.T], 1) / count[:, None]
        return np.asarray(sums.reshape(len(count), *values.shape[1:]))

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
    pieces: Sequence[Piece], materials: Sequence[Material], classes: Sequence[str], scenes: Sequence[str],
    weathers: Sequence[str], light: LightTable, config: MiningConfig, named: tuple[str, str, str],
) -> AssetLibrary:  # fmt: skip
    """The library of all pieces, with one book of patterns."""
    patches = [piece.patches for piece in pieces if len(piece.patches)]
    book, codes = None, None
    if patches:
        book, codes = make_books(np.concatenate([one.pattern for one in patches]), config.books, config.entries, config.seed)
    assets, first = [], 0
    for piece in pieces:
        mine = np.arange(first, first + len(piece.patches))
        first += len(piece.patches)
        assets.append(_asset(piece, mine))
    return AssetLibrary.build(assets, materials, classes, scenes, weathers, config.levels, light, book, codes, named)


def _asset(piece: Piece, numbers: np.ndarray) -> Asset:
    cloud, patches = piece.cloud, piece.patches

    def both(name: str) -> np.ndarray:
        return np.concatenate([getattr(cloud, name), getattr(patches, name)])

    colours = np.clip(np.rint(both("colours")), 0, 255).astype(np.uint8)
    return Asset(
        piece.name, piece.size, both("position"), both("normal"), colours[:, DRY], both("radius"), piece.kind,
        snowy=colours[:, SNOW], glow=colours[:, SHINE], frequency=piece.scenes, coverage=piece.coverage,
        pattern=np.concatenate([np.full(len(cloud), -1), numbers]), phases=piece.phases,
    )  # fmt: skip
