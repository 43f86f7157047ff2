"""Pictures on planes, cut into patches of 8×8 texels that share one book of patterns.

A patch is a square surfel with three mean colours and the number of a pattern: how its texels differ from the mean, and
which of them shine.

Legend: n patches, s surfels, N books, K patterns of each, P = 8 texels along a patch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8

from genie_gym.genie3.mining.cells import Cloud
from genie_gym.genie3.mining.planes import Side

SIDE = 8  # texels
EVENLY = 0.7  # of what snow does to a patch that it does to the whole side
FULL = 0.9  # share of a patch's texels that must be there
ALIKE = 30.0  # of 255: texels whose colours differ from their mean by less are of one colour
SHINES = 40.0  # of 255: what glows less is taken for dark
AXES = 56  # in which patterns differ most, and are compared
TRAINED, ROUNDS = 40_000, 8  # patterns that books are found from, and how often they are bettered
PATTERN_WEIGHT = 0.4  # of what shines, against colours


@dataclass(frozen=True, eq=False)
class Patches:
    """`position`, `normal` [n, 3]; `colours` [n, 3, 3], mean albedo, albedo under snow and glow; `known` [n, 3]; `radius`
    [n]: half its side times √2; `pattern` float32 [n, P, P, 4]: of albedo minus its mean, and the share of the glow. Rows go
    up v, columns along u."""

    position: Float[np.ndarray, "n 3"]
    normal: Float[np.ndarray, "n 3"]
    colours: Float[np.ndarray, "n 3 3"]
    known: np.ndarray
    radius: Float[np.ndarray, " n"]
    pattern: Float[np.ndarray, "n P P 4"]

    def __len__(self) -> int:
        return len(self.radius)

    @classmethod
    def joined(cls, parts: Sequence[Patches]) -> Patches:
        if not parts:
            flat = np.zeros((0, 3))
            colours, known = np.zeros((0, 3, 3)), np.zeros((0, 3), bool)
            return cls(flat, flat, colours, known, np.zeros(0), np.zeros((0, SIDE, SIDE, 4), np.float32))
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))


def cut(side: Side) -> tuple[Patches, Cloud]:
    """A side's picture as patches, and as small surfels where it is not wide enough for one: along slanted edges."""
    rows, columns = (_starts(length) for length in side.mask.shape)
    rest = side.mask.copy()
    middles, colours, known, patterns = [], [], [], []
    for row in rows:
        for column in columns:
            window = slice(row, row + SIDE), slice(column, column + SIDE)
            if side.mask[window].mean() < FULL or not rest[window].any():
                continue
            rest[window] = False
            mean, pattern, seen = _pattern(side.colours[window], side.known[window])
            middles.append((row + SIDE / 2, column + SIDE / 2))
            colours.append(mean)
            patterns.append(pattern)
            known.append(seen)
    cloud = _small(side, rest)
    if not middles:
        return Patches.joined([]), cloud
    at, means = np.array(middles), np.array(colours)
    count = len(at)
    change = means[:, 1] - means[:, 0]  # snow is much the same all over a side
    means[:, 1] = np.clip(means[:, 0] + EVENLY * change.mean(0) + (1 - EVENLY) * change, 0, 255)
    position, normal = side.middles(at[:, 0], at[:, 1]), np.tile(side.normal, (count, 1))
    radius = np.full(count, SIDE / 2 * side.texel * 2**0.5)
    return Patches(position, normal, means, np.array(known), radius, np.array(patterns, np.float32)), cloud


def _starts(length: int) -> list[int]:
    """Where patches begin along a side, so that they end with it."""
    count = -(-length // SIDE)
    return np.rint(np.linspace(0, length - SIDE, count)).astype(int).tolist() if length >= SIDE else []


def _pattern(colours: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean colours [3, 3], a pattern, and which colours are known."""
    seen = np.asarray(known.reshape(-1, 3).any(0))
    mean = colours.mean((0, 1))
    shine = np.clip(colours[:, :, 2], 0, None).max(-1)
    shines = (shine > SHINES) & known[..., 2]
    share = np.zeros(shine.shape)
    mean[2] = 0
    if shines.mean() > 0.04:
        mean[2] = np.clip(colours[:, :, 2][shines].mean(0), 0, 255)
        share = np.clip(shine / max(float(shine[shines].mean()), 1), 0, 1) * shines
    base = 0 if seen[0] or not seen[1] else 1
    pattern = np.concatenate([colours[:, :, base] - mean[base], 255 * share[..., None]], -1)
    return mean, pattern, seen


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


def make_books(
    patterns: Float[np.ndarray, "n P P 4"], books: int, entries: int, seed: int = 0
) -> tuple[UInt8[np.ndarray, "N K P P 4"], Int[np.ndarray, "n N"]]:
    """Books of patterns, and of each patch the entry of each book: their sum stands for it. The second book holds what the
    first one leaves, and so on. As bytes: 128 adds nothing; the last channel is the share of the glow, of the first."""
    left, made, codes = patterns.copy(), [], []
    for book in range(books):
        found, owner = _book(left, entries, seed + book, means=book > 0)
        short = entries - len(found)
        found = np.concatenate([found, np.full((short, *found.shape[1:]), 128, np.uint8)])
        made.append(found)
        codes.append(owner)
        left[..., :3] -= found[owner][..., :3].astype(np.float32) - 128
        left[..., 3] = 0
    return np.stack(made), np.stack(codes, 1)


def _book(
    patterns: Float[np.ndarray, "n P P 4"], count: int, seed: int, means: bool
) -> tuple[UInt8[np.ndarray, "K P P 4"], Int[np.ndarray, " n"]]:
    """The `count` patterns that stand best for all, as bytes, and the one of each patch. They are such as were seen, which
    are crisper than their means; with `means` they are means, which have less noise."""
    flat = torch.from_numpy(patterns.reshape(len(patterns), -1).copy())
    flat[:, 3::4] *= PATTERN_WEIGHT
    generator = torch.Generator().manual_seed(seed)
    chosen = flat[torch.randperm(len(flat), generator=generator)[:TRAINED]]
    axes = torch.linalg.eigh(chosen.T @ chosen).eigenvectors[:, -AXES:]
    short = flat @ axes
    train = chosen @ axes
    count = min(count, len(train))
    centres = train[torch.randperm(len(train), generator=generator)[:count]].clone()
    for _ in range(ROUNDS):
        owner = _nearest(train, centres)
        sums = torch.zeros_like(centres).index_add_(0, owner, train)
        size = torch.bincount(owner, minlength=count)
        centres = torch.where(size[:, None] > 0, sums / size[:, None].clamp(min=1), centres)
    if means:
        owner = _nearest(short, centres)
        total = torch.bincount(owner, minlength=count).clamp(min=1)
        whole = torch.from_numpy(patterns.reshape(len(patterns), -1))
        book = (torch.zeros(count, whole.shape[1]).index_add_(0, owner, whole) / total[:, None]).numpy()
        book = book.reshape(count, *patterns.shape[1:])
    else:
        medoid = torch.unique(_nearest(centres, short))
        owner = _nearest(short, short[medoid])
        book = patterns[medoid.numpy()].copy()
    book[..., :3] += 128
    return np.clip(np.rint(book), 0, 255).astype(np.uint8), owner.numpy()


def _nearest(points: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    """The nearest centre of each point."""
    size = centres.pow(2).sum(1)
    return torch.cat([(size - 2 * part @ centres.T).argmin(1) for part in points.split(4096)])
