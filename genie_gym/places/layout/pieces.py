"""Pieces that come to a scene together: what stands in all its places at the same spot, and recorded rings around discs of
other sizes.

Legend: P pieces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from genie_gym.places.layout.boxes import wrap
from genie_gym.places.layout.config import LayoutConfig
from genie_gym.places.layout.sketch import HIGH, LIFT, WIDE, YAW, Sketch, X, Y, round_area
from genie_gym.places.place import Place, Thing

RINGS = 12  # that are kept for a scene
Numbers = np.ndarray | Sequence[float]
ALONG_RING = 0.99  # cosine or sine of the angle to the ring's tangent, of what lies along it


def part_of(thing: Thing, config: LayoutConfig) -> tuple[int, int]:
    """The numbers of a thing's name and kind."""
    return config.names.index(thing.name), config.kinds.index(thing.kind)


def piece(
    config: LayoutConfig, part: Numbers, centre: Numbers, size: Numbers, yaw: float, tint: Numbers = (1.0, 1.0, 1.0),
    movable: bool = False,
) -> Thing:  # fmt: skip
    """A thing of mined numbers; `part` as of `part_of`."""
    name, kind = config.names[int(part[0])], config.kinds[int(part[1])]
    x, y, z = (float(value) for value in centre)
    wide, deep, high = (float(value) for value in size)
    red, green, blue = (float(value) for value in tint)
    return Thing(name, (x, y, z), (wide, deep, high), float(yaw), kind, movable=movable, tint=(red, green, blue))


def mine_fixtures(sketches: Sequence[Sketch], roles: Sequence[np.ndarray], config: LayoutConfig) -> dict[str, np.ndarray]:
    """Array "fixtures" [P, 14], as the first place of each scene has them: scene, middle, heading, sizes, part, tint, and
    whether it can be pushed."""
    rows: list[tuple[float, ...]] = []
    for scene, name in enumerate(config.scene_names):
        first = next(k for k, sketch in enumerate(sketches) if sketch.place.scene == name)
        for index in np.flatnonzero(roles[first] == "fixed"):
            thing = sketches[first].place.things[index]
            rows.append((scene, *thing.centre, thing.yaw, *thing.size, *part_of(thing, config), *thing.tint, thing.movable))
    return {"fixtures": np.array(rows, float).reshape(-1, 14)}


def fixtures(arrays: Mapping[str, np.ndarray], config: LayoutConfig, scene: int) -> list[Thing]:
    """What stands in all places of a scene."""
    rows = arrays["fixtures"][arrays["fixtures"][:, 0] == scene]
    return [piece(config, row[8:10], row[1:4], row[5:8], row[4], row[10:13], bool(row[13] > 0.5)) for row in rows]


def mine_rings(sketches: Sequence[Sketch], roles: Sequence[np.ndarray], config: LayoutConfig) -> dict[str, np.ndarray]:
    """Array "rings" [P, 15]: ring, scene, the disc's radius; angle, metres out of it, lift, heading, sizes, part, tint."""
    rows: list[tuple[float, ...]] = []
    kept: dict[int, int] = {}
    for sketch, role in zip(sketches, roles, strict=True):
        disc, scene, chosen = round_area(sketch.place), config.scene(sketch.place.scene), np.flatnonzero(role == "ring")
        number = kept.get(scene, 0)
        if disc is None or not len(chosen) or number >= RINGS:
            continue
        kept[scene] = number + 1
        x, y, radius = disc
        for index in chosen:
            row, thing = sketch.rows[index], sketch.place.things[index]
            angle, distance = np.arctan2(row[Y] - y, row[X] - x), np.hypot(row[Y] - y, row[X] - x)
            where = angle, distance - radius, row[LIFT], row[YAW]
            rows.append((number, scene, radius, *where, *row[WIDE : HIGH + 1], *part_of(thing, config), *thing.tint))
    return {"rings": np.array(rows, float).reshape(-1, 15)}


def draw_ring(arrays: Mapping[str, np.ndarray], config: LayoutConfig, place: Place, rng: np.random.Generator) -> list[Thing]:
    """The ring around the disc of a place, if its scene has rings and the place a disc."""
    scene, disc = config.scene(place.scene), round_area(place)
    rings = arrays["rings"][arrays["rings"][:, 1] == scene]
    if disc is None or not len(rings):
        return []
    numbers = np.unique(rings[:, 0])
    rows = rings[rings[:, 0] == numbers[rng.integers(len(numbers))]]
    turn = np.pi / 2 * rng.integers(4) if config.scenes[scene].turnable else 0.0
    things = []
    for row in rows:
        recorded_radius, angle, out, lift, yaw = row[2:7]
        size, distance = row[7:10].copy(), disc[2] + out
        for axis, along in enumerate((abs(np.sin(yaw - angle)), abs(np.cos(yaw - angle)))):
            if along > ALONG_RING:  # as much longer as the ring is
                size[axis] *= distance / (recorded_radius + out)
        x, y = disc[0] + distance * np.cos(angle + turn), disc[1] + distance * np.sin(angle + turn)
        z = lift + size[2] / 2 + place.height(float(x), float(y))
        things.append(piece(config, row[10:12], (x, y, z), size, float(wrap(yaw + turn)), row[12:]))
    return things
