"""Latent action model: names the change between two frames with one of a few codes, without action labels.

Genie (arXiv:2402.15391, section 2.1): an inverse model reads the frames up to t+1 and picks a code; a decoder must
rebuild frame t+1 from the past and that code alone, so the code has to carry what the past does not tell: the action.
Pixels in, because Genie measured that tokens lose control (ΔtPSNR 1.33 against 1.91). Our decoder warps the last frame
by a predicted flow and fills what the warp cannot know: these worlds scroll, and a warp says so in two numbers a cell.
The code steers the flow alone; what comes into view must be guessed without it, so codes are spent on motion.
Both sides see the frame before the last one too: velocity belongs to the past, so the code need not spend itself on it.

Legend: B batch, T time, F = T - 1 transitions, C channels, h w cells, H W image, A latent actions, E code size.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn
from vector_quantize_pytorch import VectorQuantize

from genie_gym.models.tokenizer import ResidualBlock

CELL = 4  # the decoder predicts one flow vector for each CELL x CELL pixels
REST_FLOW = 0.25  # pixels a step: less is taken for noise
REST_CHANGE = 4 / 255


@dataclass(frozen=True)
class LatentActionConfig:
    num_actions: int = 8
    code_dim: int = 16
    channels: int = 64
    encoder_blocks: int = 2
    decoder_blocks: int = 4
    max_flow: float = 10.0
    """The farthest a pixel can move in one step, in pixels."""


@dataclass
class LatentActions:
    """`codes` [B, T-1, E] with straight-through gradients, `indices` [B, T-1], and the quantiser's `loss`."""

    codes: Tensor
    indices: Tensor
    loss: Tensor


class ConditionedBlock(nn.Module):
    """A residual block whose features a code scales and shifts (FiLM, Perez et al. 2018)."""

    def __init__(self, channels: int, code_dim: int):
        super().__init__()
        self.film = nn.Linear(code_dim, 2 * channels)
        self.block = ResidualBlock(channels)

    def forward(self, x: Float[Tensor, "B C h w"], code: Float[Tensor, "B E"]) -> Float[Tensor, "B C h w"]:
        scale, shift = self.film(code)[..., None, None].chunk(2, dim=1)
        return self.block(x * (1 + scale) + shift)


class InverseModel(nn.Module):
    """Three frames (before, last, next) to one vector that tells them apart."""

    def __init__(self, config: LatentActionConfig):
        super().__init__()
        width = config.channels
        self.patchify = nn.Conv2d(9 * CELL**2, width, 1)
        self.fine = nn.Sequential(*[ResidualBlock(width) for _ in range(config.encoder_blocks)])
        self.down = nn.Conv2d(width, 2 * width, 2, stride=2)
        self.coarse = nn.Sequential(*[ResidualBlock(2 * width) for _ in range(config.encoder_blocks)])
        self.out = nn.Sequential(nn.Linear(4 * width, 2 * width), nn.SiLU(), nn.Linear(2 * width, config.code_dim))

    def forward(self, frames: Float[Tensor, "B 9 H W"]) -> Float[Tensor, "B E"]:
        x = self.patchify(F.pixel_unshuffle(frames, CELL)).contiguous(memory_format=torch.channels_last)
        x = self.coarse(self.down(self.fine(x)))
        return self.out(torch.cat([x.mean((2, 3)), x.amax((2, 3))], dim=1))


class WarpDecoder(nn.Module):
    """Two past frames and a code to the next frame: the last frame warped as the code says, then blended with new pixels
    that the past alone suggests."""

    def __init__(self, config: LatentActionConfig):
        super().__init__()
        self.max_flow = config.max_flow
        self.patchify = nn.Conv2d(6 * CELL**2, config.channels, 1)
        self.blocks = nn.ModuleList(
            [ConditionedBlock(config.channels, config.code_dim) for _ in range(config.decoder_blocks)]
        )
        self.flow = nn.Conv2d(config.channels, 2, 3, padding=1)
        self.fill_blocks = nn.Sequential(*[ResidualBlock(config.channels) for _ in range(2)])
        self.fill = nn.Conv2d(config.channels, 4 * CELL**2, 1)  # three colours and how much of them
        nn.init.zeros_(self.flow.weight)
        nn.init.zeros_(self.flow.bias)  # type: ignore[arg-type]
        assert self.fill.bias is not None
        nn.init.constant_(self.fill.bias[3 * CELL**2 :], -2.0)  # with the -2 below: begin by trusting the warp

    def forward(self, past: Float[Tensor, "B 6 H W"], code: Float[Tensor, "B E"], rest: float) -> Float[Tensor, "B 3 H W"]:
        """Flow of less than `rest` pixels counts as none."""
        x = self.patchify(F.pixel_unshuffle(past, CELL)).contiguous(memory_format=torch.channels_last)
        fill = F.pixel_shuffle(self.fill(self.fill_blocks(x)).float(), CELL)
        for block in self.blocks:
            x = block(x, code)
        flow = F.interpolate(self.flow(x).float(), scale_factor=CELL, mode="bilinear", align_corners=False)
        flow = torch.tanh(flow / self.max_flow) * self.max_flow
        moved = warp(past[:, 3:], torch.where(flow.norm(dim=1, keepdim=True) >= rest, flow, 0.0))
        share = torch.sigmoid(fill[:, 3:] - 2)
        return moved * (1 - share) + fill[:, :3] * share


