"""Do frames show one place, walked through? A score from frames alone: depth is estimated, motion is read off neighbours.

Legend: B clips, T frames, H W image.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from genie_gym.geometry.consistency import MultiViewConsistencyLoss
from genie_gym.geometry.percept import Percept
from genie_gym.geometry.pose import motion_to_pose
from genie_gym.models.motion.latent_action import LatentActionModel
from genie_gym.models.tokenizer import as_float

MIDDLE, STEEPNESS = 0.64, 7.0
"""The disagreement at which a clip scores one half, and how fast the score falls there: the logistic regression, over the
log of the disagreement, that tells real clips of training recordings from spoiled ones (`evaluation.spoiled`), both weighted
alike."""

Perception = Callable[[Float[Tensor, "T 3 H W"]], Percept]
"""As `perception.DepthEstimator`."""


def consistency_score(
    perception: Perception, actions: LatentActionModel, frames: UInt8[Tensor, "B T H W 3"]
) -> Float[Tensor, " B"]:
    """See `Genie2World.ensure_consistency`. Each clip by itself: what the others are changes no score."""
    loss = MultiViewConsistencyLoss(actions.camera)
    loss.check(*frames.shape[1:4])
    disagreement = torch.stack([_disagreement(perception, actions, loss, as_float(clip)) for clip in frames])
    return 1 / (1 + (disagreement / MIDDLE) ** STEEPNESS)


def _disagreement(
    perception: Perception, actions: LatentActionModel, loss: MultiViewConsistencyLoss, clip: Float[Tensor, "T 3 H W"]
) -> Float[Tensor, ""]:
    """0 for frames that show one place without fault. The camera goes no farther than actions can take it: between frames
    out of order it ends up elsewhere, and what it sees there does not agree."""
    percept = perception(clip)
    still = torch.where(percept.pushable | percept.being, 0.0, percept.inverse_depth)
    read = actions.infer(clip[:-1], clip[1:], percept.inverse_depth[1:])
    poses = [torch.eye(4, device=clip.device)]
    for step in motion_to_pose(actions.motion(read)):
        poses.append(poses[-1] @ step)
    return loss(clip[None], still[None], torch.stack(poses)[None])
