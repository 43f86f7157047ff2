"""From frames as a world draws them to frames as they are shown: enlarged by a network, by interpolation, or pixel by pixel.

Legend: h w a world's frame, H W what is shown.
"""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import no_type_check

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import UInt8

from genie_gym.errors import check_name
from genie_gym.models.upscaler import Upscaler, shipped_upscaler
from genie_gym.places.kernels import kernel

LEARNED, SMOOTH, PIXELS = UPSCALERS = ("learned", "bicubic", "nearest")


class RenderingStage:
    """Enlarges frames to fit into a size, at their aspect.

    Args:
        frame_size: (h, w) of the world's frames. largest: (height, width) that is not exceeded. upscaler: of `UPSCALERS`.

    Attributes:
        output_size: (H, W). upscaler: which is used: none where the sizes are the same.
    """

    def __init__(self, frame_size: tuple[int, int], largest: tuple[int, int], upscaler: str = LEARNED):
        check_name("upscaler", upscaler, UPSCALERS)
        self.frame_size, self.upscaler = frame_size, upscaler
        factor = min(side / own for side, own in zip(largest, frame_size, strict=True))
        if upscaler == PIXELS:
            factor = max(1, int(factor))
        height, width = (max(1, round(side * factor)) for side in frame_size)
        self.output_size = (height, width)
        if self.output_size == frame_size:
            self.upscaler = "none"
        elif factor < 1 and upscaler == LEARNED:  # there is nothing to invent
            self.upscaler = SMOOTH

    @torch.no_grad()
    def render(self, frame: UInt8[np.ndarray, "h w 3"], smooth: bool = True) -> UInt8[np.ndarray, "H W 3"]:
        """A frame as it is shown; of pictures whose colours must not mix (`smooth` is false), pixel by pixel."""
        if self.upscaler == "none":
            return frame
        if self.upscaler == LEARNED and smooth:
            return self._learned(frame)
        image = torch.from_numpy(frame).movedim(-1, 0)[None]
        if self.upscaler == PIXELS or not smooth:
            shown = F.interpolate(image, size=self.output_size, mode="nearest")
        else:
            shown = F.interpolate(image, size=self.output_size, mode="bicubic", antialias=True)
        return np.ascontiguousarray(shown[0].movedim(0, -1).numpy())

    def _learned(self, frame: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "H W 3"]:
        """Bilinear interpolation and the light that the network adds, in one pass over the large picture."""
        network = _network()
        factor = network.config.factor
        height, width = (side * factor for side in frame.shape[:2])
        image = torch.from_numpy(frame).movedim(-1, 0)[None]  # channels lie last in memory, for which there is a fast path
        small = (image.float() / 255).to(next(network.parameters()).dtype)
        light = network.layers(small)[0].float().contiguous().numpy()
        base = F.interpolate(image, size=(height, width), mode="bilinear")[0].movedim(0, -1).contiguous().numpy()
        shown = np.empty_like(base)
        bands = np.linspace(0, frame.shape[0], torch.get_num_threads() + 1).astype(int)
        parts = [(slice(a, b), slice(a * factor, b * factor)) for a, b in pairwise(bands.tolist()) if b > a]
        list(_threads().map(lambda part: add_light(base[part[1]], light[:, part[0]], factor, shown[part[1]]), parts))
        if (height, width) == self.output_size:
            return shown
        large = torch.from_numpy(shown).movedim(-1, 0)[None]
        fitted = F.interpolate(large, size=self.output_size, mode="bilinear", antialias=height > self.output_size[0])
        return np.ascontiguousarray(fitted[0].movedim(0, -1).numpy())


@cache
def _network() -> Upscaler:
    """The one that ships, in half precision where the processor multiplies it in hardware: three times as fast."""
    network = shipped_upscaler()
    is_fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return copy.deepcopy(network).to(torch.bfloat16) if is_fast else network


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(torch.get_num_threads(), thread_name_prefix="render")


@kernel
@no_type_check
def add_light(base, light, factor, shown):
    """`shown` [H, W, 3] becomes `base` and what the channels of `light` [factor², h, w] hold for each of its pixels."""
    for row in range(light.shape[1]):
        for up in range(factor):
            y = row * factor + up
            for column in range(light.shape[2]):
                for right in range(factor):
                    x = column * factor + right
                    more = int(light[up * factor + right, row, column] * np.float32(255.0) + np.float32(512.5)) - 512
                    for c in range(3):
                        shown[y, x, c] = min(max(base[y, x, c] + more, 0), 255)
