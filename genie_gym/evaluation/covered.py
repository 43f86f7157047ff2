"""Which pixels of a frame show surfaces that an earlier frame saw, and how alike two frames are on some pixels alone.

Legend: B frames, H W image.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

from genie_gym.evaluation.metrics import PSNR_CAP
from genie_gym.geometry.camera import Camera
from genie_gym.geometry.pose import invert
from genie_gym.geometry.reproject import NEAREST, in_view, project, same_surface
from genie_gym.models.tokenizer import as_float

FEWEST = 0.005  # share of the picture: of fewer pixels nothing is said


def seen_before(
    depth: Float[Tensor, "B H W"],
    pose: Float[Tensor, "B 4 4"],
    before_depth: Float[Tensor, "B H W"],
    before_pose: Float[Tensor, "B 4 4"],
    camera: Camera,
) -> Bool[Tensor, "B H W"]:
    """The pixels of a frame whose surface the frame before it showed too: each is looked up there, and is the same surface
    where the depths agree as `geometry.reproject` asks. What moved meanwhile is not where it was, so it is not seen before.

    Depths are metres, poses camera to world, both of the truth; a `before_depth` of inf is a pixel that shall not count.
    """
    place, expected = project((invert(before_pose) @ pose)[:, None], depth[:, None], camera)
    place, expected = place[:, 0], expected[:, 0]
    wanted = 1 / expected.clamp(min=NEAREST)
    inside = in_view(place, expected)
    agrees = torch.zeros_like(inside)
    for mode in ("bilinear", "nearest"):  # exact on surfaces, and at their edges
        found = F.grid_sample((1 / before_depth)[:, None], place, mode, padding_mode="border", align_corners=False)[:, 0]
        agrees |= same_surface(found, wanted)
    return agrees & inside


def masked_psnr(
    real: UInt8[Tensor, "B H W 3"], other: UInt8[Tensor, "B H W 3"], mask: Bool[Tensor, "B H W"]
) -> Float[Tensor, " B"]:
    """PSNR (dB, at most `PSNR_CAP`) of the pixels of `mask`; NaN where they are fewer than `FEWEST`."""
    error = (real.float() - other.float()).square().mean(-1) / 255**2
    mse = (error * mask).sum((1, 2)) / mask.sum((1, 2)).clamp(min=1)
    value = (-10 * torch.log10(mse.clamp_min(1e-12))).clamp(max=PSNR_CAP)
    return value.masked_fill(mask.float().mean((1, 2)) < FEWEST, torch.nan)


def masked_ssim(
    real: UInt8[Tensor, "B H W 3"], other: UInt8[Tensor, "B H W 3"], mask: Bool[Tensor, "B H W"]
) -> Float[Tensor, " B"]:
    """SSIM (Wang et al. 2004) in the windows around the pixels of `mask`; NaN where they are fewer than `FEWEST`."""
    _, picture = structural_similarity_index_measure(
        as_float(other), as_float(real), data_range=1.0, reduction="none", return_full_image=True
    )
    value = (picture.mean(1) * mask).sum((1, 2)) / mask.sum((1, 2)).clamp(min=1)
    return value.masked_fill(mask.float().mean((1, 2)) < FEWEST, torch.nan)


def edge_energy(frames: UInt8[Tensor, "B H W 3"], mask: Bool[Tensor, "B H W"]) -> Float[Tensor, " B"]:
    """Squared differences of pixels side by side (colours from 0 to 1), summed where `mask` holds with a pixel to spare, so
    that its own border is no edge."""
    image = as_float(frames)
    across = F.pad((image[..., 1:] - image[..., :-1]).square().sum(1), (0, 1))
    down = F.pad((image[:, :, 1:] - image[:, :, :-1]).square().sum(1), (0, 0, 0, 1))
    return ((across + down) * eroded(mask)).sum((1, 2))


def eroded(mask: Bool[Tensor, "B H W"]) -> Bool[Tensor, "B H W"]:
    """Pixels of `mask` whose eight neighbours are in it too; none at the picture's border."""
    return F.max_pool2d(F.pad((~mask)[:, None].float(), (1, 1, 1, 1), value=1.0), 3, 1)[:, 0] == 0
