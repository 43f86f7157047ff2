"""Plans of views: colour and depth together, in cells of a few pixels. Tokens are squares of such cells.

Legend: B views, C channels, N tokens, E numbers of a token, H W image, h w cells.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from genie_gym.genie2.rgbd import pack
from genie_gym.geometry.reproject import Seen
from genie_gym.geometry.surroundings import spread

CELL = 4  # pixels a side
SIDE = 2  # cells a side of a token
KNOWN = 0.75  # the share of a cell's pixels that must be covered for it to be known


def coarse(images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C h w"]:
    """Means of cells; images are padded to the right and below to whole tokens."""
    height, width = images.shape[-2:]
    padding = (0, -width % (CELL * SIDE), 0, -height % (CELL * SIDE))
    return F.avg_pool2d(F.pad(images, padding, mode="replicate"), CELL)


def fine(plan: Float[Tensor, "B C h w"], size: Sequence[int]) -> Float[Tensor, "B C H W"]:
    """A plan as a soft picture."""
    whole = F.interpolate(plan, scale_factor=float(CELL), mode="bilinear", align_corners=False)
    return whole[..., : size[0], : size[1]]


def tokens(plan: Float[Tensor, "B 4 h w"]) -> Float[Tensor, "B N E"]:
    """A square of cells each, line by line."""
    return F.pixel_unshuffle(plan, SIDE).flatten(2).movedim(1, 2)


def known_cells(seen: Seen) -> tuple[Float[Tensor, "B 4 h w"], Bool[Tensor, "B h w"]]:
    """What is seen of a view, as a plan, and which of its cells are known."""
    packed = pack(seen.colours, seen.inverse_depth)
    known = coarse(seen.covered[:, None].float())[:, 0] >= KNOWN
    return torch.where(known[:, None], coarse(spread(packed, seen.covered)), 0.0), known
