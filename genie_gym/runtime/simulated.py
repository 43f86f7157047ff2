"""Real simulators in real time: an environment a row, of any that draw images and take keys.

Legend: B rows, H W image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from jaxtyping import UInt8

from genie_gym.datasets.frames import as_frame, is_image
from genie_gym.envs.registration import make
from genie_gym.envs.simulators import find_simulator
from genie_gym.errors import GenieGymError
from genie_gym.playable import has_hard_pixels
from genie_gym.runtime.engine import Beginning, Engine, Told
from genie_gym.runtime.pressed import one_key
from genie_gym.text.reader import parse_event, parse_prompt
from genie_gym.text.spec import Event, event_to_json
from genie_gym.text.tokens import Report
from genie_gym.user_action import UserAction


class SimulatorEngine(Engine):
    """Rows of a simulator.

    Args:
        env_id: its short name or id. size: (height, width) of frames, of simulators that draw any.

    Raises:
        GenieGymError: no such environment; it takes no keys, or draws no images.
    """

    def __init__(self, env_id: str, size: Sequence[int] | None = None):
        known = find_simulator(env_id)
        self.env_id = env_id if known is None else known.id
        self.name = self.env_id
        self._options: dict[str, Any] = {} if size is None else {"height": int(size[0]), "width": int(size[1])}
        self._envs: list[gym.Env] = []
        self._frames: list[UInt8[np.ndarray, "H W 3"]] = []
        self._time = 0
        first = self._made({})
        if not isinstance(first.action_space, gym.spaces.Discrete):
            first.close()
            raise GenieGymError(f"{self.env_id} has no keys to play it by: its actions are {first.action_space}.")
        self.fps = float(first.metadata.get("render_fps") or 15)
        count = int(first.action_space.n)
        meanings = first.metadata.get("action_meanings")
        if meanings is None and hasattr(first.unwrapped, "get_action_meanings"):
            meanings = first.unwrapped.get_action_meanings()
        self.keys = tuple(str(name).lower() for name in meanings or (f"action {number}" for number in range(count)))
        self._vocabulary = known.load_vocabulary() if known is not None and known.vocabulary else None
        self.takes_prompts, self.takes_events = self._vocabulary is not None, known is not None and known.events
        observation, _ = first.reset(seed=0)
        self.frame_shape = self._seen(first, observation).shape  # type: ignore[assignment]
        self.pixel_art = has_hard_pixels(self.frame_shape)
        first.close()

    @property
    def num_rows(self) -> int:
        return len(self._envs)

    def join(self, beginning: Beginning) -> Report | None:
        env, frame, report = self._begun(beginning)
        self._envs.append(env)
        self._frames.append(frame)
        return report

    def leave(self, row: int) -> None:
        self._envs.pop(row).close()
        del self._frames[row]

    def restart(self, row: int, beginning: Beginning) -> Report | None:
        env, frame, report = self._begun(beginning)
        self._envs[row].close()
        self._envs[row], self._frames[row] = env, frame
        return report

    def act(self, users: Sequence[UserAction | None]) -> list[int]:
        return [one_key(UserAction() if user is None else user, self.keys, self._time) for user in users]

    def step(self, actions: list[int], going: Sequence[bool]) -> list[Told]:
        self._time += 1
        told = []
        for row, (env, action, goes) in enumerate(zip(self._envs, actions, going, strict=True)):
            if not goes:
                told.append(Told())
                continue
            observation, reward, terminated, truncated, _ = env.step(action)
            self._frames[row] = self._seen(env, observation)
            told.append(Told(float(reward), bool(terminated or truncated)))
        return told

    def look(self, row: int, view: str = "rgb") -> UInt8[np.ndarray, "H W 3"]:
        return self._frames[row]

    def read(self, text: str, row: int, is_event: bool) -> Report:
        if self._vocabulary is None:
            raise GenieGymError(f"{self.env_id} takes no prompt.")
        return (parse_event if is_event else parse_prompt)(text, self._vocabulary)[1]

    def event(self, row: int, event: Event | str) -> tuple[str, Report]:
        env: Any = self._envs[row].unwrapped
        happened, report = env.apply_event(event)
        return event_to_json(happened), report

    def close(self) -> None:
        for env in self._envs:
            env.close()
        self._envs, self._frames = [], []

    def _begun(self, beginning: Beginning) -> tuple[gym.Env, UInt8[np.ndarray, "H W 3"], Report | None]:
        options: dict[str, Any] = {"prompt": beginning.prompt} if beginning.prompt else {}
        if beginning.prompt and not self.takes_prompts:
            raise GenieGymError(f"{self.env_id} takes no prompt.")
        if beginning.task:
            options["task"] = beginning.task
        env = self._made(options)
        observation, _ = env.reset(seed=beginning.seed)
        return env, self._seen(env, observation), getattr(env.unwrapped, "report", None)

    def _made(self, options: dict[str, Any]) -> gym.Env:
        return make(gym.make, self.env_id, **self._options | options | {"render_mode": "rgb_array"})

    def _seen(self, env: gym.Env, observation: Any) -> UInt8[np.ndarray, "H W 3"]:
        """The observation, where that is an image, else what the environment renders."""
        if is_image(env.observation_space):
            return np.ascontiguousarray(as_frame(observation))
        if isinstance(observation, dict) and "rgb" in observation:
            return np.ascontiguousarray(as_frame(observation["rgb"]))
        rendered: Any = env.render()
        if not isinstance(rendered, np.ndarray) or rendered.ndim != 3:
            raise GenieGymError(f"{self.env_id} draws no images.")
        return np.ascontiguousarray(rendered)
