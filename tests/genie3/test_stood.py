"""Where somebody stood one can walk."""

import numpy as np

from genie_gym.genie3.mining.stood import carved
from genie_gym.places.occupancy import BLOCKED, FREE
from genie_gym.places.surfels import GRID


def test_the_ground_around_who_stood_there_is_free():
    blocked = np.full((GRID, GRID), BLOCKED, np.uint8)
    free = carved(blocked, (8.0, 4.0, 3.0), np.array([[2.0, -1.0], [2.0, -1.0]]))
    rows, columns = np.nonzero(free == FREE)
    x, y = (columns + 0.5) / GRID * 8 - 4, (rows + 0.5) / GRID * 4 - 2
    away = np.hypot(x - 2, y + 1)
    assert 0 < len(x) < 20
    assert away.max() < 0.3
    assert away.min() < 0.15


def test_decks_stay():
    deck = np.full((GRID, GRID), 12, np.uint8)
    assert (carved(deck, (2.0, 2.0, 3.0), np.zeros((1, 2))) == 12).all()
