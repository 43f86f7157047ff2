"""Colour and depth as one image for networks: the fourth channel is log depth, 0 at 5 cm and 1 at the sky.

Legend: B images, C channels, N tokens, E numbers of a token, H W image, h w cells.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from genie_gym.genie2.perception import NEAREST
from genie_gym.geometry.percept import SKY

CELL = 4  # pixels a side
SIDE = 2  # cells a side of a token
_NEAR, _RANGE = math.log(NEAREST), math.log(1 / SKY / NEAREST)


def pack(colours: Float[Tensor, "B 3 H W"], inverse_depth: Float[Tensor, "B H W"]) -> Float[Tensor, "B 4 H W"]:
    """Colours in [0, 1] and inverse depth (1/m)."""
    depth = (-inverse_depth.clamp(SKY, 1 / NEAREST).log() - _NEAR) / _RANGE
    return torch.cat([colours, depth[:, None]], 1)


def unpack(images: Float[Tensor, "B 4 H W"]) -> tuple[Float[Tensor, "B 3 H W"], Float[Tensor, "B H W"]]:
    """The way back."""
    return images[:, :3].clamp(0, 1), torch.exp(-(images[:, 3].clamp(0, 1) * _RANGE + _NEAR))


def tokens(images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B N E"]:
    """Squares of the means of cells, line by line; images are padded to the right and below to whole tokens."""
    height, width = images.shape[-2:]
    padding = (0, -width % (CELL * SIDE), 0, -height % (CELL * SIDE))
    cells = F.avg_pool2d(F.pad(images, padding, mode="replicate"), CELL)
    return F.pixel_unshuffle(cells, SIDE).flatten(2).movedim(1, 2)
