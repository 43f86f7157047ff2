"""Learned worlds as Gymnasium vector environments: one forward pass steps all rows.

Legend: B rows, R some of them, P start frames, H W image.
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
from genie_gym.envs.checks import as_array, as_frames, as_names, as_seed, positive
from genie_gym.errors import GenieGymError, check_name, did_you_mean
from genie_gym.models.row_random import hash64
from genie_gym.pretrained import load_world
from genie_gym.state import State
from genie_gym.text.reader import parse_event, parse_prompt
from genie_gym.text.spec import Event, WorldSpec
from genie_gym.text.tokens import Report
from genie_gym.visual import read_image, resize
from genie_gym.world import Start, World, WorldState

OUTPUTS = ("numpy", "torch")
RESET_OPTIONS = ("reset_mask", "start_frames", "init_image", "prompt")
FRAMES = "rgb"  # the name of frames among observations
# Gymnasium's AsyncVectorEnv (and TorchRL through it) forks. OpenMP threads do not survive a fork: the child's first
# parallel region would wait for them for ever. One thread a child is what so many processes want anyway.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


@dataclass(kw_only=True)
class SavedState(State):
    """What `save_state()` returns and `load_state()` takes: the world's rows and the environment's counters."""

    world: WorldState
    row_seeds: Int[Tensor, " B"]
    episodes: Int[Tensor, " B"]
    steps: Int[Tensor, " B"]


class GenieVectorEnv(gym.vector.VectorEnv):
    """`num_envs` rows of a learned world, stepped together.

    Rows are independent: each has its own seed, and what the others do never changes it. `reset(seed=s)` gives row i the
    seed s + i, so row i replays the single environment reset with seed s + i (up to floating-point rounding).

    **Actions**: the world's own (`World.actions`): `Discrete(A)` codes or `Box(-1, 1, (d,))` vectors. In `Genie1-v0`, 8
    latent actions that were found without labels.

    **Observations**: frames, uint8 [B, H, W, 3]. With several names in `obs`, a dict of them: "rgb" for the frames, and
    any of the world's extras (`World.extras`, for example depth).

    **Rewards**: what the world says a step brought, float64 [B].

    **Episode end**: `terminated` where the world says so; `truncated` after `max_episode_steps`.

    **Info**: the world's extras that are not observed, each [B, …].

    Args:
        num_envs: rows.
        world: a shipped name, a folder, a hub repository, or a `World`.
        device: "auto", "cpu", "cuda", …
        output: "numpy", or "torch" for tensors on the device, without a copy to the host.
        obs: names of what is observed.
        max_episode_steps: truncates a row after so many steps; None never does.
        autoreset_mode: `AutoresetMode.SAME_STEP` (with `info["final_obs"]`, dense) or `AutoresetMode.DISABLED` (reset rows
            with `reset(options={"reset_mask": bool array})`), or the name of one.
        start_frames: uint8 [P, H, W, 3] to start episodes from, instead of the world's own pool.
        init_image: the same from one image of any size, uint8 [H, W, 3] or a file, resized to the world's frames.
        prompt: text, English or Chinese, of what the worlds are like, where the world takes prompts.
        render_mode: "rgb_array" or None.

    `reset(options=…)` takes `reset_mask` (bool [B]), and for this reset `start_frames` (uint8 [B, H, W, 3], one a row) or
    `init_image`, and `prompt` (one, or one a row).
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 15, "autoreset_mode": AutoresetMode.SAME_STEP}

    def __init__(
        self,
        num_envs: int = 1,
        world: str | Path | World = "genie1",
        *,
        device: str = "auto",
        output: str = "numpy",
        obs: Sequence[str] = (FRAMES,),
        max_episode_steps: int | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
        start_frames: np.ndarray | None = None,
        init_image: str | Path | np.ndarray | None = None,
        prompt: str | None = None,
        render_mode: str | None = None,
    ):
        self.num_envs = positive(num_envs, "num_envs")
        self.max_episode_steps = None if max_episode_steps is None else positive(max_episode_steps, "max_episode_steps")
        check_name("output", output, OUTPUTS)
        check_name("render_mode", render_mode or "rgb_array", self.metadata["render_modes"])
        modes = {mode.name: mode for mode in AutoresetMode} | {mode.value: mode for mode in AutoresetMode}
        name = autoreset_mode.name if isinstance(autoreset_mode, AutoresetMode) else autoreset_mode
        check_name("autoreset_mode", name, modes)
        self.autoreset_mode = modes[name]
        if self.autoreset_mode == AutoresetMode.NEXT_STEP:
            raise GenieGymError("autoreset_mode NEXT_STEP is not offered; use SAME_STEP or DISABLED.")
        if start_frames is not None and init_image is not None:
            raise GenieGymError("give start_frames or an init_image, not both.")
        self.world = load_world(world, device)
        self.output, self.render_mode = output, render_mode
        self.obs = (obs,) if isinstance(obs, str) else as_names(obs)
        self.metadata = self.metadata | {"autoreset_mode": self.autoreset_mode, "render_fps": round(self.world.fps)}
        self.single_observation_space = self._observation_space()
        self.single_action_space = self.world.actions.space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        if init_image is not None:
            start_frames = self._read_image(init_image)[None]
        self._start_pool = None if start_frames is None else as_frames(start_frames, "start_frames")
        self.report: Report | None = None
        """What became of `prompt`: understood, ignored and assumed."""
        self._condition: WorldSpec | None = None
        if prompt is not None:
            self._condition, self.report = parse_prompt(prompt)
        self._check_defaults()
        self._state: SavedState | None = None

    def _observation_space(self) -> gym.Space:
        spaces: dict[str, gym.Space] = {
            FRAMES: gym.spaces.Box(0, 255, self.world.frame_shape, np.uint8),
            **self.world.extras,
        }
        for name in self.obs:
            if name not in spaces:
                raise GenieGymError(f"this world has no observation {name!r}." + did_you_mean(str(name), spaces))
        if not self.obs:
            raise GenieGymError(f"obs names at least one of {', '.join(spaces)}.")
        chosen = {name: spaces[name] for name in self.obs}
        return gym.spaces.Dict(chosen) if len(chosen) > 1 else chosen[self.obs[0]]

    # Gymnasium's interface

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        options = options or {}
        for name in options:
            check_name("reset option", name, RESET_OPTIONS)
        mask = self._mask(options.get("reset_mask"))
        super().reset(seed=as_seed(seed) if isinstance(seed, int | np.integer) else None)
        if self._state is None and not mask.all():
            raise GenieGymError("the first reset takes all rows; call reset() without a reset_mask first.")
        start = self._start_of(options)
        row_seeds, episodes = self._seeds(seed, mask)
        rows = torch.from_numpy(np.flatnonzero(mask))
        if len(rows) == self.num_envs:
            world_state = self._new_episodes(self._episode_seeds(row_seeds, episodes), start)
            steps = torch.zeros(self.num_envs, dtype=torch.int64)
            self._state = SavedState(world=world_state, row_seeds=row_seeds, episodes=episodes, steps=steps)
        else:
            assert self._state is not None
            self._state.row_seeds, self._state.episodes = row_seeds, episodes
            self._reset_rows(rows, start)
        return self._observations(), self._info()

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        if self._state is None:
            raise GenieGymError("step() before reset(): call reset() first.")
        state = self._state
        checked = self.world.actions.check(actions, self.num_envs).to(self.world.device)
        with torch.no_grad(), self._autocast():
            state.world, prediction = self.world.step(state.world, checked)
        state.steps += 1
        terminated = prediction.terminated
        limit = self.max_episode_steps
        truncated = (
            torch.zeros_like(terminated) if limit is None else (state.steps >= limit).to(terminated.device) & ~terminated
        )
        done = terminated | truncated
        final: dict[str, Any] = {}
        if self.autoreset_mode == AutoresetMode.SAME_STEP:
            rows = torch.nonzero(done.cpu())[:, 0]
            if len(rows):
                ended = self._output(done)
                final = {
                    "final_obs": self._observations(),
                    "_final_obs": ended,
                    "final_info": self._info(),
                    "_final_info": ended,
                }
                state.episodes[rows] += 1
                self._reset_rows(rows, self._start_of({}))
        rewards = self._output(prediction.rewards.double())
        return self._observations(), rewards, self._output(terminated), self._output(truncated), self._info() | final

    def render(self) -> tuple[np.ndarray, ...] | None:
        """The current frames of all rows, uint8 [H, W, 3] each."""
        if self.render_mode is None or self._state is None:
            return None
        return tuple(self._state.world.frames.cpu().numpy().copy())

    # What it offers besides

    def apply_event(self, event: Event | str, rows: Sequence[int] | np.ndarray | None = None) -> tuple[Event, Report]:
        """Something happens in these rows (default: all), and shows from the next step on.

        Args:
            event: a typed event, or text for `genie_gym.prompt.parse_event`. What a learned world is like now is not known:
                a text that is relative ("two hours later") is refused.

        Returns:
            The typed event, and what of the text was understood, ignored and assumed (nothing, for a typed event).

        Raises:
            GenieGymError: before the first reset, for text that names no event, for an event that this world does not know,
                and for rows that there are not.
        """
        if self._state is None:
            raise GenieGymError("apply_event() before reset(): call reset() first.")
        event, report = parse_event(event) if isinstance(event, str) else (event, Report())
        if not isinstance(event, self.world.events):
            known = ", ".join(kind.__name__ for kind in self.world.events) or "none at all"
            raise GenieGymError(f"{type(event).__name__} cannot happen in this world; it knows {known}.")
        index = torch.from_numpy(self._row_numbers(rows)).to(self.world.device)
        with torch.no_grad(), self._autocast():
            self._state.world = self.world.apply_event(self._state.world, event, index)
        return event, report

    def save_state(self) -> SavedState:
        """A copy of everything that the rows are. Any number of futures can start from it, with `load_state`."""
        if self._state is None:
            raise GenieGymError("nothing to save before reset(): call reset() first.")
        return self._state.clone()

    def load_state(self, state: SavedState) -> Any:
        """Goes back to a saved state (of as many rows, of the same world). Returns its observations."""
        if not isinstance(state, SavedState):
            raise GenieGymError(f"load_state takes what save_state returned; given {type(state).__name__}.")
        if state.num_rows != self.num_envs:
            raise GenieGymError(f"the state has {state.num_rows} rows, this environment {self.num_envs}.")
        if self._state is not None and not self._state.fits(state):
            raise GenieGymError("the state is of another world.")
        self._state = state.clone()
        return self._observations()

    # How episodes begin

    def _new_episodes(self, seeds: Int[Tensor, " R"], start: Start) -> WorldState:
        seeds = seeds.to(self.world.device)
        frames = None if start.frames is None else start.frames.to(self.world.device)
        if frames is None and self._start_pool is not None:
            frames = self.world.pick_starts(seeds, self._start_pool)
        with torch.no_grad(), self._autocast():
            fresh = self.world.reset(seeds, Start(frames=frames, conditions=start.conditions))
        return fresh.clone()  # rows are overwritten in place later: neither the world's starts nor the caller's frames

    def _reset_rows(self, rows: Int[Tensor, " R"], start: Start) -> None:
        """Row by row: a row's bits must not depend on how many others end with it."""
        assert self._state is not None
        state = self._state
        seeds = self._episode_seeds(state.row_seeds, state.episodes)
        for row in rows:
            index = row[None]
            state.world.put(index, self._new_episodes(seeds[index], start.rows(index)))
        state.steps[rows] = 0

    def _start_of(self, options: dict[str, Any]) -> Start:
        """What `reset(options=…)` asks for, for all rows; else the environment's own prompt."""
        frames, prompt = options.get("start_frames"), options.get("prompt")
        if options.get("init_image") is not None:
            if frames is not None:
                raise GenieGymError("give start_frames or an init_image, not both.")
            frames = self._read_image(options["init_image"])[None].repeat(self.num_envs, 0)
        conditions = None if self._condition is None else [self._condition] * self.num_envs
        if prompt is not None:
            given = [prompt] * self.num_envs if isinstance(prompt, str) else as_names(prompt, "prompt is text, or")
            conditions = [parse_prompt(text)[0] for text in given]
        start = Start(
            frames=None if frames is None else torch.tensor(as_frames(frames, "start_frames")), conditions=conditions
        )
        self.world.check_start(start, self.num_envs)
        return start

    def _check_defaults(self) -> None:
        """Whether the world takes the environment's own start frames and prompt."""
        pool = self._start_pool
        if pool is not None:
            if not len(pool):
                raise GenieGymError("start_frames holds no frame; leave it out for the world's own.")
            self.world.check_start(Start(frames=torch.from_numpy(pool)), len(pool))
        self._start_of({})

    def _read_image(self, image: str | Path | np.ndarray) -> np.ndarray:
        return resize(read_image(image), self.world.frame_shape[:2])

    def _seeds(self, seed: int | Sequence[int | None] | None, mask: np.ndarray) -> tuple[Tensor, Tensor]:
        """Row seeds and episode numbers after a reset of the masked rows. A row that is given no seed goes on to its
        next episode."""
        if self._state is None:
            row_seeds = torch.from_numpy(self.np_random.integers(2**62, size=self.num_envs))
            episodes = torch.zeros(self.num_envs, dtype=torch.int64)
        else:
            row_seeds, episodes = self._state.row_seeds.clone(), self._state.episodes.clone()
            episodes[torch.from_numpy(mask)] += 1
        if isinstance(seed, int | np.integer):
            seed = [int(seed) + i for i in range(self.num_envs)]
        given = [] if seed is None else [None if value is None else as_seed(value) for value in seed]
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
        mask = as_array(mask, "reset_mask")
        if mask.dtype != bool or mask.shape != (self.num_envs,):
            raise GenieGymError(f"reset_mask must be bool [{self.num_envs}]; given {mask.dtype} {list(mask.shape)}.")
        return mask

    def _row_numbers(self, rows: Sequence[int] | np.ndarray | None) -> np.ndarray:
        """Row numbers [R], of a list of them or of a mask, bool [B]."""
        chosen = np.arange(self.num_envs) if rows is None else as_array(rows, "rows")
        if chosen.dtype == bool and chosen.shape == (self.num_envs,):
            chosen = np.flatnonzero(chosen)
        if not chosen.size:
            return np.zeros(0, np.int64)
        if chosen.ndim != 1 or chosen.dtype.kind not in "iu":
            raise GenieGymError(f"rows are whole numbers [R], or a mask, bool [{self.num_envs}]; given {rows!r}.")
        for row in chosen[(chosen < 0) | (chosen >= self.num_envs)]:
            raise GenieGymError(f"there is no row {row}; this environment has rows 0 … {self.num_envs - 1}.")
        return chosen.astype(np.int64)

    # What goes out

    def _observations(self) -> Any:
        """Copies, so that what a caller keeps never changes."""
        assert self._state is not None
        now = self._state.world
        seen = {name: self._output((now.frames if name == FRAMES else now.extras[name]).clone()) for name in self.obs}
        return seen if len(seen) > 1 else seen[self.obs[0]]

    def _info(self) -> dict[str, Any]:
        assert self._state is not None
        extras = {name: value for name, value in self._state.world.extras.items() if name not in self.obs}
        values = {name: self._output(value.clone()) for name, value in extras.items()}
        return values | {f"_{name}": np.ones(self.num_envs, dtype=bool) for name in values}

    def _output(self, value: Tensor) -> Any:
        return value if self.output == "torch" else value.cpu().numpy()

    def _autocast(self) -> torch.autocast:
        """Mixed precision on a GPU; float32 on CPUs, where it is exact and as fast for the smaller matrices."""
        device = self.world.device
        return autocast(device, "auto" if device.type == "cuda" else "float32")
