"""A world before it is a physics model: entities with positions, roads, ground and heights, from a spec and a seed.

`Layout` is the drawing board that the scenes (`scenes.py`) work on; its methods place things where there is room. Units are
metres, x east, y north; the square world reaches from -32 to 32. Everything random comes from `Layout.rng`.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter, zoom

from genie_gym.envs.sim.town.buildings import FOOTPRINTS, STYLES, house, landmark
from genie_gym.envs.sim.town.people import rig
from genie_gym.envs.sim.town.props import FURNITURE, MASSES, TASK_PROPS, VARIANTS, prop
from genie_gym.envs.sim.town.shapes import Collider, Shape
from genie_gym.text.spec import CHARACTERS, LANDMARKS, OBJECTS, WORLD_HALF, Position, WorldSpec

HALF = WORLD_HALF
RESOLUTION = 0.5
GRID = int(2 * HALF / RESOLUTION)
HEIGHT_GRID = 49
CLASSES = (
    "sky", "ground", "water", "boundary", "building", "agent",
    *LANDMARKS, *OBJECTS, *FURNITURE, *CHARACTERS, *TASK_PROPS,
)  # fmt: skip


def grid_window(x: float, y: float, reach: float) -> tuple[slice, slice]:
    """Rows and columns of the grid within `reach` of a point, cut at the world's edge."""
    low = [int(np.clip((c - reach + HALF) / RESOLUTION, 0, GRID)) for c in (x, y)]
    high = [int(np.clip((c + reach + HALF) / RESOLUTION + 1, 0, GRID)) for c in (x, y)]
    return slice(low[1], high[1]), slice(low[0], high[0])


def wrap(angle: float) -> float:
    """The same angle in [-pi, pi)."""
    return float((angle + np.pi) % (2 * np.pi) - np.pi)


@dataclass(eq=False)
class Entity:
    """One thing in the world. `mass` 0 is fixed; `behaviour` is set for characters alone."""

    name: str
    kind: str
    category: str
    x: float
    y: float
    z: float = 0.0
    yaw: float = 0.0
    shape: Shape | None = None
    mass: float = 0.0
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    behaviour: str = ""
    shape_key: str = ""  # equal keys share one mesh

    @property
    def half(self) -> tuple[float, float]:
        """Half extents of what it covers on the ground, before turning."""
        return _half_extents(self)


@dataclass
class Road:
    """A strip of ground with a look, along a line of points."""

    points: np.ndarray
    width: float
    look: str
    lane_marks: bool = False


@dataclass
class Patch:
    """A disc or rectangle of ground with a look."""

    look: str
    x: float
    y: float
    half: tuple[float, float]
    round: bool = False


