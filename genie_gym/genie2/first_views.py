"""The first view of a world that somebody asks for, imagined: colour and depth, as tokens, all of them hidden at first.

MaskGIT (Chang et al. 2022, arXiv:2202.04200) under a wish (`wishes`), which may leave things open; wishes are followed more
firmly than in training by guidance (Ho and Salimans 2022, arXiv:2207.12598). Each place has two codes; the second is told
from the first, so that both fit (Lee et al. 2022, arXiv:2203.01941).

Legend: B views, G numbers of a wish, N = h·w places, h w their grid, Q codes a place, K codebook size, C channels.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from genie_gym.genie2.view_tokenizer import CODES
from genie_gym.models.row_random import uniform
from genie_gym.models.sampling import SamplingConfig, draw_tokens, hidden_after, keep_hidden
from genie_gym.models.unet import places

FROM_ONE_SIDE = 4.0  # so much more the side counts than chance
STREAM = 100  # of the rows' random numbers: two a pass and code, from here on


@dataclass(frozen=True)
class FirstViewsConfig:
    widths: tuple[int, ...] = (128, 160, 192)
    """Channels of each level; each is half as large as the one before."""
    blocks: int = 2
    """A level, on the way down and on the way up."""
    code_width: int = 64
    wish_width: int = 128
    sampling: SamplingConfig = field(default_factory=lambda: SamplingConfig(passes=10, temperature=1.0, choice_noise=3.0))
    guidance: float = 2.0
    """How much more firmly than in training wishes are followed; 1 is as in training."""
    further: SamplingConfig = field(default_factory=lambda: SamplingConfig(passes=4, temperature=0.7, choice_noise=1.0))
    """Of views of which something is known. Guidance costs twice as much, and is left to what is still wished for there."""


class WishedBlock(nn.Module):
    """GroupNorm, scaled and shifted by the wish (FiLM, Perez et al. 2018), 3x3, GroupNorm, 1x1, added to its input; starts
    as the identity."""

    def __init__(self, channels: int, wish_width: int):
        super().__init__()
        groups = max(1, channels // 16)
        self.norm1 = nn.GroupNorm(groups, channels)
        self.wish = nn.Linear(wish_width, 2 * channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm2 = nn.GroupNorm(groups, channels)
        self.conv2 = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)  # type: ignore[arg-type]

    def forward(self, x: Float[Tensor, "B C h w"], wish: Float[Tensor, "B G"]) -> Float[Tensor, "B C h w"]:
        scale, shift = self.wish(wish)[:, :, None, None].chunk(2, 1)
        y = self.conv1(F.silu(self.norm1(x) * (1 + scale) + shift))
        return x + self.conv2(F.silu(self.norm2(y)))


class FirstViews(nn.Module):
    """Which codes stand where, given some of them and the wish."""

    label_count: Tensor

    def __init__(self, config: FirstViewsConfig, grid: tuple[int, int], codebook_size: int, wish_size: int):
        super().__init__()
        self.config, self.grid, self.hidden_code = config, grid, codebook_size
        widths, hint = config.widths, config.wish_width
        self.wish = nn.Sequential(nn.Linear(wish_size, hint), nn.SiLU(), nn.Linear(hint, hint), nn.SiLU())
        self.codes_in = nn.ModuleList(nn.Embedding(codebook_size + 1, config.code_width) for _ in range(CODES))
        self.enter = nn.Conv2d(config.code_width + 2, widths[0], 3, padding=1)  # codes and the place
        self.down = nn.ModuleList(nn.ModuleList(WishedBlock(width, hint) for _ in range(config.blocks)) for width in widths)
        self.shrink = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in itertools.pairwise(widths))
        self.grow = nn.ModuleList(nn.Conv2d(b + a, a, 1) for a, b in itertools.pairwise(widths))
        self.up = nn.ModuleList(nn.ModuleList(WishedBlock(width, hint) for _ in range(config.blocks)) for width in widths)
        self.register_buffer("label_count", torch.zeros((), dtype=torch.int64))
        self.norm = nn.GroupNorm(widths[0] // 16, widths[0])
        self.first = nn.Linear(widths[0], codebook_size)
        self.chosen_in = nn.Embedding(codebook_size, widths[0])
        self.second = nn.Sequential(nn.Linear(widths[0], 2 * widths[0]), nn.SiLU(), nn.Linear(2 * widths[0], codebook_size))

    def features(self, codes: Int[Tensor, "B N Q"], wish: Float[Tensor, "B G"]) -> Float[Tensor, "B N C"]:
        """Of each place, from the codes (`hidden_code` where hidden)."""
        hint = self.wish(wish)
        embedded = torch.stack([embed(codes[..., k]) for k, embed in enumerate(self.codes_in)]).sum(0)
        x = embedded.movedim(1, 2).unflatten(2, self.grid)
        x = self.enter(torch.cat([x, places(x)], 1))
        levels = []
        for level, blocks in enumerate(self.down):
            x = self.shrink[level - 1](x) if level else x
            for block in blocks:  # type: ignore[attr-defined]
                x = block(x, hint)
            levels.append(x)
        for level in reversed(range(len(levels))):
            if level + 1 < len(levels):
                risen = F.interpolate(x, levels[level].shape[-2:], mode="nearest")
                x = self.grow[level](torch.cat([risen, levels[level]], 1))
            for block in self.up[level]:  # type: ignore[attr-defined]
                x = block(x, hint)
        return F.silu(self.norm(x)).flatten(2).movedim(1, 2)

    def second_logits(self, features: Float[Tensor, "*at C"], first: Int[Tensor, "*at"]) -> Float[Tensor, "*at K"]:
        """Of the second code, where the first one is known."""
        return self.second(features + self.chosen_in(first))

    @torch.no_grad()
    def imagine(
        self,
        wish: Float[Tensor, "B G"],
        seed: Int[Tensor, " B"],
        counter: Int[Tensor, " B"],
        codes: Int[Tensor, "B N Q"] | None = None,
        firmly: bool = True,
    ) -> Int[Tensor, "B N Q"]:
        """Codes of a view that fits each wish.

        Args:
            counter: keeps several of a row apart.
            codes: what is known of the view; `hidden_code` where nothing is, in each row at as many places. None: nothing.
            firmly: whether wishes are followed more firmly than in training, at twice the cost.
        """
        count = math.prod(self.grid)
        if codes is None:
            codes = torch.full((len(seed), count, CODES), self.hidden_code, device=seed.device)
        hidden = codes[..., 0] == self.hidden_code
        unknown = int(hidden[0].sum())
        sampling = self.config.sampling if unknown == count else self.config.further
        wishes = torch.cat([wish, torch.zeros_like(wish)]) if firmly else wish
        times = len(wishes) // len(wish)
        for done in range(1, sampling.passes + 1):
            features = self.features(codes.repeat(times, 1, 1), wishes)
            stream = STREAM + 3 * done
            first, sure = draw_tokens(
                self._guided(self.first(features), firmly), sampling.temperature, uniform(seed, counter, stream, count)
            )
            second, also = draw_tokens(
                self._guided(self.second_logits(features, first.repeat(times, 1)), firmly),
                sampling.temperature, uniform(seed, counter, stream + 1, count),
            )  # fmt: skip
            codes = torch.where(hidden[..., None], torch.stack([first, second], -1), codes)
            if done < sampling.passes:
                gumbel = -torch.log(-torch.log(uniform(seed, counter, stream + 2, count)))
                noise = sampling.choice_noise * (1 - done / sampling.passes) * gumbel
                hidden = keep_hidden(sure + also + noise, hidden, hidden_after(done, sampling.passes, unknown))
                codes = codes.masked_fill(hidden[..., None], self.hidden_code)
        return codes

    def _guided(self, logits: Tensor, firmly: bool) -> Float[Tensor, "B N K"]:
        """Of wished and unwished ones, [2 B, N, K]: the way from these to those, and on."""
        if not firmly:
            return logits
        wished, open_ = logits.chunk(2)
        return open_ + self.config.guidance * (wished - open_)


def first_view_loss(model: FirstViews, codes: Int[Tensor, "B N Q"], wish: Float[Tensor, "B G"]) -> dict[str, Tensor]:
    """Cross-entropy of hidden codes, in nats."""
    hidden = _hide(codes, model.grid)
    features = model.features(codes.masked_fill(hidden[..., None], model.hidden_code), wish)[hidden]
    first, second = codes[hidden].unbind(-1)
    parts = {
        "first": F.cross_entropy(model.first(features).float(), first),
        "second": F.cross_entropy(model.second_logits(features, first).float(), second),
    }
    return {"total": parts["first"] + parts["second"], **parts}


def _hide(codes: Int[Tensor, "B N Q"], grid: tuple[int, int]) -> Bool[Tensor, "B N"]:
    """Which places are hidden in training: of each view a share as play meets them (MaskGIT's cosine). Of half of the views
    anywhere, of the others from one side on, as what is new lies where a camera turns."""
    batch, count = codes.shape[:2]
    share = torch.cos(torch.rand(batch, 1, device=codes.device) * math.pi / 2)
    place = places(torch.zeros(batch, 1, *grid, device=codes.device)).flatten(2)  # [B, 2, N], -1 to 1
    side = F.normalize(torch.randn(batch, 2, 1, device=codes.device), dim=1)
    slope = FROM_ONE_SIDE * (torch.rand(batch, 1, device=codes.device) < 0.5)
    order = torch.rand(batch, count, device=codes.device) + slope * (place * side).sum(1)
    return order.argsort(1).argsort(1) < (share * count).ceil().clamp(min=1)
