"""What stands at the edge of a place and what one sees beyond it: recorded sides, corners and views, mixed and varied.

A side runs counter-clockwise around the land; a piece of it stands `along` from its beginning and `out` of the land.

Legend: P pieces.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from genie_gym.places.layout.boxes import wrap
from genie_gym.places.layout.config import LayoutConfig
from genie_gym.places.layout.pieces import part_of, piece
from genie_gym.places.layout.sketch import AT_EDGE, HIGH, LIFT, WIDE, YAW, Sketch, X, Y
from genie_gym.places.place import FARTHEST, LARGEST, Place, Thing, heights_at

TEMPLATES = 8  # of each sort that are kept for a scene
SORTS = ("edge", "shore", "corner", "shore corner", "view")
# Columns of a piece: which template it belongs to, of which scene and sort, the template's length, where it stands there,
# and what it is. A view's `along` is an angle, its `out` metres from the middle.
COLUMNS = ("template", "scene", "sort", "length", "along", "out", "lift", "yaw", "wide", "deep", "high", "name", "kind",
           "red", "green", "blue")  # fmt: skip
ALONG, OUT, RAISED, TURN, WIDTH, DEPTH, HEIGHT, NAME, KIND = range(4, 13)
SMALLEST = 1e-3  # metres, of a box
LOOK = slice(TURN, None)  # what of a piece goes with it to another's place


def mine_frames(
    sketches: Sequence[Sketch], roles: Sequence[np.ndarray], config: LayoutConfig, seed: int
) -> dict[str, np.ndarray]:
    """Array "frames" [P, 16] of up to `TEMPLATES` recorded ones of each sort and scene; `roles` says the role of each thing
    of each sketch."""
    rng = np.random.default_rng([seed, 11])
    kept: dict[tuple[int, int], int] = {}
    pieces: list[np.ndarray] = []
    numbers: Counter[int] = Counter()  # by scene: what is mined is held as half floats, exact up to 2,048
    for index in rng.permutation(len(sketches)):
        scene = config.scene(sketches[index].place.scene)
        for sort, length, rows in _templates(sketches[index], roles[index], config):
            if kept.get((scene, sort), 0) < TEMPLATES * (1 if sort == SORTS.index("view") else 2):
                kept[scene, sort] = kept.get((scene, sort), 0) + 1
                head = np.tile([numbers[scene], scene, sort, length], (max(len(rows), 1), 1))
                rows = rows if len(rows) else np.full((1, 12), -1.0)
                pieces.append(np.concatenate([head, rows], 1))
                numbers[scene] += 1
    return {"frames": np.concatenate(pieces) if pieces else np.zeros((0, len(COLUMNS)))}


def _templates(sketch: Sketch, roles: np.ndarray, config: LayoutConfig) -> Iterator[tuple[int, float, np.ndarray]]:
    """Sort, length and pieces [P, 12] of each side and corner of a place, and of its view."""
    sides = _sides(sketch.ground.land, sketch.place.half)
    at_edge, far = np.flatnonzero(roles == "side"), np.flatnonzero(roles == "far")
    whose, corner = _sides_of(sketch.rows[at_edge, :2], sketch.ground.land, AT_EDGE * sketch.ground.unit)
    for k, (start, heading, length, shore) in enumerate(sides):
        for is_corner in (False, True):
            chosen = at_edge[(whose == k) & (corner == is_corner)]
            shores = shore or (is_corner and sides[k - 1][3])
            sort = 2 * int(is_corner) + int(shores)
            yield sort, length, _pieces(sketch, chosen, start, heading, config)
    rows = _pieces(sketch, far, (0.0, 0.0), 0.0, config)
    east, south = rows[:, 0].copy(), rows[:, 1].copy()
    rows[:, 0], rows[:, 1] = np.arctan2(-south, east), np.hypot(east, south)
    yield SORTS.index("view"), 1.0, rows


def _pieces(
    sketch: Sketch, chosen: np.ndarray, start: tuple[float, float], heading: float, config: LayoutConfig
) -> np.ndarray:
    rows = sketch.rows[chosen]
    east, north = rows[:, X] - start[0], rows[:, Y] - start[1]
    cos, sin = np.cos(heading), np.sin(heading)
    out = np.zeros((len(rows), 12))
    out[:, 0], out[:, 1] = east * cos + north * sin, east * sin - north * cos
    out[:, 2], out[:, 3], out[:, 4:7] = rows[:, LIFT], wrap(rows[:, YAW] - heading), rows[:, WIDE : HIGH + 1]
    for row, index in zip(out, chosen, strict=True):
        thing = sketch.place.things[index]
        row[7:] = (*part_of(thing, config), *thing.tint)
    return out


def _sides(land: tuple[float, float, float, float], half: float) -> list[tuple[tuple[float, float], float, float, bool]]:
    """Beginning, heading, length of each side of the land, counter-clockwise from the south, and whether it is a shore."""
    west, south, east, north = land
    corners = ((west, south), (east, south), (east, north), (west, north))
    lengths = (east - west, north - south) * 2
    shores = (south > -half, east < half, north < half, west > -half)
    return [(corners[k], k * np.pi / 2, lengths[k], shores[k]) for k in range(4)]


def _sides_of(points: np.ndarray, land: tuple[float, float, float, float], reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Of which side each point is a part, and whether of the corner at which that side begins."""
    west, south, east, north = land
    x, y = points.T
    inwards = np.stack([y - south, east - x, north - y, x - west], 1)
    side = inwards.argmin(1) if len(points) else np.zeros(0, int)
    corners = np.array([(west, south), (east, south), (east, north), (west, north)])
    apart = np.hypot(x[:, None] - corners[:, 0], y[:, None] - corners[:, 1])
    nearest = apart.argmin(1) if len(points) else side
    corner = apart.min(1, initial=np.inf) < reach
    return np.where(corner, nearest, side), corner


