"""One learned world as a Gymnasium environment.

Legend: H W image.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from torch import Tensor

from genie_gym.envs.saved_state import SavedState
from genie_gym.envs.schedule import Happened
from genie_gym.envs.time_limits import TimeLimits
from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.envs.window import Window
from genie_gym.errors import GenieGymError, check_name
from genie_gym.places.place import Place
from genie_gym.text.spec import Event
from genie_gym.text.tokens import Report
from genie_gym.world import World

RESET_OPTIONS = ("start_frame", "init_image", "prompt", "task", "place", "events")


class GenieEnv(gym.Env):
    """One row of a learned world: `GenieVectorEnv` as a batch of one, without autoreset. `render_mode="human"` shows each
    frame in a window, at the world's rate.

    Actions, observations, rewards, ends, info and options are those of `GenieVectorEnv`, for one row. `reset(options=…)`
    takes `start_frame`, uint8 [H, W, 3], or `init_image`; and `prompt`, `task`, `place` and `events`, which stand until they
    are changed.
    """

    metadata = {"render_modes": ["rgb_array", "human"], "render_fps": 15}

    def __init__(self, world: str | Path | World = "genie1", *, render_mode: str | None = None, **options: Any):
        check_name("render_mode", render_mode or "rgb_array", self.metadata["render_modes"])
        drawn = None if render_mode is None else "rgb_array"
        self._envs = GenieVectorEnv(1, world, render_mode=drawn, autoreset_mode=AutoresetMode.DISABLED, **options)
        self._time_limits = TimeLimits()
        self.render_mode = render_mode
        told = ("render_fps", "action_meanings")
        self.metadata = self.metadata | {name: self._envs.metadata[name] for name in told if name in self._envs.metadata}
        self._window = Window(f"genie_gym: {world}", self.metadata["render_fps"]) if render_mode == "human" else None
        self.observation_space = self._envs.single_observation_space
        self.action_space = self._envs.single_action_space

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        inner = dict(options or {})
        for name in inner:
            check_name("reset option", name, RESET_OPTIONS)
        self._time_limits.note_reset()
        frame = inner.pop("start_frame", None)
        if frame is not None:
            inner["start_frames"] = np.asarray(frame)[None]
        observations, info = self._envs.reset(seed=seed, options=inner)
        self._show()
        return _first(observations), _first_info(info)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if action is not None:  # else the world's prior goes on
            action = action if isinstance(action, Tensor) else np.asarray(action)
            if self.action_space.shape == () and tuple(action.shape) == (1,):  # a code in an array of one
                action = action[0]
            action = action[None]
        observations, rewards, terminated, truncated, info = self._envs.step(action)
        self._show()
        return _first(observations), float(rewards[0]), bool(terminated[0]), bool(truncated[0]), _first_info(info)

    def render(self) -> Any:
        """The frame, uint8 [H, W, 3]; None where a window shows it."""
        frames = self._envs.render()
        return frames[0] if frames and self._window is None else None

    def _show(self) -> None:
        if self._window is not None and (frames := self._envs.render()):
            self._window.show(frames[0])

    @property
    def world(self) -> World:
        """The world that is played."""
        return self._envs.world

    @property
    def report(self) -> Report | None:
        """What became of the prompt, None without one; see `GenieVectorEnv.reports`."""
        return self._envs.reports[0]

    @property
    def instruction(self) -> str:
        """What is to be done, in words; "" without a task."""
        return self._envs.instructions[0]

    @property
    def event_log(self) -> list[Happened]:
        """What has happened by schedule or by chance in this episode, and what could not; see `GenieVectorEnv`."""
        return self._envs.event_logs[0]

    def place(self) -> Place:
        """See `GenieVectorEnv.place`."""
        return self._envs.place()[0]

    def apply_event(self, event: Event | str) -> tuple[Event, Report]:
        """See `GenieVectorEnv.apply_event`."""
        if isinstance(event, Sequence) and not isinstance(event, str):
            raise GenieGymError(f"a single environment takes one event at a time; got {event!r:.80}.")
        found = self._envs.apply_event(event)
        assert isinstance(found, tuple)  # of one event
        return found

    def save_state(self) -> SavedState:
        """See `GenieVectorEnv.save_state`."""
        return self._envs.save_state()

    def load_state(self, state: SavedState, *, seed: int | None = None) -> Any:
        """Goes back to a saved state, of one row, and returns the observation; see `GenieVectorEnv.load_state`. The time
        limit of `gym.make` counts on from the state's steps; other wrappers are told nothing."""
        observations = self._envs.load_state(state, seed=seed)
        self._time_limits.set_steps(int(state.steps[0]))
        return _first(observations)

    def close(self) -> None:
        if self._window is not None:
            self._window.close()
        self._envs.close()


def _first(batched: Any) -> Any:
    return {name: value[0] for name, value in batched.items()} if isinstance(batched, dict) else batched[0]


def _first_info(info: dict[str, Any]) -> dict[str, Any]:
    return {name: value[0] for name, value in info.items() if not name.startswith("_")}
