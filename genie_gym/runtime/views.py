"""Depth and classes as pictures.

Legend: H W image.
"""

from __future__ import annotations

from functools import lru_cache

import matplotlib
import numpy as np
from jaxtyping import Float, Int, UInt8

NEAREST, FARTHEST = 0.7, 60.0  # metres: colours change between them, evenly in the logarithm


@lru_cache
def _colours(name: str, count: int) -> UInt8[np.ndarray, "count 3"]:
    return np.rint(matplotlib.colormaps[name](np.linspace(0, 1, count))[:, :3] * 255).astype(np.uint8)


def depth_picture(depth: Float[np.ndarray, "H W"]) -> UInt8[np.ndarray, "H W 3"]:
    """Metres as colours, near ones light."""
    share = np.log(np.clip(depth, NEAREST, FARTHEST) / NEAREST) / np.log(FARTHEST / NEAREST)
    return _colours("magma_r", 256)[np.rint(share * 255).astype(int)]


def class_picture(labels: Int[np.ndarray, "H W"] | UInt8[np.ndarray, "H W"]) -> UInt8[np.ndarray, "H W 3"]:
    """Each class in a colour of its own."""
    return _colours("tab20", 20)[labels.astype(int) * 7 % 20]  # neighbours in the list differ
