"""Things of their own kind, as houses are: the best seen of each scene and kind, without holes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from genie_gym.genie3.mining.cells import Cloud, Rows, cell_of, fuse, unpack
from genie_gym.genie3.mining.collect import Observation, is_far
from genie_gym.places.place import Place, Thing

UPRIGHT_WAYS, UP = (0, 1, 2, 3), 5  # of six ways
FEW = 3  # of the backdrop; and so many are kept however little was seen of them
PART = 0.55  # of the best's worth: what is worth less is a part of a thing
DIM, LIT = 0.2, 0.1  # what a thing that was seen in the dark alone is worth; trust in a colour, from which it was lit
SNOW_WORTH, NIGHT_WORTH = 0.15, 0.3  # of a thing that was seen under snow, and by night
ROOF_WORTH = 0.25  # and from above


@dataclass(eq=False)
class Candidate:
    """A thing of its own kind, and all that was seen of it so far. `far`: it belongs to the backdrop; `inside`: one may see
    it from all sides."""

    thing: Thing
    scene: str
    far: bool
    inside: bool
    rows: Rows
    score: float
    seen: tuple[tuple[int, int], ...]

    @property
    def cell(self) -> float:
        return cell_of(self.thing.size, self.far)

    def cloud(self) -> Cloud:
        return fuse(self.rows, self.cell, specks=False)


class Candidates:
    """The best of each scene and kind, while episodes come in."""

    def __init__(self, each: int):
        self.each = each
        self.best: dict[tuple[str, str, str], dict[tuple, Candidate]] = defaultdict(dict)

    def add(self, seen: Observation, place: Place) -> None:
        thing = place.things[seen.thing]
        group = self.best[place.scene, thing.name, thing.kind]
        # The same world may have been recorded more than once.
        key = (tuple(np.round(thing.centre, 2)), tuple(np.round(thing.size, 2)))
        before = group.get(key)
        rows = seen.rows if before is None else Rows.joined([before.rows, seen.rows])
        where = (*(() if before is None else before.seen), (seen.episode, seen.thing))
        far, inside = is_far(thing, place), is_inside(thing, place)
        group[key] = Candidate(thing, place.scene, far, inside, rows, worth(rows, thing, far), where)
        while len(group) > 2 * self.each:
            del group[min(group, key=lambda one: group[one].score)]

    def ranked(self) -> list[list[Candidate]]:
        """By scene and kind, the best first."""
        ranked = (sorted(group.values(), key=lambda one: -one.score) for group in self.best.values())
        return [
            [one for turn, one in enumerate(group[: FEW if group[0].far else self.each])
             if turn < FEW or one.score > PART * group[0].score]
            for group in ranked
        ]  # fmt: skip


def is_inside(thing: Thing, place: Place) -> bool:
    """Whether it may be seen from all sides."""
    return max(abs(thing.centre[0]), abs(thing.centre[1])) + min(thing.size[:2]) / 2 < place.half


def worth(rows: Rows, thing: Thing, far: bool) -> float:
    """How well a thing was seen: the share of its sides that was, near views above all, the worst side twice; a little more
    where its roof, snow and night were seen too."""
    level, way, _ = unpack(rows.key)
    width, depth, height = thing.size
    cell = cell_of(thing.size, far)
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
    roof = min(float(fine[way == UP].sum()) / (width * depth), 1.0)
    return seen * (1 + SNOW_WORTH * min(2 * snow, 1) + NIGHT_WORTH * min(2 * night, 1) + ROOF_WORTH * min(2 * roof, 1))
