"""A small U-Net over images of any size.

Ronneberger et al. 2015 (arXiv:1505.04597), on pixels that are unshuffled first: the finest level costs most, and so it is
smaller than the image.

Legend: B batch, I channels in, O channels out, V channels, N as many or more of them, H W image.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from genie_gym.errors import GenieGymError

GROUP = 16  # channels that are normalised together
APART = 0.05  # of a weight's size: by so much copies of it differ


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
        self.widths, self.depth, self.patch = widths, config.depth, config.patch
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

    @torch.no_grad()
    def widen(self, other: UNet) -> list[Int[Tensor, " N"]]:
        """Takes over what a narrower network has learned, or one as wide: each of its channels stands here as often as there
        is room (Net2WiderNet, Chen et al. 2016, arXiv:1511.05641); copies differ a little, so that they part. Returns which
        of its channels each one copies, level by level. It says the same but for these differences, where channels that are
        normalised together stay so: widths of `GROUP`s, and such as stay.

        Raises:
            GenieGymError: for a network that is wider, or differs in more than its widths.
        """
        alike = (len(self.widths), self.depth, self.patch) == (len(other.widths), other.depth, other.patch)
        if not alike or any(here < there for here, there in zip(self.widths, other.widths, strict=True)):
            raise GenieGymError(
                f"a U-Net of widths {self.widths}, depth {self.depth} and patches of {self.patch} cannot begin with one of "
                f"{other.widths}, {other.depth} and {other.patch}: it is as wide or wider, and otherwise the same."
            )
        levels = [_copies(there, here) for here, there in zip(self.widths, other.widths, strict=True)]
        _widen(self.enter, other.enter, torch.arange(_layers(other.enter)[0].in_channels), levels[0])
        for level, (down, theirs) in enumerate(zip(self.down, other.down, strict=True)):
            for number, (new, old) in enumerate(zip(down.children(), theirs.children(), strict=True)):
                _widen(new, old, levels[level + min(number, 1)], levels[level + 1])
        for level, (up, theirs) in enumerate(zip(self.up, other.up, strict=True)):
            _widen(up, theirs, torch.cat([levels[level + 1], levels[level] + other.widths[level + 1]]), levels[level])
        self.leave.weight.copy_(shared_out(other.leave.weight, levels[0]))
        self.leave.bias.copy_(other.leave.bias)  # type: ignore[union-attr, arg-type]
        return levels


def shared_out(weight: Float[Tensor, "O V ..."], copied: Int[Tensor, " N"]) -> Float[Tensor, "O N ..."]:
    """Weights for inputs of which each copies another, as often as `copied` says, that come to the same."""
    times = torch.bincount(copied)[copied]
    return weight[:, copied] / times.reshape(-1, *[1] * (weight.ndim - 2))


def places(like: Float[Tensor, "B I H W"]) -> Float[Tensor, "B 2 H W"]:
    """Where each pixel is, as two more channels: down and to the right, from -1 to 1."""
    rows, _, height, width = like.shape
    down = torch.linspace(-1, 1, height, device=like.device)[:, None].expand(height, width)
    right = torch.linspace(-1, 1, width, device=like.device).expand(height, width)
    return torch.stack([down, right]).expand(rows, -1, -1, -1)


def _conv(channels_in: int, channels_out: int, stride: int = 1) -> nn.Sequential:
    groups = max(1, channels_out // GROUP)
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False), nn.GroupNorm(groups, channels_out), nn.ReLU()
    )


def _copies(channels: int, wider: int) -> Int[Tensor, " N"]:
    """Which channel each of `wider` ones copies: groups of a normalisation stay together, where there are whole ones."""
    group = GROUP if channels % GROUP == 0 else channels
    return torch.arange(wider) // group * group % channels + torch.arange(wider) % group


def _widen(new: nn.Module, old: nn.Module, inputs: Int[Tensor, " V"], outputs: Int[Tensor, " N"]) -> None:
    """A `_conv` that does what a narrower one does."""
    (convolution, norm), (narrow, narrow_norm) = _layers(new), _layers(old)
    weight = shared_out(narrow.weight, inputs)[outputs]
    several = (torch.bincount(outputs)[outputs] > 1).float()[:, None, None, None]
    convolution.weight.copy_(weight * (1 + APART * several * torch.randn_like(weight)))
    norm.weight.copy_(narrow_norm.weight[outputs])
    norm.bias.copy_(narrow_norm.bias[outputs])


def _layers(conv: nn.Module) -> tuple[nn.Conv2d, nn.GroupNorm]:
    """Those of a `_conv` that hold weights."""
    convolution, norm, _ = conv.children()
    assert isinstance(convolution, nn.Conv2d)
    assert isinstance(norm, nn.GroupNorm)
    return convolution, norm
