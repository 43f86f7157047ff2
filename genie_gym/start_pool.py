"""Frames of a world's own that episodes begin in.

Legend: B rows, P start frames, H W image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from genie_gym.episode import Start
from genie_gym.errors import GenieGymError
from genie_gym.models.row_random import integers
from genie_gym.text.match import nearest
from genie_gym.text.prompt import Prompt
from genie_gym.text.spec import WorldSpec

# Streams of the rows' random numbers (`models.row_random`): this one picks starts, worlds use 1 and up.
START_STREAM = 0


@dataclass(frozen=True)
class StartPool:
    """`conditions` say what each of `frames` is like, or there are none: where there are some, a prompt chooses among the
    frames, and does no more. `tasks` has frames that show what a task asks for, by task."""

    frames: UInt8[np.ndarray, "P H W 3"] = field(default_factory=lambda: np.zeros((0, 0, 0, 3), np.uint8))
    conditions: Sequence[WorldSpec] = ()
    tasks: Mapping[str, UInt8[np.ndarray, "_ H W 3"]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.frames)

    def first_frames(self, seed: Int[Tensor, " B"], start: Start) -> UInt8[Tensor, "B H W 3"]:
        """The start's frames; else of each row one that matches its prompt, or shows the goal of its task, or any, as the
        row's seed or draw chooses. On the seeds' device."""
        if start.frames is not None:
            return start.frames
        prompts, tasks = start.prompts or [None] * len(seed), start.tasks or [None] * len(seed)
        matching: dict[int, np.ndarray] = {}  # rows share prompts: of each, by its identity
        pools = []
        for prompt, task in zip(prompts, tasks, strict=True):
            if prompt is not None and id(prompt) not in matching:
                matching[id(prompt)] = self._matching(prompt)
            pools.append(self.tasks.get(task or "", self.frames) if prompt is None else matching[id(prompt)])
        if not all(map(len, pools)):
            raise GenieGymError("this world has no start frames of its own; give frames to start from.")
        draws = integers(seed, torch.zeros_like(seed), START_STREAM, 2**63 - 1) if start.draws is None else start.draws
        picked = [pool[draw % len(pool)] for pool, draw in zip(pools, draws.tolist(), strict=True)]
        return torch.from_numpy(np.stack(picked)).to(seed.device)

    def _matching(self, prompt: Prompt) -> UInt8[np.ndarray, "P H W 3"]:
        """Those that match a prompt best (`genie_gym.text.match`)."""
        if not self.conditions or len(self.conditions) != len(self.frames):
            raise GenieGymError("this world does not know what its start frames are like; give frames to start from.")
        return self.frames[nearest(prompt.spec, prompt.left_open, self.conditions)]
