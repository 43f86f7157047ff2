"""A place as numbers: where all its things stand, what class and part each one is.

Legend: T things.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from genie_gym.places.layout.ground import FULL, Ground
from genie_gym.places.place import Area, Place, heights_at

Spec = Mapping[str, Any]  # a `WorldSpec` as JSON holds it
Pair = tuple[Spec | None, Place]
FAR_AWAY = 1.6  # halves of a square from its middle: what stands farther away is no edge but a view
AT_EDGE = 0.8  # units from the land's edge: what stands so near, or beyond, stands at the edge
OVERHEAD = 1.8  # units: what begins so high is in nobody's way

# Columns of `Sketch.rows`: middle, heading, sizes, and how high its underside is over the ground below its middle.
X, Y, YAW, WIDE, DEEP, HIGH, LIFT = range(7)


class Sketch:
    """`rows` [T, 7] (metres), `parts` (name, kind) of each thing, on their `ground`."""

    def __init__(self, place: Place, materials: tuple[str, ...]):
        self.place, self.ground = place, Ground(place, materials)
        self.parts = [(thing.name, thing.kind) for thing in place.things]
        rows = [(*t.centre[:2], t.yaw, *t.size, t.base) for t in place.things]
        self.rows = np.array(rows).reshape(-1, 7)
        if len(self.rows):
            self.rows[:, LIFT] -= heights_at(place.heights, place.half, self.rows[:, :2])

    def boxes(self, chosen: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Of chosen things as `boxes` has them, [.., 5]."""
        return as_boxes(self.rows[chosen])


def as_boxes(rows: np.ndarray, core: np.ndarray | float = 1.0) -> np.ndarray:
    """Rows [.., 7] or longer as boxes [.., 5], of which a share `core` is left."""
    half = np.asarray(core) / 2
    return np.stack([rows[:, X], rows[:, Y], rows[:, YAW], rows[:, WIDE] * half, rows[:, DEEP] * half], -1)


def asked_of(spec: Spec | None) -> dict[str, int]:
    """How many of each class a spec asks for."""
    asked: dict[str, int] = {}
    for name in (spec or {}).get("landmarks", ()):
        asked[name] = 1
    for key in ("objects", "characters"):
        for one in (spec or {}).get(key, ()):
            asked[one["kind"]] = asked.get(one["kind"], 0) + int(one.get("count", 1))
    return asked


def round_area(place: Place) -> tuple[float, float, float] | None:
    """x, y and radius of the largest round area around the middle of the place, if one is there."""
    discs = [a for a in place.areas if a.round and abs(a.x) < a.half[0] / 2 and abs(a.y) < a.half[1] / 2]
    discs = [a for a in discs if min(a.half) > 0.3 * place.half]
    if not discs:
        return None
    disc = max(discs, key=lambda area: area.half[0])
    return disc.x, disc.y, sum(disc.half) / 2


def room_lines(place: Place) -> tuple[np.ndarray, np.ndarray] | None:
    """The lines x and y between which floors lie under a roof; None where floors are no grid of rooms."""
    floors = floors_of(place)
    thin = 0.1 * place.half / FULL
    xs = _lines([a.x + sign * a.half[0] for a in floors for sign in (-1, 1)], thin)
    ys = _lines([a.y + sign * a.half[1] for a in floors for sign in (-1, 1)], thin)
    if len(xs) < 2 or len(ys) < 2 or len(floors) != (len(xs) - 1) * (len(ys) - 1):
        return None
    return xs, ys


def floors_of(place: Place) -> list[Area]:
    """Rectangles whose middles lie under the roof, or hardly beside it."""
    if place.roof is None:
        return []
    (west, south, east, north), slack = place.roof, 0.3 * place.half / FULL
    return [
        area
        for area in place.areas
        if not area.round and west - slack < area.x < east + slack and south - slack < area.y < north + slack
    ]


def _lines(values: list[float], thin: float) -> np.ndarray:
    """The values in their order, without those that are hardly more than the one before."""
    found: list[float] = []
    for value in sorted(values):
        if not found or value - found[-1] > thin:
            found.append(value)
    return np.array(found)
