"""A pinhole camera: pixels to rays and back. x right, y down, z forward; metres and pixels.

Legend: N = H·W pixels, H W image.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Camera:
    """`focal` is the focal length in pixels; the optical axis goes through the middle of the image."""

    height: int
    width: int
    focal: float

    @classmethod
    def with_field_of_view(cls, height: int, width: int, degrees: float) -> Camera:
        """One that sees so many degrees from the upper to the lower edge."""
        return cls(height, width, height / 2 / math.tan(math.radians(degrees) / 2))

    @classmethod
    def with_intrinsics(cls, intrinsics: Any, height: int, width: int) -> Camera:
        """The one of a 3x3 matrix, as `intrinsics()` tells it: an array, a tensor, or lists."""
        return cls(height, width, float(intrinsics[0][0]))

    def intrinsics(self) -> Float[np.ndarray, "3 3"]:
        """The matrix that takes points before the camera to pixels, before dividing by their depth."""
        middle = self.width / 2, self.height / 2
        return np.array([[self.focal, 0, middle[0]], [0, self.focal, middle[1]], [0, 0, 1]], np.float32)

    def rays(self, device: torch.device) -> Float[Tensor, "3 N"]:
        """The point at depth 1 that each pixel's middle sees, row by row."""
        return _rays(self, device)


@functools.lru_cache(maxsize=16)
def _rays(camera: Camera, device: torch.device) -> Tensor:
    ys = (torch.arange(camera.height, device=device) + 0.5 - camera.height / 2) / camera.focal
    xs = (torch.arange(camera.width, device=device) + 0.5 - camera.width / 2) / camera.focal
    grid_y, grid_x = torch.meshgrid(ys, xs, indexing="ij")
    return torch.stack([grid_x, grid_y, torch.ones_like(grid_x)]).flatten(1)
