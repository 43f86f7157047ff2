"""A world before it is a physics model: things with positions, roads, ground and heights. `builder.py` makes it.

Metres, x east, y north; headings in radians, counter-clockwise from east.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from genie_gym.envs.sim.town.landmarks import FOOTPRINTS
from genie_gym.envs.sim.town.people import rig
from genie_gym.envs.sim.town.pieces import Piece
from genie_gym.envs.sim.town.plane import Extents, Place
from genie_gym.envs.sim.town.props import FURNITURE, TASK_PROPS
from genie_gym.envs.sim.town.shapes import WHITE, Collider, Shape, Vector
from genie_gym.envs.sim.town.terrain import Terrain
from genie_gym.envs.sim.town.vocabulary import VOCABULARY
from genie_gym.text.spec import WorldSpec

CLASSES = (
    "sky", "ground", "water", "boundary", "building", "agent",
    *VOCABULARY.landmarks, *VOCABULARY.objects, *FURNITURE, *VOCABULARY.characters, *TASK_PROPS,
)  # fmt: skip


@dataclass(eq=False)
class Entity:
    """One thing in the world. Characters have a `behaviour` and no `shape`: they are drawn from the rig of their kind."""

    name: str
    kind: str
    category: str  # one of `CLASSES`
    x: float
    y: float
    z: float = 0.0
    yaw: float = 0.0
    shape: Shape | None = None
    mass: float = 0.0  # kilograms; 0 is fixed
    tint: Vector = WHITE
    behaviour: str = ""
    shape_key: str = ""  # equal keys share one mesh
    removed: bool = False  # it stood here once; its index stays its own
    pieces: tuple[Piece, ...] = ()  # of what is as large as the world: its parts, which `shape` draws as one

    @property
    def moves(self) -> bool:
        """Whether it can: characters, and what is not fixed."""
        return self.shape is None or self.mass > 0

    @property
    def half(self) -> Extents:
        return half_extents(self.kind, self.category, self.shape)

    def box(self) -> tuple[np.ndarray, np.ndarray]:
        """The middle [3] of its box, seen from where it stands, and the box's size [3]."""
        low, high = (self.shape or rig(self.kind).body).bounds()
        if self.shape is None:
            low[2] = 0.0  # its legs reach the ground
        return (low + high) / 2, high - low


def half_extents(kind: str, category: str, shape: Shape | None) -> Extents:
    """Half extents of what a thing covers on the ground, before turning."""
    if kind in FOOTPRINTS:
        return FOOTPRINTS[kind]
    if shape is None:
        radius = rig(kind).radius
        return radius, radius
    if category == "building":
        return shape.colliders[-1].half
    if shape.colliders:
        reach = np.array([np.abs(c.position[:2]) + c.half for c in shape.colliders]).max(0, initial=0.2)
        return float(reach[0]), float(reach[1])
    low, high = shape.bounds()
    return float(max(-low[0], high[0])), float(max(-low[1], high[1]))


@dataclass
class Road:
    """A strip of ground with a look, along a line of points [n, 2]."""

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
    half: Extents
    round: bool = False


@dataclass
class Layout:
    """Where everything stands. `spec` and `seed` are what it was made from."""

    spec: WorldSpec
    seed: int
    entities: list[Entity] = field(default_factory=list)
    roads: list[Road] = field(default_factory=list)
    patches: list[Patch] = field(default_factory=list)
    colliders: list[Collider] = field(default_factory=list)  # of the ground and the boundary
    terrain: Terrain = field(default_factory=Terrain)
    base: str = "grass"  # the look of the ground
    boundary: str = "wall"  # what stands at the edge
    backdrop: str = "moss"  # what one sees beyond it
    spawn: Place = (0.0, 0.0, 0.0)  # x, y, yaw of the agent
    water_level: float | None = None  # water everywhere, up to this height
    quay: float | None = None  # sea south of this y
    roof: tuple[float, float, float, float] | None = None  # x0, y0, x1, y1: no rain or fog inside

    def standing(self) -> Iterator[tuple[int, Entity]]:
        """What is there now, with its index in `entities`."""
        return ((index, entity) for index, entity in enumerate(self.entities) if not entity.removed)

    def digest(self) -> str:
        """A fingerprint of where everything is."""
        text = ";".join(f"{e.kind},{e.x:.3f},{e.y:.3f},{e.yaw:.3f},{e.shape_key}" for _, e in self.standing())
        return hashlib.sha256((text + self.terrain.heights.round(3).tobytes().hex()).encode()).hexdigest()
