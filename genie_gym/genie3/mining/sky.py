"""Panoramas of the sky by weather and hour, from pixels that show nothing else.

Legend: K conditions, n directions, W weathers, Q hours, U V rows (from the top) and columns (from east, counter-clockwise)
of a panorama.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8

from genie_gym.genie3.mining.views import Condition, Frame, Views
from genie_gym.places.light import SKY_BOTTOM, SKY_TOP

NEAR_HOURS, NEAR_PATTERN = 0.22, 1.2  # hours in which what others show, and how they vary there, counts less


class SkyGatherer:
    """Sums up one episode's sky: for each picture float32 [U, V, 4], colours and how many pixels."""

    def __init__(self, views: Views, size: tuple[int, int]):
        self.views, self.size = views, size
        self.sums = [np.zeros((size[0] * size[1], 4), np.float32) for _ in views.pictures]
        camera = views.camera
        y, x = np.mgrid[0 : camera.height, 0 : camera.width].astype(np.float32) + 0.5
        rays = np.stack([(x - camera.width / 2) / camera.focal, (y - camera.height / 2) / camera.focal, np.ones_like(x)], -1)
        self.rays = (rays / np.linalg.norm(rays, axis=-1, keepdims=True)).reshape(-1, 3)

    def add(self, frame: int, seen: Frame) -> None:
        pixels = np.flatnonzero(seen.sky.ravel())
        if not len(pixels):
            return
        way = self.rays[pixels] @ self.views.pose[frame][:3, :3].T.astype(np.float32)
        cells = cells_of(way, self.size)
        count = self.size[0] * self.size[1]
        for sums, pictures in zip(self.sums, self.views.pictures, strict=True):
            colours = pictures[frame].reshape(-1, 3)[pixels]
            for c in range(3):
                sums[:, c] += np.bincount(cells, colours[:, c], count).astype(np.float32)
            sums[:, 3] += np.bincount(cells, minlength=count)

    def skies(self) -> list[tuple[Condition, Float[np.ndarray, "U V 4"]]]:
        return [(condition, sums.reshape(*self.size, 4)) for condition, sums in
                zip(self.views.conditions, self.sums, strict=True)]  # fmt: skip


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
        mine = [(condition.hour, sums) for condition, sums in seen if condition.weather == weather and sums[..., 3].any()]
        if not mine:
            continue
        when = np.array([hour for hour, _ in mine])
        heights = [_by_height(sums) for _, sums in mine]
        for number, hour in enumerate(hours):
            away = np.abs((when - hour + 12) % 24 - 12)
            weights = np.exp(-np.minimum(away / NEAR_HOURS, 60)) + 1e-12
            base = sum(w * h for w, h in zip(weights, heights, strict=True)) / weights.sum()
            detail, total = np.zeros((rows, columns, 3)), np.full((rows, columns, 1), 1e-6)
            for distance, (_, sums), height in zip(away, mine, heights, strict=True):
                weight = np.exp(-distance / NEAR_PATTERN)
                detail += weight * (sums[..., :3] - sums[..., 3:] * height[:, None]) / (height.mean() / 255 + 0.05)
                total += weight * sums[..., 3:]
            guess = base[:, None] + detail / total * (base.mean() / 255 + 0.05)
            above, below = np.zeros((rows, columns, 3)), np.zeros((rows, columns, 1))
            for weight, distance, (_, sums) in zip(weights, away, mine, strict=True):
                if distance < 2.5:
                    above += weight * sums[..., :3]
                    below += weight * sums[..., 3:]
            lean = 0.02 * float(weights.max()) * 20
            skies[weather, number] = np.clip(np.rint((above + lean * guess) / (below + lean)), 0, 255).astype(np.uint8)
    return skies


def _by_height(sums: Float[np.ndarray, "U V 4"]) -> Float[np.ndarray, "U 3"]:
    """The mean colour at each height; where there is none, that of the nearest height."""
    total = sums[..., 3].sum(1)
    mean = sums[..., :3].sum(1) / np.maximum(total, 1)[:, None]
    have = np.flatnonzero(total > 0)
    nearest = have[np.abs(np.arange(len(total))[:, None] - have).argmin(1)]
    return np.asarray(mean[nearest])
