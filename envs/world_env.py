"""Learned worlds as Gymnasium environments: one forward pass steps all rows.

`GenieVectorEnv` is the environment; `GenieEnv` is its view as a batch of one. Legend: B rows, A latent actions.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from jaxtyping import Int
from torch import Tensor

from genie_gym.devices import autocast
from genie_gym.errors import GenieGymError, did_you_mean
from genie_gym.models.row_random import hash64
from genie_gym.pretrained import load_world
from genie_gym.world_model import WorldModel, WorldState

OUTPUTS = ("numpy", "torch")
# Gymnasium's AsyncVectorEnv (and TorchRL through it) forks. OpenMP threads do not survive a fork: the child's first
# parallel region would wait for them for ever. One thread a child is what so many processes want anyway.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


@dataclass
class SavedState:
    """What `save_state()` returns and `load_state()` takes: the world's rows and the environment's counters."""

    world: WorldState
    row_seeds: Int[Tensor, " B"]
    episodes: Int[Tensor, " B"]
    steps: Int[Tensor, " B"]

    def clone(self) -> SavedState:
        return SavedState(self.world.clone(), self.row_seeds.clone(), self.episodes.clone(), self.steps.clone())


class GenieVectorEnv(gym.vector.VectorEnv):
    """`num_envs` rows of a learned world. Observations uint8 [B, H, W, 3]; actions are latent actions, `Discrete(A)`.

    Rows are independent: each has its own seed, and what the others do never changes it. `reset(seed=s)` gives row i the
    seed s + i, so row i replays the single environment reset with seed s + i (up to floating-point rounding).

    Args:
        num_envs: rows.
        world: a shipped name, a folder, a hub repository, or a `WorldModel`.
        device: "auto", "cpu", "cuda", …
        output: "numpy", or "torch" for tensors on the device, without a copy to the host.
        max_episode_steps: truncates a row after so many steps; None never does.
        autoreset_mode: SAME_STEP (with `info["final_obs"]`, dense) or DISABLED (reset rows with
            `reset(options={"reset_mask": bool array})`).
        start_frames: uint8 [P, H, W, 3] to start episodes from, instead of the world's own pool.
        render_mode: "rgb_array" or None.

    `reset(options=…)` takes `reset_mask` (bool [B]) and `start_frames` (uint8 [B, H, W, 3], one a row, for this reset).
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 15, "autoreset_mode": AutoresetMode.SAME_STEP}

    def __init__(
        self,
        num_envs: int = 1,
        world: str | Path | WorldModel = "genie1",
        *,
        device: str = "auto",
        output: str = "numpy",
        max_episode_steps: int | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
        start_frames: np.ndarray | None = None,
        render_mode: str | None = None,
    ):
        if num_envs < 1:
            raise GenieGymError(f"num_envs must be at least 1; got {num_envs}.")
        if output not in OUTPUTS:
            raise GenieGymError(f"unknown output {output!r}." + did_you_mean(output, OUTPUTS))
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        if self.autoreset_mode == AutoresetMode.NEXT_STEP:
            raise GenieGymError("autoreset_mode NEXT_STEP is not offered; use SAME_STEP or DISABLED.")
        self.world = load_world(world, device)
        if start_frames is not None:
            start_frames = np.asarray(start_frames)
            if start_frames.dtype != np.uint8 or start_frames.shape[1:] != self.world.frame_shape or not len(start_frames):
                raise GenieGymError(
                    f"start_frames must be uint8 [P, {', '.join(map(str, self.world.frame_shape))}]; "
                    f"given {start_frames.dtype} {list(start_frames.shape)}."
                )
            self.world.starts = start_frames
        self.num_envs, self.output, self.render_mode = num_envs, output, render_mode
        self.max_episode_steps = max_episode_steps
        self.metadata = self.metadata | {"autoreset_mode": self.autoreset_mode, "render_fps": round(self.world.config.fps)}
        self.single_observation_space = gym.spaces.Box(0, 255, self.world.frame_shape, np.uint8)
        self.single_action_space = gym.spaces.Discrete(self.world.num_actions)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._state: SavedState | None = None

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        options = options or {}
        mask = self._mask(options.get("reset_mask"))
        super().reset(seed=seed if isinstance(seed, int) else None)
        starts = options.get("start_frames")
        if starts is not None:
            starts = torch.as_tensor(np.asarray(starts))
        if self._state is None and not mask.all():
            raise GenieGymError("the first reset takes all rows; call reset() without a reset_mask first.")
        row_seeds, episodes = self._seeds(seed, mask)
        rows = torch.from_numpy(np.flatnonzero(mask))
        if len(rows) == self.num_envs:
            with self._autocast():
                world_state = self.world.reset(self._episode_seeds(row_seeds, episodes), starts)
            self._state = SavedState(world_state, row_seeds, episodes, torch.zeros(self.num_envs, dtype=torch.int64))
        else:
            assert self._state is not None
            self._state.row_seeds, self._state.episodes = row_seeds, episodes
            self._reset_rows(rows, starts)
        return self._output(self._state.world.frames.clone()), {}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        if self._state is None:
            raise GenieGymError("step() before reset(): call reset() first.")
        state = self._state
        with self._autocast():
            state.world, prediction = self.world.step(state.world, self._check_actions(actions))
        state.steps += 1
        terminated = prediction.terminated
        limit = self.max_episode_steps
        truncated = (
            torch.zeros_like(terminated) if limit is None else (state.steps >= limit).to(self.world.device) & ~terminated
        )
        info: dict[str, Any] = {}
        done = terminated | truncated
        if self.autoreset_mode == AutoresetMode.SAME_STEP:
            rows = torch.nonzero(done.cpu())[:, 0]
            if len(rows):
                info = {
                    "final_obs": self._output(state.world.frames.clone()),
                    "_final_obs": self._output(done),
                    "final_info": {},
                    "_final_info": self._output(done),
                }
                state.episodes[rows] += 1
                self._reset_rows(rows)
        return (
            self._output(state.world.frames.clone()),
            self._output(prediction.rewards.double()),
            self._output(terminated),
            self._output(truncated),
            info,
        )

    def render(self) -> tuple[np.ndarray, ...] | None:
        """The current frames of all rows, uint8 [H, W, 3] each."""
        if self.render_mode is None or self._state is None:
            return None
        return tuple(self._state.world.frames.cpu().numpy().copy())

    def save_state(self) -> SavedState:
        """A copy of everything that the rows are. Any number of futures can start from it, with `load_state`."""
        if self._state is None:
            raise GenieGymError("nothing to save before reset(): call reset() first.")
        return self._state.clone()

    def load_state(self, state: SavedState) -> Any:
        """Goes back to a saved state (of as many rows). Returns its observations."""
        if state.world.num_rows != self.num_envs:
            raise GenieGymError(f"the state has {state.world.num_rows} rows, this environment {self.num_envs}.")
        self._state = state.clone()
        return self._output(self._state.world.frames.clone())

    def _reset_rows(self, rows: Tensor, starts: Tensor | None = None) -> None:
        """Row by row: a row's bits must not depend on how many others end with it."""
        assert self._state is not None
        state = self._state
        seeds = self._episode_seeds(state.row_seeds, state.episodes)
        for row in rows:
            index = row[None]
            with self._autocast():
                fresh = self.world.reset(seeds[index], None if starts is None else starts[index])
            state.world.put(index.to(self.world.device), fresh)
        state.steps[rows] = 0

    def _seeds(self, seed: int | Sequence[int | None] | None, mask: np.ndarray) -> tuple[Tensor, Tensor]:
        """Row seeds and episode numbers after a reset of the masked rows. A row that is given no seed goes on to its
        next episode."""
        if self._state is None:
            row_seeds = torch.from_numpy(self.np_random.integers(2**62, size=self.num_envs))
            episodes = torch.zeros(self.num_envs, dtype=torch.int64)
        else:
            row_seeds, episodes = self._state.row_seeds.clone(), self._state.episodes.clone()
            episodes[torch.from_numpy(mask)] += 1
        given: Sequence[int | None] = [seed + i for i in range(self.num_envs)] if isinstance(seed, int) else seed or []
        if given and len(given) != self.num_envs:
            raise GenieGymError(f"{len(given)} seeds for {self.num_envs} rows; give one a row, or one integer.")
        for row, value in enumerate(given):
            if value is not None and mask[row]:
                row_seeds[row], episodes[row] = value, 0
        return row_seeds, episodes

    @staticmethod
    def _episode_seeds(row_seeds: Tensor, episodes: Tensor) -> Tensor:
        return hash64(hash64(row_seeds) + episodes)

    def _mask(self, mask: Any) -> np.ndarray:
        if mask is None:
            return np.ones(self.num_envs, dtype=bool)
        mask = np.asarray(mask.cpu() if isinstance(mask, Tensor) else mask)
        if mask.dtype != bool or mask.shape != (self.num_envs,):
            raise GenieGymError(f"reset_mask must be bool [{self.num_envs}]; given {mask.dtype} {list(mask.shape)}.")
        return mask

    def _check_actions(self, actions: Any) -> Int[Tensor, " B"]:
        if not isinstance(actions, Tensor):
            actions = torch.as_tensor(np.asarray(actions))
        if actions.is_floating_point() or actions.dtype == torch.bool or actions.shape != (self.num_envs,):
            raise GenieGymError(
                f"actions must be integers [{self.num_envs}]; given {str(actions.dtype).removeprefix('torch.')} "
                f"{list(actions.shape)}."
            )
        actions = actions.long()
        if len(actions) and (actions.min() < 0 or actions.max() >= self.world.num_actions):
            bad = actions[(actions < 0) | (actions >= self.world.num_actions)][0]
            raise GenieGymError(f"action {int(bad)} is not one of the latent actions 0 … {self.world.num_actions - 1}.")
        return actions

    def _autocast(self) -> torch.autocast:
        """Mixed precision on a GPU; float32 on CPUs, where it is exact and as fast for the smaller matrices."""
        device = self.world.device
        return autocast(device, "auto" if device.type == "cuda" else "float32")

    def _output(self, value: Tensor) -> Any:
        return value if self.output == "torch" else value.cpu().numpy()


