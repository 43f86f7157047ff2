"""From frames as a world draws them to frames as they are shown: enlarged by a network, by interpolation, or pixel by pixel.

Legend: h w a world's frame, H W what is shown.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import UInt8

from genie_gym.errors import check_name
from genie_gym.models.upscaler import shipped_upscaler

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
        image = torch.from_numpy(frame).movedim(-1, 0)[None]
        if self.upscaler == PIXELS or not smooth:
            shown = F.interpolate(image, size=self.output_size, mode="nearest")
        elif self.upscaler == SMOOTH:
            shown = F.interpolate(image, size=self.output_size, mode="bicubic", antialias=True)
        else:
            shown = self._learned(image)
        return np.ascontiguousarray(shown[0].movedim(0, -1).numpy())

    def _learned(self, image: torch.Tensor) -> torch.Tensor:
        network = shipped_upscaler()
        detail = network.detail(image.float() / 255).mul_(255).round_().to(torch.int16)
        base = image.contiguous(memory_format=torch.channels_last)  # for which there is a fast path
        base = F.interpolate(base, scale_factor=network.config.factor, mode="bilinear")
        shown = (base.to(torch.int16) + detail).clamp_(0, 255).to(torch.uint8)
        if shown.shape[-2:] == self.output_size:
            return shown
        shown = shown.contiguous(memory_format=torch.channels_last)  # for which there is a fast path
        return F.interpolate(shown, size=self.output_size, mode="bilinear", antialias=shown.shape[-2] > self.output_size[0])
