"""The training plan of Genie 1: latent actions, tokenizer, dynamics, heads.

Legend: P start frames, H W image.
"""

from __future__ import annotations

import numpy as np
import torch

from genie_gym.datasets.video import VideoDataset
from genie_gym.genie1.config import PRESETS, Genie1Preset, Genie1Recipe
from genie_gym.genie1.stages import DynamicsStage, LatentActionStage, OutcomeStage, TokenizerStage, find_outcomes
from genie_gym.genie1.world import Genie1World
from genie_gym.training.plan import TrainingPlan

NUM_STARTS = 256


def fit(preset: Genie1Preset, data: VideoDataset) -> Genie1Preset:
    return preset.for_video(data.height, data.width, data.fps, data.source)


def build(preset: Genie1Preset, data: VideoDataset) -> Genie1World:
    """A fresh world with the start frames and the kinds of outcomes that the video shows."""
    torch.manual_seed(0)
    world = Genie1World(preset.world)
    world.starts = pick_starts(data)
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
    """Frames from as many episodes, spread over the data: uint8 [P, H, W, 3]. Every other one is an episode's first
    frame, the rest stand anywhere in its first nine tenths: further on there is more to see, and room to all sides."""
    rng = np.random.default_rng(0)
    picks = np.unique(np.linspace(0, len(data) - 1, min(NUM_STARTS, len(data))).astype(int))
    places = [int(k % 2 * rng.integers(1 + int(0.9 * (data.lengths[i] - 1)))) for k, i in enumerate(picks)]
    return np.stack([data.frames(int(i), slice(p, p + 1))[0] for i, p in zip(picks, places, strict=True)])


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
    labelled=("heads",),
    shares={"latent_actions": 0.2, "tokenizer": 0.3, "dynamics": 0.46, "heads": 0.04},
    sizes=("mini", "tiny", "base"),
    default="tiny",
)
