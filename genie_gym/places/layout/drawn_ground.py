"""The ground of a place that is laid out: scene, roads, areas, water, rooms, rings and hills.

Legend: K poses, G points of the heights' grid along a side.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from genie_gym.places.layout.board import Board
from genie_gym.places.layout.config import GROUPS
from genie_gym.places.layout.given import Given
from genie_gym.places.layout.ground import FULL, Ground
from genie_gym.places.layout.hills import draw_hills, level, meet
from genie_gym.places.layout.learned import Learned
from genie_gym.places.layout.pieces import draw_ring, fixtures
from genie_gym.places.layout.plan import Plan
from genie_gym.places.layout.records import AT, labels_of
from genie_gym.places.layout.rooms import draw_rooms
from genie_gym.places.layout.sketch import DEEP, WIDE, YAW, Sketch, X, Y
from genie_gym.places.place import Area, Place, Thing
from genie_gym.text.spec import WorldSpec

MOVES = 40  # places that are tried for an area that lies on a road
GRID = np.linspace(-0.95, 0.95, 6)
PLANS = 8  # grounds that are drawn where things are known
NEAR_ROAD = 12.0  # units: a structure that far from a road faces none
OVERLAP = 0.04  # of an area may lie on roads or other areas, where recorded ones do not


def draw_ground(model: Learned, spec: WorldSpec, rng: np.random.Generator, given: Given | None) -> Place:
    """A place in which nothing stands but fixtures and pieces of rooms and rings; a ground that is known stays."""
    config = model.config
    name = spec.scene or ("" if given is None else given.place.scene) or config.scene_names[rng.integers(len(config.scenes))]
    scene = config.scene(name)
    if given is not None and given.knows_ground:
        return replace(given.place, scene=name, things=())
    base, beyond, half = config.scenes[scene].grounds[rng.integers(len(config.scenes[scene].grounds))]
    half = half if given is None else given.place.half
    plan = _fitting_plan(model, scene, half, () if given is None else given.place.things, rng)
    place = Place(
        half=half, base=base, beyond=beyond, scene=name, roads=tuple(plan.roads), waters=tuple(plan.waters),
        areas=tuple(_moved(plan, half, rng)), heights=draw_hills(model.arrays, scene, rng),
    )  # fmt: skip
    rooms = draw_rooms(model.arrays, config, scene, half / FULL, rng)
    if rooms is not None:
        west, south, east, north = rooms.roof
        outside = [area for area in place.areas if not (west < area.x < east and south < area.y < north)]
        place = replace(place, areas=(*outside, *rooms.floors), roof=rooms.roof, things=rooms.things)
    fixed = fixtures(model.arrays, config, scene)
    return replace(place, things=(*fixed, *place.things, *draw_ring(model.arrays, config, place, rng)))


def _fitting_plan(model: Learned, scene: int, half: float, known: tuple[Thing, ...], rng: np.random.Generator) -> Plan:
    """Roads, areas and water; of several the ones that suit best what is known to stand."""
    plans = [model.coder.decode(model.plan.draw(scene, rng), half, rng) for _ in range(PLANS if known else 1)]
    return min(plans, key=lambda plan: _misfit(model, scene, half, plan, known)) if known else plans[0]


def _misfit(model: Learned, scene: int, half: float, plan: Plan, known: tuple[Thing, ...]) -> float:
    """How many things stand where none of their class ever did, and how badly structures face the roads."""
    config = model.config
    roads, waters = tuple(plan.roads), tuple(plan.waters)
    sketch = Sketch(
        Place(half=half, roads=roads, waters=waters, things=known, scene=config.scenes[scene].name), config.materials
    )
    labels = labels_of(sketch, model.roles_of(sketch), config)
    board = Board(config, sketch.ground, model.arrays["cores"][scene])
    chosen = np.flatnonzero((labels >= 0) & (labels < len(config.classes)))
    poses = np.zeros((len(chosen), len(AT)))
    poses[:, AT["label"]] = labels[chosen]
    poses[:, [AT["x"], AT["y"], AT["yaw"], AT["wide"], AT["deep"]]] = sketch.rows[chosen][:, [X, Y, YAW, WIDE, DEEP]]
    of_classes = [poses[labels[chosen] == label] for label in np.unique(labels[chosen])]
    cost = float(sum(model.rules.forbid(board, same, scene).sum() for same in of_classes))
    structures = chosen[np.array(config.groups)[labels[chosen]] == GROUPS.index("structure")]
    near = sketch.ground.near(sketch.rows[structures, :2])
    turn = (sketch.rows[structures, YAW] - near.outwards) % (np.pi / 2)
    askew = np.minimum(turn, np.pi / 2 - turn) / (np.pi / 4)
    return cost + float(np.where(near.edge < NEAR_ROAD * sketch.ground.unit, askew, 1.0).sum())


def _moved(plan: Plan, half: float, rng: np.random.Generator) -> list[Area]:
    """Areas that lie on roads by a corner, or on each other, are moved to where they do not; what roads lead to stays."""
    ground = Ground(Place(half=half, roads=tuple(plan.roads)), ())
    placed: list[Area] = []
    for area in plan.areas:
        begins = any(_within(area, road.points[end]) for road in plan.roads for end in (0, -1))
        if begins or max(_covered(area, ground, placed)) <= OVERLAP:
            placed.append(area)
            continue
        room = half - max(area.half)
        for x, y in rng.uniform(-room, room, (MOVES, 2)) if room > 0 else []:
            moved = replace(area, x=float(x), y=float(y))
            if max(_covered(moved, ground, placed)) <= 0:
                placed.append(moved)
                break
    return placed


def _covered(area: Area, ground: Ground, others: list[Area]) -> tuple[float, float]:
    """Which shares of an area lie on roads and on other areas."""
    x, y = np.meshgrid(area.x + GRID * area.half[0], area.y + GRID * area.half[1])
    points = np.stack([x.ravel(), y.ravel()], 1)
    on_areas = [_within(other, points) for other in others]
    return float(ground.on_road(points).mean()), float(np.any(on_areas, 0).mean()) if on_areas else 0.0


def _within(area: Area, points: np.ndarray | tuple[float, float]) -> np.ndarray:
    at = np.abs((np.asarray(points) - (area.x, area.y)) / np.array(area.half))
    return np.asarray((at**2).sum(-1) <= 1 if area.round else (at <= 1).all(-1))


def finished_heights(
    model: Learned, place: Place, level_rows: Float[np.ndarray, "K 26"], given: Given | None
) -> Float[np.ndarray, "G G"]:
    """The ground as it is in the end: level where it was under such things, and meeting what is given."""
    heights = place.heights
    if given is not None and given.knows_ground:
        return heights
    known = () if given is None else given.place.things
    inside = [thing for thing in known if max(abs(thing.centre[0]), abs(thing.centre[1])) < place.half]
    if inside:
        points, bases = np.array([thing.centre[:2] for thing in inside]), np.array([thing.base for thing in inside])
        heights = meet(heights, place.half, points, bases)
    boxes = level_rows[:, [AT["x"], AT["y"], AT["wide"], AT["deep"]]]
    return level(heights, place.half, boxes)
