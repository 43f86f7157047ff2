"""One world in motion: its layout, physics, agent and characters, in control steps of 1/24 s."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import mujoco
import numpy as np

from genie_gym.envs.sim.town.agent import Agent
from genie_gym.envs.sim.town.builder import Builder
from genie_gym.envs.sim.town.characters import Character, move
from genie_gym.envs.sim.town.eye import Eye
from genie_gym.envs.sim.town.layout import Entity, Layout
from genie_gym.envs.sim.town.navigation import NavigationGrid
from genie_gym.envs.sim.town.plane import as_point
from genie_gym.envs.sim.town.scenes import lay_out
from genie_gym.envs.sim.town.simulation import Simulation
from genie_gym.envs.sim.town.vocabulary import VOCABULARY
from genie_gym.errors import GenieGymError
from genie_gym.text.spec import CharacterSpec, Event, ObjectRemove, ObjectSpec, Position, WorldSpec

AROUND = 8.0  # metres from the edge of a landmark, or from a point, within which things are near it


class TownWorld:
    """The world of a spec and a seed, at the start of an episode. `apply_event` (`events.py`) changes it.

    `spec` says what it is now, `event_log` what happened at which step.

    Args:
        prepare: called with each new scene before it is compiled, to add what a task needs. It returns what must stay.
    """

    def __init__(self, spec: WorldSpec, seed: int, prepare: Callable[[Builder], Sequence[Entity]] | None = None):
        self.spec, self.seed, self.prepare = VOCABULARY.complete(spec), seed, prepare
        self.rng = np.random.default_rng([seed, 2])
        self.event_log: list[tuple[int, Event]] = []
        self.simulation = Simulation()
        self.agent = Agent(self.simulation)
        self.eye = Eye(self.simulation, self.agent)
        self.enter_scene()

    def enter_scene(self) -> None:
        """Lays out the scene of `spec`, and begins in it."""
        self.builder = lay_out(self.spec, self.seed)
        self.kept = () if self.prepare is None else tuple(self.prepare(self.builder))
        self.characters = [Character.of(i, e) for i, e in self.layout.standing() if e.shape is None]
        self.simulation.hidden.clear()
        self.simulation.compile(self.layout, self.spec)
        self.agent.enter(self.layout.spawn)
        self._settle()

    def add(self, wanted: ObjectSpec | CharacterSpec) -> None:
        """Adds things, around the agent. None may appear inside the agent, a character, or what has moved since the world
        was laid out."""
        x, y = as_point(self.position)
        taken = [((x, y), (0.7, 0.7))]
        taken += [((person.x, person.y), (0.6, 0.6)) for person in self.characters]
        taken += [(as_point(self.simulation.position_of(index)), (0.6, 0.6)) for index in self.simulation.built.movable]
        for place, half in taken:
            self.builder.room.occupy(*place, half)
        before = len(self.layout.entities)
        self.builder.add_wanted(wanted, (x, y, self.agent.yaw))
        for place, half in taken:
            self.builder.room.vacate(*place, half)
        added = enumerate(self.layout.entities[before:], before)
        self.characters += [Character.of(i, e) for i, e in added if e.shape is None]
        self.simulation.recompile(self.spec)
        self._settle()

    def remove(self, asked: ObjectRemove) -> list[Entity]:
        """Takes things away, the nearest first. All else, the agent included, stays where it is.

        Returns:
            What was removed.

        Raises:
            GenieGymError: where no such thing stands, or a task needs it.
        """
        found = self._standing(asked)
        chosen = [index for index in found if self.layout.entities[index] not in self.kept]
        if found and not chosen:
            raise GenieGymError(f"the {asked.kind} is what the task is about and cannot be removed.")
        if not found:
            there = sorted({entity.kind for _, entity in self.layout.standing() if entity.category == entity.kind})
            where = "" if asked.position is None else f" at {asked.position!r}"
            raise GenieGymError(f"no {asked.kind} stands here{where}; there are: {', '.join(there) or 'none of those'}.")
        if isinstance(asked.count, int):
            chosen = chosen[: asked.count]
        elif asked.count == "half":
            chosen = chosen[: (len(chosen) + 1) // 2]
        for index in chosen:
            self.builder.remove(self.layout.entities[index])
        if self.agent.carrying in chosen:
            self.agent.carrying = None
        self.characters = [person for person in self.characters if person.index not in chosen]
        self.simulation.recompile(self.spec)
        self._settle()
        return [self.layout.entities[index] for index in chosen]

    def _standing(self, asked: ObjectRemove) -> list[int]:
        """The things asked for at the place asked for, nearest first."""
        hidden, places, kinds = self.simulation.hidden, {}, VOCABULARY.kinds(asked.kind)
        for index, entity in self.layout.standing():
            if entity.kind in kinds and index not in hidden:
                places[index] = self.simulation.position_of(index)[:2]
        middle, within = self._look_from(asked.position)
        distances = {index: float(np.hypot(*(place - middle))) for index, place in places.items()}
        sides = {"ahead": 0.0, "left": np.pi / 2, "behind": np.pi, "right": -np.pi / 2}
        if asked.position in sides:  # a quarter of what is around the agent
            towards = self.agent.yaw + sides[asked.position]
            way = np.array([np.cos(towards), np.sin(towards)])
            places = {i: p for i, p in places.items() if (p - middle) @ way >= distances[i] * np.cos(np.pi / 4) - 1e-9}
        return sorted((i for i in places if distances[i] <= within), key=lambda index: distances[index])

    def _look_from(self, position: Position) -> tuple[np.ndarray, float]:
        """Where distances are counted from, [2], and how far they may be."""
        if position in VOCABULARY.landmarks:
            there = next((entity for _, entity in self.layout.standing() if entity.kind == position), None)
            if there is None:
                raise GenieGymError(f"no {position} stands here.")
            return np.array([there.x, there.y]), max(there.half) + AROUND
        if position == "centre":
            return np.zeros(2), AROUND
        if position is None or isinstance(position, str):
            return self.position[:2], np.inf
        return np.array(position, float), AROUND

    def _settle(self) -> None:
        """After compiling: everything in its place, and nothing known of the ways through it."""
        self._grid: NavigationGrid | None = None
        for person in self.characters:
            self.simulation.place_character(person)
        mujoco.mj_forward(self.simulation.model, self.simulation.data)

    @property
    def layout(self) -> Layout:
        return self.builder.layout

    @property
    def grid(self) -> NavigationGrid:
        """Where one can walk, with movable things where they started."""
        if self._grid is None:
            self._grid = NavigationGrid.of(self.layout)
        return self._grid

    def step(self, controls: np.ndarray) -> None:
        """One control step under six controls in [-1, 1], named by `agent.CONTROLS`."""
        self.agent.act(controls)
        x, y = as_point(self.position)
        for person in self.characters:
            move(person, self.grid, (x, y), self.rng)
            self.simulation.place_character(person)
        self.agent.follow_through()
        self.simulation.advance()

    def reseed(self, seed: int) -> None:
        """Gives where characters go, and where things are added, another seed. The scenes are those of `self.seed` still."""
        self.rng = np.random.default_rng([seed, 2])
        self.builder.rng = self.builder.room.rng = np.random.default_rng([seed, 4])

    @property
    def steps(self) -> int:
        """Control steps since the episode began."""
        return self.simulation.steps

    @property
    def position(self) -> np.ndarray:
        """The agent's feet, [3] in metres."""
        return self.agent.position

    @property
    def grounded(self) -> bool:
        """Whether something carries the agent."""
        return self.agent.grounded

    def close(self) -> None:
        self.simulation.close()
