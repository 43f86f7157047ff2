"""stable-baselines3 on a Gymnasium vector environment: the adapter that SB3 does not have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.vec_env import VecEnv

from genie_gym.datasets.play import row_of
from genie_gym.errors import GenieGymError


class SB3VecEnv(VecEnv):
    """A SAME_STEP Gymnasium `VectorEnv` with NumPy output as an SB3 `VecEnv`.

    Wrap it in `VecMonitor` for episode statistics (SB3's `Monitor` is for single environments). `seed` and `set_options`
    count for the next reset alone. Options are the environment's: one dict for all rows, or one a row, with the same names:

        envs.set_options([{"prompt": "a desert"}, {"prompt": "a snowy village"}])
    """

    def __init__(self, envs: gym.vector.VectorEnv):
        if envs.metadata.get("autoreset_mode") != AutoresetMode.SAME_STEP:
            raise GenieGymError(
                "SB3 needs autoreset_mode=SAME_STEP: it must see the last frame and the next first one at once."
            )
        if getattr(envs.unwrapped, "output", "numpy") != "numpy":
            raise GenieGymError("SB3 works on NumPy arrays; make the environment with output='numpy'.")
        self.env = envs  # before super(), which asks for render_mode
        super().__init__(envs.num_envs, envs.single_observation_space, envs.single_action_space)

    def reset(self) -> Any:
        seed, options = self._seeds[0], self._options  # row i has the seed s + i, here and there
        self._reset_seeds()
        self._reset_options()
        observations, info = self.env.reset(seed=seed, options=_together(options, self.num_envs))
        self.reset_infos = _rows(info, self.num_envs)
        return observations

    def step_async(self, actions: np.ndarray) -> None:
        self._actions = actions

    def step_wait(self) -> tuple[Any, np.ndarray, np.ndarray, list[dict]]:
        observations, rewards, terminated, truncated, info = self.env.step(self._actions)
        infos = _rows({k: v for k, v in info.items() if not k.startswith(("final_", "_final_"))}, self.num_envs)
        dones = terminated | truncated
        for i in np.flatnonzero(dones):
            infos[i]["terminal_observation"] = row_of(info["final_obs"], int(i))
            infos[i]["TimeLimit.truncated"] = bool(truncated[i] and not terminated[i])
        return observations, rewards.astype(np.float32), dones, infos

    def close(self) -> None:
        self.env.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self.env, attr_name)] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise GenieGymError("rows of a batched world have no attributes of their own to set.")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        raise GenieGymError("rows of a batched world have no methods of their own; call them on `.env`.")

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        return [False] * len(list(self._get_indices(indices)))

    def get_images(self) -> Sequence[np.ndarray | None]:
        frames: Any = self.env.render()
        return frames or [None] * self.num_envs


def _together(options: Sequence[dict[str, Any]], count: int) -> dict[str, Any] | None:
    """What SB3 keeps for each row, as a vector environment takes it: what all rows share as it is, else one a row."""
    dicts = isinstance(options, Sequence) and len(options) == count and all(isinstance(row, dict) for row in options)
    if not dicts or any(row.keys() != options[0].keys() for row in options):
        raise GenieGymError(f"set_options takes a dict for all rows, or {count} dicts, one a row, with the same names.")
    if all(row is options[0] for row in options):  # SB3 repeats the one dict that it was given
        return options[0] or None
    return {name: [row[name] for row in options] for name in options[0]}


def _rows(info: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """A vector environment's info (arrays and their masks) as one dict a row."""
    rows: list[dict[str, Any]] = [{} for _ in range(count)]
    for key, values in info.items():
        if key.startswith("_") or not hasattr(values, "__len__") or len(values) != count:
            continue
        mask = info.get(f"_{key}", np.ones(count, dtype=bool))
        for i in np.flatnonzero(mask):
            rows[i][key] = values[i]
    return rows
