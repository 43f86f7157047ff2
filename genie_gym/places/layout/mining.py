"""What recordings of places say before any network is trained: names, classes, looks, records, frames."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

import numpy as np

from genie_gym.errors import GenieGymError
from genie_gym.places.layout.classes import find_classes
from genie_gym.places.layout.config import SPAWN, LayoutConfig, Scene
from genie_gym.places.layout.counting import mine_bins
from genie_gym.places.layout.frames import mine_frames
from genie_gym.places.layout.ground import stacked
from genie_gym.places.layout.hills import mine_hills
from genie_gym.places.layout.pieces import mine_fixtures, mine_rings
from genie_gym.places.layout.plan import mine_looks, open_areas
from genie_gym.places.layout.records import mine_records
from genie_gym.places.layout.roles import find_roles, mine_pieces, pieces_of, roles_of
from genie_gym.places.layout.rooms import mine_rooms
from genie_gym.places.layout.rules import mine_rules
from genie_gym.places.layout.sketch import Pair, Sketch, asked_of
from genie_gym.places.place import Place
from genie_gym.text.spec import BEHAVIOURS

ENOUGH = 150  # places of a scene that are looked at
CENTRED = 0.06  # halves of the square: how far from its middle a scene's things may lie on average, and be turned


def mine(pairs: Sequence[Pair], seed: int = 0) -> tuple[LayoutConfig, dict[str, np.ndarray]]:
    """What a layout model knows without training, of recorded places and the specs (as JSON dicts) that they were made from.

    Returns:
        The configuration, and the arrays that it names.

    Raises:
        GenieGymError: there are no places, or a thing has the name that stands for where one enters.
    """
    if not pairs:
        raise GenieGymError("a layout model learns from recorded places; there are none.")
    things = [thing for _, place in pairs for thing in place.things]
    names = tuple(sorted({thing.name for thing in things}))
    if SPAWN in names:
        raise GenieGymError(f"{SPAWN!r} stands for where one enters a place; give the recorded things another name.")
    chosen = _some_of_each_scene(pairs)
    places = [place for _, place in chosen]
    asked = frozenset(name for spec, _ in pairs for name in asked_of(spec))
    landmarks = frozenset(name for spec, _ in pairs for name in (spec or {}).get("landmarks", ()))
    materials = tuple(sorted({name for _, place in pairs for name in _materials(place)}))
    sketches = [Sketch(place, materials) for place in places]
    known = find_roles(sketches, asked)
    role = [roles_of(sketch, known) for sketch in sketches]
    classes = find_classes(sketches, role, landmarks, seed)
    config = LayoutConfig(
        scenes=tuple(_scene(name, chosen, sketches, role) for name in dict.fromkeys(place.scene for place in places)),
        classes=classes.names, groups=classes.groups, levels=classes.levels, areas=classes.areas,
        names=names,
        kinds=tuple(sorted({thing.kind for thing in things} | {""})),
        behaviours=tuple(sorted({*BEHAVIOURS, *(thing.behaviour for thing in things if thing.behaviour is not None)})),
        materials=materials,
        looks=mine_looks(places),
    )  # fmt: skip
    arrays = mine_records(sketches, role, config, seed) | mine_frames(sketches, role, config, seed)
    arrays |= mine_rooms(sketches, role, config) | mine_rings(sketches, role, config) | mine_hills(places, config)
    arrays |= mine_pieces(known, config) | mine_rules(sketches, role, config) | mine_fixtures(sketches, role, config)
    arrays |= {"cores": classes.cores, "bins": mine_bins(chosen, pieces_of(arrays, config), config)}
    shapes = tuple((name, tuple(array.shape)) for name, array in arrays.items())
    return dataclasses.replace(config, arrays=shapes), {name: array.astype(np.float32) for name, array in arrays.items()}


def _some_of_each_scene(pairs: Sequence[Pair]) -> list[Pair]:
    left = Counter({place.scene: ENOUGH for _, place in pairs})
    chosen = []
    for spec, place in pairs:
        if left[place.scene] > 0:
            left[place.scene] -= 1
            chosen.append((spec, place))
    return chosen


def _materials(place: Place) -> set[str]:
    return {place.base, *(road.material for road in place.roads), *(area.material for area in place.areas)}


def _scene(name: str, chosen: Sequence[Pair], sketches: Sequence[Sketch], role: Sequence[np.ndarray]) -> Scene:
    grounds, middles = [], []
    fixed = False
    for (_, place), sketch, roles_here in zip(chosen, sketches, role, strict=True):
        if place.scene != name:
            continue
        grounds.append((place.base, place.beyond, float(place.half)))
        free = roles_here == "free"
        middles += [tuple(row[:2] / place.half) for row in sketch.rows[free]]
        middles += [(a.x / place.half, a.y / place.half) for a in open_areas(place)]
        middles += [tuple(np.mean(stack[0].points, 0) / place.half) for stack in stacked(place.roads) for _ in range(9)]
        fixed |= bool((roles_here == "fixed").any())
    turnable = bool(middles) and bool(np.abs(np.mean(middles, 0)).max() < CENTRED) and len(grounds) >= 8 and not fixed
    turnable &= not any(place.roof or any(not w.shallow for w in place.waters) for _, place in chosen if place.scene == name)
    return Scene(name, tuple(sorted(set(grounds), key=grounds.count, reverse=True))[:8], turnable)
