"""Things of one shape, fused over all recordings; where their colours differ clearly, as several assets.

Legend: r rows, n cells.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from genie_gym.genie3.mining.cells import DRY, LEVELS, Cloud, Rows, cell_of, fuse, packed, sums, unpack
from genie_gym.genie3.mining.collect import Observation

DIFFERS = 34.0  # of 255: cells of another colour differ by more
MOST = 0.7  # the share of cells in which two things are compared
BRIGHTER = 0.75, 1.35
TRUSTED, LIT = 0.06, 0.2  # in a colour, that it takes part, and that it may tell of another variant
COMMON = 16  # cells that two things must both have shown to be compared
VARIANTS, ROUNDS = 8, 3
EVENED = 0.55, 1.8  # how far brightness is evened at most
LEAST = 0.1  # of the pixels of the commonest variant
VOICES, ROWS = 12_000_000, 2_500_000  # rows of a variant that are compared, and fused, at most


@dataclass(eq=False)
class _Variant:
    """Colours by cell, of the things that have it so far."""

    key: np.ndarray
    colour: np.ndarray
    members: list[Observation]

    def compare(self, key: np.ndarray, colour: np.ndarray) -> float | None:
        """How much a thing differs; None where too few cells are in common."""
        at = np.clip(np.searchsorted(self.key, key), 0, len(self.key) - 1)
        same = self.key[at] == key
        if same.sum() < COMMON:
            return None
        mine, theirs = self.colour[at[same]], colour[same]
        # Light that is not quite right makes all of a thing brighter or darker; that is no other colour.
        brighter = np.median(theirs.sum(1) / np.maximum(mine.sum(1), 20))
        off = np.abs(mine * np.clip(brighter, *BRIGHTER) - theirs).max(1)
        return float(np.quantile(off, MOST))

    def add(self, seen: Observation, key: np.ndarray, colour: np.ndarray) -> None:
        self.members.append(seen)
        at = np.clip(np.searchsorted(self.key, key), 0, max(len(self.key) - 1, 0))
        fresh = np.ones(len(key), bool) if not len(self.key) else self.key[at] != key
        joined = np.concatenate([self.key, key[fresh]])
        order = np.argsort(joined)
        self.key, self.colour = joined[order], np.concatenate([self.colour, colour[fresh]])[order]


def variants(seen: Sequence[Observation]) -> list[list[Observation]]:
    """Things of one shape by colour, the commonest first. All phases of a being go together."""
    groups: list[_Variant] = []
    unclear: list[Observation] = []
    things: dict[tuple[int, int], list[Observation]] = {}
    for one in seen:
        things.setdefault((one.episode, one.thing), []).append(one)
    for parts in sorted(things.values(), key=lambda parts: -sum(len(part.rows) for part in parts)):
        rows = Rows.joined([part.rows for part in parts])
        key, colour = _coarse(rows)
        trusted = float((rows.weights[:, 1] > LIT * rows.weights[:, 0]).mean()) > 0.5
        found = [(group.compare(key, colour), n) for n, group in enumerate(groups)] if len(key) else []
        known = [(off, n) for off, n in found if off is not None]
        if known and min(known)[0] < DIFFERS:
            group = groups[min(known)[1]]
        elif len(key) >= 3 * COMMON and len(known) == len(groups) < VARIANTS and trusted:
            groups.append(group := _Variant(np.zeros(0, np.int64), np.zeros((0, 3)), []))
        else:
            unclear += parts
            continue
        for part in parts:
            group.add(part, key, colour)
    if not groups:
        return [unclear] if unclear else []
    if len(groups) == 1:
        groups[0].members += unclear
    groups.sort(key=lambda group: -sum(one.pixels for one in group.members))
    most = sum(one.pixels for one in groups[0].members)
    # A variant that was hardly seen is a mistake, or was seen in an odd light.
    kept = [g for g in groups if g is groups[0] or sum(one.pixels for one in g.members) > LEAST * most]
    return [group.members for group in kept]


def _coarse(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Albedos by cells of twice the finest size, of what was seen from near."""
    level, way, place = unpack(rows.key)
    keep = (level <= 1) & (rows.weights[:, 1] > TRUSTED * rows.weights[:, 0])
    place = np.where(level[:, None] == 0, place >> 1, place)[keep]
    key = (way[keep] << 54) | packed(place)
    cells, row = np.unique(key, return_inverse=True)
    weight = rows.weights[keep, 1].astype(np.float64)
    total = np.bincount(row, weight, len(cells))
    colour = sums(row, weight[:, None] * rows.colours[keep, DRY], len(cells))
    return cells, colour / np.maximum(total, 1e-12)[:, None]


