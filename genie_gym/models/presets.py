"""One size dial. A preset fixes every width and depth; the frame size comes from the video."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from typing import Any, TypeVar

from genie_gym.errors import GenieGymError, did_you_mean
from genie_gym.models.dynamics import DynamicsConfig
from genie_gym.models.heads import Outcome
from genie_gym.models.latent_action import LatentActionConfig
from genie_gym.models.sampling import SamplingConfig
from genie_gym.models.tokenizer import TokenizerConfig


@dataclass(frozen=True)
class WorldConfig:
    """Everything that a world's weights depend on, and how it is sampled."""

    tokenizer: TokenizerConfig
    latent_actions: LatentActionConfig
    dynamics: DynamicsConfig
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    outcomes: tuple[Outcome, ...] = (Outcome(0.0, False),)
    fps: float = 15.0
    preset: str = ""
    source: dict[str, Any] = field(default_factory=dict)
    """What the training video was recorded from, as the video file says; evaluation records held-out video from it."""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> WorldConfig:
        dynamics = dict(values["dynamics"])
        dynamics["grid"] = tuple(dynamics["grid"])
        return cls(
            tokenizer=TokenizerConfig(**values["tokenizer"]),
            latent_actions=LatentActionConfig(**values["latent_actions"]),
            dynamics=DynamicsConfig(**dynamics),
            sampling=SamplingConfig(**values["sampling"]),
            outcomes=tuple(Outcome(**outcome) for outcome in values["outcomes"]),
            fps=values["fps"],
            preset=values["preset"],
            source=dict(values["source"]),
        )


@dataclass(frozen=True)
class _Size:
    tokenizer: dict[str, int]
    latent_actions: dict[str, int]
    dynamics: dict[str, int]
    image: tuple[int, int] = (64, 64)


_SIZES = {
    # Seconds on any machine; for tests.
    "debug": _Size(
        dict(patch_size=8, num_frames=4, codebook_size=32, code_dim=8, channels=16, encoder_blocks=1, decoder_blocks=1),
        dict(code_dim=8, channels=16, encoder_blocks=1, decoder_blocks=1),
        dict(merge=2, model_dim=32, num_layers=2, num_heads=2, window=3),
    ),
    # Two CPU cores: an hour or two of training, faster than real time in large batches.
    "tiny": _Size(
        dict(patch_size=8, num_frames=8, codebook_size=1024, code_dim=32, channels=160, encoder_blocks=3, decoder_blocks=5),
        dict(channels=64, encoder_blocks=2, decoder_blocks=4),
        dict(merge=2, model_dim=384, num_layers=6, num_heads=6, window=6),
    ),
    # One GPU.
    "base": _Size(
        dict(patch_size=8, num_frames=16, codebook_size=2048, code_dim=32, channels=256, encoder_blocks=4, decoder_blocks=8),
        dict(channels=128, encoder_blocks=4, decoder_blocks=6),
        dict(merge=2, model_dim=768, num_layers=12, num_heads=12, window=12),
    ),
    # Genie 1's published shape: 240 x 135, patch 16, 16 frames, 8192 codes of 32, six layers, about 10^9 parameters.
    "genie1-1b": _Size(
        dict(
            patch_size=16, num_frames=16, codebook_size=8192, code_dim=32, channels=512, encoder_blocks=8, decoder_blocks=8
        ),
        dict(code_dim=32, channels=256, encoder_blocks=4, decoder_blocks=6),
        dict(merge=1, model_dim=3584, num_layers=6, num_heads=28, window=16),
        image=(135, 240),
    ),
}
PRESETS = tuple(_SIZES)


def world_config(
    preset: str,
    height: int | None = None,
    width: int | None = None,
    fps: float = 15.0,
    settings: Mapping[str, Any] | None = None,
) -> WorldConfig:
    """The configuration of `preset` for frames of `height` x `width` pixels (default: the preset's own size).

    `settings` change single fields by their path, for example {"tokenizer.codebook_size": 2048}.
    """
    if preset not in _SIZES:
        raise GenieGymError(f"unknown preset {preset!r}." + did_you_mean(preset, PRESETS))
    size = _SIZES[preset]
    config = WorldConfig(
        tokenizer=TokenizerConfig(height=height or size.image[0], width=width or size.image[1], **size.tokenizer),
        latent_actions=LatentActionConfig(**size.latent_actions),
        dynamics=DynamicsConfig(**size.dynamics | {"merge": 1}),  # type: ignore[arg-type]
        fps=fps,
        preset=preset,
    )
    config = with_settings(config, {path: v for path, v in (settings or {}).items() if path != "dynamics.merge"})
    merge = size.dynamics["merge"]
    if any(side % merge for side in config.tokenizer.grid):
        merge = 1
    shared = {
        "codebook_size": config.tokenizer.codebook_size,
        "grid": config.tokenizer.grid,
        "merge": (settings or {}).get("dynamics.merge", merge),
        "action_dim": config.latent_actions.code_dim,
    }
    return replace(config, dynamics=replace(config.dynamics, **shared))


Config = TypeVar("Config")


def with_settings(config: Config, settings: Mapping[str, Any]) -> Config:
    """A copy of a dataclass with the fields that dotted paths name set to other values."""
    for path, value in settings.items():
        config = _set(config, path.split("."), value)
    return config


def _set(config: Any, path: list[str], value: Any) -> Any:
    names = [f.name for f in fields(config)] if is_dataclass(config) else []
    if path[0] not in names:
        raise GenieGymError(f"{type(config).__name__} has no setting {path[0]!r}." + did_you_mean(path[0], names))
    if len(path) > 1:
        value = _set(getattr(config, path[0]), path[1:], value)
    return replace(config, **{path[0]: value})
