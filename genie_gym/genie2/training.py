"""The training plan of Genie 2: perception, latent actions, imagination, keys, tasks.

Legend: P start frames, H W image.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import torch

from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError
from genie_gym.genie2.config import PRESETS, Genie2Preset
from genie_gym.genie2.goals import learnable_goals, pick_task_starts
from genie_gym.genie2.stages import ImaginationStage, KeyStage, LatentActionStage, PerceptionStage, TaskStage
from genie_gym.genie2.world import Genie2World
from genie_gym.geometry.camera import Camera
from genie_gym.pretrained import shared_world
from genie_gym.text.spec import WorldSpec
from genie_gym.text.vocabulary import Vocabulary
from genie_gym.training.plan import TrainingPlan
from genie_gym.training.starts import spread_starts
from genie_gym.world import StartPool

NUM_STARTS = 160
COMPOSER = "genie3"


def fit(preset: Genie2Preset, data: VideoDataset, stages: Collection[str]) -> Genie2Preset:
    """Which tasks the recording teaches is looked for only where tasks are trained.

    Raises:
        GenieGymError: for a recording that does not say what its camera is like, or has other actions than keys with names.
    """
    intrinsics, classes = data.description(0).get("intrinsics"), data.source.get("classes")
    if intrinsics is None or classes is None:
        raise GenieGymError(
            "Genie 2 learns from a simulator's recordings, which say what their camera is like and what it may see; "
            f"{data.paths[0]} does not: record one with `genie-gym record --source town`."
        )
    keys = tuple(data.source.get("action_meanings", ()))
    pressed = not data.has_labels() or data.clip_labels([(0, 0)], 2)["actions"].ndim == 2  # else vectors: no keys
    if not keys or not pressed:
        raise GenieGymError(
            f"Genie 2 learns what keys do; {data.paths[0]} was recorded with other actions, or keys without names: record "
            "one with `genie-gym record --source town`."
        )
    camera = Camera.with_intrinsics(intrinsics, data.height, data.width)
    goals = (learnable_goals(data) if "tasks" in stages else ()) or preset.world.goals
    composer = preset.world.composer or composer_of(data.source)
    return preset.for_video(camera, data.fps, tuple(classes), data.source, keys, goals, composer)


def composer_of(source: Mapping[str, Any]) -> str:
    """Who composes what prompts ask for: the world that ships, where it knows every scene and weather that the recording has
    words for; else nobody."""
    if "vocabulary" not in source:
        return ""
    said, known = Vocabulary.from_dict(source["vocabulary"]), shared_world(COMPOSER, "cpu").vocabulary
    if known is None or not (set(said.scenes) <= set(known.scenes) and set(said.weathers) <= set(known.weathers)):
        return ""
    return COMPOSER


def build(preset: Genie2Preset, data: VideoDataset) -> Genie2World:
    """A fresh world with start frames out of the recording, and what they are like."""
    torch.manual_seed(0)
    world = Genie2World(preset.world)
    world.starts = StartPool(*pick_starts(data), pick_task_starts(data, preset.world.goals) if preset.world.goals else {})
    return world


def pick_starts(data: VideoDataset) -> tuple[np.ndarray, tuple[WorldSpec, ...]]:
    """uint8 [P, H, W, 3], half of them from an episode's first half, and what each is like."""
    picks, frames = spread_starts(data, NUM_STARTS, share=0.5)
    specs = [data.description(i).get("spec") for i in picks]
    if any(spec is None for spec in specs):
        return frames, ()
    return frames, tuple(WorldSpec.from_json(json.dumps(spec)) for spec in specs)


PLAN = TrainingPlan(
    presets=PRESETS,
    fit=fit,
    build=build,
    stages={
        "perception": PerceptionStage,
        "latent_actions": LatentActionStage,
        "imagination": ImaginationStage,
        "keys": KeyStage,
        "tasks": TaskStage,
    },
    needs={
        "keys": VideoDataset.has_labels,
        "tasks": lambda data: bool(learnable_goals(data)),
    },
    shares={
        "perception": 0.55,
        "latent_actions": 0.05,
        "imagination": 0.3,
        "keys": 0.03,
        "tasks": 0.07,
    },
    sizes=("tiny", "base"),
    default="tiny",
)
