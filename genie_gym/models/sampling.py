"""MaskGIT sampling (Chang et al. 2022) in a few pure functions.

Legend: B batch, N tokens a frame, K codebook size.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from genie_gym.errors import GenieGymError
from genie_gym.models.row_random import uniform


@dataclass(frozen=True)
class SamplingConfig:
    passes: int = 2
    """Refinement passes; one frame costs passes + 1 forward passes (the last one writes the finished frame)."""
    temperature: float = 0.85
    """Of the tokens; 0 takes the likeliest."""
    choice_noise: float = 1.0
    """Gumbel noise on which tokens to keep first, fading over the passes."""

    def __post_init__(self) -> None:
        if self.passes < 1 or self.temperature < 0 or self.choice_noise < 0:
            raise GenieGymError(f"sampling needs passes of at least 1 and no negative temperature or noise; got {self}.")


def hidden_after(done: int, passes: int, tokens: int) -> int:
    """How many tokens stay hidden after `done` of `passes` passes: the cosine schedule of MaskGIT."""
    return math.floor(tokens * math.cos(math.pi / 2 * done / passes) + 1e-6)


def draw_tokens(
    logits: Float[Tensor, "B N K"], temperature: float, noise: Float[Tensor, "B N"]
) -> tuple[Int[Tensor, "B N"], Float[Tensor, "B N"]]:
    """One token a place by inverse transform of `noise` in (0, 1), and the log-probability it was drawn with."""
    if temperature == 0:
        best = logits.argmax(-1)
        return best, logits.log_softmax(-1).gather(-1, best[..., None])[..., 0]
    logits = logits.float()
    # Softmax without its division, in one buffer: fresh memory of this size costs more than the arithmetic.
    weights = (logits - logits.amax(-1, keepdim=True)).mul_(1 / temperature).exp_()
    tokens, total = inverse_transform(weights, noise)
    return tokens, (weights.gather(-1, tokens[..., None])[..., 0] / total).log()


def inverse_transform(
    weights: Float[Tensor, "B N K"], noise: Float[Tensor, "B N"]
) -> tuple[Int[Tensor, "B N"], Float[Tensor, "B N"]]:
    """The entry at which the running sum of `weights` passes the share `noise` of their total, and the total.

    In two levels, because a running sum over all of K costs several times a plain sum: first the block of entries,
    then the entry in the block.
    """
    size = math.gcd(weights.shape[-1], 32)
    blocks = weights.unflatten(-1, (-1, size))
    sums = blocks.sum(-1).cumsum(-1)  # [B, N, K / size]
    threshold = noise[..., None] * sums[..., -1:]
    block = torch.searchsorted(sums, threshold, right=True).clamp(max=sums.shape[-1] - 1)
    before = torch.where(block > 0, sums.gather(-1, (block - 1).clamp(min=0)), 0.0)
    inside = blocks.gather(-2, block[..., None].expand(*block.shape, size))[..., 0, :].cumsum(-1)
    entry = torch.searchsorted(inside, threshold - before, right=True).clamp(max=size - 1)
    return (block * size + entry)[..., 0], sums[..., -1]


def keep_hidden(confidence: Float[Tensor, "B N"], hidden: Bool[Tensor, "B N"], count: int) -> Bool[Tensor, "B N"]:
    """The `count` least confident of the hidden places stay hidden."""
    order = confidence.masked_fill(~hidden, math.inf).argsort(dim=-1)
    keep = torch.zeros_like(hidden)
    return keep.scatter(-1, order[:, :count], True) & hidden


def sample_frame(
    logits_of: Callable[[Int[Tensor, "B N"]], Float[Tensor, "B N K"]],
    num_tokens: int,
    mask_token: int,
    config: SamplingConfig,
    seed: Int[Tensor, " B"],
    counter: Int[Tensor, " B"],
) -> Int[Tensor, "B N"]:
    """Fills a fully masked frame in `config.passes` passes; each keeps the likeliest of its tokens and redraws the rest."""
    tokens = torch.full((len(seed), num_tokens), mask_token, device=seed.device)
    hidden = torch.ones_like(tokens, dtype=torch.bool)
    for done in range(1, config.passes + 1):
        drawn, confidence = draw_tokens(logits_of(tokens), config.temperature, uniform(seed, counter, 2 * done, num_tokens))
        tokens = torch.where(hidden, drawn, tokens)
        if done < config.passes:
            gumbel = -torch.log(-torch.log(uniform(seed, counter, 2 * done + 1, num_tokens)))
            fading = config.choice_noise * (1 - done / config.passes)
            hidden = keep_hidden(confidence + fading * gumbel, hidden, hidden_after(done, config.passes, num_tokens))
            tokens = tokens.masked_fill(hidden, mask_token)
    return tokens