def draw_frame(
    arrays: Mapping[str, np.ndarray], config: LayoutConfig, place: Place, land: tuple[float, float, float, float],
    rng: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    """Pieces [P, 16] of the edge of a place with such land, and of its view; their columns of along and out are x and y."""
    frames, scene = arrays["frames"], config.scene(place.scene)
    frames = frames[frames[:, 1] == scene]
    rows = [_draw_view(frames, config.scenes[scene].turnable, rng)]
    sides = _sides(land, place.half)
    for k, (start, heading, length, shore) in enumerate(sides):
        rows.append(_set(_draw_side(frames, int(shore), length, rng), start, heading))
        corner = _choose(frames, 2 + int(shore or sides[k - 1][3]), rng)
        rows.append(_set(corner, start, heading))
    return np.concatenate(rows)


def frame_things(pieces: np.ndarray, config: LayoutConfig, place: Place) -> list[Thing]:
    """The pieces of an edge and a view on the ground of a place; none where no thing can stand."""
    pieces = pieces[np.abs(pieces[:, ALONG : OUT + 1]).max(1, initial=0) < FARTHEST]
    near = np.clip(pieces[:, ALONG : OUT + 1], -place.half, place.half)
    below = heights_at(place.heights, place.half, near)
    sizes = np.clip(pieces[:, WIDTH : HEIGHT + 1], SMALLEST, LARGEST)
    return [
        piece(
            config,
            row[NAME : KIND + 1],
            (row[ALONG], row[OUT], z + row[RAISED] + size[2] / 2),
            size,
            row[TURN],
            row[KIND + 1 :],
        )
        for row, size, z in zip(pieces, sizes, below, strict=True)
    ]


def _choose(frames: np.ndarray, sort: int, rng: np.random.Generator) -> np.ndarray:
    """The pieces of a random template of a sort; none where none were recorded."""
    of_sort = frames[frames[:, 2] == sort]
    if not len(of_sort):
        return of_sort
    numbers = np.unique(of_sort[:, 0])
    chosen = of_sort[of_sort[:, 0] == numbers[rng.integers(len(numbers))]]
    return chosen[chosen[:, NAME] >= 0].copy()


def _draw_side(frames: np.ndarray, sort: int, length: float, rng: np.random.Generator) -> np.ndarray:
    """A recorded side, perhaps mirrored, stretched to a length; what its pieces look like is dealt out anew."""
    rows = _choose(frames, sort, rng)
    if not len(rows):
        return rows
    stretch = length / rows[0, 3]
    if rng.random() < 0.5:
        rows[:, ALONG] = rows[0, 3] - rows[:, ALONG]
        rows[:, TURN] = wrap(-rows[:, TURN])
    for name, kind in np.unique(rows[:, [NAME, KIND]], axis=0):
        alike = np.flatnonzero((rows[:, NAME] == name) & (rows[:, KIND] == kind))
        rows[alike, LOOK] = rows[rng.permutation(alike), LOOK]
    rows[:, ALONG] *= stretch
    lengthwise = np.abs(np.cos(rows[:, TURN])) > 0.98
    crosswise = np.abs(np.sin(rows[:, TURN])) > 0.98
    rows[lengthwise, WIDTH] *= stretch
    rows[crosswise, DEPTH] *= stretch
    return rows


def _draw_view(frames: np.ndarray, turnable: bool, rng: np.random.Generator) -> np.ndarray:
    """What is far away stands in the directions of a recorded view, each piece as any recorded one of its part."""
    everything = frames[(frames[:, 2] == SORTS.index("view")) & (frames[:, NAME] >= 0)]
    rows = _choose(frames, SORTS.index("view"), rng)
    angle = rows[:, ALONG] + rng.normal(0, 0.02, len(rows)) + (rng.uniform(0, 2 * np.pi) if turnable else 0.0)
    for row in rows:
        alike = everything[(everything[:, NAME] == row[NAME]) & (everything[:, KIND] == row[KIND])]
        row[OUT:] = alike[rng.integers(len(alike)), OUT:]
    rows[:, ALONG], rows[:, OUT] = rows[:, OUT] * np.cos(angle), rows[:, OUT] * np.sin(angle)
    return rows


def _set(rows: np.ndarray, start: tuple[float, float], heading: float) -> np.ndarray:
    """The pieces of a side where they stand in the world: x and y come into the columns of along and out."""
    along, out = rows[:, ALONG].copy(), rows[:, OUT].copy()
    cos, sin = np.cos(heading), np.sin(heading)
    rows[:, ALONG], rows[:, OUT] = start[0] + along * cos + out * sin, start[1] + along * sin - out * cos
    rows[:, TURN] = wrap(rows[:, TURN] + heading)
    return rows
