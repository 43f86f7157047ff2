"""Crafter (Hafner 2021) as a Gymnasium environment: its package speaks the interface of before Gymnasium. Importing this
registers CrafterReward-v1 and CrafterNoReward-v1, and needs the package `crafter`."""

from __future__ import annotations

from typing import Any

import crafter
import gymnasium as gym
import numpy as np


class CrafterEnv(gym.Env):
    """A world of blocks, to survive in.

    Actions: `Discrete(17)`. Observations: uint8 [height, width, 3]. Rewards: 1 for each achievement, and a tenth of what
    health changes by; 0 without `reward`. Episode end: terminated when the player dies, truncated after 10,000 steps. Info:
    inventory, achievements, semantic, player_pos, as Crafter gives them.

    Args:
        size: (width, height) of the frames. area: (width, height) of the world, in blocks.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 5}

    def __init__(
        self,
        reward: bool = True,
        size: tuple[int, int] = (64, 64),
        area: tuple[int, int] = (64, 64),
        render_mode: str | None = None,
    ):
        self.render_mode = render_mode
        self._options: dict[str, Any] = {"reward": reward, "size": tuple(size), "area": tuple(area), "length": None}
        self._env: Any = None
        self.action_space = gym.spaces.Discrete(len(crafter.Env(**self._options).action_names))
        self.observation_space = gym.spaces.Box(0, 255, (size[1], size[0], 3), np.uint8)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self._env = crafter.Env(**self._options, seed=int(self.np_random.integers(2**31 - 1)))
        return self._env.reset(), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        observation, reward, dead, info = self._env.step(int(action))
        return observation, float(reward), bool(dead), False, info

    def render(self) -> np.ndarray | None:
        return self._env.render() if self.render_mode == "rgb_array" else None


for _name, _reward in (("CrafterReward-v1", True), ("CrafterNoReward-v1", False)):
    gym.register(
        _name, entry_point="genie_gym.envs.crafter:CrafterEnv", max_episode_steps=10_000, kwargs={"reward": _reward}
    )
