"""What a measure of `genie-gym evaluate` is given, and what it gives back.

Legend: H W image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError
from genie_gym.world import World


@dataclass(frozen=True)
class EvaluateConfig:
    clips: int = 128
    """Clips for fidelity and control; drift uses a quarter of them, at least eight."""
    batch_size: int = 32
    seed: int = 0

    def __post_init__(self) -> None:
        if self.clips < 1 or self.batch_size < 1:
            raise GenieGymError(f"clips and batch_size must be at least 1; got {self.clips} and {self.batch_size}.")


@dataclass
class Evaluation:
    """What a measure works with. All measures draw from one generator, one after the other."""

    world: World
    data: VideoDataset
    config: EvaluateConfig
    rng: np.random.Generator

    def clips(self, count: int, length: int) -> UInt8[Tensor, "count length H W 3"]:
        """Held-out clips, uint8 [count, length, H, W, 3]."""
        return torch.from_numpy(self.data.sample_clips(self.rng, count, length))


Measure = Callable[[Evaluation], dict[str, Any]]
"""Numbers by name, as JSON holds them; sentences that explain them as a list under `NOTES`."""
NOTES = "notes"


def check_video(world: World, data: VideoDataset) -> None:
    """Raises `GenieGymError` where the video is not of the world's size."""
    if (data.height, data.width) != tuple(world.frame_shape[:2]):
        raise GenieGymError(
            f"the video is {data.height}x{data.width}, the world {world.frame_shape[0]}x{world.frame_shape[1]} "
            "(height x width); record it at the world's size (--size)."
        )
