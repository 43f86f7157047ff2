"""From clouds of surfels to a library: flat parts of what is large as patches, everything else as small discs.

Legend: n patches, s surfels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genie_gym.genie3.mining.cells import Cloud
from genie_gym.genie3.mining.colours import DRY, SHINE, SNOW, SnowRule, completed_colours
from genie_gym.genie3.mining.config import MiningConfig
from genie_gym.genie3.mining.patches import Patches, cut, make_book
from genie_gym.genie3.mining.planes import completed, find_sides, outer_sides
from genie_gym.places.library import AssetLibrary, Material
from genie_gym.places.light import LightTable
from genie_gym.places.surfels import Asset

FLAT_FROM = 2.3  # metres: the largest side of what is cut into patches
FLAT_SHARE = 0.35  # of its surface that must be flat
DISC_BYTES, PATCH_BYTES = 1.35 * 21, 1.35 * 21  # in the library, with coarser levels
BROAD = 0.6  # of its box
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
    scenes: dict[str, float], coverage: float, phases: int, solid: bool, around: bool = False,
) -> Piece:  # fmt: skip
    """`solid`: its sides have no holes; `around`: and there are as many as opposite ones."""
    cloud, patches = completed_colours(cloud, rule), Patches.joined([])
    if max(size) >= FLAT_FROM and phases == 1:
        sides, rest = find_sides(cloud, cell)
        if solid and not around and _stands_broad(cloud, size):
            sides, rest = outer_sides(sides, rest)
        flat = sum(float(side.mask.sum()) * cell**2 for side in sides)
        surface = float(((rest.radius / 0.8) ** 2).sum()) + flat
        if flat > FLAT_SHARE * surface:
            if solid:
                sides = completed(sides, size, both=around and min(size[:2]) > HOUSES)
            parts = [cut(side) for side in sides]
            patches = Patches.joined([part for part, _ in parts if len(part)])
            cloud = Cloud.joined([part for _, part in parts] + [rest])
    return Piece(name, kind, size, cloud, patches, scenes, coverage, phases)


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
    book, numbers = None, np.zeros(0, np.int64)
    if patches:
        book, numbers = make_book(np.concatenate([one.pattern for one in patches]), config.patches, config.seed)
    assets, first = [], 0
    for piece in pieces:
        mine = numbers[first : first + len(piece.patches)]
        first += len(piece.patches)
        assets.append(_asset(piece, mine))
    return AssetLibrary.build(assets, materials, classes, scenes, weathers, config.levels, light, book, named)


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
