"""Real clips made wrong on purpose: what a measure of consistency must tell from real ones.

Legend: B clips, T frames, H W image.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from scipy import ndimage
from torch import Tensor

from genie_gym.models.tokenizer import as_float, as_uint8

KNOTS = (5, 8)  # lines and columns of random displacements, between which distortions are smooth
WARP, DRIFT, BLUR, SHAKE = 1 / 80, 1 / 20, 1 / 107, 1 / 320  # of the image's width


def shuffled(clips: UInt8[Tensor, "B T H W 3"], rng: np.random.Generator) -> UInt8[Tensor, "B T H W 3"]:
    """The frames in random order."""
    return torch.stack([clip[torch.from_numpy(rng.permutation(len(clip)))] for clip in clips])


def warped(clips: UInt8[Tensor, "B T H W 3"], rng: np.random.Generator) -> UInt8[Tensor, "B T H W 3"]:
    """Each frame distorted smoothly by itself, by `WARP` of its width (root mean square: 2 pixels of 160)."""
    frames = as_float(clips.flatten(0, 1))
    return as_uint8(_moved(frames, WARP * _distortions(rng, frames))).unflatten(0, clips.shape[:2])


def drifting(clips: UInt8[Tensor, "B T H W 3"], rng: np.random.Generator) -> UInt8[Tensor, "B T H W 3"]:
    """Shapes flow: one distortion a clip, which grows from frame to frame, to `DRIFT` of the width at the last one."""
    frames = as_float(clips.flatten(0, 1))
    one = _distortions(rng, frames[:: clips.shape[1]])[:, None]  # [B, 1, H, W, 2]
    growing = torch.linspace(0, DRIFT, clips.shape[1], device=clips.device)[:, None, None, None]
    return as_uint8(_moved(frames, (growing * one).flatten(0, 1))).unflatten(0, clips.shape[:2])


def blurred(clips: UInt8[Tensor, "B T H W 3"], rng: np.random.Generator) -> UInt8[Tensor, "B T H W 3"]:
    """Edges melt: each frame is less sharp than the one before, up to a Gaussian blur of `BLUR` of the width (1.5 pixels of
    160)."""
    length, most = clips.shape[1], BLUR * clips.shape[3]
    out = clips.cpu().float().numpy()
    for t in range(length):
        out[:, t] = ndimage.gaussian_filter(
            out[:, t], (0, most * t / (length - 1), most * t / (length - 1), 0), mode="nearest"
        )
    return torch.from_numpy(out.round().astype(np.uint8)).to(clips.device)


def resampled(clips: UInt8[Tensor, "B T H W 3"], rng: np.random.Generator) -> UInt8[Tensor, "B T H W 3"]:
    """As when each frame is drawn from the one before: frame t has been shifted t times, by up to `SHAKE` of the width along
    each axis (half a pixel of 160), and back."""
    out = as_float(clips.flatten(0, 1)).unflatten(0, clips.shape[:2])
    for t in range(1, clips.shape[1]):
        later = out[:, t:].flatten(0, 1)
        shift = torch.from_numpy(SHAKE * rng.uniform(-1, 1, (1, 1, 1, 2))).to(later)
        out[:, t:] = _moved(_moved(later, shift), -shift).unflatten(0, out[:, t:].shape[:2])
    return as_uint8(out.flatten(0, 1)).unflatten(0, clips.shape[:2])


SPOILED: dict[str, Callable[[Tensor, np.random.Generator], Tensor]] = {
    "shuffled": shuffled,
    "warped": warped,
    "blurred": blurred,
    "drifting": drifting,
    "resampled": resampled,
}


def _distortions(rng: np.random.Generator, like: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B H W 2"]:
    """Smooth random displacements, of 1 on average (root mean square), for each of the images."""
    knots = torch.from_numpy(rng.standard_normal((len(like), 2, *KNOTS))).to(like)
    field = F.interpolate(knots, like.shape[-2:], mode="bicubic", align_corners=True)
    size = field.square().sum(1).mean((1, 2)).sqrt()
    return (field / size[:, None, None, None]).movedim(1, -1)


def _moved(images: Float[Tensor, "B 3 H W"], by: Tensor) -> Float[Tensor, "B 3 H W"]:
    """What each pixel sees so many widths beside it: `by` is [B, H, W, 2], or of size 1 along any axis."""
    height, width = images.shape[-2:]
    ys, xs = ((torch.arange(side, device=images.device) + 0.5) / side * 2 - 1 for side in (height, width))
    grid = torch.stack(torch.meshgrid(xs, ys, indexing="xy"), -1)
    place = grid + 2 * by * torch.tensor([1, width / height], device=images.device)
    return F.grid_sample(images, place.expand(len(images), -1, -1, -1), padding_mode="border", align_corners=False)
