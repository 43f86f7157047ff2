"""Direct image alignment: how a camera moved between two frames, to a fraction of a pixel.

Gauss-Newton on the photometric error, as in Kerl et al. 2013 (Robust odometry estimation for RGB-D cameras): the next
frame's surfaces are looked up in the frame before, and the motion is corrected until they look alike.

Legend: B pairs, N = H·W pixels, H W image.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from genie_gym.geometry.camera import Camera
from genie_gym.geometry.pose import motion_to_pose, pose_to_motion
from genie_gym.geometry.reproject import NEAREST, in_view

DAMPING = 1e-3
SCHEDULE = (
    (3, 0.4), (3, 0.3), (3, 0.2), (2, 0.3), (2, 0.2), (2, 0.15), (1, 0.1), (1, 0.08), (1, 0.05), (0, 0.04), (0, 0.03),
)  # fmt: skip
"""Each iteration: how often the images are halved, so that motions of many pixels become small; and the error (a grey level
of 1) that counts a quarter, above which pixels count less and less: raindrops and things that move by themselves are left
out."""


def align(
    before: Float[Tensor, "B 3 H W"],
    after: Float[Tensor, "B 3 H W"],
    inverse_depth: Float[Tensor, "B H W"],
    camera: Camera,
) -> Float[Tensor, "B 6"]:
    """The motion (see `geometry.pose`) from the camera of `before` to that of `after`, whose `inverse_depth` is given. The
    search begins at rest: what moves by a tenth of the image's width is found."""
    before, after, inverse_depth = (_trim(x) for x in (before, after, inverse_depth))
    pose = motion_to_pose(inverse_depth.new_zeros(len(inverse_depth), 6))
    before, after = before.mean(1, keepdim=True), after.mean(1, keepdim=True)
    for halvings, outlier in SCHEDULE:
        scale = 2**halvings
        first, second = _shrink(before, scale), _shrink(after, scale)
        size = second.shape[-2:]
        small = Camera(size[0], size[1], camera.focal / scale)
        near = F.interpolate(inverse_depth[:, None], size, mode="nearest")[:, 0]
        pose = _correct(first, second, near, pose, small, outlier)
    return pose_to_motion(pose)


def _correct(
    before: Float[Tensor, "B 1 H W"],
    after: Float[Tensor, "B 1 H W"],
    inverse_depth: Float[Tensor, "B H W"],
    pose: Float[Tensor, "B 4 4"],
    camera: Camera,
    outlier: float,
) -> Float[Tensor, "B 4 4"]:
    """One step of Gauss-Newton."""
    depth = (1 / inverse_depth).flatten(1)[:, None]
    points = pose[:, :3, :3] @ (camera.rays(depth.device) * depth) + pose[:, :3, 3:]  # [B, 3, N]
    x, y, z = points.unbind(1)
    near = 1 / z.clamp(min=NEAREST)
    u, v = x * near * camera.focal, y * near * camera.focal
    place = torch.stack([u * (2 / camera.width), v * (2 / camera.height)], -1)  # [B, N, 2]
    padded = F.pad(before, (1, 1, 1, 1), mode="replicate")
    dx = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    dy = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
    looked_up = F.grid_sample(torch.cat([before, dx, dy], 1), place[:, None], padding_mode="border", align_corners=False)
    value, gx, gy = looked_up[:, :, 0].unbind(1)  # [B, N]
    error = value - after.flatten(1)
    weight = in_view(place, z) / (1 + (error / outlier) ** 2) ** 2
    # How the grey level changes when the camera moves, and turns: [B, N, 6].
    to_x, to_y = gx * camera.focal * near, gy * camera.focal * near
    to_z = -(gx * u + gy * v) * near
    jacobian = torch.stack([to_x, to_y, to_z, to_z * y - to_y * z, to_x * z - to_z * x, to_y * x - to_x * y], -1)
    weighted = jacobian * weight[..., None]
    normal = weighted.mT @ jacobian
    normal = normal + DAMPING * torch.diag_embed(normal.diagonal(dim1=-2, dim2=-1) + 1e-6)
    step = torch.linalg.solve(normal, -(weighted.mT @ error[..., None]))[..., 0]
    return motion_to_pose(step) @ pose


def _trim(images: Float[Tensor, "*batch H W"]) -> Tensor:
    """Without the outermost lines and columns, so that halving leaves the optical axis in the middle."""
    size = 2 ** max(halvings for halvings, _ in SCHEDULE)
    down, across = (side % size // 2 for side in images.shape[-2:])
    height, width = (side - side % size for side in images.shape[-2:])
    return images[..., down : down + height, across : across + width]


def _shrink(image: Float[Tensor, "B 1 H W"], scale: int) -> Tensor:
    return image if scale == 1 else F.avg_pool2d(image, scale)
