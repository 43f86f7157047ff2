"""Small things that a mean error overlooks: are coins and boxes still there, in rebuilt and in imagined frames?

CoinRun's easy mode has one theme, in which some things have a colour that nothing else has. A thing counts as kept where
the other frame has its colour within one pixel. Legend: B frames, H W image.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Bool, UInt8
from torch import Tensor


@dataclass(frozen=True)
class ColourKey:
    """Things whose pixels all lie between two colours (RGB, both included)."""

    low: tuple[int, int, int]
    high: tuple[int, int, int]
    solid: bool = False
    """Only pixels whose eight neighbours have the colour too: thin lines of it are something else."""

    def mask(self, frames: UInt8[Tensor, "B H W 3"]) -> Bool[Tensor, "B H W"]:
        low, high = frames.new_tensor(self.low), frames.new_tensor(self.high)
        found = ((frames >= low) & (frames <= high)).all(-1)
        return ~_grown(~found) if self.solid else found


OBJECTS = {
    "GenieSim/CoinRun-v0": {
        "coin": ColourKey((200, 150, 0), (255, 225, 70)),
        "box": ColourKey((135, 80, 30), (205, 145, 95), solid=True),  # the ground's edge has this colour, in a thin line
    }
}


def kept(key: ColourKey, real: UInt8[Tensor, "B H W 3"], other: UInt8[Tensor, "B H W 3"]) -> tuple[Tensor, Tensor]:
    """How many of the thing's pixels in each real frame are in the other one too, and how many there are: each [B]."""
    there = key.mask(real)
    return (there & _grown(key.mask(other))).sum((1, 2)), there.sum((1, 2))


def _grown(mask: Bool[Tensor, "B H W"]) -> Bool[Tensor, "B H W"]:
    return F.max_pool2d(mask[:, None].float(), 3, stride=1, padding=1)[:, 0] > 0
