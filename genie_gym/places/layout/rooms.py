"""Rooms between lines: recorded widths, and for each wall a recorded one with its opening, fitted to its new length.

Legend: P pieces, W walls.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, pairwise

import numpy as np

from genie_gym.places.layout.config import LayoutConfig
from genie_gym.places.layout.pieces import part_of, piece
from genie_gym.places.layout.sketch import DEEP, HIGH, LIFT, WIDE, YAW, Sketch, X, Y, floors_of, room_lines
from genie_gym.places.place import Area, Thing

HOUSES, ENDS = 40, 4  # houses that are kept for a scene; columns of a wall before those of its pieces
# A piece of a wall: which wall, of which scene, in an outer wall or not, the wall's length, from where to where along it,
# how far out of its line, thickness, underside, height, part. Of a room's ceiling: sizes and place in the room's two
# directions.
NEAR = 0.4  # units from a wall's line, of its pieces
MOST = 2048  # numbers of walls or rooms of a scene that half floats tell apart


@dataclass(frozen=True)
class Rooms:
    """Pieces and floors of a house, and its outline (west, south, east, north)."""

    things: tuple[Thing, ...]
    floors: tuple[Area, ...]
    roof: tuple[float, float, float, float]


def mine_rooms(sketches: Sequence[Sketch], roles: Sequence[np.ndarray], config: LayoutConfig) -> dict[str, np.ndarray]:
    """Arrays "walls" and "covers" [P, 12] of pieces, "plans" of houses: scene, rooms eastwards, northwards, middle x, y;
    "spans": scene, direction, width; "floors": scene, material."""
    walls: list[tuple[float, ...]] = []
    covers: list[tuple[float, ...]] = []
    plans, spans, floors = [], [], []
    kept: dict[int, int] = {}
    numbers: dict[tuple[int, str], Iterator[int]] = defaultdict(count)
    for sketch, role in zip(sketches, roles, strict=True):
        lines, scene = room_lines(sketch.place), config.scene(sketch.place.scene)
        if lines is None or not (role == "rooms").any() or kept.get(scene, 0) >= HOUSES:
            continue
        kept[scene] = kept.get(scene, 0) + 1
        xs, ys = lines
        plans.append((scene, len(xs) - 1, len(ys) - 1, (xs[0] + xs[-1]) / 2, (ys[0] + ys[-1]) / 2))
        spans += [(scene, k, width) for k, line in enumerate(lines) for width in np.diff(line)]
        floors += [(scene, config.materials.index(area.material)) for area in floors_of(sketch.place)]
        pieces = np.flatnonzero(role == "rooms")
        low = sketch.rows[pieces, 3:5].min(1) < 0.6 * sketch.ground.unit
        for start, end, outwards in _lines_of(xs, ys):
            number = next(numbers[scene, "walls"])
            for row in _wall(sketch, pieces[low], start, end, outwards, config) if number < MOST else ():
                walls.append((number, scene, float(outwards != 0), float(np.hypot(*(end - start))), *row))
        for room in _rooms_of(xs, ys):
            number = next(numbers[scene, "covers"])
            covers += [(number, scene, *row) for row in _cover(sketch, pieces[~low], room, config) if number < MOST]
    arrays = {"walls": (walls, 12), "covers": (covers, 12), "plans": (plans, 5), "spans": (spans, 3), "floors": (floors, 2)}
    return {name: np.array(rows, float).reshape(-1, columns) for name, (rows, columns) in arrays.items()}


def _lines_of(xs: np.ndarray, ys: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    """Beginning and end of each wall, eastwards or northwards; and whether outside is to its left (1), right (-1), or it
    stands within (0)."""
    for k, y in enumerate(ys):
        for west, east in pairwise(xs):
            yield np.array([west, y]), np.array([east, y]), int(k == len(ys) - 1) - int(k == 0)
    for k, x in enumerate(xs):
        for south, north in pairwise(ys):
            yield np.array([x, south]), np.array([x, north]), int(k == 0) - int(k == len(xs) - 1)


def _rooms_of(xs: np.ndarray, ys: np.ndarray) -> Iterator[tuple[float, float, float, float]]:
    for west, east in pairwise(xs):
        for south, north in pairwise(ys):
            yield float(west), float(south), float(east), float(north)


def _wall(
    sketch: Sketch, pieces: np.ndarray, start: np.ndarray, end: np.ndarray, outwards: int, config: LayoutConfig
) -> Iterator[tuple[float, ...]]:
    """From, to, out, thickness, underside, height, name and kind of each piece of a wall."""
    length = float(np.hypot(*(end - start)))
    ahead = (end - start) / length
    offset = sketch.rows[pieces, :2] - start
    along, left = offset @ ahead, offset @ (-ahead[1], ahead[0])
    heading = float(np.arctan2(ahead[1], ahead[0]))
    for index, t, out in zip(pieces, along, left, strict=True):
        row = sketch.rows[index]
        lengthwise = abs(np.cos(row[YAW] - heading)) > 0.7
        reach, thick = (row[WIDE], row[DEEP]) if lengthwise else (row[DEEP], row[WIDE])
        if abs(out) < NEAR * sketch.ground.unit and 0 < t < length and reach > thick:
            part = part_of(sketch.place.things[index], config)
            sided = out * outwards if outwards else out
            yield (t - reach / 2, t + reach / 2, sided, thick, row[LIFT], row[HIGH], *part)


def _cover(
    sketch: Sketch, pieces: np.ndarray, room: tuple[float, float, float, float], config: LayoutConfig
) -> Iterator[tuple[float, ...]]:
    """Of each piece above a room: how far its sides are in from the room's west, east, south, north; underside, height,
    name, kind, and the room's own sizes."""
    west, south, east, north = room
    for index in pieces:
        row = sketch.rows[index]
        if west < row[X] < east and south < row[Y] < north:
            swap = abs(np.sin(row[YAW])) > 0.7
            wide, deep = (row[DEEP], row[WIDE]) if swap else (row[WIDE], row[DEEP])
            sides = row[X] - wide / 2 - west, east - row[X] - wide / 2, row[Y] - deep / 2 - south, north - row[Y] - deep / 2
            part = part_of(sketch.place.things[index], config)
            yield (*sides, row[LIFT], row[HIGH], *part, east - west, north - south)


