"""Panoramas of the sky by weather and hour, from pixels that show nothing else.

Legend: K conditions, n directions, W weathers, Q hours, U V rows (from the top) and columns (from east, counter-clockwise)
of a panorama.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8

from genie_gym.genie3.mining.cells import sums
from genie_gym.genie3.mining.conditions import Condition
from genie_gym.genie3.mining.light import hours_apart
from genie_gym.genie3.mining.views import Points, Views, rays_of
from genie_gym.places.light import SKY_BOTTOM, SKY_TOP

NEAR_HOURS, NEAR_PATTERN = 0.22, 1.2  # hours in which what others show, and how they vary there, counts less
NEAREST = 2.5  # hours, beyond which what others show does not count


class SkyCollector:
    """Sums up one episode's sky."""

    def __init__(self, views: Views, size: tuple[int, int]):
        self.views, self.size = views, size
        self.sums = np.zeros((len(views.pictures), size[0] * size[1], 4), np.float32)
        rays = rays_of(views.camera)
        self.rays = (rays / np.linalg.norm(rays, axis=-1, keepdims=True)).reshape(-1, 3)

    def add(self, frame: int, seen: Points) -> None:
        pixels = np.flatnonzero(seen.sky.ravel())
        if not len(pixels):
            return
        way = self.rays[pixels] @ self.views.pose[frame][:3, :3].T.astype(np.float32)
        cells, count = cells_of(way, self.size), self.size[0] * self.size[1]
        for total, pictures in zip(self.sums, self.views.pictures, strict=True):
            total[:, :3] += sums(cells, pictures[frame].reshape(-1, 3)[pixels], count).astype(np.float32)
            total[:, 3] += np.bincount(cells, minlength=count)

    def skies(self) -> Float[np.ndarray, "K U V 4"]:
        """Of each picture: sums of colours, and how many pixels."""
        return self.sums.reshape(-1, *self.size, 4)


def cells_of(way: Float[np.ndarray, "n 3"], size: tuple[int, int]) -> np.ndarray:
    """The panorama's texel that lies in a direction (unit vectors)."""
    rows, columns = size
    elevation = np.degrees(np.arcsin(np.clip(way[:, 2], -1, 1)))
    row = ((SKY_TOP - elevation) / (SKY_TOP - SKY_BOTTOM) * rows).astype(int).clip(0, rows - 1)
    column = np.floor(np.arctan2(way[:, 1], way[:, 0]) / (2 * np.pi) * columns).astype(int) % columns
    return np.asarray(row * columns + column)


def make_skies(
    seen: Sequence[tuple[Condition, Float[np.ndarray, "U V 4"]]],
    weathers: int,
    hours: Sequence[float],
    size: tuple[int, int],
) -> UInt8[np.ndarray, "W Q U V 3"]:
    """Of each weather and hour: what the nearest hours showed there; where they showed nothing, the mean of that height and
    how other hours differ from theirs in that direction."""
    rows, columns = size
    skies = np.full((weathers, len(hours), rows, columns, 3), 128, np.uint8)
    for weather in range(weathers):
        mine = [(condition.hour, one) for condition, one in seen if condition.weather == weather and one[..., 3].any()]
        if not mine:
            continue
        when, heights = np.array([hour for hour, _ in mine]), [_by_height(one) for _, one in mine]
        for number, hour in enumerate(hours):
            skies[weather, number] = _sky([one for _, one in mine], heights, hours_apart(when, hour))
    return skies


def _sky(
    seen: Sequence[Float[np.ndarray, "U V 4"]], heights: Sequence[Float[np.ndarray, "U 3"]], away: Float[np.ndarray, " K"]
) -> UInt8[np.ndarray, "U V 3"]:
    """The sky of one hour. `away`: how many hours from it others were seen."""
    shape = seen[0].shape[:2]
    weights = np.exp(-np.minimum(away / NEAR_HOURS, 60)) + 1e-12
    base = sum(weight * height for weight, height in zip(weights, heights, strict=True)) / weights.sum()
    detail, total = np.zeros((*shape, 3)), np.full((*shape, 1), 1e-6)
    above, below = np.zeros((*shape, 3)), np.zeros((*shape, 1))
    for weight, distance, one, height in zip(weights, away, seen, heights, strict=True):
        colours, count, pattern = one[..., :3], one[..., 3:], np.exp(-distance / NEAR_PATTERN)
        detail += pattern * (colours - count * height[:, None]) / (height.mean() / 255 + 0.05)
        total += pattern * count
        if distance < NEAREST:
            above += weight * colours
            below += weight * count
    guess = base[:, None] + detail / total * (base.mean() / 255 + 0.05)
    lean = 0.4 * float(weights.max())
    return np.clip(np.rint((above + lean * guess) / (below + lean)), 0, 255).astype(np.uint8)


def _by_height(sums: Float[np.ndarray, "U V 4"]) -> Float[np.ndarray, "U 3"]:
    """The mean colour at each height; where there is none, that of the nearest height."""
    total = sums[..., 3].sum(1)
    mean = sums[..., :3].sum(1) / np.maximum(total, 1)[:, None]
    have = np.flatnonzero(total > 0)
    nearest = have[np.abs(np.arange(len(total))[:, None] - have).argmin(1)]
    return np.asarray(mean[nearest])
