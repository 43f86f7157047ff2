"""From frames as a world draws them to frames as they are shown: enlarged by a network, by interpolation, or pixel by pixel.

Legend: h w a world's frame, H W what is shown.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import UInt8

from genie_gym.errors import check_name
from genie_gym.models.upscaler import shipped_upscaler
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
        network = shipped_upscaler()
        factor = network.config.factor
        height, width = (side * factor for side in frame.shape[:2])
        image = torch.from_numpy(frame).movedim(-1, 0)[None]  # channels lie last in memory, for which there is a fast path
        light = network.layers(image.float() / 255)[0].contiguous().numpy()
        base = F.interpolate(image, size=(height, width), mode="bilinear")[0].movedim(0, -1).contiguous().numpy()
        shown = np.empty_like(base)
        add_light(base, light, factor, shown)
        if (height, width) == self.output_size:
            return shown
        large = torch.from_numpy(shown).movedim(-1, 0)[None]
        fitted = F.interpolate(large, size=self.output_size, mode="bilinear", antialias=height > self.output_size[0])
        return np.ascontiguousarray(fitted[0].movedim(0, -1).numpy())


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
