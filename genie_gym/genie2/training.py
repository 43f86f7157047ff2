"""The training plan of Genie 2: perception, latent actions, imagination, keys, tasks, planner, painter.

Legend: P start frames, H W image.
"""

from __future__ import annotations

import json
from collections.abc import Collection

import numpy as np
import torch

from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError
from genie_gym.genie2.config import PRESETS, Genie2Preset
from genie_gym.genie2.goals import learnable_goals, pick_task_starts
from genie_gym.genie2.planner_stage import PainterStage, PlannerStage, says_wishes
from genie_gym.genie2.stages import ImaginationStage, KeyStage, LatentActionStage, PerceptionStage, TaskStage
from genie_gym.genie2.world import Genie2World
from genie_gym.geometry.camera import Camera
from genie_gym.text.spec import WorldSpec
from genie_gym.training.plan import TrainingPlan
from genie_gym.training.starts import spread_starts
from genie_gym.world import StartPool

NUM_STARTS = 160


def fit(preset: Genie2Preset, data: VideoDataset, stages: Collection[str]) -> Genie2Preset:
    """Which tasks the recording teaches is looked for only where tasks are trained; views are planned where that is, or was.

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
    wishes = "vocabulary" in data.source and not {"planner", "painter"}.isdisjoint(stages)
    plans = preset.world.plans or wishes
    return preset.for_video(camera, data.fps, tuple(classes), data.source, keys, goals, plans)


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
        "planner": PlannerStage,
        "painter": PainterStage,
    },
    needs={
        "keys": VideoDataset.has_labels,
        "tasks": lambda data: bool(learnable_goals(data)),
        "planner": says_wishes,
        "painter": says_wishes,
    },
    shares={
        "perception": 0.4,
        "latent_actions": 0.03,
        "imagination": 0.2,
        "keys": 0.02,
        "tasks": 0.05,
        "planner": 0.2,
        "painter": 0.1,
    },
    sizes=("tiny", "base"),
    default="tiny",
)
