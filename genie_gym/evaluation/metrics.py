"""The numbers of `genie-gym evaluate`, as plain functions. Frames are uint8 [..., H, W, 3].

Legend: B frames, R real frames, S starts or statistics, A actions, D dimensions of an effect or action, N transitions,
H W image.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

from genie_gym.models.tokenizer import as_float

CELL = 4  # pixels, of `largest_change`
PSNR_CAP = 60.0  # an exact frame has no finite PSNR; this is below one grey level in a million pixels


def psnr(real: UInt8[Tensor, "*batch H W 3"], other: UInt8[Tensor, "*batch H W 3"]) -> Float[Tensor, "*batch"]:
    """Peak signal-to-noise ratio of each frame in dB (peak 255), at most `PSNR_CAP`."""
    mse = (real.float() - other.float()).square().mean((-3, -2, -1)) / 255**2
    return (-10 * torch.log10(mse.clamp_min(1e-12))).clamp(max=PSNR_CAP)


def ssim(real: UInt8[Tensor, "B H W 3"], other: UInt8[Tensor, "B H W 3"]) -> Float[Tensor, " B"]:
    """Structural similarity of each frame (Wang et al. 2004), on colours in [0, 1]."""
    values = structural_similarity_index_measure(as_float(other), as_float(real), data_range=1.0, reduction="none")
    assert isinstance(values, Tensor)
    return values


def perplexity(codes: np.ndarray, count: int) -> float:
    """exp(entropy) of the codes' frequencies: how many of `count` codes are in use, in effect."""
    share = np.bincount(codes.ravel(), minlength=count) / codes.size
    return float(np.exp(-np.sum(share[share > 0] * np.log(share[share > 0]))))


def mutual_information_bits(first: np.ndarray, second: np.ndarray) -> float:
    """Mutual information of two discrete variables in bits, from their joint frequencies (plug-in estimate)."""
    _, a = np.unique(first.ravel(), return_inverse=True)
    _, b = np.unique(second.ravel(), return_inverse=True)
    joint = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(joint, (a, b), 1)
    joint /= joint.sum()
    independent = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    seen = joint > 0
    return float(np.sum(joint[seen] * np.log2(joint[seen] / independent[seen])))


def explained_share(codes: Int[np.ndarray, " N"], values: Float[np.ndarray, "N D"]) -> float:
    """The share of the variance of values that their code explains (eta squared), mean over the dimensions that vary. 1: all
    values of a code are the same; about (A - 1) / (N - 1): codes mean nothing. NaN if nothing varies."""
    spread = ((values - values.mean(0)) ** 2).sum(0)
    groups = [values[codes == code] for code in np.unique(codes)]
    within = np.sum([((group - group.mean(0)) ** 2).sum(0) for group in groups], axis=0)
    varies = spread > 0
    return float((1 - within[varies] / spread[varies]).mean()) if varies.any() else float("nan")


