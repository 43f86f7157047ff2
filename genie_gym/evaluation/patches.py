"""Do small patches of imagined frames look like patches of real ones? Their distributions are compared, not their places.

Legend: B frames, N M patches, P = 8·8·3 numbers of a patch, H W image.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

SIDE, STRIDE = 8, 4  # pixels
INSIDE = 0.9  # share of a patch that must lie in the mask
DIRECTIONS, QUANTILES = 128, 256
FEWEST = 64  # patches, of which a distribution is made
MOST = 20_000


def patches(frames: UInt8[Tensor, "B H W 3"], mask: Bool[Tensor, "B H W"]) -> Float[Tensor, "N P"]:
    """All patches of a grid that lie in the mask, in grey levels, less their mean colour: they speak of texture alone, for
    colours differ from place to place more than mist differs from walls."""
    image = frames.movedim(-1, 1).float()
    cut = F.unfold(image, SIDE, stride=STRIDE).movedim(1, 2).flatten(0, 1)  # [B·places, P], colour by colour
    share = F.unfold(mask[:, None].float(), SIDE, stride=STRIDE).mean(1).flatten()
    chosen = cut[share >= INSIDE].unflatten(1, (3, SIDE * SIDE))
    return (chosen - chosen.mean(2, keepdim=True)).flatten(1)


def patch_distance(first: Float[Tensor, "N P"], second: Float[Tensor, "M P"], seed: int = 0) -> float:
    """Sliced Wasserstein distance (Rabin et al. 2011) in grey levels: over random directions, how far the patches' values
    lie apart, quantile by quantile. NaN where there are fewer than `FEWEST` patches of either."""
    if min(len(first), len(second)) < FEWEST:
        return float("nan")
    rng = np.random.default_rng(seed)
    towards = torch.from_numpy(rng.standard_normal((first.shape[1], DIRECTIONS)).astype(np.float32)).to(first.device)
    towards = towards / towards.norm(dim=0)
    levels = []
    for given in (first, second):
        chosen = given[torch.from_numpy(rng.permutation(len(given))[:MOST]).to(given.device)]
        ordered = (chosen @ towards).sort(0).values
        ranks = (torch.arange(QUANTILES, device=given.device) + 0.5) * (len(ordered) / QUANTILES)
        levels.append(ordered[ranks.long()])
    return float((levels[0] - levels[1]).abs().mean())


def mist(frames: UInt8[Tensor, "B H W 3"], holes: Bool[Tensor, "B H W"]) -> UInt8[Tensor, "B H W 3"]:
    """The frames with their holes filled by what surrounds them, the smoother the wider they are (push and pull over ever
    coarser pictures): what a world shows that knows nothing of what comes into view."""
    image = torch.where(holes[:, None], 0.0, frames.movedim(-1, 1).float())
    filled = _diffuse(image, (~holes)[:, None].float())
    return filled.round().clamp(0, 255).to(torch.uint8).movedim(1, -1)


def _diffuse(image: Float[Tensor, "B 3 H W"], known: Float[Tensor, "B 1 H W"]) -> Tensor:
    if min(image.shape[-2:]) == 1:
        return image
    weight = F.avg_pool2d(known, 2, ceil_mode=True)
    coarse = F.avg_pool2d(image * known, 2, ceil_mode=True) / weight.clamp(min=1e-6)
    around = _diffuse(coarse * (weight > 0), (weight > 0).float())
    around = F.interpolate(around, image.shape[-2:], mode="bilinear", align_corners=False)
    return known * image + (1 - known) * around
