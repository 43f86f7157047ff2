"""The drawing board on which a world is laid out: scenes, tasks and events put things on it where there is room."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from genie_gym.envs.sim.town.houses import STYLES, house
from genie_gym.envs.sim.town.landmarks import FOOTPRINTS, landmark
from genie_gym.envs.sim.town.layout import Entity, Layout, Patch, Road, half_extents
from genie_gym.envs.sim.town.people import rig
from genie_gym.envs.sim.town.pieces import Piece, merged
from genie_gym.envs.sim.town.plane import HALF, Extents, Place, Point, as_point, heading_of, wrap_angle
from genie_gym.envs.sim.town.props import MASSES, VARIANTS, prop
from genie_gym.envs.sim.town.room import Room
from genie_gym.envs.sim.town.shapes import WHITE, Shape, Vector
from genie_gym.envs.sim.town.vocabulary import VOCABULARY
from genie_gym.text.spec import CharacterSpec, ObjectSpec, Position, WorldSpec

UNDERFOOT = ("coin", "mark", "flower")  # covers no ground: other things may stand there


class Builder:
    """Adds things to `layout` where `room` is free. Everything random comes from `rng`.

    Args:
        spec: what is wanted. seed: which of the worlds that fit.
    """

    def __init__(self, spec: WorldSpec, seed: int):
        self.spec, self.seed = spec, seed
        plan = VOCABULARY.complete(spec.plan())
        self.rng = np.random.default_rng([seed, zlib.crc32(plan.to_json().encode())])
        self.layout = Layout(spec, seed)
        self.room = Room(self.rng)
        self._counts: dict[str, int] = {}
        self._grounds: dict[str, tuple[float, float, Extents, float]] = {}  # by name: what it occupies

    def uniform(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def add(
        self, kind: str, category: str, x: float, y: float, yaw: float, shape: Shape | None = None, key: str = "",
        mass: float = 0.0, z: float | None = None, tint: Vector = WHITE, covers: bool = True, behaviour: str = "",
        pieces: Sequence[Piece] = (),
    ) -> Entity:  # fmt: skip
        """Puts a thing where it is told, on the ground unless a `z` is given; it takes the room that it `covers`. What
        is as large as the world is given in `pieces`."""
        z = self.layout.terrain.height(x, y) if z is None else z
        self._counts[kind] = self._counts.get(kind, 0) + 1
        name = f"{kind}_{self._counts[kind]}"
        shape = merged(pieces) if pieces else shape
        entity = Entity(name, kind, category, x, y, z, yaw, shape, mass, tint, behaviour, key, pieces=tuple(pieces))
        self.layout.entities.append(entity)
        if covers and kind not in UNDERFOOT:
            self._occupy(entity, entity.half, yaw)
        return entity

    def _occupy(self, entity: Entity, half: Extents, yaw: float = 0.0) -> None:
        self._grounds[entity.name] = (entity.x, entity.y, half, yaw)
        self.room.occupy(*self._grounds[entity.name])

    def remove(self, entity: Entity) -> None:
        """Takes a thing away; all others keep their places and indices. Where it stood there is room."""
        entity.removed = True
        if entity.name in self._grounds:
            self.room.vacate(*self._grounds.pop(entity.name))

    def add_prop(self, kind: str, x: float, y: float, yaw: float | None = None, z: float | None = None) -> Entity:
        """A random variant of an object; without a `yaw` it faces anywhere."""
        variant = int(self.rng.integers(VARIANTS.get(kind, 1)))
        yaw = self.uniform(0, 2 * np.pi) if yaw is None else yaw
        return self.add(kind, kind, x, y, yaw, prop(kind, variant), f"{kind}{variant}", MASSES.get(kind, 0.0), z)

    def add_character(self, kind: str, behaviour: str, x: float, y: float) -> Entity:
        entity = self.add(kind, kind, x, y, self.uniform(0, 2 * np.pi), behaviour=behaviour, covers=False)
        self._occupy(entity, (0.4, 0.4))
        return entity

    def add_house(self, style: str, x: float, y: float, yaw: float, width: float, depth: float) -> Entity:
        seed = int(self.rng.integers(1 << 62))
        shape = house(STYLES[style], np.random.default_rng(seed), width, depth)
        self.layout.terrain.flatten(x, y, max(width, depth) / 2)
        tint = 1 - 0.16 * self.rng.random(3)
        red, green, blue = (float(c) for c in tint * (0.9 + 0.1 * self.rng.random()))
        return self.add("house", "building", x, y, yaw, shape, f"house{seed}", tint=(red, green, blue))

    def add_landmark(self, kind: str, near: Point | None = None) -> Entity:
        """Stands a landmark where there is room: off the roads, else on them, else at the emptiest place."""
        half = FOOTPRINTS[kind]
        found = None
        for margin, on_road, tries in ((0.8, False, 80), (0.8, True, 60), (0.0, True, 200)):
            wanted = half[0] + margin, half[1] + margin
            found = found or self.room.spot(wanted, near=near, reach=14, on_road=on_road, yaw=None, tries=tries)
            near = None
        if found is None:
            x, y = self.room.emptiest(half)
            found, wide, deep = (x, y, 0.0), half[0] + 0.5, half[1] + 0.5  # what stood there gives way
            self.layout.entities = [e for e in self.layout.entities if abs(e.x - x) > wide or abs(e.y - y) > deep]
        x, y, yaw = found
        self.layout.terrain.flatten(x, y, max(half))
        return self.add(kind, kind, x, y, yaw, landmark(kind), kind)

    def add_patch(self, look: str, x: float, y: float, half: Extents, round: bool = False) -> None:
        self.layout.patches.append(Patch(look, x, y, half, round))

    def add_road(self, points: Any, width: float, look: str, lane_marks: bool = False) -> Road:
        road = Road(np.asarray(points, float), width, look, lane_marks)
        self.layout.roads.append(road)
        for a, b in pairwise(road.points):
            x, y = as_point((a + b) / 2)
            self.room.reserve(x, y, (float(np.hypot(*(b - a))) / 2 + width / 2, width / 2), heading_of(b - a))
        return road

    def scatter(self, counts: dict[str, int], near: Point | None = None, reach: float = HALF, on_road: bool = False) -> None:
        """So many props of each kind at random places, unless the spec says without them."""
        for kind, count in counts.items():
            if kind in self.spec.without:
                continue
            half = half_extents(kind, kind, prop(kind))
            for _ in range(count):
                found = self.room.spot((half[0] + 0.2, half[1] + 0.2), near=near, reach=reach, on_road=on_road)
                if found:
                    self.add_prop(kind, *found[:2])

    def line_with_houses(self, road: Road, style: str, setback: float, gap: tuple[float, float], skip: float = 0.05) -> None:
        """Rows of houses on both sides of a road, their doors towards it."""
        look = STYLES[style]
        for a, b in pairwise(road.points):
            length = float(np.hypot(*(b - a)))
            along = (b - a) / max(length, 1e-6)
            for side in (1, -1):
                normal = side * np.array([-along[1], along[0]])
                yaw = float(heading_of(normal) - np.pi / 2)
                done = self.uniform(0, 2)  # metres of the road
                while done < length:
                    width, depth = self.uniform(*look.width), self.uniform(*look.depth)
                    x, y = as_point(a + along * (done + width / 2) + normal * (road.width / 2 + setback + depth / 2))
                    if self.rng.random() > skip and self.room.fits(x, y, (width / 2 + 0.15, depth / 2 + 0.15), yaw):
                        self.add_house(style, x, y, yaw, width, depth)
                        done += width + self.uniform(*gap)
                    else:
                        done += 1.0

    def choose_spawn(self, at: Point | np.ndarray, yaw: float, choose_heading: bool = True) -> None:
        """The agent starts at the free place nearest to `at`, with a view: of the headings around `yaw` the most open one.
        Houses and trees keep out of that view."""
        x, y = self.room.free_near(float(at[0]), float(at[1]), 0.7)
        turns = np.concatenate([[0], np.cumsum(np.full(8, np.pi / 8))])
        headings = yaw + np.concatenate([turns, -turns[1:]])
        if choose_heading:
            yaw = float(max(headings, key=lambda heading: self.room.open_ahead(x, y, heading)))
        self.layout.spawn = (x, y, wrap_angle(yaw))
        self.room.occupy(x, y, (0.8, 0.8))
        length = 9.0
        self.room.reserve(float(x + np.cos(yaw) * length / 2), float(y + np.sin(yaw) * length / 2), (length / 2, 2.0), yaw)

    def add_asked(self) -> None:
        """Objects and characters of the spec, where it says."""
        asked: list[ObjectSpec | CharacterSpec] = [*self.spec.objects, *self.spec.characters]
        for wanted in asked:
            self.add_wanted(wanted, self.layout.spawn)

    def add_wanted(self, wanted: ObjectSpec | CharacterSpec, around: Place) -> None:
        """As many things as are wanted, where the position says, seen from the agent's (x, y, yaw)."""
        kind = wanted.kind
        for _ in range(wanted.count):
            if isinstance(wanted, CharacterSpec):
                place = self._resolve(wanted.position, around, rig(kind).radius + 0.2)
                self.add_character(kind, wanted.behaviour, *place)
            else:
                place = self._resolve(wanted.position, around, max(half_extents(kind, kind, prop(kind))) + 0.15)
                self.add_prop(kind, *place)

    def _resolve(self, position: Position, around: Place, radius: float) -> Point:
        """Where a `Position` lies: metres as they are, words around the agent's (x, y, yaw), a landmark's side. None:
        anywhere near. A place that is taken gives the nearest free one."""
        x, y, yaw = around
        if position is None:
            found = self.room.spot((radius, radius), near=(x, y), reach=16, least=4, on_road=True)
            return found[:2] if found else self.room.free_near(x, y, radius)
        turns = {"ahead": 0.0, "left": np.pi / 2, "behind": np.pi, "right": -np.pi / 2}
        landmarks = [e for _, e in self.layout.standing() if e.kind == position]
        if not isinstance(position, str):
            x, y = position
        elif position == "centre":
            x, y = 0, 0
        elif position in turns:
            angle, distance = yaw + turns[position], 4.0 + radius
            x, y = x + distance * np.cos(angle), y + distance * np.sin(angle)
        elif landmarks:
            angle, distance = self.uniform(0, 2 * np.pi), max(FOOTPRINTS[position]) + radius + 0.4
            x, y = landmarks[0].x + distance * np.cos(angle), landmarks[0].y + distance * np.sin(angle)
        return self.room.free_near(x, y, radius)
