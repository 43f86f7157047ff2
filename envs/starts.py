"""How episodes begin: which seed each has, and the frames and prompt that it starts from.

Legend: B rows, R some of them, P start frames, H W image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from genie_gym.devices import autocast_for_play
from genie_gym.envs.checks import as_frames, as_names
from genie_gym.errors import GenieGymError
from genie_gym.imagine import Prompted, read_prompt
from genie_gym.rows import as_seed
from genie_gym.text.tokens import Report
from genie_gym.visual import fit, read_image
from genie_gym.world import Start, World, WorldState


class Starts:
    """What the episodes of an environment with B rows start from, unless a reset says otherwise.

    Where a prompt stands in place of frames (`World.prompt_begins`), the environment has one of the two, and what a reset
    asks for counts.

    Args:
        world, num_rows: that begin. start_frames, init_image, prompt, task: see `GenieVectorEnv`.
    """

    def __init__(
        self,
        world: World,
        num_rows: int,
        start_frames: np.ndarray | None,
        init_image: str | Path | np.ndarray | None,
        prompt: str | None,
        task: str | None,
    ):
        self.world, self.num_rows, self._task = world, num_rows, task
        if start_frames is not None and init_image is not None:
            raise GenieGymError("give start_frames or an init_image, not both.")
        if init_image is not None:
            start_frames = self._read_image(init_image)[None]
        self._pool = None if start_frames is None else as_frames(start_frames, "start_frames")
        self._prompt = None if prompt is None else read_prompt(world, prompt)
        self._check_defaults()

    def _check_defaults(self) -> None:
        """Whether the world takes the environment's own start frames and prompt."""
        pool = self._pool
        if pool is not None:
            if not len(pool):
                raise GenieGymError("start_frames holds no frame; leave it out for the world's own.")
            self.world.check_start(self._start(pool, self._prompt and [self._prompt] * len(pool), len(pool)), len(pool))
        self.asked_for({})

    def asked_for(self, options: Mapping[str, Any]) -> tuple[Start, list[Report | None]]:
        """What `reset(options=…)` asks for, for all rows, else the environment's own prompt; and what became of each row's
        prompt, None where it has none."""
        frames = options.get("start_frames")
        if options.get("init_image") is not None:
            if frames is not None:
                raise GenieGymError("give start_frames or an init_image, not both.")
            frames = self._read_image(options["init_image"])[None].repeat(self.num_rows, 0)
        prompts = self._read_prompts(options.get("prompt"))
        if prompts is None and self._prompt is not None and not (self.world.prompt_begins and frames is not None):
            prompts = [self._prompt] * self.num_rows
        start = self._start(None if frames is None else as_frames(frames, "start_frames"), prompts, self.num_rows)
        self.world.check_start(start, self.num_rows)
        return start, [None] * self.num_rows if prompts is None else [report for _, report in prompts]

    def begin(self, seeds: Int[Tensor, " R"], start: Start) -> WorldState:
        """New episodes, one a seed; without frames in `start`, from the environment's own or the world's."""
        seeds = seeds.to(self.world.device)
        frames = None if start.frames is None else start.frames.to(self.world.device)
        is_chosen = self.world.prompt_begins and start.conditions is not None
        if frames is None and self._pool is not None and not is_chosen:
            frames = self.world.pick_starts(seeds, self._pool)
        with torch.no_grad(), autocast_for_play(self.world.device):
            fresh = self.world.reset(seeds, replace(start, frames=frames))
        return fresh.clone()  # rows are overwritten in place later: neither the world's starts nor the caller's frames

    def _start(self, frames: np.ndarray | None, prompts: Sequence[Prompted] | None, rows: int) -> Start:
        return Start(
            frames=None if frames is None else torch.tensor(frames),
            conditions=None if prompts is None else [condition for condition, _ in prompts],
            left_open=None if prompts is None else [frozenset(report.left_open) for _, report in prompts],
            tasks=None if self._task is None else [self._task] * rows,
        )

    def _read_image(self, image: str | Path | np.ndarray) -> np.ndarray:
        return fit(read_image(image), self.world.frame_shape[:2])

    def _read_prompts(self, prompt: Any) -> list[Prompted] | None:
        """Of a reset: one text for all rows, or one a row."""
        if prompt is None:
            return None
        given = [prompt] * self.num_rows if isinstance(prompt, str) else as_names(prompt, "prompt is text, or")
        read = {text: read_prompt(self.world, text) for text in set(given)}
        return [read[text] for text in given]


def one_a_row(seed: int | Sequence[int | None] | None, num_rows: int) -> list[int | None]:
    """Seeds, one a row: an integer s gives row i the seed s + i. None is no seed.

    Raises:
        GenieGymError: for what is no seed, or for another number of them.
    """
    if seed is None:
        return [None] * num_rows
    if isinstance(seed, int | np.integer):
        first = as_seed(seed)
        return [first + row for row in range(num_rows)]
    given = [None if value is None else as_seed(value) for value in seed]
    if len(given) != num_rows:
        raise GenieGymError(f"{len(given)} seeds for {num_rows} rows; give one a row, or one integer.")
    return given
