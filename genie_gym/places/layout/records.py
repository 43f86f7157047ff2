"""How recorded things stand: in which sizes, and where, told from the road, from what stands beside them, from the area
around them. A new thing stands as a recorded one of its class does, somewhere else.

Legend: R records, T things.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from genie_gym.places.layout.boxes import reach_along, separation, wrap
from genie_gym.places.layout.config import GROUPS, SPAWN, LayoutConfig
from genie_gym.places.layout.sketch import AT_EDGE, DEEP, LIFT, OVERHEAD, WIDE, YAW, Sketch, X, Y
from genie_gym.places.place import Road

SETTLED = 0.4  # units: by so much lifts of a class may differ and be the same
KEPT = 24  # records of a class in a scene
NEAR_ROAD, NEAR_THING, IN_ROW = 14.0, 5.0, 6.0  # units
# Columns: scene and class; x, y in halves of the square, heading, sizes, lift, part, what is its own; then, -1 where there
# is none: the look of the nearest road, its edge's distance from the box's front, the heading against the way out of the
# road, how far the next of the class stands along the road; the class (or, from len(classes) on, the kind) of what stands
# beside it, and where from there; the look of the area around it, and where in it, in half extents.
COLUMNS = ("scene", "label", "x", "y", "yaw", "wide", "deep", "high", "lift", "kind", "movable", "behaviour", "red", "green",
           "blue", "road", "gap", "turn", "next", "beside", "beside_x", "beside_y", "beside_turn", "area", "area_x",
           "area_y")  # fmt: skip
AT = {name: column for column, name in enumerate(COLUMNS)}


def mine_records(
    sketches: Sequence[Sketch], roles: Sequence[np.ndarray], config: LayoutConfig, seed: int
) -> dict[str, np.ndarray]:
    """Array "records" [R, 26], up to `KEPT` of each class and scene, sorted by both."""
    rng = np.random.default_rng([seed, 31])
    kept: dict[tuple[int, int], int] = {}
    rows, units = [], []
    for index in rng.permutation(len(sketches)):
        for row in records_of(sketches[index], roles[index], config):
            key = int(row[0]), int(row[1])
            if kept.get(key, 0) < KEPT:
                kept[key] = kept.get(key, 0) + 1
                rows.append(row)
                units.append(sketches[index].ground.unit)
    records = np.array(rows).reshape(-1, len(COLUMNS))
    _settle_lifts(records, np.array(units))
    return {"records": records[np.lexsort((records[:, 1], records[:, 0]))]}


def _settle_lifts(records: np.ndarray, units: np.ndarray) -> None:
    """Things of a class that stand about equally high over the ground stand so alike."""
    for key in np.unique(records[:, :2], axis=0):
        rows = (records[:, :2] == key).all(1)
        lifts = records[rows, AT["lift"]]
        middle = np.median(lifts)
        records[rows, AT["lift"]] = np.where(np.abs(lifts - middle) < SETTLED * units[rows], middle, lifts)


def labels_of(sketch: Sketch, role: np.ndarray, config: LayoutConfig) -> np.ndarray:
    """The class of each thing [T]; of pieces within the square len(classes) + kind; -1 of all others."""
    known = {name: number for number, name in enumerate(config.classes)}
    kinds = {kind: len(known) + number for number, kind in enumerate(config.kinds)}
    within = np.abs(sketch.rows[:, :2]).max(1, initial=0) < sketch.place.half - AT_EDGE * sketch.ground.unit
    found = [
        known.get(name, -1)
        if r == "free"
        else kinds.get(kind, -1)
        if r in ("rooms", "ring", "fixed") or (r == "side" and inner)
        else -1
        for (name, kind), r, inner in zip(sketch.parts, role, within, strict=True)
    ]
    return np.array(found, int).reshape(-1)


def records_of(sketch: Sketch, role: np.ndarray, config: LayoutConfig) -> np.ndarray:
    """The records [R, 26] of all things of a place that are placed one by one, in their order, and of its spawn at last."""
    place, ground = sketch.place, sketch.ground
    free = np.flatnonzero(role == "free")
    unit, scene = ground.unit, config.scene(place.scene)
    spawn = np.array([[*place.spawn, 0.6 * unit, 0.6 * unit, 1.7 * unit, 0.0]])
    rows = np.concatenate([sketch.rows[free], spawn])
    labels = labels_of(sketch, role, config)
    own = np.append(labels[free], config.classes.index(SPAWN))
    out = np.full((len(rows), len(COLUMNS)), -1.0)
    out[:, AT["scene"]], out[:, AT["label"]] = scene, own
    out[:, AT["x"]], out[:, AT["y"]] = rows[:, X] / place.half, rows[:, Y] / place.half
    out[:, AT["yaw"]], out[:, AT["wide"] : AT["lift"] + 1] = wrap(rows[:, YAW]), rows[:, WIDE : LIFT + 1]
    things = [place.things[k] for k in free]
    out[:-1, AT["kind"] : AT["road"]] = [
        (config.kinds.index(t.kind), t.movable, -1 if t.behaviour is None else config.behaviours.index(t.behaviour), *t.tint)
        for t in things
    ] or np.zeros((0, 6))
    out[-1, AT["red"] : AT["blue"] + 1] = 1
    boxes = np.stack([rows[:, X], rows[:, Y], rows[:, YAW], rows[:, WIDE] / 2, rows[:, DEEP] / 2], 1)
    _tell_roads(out, boxes, own, sketch, config)
    _tell_neighbours(out, boxes, own, sketch, labels, config)
    for number, (x, y, wide, deep) in enumerate(ground.areas):
        at = (boxes[:, :2] - (x, y)) / (wide, deep)
        within = (np.abs(at) < 1).all(1)
        out[within, AT["area"]] = config.materials.index(place.areas[number].material)
        out[within, AT["area_x"] :] = at[within]
    return out


def _tell_roads(out: np.ndarray, boxes: np.ndarray, labels: np.ndarray, sketch: Sketch, config: LayoutConfig) -> None:
    ground = sketch.ground
    near = ground.near(boxes[:, :2])
    shown = near.edge < NEAR_ROAD * ground.unit
    if not shown.any():
        return
    looks = road_looks(ground.stacks, config)
    out[shown, AT["road"]] = looks[ground.pieces[near.piece[shown], 6].astype(int)]
    out[shown, AT["gap"]] = (near.edge - reach_along(boxes, near.outwards))[shown]
    out[shown, AT["turn"]] = wrap(boxes[:, 2] - near.outwards)[shown]
    tangent = near.outwards + np.pi / 2
    reach = reach_along(boxes, tangent)
    apart = np.abs(near.along[:, None] - near.along) - reach[:, None] - reach
    same = (labels[:, None] == labels) & (near.piece[:, None] == near.piece)
    same &= np.abs(wrap(near.outwards[:, None] - near.outwards)) < 0.5
    np.fill_diagonal(same, False)
    follows = same & shown[:, None] & (apart > -0.5 * ground.unit)
    apart = np.where(follows, np.maximum(apart, 0.02 * ground.unit), np.inf).min(1, initial=np.inf)
    in_row = apart < IN_ROW * ground.unit
    out[in_row, AT["next"]] = apart[in_row]


def _tell_neighbours(
    out: np.ndarray, boxes: np.ndarray, own: np.ndarray, sketch: Sketch, labels: np.ndarray, config: LayoutConfig
) -> None:
    """What stands beside each: of the same class, or of one that comes before it."""
    low = np.flatnonzero((labels >= 0) & (sketch.rows[:, LIFT] < OVERHEAD * sketch.ground.unit)) if len(labels) else labels
    others = sketch.boxes(low)
    if not len(others):
        return
    theirs = labels[low]
    groups = np.append(np.array(config.groups), np.zeros(len(config.kinds), int))
    before = (
        (theirs < own[:, None]) & (groups[theirs] < GROUPS.index("small"))
        | (theirs >= len(config.classes))
        | (theirs == own[:, None])
    )
    apart = np.where(before, separation(boxes, others), np.inf)
    itself = np.hypot(boxes[:, :1] - others[:, 0], boxes[:, 1:2] - others[:, 1]) < 1e-6
    apart[itself & (theirs == own[:, None])] = np.inf
    nearest = apart.argmin(1)
    shown = apart[np.arange(len(boxes)), nearest] < NEAR_THING * sketch.ground.unit
    other = others[nearest]
    east, north = boxes[:, 0] - other[:, 0], boxes[:, 1] - other[:, 1]
    cos, sin = np.cos(other[:, 2]), np.sin(other[:, 2])
    told = np.stack(
        [theirs[nearest], east * cos + north * sin, north * cos - east * sin, wrap(boxes[:, 2] - other[:, 2])], 1
    )
    out[shown, AT["beside"] : AT["beside_turn"] + 1] = told[shown]


def road_looks(stacks: Sequence[Sequence[Road]], config: LayoutConfig) -> np.ndarray:
    """The number in `config.looks` of each stack of roads; -1 of what was never recorded."""
    known = {tuple(layer[0] for layer in look.layers): k for k, look in enumerate(config.looks) if look.sort == "road"}
    return np.array([known.get(tuple(road.material for road in stack), -1) for stack in stacks], int)
