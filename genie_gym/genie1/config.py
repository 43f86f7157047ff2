"""Presets of Genie 1: what a world is made of, and the recipe that trains it. The frame size comes from the video."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from genie_gym.genie1.dynamics import DynamicsConfig
from genie_gym.genie1.heads import Outcome
from genie_gym.genie1.latent_action import LatentActionConfig
from genie_gym.models.sampling import SamplingConfig
from genie_gym.models.tokenizer import TokenizerConfig
from genie_gym.training.plan import TrainerConfig


@dataclass(frozen=True)
class Genie1Config:
    """Everything that a world's weights depend on, and how it is sampled."""

    tokenizer: TokenizerConfig
    latent_actions: LatentActionConfig
    dynamics: DynamicsConfig
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    outcomes: tuple[Outcome, ...] = (Outcome(0.0, False),)
    fps: float = 15.0
    preset: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)
    """What the training video was recorded from, as the video file says; evaluation records held-out video from it."""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Genie1Config:
        parts = {
            "tokenizer": TokenizerConfig(**values["tokenizer"]),
            "latent_actions": LatentActionConfig(**values["latent_actions"]),
            "dynamics": DynamicsConfig(**values["dynamics"]),
            "sampling": SamplingConfig(**values["sampling"]),
            "outcomes": tuple(Outcome(**outcome) for outcome in values["outcomes"]),
        }
        return cls(**{**values, **parts})


@dataclass(frozen=True)
class ReconstructionConfig:
    """Weights of the tokenizer's loss, on the [-1, 1] scale."""

    squared: float = 4.0
    absolute: float = 1.0
    hard: float = 0.25
    """Of the mean squared error of the worst patches: small rare things hardly move a plain mean, and vanish."""


@dataclass(frozen=True)
class MaskingConfig:
    """How the dynamics model's targets are hidden and its past is corrupted."""

    full_mask_share: float = 0.4
    """The share of clips whose targets are hidden whole, as in the first pass of play; else the rate is U(0.5, 1)."""
    corrupt_share: float = 0.5
    """The share of clips whose past is corrupted, against drift …"""
    corrupt_rate: float = 0.2
    """… each of its tokens with a probability up to this."""


@dataclass(frozen=True)
class Genie1Recipe:
    """How each stage trains, and how many frames its clips have."""

    latent_actions: TrainerConfig
    tokenizer: TrainerConfig
    dynamics: TrainerConfig
    heads: TrainerConfig
    latent_action_clip: int = 4
    tokenizer_clip: int = 4
    dynamics_clip: int = 8
    reconstruction: ReconstructionConfig = field(default_factory=ReconstructionConfig)
    masking: MaskingConfig = field(default_factory=MaskingConfig)


MAX_POSITIONS = 64


@dataclass(frozen=True)
class Genie1Preset:
    """One size: widths, depths and recipe."""

    world: Genie1Config
    recipe: Genie1Recipe

    def for_video(self, height: int, width: int, fps: float, source: Mapping[str, Any]) -> Genie1Preset:
        """The same for frames of another size. Of larger frames more tokens are merged, so that the dynamics have about as
        many positions."""
        plain = replace(self.world.tokenizer, height=height, width=width, align=1)
        merge = self.world.dynamics.merge
        while plain.tokens_per_frame > MAX_POSITIONS * merge**2 and self.world.dynamics.model_dim % (2 * merge) ** 2 == 0:
            merge *= 2
        tokenizer, dynamics = replace(plain, align=merge), replace(self.world.dynamics, merge=merge)
        return replace(self, world=replace(self.world, tokenizer=tokenizer, dynamics=dynamics, fps=fps, source=source))


