"""Views as tokens: colour and depth together to a grid of discrete codes, and back.

Two codes a place: the second says what the first left over (residual quantisation, Lee et al. 2022, arXiv:2203.01941). A
view needs no past, so that there is no time in here; the tokenizer of Genie's video is `genie_gym.models.tokenizer`.

Legend: B views, C channels, E code size, N = h·w places, h w their grid, Q codes a place, H W image.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn
from vector_quantize_pytorch import ResidualVQ

from genie_gym.models.tokenizer import ResidualBlock

CODES = 2  # a place


@dataclass(frozen=True)
class ViewTokenizerConfig:
    widths: tuple[int, ...] = (32, 64, 128)
    """Channels of each level; the first has a place for `patch` pixels a side, each further one half as many."""
    blocks: int = 2
    """At the coarsest level, on the way in and on the way out."""
    patch: int = 2
    codebook_size: int = 1024
    code_dim: int = 16

    @property
    def side(self) -> int:
        """Pixels a side that a place of the code grid has."""
        return self.patch * 2 ** (len(self.widths) - 1)


class ViewTokenizer(nn.Module):
    """`encode(views) -> (quantized, indices)`, `decode(indices) -> views`; views as `rgbd.pack` makes them."""

    def __init__(self, config: ViewTokenizerConfig, height: int, width: int):
        super().__init__()
        self.config, self.size = config, (height, width)
        self.grid = -(-height // config.side), -(-width // config.side)
        widths, pixels = config.widths, 4 * config.patch**2
        self.encoder = nn.Sequential(
            _conv(pixels, widths[0]),
            *[_conv(fine, coarse, stride=2) for fine, coarse in itertools.pairwise(widths)],
            *[ResidualBlock(widths[-1]) for _ in range(config.blocks)],
            nn.GroupNorm(1, widths[-1]),
            nn.Conv2d(widths[-1], config.code_dim, 1),
        )
        self.quantizer = ResidualVQ(
            dim=config.code_dim,
            num_quantizers=CODES,
            codebook_size=config.codebook_size,
            decay=0.95,
            threshold_ema_dead_code=1,
            kmeans_init=True,
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(config.code_dim, widths[-1], 1),
            *[ResidualBlock(widths[-1]) for _ in range(config.blocks)],
            *[
                nn.Sequential(nn.Upsample(scale_factor=2.0, mode="nearest"), _conv(coarse, fine))
                for fine, coarse in reversed(list(itertools.pairwise(widths)))
            ],
            nn.Conv2d(widths[0], pixels, 1),
        )

    def padded(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C ..."]:
        """To whole places, to the right and below."""
        height, width = self.size
        padding = (0, self.grid[1] * self.config.side - width, 0, self.grid[0] * self.config.side - height)
        return F.pad(images, padding, mode="replicate")

    def quantize(self, views: Float[Tensor, "B 4 H W"]) -> tuple[Float[Tensor, "B N E"], Int[Tensor, "B N Q"], Tensor]:
        """Code vectors, with straight-through gradients, their indices, and the quantiser's commitment loss."""
        patches = F.pixel_unshuffle(self.padded(views * 2 - 1), self.config.patch)
        features = self.encoder(patches).float().flatten(2).movedim(1, 2)
        quantized, indices, loss = self.quantizer(features)
        return quantized, indices, loss.sum()

    def encode(self, views: Float[Tensor, "B 4 H W"]) -> tuple[Float[Tensor, "B N E"], Int[Tensor, "B N Q"]]:
        quantized, indices, _ = self.quantize(views)
        return quantized, indices

    def paint(self, quantized: Float[Tensor, "B N E"]) -> Float[Tensor, "B 4 H W"]:
        """Views of code vectors; not clamped, so that gradients reach everywhere."""
        x = self.decoder(quantized.movedim(1, 2).unflatten(2, self.grid))
        views = F.pixel_shuffle(x, self.config.patch) * 0.5 + 0.5
        return views[..., : self.size[0], : self.size[1]]

    def decode(self, indices: Int[Tensor, "B N Q"]) -> Float[Tensor, "B 4 H W"]:
        return self.paint(self.quantizer.get_output_from_indices(indices)).clamp(0, 1)


def _conv(channels_in: int, channels_out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False),
        nn.GroupNorm(max(1, channels_out // 16), channels_out),
        nn.ReLU(),
    )
