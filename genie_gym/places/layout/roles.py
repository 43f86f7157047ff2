"""Which things of a scene are placed one by one, and which are pieces: of the edge, of what one sees beyond it, of rooms,
of a ring around a disc; and which stand always at the same place. Where recorded things stand says it.

Legend: T things.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from genie_gym.places.layout.config import LayoutConfig
from genie_gym.places.layout.sketch import (
    AT_EDGE,
    DEEP,
    FAR_AWAY,
    HIGH,
    LIFT,
    OVERHEAD,
    WIDE,
    Sketch,
    X,
    Y,
    room_lines,
    round_area,
)

ROLES = ("free", "side", "far", "rooms", "ring", "fixed")
FEW, HAIR = 8, 0.05  # places of a scene that say what is fixed; units
ALWAYS = 0.95  # of the things of a part must stand as its role says
Part = tuple[str, str, str]  # scene, name, kind


def find_roles(sketches: Sequence[Sketch], asked: frozenset[str]) -> dict[Part, str]:
    """The role of each part; what is ever `asked` for is placed one by one."""
    votes: dict[Part, list[np.ndarray]] = defaultdict(list)
    fixed = _fixed(sketches)
    for sketch in sketches:
        if len(sketch.rows):
            shown = _votes(sketch)
            for number, (name, kind) in enumerate(sketch.parts):
                votes[sketch.place.scene, name, kind].append(shown[number])
    found = {}
    for part, rows in votes.items():
        shares = np.mean(rows, 0)
        fitting = [role for role, share in zip(ROLES[1:5], shares, strict=True) if share >= ALWAYS]
        found[part] = "free" if part[1] in asked else "far" if "far" in fitting else (*fitting, fixed.get(part, "free"))[0]
    return found


def _fixed(sketches: Sequence[Sketch]) -> dict[Part, str]:
    """Parts that stand in all places of their scene as often, and within a hair's breadth where they stand in others."""
    rows: dict[Part, list[np.ndarray]] = defaultdict(list)
    places: Counter[str] = Counter(sketch.place.scene for sketch in sketches)
    for sketch in sketches:
        numbers: dict[tuple[str, str], list[int]] = defaultdict(list)
        for number, part in enumerate(sketch.parts):
            numbers[part].append(number)
        for name_kind, chosen in numbers.items():
            here = sketch.rows[chosen] / sketch.ground.unit
            rows[sketch.place.scene, *name_kind].append(here[np.lexsort(np.round(here[:, :2].T, 2))])
    return {
        part: "fixed"
        for part, tables in rows.items()
        if len(tables) == places[part[0]] >= FEW and len({len(table) for table in tables}) == 1 and _alike(tables)
    }


def _alike(tables: list[np.ndarray]) -> bool:
    """Whether things are where they are in other places; however they are turned."""
    return bool(np.ptp(np.stack(tables)[..., [X, Y, WIDE, DEEP, HIGH, LIFT]], 0).max() < HAIR)


def _votes(sketch: Sketch) -> np.ndarray:
    """Whether each thing stands at the edge, far away, as a piece of rooms, as a piece of a ring; [T, 4]."""
    place, ground, rows = sketch.place, sketch.ground, sketch.rows
    points = rows[:, :2]
    far = np.hypot(*points.T) > FAR_AWAY * place.half
    side = ground.to_edge(points) < AT_EDGE * ground.unit
    rooms = ring = np.zeros(len(rows), bool)
    if (lines := room_lines(place)) is not None:
        apart = [np.abs(points[:, k, None] - lines[k]).min(1) for k in (0, 1)]
        slack = 0.3 * ground.unit
        within = (points > [line[0] - slack for line in lines]).all(1) & (points < [line[-1] + slack for line in lines]).all(
            1
        )
        thin = rows[:, 3:5].min(1) < 0.6 * ground.unit
        rooms = within & ((np.minimum(*apart) < 0.15 * ground.unit) & thin | (rows[:, LIFT] > OVERHEAD * ground.unit))
    if (disc := round_area(place)) is not None:
        distance = np.hypot(points[:, 0] - disc[0], points[:, 1] - disc[1]) - disc[2]
        ring = (distance > 0) & (distance < 0.4 * disc[2]) & ~far
    return np.stack([side, far, rooms, ring], 1)


def mine_pieces(roles: Mapping[Part, str], config: LayoutConfig) -> dict[str, np.ndarray]:
    """Array "pieces" [parts, 4]: scene, name, kind and role of all parts that are pieces."""
    rows = [
        (config.scene(scene), config.names.index(name), config.kinds.index(kind), ROLES.index(role))
        for (scene, name, kind), role in roles.items()
        if role != "free"
    ]
    return {"pieces": np.array(rows, float).reshape(-1, 4)}


def pieces_of(arrays: Mapping[str, np.ndarray], config: LayoutConfig) -> dict[Part, str]:
    """The role of each (scene, name, kind) that is a piece of something."""
    return {
        (config.scenes[int(scene)].name, config.names[int(name)], config.kinds[int(kind)]): ROLES[int(role)]
        for scene, name, kind, role in arrays["pieces"]
    }


def roles_of(sketch: Sketch, pieces: Mapping[Part, str]) -> np.ndarray:
    """The role of each thing [T] of a place; what no scene has as a piece is placed one by one."""
    found = [pieces.get((sketch.place.scene, name, kind), "free") for name, kind in sketch.parts]
    return np.array(found, dtype="<U8")
