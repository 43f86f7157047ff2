"""What might lie beside what was seen: pictures continued past their edges, without any network.

`spread` carries colours outward until they are mist; `mirror` folds the picture over at its edge, so that what it shows is
as crisp as what was seen. Both are material for a network to choose from.

Legend: B images, C channels, H W image.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

COARSE = 4  # pixels a side of a cell of mist
ROUNDS = 24  # of spreading, two cells each
BEHIND = 0.7  # the share of the other edge's inverse depth from which an edge lies behind it
SIDEWAYS = 1.5  # an edge above or below counts for so much farther: the world goes on to the sides as it is


def spread(images: Float[Tensor, "B C H W"], known: Bool[Tensor, "B H W"]) -> Float[Tensor, "B C H W"]:
    """Unknown pixels get what the known ones around them have on average, the nearer the more."""
    height, width = images.shape[-2:]
    padding = (0, -width % COARSE, 0, -height % COARSE)
    mask = known[:, None].float()
    cells = F.avg_pool2d(F.pad(torch.cat([images * mask, mask], 1), padding), COARSE)
    cells = cells / cells[:, -1:].clamp(min=1e-6)  # the last channel: 1 where there is something, else 0
    for _ in range(ROUNDS):
        if cells[:, -1].all():
            break
        around = _sum_around(cells)
        cells = torch.where(cells[:, -1:] > 0, cells, around / around[:, -1:].clamp(min=1e-6))
    mist = F.interpolate(cells[:, :-1], scale_factor=COARSE, mode="bilinear", align_corners=False)[..., :height, :width]
    return torch.where(known[:, None], images, mist)


def _sum_around(cells: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
    """Of each place and two more to every side."""
    height, width = cells.shape[-2:]
    padded = F.pad(cells, (2, 2, 2, 2))
    lines = torch.stack([padded[..., k : k + height, :] for k in range(5)]).sum(0)
    return torch.stack([lines[..., k : k + width] for k in range(5)]).sum(0)


def mirror(
    images: Float[Tensor, "B C H W"],
    inverse_depth: Float[Tensor, "B H W"],
    known: Bool[Tensor, "B H W"],
    stretch: Float[Tensor, " B"],
) -> tuple[Float[Tensor, "B C H W"], Bool[Tensor, "B H W"]]:
    """Unknown pixels show what lies as far on the other side of an edge, in their own line or column; `stretch` times as
    far, so that different ones make different pictures. Also, where there is such a thing, the known pixels included.

    The edge is the nearest one; but between two of which one is nearer to the camera, the other: what comes out from behind
    something is the background.
    """
    width = known.shape[2]
    source_x, far_x = _fold(known, inverse_depth, stretch)
    source_y, far_y = (part.mT for part in _fold(known.mT, inverse_depth.mT, stretch))
    rows = torch.arange(known.shape[1], device=known.device)[:, None]
    columns = torch.arange(width, device=known.device)
    across = torch.where(far_x <= SIDEWAYS * far_y, rows * width + source_x, source_y * width + columns)
    index = torch.where(known, rows * width + columns, across).flatten(1)
    found = known.flatten(1).gather(1, index).unflatten(1, known.shape[1:])
    shown = images.flatten(2).gather(2, index[:, None].expand(-1, images.shape[1], -1)).unflatten(2, known.shape[1:])
    return shown, found


def _fold(
    known: Bool[Tensor, "B H W"], inverse_depth: Float[Tensor, "B H W"], stretch: Float[Tensor, " B"]
) -> tuple[Int[Tensor, "B H W"], Float[Tensor, "B H W"]]:
    """Of each pixel, the column that its line shows when it is folded over at a known one, and how far that is."""
    size = known.shape[-1]
    none = 4 * size
    place = torch.arange(size, device=known.device).expand(known.shape)
    left = torch.where(known, place, -none).cummax(-1)[0]
    right = torch.where(known, place, none).flip(-1).cummin(-1)[0].flip(-1)
    near_left = inverse_depth.gather(-1, left.clamp(min=0))
    near_right = inverse_depth.gather(-1, right.clamp(max=size - 1))
    behind_left, behind_right = near_left < BEHIND * near_right, near_right < BEHIND * near_left
    both = (left >= 0) & (right < size)
    to_left = torch.where(both & (behind_left | behind_right), behind_left, place - left <= right - place)
    edge = torch.where(to_left, left, right)
    source = edge + (stretch[:, None, None] * (edge - place)).round().long()
    return source.clamp(0, size - 1), (place - edge).abs().float()
