"""The square world seen from above: its grid of cells, and angles. Metres, x east, y north, both from -HALF to HALF.

Arrays over the grid are [GRID, GRID]: rows go north, columns east.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from genie_gym.text.spec import WORLD_HALF

HALF = WORLD_HALF
RESOLUTION = 0.5  # metres, the side of a cell
GRID = int(2 * HALF / RESOLUTION)
CENTRES = (np.arange(GRID) + 0.5) * RESOLUTION - HALF  # of the cells, along either axis

Window = tuple[slice, slice]
Point = tuple[float, float]  # x, y
Place = tuple[float, float, float]  # x, y, and a heading
Extents = tuple[float, float]  # half a rectangle's sides, before turning


def wrap_angle(angle: float) -> float:
    """The same angle in [-pi, pi)."""
    return float((angle + np.pi) % (2 * np.pi) - np.pi)


def heading_of(vector: np.ndarray) -> float:
    """The angle of a vector (x, y), counter-clockwise from east."""
    return float(np.arctan2(vector[1], vector[0]))


def as_point(coordinates: np.ndarray) -> Point:
    """The first two of an array, as numbers."""
    return float(coordinates[0]), float(coordinates[1])


def to_frame(dx: Any, dy: Any, yaw: float) -> tuple[Any, Any]:
    """Offsets in the world's axes (numbers or arrays) as offsets along a heading, and across it (to the left)."""
    cos, sin = np.cos(yaw), np.sin(yaw)
    return dx * cos + dy * sin, dy * cos - dx * sin


def cells_around(x: float, y: float, yaw: float, reach: float) -> tuple[Window, np.ndarray, np.ndarray]:
    """The cells within `reach` of a point, cut at the world's edge: a window of the grid, and where its cells' centres lie
    along the heading `yaw` from the point, and across it."""
    low = [int(np.clip((c - reach + HALF) / RESOLUTION, 0, GRID)) for c in (x, y)]
    high = [int(np.clip((c + reach + HALF) / RESOLUTION + 1, 0, GRID)) for c in (x, y)]
    rows, columns = window = slice(low[1], high[1]), slice(low[0], high[0])
    return window, *to_frame(CENTRES[columns][None, :] - x, CENTRES[rows][:, None] - y, yaw)