PRESETS = {
    "debug": Genie1Preset(  # seconds on any machine; for tests
        Genie1Config(
            TokenizerConfig(64, 64, 8, codebook_size=32, code_dim=8, channels=16, encoder_blocks=1, decoder_blocks=1),
            LatentActionConfig(code_dim=8, channels=16, encoder_blocks=1, decoder_blocks=1),
            DynamicsConfig(merge=2, model_dim=32, num_layers=2, num_heads=2, window=3, drafts=True),
            preset="debug",
        ),
        Genie1Recipe(
            latent_actions=TrainerConfig(steps=20, batch_size=4, warmup=5),
            tokenizer=TrainerConfig(steps=20, batch_size=4, warmup=5),
            dynamics=TrainerConfig(steps=20, batch_size=2, warmup=5),
            heads=TrainerConfig(steps=10, batch_size=4, warmup=2),
            dynamics_clip=5,
        ),
    ),
    "mini": Genie1Preset(  # any two CPU cores: worth its minutes from twenty on
        Genie1Config(
            TokenizerConfig(64, 64, 8, codebook_size=512, code_dim=16, channels=96, encoder_blocks=2, decoder_blocks=3),
            LatentActionConfig(channels=32, encoder_blocks=1, decoder_blocks=2),
            DynamicsConfig(merge=2, model_dim=192, num_layers=4, num_heads=4, window=4, drafts=True),
            SamplingConfig(temperature=0.6),  # trained for minutes, it holds much for likely that is not
            preset="mini",
        ),
        Genie1Recipe(
            latent_actions=TrainerConfig(steps=4000, batch_size=32),
            tokenizer=TrainerConfig(steps=4000, batch_size=32),
            dynamics=TrainerConfig(steps=5000, batch_size=16),
            heads=TrainerConfig(steps=500, batch_size=32),
            dynamics_clip=6,
        ),
    ),
    "tiny": Genie1Preset(  # hours on two CPU cores, minutes on a GPU; plays faster than real time in large batches
        Genie1Config(
            TokenizerConfig(64, 64, 8, codebook_size=1024, code_dim=32, channels=160, encoder_blocks=3, decoder_blocks=5),
            LatentActionConfig(channels=64, encoder_blocks=2, decoder_blocks=4),
            DynamicsConfig(merge=2, model_dim=384, num_layers=6, num_heads=6, window=6, drafts=True),
            preset="tiny",
        ),
        Genie1Recipe(
            latent_actions=TrainerConfig(steps=5000, batch_size=32),
            tokenizer=TrainerConfig(steps=5000, batch_size=32),
            dynamics=TrainerConfig(steps=6000, batch_size=16, learning_rate=6e-4, warmup=300),
            heads=TrainerConfig(steps=1500, batch_size=32),
        ),
    ),
    "base": Genie1Preset(  # one GPU
        Genie1Config(
            TokenizerConfig(64, 64, 8, codebook_size=2048, code_dim=32, channels=256, encoder_blocks=4, decoder_blocks=8),
            LatentActionConfig(channels=128, encoder_blocks=4, decoder_blocks=6),
            DynamicsConfig(merge=2, model_dim=768, num_layers=12, num_heads=12, window=12, drafts=True),
            preset="base",
        ),
        Genie1Recipe(
            latent_actions=TrainerConfig(steps=40_000, batch_size=64, learning_rate=6e-4, warmup=1000),
            tokenizer=TrainerConfig(steps=40_000, batch_size=32, learning_rate=6e-4, warmup=1000),
            dynamics=TrainerConfig(steps=80_000, batch_size=32, learning_rate=3e-4, warmup=2000),
            heads=TrainerConfig(steps=5000, batch_size=64),
            tokenizer_clip=8,
            dynamics_clip=16,
        ),
    ),
    # Genie 1's published shape: 240 x 135, patch 16, 16 frames, 8192 codes of 32, six layers, about 10^9 parameters.
    "genie1-1b": Genie1Preset(
        Genie1Config(
            TokenizerConfig(135, 240, 16, codebook_size=8192, code_dim=32, channels=512, encoder_blocks=8, decoder_blocks=8),
            LatentActionConfig(code_dim=32, channels=256, encoder_blocks=4, decoder_blocks=6),
            DynamicsConfig(merge=1, model_dim=3584, num_layers=6, num_heads=28, window=16),
            preset="genie1-1b",
        ),
        Genie1Recipe(
            latent_actions=TrainerConfig(steps=125_000, batch_size=32, learning_rate=3e-4, warmup=5000),
            tokenizer=TrainerConfig(steps=200_000, batch_size=16, learning_rate=3e-4, warmup=5000),
            dynamics=TrainerConfig(steps=125_000, batch_size=8, learning_rate=3e-5, warmup=5000),  # the paper's
            heads=TrainerConfig(steps=5000, batch_size=16),
            tokenizer_clip=16,
            dynamics_clip=16,
        ),
    ),
}
