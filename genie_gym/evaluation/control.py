"""Do a world's actions mean something, and the same from everywhere?"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from genie_gym.actions import DiscreteActions
from genie_gym.evaluation.effects import thing_moved
from genie_gym.evaluation.measure import Evaluation
from genie_gym.evaluation.metrics import (
    explained_share,
    explained_variance,
    mutual_information_bits,
    perplexity,
    picture_shift,
)
from genie_gym.progress import progress
from genie_gym.rollout import infer_actions, rollout

EPISODES = 100
STARTS = 32
HELD = 8  # steps that an action is held for


def inferred_actions(evaluation: Evaluation) -> dict[str, Any]:
    """How much of the action space inferred actions use, and (of codes) what they say of the true actions.

    Codes: code_perplexity, codes_above_1_percent, and of the true actions, where the video has them: code_action_mi_bits
        where they are discrete, code_action_share where they are vectors.
    Vectors: action_spread, the mean standard deviation of an axis.
    """
    world, data = evaluation.world, evaluation.data
    inferred: list[np.ndarray] = []
    true: list[np.ndarray] = []
    for index in progress(evaluation.rng.permutation(len(data))[:EPISODES], desc="inferred actions", unit="episode"):
        episode = data.episode(int(index))
        inferred.append(infer_actions(world, torch.from_numpy(episode.frames)[None])[0].cpu().numpy())
        if episode.actions is not None:
            true.append(episode.actions)
    actions = np.concatenate(inferred)
    if not isinstance(world.actions, DiscreteActions):
        return {"action_spread": float(actions.std(0).mean())}
    count = world.actions.count
    share = np.bincount(actions, minlength=count) / len(actions)
    found = {"code_perplexity": perplexity(actions, count), "codes_above_1_percent": float((share > 0.01).sum())}
    return found | _told_of(actions, np.concatenate(true)) if true else found


def _told_of(codes: np.ndarray, true: np.ndarray) -> dict[str, float]:
    """What codes [N] say of the true actions, [N] or [N, ...]."""
    if true.ndim > 1:
        return {"code_action_share": explained_share(codes, true.reshape(len(true), -1).astype(np.float64))}
    return {"code_action_mi_bits": mutual_information_bits(codes, true)}


def held_actions(evaluation: Evaluation) -> dict[str, Any]:
    """Each of the world's probes is held for `HELD` steps from each of `STARTS` real frames.

    Returns code_readback: how alike the action played and the one that is read off the imagined frames are (cosine; for
    codes, how often they are the same); code_effect_agreement: the share of the variance of the picture's whole
    displacement that the action explains. Where most pictures do not move as a whole (a camera that stands still), it is
    the displacement of the thing that the actions control.
    """
    world = evaluation.world
    starts = evaluation.clips(STARTS, 1)[:, 0]
    probes = torch.stack(list(world.actions.probes().values())).to(world.device)
    frames = starts.repeat_interleave(len(probes), 0)
    played = probes.repeat(STARTS, *[1] * (probes.ndim - 1))[:, None].expand(-1, HELD, *probes.shape[1:])
    imagined = rollout(world, frames, played, evaluation.config.seed, desc="held actions")
    read = infer_actions(world, imagined)
    moved = sum(picture_shift(imagined[:, t], imagined[:, t + 1]) for t in range(HELD))
    assert isinstance(moved, Tensor)
    moved = moved.unflatten(0, (STARTS, len(probes)))
    if moved.any(-1).float().mean() < 0.5:
        moved = thing_moved(imagined.unflatten(0, (STARTS, len(probes))).transpose(0, 1)).transpose(0, 1)
    alike = F.cosine_similarity(world.actions.embed(read), world.actions.embed(played), dim=-1)
    return {
        "code_readback": float(alike.mean()),
        "code_effect_agreement": explained_variance(moved.cpu().numpy()),
    }
