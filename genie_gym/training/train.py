"""Trains a whole world: tokenizer, then latent actions with dynamics, then heads. Stops and goes on anywhere."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError, did_you_mean
from genie_gym.models.heads import Outcome, OutcomeHead
from genie_gym.models.presets import with_settings, world_config
from genie_gym.training.losses import MaskingConfig, ReconstructionConfig
from genie_gym.training.stages import DynamicsStage, OutcomeStage, TokenizerStage, WorldStage, find_outcomes
from genie_gym.training.trainer import Trainer, TrainerConfig
from genie_gym.world_model import WorldModel

STAGES = ("tokenizer", "dynamics", "heads")
NUM_STARTS = 256


@dataclass(frozen=True)
class Recipe:
    """Steps, clips a step and frames a clip of each stage."""

    tokenizer: TrainerConfig
    dynamics: TrainerConfig
    heads: TrainerConfig
    tokenizer_clip: int = 4
    dynamics_clip: int = 8
    reconstruction: ReconstructionConfig = field(default_factory=ReconstructionConfig)
    masking: MaskingConfig = field(default_factory=MaskingConfig)


RECIPES = {
    "debug": Recipe(
        TrainerConfig(steps=20, batch_size=4, warmup=5),
        TrainerConfig(steps=20, batch_size=2, warmup=5),
        TrainerConfig(steps=10, batch_size=4, warmup=2),
        dynamics_clip=5,
    ),
    "tiny": Recipe(
        TrainerConfig(steps=5000, batch_size=32),
        TrainerConfig(steps=6000, batch_size=16, learning_rate=6e-4, warmup=300),
        TrainerConfig(steps=1500, batch_size=32),
    ),
    "base": Recipe(
        TrainerConfig(steps=40_000, batch_size=32, learning_rate=6e-4, warmup=1000),
        TrainerConfig(steps=80_000, batch_size=32, learning_rate=3e-4, warmup=2000),
        TrainerConfig(steps=5000, batch_size=64),
        tokenizer_clip=8,
        dynamics_clip=16,
    ),
    "genie1-1b": Recipe(
        TrainerConfig(steps=200_000, batch_size=16, learning_rate=3e-4, warmup=5000),
        TrainerConfig(steps=125_000, batch_size=8, learning_rate=3e-5, warmup=5000),  # the paper's steps and rate
        TrainerConfig(steps=5000, batch_size=16),
        tokenizer_clip=16,
        dynamics_clip=16,
    ),
}


def train_world(
    data: VideoDataset,
    out: str | Path,
    preset: str,
    stages: Sequence[str] = STAGES,
    settings: Mapping[str, Any] | None = None,
) -> WorldModel:
    """Trains `stages` into `out` (checkpoints, contact sheets, TensorBoard) and the world itself into `out/world`.

    Args:
        settings: fields to change, by their path from `world` (WorldConfig) or `recipe` (Recipe), for example
            {"world.tokenizer.codebook_size": 2048, "recipe.dynamics.batch_size": 64}.
    """
    for stage in stages:
        check_stage(stage)
    out = Path(out)
    world_settings, recipe_settings = split_settings(settings or {})
    config = replace(world_config(preset, data.height, data.width, data.fps, world_settings), source=data.source)
    recipe = with_settings(RECIPES[preset], recipe_settings)
    torch.manual_seed(0)
    world = WorldModel(config)
    with_labels = data.has_labels()
    if with_labels:
        set_outcomes(world, find_outcomes(data))
    for name in STAGES:
        if name == "heads" and not with_labels:
            continue
        if name not in stages and not (out / f"{name}.pt").exists():
            continue
        trainer = Trainer(make_stage(name, world, data, recipe), getattr(recipe, name), out)
        if name in stages:
            trainer.run()
    world.eval()
    world.starts = pick_starts(data)
    if int(os.environ.get("RANK", 0)) == 0:
        world.save_pretrained(out / "world")
    if torch.distributed.is_initialized():
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()
    return world


def split_settings(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings under `world.` and those under `recipe.`, without that prefix."""
    groups: dict[str, dict[str, Any]] = {"world": {}, "recipe": {}}
    for path, value in settings.items():
        group, _, rest = path.partition(".")
        if group not in groups or not rest:
            raise GenieGymError(f"cannot set {path!r}: begin with world. or recipe., for example world.dynamics.window.")
        groups[group][rest] = value
    return groups["world"], groups["recipe"]


def check_stage(name: str) -> None:
    if name not in STAGES:
        raise GenieGymError(f"unknown stage {name!r}." + did_you_mean(name, STAGES))


def make_stage(name: str, world: WorldModel, data: VideoDataset, recipe: Recipe) -> WorldStage:
    if name == "tokenizer":
        return TokenizerStage(world, data, recipe.tokenizer_clip, recipe.reconstruction)
    if name == "dynamics":
        return DynamicsStage(world, data, recipe.dynamics_clip, recipe.masking)
    return OutcomeStage(world, data, world.config.dynamics.window)


def set_outcomes(world: WorldModel, outcomes: tuple[Outcome, ...]) -> None:
    """Gives the world a fresh head for these outcomes."""
    dynamics = world.config.dynamics
    world.config = replace(world.config, outcomes=outcomes)
    world.outcome_head = OutcomeHead(dynamics.model_dim, dynamics.positions, outcomes)


def pick_starts(data: VideoDataset) -> np.ndarray:
    """Frames from as many episodes, spread over the data: uint8 [P, H, W, 3]. Every other one is an episode's first
    frame, the rest stand anywhere in its first nine tenths: further on there is more to see, and room to all sides."""
    rng = np.random.default_rng(0)
    picks = np.unique(np.linspace(0, len(data) - 1, min(NUM_STARTS, len(data))).astype(int))
    places = [int(k % 2 * rng.integers(1 + int(0.9 * (data.lengths[i] - 1)))) for k, i in enumerate(picks)]
    return np.stack([data.frames(int(i), slice(p, p + 1))[0] for i, p in zip(picks, places, strict=True)])
