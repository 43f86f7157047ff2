"""Flat parts of things: what nobody saw of them is completed."""

from dataclasses import replace

import numpy as np

from genie_gym.genie3.mining.planes import Side, completed

TEXEL = 0.1
DOWN = np.array([0.0, 0, -1])


def plain(normal: np.ndarray, origin: np.ndarray, shape: tuple[int, int], colour: float) -> Side:
    """A side of one colour."""
    colours, known = np.full((*shape, 3, 3), colour), np.ones((*shape, 3), bool)
    return Side(normal, origin, TEXEL, colours, known, np.ones(shape, bool), np.zeros(shape, np.uint8))


def seen_part(rows: slice, columns: slice, size: tuple[float, float, float]) -> Side:
    """The lower side of a box of `size`, of which a window of texels was seen, in one colour."""
    shape = rows.stop - rows.start, columns.stop - columns.start
    side = plain(DOWN, np.zeros(3), shape, 90.0)
    u, v = side.axes
    corner = DOWN * size[2] / 2 - u * size[0] / 2 - v * size[1] / 2
    origin = corner + u * columns.start * TEXEL + v * rows.start * TEXEL
    return replace(side, origin=origin)


def test_a_ceiling_of_which_a_corner_was_seen_is_whole():
    size = (6.0, 4.0, 0.3)
    (whole,) = completed([seen_part(slice(5, 20), slice(30, 50), size)], size, both=False)
    assert whole.mask.shape == (40, 60)
    assert whole.mask.all()
    assert whole.known.all()
    assert np.allclose(whole.colours, 90)
    rows, columns = np.nonzero(whole.mask)
    places = whole.middles(rows + 0.5, columns + 0.5)
    assert np.allclose(np.abs(places).max(0), [2.95, 1.95, 0.15])


def test_a_lamp_below_a_ceiling_does_not_grow_with_it():
    size = (6.0, 4.0, 0.3)
    ceiling, lamp = seen_part(slice(5, 20), slice(30, 50), size), seen_part(slice(5, 11), slice(30, 36), size)
    lamp = replace(lamp, origin=lamp.origin + DOWN * 0.1, colours=lamp.colours + 100)
    whole, small = completed([ceiling, lamp], size, both=False)
    assert whole.mask.shape == (40, 60)
    assert np.allclose(whole.colours, 90)
    assert small.mask.shape == (6, 6)


def test_the_top_of_a_house_stays_as_it_was_seen():
    size = (6.0, 4.0, 5.0)
    (side,) = completed([seen_part(slice(5, 20), slice(30, 50), size)], size, both=False)
    assert side.mask.shape == (15, 20)


def test_a_side_of_which_the_upper_part_was_not_seen_is_as_high_as_the_opposite_one():
    size = (6.0, 4.0, 5.0)
    north = np.array([0.0, 1, 0])

    def side(normal: np.ndarray, rows: int, colour: float) -> Side:
        shape = rows, 60
        bare = plain(normal, np.zeros(3), shape, colour)
        u, v = bare.axes
        return replace(bare, origin=normal * 2 - u * 3 - v * 2.5)

    low, whole = completed([side(north, 20, 50.0), side(-north, 50, 90.0)], size, both=False)
    assert low.mask.shape == whole.mask.shape == (50, 60)
    assert low.mask.all()
    assert np.allclose(low.colours[:20], 50)
    assert np.allclose(low.colours[20:], 90)