def auc(scores: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> float:
    """Area under the ROC curve: how often a positive scores above a negative, ties half, pairs weighted. NaN with none
    of either."""
    first, second = scores[positive][:, None], scores[~positive][None]
    pairs = weights[positive][:, None] * weights[~positive][None]
    return float(np.sum(pairs * ((first > second) + 0.5 * (first == second))) / pairs.sum()) if pairs.size else float("nan")


def calibration_error(chances: np.ndarray, happened: np.ndarray, weights: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error (Naeini et al. 2015): the mean distance of predicted chance and true rate, over bins of
    equal weight."""
    order = np.argsort(chances)
    share = (np.cumsum(weights[order]) - weights[order] / 2) / weights.sum()  # each sample by its middle
    bin_of = np.minimum((share * bins).astype(int), bins - 1)
    total = np.bincount(bin_of, weights[order], bins)
    gap = np.bincount(bin_of, weights[order] * (chances[order] - happened[order]), bins)
    return float(np.abs(gap).sum() / total.sum())


def largest_change(before: UInt8[Tensor, "B H W 3"], after: UInt8[Tensor, "B H W 3"]) -> Float[Tensor, " B"]:
    """How much the cell of 4x4 pixels that changed most has changed, in grey levels (mean over its pixels and colours).
    A mean over the whole picture overlooks a small ball."""
    change = (before.float() - after.float()).abs().mean(-1)[:, None]
    return F.avg_pool2d(change, CELL, ceil_mode=True).amax((1, 2, 3))


def picture_shift(before: UInt8[Tensor, "B H W 3"], after: UInt8[Tensor, "B H W 3"], reach: int = 6) -> Float[Tensor, "B 2"]:
    """By how many pixels (x, y) a picture moved as a whole: the shift within `reach` that explains `after` best."""
    first, second = before.float().mean(-1), after.float().mean(-1)
    inside = second[:, reach:-reach, reach:-reach]
    height, width = inside.shape[1:]
    shifts = [(x, y) for y in range(-reach, reach + 1) for x in range(-reach, reach + 1)]
    shifts.sort(key=lambda shift: shift[0] ** 2 + shift[1] ** 2)  # of equals, the smallest
    errors = torch.stack(
        [
            (first[:, reach - y : reach - y + height, reach - x : reach - x + width] - inside).square().mean((1, 2))
            for x, y in shifts
        ]
    )
    return torch.tensor(shifts, dtype=torch.float32, device=before.device)[errors.argmin(0)]


def explained_variance(effects: np.ndarray) -> float:
    """Effects [S, A, D] of A actions from S starts: the share of their variance that the action explains (eta squared).
    1: an action does the same from everywhere; about (A - 1) / (S A - 1): actions mean nothing. NaN if nothing happens."""
    spread = ((effects - effects.mean((0, 1))) ** 2).sum()
    between = effects.shape[0] * ((effects.mean(0) - effects.mean((0, 1))) ** 2).sum()
    return float(between / spread) if spread > 0 else float("nan")


def interval(values: np.ndarray, seed: int = 0, resamples: int = 2000) -> tuple[float, float]:
    """95 % bootstrap interval of the mean."""
    rng = np.random.default_rng(seed)
    means = values[rng.integers(len(values), size=(resamples, len(values)))].mean(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def interval_of(
    statistic: Callable[..., float], *rows: np.ndarray, seed: int = 0, resamples: int = 1000
) -> tuple[float, float]:
    """The same of a number that is no mean: of `statistic`, which takes these arrays, their rows resampled together. Where
    it is NaN, it does not count."""
    rng, count = np.random.default_rng(seed), len(rows[0])
    picks = rng.integers(count, size=(resamples, count))
    found = np.array([statistic(*(part[pick] for part in rows)) for pick in picks])
    found = found[np.isfinite(found)]
    low, high = np.quantile(found, [0.025, 0.975]) if len(found) else (np.nan, np.nan)
    return float(low), float(high)


def frame_statistics(frames: UInt8[Tensor, "B H W 3"]) -> np.ndarray:
    """[B, 3]: brightness, contrast, and edges (mean absolute gradient)."""
    grey = frames.float().mean(-1) / 255
    edges = (grey[:, 1:, :-1] - grey[:, :-1, :-1]).abs() + (grey[:, :-1, 1:] - grey[:, :-1, :-1]).abs()
    return torch.stack([grey.mean((1, 2)), grey.std((1, 2)), edges.mean((1, 2))], dim=1).cpu().numpy()


def statistics_distance(real: np.ndarray, imagined: np.ndarray) -> float:
    """How far imagined frames' statistics [B, S] have left the real ones' [R, S]: the distance of the means in real
    standard deviations, averaged over the statistics. 0 is no drift, 1 one standard deviation."""
    return float(np.mean(np.abs(imagined.mean(0) - real.mean(0)) / (real.std(0) + 1e-8)))
