"""Can a world tell clips that show one place from clips that melt or are out of order? And how do its own score?

Legend: B clips, T frames, H W image.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from genie_gym.evaluation.measure import NOTES, Evaluation
from genie_gym.evaluation.metrics import auc
from genie_gym.evaluation.spoiled import SPOILED
from genie_gym.progress import progress
from genie_gym.rollout import infer_actions, rollout
from genie_gym.world import JudgesConsistency

CLIP = 16  # frames
TELLS = 0.9  # below this area a note says so


def consistency(evaluation: Evaluation) -> dict[str, Any]:
    """The numbers of "One place" in docs/evaluation.md: a quarter of `clips`, at least eight, each also spoiled in every way
    of `SPOILED`, and imagined from its first frame under the actions that are read off it. Nothing for worlds that do not
    judge consistency."""
    world = evaluation.world
    if not isinstance(world, JudgesConsistency):
        return {}
    real = evaluation.clips(max(8, evaluation.config.clips // 4), CLIP).to(world.device)
    clips = {"real": real} | {name: spoil(real, evaluation.rng) for name, spoil in SPOILED.items()}
    clips["imagined"] = rollout(world, real[:, 0], infer_actions(world, real), evaluation.config.seed)
    scores = {name: scored(world, frames) for name, frames in progress(clips.items(), desc="consistency", unit="kind")}
    spoiled = np.concatenate([scores[name] for name in SPOILED])
    numbers: dict[str, Any] = {"consistency_auc": area(scores["real"], spoiled)}
    numbers |= {f"consistency_auc_{name}": area(scores["real"], scores[name]) for name in SPOILED}
    numbers |= {f"consistency_{name}": float(scores[name].mean()) for name in ("real", "imagined")}
    numbers["consistency_spoiled"] = float(spoiled.mean())
    notes = []
    if numbers["consistency_auc"] < TELLS:
        notes.append(
            f"its score of consistency hardly tells spoiled clips from real ones (area under the curve "
            f"{numbers['consistency_auc']:.2f}): do not rely on it"
        )
    return numbers | {NOTES: notes}


def scored(world: JudgesConsistency, clips: UInt8[Tensor, "B T H W 3"]) -> Float[np.ndarray, " B"]:
    return world.ensure_consistency(clips).cpu().numpy()


def area(real: np.ndarray, spoiled: np.ndarray) -> float:
    """How often a real clip scores above a spoiled one."""
    scores = np.concatenate([real, spoiled])
    return auc(scores, np.arange(len(scores)) < len(real), np.ones(len(scores)))
