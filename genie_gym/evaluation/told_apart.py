"""Can a small network that sees a patch tell composed views from real ones? At chance it cannot.

A measure that no one number of textures or edges stands for: what the network learns to look at gives composed views away.

Legend: B views, H W image, P patches, h w sides of a patch.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from genie_gym.progress import progress

PATCH = 32  # pixels along a side
PER_VIEW = 24  # patches of each view that are judged


@dataclass(frozen=True)
class ToldApartConfig:
    """How the network learns: a minute on one core."""

    steps: int = 600
    batch_size: int = 64
    learning_rate: float = 2e-3
    width: int = 24
    seed: int = 0


def told_apart(
    real: UInt8[Tensor, "B H W 3"], composed: UInt8[Tensor, "B H W 3"], config: ToldApartConfig | None = None
) -> Float[np.ndarray, " B"]:
    """Of each pair of views (of the same prompt), the share of patches that are told rightly, by a network that learned from
    the pairs of the other half: twice it learns from one half, and judges the other."""
    config = config or ToldApartConfig()
    shares = np.zeros(len(real))
    for half in (0, 1):
        learned, judged = torch.arange(half, len(real), 2), torch.arange(1 - half, len(real), 2)
        network = _learn(real[learned], composed[learned], config)
        rng = np.random.default_rng([config.seed, half])
        with torch.no_grad():
            for k in judged.tolist():
                at = _corners(rng, PER_VIEW, real.shape[1:3])
                right = [network(_cut(view[k], at)) > 0 for view in (composed, real)]
                shares[k] = float(torch.cat([right[0], ~right[1]]).float().mean())
    return shares


@torch.enable_grad()
def _learn(real: UInt8[Tensor, "B H W 3"], composed: UInt8[Tensor, "B H W 3"], config: ToldApartConfig) -> nn.Module:
    torch.manual_seed(config.seed)
    network, rng = _Network(config.width), np.random.default_rng(config.seed)
    optimiser = torch.optim.AdamW(network.parameters(), config.learning_rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, config.steps)
    for _ in progress(range(config.steps), desc="told apart", leave=False):
        parts = []
        for views in (composed, real):
            chosen = rng.integers(len(views), size=config.batch_size // 2)
            parts += [_cut(views[k], _corners(rng, 1, views.shape[1:3])) for k in chosen.tolist()]
        patches = torch.cat(parts)
        flipped = torch.from_numpy(rng.random(len(patches)) < 0.5)
        patches = torch.where(flipped[:, None, None, None], patches.flip(3), patches)
        wanted = (torch.arange(len(patches)) < len(patches) // 2).float()
        loss = F.binary_cross_entropy_with_logits(network(patches), wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return network.eval()


def _corners(rng: np.random.Generator, count: int, size: torch.Size | tuple[int, ...]) -> np.ndarray:
    return np.stack([rng.integers(max(length - PATCH, 0) + 1, size=count) for length in size], 1)


def _cut(view: UInt8[Tensor, "H W 3"], corners: np.ndarray) -> Float[Tensor, "P 3 h w"]:
    return torch.stack([view[r : r + PATCH, c : c + PATCH].movedim(2, 0) for r, c in corners.tolist()]).float() / 127.5 - 1


class _Network(nn.Module):
    """Four convolutions, the mean over the patch, and how much it looks composed."""

    def __init__(self, width: int):
        super().__init__()
        widths = (3, width, 2 * width, 2 * width, 2 * width)
        self.layers = nn.ModuleList(
            nn.Conv2d(before, after, 3, stride=1 if k == 0 else 2, padding=1)
            for k, (before, after) in enumerate(itertools.pairwise(widths))
        )
        self.norms = nn.ModuleList(nn.GroupNorm(4, after) for after in widths[1:])
        self.head = nn.Linear(2 * width, 1)

    def forward(self, patches: Float[Tensor, "P 3 h w"]) -> Float[Tensor, " P"]:
        x = patches
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = F.silu(norm(layer(x)))
        told: Tensor = self.head(x.mean((2, 3)))[:, 0]
        return told
