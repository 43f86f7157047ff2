"""What is known of a place before it is laid out.

Legend: N cells along a side of the square, K points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from genie_gym.errors import GenieGymError
from genie_gym.places.place import Place

MOST_CELLS = 1024  # along a side


@dataclass(frozen=True, eq=False)
class Given:
    """A place of which a part is known; all its things stay as they are.

    Args:
        place: its things, its spawn, and its ground.
        ground: its ground is known; None: it is where it has roads, areas, water or heights.
        seen: bool [N, N] over the square (rows go north), where all is known: nothing else comes there. None: nowhere.
        spawn: that is known too.

    Raises:
        GenieGymError: `seen` is no such array.
    """

    place: Place
    ground: bool | None = None
    seen: Bool[np.ndarray, "N N"] | None = None
    spawn: bool = True

    def __post_init__(self) -> None:
        seen = self.seen
        if seen is None:
            return
        if seen.dtype != bool or seen.ndim != 2 or seen.shape[0] != seen.shape[1] or not 1 <= len(seen) <= MOST_CELLS:
            raise GenieGymError(
                f"what is seen of a place is bool [N, N] over its square, N up to {MOST_CELLS:,}; got {seen.dtype} of "
                f"{seen.shape}."
            )

    @property
    def knows_ground(self) -> bool:
        place = self.place
        laid = bool(place.roads or place.areas or place.waters or len(place.heights) > 1)
        return laid if self.ground is None else self.ground

    def hides(self, points: Float[np.ndarray, "K 2"]) -> Bool[np.ndarray, " K"]:
        """Which points lie where all is known."""
        if self.seen is None:
            return np.zeros(len(points), bool)
        half, size = self.place.half, len(self.seen)
        cells = np.floor((points + half) / (2 * half) * size).astype(int)
        within = ((cells >= 0) & (cells < size)).all(1)
        column, row = np.clip(cells, 0, size - 1).T
        return np.asarray(within & self.seen[row, column])
