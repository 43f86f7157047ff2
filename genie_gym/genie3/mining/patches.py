"""Pictures on planes, cut into patches of 8×8 texels.

A patch is a square surfel with three mean colours; what its texels differ by from these is found in the atlas
(`exemplars.py`).

Legend: n patches, s surfels, U V texels of a side along u and v.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int, Int8

from genie_gym.genie3.mining.cells import Cloud
from genie_gym.genie3.mining.edges import straight_edges
from genie_gym.genie3.mining.planes import Side
from genie_gym.places.surfels import UNCUT

SIDE = 8  # texels
EVENLY = 0.7  # of what snow does to a patch that it does to the whole side
FULL = 0.98  # share of a patch's texels that are there, from which none is cut off
LEAST = 0.1  # share, from which there is a patch
ALIKE = 30.0  # of 255: texels whose colours differ from their mean by less are of one colour
SHINES = 40.0  # of 255: what glows less is taken for dark
SHINING = 0.04  # of a patch's texels, from which it shines


@dataclass(frozen=True, eq=False)
class Patches:
    """`position`, `normal` [n, 3]; `colours` [n, 3, 3], mean albedo, albedo under snow and glow; `known` [n, 3]; `radius`
    [n]: half its side times √2; `at` [n, 3]: which of a piece's sides it is of, and its first row and column there; `cuts`
    [n, 4]: lines at which it ends, as assets keep them."""

    position: Float[np.ndarray, "n 3"]
    normal: Float[np.ndarray, "n 3"]
    colours: Float[np.ndarray, "n 3 3"]
    known: Bool[np.ndarray, "n 3"]
    radius: Float[np.ndarray, " n"]
    at: Int[np.ndarray, "n 3"]
    cuts: Int8[np.ndarray, "n 4"]

    def __len__(self) -> int:
        return len(self.radius)

    @classmethod
    def joined(cls, parts: Sequence[Patches]) -> Patches:
        """All patches; sides are counted on from part to part."""
        if not parts:
            flat = np.zeros((0, 3))
            colours, known = np.zeros((0, 3, 3)), np.zeros((0, 3), bool)
            return cls(flat, flat, colours, known, np.zeros(0), np.zeros((0, 3), int), np.zeros((0, 4), np.int8))
        counted = [replace(part, at=part.at + (number, 0, 0)) for number, part in enumerate(parts)]
        return cls(*(np.concatenate([getattr(part, name) for part in counted]) for name in cls.__dataclass_fields__))


def cut(side: Side) -> tuple[Patches, Cloud]:
    """A side's picture as patches, those along its rim cut off by straight lines; and as small surfels where no lines tell
    which of a patch's texels are there."""
    rows, columns = (_starts(length) for length in side.mask.shape)
    corners = np.array([(row, column) for row in rows for column in columns], int).reshape(-1, 2)
    masks = np.array([side.mask[row : row + SIDE, column : column + SIDE] for row, column in corners.tolist()], bool)
    masks = masks.reshape(-1, SIDE, SIDE)
    share = masks.mean((1, 2))
    cuts, straight = straight_edges(masks)
    cuts[share >= FULL] = UNCUT
    chosen = (share >= FULL) | (straight & (share >= LEAST))
    rest, taken = side.mask.copy(), []
    for number in np.flatnonzero(chosen):
        row, column = corners[number]
        window = slice(row, row + SIDE), slice(column, column + SIDE)
        if rest[window].any():
            rest[window] = False
            taken.append(number)
    cloud = _small(side, rest)
    if not taken:
        return Patches.joined([]), cloud
    at = np.concatenate([np.zeros((len(taken), 1), int), corners[taken]], 1)
    windows = [(slice(row, row + SIDE), slice(column, column + SIDE)) for _, row, column in at.tolist()]
    means = np.array([_mean(side.colours[window], side.known[window]) for window in windows])
    known = np.array([side.known[window].reshape(-1, 3).mean(0) > 0.5 for window in windows])
    change = means[:, 1] - means[:, 0]  # snow is much the same all over a side
    means[:, 1] = np.clip(means[:, 0] + EVENLY * change.mean(0) + (1 - EVENLY) * change, 0, 255)
    position, normal = side.middles(at[:, 1] + SIDE / 2, at[:, 2] + SIDE / 2), np.tile(side.normal, (len(at), 1))
    radius = np.full(len(at), SIDE / 2 * side.texel * 2**0.5)
    return Patches(position, normal, means, known, radius, at, cuts[taken]), cloud


def _starts(length: int) -> list[int]:
    """Where patches begin along a side, so that they end with it."""
    count = -(-length // SIDE)
    return np.rint(np.linspace(0, length - SIDE, count)).astype(int).tolist() if length >= SIDE else []


def _mean(colours: Float[np.ndarray, "8 8 3 3"], known: Bool[np.ndarray, "8 8 3"]) -> Float[np.ndarray, "3 3"]:
    """Mean colours; of the glow, that of the texels that shine, where they are enough."""
    mean = colours.mean((0, 1))
    shines = shining(colours, known)
    mean[2] = np.clip(colours[:, :, 2][shines].mean(0), 0, 255) if shines.mean() > SHINING else 0
    return np.asarray(mean)


def shining(colours: Float[np.ndarray, "V U 3 3"], known: Bool[np.ndarray, "V U 3"]) -> Bool[np.ndarray, "V U"]:
    """Which texels shine."""
    return np.asarray((np.clip(colours[:, :, 2], 0, None).max(-1) > SHINES) & known[..., 2])


def _small(side: Side, rest: np.ndarray) -> Cloud:
    """Texels as discs: four by four or two by two that are of nearly one colour become one."""
    parts, left = [], rest.copy()
    for size in (4, 2, 1):
        height, width = (length - length % size for length in left.shape)
        if not height or not width:
            continue

        def blocks(values: np.ndarray, size: int = size, height: int = height, width: int = width) -> np.ndarray:
            cut_off = values[:height, :width]
            shape = height // size, size, width // size, size, *values.shape[2:]
            return np.moveaxis(cut_off.reshape(shape), 2, 1).reshape(
                height // size, width // size, size**2, *values.shape[2:]
            )

        dry = blocks(side.colours[:, :, 0])
        even = np.abs(dry - dry.mean(2, keepdims=True)).max((2, 3)) < ALIKE if size > 1 else True
        rows, columns = np.nonzero(blocks(left).all(2) & even)
        if not len(rows):
            continue
        position = side.middles((rows + 0.5) * size, (columns + 0.5) * size)
        colours, known = blocks(side.colours)[rows, columns].mean(1), np.asarray(blocks(side.known)[rows, columns].any(1))
        normal, radius = np.tile(side.normal, (len(rows), 1)), np.full(len(rows), 0.8 * size * side.texel)
        parts.append(Cloud(position.reshape(-1, 3), normal.reshape(-1, 3), colours, known, radius))
        for row in range(size):
            for column in range(size):
                left[rows * size + row, columns * size + column] = False
    return Cloud.joined(parts)
