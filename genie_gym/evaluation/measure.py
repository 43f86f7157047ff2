"""What a measure of `genie-gym evaluate` is given, and what it gives back.

Legend: H W image.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError, check_name
from genie_gym.world import World


@dataclass(frozen=True)
class EvaluateConfig:
    clips: int = 128
    """Clips for fidelity and control; drift uses a quarter of them, at least eight."""
    batch_size: int = 32
    seed: int = 0
    measures: tuple[str, ...] = ()
    """Names of the measures that are taken; none: all that the family has."""

    def __post_init__(self) -> None:
        if self.clips < 1 or self.batch_size < 1:
            raise GenieGymError(f"clips and batch_size must be at least 1; got {self.clips} and {self.batch_size}.")


@dataclass
class Evaluation:
    """What a measure works with. Each has a generator of its own, so that none changes what another one draws."""

    world: World
    data: VideoDataset
    config: EvaluateConfig
    rng: np.random.Generator
    learned_from: VideoDataset | None = None
    """The recordings that the world learned from, where they are at hand."""

    def clips(self, count: int, length: int) -> UInt8[Tensor, "count length H W 3"]:
        """Held-out clips, uint8 [count, length, H, W, 3]."""
        return torch.from_numpy(self.data.sample_clips(self.rng, count, length))


def generator_of(name: str, seed: int) -> np.random.Generator:
    """The generator of a measure: the same whichever others are taken."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


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


def name_of(measure: Measure) -> str:
    """What a measure is called: as its function."""
    function = measure.func if isinstance(measure, partial) else measure
    return str(function.__name__)


def chosen_measures(measures: Sequence[Measure], names: Sequence[str]) -> list[Measure]:
    """The measures of these names, in their usual order; all where no name is given.

    Raises:
        GenieGymError: there is no measure of a name.
    """
    known = {name_of(measure): measure for measure in measures}
    for name in names:
        check_name("measure", name, known)
    return [measure for name, measure in known.items() if not names or name in names]
