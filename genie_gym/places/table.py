"""Places as batched tables: one line for each thing, and back again.

Legend: B rows, N things a row (places without one have asset and label -1), A assets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from genie_gym.errors import GenieGymError, check_name
from genie_gym.places.ground import Ground, ground_of, place_of_ground
from genie_gym.places.library import AssetLibrary
from genie_gym.places.place import Place, Thing
from genie_gym.state import State
from genie_gym.text.spec import BEHAVIOURS

CAPACITY = 640  # things a row
LAYOUT, PICTURE, EVENT = 0, 1, 2  # why a thing is there


@dataclass(kw_only=True)
class Things(State):
    """What stands in each row's place: the scene graph, one line a thing. Where `label` is -1 there is none.

    Args:
        label: its class, an index of the library's. kind: its finer name, an index of the library's `finer_names`.
        asset: what draws it (of a being: the first phase of its gait); -1: nothing does.
        centre: metres, of its box. size: metres, of its box before turning. yaw: radians, counter-clockwise from east.
        tint: what its colours are multiplied with.
        movable: it can be pushed. behaviour: of a being, an index of `BEHAVIOURS`; -1: it is none.
        velocity: metres a second. phase: of its gait, in whole rounds.
        id: its number in instance masks, at least 1.
        since: the step in which it came. why: `LAYOUT`, `PICTURE` or `EVENT`.
    """

    label: Int[Tensor, "B N"]
    kind: Int[Tensor, "B N"]
    asset: Int[Tensor, "B N"]
    centre: Float[Tensor, "B N 3"]
    size: Float[Tensor, "B N 3"]
    yaw: Float[Tensor, "B N"]
    tint: Float[Tensor, "B N 3"]
    movable: Bool[Tensor, "B N"]
    behaviour: Int[Tensor, "B N"]
    velocity: Float[Tensor, "B N 3"]
    phase: Float[Tensor, "B N"]
    id: Int[Tensor, "B N"]
    since: Int[Tensor, "B N"]
    why: Int[Tensor, "B N"]

    @property
    def capacity(self) -> int:
        """N."""
        return self.label.shape[1]

    @property
    def there(self) -> Bool[Tensor, "B N"]:
        """Which lines hold a thing."""
        return self.label >= 0

    @classmethod
    def none(cls, rows: int, capacity: int = CAPACITY) -> Things:
        """Empty places."""

        def whole(value: int) -> Tensor:
            return torch.full((rows, capacity), value, dtype=torch.int64)

        def vector(value: float) -> Tensor:
            return torch.full((rows, capacity, 3), value, dtype=torch.float32)

        return cls(
            label=whole(-1), kind=whole(0), asset=whole(-1), centre=vector(0), size=vector(1),
            yaw=torch.zeros(rows, capacity), tint=vector(1), movable=torch.zeros(rows, capacity, dtype=torch.bool),
            behaviour=whole(-1), velocity=vector(0), phase=torch.zeros(rows, capacity), id=whole(0), since=whole(0),
            why=whole(0),
        )  # fmt: skip

    def drawn_assets(self, library: AssetLibrary) -> Int[Tensor, "B N"]:
        """Which asset draws each thing now: of a being, that of its gait's phase. Its legs swing as a sine; who rests stands
        with both side by side."""
        first = self.asset.clamp(min=0)
        phases = library.phase_count.to(first.device)[first].clamp(min=1)
        swing = torch.where((self.velocity != 0).any(-1), (2 * math.pi * self.phase.double()).sin(), 0.0)
        within = ((swing + 1) / 2 * phases).long().clamp(min=0)
        return torch.where(self.asset < 0, -1, first + torch.minimum(within, phases - 1))

    def remove(self, gone: Bool[Tensor, "B N"]) -> None:
        """Takes things out, in place."""
        self.label[gone], self.asset[gone] = -1, -1
        self.movable[gone], self.behaviour[gone] = False, -1

    def add(self, row: int, thing: Thing, library: AssetLibrary, rng: np.random.Generator, step: int, why: int) -> int:
        """Puts a thing on the first free line of a row, in place, and says which.

        Raises:
            GenieGymError: for a class that the library lacks, or a row that is full.
        """
        free = (self.label[row] < 0).nonzero()
        if not len(free):
            raise GenieGymError(f"a place holds at most {self.capacity} things; this one is full.")
        line = int(free[0])
        taken = int(self.id[row].max())
        _fill(self, row, [line], [thing], library, [taken + 1 if thing.id is None else thing.id], "", rng)
        self.since[row, line], self.why[row, line] = step, why
        return line


def tables(
    places: Sequence[Place], library: AssetLibrary, seeds: Sequence[int], capacity: int = CAPACITY
) -> tuple[Things, Ground]:
    """The tables of some places: things in their order, then the ground. Seeds decide which assets draw them, and the
    blotches of the ground; shadows are not cast yet (`shadows.cast`).

    Raises:
        GenieGymError: for more things than there is room for, or for classes or materials that the library lacks.
    """
    things = Things.none(len(places), capacity)
    for row, (place, seed) in enumerate(zip(places, seeds, strict=True)):
        if len(place.things) > capacity:
            raise GenieGymError(f"a place holds at most {capacity} things here; got {len(place.things):,}.")
        rng = np.random.default_rng([seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF])
        taken = {thing.id for thing in place.things if thing.id}
        free = (number for number in range(1, len(place.things) + len(taken) + 1) if number not in taken)
        ids = [thing.id or next(free) for thing in place.things]
        _fill(things, row, list(range(len(place.things))), place.things, library, ids, place.scene, rng)
    return things, ground_of(places, library.config, seeds)


def _fill(
    things: Things, row: int, lines: list[int], placed: Sequence[Thing], library: AssetLibrary, ids: list[int],
    scene: str, rng: np.random.Generator,
) -> None:  # fmt: skip
    """Writes things to lines of a row."""
    if not placed:
        return
    config = library.config
    classes, kinds = {name: k for k, name in enumerate(config.classes)}, {k: n for n, k in enumerate(config.finer_names)}
    for thing in placed:
        if thing.name not in classes:
            check_name("class of a thing", thing.name, config.classes)
        if thing.asset is not None and thing.asset >= len(config.names):
            raise GenieGymError(f"this library has {len(config.names)} assets; the {thing.name}'s is {thing.asset}.")
        if thing.behaviour is not None:
            check_name("behaviour", thing.behaviour, BEHAVIOURS)
    at = torch.tensor(lines)
    assets: list[int] = []
    first: dict[int, int] = {}  # of each look, the asset of the first thing
    for thing in placed:
        like = None if thing.look is None else first.get(thing.look)
        found = library.find(thing.name, thing.kind, thing.size, scene, rng, like) if thing.asset is None else thing.asset
        assets.append(found)
        if thing.look is not None:
            first.setdefault(thing.look, found)
    values = {
        "label": [classes[thing.name] for thing in placed], "kind": [kinds.get(thing.kind, 0) for thing in placed],
        "asset": assets, "centre": [thing.centre for thing in placed], "size": [thing.size for thing in placed],
        "yaw": [math.remainder(thing.yaw, 2 * math.pi) for thing in placed], "tint": [thing.tint for thing in placed],
        "movable": [thing.movable for thing in placed],
        "behaviour": [-1 if thing.behaviour is None else BEHAVIOURS.index(thing.behaviour) for thing in placed],
        "velocity": [(0.0, 0.0, 0.0)] * len(placed), "phase": [0.0] * len(placed), "id": ids,
        "since": [0] * len(placed), "why": [LAYOUT] * len(placed),
    }  # fmt: skip
    for name, rows in values.items():
        target = getattr(things, name)
        target[row, at] = torch.tensor(rows).to(target)


def to_place(things: Things, ground: Ground, row: int, library: AssetLibrary) -> Place:
    """A row as a place: `tables` of it gives the row again, but for what moves, seeds, and heights where they were given
    on another grid. Kinds that the library does not know are lost."""
    config = library.config
    lines = things.there[row].nonzero()[:, 0].tolist()
    part = {name: getattr(things, name)[row].tolist() for name in _WRITTEN}
    standing = tuple(
        Thing(
            name=config.classes[part["label"][n]], kind=config.finer_names[part["kind"][n]],
            centre=tuple(part["centre"][n]), size=tuple(part["size"][n]), yaw=part["yaw"][n], movable=part["movable"][n],
            behaviour=None if part["behaviour"][n] < 0 else BEHAVIOURS[part["behaviour"][n]], tint=tuple(part["tint"][n]),
            asset=None if part["asset"][n] < 0 else part["asset"][n], id=part["id"][n],
        )
        for n in lines
    )  # fmt: skip
    return place_of_ground(ground, row, config).replace(things=standing)


_WRITTEN = ("label", "kind", "asset", "centre", "size", "yaw", "movable", "behaviour", "tint", "id")
