"""What a family says of its training: presets, stages, and how a stage is run. `train_world` does the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from genie_gym.datasets.video import VideoDataset
from genie_gym.training.stage import Stage
from genie_gym.world import World


@dataclass(frozen=True)
class TrainerConfig:
    """How long and how fast one stage trains."""

    steps: int
    minutes: float | None = None
    """Stop after so many minutes of training, if `steps` do not end it before; the learning rate follows the clock then."""
    batch_size: int = 32
    learning_rate: float = 1e-3
    warmup: int = 200
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    precision: str = "auto"
    """See `genie_gym.devices.autocast`."""
    compile: bool | None = None
    """torch.compile of the stage's repeated blocks; None compiles on CUDA only."""
    device: str = "auto"
    seed: int = 0
    log_every: int = 20
    checkpoint_minutes: float = 5.0
    sheet_minutes: float = 5.0


@runtime_checkable
class Preset(Protocol):
    """A dataclass with `world`, the world's configuration, and `recipe`, which holds the `TrainerConfig` of each stage under
    the stage's name. `train --set` changes its fields by path: world.… and recipe.…"""

    @property
    def world(self) -> Any: ...

    @property
    def recipe(self) -> Any: ...


@dataclass(frozen=True)
class TrainingPlan:
    """How worlds of a family are trained.

    Attributes:
        presets: by name, smallest first.
        fit: a preset made to fit a video: its frame size, rate and source.
        build: the untrained world of a fitted preset.
        stages: in their order. Each builds its `Stage`, or returns None where the video lacks the labels that it needs.
    """

    presets: Mapping[str, Preset]
    fit: Callable[[Any, VideoDataset], Any]
    build: Callable[[Any, VideoDataset], World]
    stages: Mapping[str, Callable[[Any, VideoDataset, Any], Stage | None]]
