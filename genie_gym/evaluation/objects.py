"""Small things that a mean error overlooks: are they still there, in rebuilt and in imagined frames?

Simulators declare things whose colour nothing else has. A thing counts as kept where the other frame has its colour within
one pixel. Legend: B frames, H W image.
"""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Bool, Int, UInt8
from torch import Tensor

from genie_gym.envs.simulators import ColourKey


def mask(key: ColourKey, frames: UInt8[Tensor, "B H W 3"]) -> Bool[Tensor, "B H W"]:
    """Where the thing's colour is."""
    low, high = frames.new_tensor(key.low), frames.new_tensor(key.high)
    found = ((frames >= low) & (frames <= high)).all(-1)
    return ~_grown(~found) if key.solid else found


def kept(
    key: ColourKey, real: UInt8[Tensor, "B H W 3"], other: UInt8[Tensor, "B H W 3"]
) -> tuple[Int[Tensor, " B"], Int[Tensor, " B"]]:
    """How many of the thing's pixels in each real frame are in the other one too, and how many there are."""
    there = mask(key, real)
    return (there & _grown(mask(key, other))).sum((1, 2)), there.sum((1, 2))


def _grown(area: Bool[Tensor, "B H W"]) -> Bool[Tensor, "B H W"]:
    return F.max_pool2d(area[:, None].float(), 3, stride=1, padding=1)[:, 0] > 0
