"""How well an episode holds together, and which ones a dataset leaves out.

Legend: T frames, H W image.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8

from genie_gym.errors import GenieGymError
from genie_gym.geometry.camera import Camera
from genie_gym.geometry.reproject import Views, reproject

WINDOW = 8  # frames over which edges are averaged
APART = 12  # frames between two that are compared
PAIRS = 8  # of an episode at most
NEEDED = ("depth", "pose", "intrinsics")
BEST = 60.0  # dB, of what is the same


@dataclass(frozen=True)
class Filters:
    """What episodes must keep to.

    Args:
        max_drift: see `drift`. min_consistency: see `consistency`, dB.
    """

    max_drift: float | None = None
    min_consistency: float | None = None

    def __post_init__(self) -> None:
        if self.max_drift is not None and not 0 < self.max_drift < math.inf:
            raise GenieGymError(f"max_drift is a number above 0; got {self.max_drift}.")
        if self.min_consistency is not None and not 0 < self.min_consistency < BEST:
            raise GenieGymError(f"min_consistency lies between 0 and {BEST:g} dB; got {self.min_consistency}.")

    @property
    def info(self) -> tuple[str, ...]:
        """What of an environment's info they look at."""
        return () if self.min_consistency is None else NEEDED

    def measure(self, frames: UInt8[np.ndarray, "T H W 3"], told: Mapping[str, Any]) -> dict[str, float]:
        """What is asked for of an episode: "drift", "consistency"."""
        found = {}
        if self.max_drift is not None:
            found["drift"] = drift(frames)
        if self.min_consistency is not None:
            found["consistency"] = consistency(frames, *(np.stack(told[name]) for name in NEEDED))
        return found

    def reasons(self, measured: Mapping[str, float]) -> list[str]:
        """Why an episode is left out: none, if it is not. NaN, of what could not be measured, is no reason."""
        why = []
        if self.max_drift is not None and measured["drift"] > self.max_drift:
            why.append("drift")
        if self.min_consistency is not None and measured["consistency"] < self.min_consistency:
            why.append("consistency")
        return why


def drift(frames: UInt8[np.ndarray, "T H W 3"]) -> float:
    """How far an episode leaves the looks it began with: the largest difference, over windows of `WINDOW` frames, of the
    logarithm of the strength of edges from that of the first window. 0 is none; 0.7 is half, or twice, of the edges. Of
    episodes in which it becomes foggy or dark that is much, rightly so."""
    grey = frames.mean(-1, dtype=np.float32)
    edges = np.abs(np.diff(grey, axis=1)).mean((1, 2)) + np.abs(np.diff(grey, axis=2)).mean((1, 2)) + 0.1
    windows = [edges[k : k + WINDOW].mean() for k in range(0, max(1, len(edges) - WINDOW + 1), WINDOW)]
    return float(np.abs(np.log(windows) - np.log(windows[0])).max())


def consistency(
    frames: UInt8[np.ndarray, "T H W 3"],
    depth: Float[np.ndarray, "T H W"],
    pose: Float[np.ndarray, "T 4 4"],
    intrinsics: Float[np.ndarray, "T 3 3"],
) -> float:
    """How well frames agree with those of `APART` frames before, seen from where they are: dB of what both see, the median
    over up to `PAIRS` pairs. NaN where no two frames see the same."""
    if len(frames) <= APART:
        return math.nan
    later = np.unique(np.linspace(APART, len(frames) - 1, PAIRS).astype(int))
    height, width = frames.shape[1:3]
    camera = Camera.with_intrinsics(torch.from_numpy(intrinsics[0]).float(), height, width)
    before = torch.from_numpy(frames[later - APART]).movedim(-1, 1).float() / 255
    near = 1 / torch.from_numpy(depth[later - APART]).float().clamp(min=1e-3)
    poses = torch.from_numpy(pose).float()
    views = Views(before[:, None], near[:, None], poses[later - APART][:, None], torch.zeros(len(later), 1))
    seen = reproject(views, poses[later], camera)
    now = torch.from_numpy(frames[later]).movedim(-1, 1).float() / 255
    found = []
    for row in range(len(later)):
        shared = seen.covered[row]
        if shared.float().mean() > 0.1:
            error = float(((seen.colours[row] - now[row])[:, shared] ** 2).mean())
            found.append(min(BEST, -10 * math.log10(error)) if error > 0 else BEST)
    return float(np.median(found)) if found else math.nan
