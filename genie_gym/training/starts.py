"""Which frames of a recording a world's episodes may start from.

Legend: P start frames, H W image.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8

from genie_gym.datasets.video import VideoDataset


def spread_starts(data: VideoDataset, count: int, share: float) -> tuple[list[int], UInt8[np.ndarray, "P H W 3"]]:
    """Frames from as many episodes, spread over the data, and the episode of each. Every other one is an episode's first
    frame, the rest stand anywhere in its first `share`; all before its first event, so that its description holds."""
    rng = np.random.default_rng(0)
    picks = np.unique(np.linspace(0, len(data) - 1, min(count, len(data))).astype(int)).tolist()
    places = [int(k % 2 * rng.integers(1 + int(share * (data.calm[i] - 1)))) for k, i in enumerate(picks)]
    return picks, np.stack([data.frames(i, slice(p, p + 1))[0] for i, p in zip(picks, places, strict=True)])
