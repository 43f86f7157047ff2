"""A small U-Net over images of any size.

Ronneberger et al. 2015 (arXiv:1505.04597), on pixels that are unshuffled first: the finest level costs most, and so it is
smaller than the image.

Legend: B batch, I channels in, O channels out, H W image.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


@dataclass(frozen=True)
class UNetConfig:
    widths: tuple[int, ...] = (32, 64, 96, 128)
    """Channels of each level; each is half as large as the one before."""
    depth: int = 1
    """Convolutions a level, on the way down, besides the one that halves."""
    patch: int = 2
    """The finest level has one place for so many pixels a side."""


class UNet(nn.Module):
    """Images in, images out. Starts by saying 0."""

    def __init__(self, channels_in: int, channels_out: int, config: UNetConfig):
        super().__init__()
        widths = config.widths
        self.enter = _conv(config.patch**2 * channels_in, widths[0])
        self.down = nn.ModuleList(
            nn.Sequential(_conv(fine, coarse, stride=2), *[_conv(coarse, coarse) for _ in range(config.depth)])
            for fine, coarse in itertools.pairwise(widths)
        )
        self.up = nn.ModuleList(_conv(coarse + fine, fine) for fine, coarse in itertools.pairwise(widths))
        self.leave = nn.Conv2d(widths[0], config.patch**2 * channels_out, 1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)  # type: ignore[arg-type]
        self.patch = config.patch
        self.align = config.patch * 2 ** (len(widths) - 1)

    def forward(self, images: Float[Tensor, "B I H W"]) -> Float[Tensor, "B O H W"]:
        return self.draw(self.features(images)[0], images)

    def features(self, images: Float[Tensor, "B I H W"]) -> list[Tensor]:
        """What each level holds on the way up, the finest first: `widths[i]` channels, 2^i `patch`es a place. Images are
        padded to the right and below to whole places of the coarsest level."""
        height, width = images.shape[-2:]
        padded = F.pad(images, (0, -width % self.align, 0, -height % self.align), mode="replicate")
        x = self.enter(F.pixel_unshuffle(padded, self.patch).contiguous(memory_format=torch.channels_last))
        levels = [x]
        for down in self.down:
            levels.append(down(levels[-1]))
        x = levels.pop()
        risen = [x]
        for up in reversed(self.up):
            x = up(torch.cat([F.interpolate(x, scale_factor=2.0, mode="nearest"), levels.pop()], 1))
            risen.append(x)
        return risen[::-1]

    def draw(self, finest: Tensor, like: Float[Tensor, "B I H W"]) -> Float[Tensor, "B O H W"]:
        """Images of the size of `like` from the finest level's features."""
        return F.pixel_shuffle(self.leave(finest), self.patch)[..., : like.shape[-2], : like.shape[-1]]


def places(like: Float[Tensor, "B I H W"]) -> Float[Tensor, "B 2 H W"]:
    """Where each pixel is, as two more channels: down and to the right, from -1 to 1."""
    rows, _, height, width = like.shape
    down = torch.linspace(-1, 1, height, device=like.device)[:, None].expand(height, width)
    right = torch.linspace(-1, 1, width, device=like.device).expand(height, width)
    return torch.stack([down, right]).expand(rows, -1, -1, -1)


def _conv(channels_in: int, channels_out: int, stride: int = 1) -> nn.Sequential:
    groups = max(1, channels_out // 16)
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False), nn.GroupNorm(groups, channels_out), nn.ReLU()
    )
