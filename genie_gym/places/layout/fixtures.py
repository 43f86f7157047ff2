"""What stands in all places of a scene, and always at the same place.

Legend: P things.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from genie_gym.places.layout.config import LayoutConfig
from genie_gym.places.layout.sketch import Sketch
from genie_gym.places.place import Thing

COLUMNS = 14  # of a thing: scene, middle, heading, sizes, name, kind, tint, whether it can be pushed


def mine_fixtures(sketches: Sequence[Sketch], roles: Sequence[np.ndarray], config: LayoutConfig) -> dict[str, np.ndarray]:
    """Array "fixtures" [P, 14], as the first place of each scene has them."""
    rows: list[tuple[float, ...]] = []
    for scene, name in enumerate(config.scene_names):
        first = next(k for k, sketch in enumerate(sketches) if sketch.place.scene == name)
        for index in np.flatnonzero(roles[first] == "fixed"):
            thing = sketches[first].place.things[index]
            part = config.names.index(thing.name), config.kinds.index(thing.kind)
            rows.append((scene, *thing.centre, thing.yaw, *thing.size, *part, *thing.tint, thing.movable))
    return {"fixtures": np.array(rows, float).reshape(-1, COLUMNS)}


def fixtures(arrays: Mapping[str, np.ndarray], config: LayoutConfig, scene: int) -> list[Thing]:
    """What stands in all places of a scene."""
    things = []
    for row in arrays["fixtures"][arrays["fixtures"][:, 0] == scene].tolist():
        centre, size, tint = tuple(row[1:4]), tuple(row[5:8]), tuple(row[10:13])
        name, kind = config.names[int(row[8])], config.kinds[int(row[9])]
        things.append(Thing(name, centre, size, row[4], kind, movable=row[13] > 0.5, tint=tint))
    return things