class GenieEnv(gym.Env):
    """One row of a learned world: `GenieVectorEnv` as a batch of one, without autoreset. Takes the same options."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 15}

    def __init__(self, world: str | Path | WorldModel = "genie1", *, render_mode: str | None = None, **options: Any):
        self._envs = GenieVectorEnv(1, world, render_mode=render_mode, autoreset_mode=AutoresetMode.DISABLED, **options)
        self.render_mode = render_mode
        self.metadata = self.metadata | {"render_fps": self._envs.metadata["render_fps"]}
        self.observation_space = self._envs.single_observation_space
        self.action_space = self._envs.single_action_space

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """`options` may hold `start_frame`, uint8 [H, W, 3]."""
        super().reset(seed=seed)
        inner = {}
        if options and options.get("start_frame") is not None:
            inner["start_frames"] = np.asarray(options["start_frame"])[None]
        observations, info = self._envs.reset(seed=seed, options=inner)
        return observations[0], info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        action = np.asarray(action.cpu() if isinstance(action, Tensor) else action)
        observations, rewards, terminated, truncated, info = self._envs.step(
            action.reshape(1) if action.size == 1 else action
        )
        return observations[0], float(rewards[0]), bool(terminated[0]), bool(truncated[0]), info

    def render(self) -> Any:
        frames = self._envs.render()
        return frames[0] if frames else None

    def save_state(self) -> SavedState:
        """See `GenieVectorEnv.save_state`."""
        return self._envs.save_state()

    def load_state(self, state: SavedState) -> Any:
        """See `GenieVectorEnv.load_state`."""
        return self._envs.load_state(state)[0]

    def close(self) -> None:
        self._envs.close()
