"""What a family says of its training: presets, stages, and how a stage is run. `train_world` does the rest."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast, runtime_checkable

from genie_gym.datasets.video import VideoDataset
from genie_gym.settings import with_settings
from genie_gym.training.stage import ComputedStage, Stage
from genie_gym.world import World


@dataclass(frozen=True)
class TrainerConfig:
    """How long and how fast one stage trains."""

    steps: int
    minutes: float | None = None
    """Train for so many minutes instead of `steps`; the learning rate follows the clock then."""
    batch_size: int = 32
    learning_rate: float = 1e-3
    warmup: int = 200
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    precision: str = "auto"
    """See `genie_gym.devices.autocast`."""
    compile: bool | None = None
    """torch.compile of the stage's repeated blocks; None compiles on CUDA only."""
    shard: bool = False
    """Share parameters, gradients and the optimizer's state out among processes (FSDP2), not a copy to each (DDP)."""
    device: str = "auto"
    seed: int = 0
    log_every: int = 20
    checkpoint_minutes: float = 5.0
    sheet_minutes: float = 5.0
    """Minutes between contact sheets; inf draws none."""


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
        fit: a preset made to fit a video, its frame size, rate and source, and the stages that are trained.
        build: the untrained world of a fitted preset.
        stages: what builds each stage, in their order.
        needs: what stages need of the video, where they need more than frames: they are left out where it has not.
        shares: how much of the minutes for all of the training each stage gets, of those that are trained step by step.
        sizes: presets among which the one is chosen that fits the minutes asked for, smallest first.
        default: the preset that is trained where neither preset nor minutes are asked for.
        takes_sizes: its stages read recordings of several frame sizes beside each other (`recordings.Recordings`).
    """

    presets: Mapping[str, Preset]
    fit: Callable[[Any, VideoDataset, Collection[str]], Any]
    build: Callable[[Any, VideoDataset], World]
    stages: Mapping[str, Callable[[Any, VideoDataset, Any], Stage]]
    needs: Mapping[str, Callable[[VideoDataset], bool]]
    shares: Mapping[str, float]
    sizes: Sequence[str]
    default: str
    takes_sizes: bool = False

    def fitted(self, preset: str, settings: Mapping[str, Any], data: VideoDataset, stages: Collection[str]) -> Any:
        """A preset with these settings, made to fit a video and the stages that are trained on it; what is asked for goes
        before what fits."""
        return with_settings(self.fit(with_settings(self.presets[preset], settings), data, stages), settings)

    def like(self, world: Any) -> TrainingPlan:
        """The same, whose presets are of the sizes of a world of the family, and know what it knows."""
        return replace(
            self, presets={name: replace(cast(Any, preset), world=world.config) for name, preset in self.presets.items()}
        )

    def computes(self, stage: str) -> bool:
        """Whether the stage is computed in one go (`ComputedStage`), and so takes neither steps nor minutes."""
        made = self.stages[stage]
        return isinstance(made, type) and issubclass(made, ComputedStage)

    def can_train(self, stage: str, data: VideoDataset) -> bool:
        """Whether the video has what the stage needs."""
        return stage not in self.needs or self.needs[stage](data)