def draw_rooms(
    arrays: Mapping[str, np.ndarray], config: LayoutConfig, scene: int, unit: float, rng: np.random.Generator
) -> Rooms | None:
    """A house of a scene that has such; None where it has none."""
    plans, spans = (arrays[name][arrays[name][:, 0] == scene] for name in ("plans", "spans"))
    if not len(plans):
        return None
    _, wide, deep, x, y = plans[rng.integers(len(plans))]
    widths = [spans[spans[:, 1] == k, 2] for k in (0, 1)]
    xs, ys = (
        np.concatenate([[0], np.cumsum(_varied(rng.choice(widths[k], int(rooms)), 0.1 * unit, rng))])
        for k, rooms in enumerate((wide, deep))
    )
    xs, ys = xs - xs[-1] / 2 + x, ys - ys[-1] / 2 + y
    walls, covers, floors = (arrays[name] for name in ("walls", "covers", "floors"))
    walls, covers = (rows[rows[:, 1] == scene] for rows in (walls, covers))
    things: list[Thing] = []
    for number, (start, end, outwards) in enumerate(_lines_of(xs, ys), 1):
        drawn = _draw_wall(walls[walls[:, 2] == float(outwards != 0)], start, end, outwards, config, unit, rng)
        look = 0 if outwards else number  # all outer walls are of one look, each inner one is of its own
        things += [replace(thing, look=look) for thing in drawn]
    for room in _rooms_of(xs, ys):
        things += _draw_cover(covers, room, config, unit, rng)
    materials = floors[floors[:, 0] == scene, 1].astype(int)
    areas = [
        Area(config.materials[rng.choice(materials)], (w + e) / 2, (s + n) / 2, ((e - w) / 2, (n - s) / 2))
        for w, s, e, n in _rooms_of(xs, ys)
    ]
    return Rooms(tuple(things), tuple(areas), (float(xs[0]), float(ys[0]), float(xs[-1]), float(ys[-1])))


def _varied(widths: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    varied: np.ndarray = np.maximum(widths + rng.normal(0, noise, len(widths)), widths / 2)
    return varied


def _draw_wall(
    walls: np.ndarray, start: np.ndarray, end: np.ndarray, outwards: int, config: LayoutConfig, unit: float,
    rng: np.random.Generator,
) -> Iterator[Thing]:  # fmt: skip
    """A recorded wall between two points: its opening keeps its width, and lies about as far along as it did."""
    numbers = np.unique(walls[:, 0])
    if not len(numbers):
        return
    rows = walls[walls[:, 0] == numbers[rng.integers(len(numbers))]]
    old, new = rows[0, 3], float(np.hypot(*(end - start)))
    ends = rows[:, ENDS : ENDS + 2]
    within = ends[(ends > 0.05 * old) & (ends < 0.95 * old)]
    ahead = (end - start) / new
    heading = float(np.arctan2(ahead[1], ahead[0]))
    if len(within):
        low, high = within.min(), within.max()
        moved = np.clip((low + high) / 2 / old * new + rng.normal(0, 0.05 * new), 0.3 * new, 0.7 * new) - (low + high) / 2
        ends = np.where(ends <= 0.05 * old, ends, np.where(ends >= 0.95 * old, ends + new - old, ends + moved))
    else:
        ends = np.where(ends > old / 2, ends + new - old, ends)
    for row, (low, high) in zip(rows, ends, strict=True):
        out = row[6] * (outwards or 1)
        x, y = start + ahead * (low + high) / 2 + np.array([-ahead[1], ahead[0]]) * out
        thick, lift, tall = row[7:10]
        size = max(high - low, 0.05 * unit), thick, tall
        yield piece(config, row[10:], (x, y, lift + tall / 2), size, heading)


def _draw_cover(
    covers: np.ndarray, room: tuple[float, float, float, float], config: LayoutConfig, unit: float, rng: np.random.Generator
) -> Iterator[Thing]:
    """What was recorded above a room, over another one: each side as far from the wall, or the middle, as it was."""
    if not len(covers):
        return
    west, south, east, north = room
    of_room = [0, 10, 11]  # older weights number houses: rooms of one differ in their sizes
    rows = covers[(covers[:, of_room] == covers[rng.integers(len(covers)), of_room]).all(1)]
    for row in rows:
        low, high = [], []
        for axis, size in enumerate((east - west, north - south)):
            was = row[10 + axis]
            before, after = row[2 + 2 * axis], row[3 + 2 * axis]
            low.append(before if before < was / 4 else before + (size - was) / (2 if before < 0.75 * was else 1))
            high.append(size - (after if after < was / 4 else after + (size - was) / (2 if after < 0.75 * was else 1)))
        wide, deep = max(high[0] - low[0], 0.05 * unit), max(high[1] - low[1], 0.05 * unit)
        x, y = west + (low[0] + high[0]) / 2, south + (low[1] + high[1]) / 2
        lift, tall = row[6:8]
        yield piece(config, row[8:10], (x, y, lift + tall / 2), (wide, deep, tall), 0.0)
