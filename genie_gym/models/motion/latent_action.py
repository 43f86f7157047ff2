"""Latent actions of a 3D place: how the camera moved, read off pairs of frames alone.

Genie (arXiv:2402.15391) names the change between two frames with an encoder, and lets a decoder rebuild the second frame
from the first and that name. Here the decoder may only move the camera: so the name is a motion, and the encoder is the
search for the motion that makes the two frames look alike (`geometry.align`), which no network that was trained for minutes
came near to (docs/experiments.md). What is learned is the measure of each axis: how far the cameras of the video go in a
step.

Legend: B pairs, A = 6 numbers of an action, H W image.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genie_gym.geometry.align import align
from genie_gym.geometry.camera import Camera

SIZE = 6
BEGIN = (0.1, 0.1, 0.1, 0.05, 0.05, 0.05)
"""Of what an action of 1 moves the camera, before it is learned: metres and radians."""


@dataclass(frozen=True)
class LatentActionConfig:
    quantile: float = 0.995
    """The share of the video's motions along each axis that lies within …"""
    margin: float = 1.25
    """… 1 over this of what an action can do."""


class LatentActionModel(nn.Module):
    """`infer` reads the action that led from one frame to the next; `motion` says how it moves the camera."""

    def __init__(self, config: LatentActionConfig, camera: Camera):
        super().__init__()
        self.config, self.camera = config, camera
        self.log_units = nn.Parameter(torch.tensor(BEGIN).log())

    @property
    def units(self) -> Float[Tensor, " A"]:
        """The motion (see `geometry.pose`) of an action of 1 along each axis."""
        return self.config.margin * self.log_units.exp()

    def motion(self, actions: Float[Tensor, "*batch A"]) -> Float[Tensor, "*batch A"]:
        """The camera's motion: right, down, forward in metres; the rotation vector in radians."""
        return actions * self.units

    def action(self, motion: Float[Tensor, "*batch A"]) -> Float[Tensor, "*batch A"]:
        """The action that moves the camera so, as far as actions go."""
        return (motion / self.units).clamp(-1, 1)

    def infer(
        self, before: Float[Tensor, "B 3 H W"], after: Float[Tensor, "B 3 H W"], inverse_depth: Float[Tensor, "B H W"]
    ) -> Float[Tensor, "B A"]:
        """The action between two frames, of which the second one's `inverse_depth` (1/m) is known."""
        return self.action(align(before, after, inverse_depth, self.camera))


def latent_action_loss(model: LatentActionModel, motion: Float[Tensor, "B A"]) -> dict[str, Tensor]:
    """The pinball loss (Koenker and Bassett 1978), least where the units are the quantile of the motions that were read."""
    above = motion.abs().clamp(min=1e-4).log() - model.log_units
    quantile = model.config.quantile
    return {"total": torch.maximum(quantile * above, (quantile - 1) * above).mean()}
