"""Teaches the upscaler of the play page: frames of a simulator in high resolution against the same ones made small.

Legend: B crops, h w small, H W large.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from genie_gym.datasets.video import VideoDataset
from genie_gym.devices import pick_device
from genie_gym.errors import GenieGymError
from genie_gym.models.upscaler import Upscaler, UpscalerConfig, save_upscaler
from genie_gym.progress import progress

HELD_OUT = 0.15  # of the episodes, by which it is judged
TESTED = 64  # frames
CLIPPED = 0.5  # the norm of a step's gradients
POOL = 96  # frames that crops are taken from; one is replaced a step, for reading frames takes longer than learning


@dataclass(frozen=True)
class UpscalerRecipe:
    """How it learns. `crop`: pixels along a side of what it sees of a frame; `batch`: of these; `edges`: weight of
    differences between neighbours against differences of pixels, so that edges are not blurred."""

    minutes: float = 15.0
    crop: int = 48
    batch: int = 16
    learning_rate: float = 1e-3
    edges: float = 1.0
    seed: int = 0


def train_upscaler(
    data: VideoDataset,
    out: str | Path,
    config: UpscalerConfig | None = None,
    recipe: UpscalerRecipe | None = None,
    device: str = "auto",
) -> dict[str, Any]:
    """Learns from frames whose sides are multiples of the factor, and writes the network to `out`.

    Returns:
        psnr_learned, psnr_bicubic, psnr_bilinear (dB, mean over frames of episodes that it did not learn from), and steps.

    Raises:
        GenieGymError: for fewer than two episodes, and frames smaller than a crop.
    """
    config, recipe, target = config or UpscalerConfig(), recipe or UpscalerRecipe(), pick_device(device)
    large = recipe.crop * config.factor
    if len(data) < 2 or min(data.height, data.width) < large:
        raise GenieGymError(
            f"an upscaler learns from at least two episodes of frames of {large} pixels a side; got {len(data)} of "
            f"{data.height}x{data.width}."
        )
    rng = np.random.default_rng(recipe.seed)
    order = rng.permutation(len(data))
    held = max(1, round(HELD_OUT * len(data)))
    pool = [_frame(data, int(rng.choice(order[held:])), rng) for _ in range(POOL)]
    torch.manual_seed(recipe.seed)
    network = Upscaler(config).to(target)
    optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.98), weight_decay=0.0)
    begun, steps, total = time.monotonic(), 0, 60 * recipe.minutes
    with progress(total=round(total), desc="upscaler", unit="s") as bar:
        while (passed := time.monotonic() - begun) < total:
            share = passed / total
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate * min(1.0, (steps + 1) / 50) * (1 + math.cos(math.pi * share)) / 2
            pool[steps % POOL] = _frame(data, int(rng.choice(order[held:])), rng)
            target_frames = _crops(pool, rng, recipe.batch, large).to(target)
            loss = _loss(network(small(target_frames, config.factor)), target_frames, recipe.edges)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), CLIPPED)
            optimizer.step()
            steps += 1
            bar.set_postfix(loss=f"{loss.item():.4f}")
            bar.update(round(time.monotonic() - begun) - bar.n)
    save_upscaler(network.eval(), out)
    return judged(network, data, order[:held], rng) | {"steps": steps}


def small(frames: Float[Tensor, "B 3 H W"], factor: int) -> Float[Tensor, "B 3 h w"]:
    """Frames as a world would draw them: each pixel the mean of what it covers, in 256 steps."""
    return (F.avg_pool2d(frames, factor) * 255).round() / 255


def _loss(made: Tensor, real: Tensor, edges: float) -> Tensor:
    loss = (made - real).abs().mean()
    for axis in (-1, -2):
        loss = loss + edges * (made.diff(dim=axis) - real.diff(dim=axis)).abs().mean()
    return loss


def _crops(frames: Sequence[np.ndarray], rng: np.random.Generator, count: int, side: int) -> Tensor:
    """Random squares of random frames, mirrored half of the time."""
    found = []
    for _ in range(count):
        frame = frames[int(rng.integers(len(frames)))]
        y, x = (int(rng.integers(size - side + 1)) for size in frame.shape[:2])
        crop = frame[y : y + side, x : x + side]
        found.append(crop[:, ::-1] if rng.random() < 0.5 else crop)
    stacked = np.ascontiguousarray(np.stack(found))
    return torch.from_numpy(stacked).movedim(-1, 1).float() / 255


def _frame(data: VideoDataset, episode: int, rng: np.random.Generator) -> UInt8[np.ndarray, "H W 3"]:
    at = int(rng.integers(data.lengths[episode]))
    return data.frames(episode, slice(at, at + 1))[0]


@torch.no_grad()
def judged(network: Upscaler, data: VideoDataset, episodes: np.ndarray, rng: np.random.Generator) -> dict[str, float]:
    """psnr_learned, psnr_bicubic and psnr_bilinear, of frames of these episodes, in dB."""
    device = next(network.parameters()).device
    factor = network.config.factor
    found: dict[str, list[float]] = {"learned": [], "bicubic": [], "bilinear": []}
    for _ in range(TESTED):
        frame = torch.from_numpy(_frame(data, int(rng.choice(episodes)), rng)).to(device).movedim(-1, 0)[None].float() / 255
        frame = frame[..., : frame.shape[-2] // factor * factor, : frame.shape[-1] // factor * factor]
        low = small(frame, factor)
        made = {name: F.interpolate(low, scale_factor=factor, mode=name) for name in ("bicubic", "bilinear")}
        for name, picture in {"learned": network(low), **made}.items():
            wrong = ((picture.clamp(0, 1) * 255).round() / 255 - frame).square().mean()
            found[name].append(float(-10 * torch.log10(wrong.clamp(min=1e-8))))
    return {f"psnr_{name}": float(np.mean(values)) for name, values in found.items()}
