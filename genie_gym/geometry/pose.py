"""Rigid poses as matrices, camera to world, and motions as six numbers.

A motion is (x, y, z, rx, ry, rz): where the next camera stands, in metres along the axes of the one before (x right, y down,
z forward), and how it is turned, as a rotation vector in radians. ry above 0 turns to the right, rx above 0 looks up.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

_SMALL = 1e-6


def invert(pose: Float[Tensor, "*batch 4 4"]) -> Float[Tensor, "*batch 4 4"]:
    """The way back of a rigid pose."""
    rotation = pose[..., :3, :3].mT
    return _join(rotation, -(rotation @ pose[..., :3, 3:])[..., 0])


def motion_to_pose(motion: Float[Tensor, "*batch 6"]) -> Float[Tensor, "*batch 4 4"]:
    """The pose of the next camera in the coordinates of the one before."""
    return _join(rotation_matrix(motion[..., 3:]), motion[..., :3])


def pose_to_motion(pose: Float[Tensor, "*batch 4 4"]) -> Float[Tensor, "*batch 6"]:
    """The inverse of `motion_to_pose`, for turns of less than half a circle."""
    rotation = pose[..., :3, :3]
    sine = (
        torch.stack(
            [
                rotation[..., 2, 1] - rotation[..., 1, 2],
                rotation[..., 0, 2] - rotation[..., 2, 0],
                rotation[..., 1, 0] - rotation[..., 0, 1],
            ],
            -1,
        )
        / 2
    )  # the axis times the sine of the angle
    cosine = (rotation.diagonal(dim1=-2, dim2=-1).sum(-1) - 1) / 2
    length = sine.norm(dim=-1)
    angle = torch.atan2(length.double(), cosine.double()).to(length)  # else it is rounded as the number of rows has it
    scale = torch.where(length > _SMALL, angle / length.clamp(min=_SMALL), 1.0)
    return torch.cat([pose[..., :3, 3], sine * scale[..., None]], -1)


def rotation_matrix(vector: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Rodrigues' formula, differentiable at rest too."""
    square = (vector * vector).sum(-1)[..., None, None]
    angle = square.clamp(min=_SMALL**2).sqrt()
    first = torch.where(square > _SMALL, torch.sin(angle) / angle, 1 - square / 6)
    second = torch.where(square > _SMALL, (1 - torch.cos(angle)) / angle**2, 0.5 - square / 24)
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))
    return torch.eye(3, dtype=vector.dtype, device=vector.device) + first * cross + second * (cross @ cross)


def _join(rotation: Float[Tensor, "*batch 3 3"], translation: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 4 4"]:
    upper = torch.cat([rotation, translation[..., None]], -1)
    lower = torch.zeros_like(upper[..., :1, :])
    lower[..., 3] = 1
    return torch.cat([upper, lower], -2)
