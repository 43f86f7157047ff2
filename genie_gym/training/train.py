"""Trains a whole world: tokenizer, then latent actions with dynamics, then heads. Stops and goes on anywhere."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError, did_you_mean
from genie_gym.models.heads import Outcome, OutcomeHead
from genie_gym.models.presets import world_config
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
    overrides: dict[str, dict[str, int | float | str]] | None = None,
) -> WorldModel:
    """Trains `stages` into `out` (checkpoints, contact sheets, TensorBoard) and the world itself into `out/world`.

    Args:
        overrides: for a stage's name, fields of its `TrainerConfig` to change.
    """
    for stage in stages:
        check_stage(stage)
    out = Path(out)
    config = replace(world_config(preset, data.height, data.width, data.fps), source=data.source)
    recipe = RECIPES[preset]
    torch.manual_seed(0)
    world = WorldModel(config)
    with_labels = data.has_labels()
    if with_labels:
        set_outcomes(world, find_outcomes(data))
    for name in STAGES:
        settings = replace(getattr(recipe, name), **(overrides or {}).get(name, {}))
        if name == "heads" and not with_labels:
            continue
        if name not in stages and not (out / f"{name}.pt").exists():
            continue
        trainer = Trainer(make_stage(name, world, data, recipe), settings, out)
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


def check_stage(name: str) -> None:
    if name not in STAGES:
        raise GenieGymError(f"unknown stage {name!r}." + did_you_mean(name, STAGES))


def make_stage(name: str, world: WorldModel, data: VideoDataset, recipe: Recipe) -> WorldStage:
    if name == "tokenizer":
        return TokenizerStage(world, data, recipe.tokenizer_clip)
    if name == "dynamics":
        return DynamicsStage(world, data, recipe.dynamics_clip)
    return OutcomeStage(world, data, world.config.dynamics.window)


def set_outcomes(world: WorldModel, outcomes: tuple[Outcome, ...]) -> None:
    """Gives the world a fresh head for these outcomes."""
    dynamics = world.config.dynamics
    world.config = replace(world.config, outcomes=outcomes)
    world.outcome_head = OutcomeHead(dynamics.model_dim, dynamics.positions, outcomes)


def pick_starts(data: VideoDataset) -> np.ndarray:
    """First frames of as many episodes, spread over the data: uint8 [P, H, W, 3]."""
    picks = np.unique(np.linspace(0, len(data) - 1, min(NUM_STARTS, len(data))).astype(int))
    return np.stack([data.frames(int(i), slice(0, 1))[0] for i in picks])
