"""The heights of the ground: flat, or smooth hills that are level around buildings."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, zoom

from genie_gym.envs.sim.town.plane import HALF

HEIGHT_GRID = 49  # points along a side


class Terrain:
    """`heights` [HEIGHT_GRID, HEIGHT_GRID] in metres, at points from edge to edge of the world (rows go north)."""

    def __init__(self) -> None:
        self.heights = np.zeros((HEIGHT_GRID, HEIGHT_GRID))

    @property
    def hilly(self) -> bool:
        return bool(self.heights.any())

    def height(self, x: float, y: float) -> float:
        """Height of the ground, interpolated as the triangles of its mesh are not finer than this."""
        scale = (HEIGHT_GRID - 1) / (2 * HALF)
        north, east = (min(max((c + HALF) * scale, 0.0), HEIGHT_GRID - 1.001) for c in (y, x))
        row, column = int(north), int(east)
        north, east = north - row, east - column
        (south_west, south_east), (north_west, north_east) = self.heights[row : row + 2, column : column + 2]
        south = south_west * (1 - east) + south_east * east
        return float(south * (1 - north) + (north_west * (1 - east) + north_east * east) * north)

    def roll(self, rng: np.random.Generator, amplitude: float, scale: int) -> None:
        """Makes the ground hilly: smooth noise, `amplitude` metres high, `scale` points of the grid wide."""
        coarse = rng.standard_normal((HEIGHT_GRID // scale + 4, HEIGHT_GRID // scale + 4))
        hills = gaussian_filter(zoom(coarse, scale, order=3)[:HEIGHT_GRID, :HEIGHT_GRID], 1.0)
        hills -= hills.min()
        self.heights = amplitude * hills / max(hills.max(), 1e-6)

    def flatten(self, x: float, y: float, reach: float) -> None:
        """Levels the ground within `reach` metres of a point."""
        axis = np.linspace(-HALF, HALF, HEIGHT_GRID)
        distance = np.hypot(axis[None, :] - x, axis[:, None] - y)
        blend = np.clip((reach + 3.0 - distance) / 3.0, 0, 1)
        self.heights = self.heights * (1 - blend) + self.height(x, y) * blend
