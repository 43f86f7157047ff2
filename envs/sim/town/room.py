"""Where there is room: the cells that are occupied, and random searches for a free place."""

from __future__ import annotations

import numpy as np

from genie_gym.envs.sim.town.plane import GRID, HALF, Extents, Place, Point, Window, cells_around

VIEW = 14  # metres that an open view has


class Room:
    """What is free in a world that is being laid out. Random places come from `rng`.

    `occupied` [GRID, GRID]: how many things stand there. `reserved` [GRID, GRID]: roads, doorways and the first view, where
    only what belongs on a road may stand. `quay`: nothing is free south of this y.
    """

    def __init__(self, rng: np.random.Generator):
        self.rng = rng
        self.occupied = np.zeros((GRID, GRID), np.int16)
        self.reserved = np.zeros((GRID, GRID), bool)
        self.quay = -np.inf

    @staticmethod
    def cells_of(x: float, y: float, half: Extents, yaw: float) -> tuple[Window, np.ndarray]:
        """A window of the grid, and which of its cells a rectangle covers."""
        window, along, across = cells_around(x, y, yaw, float(np.hypot(*half)))
        return window, (np.abs(along) <= half[0]) & (np.abs(across) <= half[1])

    def occupy(self, x: float, y: float, half: Extents, yaw: float = 0.0) -> None:
        window, inside = self.cells_of(x, y, half, yaw)
        self.occupied[window] += inside

    def vacate(self, x: float, y: float, half: Extents, yaw: float = 0.0) -> None:
        """Takes back what `occupy` was told."""
        window, inside = self.cells_of(x, y, half, yaw)
        self.occupied[window] = np.maximum(self.occupied[window] - inside, 0)

    def reserve(self, x: float, y: float, half: Extents, yaw: float = 0.0) -> None:
        window, inside = self.cells_of(x, y, half, yaw)
        self.reserved[window] |= inside

    def fits(self, x: float, y: float, half: Extents, yaw: float = 0.0, on_road: bool = False) -> bool:
        """Whether a rectangle lies inside the world, clear of everything placed (and of roads, unless `on_road`)."""
        reach = float(np.hypot(*half))
        edge = HALF - 0.8
        if max(abs(x), abs(y)) + min(half) > edge or max(abs(x), abs(y)) + reach > edge + 1.5:
            return False
        if y - reach < self.quay + 0.5:
            return False
        window, inside = self.cells_of(x, y, half, yaw)
        blocked = self.occupied[window] > 0
        if not on_road:
            blocked |= self.reserved[window]
        return not bool((blocked & inside).any())

    def spot(
        self, half: Extents, *, near: Point | None = None, reach: float = HALF, least: float = 0.0,
        on_road: bool = False, yaw: float | None = 0.0, tries: int = 60,
    ) -> Place | None:  # fmt: skip
        """A random free (x, y, yaw) for a rectangle, `least` to `reach` metres from `near`; None where there is no room.
        Without a `yaw` it is turned by any quarter."""
        for _ in range(tries):
            if near is None:
                x, y = self.rng.uniform(-HALF + 1, HALF - 1, 2)
            else:
                angle, distance = self.rng.uniform(0, 2 * np.pi), self.rng.uniform(least, reach)
                x, y = near[0] + distance * np.cos(angle), near[1] + distance * np.sin(angle)
            turn = float(self.rng.choice(4) * np.pi / 2) if yaw is None else yaw
            if self.fits(x, y, half, turn, on_road):
                return float(x), float(y), turn
        return None

    def emptiest(self, half: Extents) -> Point:
        """Of 200 random places the one where a rectangle covers least of what stands."""
        best, least = (0.0, 0.0), np.inf
        for _ in range(200):
            x, y = self.rng.uniform(-HALF + max(half), HALF - max(half), 2)
            window, inside = self.cells_of(x, y, half, 0.0)
            covered = float(((self.occupied[window] > 0) & inside).sum())
            if covered < least and y - half[1] > self.quay:
                best, least = (float(x), float(y)), covered
        return best

    def free_near(self, x: float, y: float, radius: float) -> Point:
        """The free place nearest to a point: rings outwards, roads allowed."""
        for ring in np.arange(0, 2 * HALF, 0.5):
            count = max(1, int(2 * np.pi * ring / 0.7))
            start = self.rng.uniform(0, 2 * np.pi)
            for k in range(count):
                angle = start + 2 * np.pi * k / count
                px, py = float(x + ring * np.cos(angle)), float(y + ring * np.sin(angle))
                if self.fits(px, py, (radius, radius), on_road=True):
                    return px, py
        return float(np.clip(x, -HALF + 1, HALF - 1)), float(np.clip(y, -HALF + 1, HALF - 1))

    def open_ahead(self, x: float, y: float, heading: float) -> int:
        """Metres (at most `VIEW`, and one more for a view without end) that are free in a direction."""
        for distance in range(1, VIEW + 1):
            px, py = x + distance * np.cos(heading), y + distance * np.sin(heading)
            if not self.fits(float(px), float(py), (0.6, 0.6), on_road=True):
                return distance
        return VIEW + 1
