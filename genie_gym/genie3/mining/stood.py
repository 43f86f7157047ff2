"""Where recorded walkers stood: there one can walk, whatever was seen around.

Legend: n places where somebody stood, T frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, UInt8

from genie_gym.datasets.video import VideoDataset
from genie_gym.genie3.mining.views import turning
from genie_gym.places.occupancy import BLOCKED, FREE
from genie_gym.places.place import Place, heights_at
from genie_gym.places.surfels import GRID

BODY = 0.3  # metres around the middle of who stands, that are free
ON_GROUND = 0.15  # metres that feet may be off the ground


@dataclass
class Stood:
    """By episode and thing: metres (x, y) in its own axes, within its box, where somebody stood on the ground."""

    spots: dict[tuple[int, int], Float[np.ndarray, "n 2"]] = field(default_factory=dict)

    @classmethod
    def of(cls, data: VideoDataset, places: Mapping[int, Place]) -> Stood:
        """Of all recordings. How high eyes are follows from the ground under them, as is usual."""
        seen = {index: data.truth(index, "pose", slice(int(data.calm[index])))[:, :3, 3] for index in places}
        above = {index: _above(places[index], at) for index, at in seen.items() if len(at)}
        if not above:
            return cls()
        eye = float(np.median(np.concatenate([*above.values()])))
        spots: dict[tuple[int, int], np.ndarray] = {}
        for index, height in above.items():
            feet = seen[index][np.abs(height - eye) < ON_GROUND, :2]
            for number, thing in enumerate(places[index].things):
                if thing.movable or thing.behaviour is not None:
                    continue
                own = (feet - np.array(thing.centre[:2])) @ turning(thing.yaw)[:2, :2]
                inside = (np.abs(own) < np.array(thing.size[:2]) / 2 + BODY).all(1)
                if inside.any():
                    spots[index, number] = own[inside]
        return cls(spots)

    def on(self, members: tuple[tuple[int, int], ...]) -> Float[np.ndarray, "n 2"]:
        """Of some things of one shape."""
        return np.concatenate([np.zeros((0, 2)), *(self.spots[one] for one in members if one in self.spots)])


def _above(place: Place, at: Float[np.ndarray, "T 3"]) -> Float[np.ndarray, " T"]:
    return np.asarray(at[:, 2] - heights_at(place.heights, place.half, at[:, :2]))


def carved(
    occupancy: UInt8[np.ndarray, "32 32"], size: tuple[float, float, float], spots: Float[np.ndarray, "n 2"]
) -> UInt8[np.ndarray, "32 32"]:
    """Where one can walk within a box, and where somebody stood."""
    middles = (np.arange(GRID) + 0.5) / GRID - 0.5
    x, y = np.meshgrid(middles * size[0], middles * size[1])
    free = np.zeros((GRID, GRID), bool)
    for spot in np.unique(np.rint(spots / 0.05), axis=0) * 0.05:
        free |= (x - spot[0]) ** 2 + (y - spot[1]) ** 2 < BODY**2
    return np.where(free & (occupancy == BLOCKED), np.uint8(FREE), occupancy)
