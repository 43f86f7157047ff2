"""What stands in a ring around a disc: recorded rings, around discs of other sizes.

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
# Of a piece: its ring, the scene, the disc's radius; angle, metres out of the disc, underside, heading, sizes, part, tint.
COLUMNS = 15


def mine_rings(sketches: Sequence[Sketch], roles: Sequence[np.ndarray], config: LayoutConfig) -> dict[str, np.ndarray]:
    """Array "rings" [P, 15]."""
    pieces: list[tuple[float, ...]] = []
    kept: dict[int, int] = {}
    for sketch, role in zip(sketches, roles, strict=True):
        disc, scene, chosen = round_area(sketch.place), config.scene(sketch.place.scene), np.flatnonzero(role == "ring")
        if disc is None or not len(chosen) or kept.get(scene, 0) >= RINGS:
            continue
        number = kept.get(scene, 0)
        kept[scene] = number + 1
        x, y, radius = disc
        for index in chosen:
            row, thing = sketch.rows[index], sketch.place.things[index]
            angle, distance = np.arctan2(row[Y] - y, row[X] - x), np.hypot(row[Y] - y, row[X] - x)
            part = config.names.index(thing.name), config.kinds.index(thing.kind)
            where = angle, distance - radius, row[LIFT], row[YAW]
            pieces.append((number, scene, radius, *where, *row[WIDE : HIGH + 1], *part, *thing.tint))
    return {"rings": np.array(pieces, float).reshape(-1, COLUMNS)}


def draw_ring(arrays: Mapping[str, np.ndarray], config: LayoutConfig, place: Place, rng: np.random.Generator) -> list[Thing]:
    """The ring around the disc of a place, if its scene has rings and the place a disc."""
    scene, disc = config.scene(place.scene), round_area(place)
    rings = arrays["rings"]
    rings = rings[rings[:, 1] == scene]
    if disc is None or not len(rings):
        return []
    numbers = np.unique(rings[:, 0])
    rows = rings[rings[:, 0] == numbers[rng.integers(len(numbers))]]
    turn = np.pi / 2 * rng.integers(4) if config.scenes[scene].turnable else 0.0
    things = []
    for row in rows:
        angle, out, lift, yaw = row[3:7]
        sizes = row[7:10].copy()
        distance = disc[2] + out
        around = yaw - angle
        for axis, share in enumerate((abs(np.sin(around)), abs(np.cos(around)))):
            if share > 0.99:  # what lies along the ring is as much longer as the ring is
                sizes[axis] *= distance / (row[2] + out)
        x, y = disc[0] + distance * np.cos(angle + turn), disc[1] + distance * np.sin(angle + turn)
        z = lift + sizes[2] / 2 + place.height(float(x), float(y))
        name, kind = config.names[int(row[10])], config.kinds[int(row[11])]
        wide, deep, high = (float(size) for size in sizes)
        red, green, blue = (float(value) for value in row[12:])
        heading = float(wrap(yaw + turn))
        things.append(
            Thing(name, (float(x), float(y), float(z)), (wide, deep, high), heading, kind, tint=(red, green, blue))
        )
    return things
