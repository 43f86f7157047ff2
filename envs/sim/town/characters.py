"""How characters move: they stand, wander, patrol between two places, or follow the agent. Solid, and not to be pushed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from genie_gym.envs.sim.town.build import DT
from genie_gym.envs.sim.town.layout import Entity
from genie_gym.envs.sim.town.navigation import NavigationGrid
from genie_gym.envs.sim.town.people import SPEEDS, WALK_SPEED, rig
from genie_gym.envs.sim.town.plane import Point, wrap_angle

TURN_RATE = 3.5  # radians a second
FOLLOW_DISTANCE, LIMB_SWING = 2.2, 0.55  # metres, radians


@dataclass
class Character:
    """A character's pose and intention. `index` is its entity's in the layout; `phase` swings its limbs."""

    index: int
    entity: Entity
    x: float
    y: float
    yaw: float
    home: Point  # the other end of a patrol
    target: Point | None = None  # where it walks to
    wait: float = 0.0  # seconds left to stand still
    phase: float = 0.0
    moving: bool = False
    way: np.ndarray | None = None  # walking distances to the agent, for followers that do not see it
    way_age: float = 0.0  # seconds left until `way` is found anew

    @property
    def swing(self) -> float:
        """The angle of its first limb; opposite ones swing together."""
        return LIMB_SWING * float(np.sin(self.phase)) if self.moving else 0.0

    @classmethod
    def of(cls, index: int, entity: Entity) -> Character:
        return cls(index, entity, entity.x, entity.y, entity.yaw, (entity.x, entity.y))


def move(person: Character, grid: NavigationGrid, agent: Point, rng: np.random.Generator) -> None:
    """Advances one character by one control step."""
    goal = _intention(person, grid, agent, rng)
    person.moving = False
    if goal is None:
        return
    dx, dy = goal[0] - person.x, goal[1] - person.y
    turn = wrap_angle(np.arctan2(dy, dx) - person.yaw)
    person.yaw += float(np.clip(turn, -TURN_RATE * DT, TURN_RATE * DT))
    if abs(turn) > 0.8:
        return
    pace = SPEEDS.get(person.entity.kind, WALK_SPEED) * DT
    nx, ny = person.x + pace * float(np.cos(person.yaw)), person.y + pace * float(np.sin(person.yaw))
    room = rig(person.entity.kind).radius + 0.45
    if np.hypot(nx - agent[0], ny - agent[1]) < room or grid.blocked[grid.cell(nx, ny)]:
        person.target = None  # someone or something is in the way: think again
        person.wait = 0.5
        return
    person.x, person.y, person.moving = nx, ny, True
    person.phase += 7.0 * DT


def _intention(person: Character, grid: NavigationGrid, agent: Point, rng: np.random.Generator) -> Point | None:
    here, behaviour = (person.x, person.y), person.entity.behaviour
    if behaviour == "stand":
        return None
    if behaviour == "follow":
        if np.hypot(agent[0] - here[0], agent[1] - here[1]) < FOLLOW_DISTANCE:
            return None
        if grid.clear(here, agent):
            return agent
        person.way_age -= DT
        if person.way is None or person.way_age <= 0:
            person.way, person.way_age = grid.distances(*agent), 1.5
        return grid.next_point(person.way, *here)
    person.wait -= DT
    if person.wait > 0:
        return None
    if person.target is None or np.hypot(person.target[0] - here[0], person.target[1] - here[1]) < 0.3:
        arrived = person.target is not None
        person.target = _new_target(person, grid, rng)
        if arrived and behaviour == "wander":
            person.wait = float(rng.uniform(0, 2.5))
    return person.target


def _new_target(person: Character, grid: NavigationGrid, rng: np.random.Generator) -> Point | None:
    here = (person.x, person.y)
    if person.entity.behaviour == "patrol" and person.target is not None and grid.clear(here, person.home):
        back, person.home = person.home, here
        return back
    for _ in range(8):
        angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(3, 9)
        target = (here[0] + distance * float(np.cos(angle)), here[1] + distance * float(np.sin(angle)))
        if grid.clear(here, target):
            return target
    return None
