"""Hills of which one side was seen, or the top alone, are closed by what others of their kind show."""

import numpy as np
import pytest

from genie_gym.genie3.mining.backdrops import closed
from genie_gym.genie3.mining.build import Piece, Source
from genie_gym.genie3.mining.cells import DRY, SHINE, Cloud
from genie_gym.genie3.mining.patches import Patches


def cone(seen, colour, size=(40.0, 30.0, 16.0), beyond=True, kind="hill"):
    """A cone in a box, of discs; `seen` says of x, y, z in halves of the box which of them there are."""
    z, turn = (values.ravel() for values in np.meshgrid(np.linspace(-0.95, 0.9, 40), np.linspace(-np.pi, np.pi, 90)))
    reach = 1 - 0.5 * (z + 1)
    unit = np.stack([reach * np.cos(turn), reach * np.sin(turn), z], 1)
    unit = unit[seen(*unit.T)]
    half = np.array(size) / 2
    normal = unit * (1, 1, 0) + (0, 0, 0.5)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    count = len(unit)
    colours = np.zeros((count, 3, 3))
    colours[:, :2], colours[:, SHINE] = colour, 200.0
    cloud = Cloud(unit * half, normal, colours, np.ones((count, 3), bool), np.full(count, 0.8))
    return Piece(Source("boundary", kind, size, 0.3, cloud, {}, 0.3, beyond=beyond), cloud, Patches.joined([]))


def east(x, y, z):
    return x > 0


def west(x, y, z):
    return x <= 0


def top(x, y, z):
    return z > 0.4


def gaps(piece):
    """The share of directions, around and at five heights, in which a piece has nothing."""
    x, y, z = (piece.cloud.position / (np.array(piece.source.size) / 2)).T
    around = ((np.arctan2(y, x) / (2 * np.pi) + 0.5) * 16).astype(int) % 16
    return 1 - len(np.unique(around * 5 + ((z + 1) * 2.5).astype(int).clip(0, 4))) / 80


def test_what_nobody_saw_is_as_others_of_the_kind_in_its_own_colours():
    hills = [cone(east, (60, 120, 40)), cone(west, (60, 120, 40), (50.0, 48.0, 12.0)), cone(top, (220, 190, 120))]
    assert min(gaps(hill) for hill in hills) > 0.3
    whole = closed(hills)
    for before, after in zip(hills, whole, strict=True):
        assert gaps(after) == 0
        assert after.source.coverage == 1
        added = after.cloud.keep(np.arange(len(after.cloud)) >= len(before.cloud))
        assert np.array_equal(after.cloud.position[: len(before.cloud)], before.cloud.position)
        assert np.abs(added.colours[:, DRY] - before.cloud.colours[0, DRY]).max() < 1
        assert not added.colours[:, SHINE].any()
        half = np.array(after.source.size) / 2
        x, y, z = (added.position / half).T
        assert np.hypot(x, y) == pytest.approx(1 - 0.5 * (z + 1), abs=0.08)


def test_what_is_whole_stays_and_so_does_what_has_no_kin():
    whole = [cone(lambda x, y, z: z > -2, (60, 120, 40)) for _ in range(3)]
    assert all(after is before for before, after in zip(whole, closed(whole), strict=True))
    few = [cone(east, (60, 120, 40)), cone(west, (60, 120, 40))]
    assert closed(few) == few
    near = [cone(side, (60, 120, 40), beyond=False) for side in (east, west, top)]
    assert closed(near) == near
    assert closed([]) == []


def test_where_all_are_hidden_nothing_is_made_up():
    tops = closed([cone(top, (60, 120, 40)) for _ in range(4)])
    assert all(after.cloud.position[:, 2].min() > 0.3 * after.source.size[2] / 2 for after in tops)
