"""Trains a world of any family, stage by stage. Stops and goes on anywhere."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from genie_gym.card import made_by_training
from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError, check_name
from genie_gym.evaluation.judge import judge
from genie_gym.families import FAMILIES, find_family
from genie_gym.pretrained import save_world
from genie_gym.settings import with_settings
from genie_gym.training.plan import TrainingPlan
from genie_gym.training.trainer import Trainer
from genie_gym.world import World


def train_world(
    data: VideoDataset,
    out: str | Path,
    preset: str,
    stages: Sequence[str] | None = None,
    settings: Mapping[str, Any] | None = None,
    family: str = "genie1",
) -> World:
    """Trains `stages` (all of them by default) into `out` (checkpoints, contact sheets, TensorBoard) and the world itself
    into `out/world`. Stages that are not trained now are loaded from `out`, where they are.

    Args:
        settings: fields of the preset to change, by their path, for example
            {"world.tokenizer.codebook_size": 2048, "recipe.dynamics.batch_size": 64}.
    """
    plan = find_plan(family)
    stages = list(plan.stages) if stages is None else stages
    for stage in stages:
        check_name("stage", stage, plan.stages)
    check_name("preset", preset, plan.presets)
    out = Path(out)
    chosen = with_settings(plan.presets[preset], settings or {})
    fitted = with_settings(plan.fit(chosen, data), settings or {})  # what is asked for goes before what fits
    world = plan.build(fitted, data)
    if tuple(world.frame_shape[:2]) != (data.height, data.width):
        raise GenieGymError(f"the video is {data.height}x{data.width} (height x width); leave the size of frames to it.")
    trained_for: dict[str, dict[str, float]] = {}
    for name, make_stage in plan.stages.items():
        if name not in stages and not (out / f"{name}.pt").exists():
            continue
        trained = make_stage(world, data, fitted.recipe)
        if trained is None:
            continue
        trainer = Trainer(trained, getattr(fitted.recipe, name), out)
        if name in stages:
            trainer.run()
        trained_for[name] = {"steps": trainer.step, "minutes": trainer.minutes}
    for part in world.parts().values():
        part.eval()
    if int(os.environ.get("RANK", 0)) == 0:
        world.made = made_by_training(preset, len(data), data.num_frames, trained_for)
        world.judgement = judge(world, data, "training video")
        print(*world.judgement.report(), sep="\n")
        save_world(world, out / "world")
    if torch.distributed.is_initialized():
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()
    return world


def find_plan(family: str) -> TrainingPlan:
    plan: TrainingPlan | None = find_family(family).load("training")
    if plan is None:
        trained = ", ".join(name for name, other in FAMILIES.items() if other.training)
        raise GenieGymError(f"worlds of the family {family!r} are not trained here; there are {trained}.")
    return plan
