"""Learned worlds as LeRobot evaluates policies in them, also from the hub. A repository there needs two lines as `env.py`:

    from genie_gym.envs.envhub import maker
    make_env = maker("Genie3-v0", task="reach_beacon", prompt="a snowy village at dusk", action_mode="keyboard")

and LeRobot then runs it with `make_env("user/repo", n_envs=8, trust_remote_code=True)`. As LeRobot has them:

    observations   pixels, uint8 [B, H, W, 3]; agent_pos, float32 [B, 6], of worlds that tell a pose: where the camera is
                   and which way it looks (three numbers each)
    actions        [B, d]: the world's own vectors, or a number for each key, of which the largest is pressed (a single
                   number is the key itself)
    info           is_success, bool [B]: the step reached the goal of the task; at an end in final_info, too
    call           task_description, the text that episodes have which are exported to LeRobot; task; _max_episode_steps;
                   render

Legend: B rows, H W image, d numbers of an action.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector.utils import batch_space
from jaxtyping import Bool, Float32

from genie_gym.envs.registration import find_spec, is_world, make
from genie_gym.errors import GenieGymError

NEW_ROLLOUT = "lerobot_new_rollout"  # a reset option of LeRobot's, for its own wrappers
DONE = 1.0  # the reward of a task
USED = {"task": "task", "episode_length": "max_episode_steps"}  # of LeRobot's EnvConfig, and what it is called here
Made = dict[str, dict[int, gym.vector.VectorEnv]]


def maker(env_id: str = "Genie3-v0", **options: Any) -> Callable[..., Made]:
    """A `make_env` for LeRobot.

    Args:
        env_id: a learned world's. options: of `GenieVectorEnv`, such as task, prompt, device or action_mode.
    """

    def make_env(n_envs: int = 1, use_async_envs: bool = False, cfg: Any = None) -> Made:
        """The world with `n_envs` rows, which step in one call whatever `use_async_envs` says. What `cfg` says of the task
        and the length of an episode counts before the options.

        Raises:
            GenieGymError: an environment that is no learned world, or options that it does not take.
        """
        if not is_world(env_id):
            raise GenieGymError(f"{env_id} is no learned world; make other environments with gym.make_vec.")
        chosen = options | _told(cfg)
        envs = make(gym.make_vec, env_id, num_envs=n_envs, **{"render_mode": "rgb_array"} | chosen | {"output": "numpy"})
        return {find_spec(env_id).id: {0: LeRobotEnv(envs, chosen.get("prompt"))}}

    return make_env


def make_env(n_envs: int = 1, use_async_envs: bool = False, cfg: Any = None) -> Made:
    """`maker()()`: Genie3-v0, with what `cfg` says."""
    return maker()(n_envs, use_async_envs, cfg)


def _told(cfg: Any) -> dict[str, Any]:
    """The options in LeRobot's configuration, or in a dictionary of options."""
    if isinstance(cfg, Mapping):
        return dict(cfg)
    found = {ours: getattr(cfg, theirs, None) for theirs, ours in USED.items()}
    return {name: value for name, value in found.items() if value is not None}


class LeRobotEnv(gym.vector.VectorWrapper):
    """Rows of a learned world, by LeRobot's names.

    Args:
        prompt: that the rows were given.

    Raises:
        GenieGymError: episodes without a limit, which LeRobot does not know.
    """

    def __init__(self, env: gym.vector.VectorEnv, prompt: Any = None):
        super().__init__(env)
        rows: Any = env.unwrapped
        self._rows = rows
        if rows.max_episode_steps is None:
            raise GenieGymError("LeRobot's episodes have a limit; give max_episode_steps.")
        prompts = list(prompt) if isinstance(prompt, list | tuple) else [prompt] * self.num_envs
        self._prompts = [one if isinstance(one, str) else "" for one in prompts]
        keys = env.single_action_space
        self._keys = int(keys.n) if isinstance(keys, gym.spaces.Discrete) else 0
        spaces: dict[str, gym.Space] = {"pixels": env.single_observation_space}
        self._tells_pose = "pose" in rows.world.extras
        if self._tells_pose:
            spaces["agent_pos"] = gym.spaces.Box(-np.inf, np.inf, (6,), np.float32)
        self.single_observation_space = gym.spaces.Dict(spaces)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        if self._keys:
            self.single_action_space = gym.spaces.Box(0, 1, (self._keys,), np.float32)
            self.action_space = batch_space(self.single_action_space, self.num_envs)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        kept = {name: value for name, value in (options or {}).items() if name != NEW_ROLLOUT}
        pixels, info = self.env.reset(seed=seed, options=kept)
        return self._seen(pixels, info), info | self._success(np.zeros(self.num_envs, bool))

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        pixels, rewards, terminated, truncated, info = self.env.step(self._pressed(actions) if self._keys else actions)
        reached = terminated & (rewards >= DONE) & np.array([task is not None for task in self._rows.tasks])
        info = info | self._success(reached)
        if "final_obs" in info:
            info["final_obs"] = self._seen(info["final_obs"], info["final_info"])
            info["final_info"] = info["final_info"] | self._success(reached)
        return self._seen(pixels, info), rewards, terminated, truncated, info

    def _pressed(self, actions: Any) -> np.ndarray:
        """int64 [B]: the keys that are meant."""
        values = np.asarray(actions)
        if values.ndim != 2 or values.shape[0] != self.num_envs or values.shape[1] not in (1, self._keys):
            raise GenieGymError(
                f"actions are a number for each key, [{self.num_envs}, {self._keys}], or the key's own number, "
                f"[{self.num_envs}, 1]; given {list(values.shape)}."
            )
        if not np.isfinite(values).all():
            raise GenieGymError("actions hold NaN or infinity; the policy has diverged.")
        if values.shape[1] == self._keys:
            return values.argmax(1)
        return np.rint(values[:, 0]).clip(0, self._keys - 1).astype(np.int64)

    def _seen(self, pixels: np.ndarray, info: Mapping[str, Any]) -> dict[str, np.ndarray]:
        return {"pixels": pixels} | ({"agent_pos": agent_pos(info["pose"])} if self._tells_pose else {})

    def _success(self, reached: Bool[np.ndarray, " B"]) -> dict[str, np.ndarray]:
        return {"is_success": reached, "_is_success": np.ones(self.num_envs, bool)}

    # What LeRobot asks of each row

    @property
    def task_descriptions(self) -> list[str]:
        """What is to be done in each row and in what world: "reach beacon: a snowy village"."""
        tasks = [(task or "").replace("_", " ") for task in self._rows.tasks]
        return [": ".join(text for text in told if text) for told in zip(tasks, self._prompts, strict=True)]

    def call(self, name: str, *_: Any, **__: Any) -> tuple[Any, ...]:
        """One answer a row, as Gymnasium's own vector environments give it.

        Raises:
            AttributeError: there is no such thing; LeRobot goes on without.
        """
        if name == "task_description":
            return tuple(self.task_descriptions)
        if name == "task":
            return tuple(self._rows.tasks)
        if name == "_max_episode_steps":
            return (self._rows.max_episode_steps,) * self.num_envs
        if name == "render":
            return tuple(self.render() or ())
        raise AttributeError(f"rows of a learned world have no {name!r}")

    get_attr = call


def agent_pos(pose: Float32[np.ndarray, "B 4 4"]) -> Float32[np.ndarray, "B 6"]:
    """Where cameras are and which way they look."""
    return np.concatenate([pose[:, :3, 3], pose[:, :3, 2]], axis=1)
