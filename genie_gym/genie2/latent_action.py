"""Latent actions of a 3D place: how the camera moved, learned from pairs of frames alone.

An encoder reads two neighbouring frames and writes a few numbers in [-1, 1]; a decoder must rebuild the second frame from
the first and these numbers, and may only move the camera (Genie's idea, arXiv:2402.15391, with the decoder of unsupervised
ego-motion, Zhou et al. 2017, arXiv:1704.07813). So the numbers come to be the motion, up to a linear map, which the decoder
is. Direct alignment then sharpens what is read off real frames to a fraction of a pixel.

Legend: B pairs, A latent action size, H W image.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from genie_gym.geometry.align import align
from genie_gym.geometry.camera import Camera
from genie_gym.geometry.pose import motion_to_pose
from genie_gym.geometry.reproject import NEAREST, project

LARGEST = (0.25, 0.25, 0.25, 0.12, 0.12, 0.12)
"""The motion a step that actions of 1 begin as: metres and radians."""
SCALES = (8, 4, 2, 1)
ROBUST = 0.1


@dataclass(frozen=True)
class LatentActionConfig:
    size: int = 6
    widths: tuple[int, ...] = (32, 48, 64, 96, 128)


class MotionEncoder(nn.Module):
    """Two frames and the second one's inverse depth to a latent action."""

    def __init__(self, config: LatentActionConfig, camera: Camera):
        super().__init__()
        widths = config.widths
        halved = 2 ** len(widths)
        cells = -(-camera.height // halved) * -(-camera.width // halved)
        layers: list[nn.Module] = [nn.Conv2d(7 * 4, widths[0], 3, 1, 1), nn.GroupNorm(2, widths[0]), nn.ReLU()]
        for fine, coarse in itertools.pairwise(widths):
            layers += [nn.Conv2d(fine, coarse, 3, 2, 1), nn.GroupNorm(max(1, coarse // 16), coarse), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.squeeze = nn.Conv2d(widths[-1], 32, 1)
        self.out = nn.Sequential(nn.Linear(32 * cells, 128), nn.ReLU(), nn.Linear(128, config.size))

    def forward(
        self, before: Float[Tensor, "B 3 H W"], after: Float[Tensor, "B 3 H W"], inverse_depth: Float[Tensor, "B H W"]
    ) -> Float[Tensor, "B A"]:
        x = torch.cat([before * 2 - 1, after * 2 - 1, inverse_depth.clamp(max=2)[:, None]], 1)
        x = F.pixel_unshuffle(F.pad(x, (0, -x.shape[-1] % 2, 0, -x.shape[-2] % 2), mode="replicate"), 2)
        x = self.squeeze(self.features(x.contiguous(memory_format=torch.channels_last)))
        return torch.tanh(self.out(x.flatten(1)))


class LatentActionModel(nn.Module):
    """`infer` reads the action that led from one frame to the next; `motion` says how it moves the camera."""

    def __init__(self, config: LatentActionConfig, camera: Camera):
        super().__init__()
        self.config, self.camera = config, camera
        self.encoder = MotionEncoder(config, camera)
        self.decoder = nn.Parameter(torch.diag(torch.tensor(LARGEST))[:, : config.size].clone())

    def motion(self, actions: Float[Tensor, "*batch A"]) -> Float[Tensor, "*batch 6"]:
        """The camera's motion (see `geometry.pose`)."""
        return actions @ self.decoder.T

    def action(self, motion: Float[Tensor, "*batch 6"]) -> Float[Tensor, "*batch A"]:
        """The action that moves the camera so, as far as actions go."""
        return (motion @ torch.linalg.pinv(self.decoder).T).clamp(-1, 1)

    def infer(
        self, before: Float[Tensor, "B 3 H W"], after: Float[Tensor, "B 3 H W"], inverse_depth: Float[Tensor, "B H W"]
    ) -> Float[Tensor, "B A"]:
        """The action between two frames, of which the second one's `inverse_depth` is known."""
        guess = self.motion(self.encoder(before, after, inverse_depth))
        return self.action(align(before, after, inverse_depth, guess, self.camera))


def rebuild(
    before: Float[Tensor, "B 3 H W"], inverse_depth: Float[Tensor, "B H W"], motion: Float[Tensor, "B 6"], camera: Camera
) -> tuple[Float[Tensor, "B 3 H W"], Float[Tensor, "B 1 H W"]]:
    """The second frame, out of the first one's pixels alone, and where it has any."""
    place, depth = project(motion_to_pose(motion)[:, None], (1 / inverse_depth)[:, None], camera)
    inside = ((place[:, 0].abs() <= 1).all(-1) & (depth[:, 0] > NEAREST)).float()
    return F.grid_sample(before, place[:, 0], padding_mode="border", align_corners=False), inside[:, None]


def latent_action_loss(
    model: LatentActionModel,
    before: Float[Tensor, "B 3 H W"],
    after: Float[Tensor, "B 3 H W"],
    inverse_depth: Float[Tensor, "B H W"],
) -> dict[str, Tensor]:
    """How unlike the second frame is what the decoder rebuilds of it, from coarse to fine."""
    actions = model.encoder(before, after, inverse_depth)
    motion = model.motion(actions)
    total = before.new_zeros(())
    for scale in SCALES:
        first, second = F.avg_pool2d(before, scale), F.avg_pool2d(after, scale)
        near = F.interpolate(inverse_depth[:, None], second.shape[-2:], mode="nearest")[:, 0]
        small = Camera(second.shape[-2], second.shape[-1], model.camera.focal / scale)
        rebuilt, inside = rebuild(first, near, motion, small)
        error = (rebuilt - second).abs().mean(1, keepdim=True)
        error = error / (error.detach() + ROBUST)  # raindrops and things that move by themselves count little
        total = total + (error * inside).sum() / inside.sum().clamp(min=1)
    return {"total": total / len(SCALES), "spread": actions.detach().std(0).mean()}
