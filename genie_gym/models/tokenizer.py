"""Video tokenizer: frames to a grid of discrete codes and back, causal in time.

Genie (Bruce et al. 2024, arXiv:2402.15391) tokenizes video with a causal ST-transformer; at the sizes that train on two
cores, convolutions on unshuffled patches learn far faster, so space is convolutional here and time is a causal mix of
the last frames' features.

Legend: B batch, T time, F following frames, P past frames, C channels, H W image, h w token grid, N = h·w tokens, E code
size.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn
from vector_quantize_pytorch import VectorQuantize

TEMPORAL_TAPS = 3


@dataclass(frozen=True)
class TokenizerConfig:
    """`height`, `width` need not be multiples of `patch_size`: frames are padded inside and cropped on the way out."""

    height: int = 135
    width: int = 240
    patch_size: int = 16
    codebook_size: int = 8192
    code_dim: int = 32
    channels: int = 256
    encoder_blocks: int = 4
    decoder_blocks: int = 6
    align: int = 1
    """The token grid's sides are multiples of this: frames are padded as far."""

    @property
    def grid(self) -> tuple[int, int]:
        """(h, w) of the token grid."""
        size = self.patch_size * self.align
        return -(-self.height // size) * self.align, -(-self.width // size) * self.align

    @property
    def tokens_per_frame(self) -> int:
        return self.grid[0] * self.grid[1]


class CausalMix(nn.Module):
    """Adds a per-channel weighted sum of the two frames before to each frame: a causal depthwise convolution over time."""

    def __init__(self, channels: int):
        super().__init__()
        self.taps = nn.Parameter(torch.zeros(TEMPORAL_TAPS - 1, channels))

    def forward(self, x: Float[Tensor, "B T C h w"], past: Float[Tensor, "B P C h w"] | None) -> tuple[Tensor, Tensor]:
        """Returns the mixed frames and the past to hand over to the next call. Before the first frame stands the first: so
        a picture that stands still keeps its codes."""
        steps = x.shape[1]
        past = x[:, :1].expand(-1, TEMPORAL_TAPS - 1, -1, -1, -1) if past is None else past
        padded = torch.cat([past, x], dim=1)
        out = x
        for lag, tap in enumerate(self.taps, start=1):
            begin = TEMPORAL_TAPS - 1 - lag
            out = out + padded[:, begin : begin + steps] * tap[:, None, None]
        return out, padded[:, -(TEMPORAL_TAPS - 1) :]


class ResidualBlock(nn.Module):
    """GroupNorm, SiLU, 3x3, GroupNorm, SiLU, 1x1, added to its input; starts as the identity."""

    def __init__(self, channels: int):
        super().__init__()
        groups = max(1, channels // 16)
        self.norm1 = nn.GroupNorm(groups, channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm2 = nn.GroupNorm(groups, channels)
        self.conv2 = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)  # type: ignore[arg-type]

    def forward(self, x: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C h w"]:
        y = self.conv1(F.silu(self.norm1(x)))
        return x + self.conv2(F.silu(self.norm2(y)))


class CausalVideoEncoder(nn.Module):
    """Frames in [0, 1] to features before quantisation."""

    def __init__(self, config: TokenizerConfig):
        super().__init__()
        self.patch_size = config.patch_size
        self.patchify = nn.Conv2d(3 * config.patch_size**2, config.channels, 1)
        self.mix = CausalMix(config.channels)
        self.blocks = nn.Sequential(*[ResidualBlock(config.channels) for _ in range(config.encoder_blocks)])
        self.out = nn.Sequential(nn.GroupNorm(1, config.channels), nn.Conv2d(config.channels, config.code_dim, 1))

    def forward(self, frames: Float[Tensor, "B T 3 H W"], past: Tensor | None) -> tuple[Float[Tensor, "B T E h w"], Tensor]:
        x, past = self.mix(self.patches(frames), past)
        y = self.out(self.blocks(x.flatten(0, 1).contiguous(memory_format=torch.channels_last)))
        return y.unflatten(0, x.shape[:2]), past

    def patches(self, frames: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B T C h w"]:
        """Each frame's patches as features, before anything is mixed over time or place."""
        x = F.pixel_unshuffle(frames.flatten(0, 1) * 2 - 1, self.patch_size)
        return self.patchify(x).unflatten(0, frames.shape[:2])


class VideoDecoder(nn.Module):
    """Code vectors to frames in [0, 1] (not clamped, so that gradients reach everywhere)."""

    def __init__(self, config: TokenizerConfig):
        super().__init__()
        self.patch_size = config.patch_size
        self.embed = nn.Conv2d(config.code_dim, config.channels, 1)
        self.mix = CausalMix(config.channels)
        self.blocks = nn.Sequential(*[ResidualBlock(config.channels) for _ in range(config.decoder_blocks)])
        self.out = nn.Sequential(nn.GroupNorm(1, config.channels), nn.Conv2d(config.channels, 3 * config.patch_size**2, 1))

    def forward(self, codes: Float[Tensor, "B T E h w"], past: Tensor | None) -> tuple[Float[Tensor, "B T 3 H W"], Tensor]:
        batch, steps = codes.shape[:2]
        x = self.embed(codes.flatten(0, 1)).unflatten(0, (batch, steps))
        x, past = self.mix(x, past)
        x = self.out(self.blocks(x.flatten(0, 1).contiguous(memory_format=torch.channels_last)))
        frames = F.pixel_shuffle(x, self.patch_size) * 0.5 + 0.5
        return frames.unflatten(0, (batch, steps)), past


@dataclass
class Encoded:
    """What `CausalVideoTokenizer.quantize` learned of a clip. `loss` is the quantiser's commitment loss."""

    quantized: Tensor
    indices: Tensor
    loss: Tensor = field(default_factory=lambda: torch.zeros(()))


class CausalVideoTokenizer(nn.Module):
    """`encode(video) -> (quantized, indices)`, `decode(indices) -> video`.

    Frame t's tokens never depend on later frames, and coding frame by frame, handing over the past, equals coding the clip.
    """

    def __init__(self, config: TokenizerConfig | None = None):
        super().__init__()
        self.config = config = config or TokenizerConfig()
        self.encoder = CausalVideoEncoder(config)
        self.quantizer = VectorQuantize(
            dim=config.code_dim,
            codebook_size=config.codebook_size,
            use_cosine_sim=True,  # unit codes: no code starves for being far away
            decay=0.95,
            threshold_ema_dead_code=1,
            kmeans_init=False,
        )
        self.decoder = VideoDecoder(config)

    def quantize(
        self, video: Float[Tensor, "B T 3 H W"], past: Float[Tensor, "B P C h w"] | None = None
    ) -> tuple[Encoded, Float[Tensor, "B P C h w"]]:
        """Encodes frames in [0, 1], going on from `past`. Returns what to go on from next, too.

        The quantised vectors carry straight-through gradients.
        """
        features, past = self.encoder(self._pad(video), past)
        tokens = features.permute(0, 1, 3, 4, 2).flatten(2, 3)  # [B, T, N, E]
        quantized, indices, loss = self.quantizer(tokens.flatten(1, 2).float())
        shape = tokens.shape
        return Encoded(quantized.view(shape), indices.view(shape[:3]), loss.sum()), past

    def _pad(self, video: Float[Tensor, "B T 3 H W"]) -> Tensor:
        """Repeats the lower and right edge until whole patches cover the frame."""
        height, width = self.config.grid
        size = self.config.patch_size
        padding = (0, width * size - video.shape[-1], 0, height * size - video.shape[-2])
        return F.pad(video.flatten(0, 1), padding, mode="replicate").unflatten(0, video.shape[:2]) if any(padding) else video

    def encode_next(self, video: Float[Tensor, "B T 3 H W"], following: Float[Tensor, "B F 3 H W"]) -> Int[Tensor, "B F N"]:
        """The tokens that each frame of `following` would have, did it come after the like of the last F frames of `video`
        (one after another is not what they are)."""
        seen, count = self.encoder.patches(self._pad(video)), following.shape[1]
        padded = torch.cat([seen[:, :1].expand(-1, TEMPORAL_TAPS - 2, -1, -1, -1), seen], 1)
        past = padded.unfold(1, TEMPORAL_TAPS - 1, 1)[:, -count:].movedim(-1, 2).flatten(0, 1)
        encoded, _ = self.quantize(following.flatten(0, 1)[:, None], past)
        return encoded.indices[:, 0].unflatten(0, following.shape[:2])

    def encode(self, video: Float[Tensor, "B T 3 H W"]) -> tuple[Float[Tensor, "B T N E"], Int[Tensor, "B T N"]]:
        """Frames in [0, 1] to quantised vectors and code indices."""
        encoded, _ = self.quantize(video)
        return encoded.quantized, encoded.indices

    def decode_vectors(
        self, quantized: Float[Tensor, "B T N E"], past: Float[Tensor, "B P C h w"] | None = None
    ) -> tuple[Float[Tensor, "B T 3 H W"], Float[Tensor, "B P C h w"]]:
        """Quantised vectors to frames, going on from `past`. Returns what to go on from next, too."""
        codes = quantized.unflatten(2, self.config.grid).permute(0, 1, 4, 2, 3)
        frames, past = self.decoder(codes, past)
        return frames[..., : self.config.height, : self.config.width], past

    def lookup(self, indices: Int[Tensor, "*shape"]) -> Float[Tensor, "*shape E"]:
        """The code vectors of `indices`."""
        return F.embedding(indices, self.quantizer.codebook)

    def to_pixels(self, cells: Tensor) -> Float[Tensor, "B 1 H W"]:
        """A value of each token, [B, N], as that of all its pixels."""
        grid = cells.float().unflatten(-1, self.config.grid)[:, None]
        return F.interpolate(grid, scale_factor=self.config.patch_size)[..., : self.config.height, : self.config.width]

    def decode(self, indices: Int[Tensor, "B T N"]) -> Float[Tensor, "B T 3 H W"]:
        """Code indices to frames in [0, 1]."""
        return self.decode_vectors(self.lookup(indices))[0].clamp(0, 1)


def as_float(frames: Tensor) -> Float[Tensor, "*batch 3 H W"]:
    """uint8 [..., H, W, 3] to float [..., 3, H, W] in [0, 1]."""
    return frames.movedim(-1, -3).float() / 255


def as_uint8(frames: Float[Tensor, "*batch 3 H W"]) -> Tensor:
    """Float [..., 3, H, W] in [0, 1] to uint8 [..., H, W, 3]."""
    return (frames.clamp(0, 1) * 255).round().to(torch.uint8).movedim(-3, -1).contiguous()