@dataclass
class Layout:
    """The drawing board.

    Args:
        spec: what is wanted. seed: which of the worlds that fit.
    """

    spec: WorldSpec
    seed: int
    entities: list[Entity] = field(default_factory=list)
    roads: list[Road] = field(default_factory=list)
    patches: list[Patch] = field(default_factory=list)
    colliders: list[Collider] = field(default_factory=list)  # of the ground and the boundary
    base: str = "grass"
    boundary: str = "wall"
    backdrop: str = "moss"
    spawn: tuple[float, float, float] = (0.0, 0.0, 0.0)
    water_level: float | None = None  # water everywhere, up to this height
    quay: float | None = None  # sea south of this y
    roof: tuple[float, float, float, float] | None = None  # x0, y0, x1, y1: no rain or fog inside

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng([self.seed, zlib.crc32(self.spec.plan().to_json().encode())])
        self.taken = np.zeros((GRID, GRID), bool)
        self.on_road = np.zeros((GRID, GRID), bool)
        self.heights = np.zeros((HEIGHT_GRID, HEIGHT_GRID))
        self._names: dict[str, int] = {}
        self.centres = (np.arange(GRID) + 0.5) * RESOLUTION - HALF

    # --- room ---

    def cells_of(self, x: float, y: float, half: tuple[float, float], yaw: float) -> tuple[tuple[slice, slice], np.ndarray]:
        """A window of the grid, and which of its cells a rectangle covers."""
        rows, columns = window = grid_window(x, y, float(np.hypot(*half)))
        dx, dy = self.centres[columns][None, :] - x, self.centres[rows][:, None] - y
        c, s = np.cos(yaw), np.sin(yaw)
        return window, (np.abs(dx * c + dy * s) <= half[0]) & (np.abs(dy * c - dx * s) <= half[1])

    def fits(self, x: float, y: float, half: tuple[float, float], yaw: float = 0.0, on_road: bool = False) -> bool:
        """Whether a rectangle lies inside the world, clear of everything placed (and of roads, unless `on_road`)."""
        reach = float(np.hypot(*half))
        edge = HALF - 0.8
        if max(abs(x), abs(y)) + min(half) > edge or (max(abs(x), abs(y)) + reach > edge + 1.5):
            return False
        if self.quay is not None and y - reach < self.quay + 0.5:
            return False
        window, inside = self.cells_of(x, y, half, yaw)
        blocked = self.taken[window] if on_road else self.taken[window] | self.on_road[window]
        return not bool((blocked & inside).any())

    def take(self, x: float, y: float, half: tuple[float, float], yaw: float = 0.0) -> None:
        window, inside = self.cells_of(x, y, half, yaw)
        self.taken[window] |= inside

    def height(self, x: float, y: float) -> float:
        """Height of the ground, interpolated as the triangles of its mesh are not finer than this."""
        scale = (HEIGHT_GRID - 1) / (2 * HALF)
        u, v = (min(max((c + HALF) * scale, 0.0), HEIGHT_GRID - 1.001) for c in (y, x))
        r, c = int(u), int(v)
        fr, fc = u - r, v - c
        h = self.heights
        top = h[r, c] * (1 - fc) + h[r, c + 1] * fc
        return float(top * (1 - fr) + (h[r + 1, c] * (1 - fc) + h[r + 1, c + 1] * fc) * fr)

    def roll(self, amplitude: float, scale: int) -> None:
        """Makes the ground hilly: smooth noise, `amplitude` metres high, `scale` grid cells wide."""
        coarse = self.rng.standard_normal((HEIGHT_GRID // scale + 4, HEIGHT_GRID // scale + 4))
        hills = gaussian_filter(zoom(coarse, scale, order=3)[:HEIGHT_GRID, :HEIGHT_GRID], 1.0)
        hills -= hills.min()
        self.heights = amplitude * hills / max(hills.max(), 1e-6)

    def flatten(self, x: float, y: float, reach: float) -> None:
        """Levels the ground around a building."""
        axis = np.linspace(-HALF, HALF, HEIGHT_GRID)
        distance = np.hypot(axis[None, :] - x, axis[:, None] - y)
        blend = np.clip((reach + 3.0 - distance) / 3.0, 0, 1)
        self.heights = self.heights * (1 - blend) + self.height(x, y) * blend

    # --- placing ---

    def unique(self, kind: str) -> str:
        self._names[kind] = self._names.get(kind, 0) + 1
        return f"{kind}_{self._names[kind]}"

    def add(
        self, kind: str, category: str, x: float, y: float, yaw: float, shape: Shape, key: str,
        mass: float = 0.0, z: float | None = None,
        tint: tuple[float, float, float] = (1.0, 1.0, 1.0), covers: bool = True,
    ) -> Entity:  # fmt: skip
        """Puts a thing where it is told; it takes the ground that it `covers`."""
        z = self.height(x, y) if z is None else z
        entity = Entity(self.unique(kind), kind, category, x, y, z, yaw, shape, mass, tint, shape_key=key)
        self.entities.append(entity)
        if covers and kind not in ("coin", "mark", "flower"):
            self.take(x, y, entity.half, yaw)
        return entity

    def add_prop(self, kind: str, x: float, y: float, yaw: float | None = None, z: float | None = None) -> Entity:
        variant = int(self.rng.integers(VARIANTS.get(kind, 1)))
        yaw = float(self.rng.uniform(0, 2 * np.pi)) if yaw is None else yaw
        mass = MASSES.get(kind, 0.0)
        return self.add(kind, kind, x, y, yaw, prop(kind, variant), f"{kind}{variant}", mass, z)

    def add_character(self, kind: str, behaviour: str, x: float, y: float) -> Entity:
        yaw = float(self.rng.uniform(0, 2 * np.pi))
        name = self.unique(kind)
        entity = Entity(name, kind, kind, x, y, self.height(x, y), yaw, None, 0.0, behaviour=behaviour)
        self.entities.append(entity)
        self.take(x, y, (0.4, 0.4))
        return entity

    def add_house(self, style: str, x: float, y: float, yaw: float, width: float, depth: float) -> Entity:
        seed = int(self.rng.integers(1 << 62))
        shape = house(STYLES[style], np.random.default_rng(seed), width, depth)
        self.flatten(x, y, max(width, depth) / 2)
        tint = 1 - 0.16 * self.rng.random(3)
        tint = tint * (0.9 + 0.1 * self.rng.random())
        return self.add(
            "house", "building", x, y, yaw, shape, f"house{seed}", tint=(float(tint[0]), float(tint[1]), float(tint[2]))
        )

    def spot(
        self, half: tuple[float, float], *, near: tuple[float, float] | None = None, reach: float = HALF, least: float = 0.0,
        on_road: bool = False, yaw: float | None = 0.0, tries: int = 60,
    ) -> tuple[float, float, float] | None:  # fmt: skip
        """A random free (x, y, yaw) for a rectangle, `least` to `reach` metres from `near`; None where there is no room."""
        for _ in range(tries):
            if near is None:
                x, y = self.rng.uniform(-HALF + 1, HALF - 1, 2)
            else:
                angle, distance = self.rng.uniform(0, 2 * np.pi), self.rng.uniform(least, reach)
                x, y = near[0] + distance * np.cos(angle), near[1] + distance * np.sin(angle)
            turn = float(self.rng.choice(4) * np.pi / 2) if yaw is None else yaw
            if self.fits(x, y, half, turn, on_road):
                return float(x), float(y), turn
        return None

    def scatter(
        self, kind: str, count: int, near: tuple[float, float] | None = None, reach: float = HALF, on_road: bool = False
    ) -> None:
        """`count` props at random places, unless the spec says without them."""
        if kind in self.spec.without:
            return
        half = _half_extents(Entity("", kind, kind, 0, 0, shape=prop(kind)))
        for _ in range(count):
            found = self.spot((half[0] + 0.2, half[1] + 0.2), near=near, reach=reach, on_road=on_road)
            if found:
                self.add_prop(kind, found[0], found[1])

    def place_landmark(self, kind: str, near: tuple[float, float] | None = None) -> Entity:
        """Stands a landmark where there is room: off the roads, else on them, else at the emptiest place."""
        half = FOOTPRINTS[kind]
        found = None
        for margin, on_road, tries in ((0.8, False, 80), (0.8, True, 60), (0.0, True, 200)):
            found = found or self.spot(
                (half[0] + margin, half[1] + margin), near=near, reach=14, on_road=on_road, yaw=None, tries=tries
            )
            near = None
        if found is None:
            found = (*self._emptiest(half), 0.0)
        x, y, yaw = found
        self.flatten(x, y, max(half))
        return self.add(kind, kind, x, y, yaw, landmark(kind), kind)

    def _emptiest(self, half: tuple[float, float]) -> tuple[float, float]:
        best, most = (0.0, 0.0), np.inf
        for _ in range(200):
            x, y = self.rng.uniform(-HALF + max(half), HALF - max(half), 2)
            window, inside = self.cells_of(x, y, half, 0.0)
            covered = float((self.taken[window] & inside).sum())
            if covered < most and (self.quay is None or y - half[1] > self.quay):
                best, most = (float(x), float(y)), covered
        self.entities = [  # what stood there gives way
            e for e in self.entities if abs(e.x - best[0]) > half[0] + 0.5 or abs(e.y - best[1]) > half[1] + 0.5
        ]
        return best

    def road(self, points: Any, width: float, look: str, lane_marks: bool = False) -> Road:
        road = Road(np.asarray(points, float), width, look, lane_marks)
        self.roads.append(road)
        for a, b in zip(road.points[:-1], road.points[1:], strict=True):
            length = float(np.hypot(*(b - a)))
            yaw = float(np.arctan2(*(b - a)[::-1]))
            x, y = (float(v) for v in (a + b) / 2)
            window, inside = self.cells_of(x, y, (length / 2 + width / 2, width / 2), yaw)
            self.on_road[window] |= inside
        return road

    def line_with_houses(self, road: Road, style: str, setback: float, gap: tuple[float, float], skip: float = 0.05) -> None:
        """Rows of houses on both sides of a road, their doors towards it."""
        look = STYLES[style]
        for a, b in zip(road.points[:-1], road.points[1:], strict=True):
            length = float(np.hypot(*(b - a)))
            along = (b - a) / max(length, 1e-6)
            for side in (1, -1):
                normal = side * np.array([-along[1], along[0]])
                yaw = float(np.arctan2(normal[1], normal[0]) - np.pi / 2)
                t = float(self.rng.uniform(0, 2))
                while t < length:
                    width, depth = float(self.rng.uniform(*look.width)), float(self.rng.uniform(*look.depth))
                    x, y = a + along * (t + width / 2) + normal * (road.width / 2 + setback + depth / 2)
                    if self.rng.random() > skip and self.fits(x, y, (width / 2 + 0.15, depth / 2 + 0.15), yaw):
                        self.add_house(style, float(x), float(y), yaw, width, depth)
                        t += width + float(self.rng.uniform(*gap))
                    else:
                        t += 1.0

    # --- what the spec asks for ---

    def choose_spawn(self, at: tuple[float, float] | np.ndarray, yaw: float, choose_heading: bool = True) -> None:
        """The agent starts at the free place nearest to `at`, with a view: of the headings around `yaw` the most open one.
        Houses and trees keep out of that view."""
        x, y = self.free_near(float(at[0]), float(at[1]), 0.7)
        turns = np.concatenate([[0], np.cumsum(np.full(8, np.pi / 8))])
        headings = yaw + np.concatenate([turns, -turns[1:]])
        if choose_heading:
            yaw = float(max(headings, key=lambda heading: self._open_ahead(x, y, heading)))
        self.spawn = (x, y, wrap(yaw))
        self.take(x, y, (0.8, 0.8))
        length = 9.0
        middle = (x + np.cos(yaw) * length / 2, y + np.sin(yaw) * length / 2)
        window, inside = self.cells_of(float(middle[0]), float(middle[1]), (length / 2, 2.0), yaw)
        self.on_road[window] |= inside

    def _open_ahead(self, x: float, y: float, heading: float) -> int:
        """Metres (at most 14) that are free in a direction."""
        for distance in range(1, 15):
            px, py = x + distance * np.cos(heading), y + distance * np.sin(heading)
            if not self.fits(float(px), float(py), (0.6, 0.6), on_road=True):
                return distance
        return 15

    def free_near(self, x: float, y: float, radius: float) -> tuple[float, float]:
        """The free place nearest to a point: rings outwards, roads allowed."""
        for ring in np.arange(0, 2 * HALF, 0.5):
            count = max(1, int(2 * np.pi * ring / 0.7))
            start = self.rng.uniform(0, 2 * np.pi)
            for k in range(count):
                angle = start + 2 * np.pi * k / count
                px, py = float(x + ring * np.cos(angle)), float(y + ring * np.sin(angle))
                if self.fits(px, py, (radius, radius), on_road=True):
                    return px, py
        return float(np.clip(x, -HALF + 1, HALF - 1)), float(np.clip(y, -HALF + 1, HALF - 1))

    def resolve(self, position: Position, around: tuple[float, float, float], radius: float) -> tuple[float, float] | None:
        """Where a `Position` lies: metres as they are, words around the agent, a landmark's side. None: anywhere near.

        A place that is taken gives the nearest free one."""
        x, y, yaw = around
        if position is None:
            found = self.spot((radius, radius), near=(x, y), reach=16, least=4, on_road=True)
            return (found[0], found[1]) if found else self.free_near(x, y, radius)
        if not isinstance(position, str):
            return self.free_near(*position, radius)
        if position == "centre":
            return self.free_near(0, 0, radius)
        turns = {"ahead": 0.0, "left": np.pi / 2, "behind": np.pi, "right": -np.pi / 2}
        if position in turns:
            angle = yaw + turns[position]
            distance = 4.0 + radius
            return self.free_near(x + distance * np.cos(angle), y + distance * np.sin(angle), radius)
        anchors = [e for e in self.entities if e.kind == position]
        if not anchors:
            return self.free_near(x, y, radius)
        reach = max(FOOTPRINTS[position]) + radius + 0.4
        angle = self.rng.uniform(0, 2 * np.pi)
        return self.free_near(anchors[0].x + reach * np.cos(angle), anchors[0].y + reach * np.sin(angle), radius)

    def add_asked(self) -> None:
        """Objects and characters of the spec, where it says."""
        for wanted in self.spec.objects:
            for _ in range(wanted.count):
                self.add_object_at(wanted.kind, wanted.position, self.spawn)
        for person in self.spec.characters:
            for _ in range(person.count):
                self.add_character_at(person.kind, person.behaviour, person.position, self.spawn)

    def add_object_at(self, kind: str, position: Position, around: tuple[float, float, float]) -> Entity:
        half = _half_extents(Entity("", kind, kind, 0, 0, shape=prop(kind)))
        where = self.resolve(position, around, max(half) + 0.15)
        assert where is not None
        return self.add_prop(kind, *where)

    def add_character_at(self, kind: str, behaviour: str, position: Position, around: tuple[float, float, float]) -> Entity:
        where = self.resolve(position, around, rig(kind).radius + 0.2)
        assert where is not None
        return self.add_character(kind, behaviour, *where)

    def digest(self) -> str:
        """A fingerprint of where everything is."""
        text = ";".join(f"{e.kind},{e.x:.3f},{e.y:.3f},{e.yaw:.3f},{e.shape_key}" for e in self.entities)
        return hashlib.sha256((text + self.heights.round(3).tobytes().hex()).encode()).hexdigest()


def _half_extents(entity: Entity) -> tuple[float, float]:
    if entity.kind in FOOTPRINTS:
        return FOOTPRINTS[entity.kind]
    if entity.shape is None:
        radius = rig(entity.kind).radius
        return radius, radius
    if entity.category != "building" and entity.shape.colliders:
        reach = [0.2, 0.2]
        for c in entity.shape.colliders:
            sx, sy = (c.size[0], c.size[1]) if c.kind == "box" else (c.size[0], c.size[0])
            reach = [max(reach[0], abs(c.position[0]) + sx), max(reach[1], abs(c.position[1]) + sy)]
        return reach[0], reach[1]
    low, high = entity.shape.bounds()
    if entity.category == "building":
        collider = entity.shape.colliders[-1]
        return collider.size[0], collider.size[1]
    return float(max(-low[0], high[0])), float(max(-low[1], high[1]))
