"""Rain and snow: where drops are in each row's picture. They fall through a box around the camera, and those that leave it
come in again on the other side, so that they stay where they are in the world while the camera moves.

Legend: B rows, K drops a row.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genie_gym.geometry.camera import Camera
from genie_gym.models.row_random import uniform
from genie_gym.places.ground import Ground

MOST = 1000  # drops a row
BOX = (16.0, 16.0, 9.0)  # metres around the camera
RAIN, SNOW = (0.7, 0.3, -9.0), (0.5, 0.35, -1.3)  # metres a second
NEAREST = 0.4  # metres
STREAM = 71  # of the rows' random numbers


def drops(
    ground: Ground, fall: Float[Tensor, "B 6"], poses: Float[Tensor, "B 4 4"], camera: Camera, step: Int[Tensor, " B"],
    seconds: float,
) -> Float[Tensor, "B K 3"]:  # fmt: skip
    """Column, line and depth of each drop; depth 0 for what is not seen. `fall` is `light.Light.fall`."""
    seeds = ground.seed
    at = uniform(seeds, torch.zeros_like(seeds), STREAM, MOST * 3).unflatten(1, (MOST, 3))
    box = torch.tensor(BOX, device=at.device)
    speed = torch.where(fall[:, 1:2] > 0.5, torch.tensor(SNOW, device=at.device), torch.tensor(RAIN, device=at.device))
    eye = poses[:, None, :3, 3]
    corner = eye - box / 2
    gone = (speed.double() * (step.double() * seconds)[:, None]).float()
    world = torch.remainder(at * box + gone[:, None] - corner, box) + corner
    away = world - eye
    x, y, z = (
        away[..., 0] * poses[:, None, 0, k] + away[..., 1] * poses[:, None, 1, k] + away[..., 2] * poses[:, None, 2, k]
        for k in range(3)
    )
    falls = torch.arange(MOST, device=at.device) < (fall[:, :1] * 1000)
    seen = falls & (z > NEAREST) & ~ground.under_roof(world[..., :2])
    near = 1 / z.clamp(min=NEAREST)
    u, v = x * near * camera.focal + camera.width / 2, y * near * camera.focal + camera.height / 2
    return torch.stack([u, v, torch.where(seen, z, 0.0)], -1)
