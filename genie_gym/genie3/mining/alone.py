"""Things of their own kind, as houses are: the best seen of each scene and kind, without holes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from genie_gym.genie3.mining.cells import Cloud, Rows, cell_of, fuse, unpack
from genie_gym.genie3.mining.collect import Seen
from genie_gym.places.place import Place, Thing

UPRIGHT_WAYS, UP = (0, 1, 2, 3), 5  # of six ways
FEW = 3  # of the backdrop
DIM, LIT = 0.2, 0.1  # what a thing that was seen in the dark alone is worth; trust in a colour, from which it was lit
SNOW_WORTH, NIGHT_WORTH = 0.15, 0.3  # of a thing that was seen under snow, and by night


@dataclass(eq=False)
class Candidate:
    """A thing of its own kind, and all that was seen of it so far."""

    thing: Thing
    scene: str
    rows: Rows
    score: float


class Candidates:
    """The best of each scene and kind, while episodes come in."""

    def __init__(self, each: int, half: float):
        self.each, self.half = each, half
        self.best: dict[tuple[str, str, str], dict[tuple, Candidate]] = defaultdict(dict)

    def add(self, seen: Seen, place: Place) -> None:
        thing = place.things[seen.thing]
        group = self.best[place.scene, thing.name, thing.kind]
        # The same world may have been recorded more than once.
        key = (tuple(np.round(thing.centre, 2)), tuple(np.round(thing.size, 2)))
        rows = seen.rows if key not in group else Rows.joined([group[key].rows, seen.rows])
        group[key] = Candidate(thing, place.scene, rows, worth(rows, thing, is_far(thing, self.half)))
        while len(group) > 2 * self.each:
            del group[min(group, key=lambda one: group[one].score)]

    def ranked(self) -> list[list[Candidate]]:
        """By scene and kind, the best first."""
        found = []
        for group in self.best.values():
            ranked = sorted(group.values(), key=lambda one: -one.score)
            many = FEW if is_far(ranked[0].thing, self.half) else self.each
            found.append(ranked[:many])
        return found


def is_far(thing: Thing, half: float) -> bool:
    """Whether it belongs to the backdrop."""
    return max(abs(thing.centre[0]), abs(thing.centre[1])) > half + 12


def is_inside(thing: Thing, half: float) -> bool:
    """Whether it may be seen from all sides."""
    return max(abs(thing.centre[0]), abs(thing.centre[1])) + min(thing.size[:2]) / 2 < half


def worth(rows: Rows, thing: Thing, far: bool) -> float:
    """How well a thing was seen: the share of its sides that was, near views above all, the worst side twice; a little more
    where snow and night were seen too."""
    level, way, _ = unpack(rows.key)
    width, depth, height = thing.size
    cell = max(cell_of(thing.size), 0.3) if far else cell_of(thing.size)
    areas = np.array([depth * height, depth * height, width * height, width * height])
    fine = 0.6 ** np.maximum(level - 1, 0) * (cell * 2.0**level) ** 2
    shares = np.array([fine[way == w].sum() for w in UPRIGHT_WAYS]) / areas
    shares = np.sort(np.minimum(shares, 1.0))
    if far or thing.kind == "facade":  # nobody sees them from all sides
        seen = float(shares[-2:].mean())
    else:
        seen = float((shares.sum() + shares[0]) / 5)
    snow, night = ((rows.weights[:, k] > 0).mean() for k in (2, 3))
    seen *= DIM + (1 - DIM) * float((rows.weights[:, 1] > LIT * rows.weights[:, 0]).mean())
    return seen * (1 + SNOW_WORTH * min(2 * snow, 1) + NIGHT_WORTH * min(2 * night, 1))


def cloud_of(candidate: Candidate, far: bool) -> Cloud:
    cell = max(cell_of(candidate.thing.size), 0.3) if far else cell_of(candidate.thing.size)
    return fuse(candidate.rows, cell, specks=False)
