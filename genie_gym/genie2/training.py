"""The training plan of Genie 2: perception, latent actions, imagination, keys, view tokenizer, first views.

Legend: P start frames, H W image.
"""

from __future__ import annotations

import torch

from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError
from genie_gym.genie2.config import PRESETS, Genie2Preset
from genie_gym.genie2.first_view_stages import FirstViewStage, ViewTokenizerStage
from genie_gym.genie2.stages import ImaginationStage, KeyStage, LatentActionStage, PerceptionStage
from genie_gym.genie2.world import Genie2World
from genie_gym.training.plan import TrainingPlan
from genie_gym.training.starts import spread_starts

NUM_STARTS = 160


def fit(preset: Genie2Preset, data: VideoDataset) -> Genie2Preset:
    """Raises `GenieGymError` for a recording that does not say what its camera is like, or has other actions than keys."""
    intrinsics, classes = data.description(0).get("intrinsics"), data.source.get("classes")
    if intrinsics is None or classes is None:
        raise GenieGymError(
            "Genie 2 learns from a simulator's recordings, which say what their camera is like and what it may see; "
            f"{data.paths[0]} does not: record one with `genie-gym record --source town`."
        )
    keys = tuple(data.source.get("action_meanings", ()))
    pressed = not data.has_labels() or data.clip_labels([(0, 0)], 2)["actions"].ndim == 2  # else vectors: no keys
    if keys != preset.world.keys.keys or not pressed:
        raise GenieGymError(
            f"Genie 2 learns what the keys of GenieSim/Town-v0 do; {data.paths[0]} was recorded with other actions: record "
            "one with `genie-gym record --source town`."
        )
    return preset.for_video(data.height, data.width, data.fps, float(intrinsics[0][0]), tuple(classes), data.source)


def build(preset: Genie2Preset, data: VideoDataset) -> Genie2World:
    """A fresh world with start frames out of the recording."""
    torch.manual_seed(0)
    world = Genie2World(preset.world)
    world.starts = spread_starts(data, NUM_STARTS, share=0.5)[1]  # half of them from an episode's first half
    return world


PLAN = TrainingPlan(
    presets=PRESETS,
    fit=fit,
    build=build,
    stages={
        "perception": PerceptionStage,
        "latent_actions": LatentActionStage,
        "imagination": ImaginationStage,
        "keys": KeyStage,
        "view_tokenizer": ViewTokenizerStage,
        "first_views": FirstViewStage,
    },
    labelled=("keys",),
    shares={
        "perception": 0.4,
        "latent_actions": 0.03,
        "imagination": 0.2,
        "keys": 0.02,
        "view_tokenizer": 0.15,
        "first_views": 0.2,
    },
    sizes=("tiny", "base"),
    default="tiny",
)
