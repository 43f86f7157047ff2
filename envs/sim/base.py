"""What our simulators share: the observations that one may ask for, their spaces, where they go, and saved states.

Legend: H W image, N rows of entities (`MAX_ENTITIES`).
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import gymnasium as gym
import numpy as np
from gymnasium.utils import seeding

from genie_gym.envs.sim.render import FAR, MAX_SIDE
from genie_gym.envs.time_limits import TimeLimits
from genie_gym.errors import GenieGymError, check_name
from genie_gym.places.place import Place
from genie_gym.text.vocabulary import Vocabulary

RESET_OPTIONS = ("task",)
MODALITIES = ("rgb", "depth", "instance", "semantic", "pose", "intrinsics", "agent", "entities")
MAX_ENTITIES = 128  # a Town may be asked for 100 things; its scenes have up to 26 of their own that can move


@runtime_checkable
class Driver(Protocol):
    """A scripted policy that knows the simulator from inside: `begin()` after each reset, then `act()` once a step."""

    def begin(self) -> None: ...

    def act(self) -> Any: ...


@dataclass(frozen=True)
class SimState:
    """A saved moment of a simulator: what `save_state()` returns and `load_state()` takes. It belongs to no environment and
    can be pickled.

    Attributes:
        simulator: the class of the environments that take it. parts: copies of all that changes in an episode, by name.
    """

    simulator: str
    parts: Mapping[str, Any]


class SimEnv(gym.Env):
    """A simulated world seen by a camera, with its ground truth.

    Observations: the image alone for `obs=("rgb",)`, else a dict of what `obs` names:
        rgb uint8 [H, W, 3]; depth float32 [H, W], metres along the optical axis, the sky at 900; instance int32 [H, W], the
        ids of `scene_graph()`, 0 the ground, -1 the sky; semantic uint8 [H, W], indices of `metadata["classes"]`; pose
        float32 [4, 4], camera to world (x right, y down, z forward); intrinsics float32 [3, 3]; agent float32 [n], named by
        `metadata["agent_state"]`; entities float32 [N, 8], where all that can move is: id, then centre (x, y, z, metres) and
        rotation (quaternion w, x, y, z) as in `scene_graph()`. A row is one thing's for as long as the scene lasts, in order
        of id, and zeros while it is not there; of more than 128 things the first are told.

    Info: camera_pose, intrinsics, agent, is_success, instruction (the task in words), num_events (applied so far).

    Args:
        task: one of `tasks`, or None. `reset(options={"task": …})` sets another one for one episode.
        obs: names of observations. width, height: of images, in pixels.
        samples: multisampling, 4 for smooth edges.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"]}
    driver_names: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    vocabulary: Vocabulary | None = None
    """In which words texts describe its worlds, where they can: recordings of it say so."""
    goals: Sequence[Mapping[str, Any]] = ()
    """When its tasks are done, as JSON values that `genie_gym.geometry.goals.Goal` names, of those that can be told from
    where the camera is and what it sees: recordings of it say so too."""
    episode_parts: tuple[str, ...]
    """The attributes that change in an episode, besides those that all simulators have: what a saved state holds."""
    instruction = ""
    num_events = 0

    def __init__(self, task: str | None, obs: Sequence[str], width: int, height: int, samples: int, render_mode: str | None):
        self.check_task(task)
        self.task_name = task
        self.obs = (obs,) if isinstance(obs, str) else tuple(obs)
        for name in self.obs:
            check_name("observation", name, MODALITIES)
        if not self.obs:
            raise GenieGymError(f"obs names at least one of {', '.join(MODALITIES)}.")
        for side in (width, height):
            if not isinstance(side, int) or not 8 <= side <= MAX_SIDE:
                wrong = f"got {width!r} and {height!r}"
                raise GenieGymError(f"width and height are whole numbers from 8 to {MAX_SIDE}; {wrong}.")
        if samples not in (0, 2, 4, 8):
            raise GenieGymError(f"samples is 0, 2, 4 or 8; got {samples!r}.")
        self.width, self.height, self.samples, self.render_mode = width, height, samples, render_mode
        spaces = {name: self._space(name) for name in self.obs}
        self.observation_space = next(iter(spaces.values())) if len(spaces) == 1 else gym.spaces.Dict(spaces)
        self.success = False
        self._frame: np.ndarray | None = None
        self._begun = False
        self._time_limits = TimeLimits()

    def begin_episode(self, seed: int | None, options: dict[str, Any] | None) -> None:
        """What `reset` begins with in every simulator.

        Raises:
            GenieGymError: for options, or a task, that there are not.
        """
        for name in options or {}:
            check_name("reset option", name, RESET_OPTIONS)
        self.task_for(options)
        self._time_limits.note_reset()
        super().reset(seed=seed)
        self._begun = True

    def save_state(self) -> SimState:
        """A copy of everything that this moment is: physics, things, characters, events that happened, task, randomness to
        come. Any number of futures can start from it, with `load_state`, here or in another environment of this simulator.

        Raises:
            GenieGymError: before the first reset.
        """
        if not self._begun:
            raise GenieGymError("nothing to save before reset(): call reset() first.")
        names = ("success", "_np_random", "_np_random_seed", *self.episode_parts)
        return SimState(type(self).__name__, copy.deepcopy({name: getattr(self, name) for name in names}))

    def load_state(self, state: SimState, *, seed: int | None = None) -> Any:
        """Goes back to a saved state and returns the observation. The same actions then bring the same again, to the bit.

        The time limit of `gym.make` counts on from the state's steps; other wrappers and scripted policies are told nothing.
        What `gym.make` was asked for (observations, size, view …) stays this environment's own.

        Args:
            seed: gives everything random from here on (where characters go, random events, later resets …) another seed.

        Raises:
            GenieGymError: for a state of something else, or what is no seed.
        """
        if not isinstance(state, SimState) or state.simulator != type(self).__name__:
            given = state.simulator if isinstance(state, SimState) else type(state).__name__
            raise GenieGymError(f"{type(self).__name__} loads what its save_state returned; given one of {given}.")
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0):
            raise GenieGymError(f"a seed is a whole number of at least 0; got {seed!r}.")
        parts = copy.deepcopy(state.parts)
        self.close()  # what was drawn with until now
        for name, value in parts.items():
            setattr(self, name, value)
        self._begun = True
        if seed is not None:
            self.reseed(int(seed))
        self._time_limits.set_steps(self.steps)
        return self.observation_and_info()[0]

    def reseed(self, seed: int) -> None:
        """Gives everything random from here on another seed."""
        self._np_random, self._np_random_seed = seeding.np_random(seed)

    @property
    @abstractmethod
    def steps(self) -> int:
        """That the episode has had."""

    def _space(self, name: str) -> gym.Space:
        image = (self.height, self.width)
        spaces: dict[str, gym.Space] = {
            "rgb": gym.spaces.Box(0, 255, (*image, 3), np.uint8),
            "depth": gym.spaces.Box(0, FAR, image, np.float32),
            "instance": gym.spaces.Box(-1, 1 << 16, image, np.int32),
            "semantic": gym.spaces.Box(0, len(self.metadata["classes"]) - 1, image, np.uint8),
            "pose": gym.spaces.Box(-np.inf, np.inf, (4, 4), np.float32),
            "intrinsics": gym.spaces.Box(-np.inf, np.inf, (3, 3), np.float32),
            "agent": gym.spaces.Box(-np.inf, np.inf, (len(self.metadata["agent_state"]),), np.float32),
            "entities": gym.spaces.Box(-np.inf, np.inf, (MAX_ENTITIES, 8), np.float32),
        }
        return spaces[name]

    def check_task(self, task: str | None) -> None:
        """Raises `GenieGymError` for a task that this simulator does not have."""
        if task is not None:
            check_name("task", task, self.tasks)

    def task_for(self, options: dict[str, Any] | None) -> str | None:
        """The task of the episode that begins."""
        task: str | None = (options or {}).get("task", self.task_name)
        self.check_task(task)
        return task

    @abstractmethod
    def look(self, modalities: tuple[str, ...], width: int, height: int, samples: int) -> dict[str, np.ndarray]:
        """What is seen now, by name."""

    @abstractmethod
    def scene_graph(self) -> list[dict[str, Any]]:
        """Every entity: id (as in instance masks), name, class, 3D box (centre, size before turning, rotation w x y z)."""

    def place(self) -> Place | None:
        """Where everything is now: boxes of all things (large ones in parts, ids as in instance masks), and the ground. None
        of simulators that cannot say."""
        return None

    def lay_out(self, seed: int) -> tuple[dict[str, Any] | None, Place] | None:
        """The spec (JSON values) and place of the episode that `reset(seed=seed)` begins, None of simulators that cannot
        say. It may end the episode that is under way."""
        self.reset(seed=seed)
        place = self.place()
        return None if place is None else (self.description.get("spec"), place)

    @property
    @abstractmethod
    def instance_classes(self) -> list[int]:
        """The class of each id of the instance masks, an index of `metadata["classes"]`: 0 first; the last is that of -1."""

    @abstractmethod
    def driver(self, name: str, rng: np.random.Generator) -> Driver:
        """A scripted policy, one of `driver_names`."""

    @property
    def description(self) -> dict[str, Any]:
        """What a recording keeps of an episode: JSON values."""
        return {"instruction": self.instruction}

    @property
    def events_json(self) -> list[tuple[int, str]]:
        """(step, event as JSON) of all that was applied."""
        return []

    @staticmethod
    def classes_by_id(instance: np.ndarray, semantic: np.ndarray) -> list[int]:
        """`instance_classes`, of what shows the ids `instance`, -1 among them, as the classes `semantic`; 255 where nothing
        has an id."""
        table = np.full(instance.max() + 2, 255)
        table[instance] = semantic
        return [int(number) for number in table]

    def observation_and_info(self) -> tuple[Any, dict[str, Any]]:
        facts = ("pose", "intrinsics", "agent")
        frame = ("rgb",) if self.render_mode == "rgb_array" else ()
        seen = self.look(tuple(dict.fromkeys((*self.obs, *frame, *facts))), self.width, self.height, self.samples)
        self._frame = seen.get("rgb")
        info = {
            "camera_pose": seen["pose"].copy(),
            "intrinsics": seen["intrinsics"].copy(),
            "agent": seen["agent"].copy(),
            "is_success": self.success,
            "instruction": self.instruction,
            "num_events": self.num_events,
        }
        observation = seen[self.obs[0]] if len(self.obs) == 1 else {name: seen[name] for name in self.obs}
        return observation, info

    def render(self) -> np.ndarray | None:
        """uint8 [H, W, 3]: the last frame."""
        return None if self._frame is None else self._frame.copy()

    def render_at(self, width: int, height: int, samples: int = 4) -> np.ndarray:
        """uint8 [height, width, 3]: the same moment at another size."""
        return self.look(("rgb",), width, height, samples)["rgb"]
