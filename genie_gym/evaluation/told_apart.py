"""Can a small network that sees a patch tell composed views from real ones? At chance it cannot.

A measure that no one number of textures or edges stands for: what the network learns to look at gives composed views away.
How much it can see at all is told by a control, in which it has to tell real views from the same, slightly blurred.

Legend: B views, H W image, P patches, h w sides of a patch.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from genie_gym.progress import progress

PATCH = 32  # pixels along a side
PER_VIEW = 24  # patches of each view that are judged
BLUR = 0.5  # pixels: standard deviation of the blur of the control
REACH = 2  # pixels that it reaches over
FINE = 4.0  # by how much fine detail is magnified
CONTRAST, COLOUR = 0.1, 0.1  # standard deviations by which patches vary in training, so that light gives none away


@dataclass(frozen=True)
class ToldApartConfig:
    """How the network learns: half a minute on one core."""

    steps: int = 600
    batch_size: int = 64
    learning_rate: float = 2e-3
    width: int = 24
    seed: int = 0


@dataclass(frozen=True)
class ToldApart:
    """Of each pair of views, the share of patches that are told rightly: by a network that learned from other pairs, and by
    the one that learned from this one."""

    judged: Float[np.ndarray, " B"]
    learned: Float[np.ndarray, " B"]


def told_apart(
    real: UInt8[Tensor, "B H W 3"], composed: UInt8[Tensor, "B H W 3"], config: ToldApartConfig | None = None
) -> ToldApart:
    """Real views and composed ones of the same prompts, pair by pair. A network learns from the pairs of one half, as many
    patches of either kind, and judges the other, twice: no prompt is in both."""
    config = config or ToldApartConfig()
    shares = {kind: np.zeros(len(real)) for kind in ("judged", "learned")}
    first, second = _picture(real), _picture(composed)
    for half in (0, 1):
        mine = torch.arange(half, len(real), 2)
        network = _learn(first[mine], second[mine], config)
        rng = np.random.default_rng([config.seed, half])
        for k in range(len(real)):
            kind = "learned" if k % 2 == half else "judged"
            shares[kind][k] = _told_rightly(network, first[k : k + 1], second[k : k + 1], rng)
    return ToldApart(**shares)


def blurred(views: UInt8[Tensor, "B H W 3"]) -> UInt8[Tensor, "B H W 3"]:
    """Slightly, by a Gaussian."""
    taps = torch.exp(-(torch.arange(-REACH, REACH + 1) ** 2) / (2 * BLUR**2))
    image = F.pad(views.movedim(-1, 1).float().flatten(0, 1)[:, None], [REACH] * 4, mode="replicate")
    for shape in ((1, 1, -1, 1), (1, 1, 1, -1)):
        image = F.conv2d(image, (taps / taps.sum()).reshape(shape))
    return image[:, 0].unflatten(0, (len(views), 3)).movedim(1, -1).round().to(torch.uint8)


@torch.no_grad()
def _told_rightly(network: nn.Module, real: Tensor, composed: Tensor, rng: np.random.Generator) -> float:
    right = [network(_patches(views, PER_VIEW, rng)) > 0 for views in (composed, real)]
    return float(torch.cat([right[0], ~right[1]]).float().mean())


@torch.enable_grad()
def _learn(real: Float[Tensor, "B 3 H W"], composed: Float[Tensor, "B 3 H W"], config: ToldApartConfig) -> nn.Module:
    """A network whose output is above 0 for patches that look composed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network, rng = _Network(config.width), np.random.default_rng(config.seed)
        optimiser = torch.optim.AdamW(network.parameters(), config.learning_rate, weight_decay=0.05)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.learning_rate, config.steps + 1)
        count = config.batch_size // 2
        wanted = torch.cat([torch.ones(count), torch.zeros(count)])
        for _ in progress(range(config.steps), desc="told apart", leave=False):
            patches = torch.cat([_patches(views, count, rng) for views in (composed, real)])
            loss = F.binary_cross_entropy_with_logits(network(_varied(patches, rng)), wanted)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return network.eval()


def _varied(patches: Float[Tensor, "P 3 h w"], rng: np.random.Generator) -> Float[Tensor, "P 3 h w"]:
    """Some mirrored, some of more contrast or another tint."""
    side, contrast, tint = (
        torch.from_numpy(rng.standard_normal((len(patches), colours, 1, 1)).astype(np.float32)) for colours in (1, 1, 3)
    )
    return torch.where(side < 0, patches.flip(3), patches) * (1 + CONTRAST * contrast) + COLOUR * tint


def _picture(views: UInt8[Tensor, "B H W 3"]) -> Float[Tensor, "B 3 H W"]:
    return views.movedim(-1, 1).float() / 127.5 - 1


def _patches(views: Float[Tensor, "B 3 H W"], count: int, rng: np.random.Generator) -> Float[Tensor, "P 3 h w"]:
    """So many patches, anywhere in any of the views."""
    view = torch.from_numpy(rng.integers(len(views), size=count))
    rows, columns = (_spans(length, count, rng) for length in views.shape[2:])
    return views[view[:, None, None], :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)


def _spans(length: int, count: int, rng: np.random.Generator) -> Int[Tensor, "P h"]:
    starts = torch.from_numpy(rng.integers(max(length - PATCH, 0) + 1, size=count))
    return starts[:, None] + torch.arange(min(PATCH, length))


class _Network(nn.Module):
    """Four convolutions of the colours and of their fine detail, the mean over the patch, and how much it looks composed."""

    def __init__(self, width: int):
        super().__init__()
        widths = (6, width, 2 * width, 2 * width, 2 * width)
        self.layers = nn.ModuleList(
            nn.Conv2d(before, after, 3, stride=1 if k == 0 else 2, padding=1)
            for k, (before, after) in enumerate(itertools.pairwise(widths))
        )
        self.norms = nn.ModuleList(nn.GroupNorm(4, after) for after in widths[1:])
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(2 * width, 1))

    def forward(self, patches: Float[Tensor, "P 3 h w"]) -> Float[Tensor, " P"]:
        around = F.avg_pool2d(F.pad(patches, (1, 1, 1, 1), mode="replicate"), 3, 1)
        x = torch.cat([patches, FINE * (patches - around)], 1)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = F.silu(norm(layer(x)))
        told: Tensor = self.head(x.mean((2, 3)))[:, 0]
        return told
