"""How a painted view is held against the real one: near it, and as crisp.

Legend: B views, H W image.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


def painting_loss(
    painted: Float[Tensor, "B 4 H W"],
    target: Float[Tensor, "B 4 H W"],
    covered: Bool[Tensor, "B H W"],
    patches: float,
) -> dict[str, Tensor]:
    """What is painted where nothing is covered: by pixel, by differences of neighbours, and by what patches there are
    (weighted `patches`), wherever they lie: of two guesses that are as near, the crisp one is better. Patches are compared
    in bands (Karras et al. 2018, arXiv:1710.10196), or colours would drown edges."""
    hole = (~covered)[:, None].float()
    size = hole.sum().clamp(min=1) * target.shape[1]
    error = (painted - target) * hole
    across, down = error[..., 1:] - error[..., :-1], error[..., 1:, :] - error[..., :-1, :]
    parts = {"pixels": error.abs().sum() / size, "gradient": (across.abs().sum() + down.abs().sum()) / size}
    whole = target + error
    parts["patches"] = torch.stack(
        [
            weight * patch_distance(first, second, hidden)
            for weight, first, second, hidden in zip(
                BANDS, _bands(whole[:, :3]), _bands(target[:, :3]), _smaller(covered), strict=True
            )
        ]
    ).sum()
    return {"total": parts["pixels"] + 0.5 * parts["gradient"] + patches * parts["patches"], **parts}


BANDS = (4.0, 1.0)  # weights: edges differ by less than areas do, and must count as much
SIDE, PATCHES, DIRECTIONS = 8, 32, 32


def patch_distance(
    images: Float[Tensor, "B 3 H W"], others: Float[Tensor, "B 3 H W"], covered: Bool[Tensor, "B H W"]
) -> Tensor:
    """The sliced Wasserstein distance between patches of two images (Rabin et al. 2011), drawn at the same places, where
    nothing is covered. Images with too few such places do not count."""
    blank = nn.functional.avg_pool2d(covered[:, None].float(), SIDE, 1)[:, 0] < 0.1
    rows, height, width = blank.shape
    drawn, index = (torch.rand(rows, height * width, device=images.device) + blank.flatten(1)).topk(PATCHES, 1)
    enough = (drawn.amin(1) >= 1).float()
    offset = torch.arange(SIDE, device=images.device)
    y = (index // width)[:, :, None, None] + offset[:, None]
    x = (index % width)[:, :, None, None] + offset
    row = torch.arange(rows, device=images.device)[:, None, None, None]
    first, second = (image[row, :, y, x].flatten(2) for image in (images, others))  # [B, PATCHES, SIDE·SIDE·3]
    directions = nn.functional.normalize(torch.randn(first.shape[2], DIRECTIONS, device=images.device), dim=0)
    apart = ((first @ directions).sort(1)[0] - (second @ directions).sort(1)[0]).abs().mean((1, 2))
    return (apart * enough).sum() / enough.sum().clamp(min=1)


def _bands(images: Float[Tensor, "B 3 H W"]) -> tuple[Tensor, Tensor]:
    """What is fine, and the rest at half the size: the first levels of a Laplacian pyramid."""
    half = nn.functional.avg_pool2d(images, 2)
    rest = nn.functional.interpolate(half, images.shape[-2:], mode="bilinear")
    return images - rest, half


def _smaller(covered: Bool[Tensor, "B H W"]) -> tuple[Tensor, Tensor]:
    """A mask, and at half the size where any of it is."""
    return covered, nn.functional.max_pool2d(covered[:, None].float(), 2)[:, 0] > 0
