"""Are first views that a world composes as detailed as real ones, and of the same textures?

Legend: B views, H W image.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from genie_gym.errors import GenieGymError
from genie_gym.evaluation.covered import edge_energy
from genie_gym.evaluation.measure import NOTES, Evaluation
from genie_gym.evaluation.metrics import interval, interval_of
from genie_gym.evaluation.moments import spec_of
from genie_gym.evaluation.patches import patch_distance, patches
from genie_gym.evaluation.place import parts
from genie_gym.evaluation.prompts import begin_asked
from genie_gym.evaluation.told_apart import blurred, told_apart
from genie_gym.text.spec import WorldSpec

SHARP, SEES = 0.5, 0.75  # below them a note says so


def first_views(evaluation: Evaluation) -> dict[str, Any]:
    """sharpness, the edges of composed first views / those of real ones of the same specs; patch_distance, between composed
    views and real ones of other worlds, and patch_distance_real, between real ones; told_apart, the share of patches that a
    network tells rightly to be composed or real (0.5: it cannot), told_apart_learned, of the views that it learned from, and
    told_apart_control, of real ones and the same slightly blurred. Of `clips` recorded worlds at most."""
    try:
        real, composed = paired_views(evaluation, evaluation.config.clips)
    except GenieGymError as error:
        return {NOTES: [f"first views were not measured: {error}"]}
    edges = [_edges(frames) for frames in (composed, real)]
    halves = [[_patches(frames[half::2]) for half in (0, 1)] for frames in (composed, real)]
    (here, there), (one, other) = halves
    sharpness, apart, control = _ratio(*edges), told_apart(real, composed), told_apart(real, blurred(real))
    found: dict[str, Any] = {
        "sharpness": sharpness,
        "sharpness_interval": interval_of(_ratio, *edges),
        "patch_distance": (patch_distance(here, other) + patch_distance(there, one)) / 2,
        "patch_distance_real": patch_distance(one, other),
        "told_apart": float(apart.judged.mean()),
        "told_apart_interval": interval(apart.judged),
        "told_apart_learned": float(apart.learned.mean()),
        "told_apart_control": float(control.judged.mean()),
        "first_views": len(real),
    }
    notes = []
    if sharpness < SHARP:
        notes.append(f"first views are blurred: they have {sharpness:.0%} of the edges of real ones")
    if found["told_apart_control"] < SEES:
        notes.append(
            f"told_apart says little: of real views and slightly blurred ones the network tells {control.judged.mean():.0%}"
        )
    return found | {NOTES: notes}


def paired_views(evaluation: Evaluation, most: int) -> tuple[UInt8[Tensor, "B H W 3"], UInt8[Tensor, "B H W 3"]]:
    """First frames of recorded worlds, at most so many and drawn at random, and what the world makes of the same specs.

    Raises:
        GenieGymError: the world composes none, or the video does not say of what it is.
    """
    world, data = evaluation.world, evaluation.data
    specs = [spec_of(data.description(episode).get("spec")) for episode in range(len(data))]
    known = [(episode, spec) for episode, spec in enumerate(specs) if spec is not None]
    if world.vocabulary is None or not world.imagines_starts or len(known) < 2:
        raise GenieGymError("they need a world that composes them, and video that says of what it is.")
    drawn = [known[k] for k in evaluation.rng.permutation(len(known))[:most]]
    real = torch.from_numpy(np.stack([data.frames(episode, slice(1))[0] for episode, _ in drawn]))
    return real, _composed(evaluation, [spec for _, spec in drawn])


def _composed(evaluation: Evaluation, specs: list[WorldSpec]) -> UInt8[Tensor, "B H W 3"]:
    spans = enumerate(parts(len(specs)))
    return torch.cat([begin_asked(evaluation, specs[span], number).frames.cpu() for number, span in spans])


def _edges(frames: UInt8[Tensor, "B H W 3"]) -> np.ndarray:
    return edge_energy(frames, _everywhere(frames)).numpy()


def _patches(frames: UInt8[Tensor, "B H W 3"]) -> Tensor:
    return patches(frames, _everywhere(frames))


def _everywhere(frames: UInt8[Tensor, "B H W 3"]) -> Tensor:
    return torch.ones(frames.shape[:3], dtype=torch.bool)


def _ratio(here: np.ndarray, real: np.ndarray) -> float:
    return float(here.mean() / real.mean()) if real.mean() else float("nan")
