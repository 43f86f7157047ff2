"""Straight edges of patches: a patch that is there in part ends at one line or two.

Legend: n patches, c lines that are tried, 64 texels of a patch (8×8, row by row).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int8

from genie_gym.places.surfels import CUT_ANGLES, CUT_STEPS, UNCUT

TEXELS = 8
OFFSETS = np.arange(-12, 13) * 0.125  # of half a patch's side
AWRY, BETWEEN = 0.01, 0.02  # texels: of lines that tell as well, those along texels and between them are preferred
MISSED, MISSED_TWICE = 3, 5  # texels that may be told wrongly, with one line, and with two
SPARE = 0.125  # of half a patch's side, half a texel, by which lines lie farther out: texels are seen by their middles
LOST = 3.0  # what a texel that a line cuts off wrongly costs, against one that it leaves


def _lines() -> tuple[Float[np.ndarray, "c 2"], Bool[np.ndarray, "c 64"], Float[np.ndarray, " c"]]:
    """Lines (angle and offset as they are kept), the texels that each leaves, and what choosing it costs."""
    middles = (2 * np.arange(TEXELS) + 1) / TEXELS - 1
    up, along = np.meshgrid(middles, middles, indexing="ij")
    angle = np.arange(CUT_ANGLES)
    way = 2 * np.pi * angle / CUT_ANGLES
    apart = np.cos(way)[:, None] * along.ravel() + np.sin(way)[:, None] * up.ravel()
    leaves = apart[:, None] <= OFFSETS[:, None] + 1e-9
    told = np.stack(np.meshgrid(angle, np.rint(OFFSETS * CUT_STEPS), indexing="ij"), -1)
    cost = AWRY * (angle % (CUT_ANGLES // 4) > 0)[:, None] + BETWEEN * (np.abs(OFFSETS * 4 % 1) > 0)
    return told.reshape(-1, 2), leaves.reshape(-1, TEXELS**2), cost.ravel()


LINES, LEAVES, COST = _lines()


def straight_edges(masks: Bool[np.ndarray, "n 8 8"]) -> tuple[Int8[np.ndarray, "n 4"], Bool[np.ndarray, " n"]]:
    """Lines at which patches end, as assets keep them, and whether they tell well which texels are there."""
    there = masks.reshape(len(masks), TEXELS**2).astype(np.float32)
    leaves = LEAVES.astype(np.float32)
    count = there.sum(1, keepdims=True)
    held = there @ leaves.T  # texels that are there, and that a line leaves
    lost, kept = count - held, leaves.sum(1) - held
    first = (LOST * lost + kept + COST).argmin(1)
    at = np.arange(len(masks))
    cuts = np.full((len(masks), 4), UNCUT, np.int8)
    cuts[:, :2] = LINES[first]
    wrong = (lost + kept)[at, first]
    inside = leaves[first]
    held = (there * inside) @ leaves.T
    kept_by_both = ((1 - there) * inside) @ leaves.T
    lost_by_any = count - held
    second = (LOST * lost_by_any + kept_by_both + COST).argmin(1)
    wrong_both = (lost_by_any + kept_by_both)[at, second]
    twice = (wrong > MISSED) & (wrong_both < wrong)
    cuts[twice, 2:] = LINES[second[twice]]
    offsets = cuts[:, 1::2]
    offsets[offsets != UNCUT] += round(SPARE * CUT_STEPS)
    return cuts, np.where(twice, wrong_both <= MISSED_TWICE, wrong <= MISSED)
