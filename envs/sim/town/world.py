"""One world in motion: its layout, physics, agent and characters, in control steps of 1/24 s."""

from __future__ import annotations

from collections.abc import Callable

import mujoco
import numpy as np

from genie_gym.envs.sim.town.agent import Agent
from genie_gym.envs.sim.town.builder import Builder
from genie_gym.envs.sim.town.characters import Character, move
from genie_gym.envs.sim.town.eye import Eye
from genie_gym.envs.sim.town.layout import Layout
from genie_gym.envs.sim.town.navigation import NavigationGrid
from genie_gym.envs.sim.town.plane import as_point
from genie_gym.envs.sim.town.scenes import lay_out
from genie_gym.envs.sim.town.simulation import Simulation
from genie_gym.text.spec import CharacterSpec, Event, ObjectSpec, WorldSpec


class TownWorld:
    """The world of a spec and a seed, at the start of an episode. `apply_event` (`events.py`) changes it.

    `spec` says what it is now, `event_log` what happened at which step.

    Args:
        prepare: called with each new scene before it is compiled, to add what a task needs.
    """

    def __init__(self, spec: WorldSpec, seed: int, prepare: Callable[[Builder], None] | None = None):
        self.spec, self.seed, self.prepare = spec, seed, prepare
        self.rng = np.random.default_rng([seed, 2])
        self.event_log: list[tuple[int, Event]] = []
        self.simulation = Simulation()
        self.agent = Agent(self.simulation)
        self.eye = Eye(self.simulation, self.agent)
        self.enter_scene()

    def enter_scene(self) -> None:
        """Lays out the scene of `spec`, and begins in it."""
        self.builder = lay_out(self.spec, self.seed)
        if self.prepare is not None:
            self.prepare(self.builder)
        self.characters = [Character.of(i, e) for i, e in enumerate(self.layout.entities) if e.shape is None]
        self.simulation.hidden.clear()
        self.simulation.compile(self.layout, self.spec)
        self.agent.enter(self.layout.spawn)
        self._settle()

    def add(self, wanted: ObjectSpec | CharacterSpec) -> None:
        """Adds things, around the agent. None may appear inside the agent, a character, or what has moved since the world
        was laid out."""
        x, y = as_point(self.position)
        self.builder.room.occupy(x, y, (0.7, 0.7))
        moving = [(person.x, person.y) for person in self.characters]
        moving += [as_point(self.simulation.position_of(index)) for index in self.simulation.built.movable]
        for place in moving:
            self.builder.room.occupy(*place, (0.6, 0.6))
        before = len(self.layout.entities)
        self.builder.add_wanted(wanted, (x, y, self.agent.yaw))
        added = enumerate(self.layout.entities[before:], before)
        self.characters += [Character.of(i, e) for i, e in added if e.shape is None]
        self.simulation.recompile(self.spec)
        self._settle()

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