def warp(image: Float[Tensor, "B C H W"], flow: Float[Tensor, "B 2 H W"]) -> Float[Tensor, "B C H W"]:
    """Each output pixel is read from `image` at its own place plus `flow` (x, y in pixels), edges repeated."""
    height, width = image.shape[-2:]
    ys = torch.arange(height, device=image.device, dtype=flow.dtype)
    xs = torch.arange(width, device=image.device, dtype=flow.dtype)
    x = (xs + flow[:, 0] + 0.5) * (2 / width) - 1
    y = (ys[:, None] + flow[:, 1] + 0.5) * (2 / height) - 1
    return F.grid_sample(image, torch.stack([x, y], dim=-1), padding_mode="border", align_corners=False)


class LatentActionModel(nn.Module):
    """`infer(video)` names each transition; `predict(video, codes)` rebuilds each next frame from the past and a code."""

    def __init__(self, config: LatentActionConfig | None = None):
        super().__init__()
        self.config = config = config or LatentActionConfig()
        self.encoder = InverseModel(config)
        self.quantizer = VectorQuantize(
            dim=config.code_dim,
            codebook_size=config.num_actions,
            use_cosine_sim=True,
            decay=0.99,
            threshold_ema_dead_code=2,  # a code that nothing uses starts again from a sample: collapse is the usual failure
            commitment_weight=0.25,
        )
        self.decoder = WarpDecoder(config)

    def infer(self, video: Float[Tensor, "B T 3 H W"]) -> LatentActions:
        """Transition t (frame t to t+1) is named from frames t-1, t, t+1; before the first frame stands the first."""
        before, last, following = _triples(_pad(video))
        vectors = self.encoder(torch.cat([before, last, following], dim=2).flatten(0, 1) * 2 - 1)
        vectors = vectors.unflatten(0, (len(video), video.shape[1] - 1))
        codes, indices, loss = self.quantizer(vectors.float())
        return LatentActions(codes, indices, loss.sum())

    def predict(self, video: Float[Tensor, "B T 3 H W"], codes: Float[Tensor, "B F E"]) -> Float[Tensor, "B F 3 H W"]:
        """Each next frame in [0, 1], from the real past and a code: what training compares with the real one."""
        before, last, _ = _triples(video)
        frames = self._decode(before.flatten(0, 1), last.flatten(0, 1), codes.flatten(0, 1), rest=0.0)
        return frames.unflatten(0, codes.shape[:2])

    def drafts(self, video: Float[Tensor, "B T 3 H W"], codes: Float[Tensor, "B F E"]) -> Float[Tensor, "B F 3 H W"]:
        """The draft of each next frame, from the real past and a code."""
        before, last, _ = _triples(video)
        return self.draft(before.flatten(0, 1), last.flatten(0, 1), codes.flatten(0, 1)).unflatten(0, codes.shape[:2])

    def draft(
        self, before: Float[Tensor, "B 3 H W"], last: Float[Tensor, "B 3 H W"], code: Float[Tensor, "B E"]
    ) -> Float[Tensor, "B 3 H W"]:
        """The frame to which `code` leads from these two, settled: what hardly moves or changes does not at all. So a
        background stays what it is, however often a draft is made of a draft."""
        frame = self._decode(before, last, code, rest=REST_FLOW).clamp(0, 1)
        changed = (frame - last).abs().amax(1, keepdim=True) >= REST_CHANGE
        return torch.where(changed, frame, last)

    def _decode(self, before: Tensor, last: Tensor, code: Tensor, rest: float) -> Float[Tensor, "B 3 H W"]:
        past = _pad(torch.cat([before, last], dim=1)[:, None])[:, 0] * 2 - 1
        return self.decoder(past, code, rest)[..., : last.shape[-2], : last.shape[-1]].float() * 0.5 + 0.5

    def codes(self, actions: Int[Tensor, "*shape"]) -> Float[Tensor, "*shape E"]:
        """The code vectors of latent actions 0 … A-1."""
        return F.embedding(actions, self.quantizer.codebook)


def _triples(video: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    before = torch.cat([video[:, :1], video[:, :-2]], dim=1)
    return before, video[:, :-1], video[:, 1:]


def _pad(video: Tensor) -> Tensor:
    """Repeats the lower and right edge until two halvings of the cell grid come out even."""
    padding = (0, -video.shape[-1] % (2 * CELL), 0, -video.shape[-2] % (2 * CELL))
    return F.pad(video.flatten(0, 1), padding, mode="replicate").unflatten(0, video.shape[:2]) if any(padding) else video
