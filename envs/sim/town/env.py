"""`GenieSim/Town-v0`: a walk through a procedural 3D world, as a Gymnasium environment with every ground truth."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import seeding

from genie_gym.envs.sim.base import Driver, SimEnv
from genie_gym.envs.sim.town.agent import AGENT_STATE, CONTROLS
from genie_gym.envs.sim.town.build import CONTROL_HZ
from genie_gym.envs.sim.town.drivers import DRIVERS
from genie_gym.envs.sim.town.events import apply_event, random_event
from genie_gym.envs.sim.town.goals import goals
from genie_gym.envs.sim.town.keys import KEYBOARD, KEYS
from genie_gym.envs.sim.town.layout import CLASSES
from genie_gym.envs.sim.town.place import place_now, place_of
from genie_gym.envs.sim.town.scenes import lay_out
from genie_gym.envs.sim.town.tasks import TASKS, Task, make_task
from genie_gym.envs.sim.town.twin import Twin, another_condition
from genie_gym.envs.sim.town.vocabulary import VOCABULARY
from genie_gym.envs.sim.town.world import TownWorld
from genie_gym.errors import GenieGymError, check_name, did_you_mean
from genie_gym.places.place import Place
from genie_gym.text.reader import parse_event, parse_prompt, scene_warning
from genie_gym.text.spec import Event, WorldSpec, event_to_json
from genie_gym.text.tokens import Report


class TownEnv(SimEnv):
    """One world a reset: of a prompt or spec, or (with neither) of a random one each time.

    Actions: `Discrete(11)`, keys held for one step of 1/24 s (`metadata["action_meanings"]`): 0 noop, 1 forward (3 m/s),
        2 back (2 m/s), 3 and 4 turn left and right (120°/s), 5 and 6 strafe left and right (2.4 m/s), 7 jump, 8 and 9 look
        up and down (60°/s, to 45°), 10 interact: pick up a thing ahead, throw it, or shove what is too heavy. With
        `continuous=True` a `Box` of six controls in [-1, 1] (`CONTROLS`): shares of those speeds forwards, to the right,
        leftwards and upwards; jump and interact above 0.5.

    Observations: uint8 [90, 160, 3], or what `obs` names; see `SimEnv`. The agent's state is float32 [10], named by
        `metadata["agent_state"]`: metres, radians, metres a second, and two flags.

    Rewards: 1 for each coin of "collect_coins", 1 at the goal of other tasks, else 0.
    Episode end: terminated when the task is solved, truncated after 1,440 steps, a minute (`max_episode_steps` of
        `gym.make`).
    Info: see `SimEnv`.

    Args:
        prompt: text, English or Chinese (`parse_prompt`); `report` says what was understood.
        spec: a `WorldSpec` (or its JSON), instead of a prompt.
        scene: without prompt and spec: this scene in random variations.
        task: None (walk freely), "reach_beacon", "reach_beacon:near" (in view from the beginning), "collect_coins", "find",
            "find:<landmark or object>", "push_crate".
        obs, width, height, samples: see `SimEnv`.
        continuous: controls instead of keys.
        view: "first" or "third" person.
        event_rate: random world events a minute.

    Events change the world while it runs: `apply_event`.
    """

    metadata = SimEnv.metadata | {
        "render_fps": CONTROL_HZ, "action_meanings": tuple(KEYBOARD), "classes": CLASSES, "agent_state": AGENT_STATE,
    }  # fmt: skip
    driver_names = tuple(DRIVERS)
    tasks = TASKS
    vocabulary = VOCABULARY
    episode_parts = ("_world", "task")

    def __init__(
        self, prompt: str | None = None, spec: WorldSpec | str | None = None, *, scene: str | None = None,
        task: str | None = None, obs: Sequence[str] = ("rgb",), width: int = 160, height: int = 90, samples: int = 0,
        continuous: bool = False, view: str = "first", event_rate: float = 0.0, render_mode: str | None = None,
    ):  # fmt: skip
        super().__init__(task, obs, width, height, samples, render_mode)
        if prompt is not None and spec is not None:
            raise GenieGymError("give a prompt or a spec, not both.")
        self.given = WorldSpec.from_json(spec) if isinstance(spec, str) else spec
        self.report: Report | None = None
        if prompt is not None:
            self.given, self.report = parse_prompt(prompt, VOCABULARY)
            if warning := scene_warning(prompt, self.report, VOCABULARY):
                warnings.warn(warning, UserWarning, stacklevel=2)
        if self.given is not None:
            VOCABULARY.check(self.given)
        if scene is not None:
            check_name("scene", scene, VOCABULARY.scenes)
            if self.given is not None:
                raise GenieGymError(f"a prompt or spec has its own scene; got scene={scene!r} beside it.")
        if view not in ("first", "third"):
            raise GenieGymError(f"view is 'first' or 'third'; got {view!r}.")
        self.scene, self.view = scene, view
        self.continuous, self.event_rate = continuous, float(event_rate)
        controls, keys = gym.spaces.Box(-1, 1, (len(CONTROLS),), np.float32), gym.spaces.Discrete(len(KEYS))
        self.action_space = controls if continuous else keys
        self._world: TownWorld | None = None
        self.task: Task | None = None

    @property
    def world(self) -> TownWorld:
        """The world of this episode.

        Raises:
            GenieGymError: before the first reset.
        """
        if self._world is None:
            raise GenieGymError("call reset() first.")
        return self._world

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self.begin_episode(seed, options)
        spec, seed = self._draw(self.np_random)
        self.close()
        self.task = _make_task(self.task_for(options), seed)
        self._world = TownWorld(spec, seed, self.task.prepare if self.task else None)
        self.success = False
        return self.observation_and_info()

    def _draw(self, rng: np.random.Generator) -> tuple[WorldSpec, int]:
        """The spec and seed of the next world."""
        spec = self.given or VOCABULARY.random(rng, self.scene)
        drawn = int(rng.integers(1 << 62))
        seed = drawn if spec.seed is None else spec.seed
        return spec.replace(seed=seed), seed

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        world = self.world
        world.step(np.asarray(action, np.float32) if self.continuous else KEYS[int(action)])
        if self.event_rate and self.np_random.random() < self.event_rate / (60 * CONTROL_HZ):
            apply_event(world, random_event(self.np_random, world.spec))
        reward = 0.0
        if self.task is not None:
            reward, self.success = self.task.check(world)
        observation, info = self.observation_and_info()
        return observation, reward, self.success, False, info

    def reseed(self, seed: int) -> None:
        super().reseed(seed)
        self.world.reseed(seed)

    @property
    def steps(self) -> int:
        return self.world.steps

    def check_task(self, task: str | None) -> None:
        if task is not None and not isinstance(task, str):
            raise GenieGymError(f"a task is its name; got {task!r:.80}.")
        if task is not None:
            make_task(task, np.random.default_rng(0))

    def look(self, modalities: tuple[str, ...], width: int, height: int, samples: int) -> dict[str, np.ndarray]:
        return self.world.eye.observe(modalities, width, height, self.view, samples)

    def apply_event(self, event: Event | str) -> tuple[Event, Report]:
        """Changes the world from the next frame on, until something else changes it.

        Args:
            event: a typed event, or text for `parse_event`, which counts what is relative from the world as it is.

        Returns:
            The typed event, and what became of it: of a text what was understood, ignored and assumed, and of any event
            what this world cannot show of it (`ignored`).

        Raises:
            GenieGymError: for text that names no event, and for things to remove that are not there.
        """
        report = Report()
        if isinstance(event, str):
            event, report = parse_event(event, VOCABULARY, self.world_spec)
        report.ignored += apply_event(self.world, event)
        return event, report

    @property
    def world_spec(self) -> WorldSpec:
        """The world as it is now, events and seed included."""
        return self.world.spec

    @property
    def event_log(self) -> list[tuple[int, Event]]:
        """(step, event) in order. What was asked for shows from the frame after that step on, random events in its own."""
        return list(self.world.event_log)

    @property
    def instruction(self) -> str:  # type: ignore[override]
        return self.task.instruction if self.task else ""

    @property
    def num_events(self) -> int:  # type: ignore[override]
        return len(self.world.event_log)

    @property
    def description(self) -> dict[str, Any]:
        return {"instruction": self.instruction, "spec": json.loads(self.world_spec.to_json()), "seed": self.world.seed}

    @property
    def events_json(self) -> list[tuple[int, str]]:
        return [(step, event_to_json(event)) for step, event in self.event_log]

    def twin(self, rng: np.random.Generator) -> Twin:
        """This episode under another weather and hour, drawn from `rng`. `close()` it when done."""
        return Twin(self.world, another_condition(self.world_spec, rng))

    def scene_graph(self) -> list[dict[str, Any]]:
        return self.world.simulation.scene_graph()

    def place(self) -> Place:
        return place_now(self.world.layout, self.scene_graph())

    def lay_out(self, seed: int) -> tuple[dict[str, Any], Place]:
        """As every simulator's, and without physics or pictures. The episode that is under way goes on."""
        spec, world_seed = self._draw(seeding.np_random(seed)[0])
        builder = lay_out(spec, world_seed)
        task = _make_task(self.task_name, world_seed)
        if task is not None:
            task.prepare(builder)
        return json.loads(builder.spec.to_json()), place_of(builder.layout)

    @property
    def goals(self) -> tuple[dict[str, Any], ...]:  # type: ignore[override]
        return goals()

    @property
    def instance_classes(self) -> list[int]:
        built = self.world.simulation.built
        return self.classes_by_id(built.instance, built.semantic)

    def driver(self, name: str, rng: np.random.Generator) -> Driver:
        if name not in DRIVERS:
            raise GenieGymError(f"Town has no scripted policy {name!r}." + did_you_mean(name, DRIVERS))
        return DRIVERS[name](self, rng)

    def close(self) -> None:
        if self._world is not None:
            self._world.close()


def _make_task(name: str | None, world_seed: int) -> Task | None:
    return make_task(name, np.random.default_rng([world_seed, 3])) if name else None
