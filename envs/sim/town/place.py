"""A layout as a `Place`: boxes of all that stands, large things part by part, and the ground as it is painted."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from genie_gym.envs.sim.town.build import lift_of
from genie_gym.envs.sim.town.ground import (
    DIRT_BLUR,
    LANE_LENGTH,
    LANE_PERIOD,
    LANE_PIXELS,
    LANE_START,
    PIXELS_PER_METRE,
)
from genie_gym.envs.sim.town.layout import Entity, Layout
from genie_gym.envs.sim.town.pieces import Piece
from genie_gym.envs.sim.town.plane import HALF, as_point, heading_of, wrap_angle
from genie_gym.envs.sim.town.shapes import WHITE, turned
from genie_gym.envs.sim.town.surroundings import FAR, SEA_LEVEL, edge_pieces, look_beyond
from genie_gym.places.place import Area, Marks, Place, Road, Thing, Vector, Water

THINNEST = 0.01  # metres, of the box of what is a sheet
FADE = round(12**0.5 * DIRT_BLUR / PIXELS_PER_METRE, 2)  # metres: a straight ramp that is as wide as the blur
LANES = Marks("lane_paint", LANE_PIXELS / PIXELS_PER_METRE, LANE_LENGTH, LANE_PERIOD, LANE_START)


def place_of(layout: Layout) -> Place:
    """Where everything of a layout stands when an episode begins in it.

    Ids are those of the instance masks; all parts of what is drawn as one share its id. What stands at the edge and beyond
    it are things named "boundary"; their `kind` says what they are, and that of things named "building" too.
    """
    entities = [thing for index, entity in layout.standing() for thing in _things(index, entity, layout)]
    edge_id = len(layout.entities) + 1
    edge = [_part(piece, "boundary", edge_id, (0.0, 0.0, 0.0), 0.0, WHITE) for piece in edge_pieces(layout)]
    terrain = layout.terrain
    heights = terrain.heights if terrain.hilly else np.zeros((1, 1))
    return Place(
        half=float(HALF),
        base=layout.base,
        beyond=look_beyond(layout),
        heights=heights.astype(np.float32),
        roads=tuple(_roads(layout)),
        areas=tuple(_areas(layout)),
        waters=tuple(_waters(layout)),
        things=(*entities, *dict.fromkeys(edge)),  # towers stand twice at corners, as the end of either edge
        roof=layout.roof,
        spawn=_triple(layout.spawn),
        scene=layout.spec.scene or "",
    )


def place_now(layout: Layout, graph: Sequence[Mapping[str, Any]]) -> Place:
    """The place of a layout in the midst of an episode: what moves is where the scene graph says, and what is gone is left
    out."""
    place, now = place_of(layout), {facts["id"]: facts for facts in graph}
    things = []
    for thing in place.things:
        if thing.id not in now:
            if thing.name == "boundary":
                things.append(thing)
            continue
        if thing.movable or thing.behaviour:
            facts = now[thing.id]
            yaw = heading_of(_first_axis(facts["rotation"]))
            thing = dataclasses.replace(thing, centre=_triple(facts["centre"]), yaw=yaw)
        things.append(thing)
    return place.replace(things=tuple(things))


def _first_axis(rotation: Sequence[float]) -> np.ndarray:
    """Where the x axis of what is turned by a quaternion w x y z points, [2], seen from above."""
    w, x, y, z = rotation
    return np.array([w * w + x * x - y * y - z * z, 2 * (x * y + w * z)])


def _things(index: int, entity: Entity, layout: Layout) -> Iterator[Thing]:
    """An entity as one thing, or as its parts."""
    z = entity.z + lift_of(entity, layout.water_level)
    if entity.shape is None:  # characters walk on the ground as it is in the end
        z = layout.terrain.height(entity.x, entity.y)
    if entity.pieces:
        for piece in entity.pieces:
            yield _part(piece, entity.category, index + 1, (entity.x, entity.y, z), entity.yaw, entity.tint)
        return
    middle, size = entity.box()
    across = turned(middle[None, :2], entity.yaw)[0] + (entity.x, entity.y)
    yield Thing(
        name=entity.category,
        centre=_triple((*across, middle[2] + z)),
        size=_size(size),
        yaw=wrap_angle(entity.yaw),
        kind="" if entity.kind == entity.category else entity.kind,
        movable=entity.mass > 0,
        behaviour=entity.behaviour or None,
        tint=_triple(entity.tint),
        id=index + 1,
    )


def _part(piece: Piece, name: str, number: int, at: Vector, yaw: float, tint: Vector) -> Thing:
    """A piece of what stands at a place with a heading."""
    middle, size = piece.box()
    x, y = turned(middle[None, :2], yaw)[0] + at[:2]
    heading = wrap_angle(piece.yaw + yaw)
    return Thing(name, _triple((x, y, middle[2] + at[2])), _size(size), heading, piece.kind, tint=_triple(tint), id=number)


def _roads(layout: Layout) -> Iterator[Road]:
    for road in layout.roads:
        points = tuple(as_point(point) for point in road.points)
        marks = LANES if road.lane_marks else None
        yield Road(points, float(road.width), road.look, FADE if road.look == "dirt" else 0.0, marks)


def _areas(layout: Layout) -> Iterator[Area]:
    for patch in layout.patches:
        yield Area(patch.look, float(patch.x), float(patch.y), as_point(np.array(patch.half)), patch.round)


def _waters(layout: Layout) -> Iterator[Water]:
    if layout.water_level is not None:
        side = float(HALF + 2)
        yield Water(layout.water_level, (-side, -side, side, side), "flood", shallow=True)
    elif layout.quay is not None:
        yield Water(SEA_LEVEL, (-FAR, -FAR, FAR, float(layout.quay)))


def _triple(values: Sequence[float] | np.ndarray) -> Vector:
    x, y, z = (float(value) for value in values)
    return x, y, z


def _size(size: np.ndarray) -> Vector:
    return _triple(np.maximum(size, THINNEST))