def fused(seen: Sequence[Observation], size: Sequence[float], far: bool = False) -> Cloud:
    """The surfels of things of one shape and colour."""
    best = sorted(seen, key=lambda one: -one.pixels)
    enough = int(np.searchsorted(np.cumsum([len(one.rows) for one in best]), VOICES)) + 1
    chosen = set(map(id, best[:enough]))
    rows = harmonised([one.rows for one in seen if id(one) in chosen])
    for level in range(LEVELS - 1, 0, -1):
        if len(rows) <= ROWS:
            break
        rows = rows.keep(unpack(rows.key)[0] < level)
    return fuse(rows, cell_of(size, far))


def harmonised(voices: Sequence[Rows]) -> Rows:
    """All rows, each voice's albedos made as bright as the others': light that is not quite right differs from one recording
    to the next, but is much the same all over one face of a thing."""
    rows = Rows.joined(voices)
    if len(voices) < 2:
        return rows
    voice = np.repeat(np.arange(len(voices)), [len(one) for one in voices])
    level, way, place = unpack(rows.key)
    use = np.flatnonzero((level <= 2) & (rows.weights[:, 1] > 0))
    if len(use) < COMMON:
        return rows
    spot = (place[use] << level[use, None]) >> 2
    key = (way[use] << 54) | packed(spot)
    cells, cell = np.unique(key, return_inverse=True)
    colour = np.maximum(rows.colours[use, DRY].astype(np.float64), 4)
    trust = rows.weights[use, 1].astype(np.float64) / np.maximum(rows.weights[use, 0], 1e-3)
    weight = np.minimum(rows.weights[use, 0].astype(np.float64), 20) * np.minimum(trust, 1) ** 2 + 1e-6
    group = voice[use] * 6 + way[use]
    groups, mine = np.unique(group, return_inverse=True)
    gain, order = np.ones((len(groups), 3)), np.argsort(mine, kind="stable")
    edges = np.concatenate([[0], np.cumsum(np.bincount(mine, minlength=len(groups)))])
    shared = (np.bincount(cell, minlength=len(cells))[cell] > 1)[order]
    for _ in range(ROUNDS):
        even = colour / gain[mine]
        total = np.bincount(cell, weight, len(cells))
        consensus = sums(cell, weight[:, None] * even, len(cells)) / total[:, None]
        ratio = np.log(colour / np.maximum(consensus[cell], 4))[order]
        for number, (begin, end) in enumerate(itertools.pairwise(edges)):
            told = ratio[begin:end][shared[begin:end]]
            if len(told) >= COMMON:
                gain[number] = np.exp(np.clip(np.median(told, 0), *np.log(EVENED)))
    fixed = np.ones((len(rows), 3))
    at = np.clip(np.searchsorted(groups, voice * 6 + way), 0, len(groups) - 1)
    known = groups[at] == voice * 6 + way
    fixed[known] = gain[at[known]]
    colours = rows.colours.astype(np.float32)
    colours[:, DRY] = colours[:, DRY] / fixed
    return replace(rows, colours=colours)


def coverage(cloud: Cloud, size: Sequence[float]) -> float:
    """The share of directions, from the middle of a thing, in which there is a surface: 16 around, at 6 heights."""
    if not len(cloud):
        return 0.0
    half = np.array(size) / 2
    x, y, z = (cloud.position / half).T
    around = ((np.arctan2(y, x) / (2 * np.pi) + 0.5) * 16).astype(int) % 16
    height = ((z + 1) * 3).astype(int).clip(0, 5)
    return len(np.unique(around * 6 + height)) / 96
