"""Patches that are there in part end at straight lines."""

import numpy as np
import pytest

from genie_gym.genie3.mining.edges import SPARE, straight_edges
from genie_gym.places.surfels import CUT_ANGLES, CUT_STEPS, UNCUT

MIDDLES = (2 * np.arange(8) + 1) / 8 - 1
UP, ALONG = np.meshgrid(MIDDLES, MIDDLES, indexing="ij")


def told(cuts: np.ndarray) -> np.ndarray:
    """Which texels the lines leave."""
    there = np.ones((8, 8), bool)
    for angle, offset in cuts.reshape(2, 2).tolist():
        way = 2 * np.pi * angle / CUT_ANGLES
        if offset != UNCUT:
            there &= np.cos(way) * ALONG + np.sin(way) * UP <= offset / CUT_STEPS - SPARE + 1e-9
    return there


@pytest.mark.parametrize("mask", [
    ALONG < 0.3,  # ends on the right
    0.6 * ALONG + UP < 0.2,  # a roof's slope
    (UP < 0.5) & (ALONG > -0.3),  # a corner
    (UP < 0.8 + ALONG) & (UP < 0.8 - ALONG),  # a ridge
])  # fmt: skip
def test_straight_rims_are_told_by_lines(mask):
    cuts, well = straight_edges(mask[None])
    assert well[0]
    assert (told(cuts[0]) != mask).sum() <= 2


def test_a_rim_along_texels_lies_between_them():
    cuts, _ = straight_edges((ALONG < 0.3)[None])
    assert cuts[0].tolist() == [0, round((0.25 + SPARE) * CUT_STEPS), UNCUT, UNCUT]


def test_what_no_line_tells_is_said():
    checkers = (np.arange(8)[:, None] // 2 + np.arange(8) // 2) % 2 == 0
    assert not straight_edges(checkers[None])[1][0]


def test_no_patches_have_no_edges():
    cuts, well = straight_edges(np.zeros((0, 8, 8), bool))
    assert (len(cuts), len(well)) == (0, 0)
