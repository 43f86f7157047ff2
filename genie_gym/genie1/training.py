"""The training plan of Genie 1: latent actions, tokenizer, dynamics, heads.

Legend: P start frames, H W image.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import torch

from genie_gym.datasets.video import VideoDataset
from genie_gym.genie1.config import PRESETS, Genie1Preset, Genie1Recipe
from genie_gym.genie1.stages import DynamicsStage, LatentActionStage, OutcomeStage, TokenizerStage, find_outcomes
from genie_gym.genie1.world import Genie1World
from genie_gym.training.plan import TrainingPlan
from genie_gym.training.starts import spread_starts
from genie_gym.world import StartPool

NUM_STARTS = 256


def fit(preset: Genie1Preset, data: VideoDataset, stages: Collection[str]) -> Genie1Preset:
    return preset.for_video(data.height, data.width, data.fps, data.source)


def build(preset: Genie1Preset, data: VideoDataset) -> Genie1World:
    """A fresh world with the start frames and the kinds of outcomes that the video shows."""
    torch.manual_seed(0)
    world = Genie1World(preset.world)
    world.starts = StartPool(pick_starts(data))
    if data.has_labels():
        world.set_outcomes(find_outcomes(data))
    return world


def latent_action_stage(world: Genie1World, data: VideoDataset, recipe: Genie1Recipe) -> LatentActionStage:
    return LatentActionStage(world, data, recipe.latent_action_clip)


def tokenizer_stage(world: Genie1World, data: VideoDataset, recipe: Genie1Recipe) -> TokenizerStage:
    return TokenizerStage(world, data, recipe.tokenizer_clip, recipe.reconstruction)


def dynamics_stage(world: Genie1World, data: VideoDataset, recipe: Genie1Recipe) -> DynamicsStage:
    return DynamicsStage(world, data, recipe.dynamics_clip, recipe.masking)


def outcome_stage(world: Genie1World, data: VideoDataset, recipe: Genie1Recipe) -> OutcomeStage:
    return OutcomeStage(world, data, world.window)


def pick_starts(data: VideoDataset) -> np.ndarray:
    """uint8 [P, H, W, 3]: half of them from an episode's first nine tenths, where there is more to see, and room to all
    sides."""
    return spread_starts(data, NUM_STARTS, share=0.9)[1]


PLAN = TrainingPlan(
    presets=PRESETS,
    fit=fit,
    build=build,
    stages={
        "latent_actions": latent_action_stage,
        "tokenizer": tokenizer_stage,
        "dynamics": dynamics_stage,
        "heads": outcome_stage,
    },
    needs={"heads": VideoDataset.has_labels},
    shares={"latent_actions": 0.2, "tokenizer": 0.3, "dynamics": 0.46, "heads": 0.04},
    sizes=("mini", "tiny", "base"),
    default="tiny",
)
