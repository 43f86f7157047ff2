"""How well reward and end of episode are told, on real clips."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from genie_gym.evaluation.measure import NOTES, Evaluation
from genie_gym.evaluation.metrics import auc, calibration_error
from genie_gym.progress import progress
from genie_gym.world import JudgesOutcomes

BATCHES, BATCH_SIZE = 24, 32
END_SHARE = 0.5  # ends are rare: they are drawn often, and weighted down by as much


def outcomes(evaluation: Evaluation) -> dict[str, Any]:
    """AUC of reward and of the end of episode, and the end's calibration; nothing where video or world lack them."""
    world, data = evaluation.world, evaluation.data
    if not isinstance(world, JudgesOutcomes) or not data.has_labels():
        return {}
    reward, end, rewarded, ended, weights = [], [], [], [], []
    for _ in progress(range(BATCHES), desc="outcomes", unit="batch"):
        clips, weight = data.sample_labelled(evaluation.rng, BATCH_SIZE, max(2, world.window), END_SHARE)
        assert clips.rewards is not None
        assert clips.terminated is not None
        reward_chance, end_chance = world.outcome_chances(torch.from_numpy(clips.frames))
        reward.append(reward_chance.cpu().numpy())
        end.append(end_chance.cpu().numpy())
        rewarded.append(clips.rewards[:, -1] != 0)
        ended.append(clips.terminated[:, -1])
        weights.append(weight)
    chance, happened, weight = np.concatenate(end), np.concatenate(ended), np.concatenate(weights)
    given = np.concatenate(rewarded)
    return {
        "reward_auc": auc(np.concatenate(reward), given, weight),
        "termination_auc": auc(chance, happened, weight),
        "termination_calibration_error": calibration_error(chance, happened, weight),
        "termination_rate_predicted": float(np.average(chance, weights=weight)),
        "termination_rate_real": float(np.average(happened, weights=weight)),
        NOTES: [*_why_nan("reward_auc", "a reward", given), *_why_nan("termination_auc", "the end of an episode", happened)],
    }


def _why_nan(key: str, what: str, happened: np.ndarray) -> list[str]:
    """An area under a curve needs both kinds."""
    if happened.any() and not happened.all():
        return []
    often = "each" if happened.all() else "none"
    return [f"{key} is nan: {often} of the {len(happened)} real clips ends with {what}, so there is nothing to tell apart"]
