"""Hills: random ground whose waves are as high, wave length by wave length, as those of recorded ground.

Legend: G points of a grid along a side, W wave lengths, K points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from scipy.fft import dctn, idctn

from genie_gym.places.layout.config import LayoutConfig
from genie_gym.places.place import Place, heights_at

WAVES = 48  # wave lengths that are told apart
FADE = 3.0  # units over which level ground passes into hills
Heights = Float[np.ndarray, "G G"]


def mine_hills(places: Sequence[Place], config: LayoutConfig) -> dict[str, np.ndarray]:
    """Arrays "waves" [scenes, W] and "hills" [scenes, 5]: points along a side, the lowest and highest that the lowest point
    was, and the highest, over it; one point where ground is flat."""
    waves, hills = np.zeros((len(config.scenes), WAVES)), np.zeros((len(config.scenes), 5))
    for number, name in enumerate(config.scene_names):
        fields = [place.heights for place in places if place.scene == name]
        rolling = [field for field in fields if len(field) > 1 and np.ptp(field) > 1e-3]
        flat = [float(field.mean()) for field in fields]
        hills[number] = 1, *np.quantile(flat, (0.05, 0.95)), 0, 0
        if len(rolling) * 2 > len(fields):
            sizes, counts = np.unique([len(field) for field in rolling], return_counts=True)
            size = int(sizes[counts.argmax()])
            rolling = [field for field in rolling if len(field) == size]
            band = _bands(size)
            power = np.mean([dctn(field.astype(float), norm="ortho") ** 2 for field in rolling], 0)
            sums, times = (np.bincount(band.ravel(), weights, WAVES + 1) for weights in (power.ravel(), None))
            waves[number] = _as_half_floats((sums / np.maximum(times, 1))[:WAVES])
            low = [float(field.min()) for field in rolling]
            high = [float(np.ptp(field)) for field in rolling]
            hills[number] = (size, *np.quantile(low, (0.05, 0.95)), *np.quantile(high, (0.05, 0.95)))
    return {"waves": waves, "hills": hills}


def _as_half_floats(waves: Float[np.ndarray, " W"]) -> Float[np.ndarray, " W"]:
    """Waves so scaled that half floats hold them: only how they compare matters. Powers of 4 keep their roots exact."""
    scaled: np.ndarray = waves * 4.0 ** (7 - np.ceil(np.log2(max(float(waves.max()), 1e-12)) / 2))
    return scaled


def draw_hills(arrays: Mapping[str, np.ndarray], scene: int, rng: np.random.Generator) -> Heights:
    """The ground of a place before anything stands on it."""
    size, *ranges = arrays["hills"][scene]
    low, high = rng.uniform(*ranges[:2]), rng.uniform(*ranges[2:])
    if size <= 1:
        return np.full((1, 1), low, np.float32)
    band = _bands(int(size))
    strength = np.sqrt(np.append(arrays["waves"][scene], 0))[band]
    strength[0, 0] = 0
    field = idctn(rng.standard_normal(band.shape) * strength, norm="ortho")
    field = (field - field.min()) / max(float(np.ptp(field)), 1e-9)
    return (low + high * field).astype(np.float32)


def level(heights: Heights, half: float, boxes: Float[np.ndarray, "K 4"]) -> Heights:
    """The ground made level under boxes (x, y, width, depth), one after the other."""
    size = len(heights)
    if size == 1:
        return heights
    axis = np.linspace(-half, half, size)
    fade = FADE * half / 32
    field = heights.astype(float)
    for x, y, wide, deep in boxes.tolist():
        apart = np.hypot(axis - x, (axis - y)[:, None])
        blend = np.clip((max(wide, deep) / 2 + fade - apart) / fade, 0, 1)
        field = field * (1 - blend) + heights_at(field, half, np.array([[x, y]]))[0] * blend
    return field.astype(np.float32)


def meet(heights: Heights, half: float, points: Float[np.ndarray, "K 2"], wanted: Float[np.ndarray, " K"]) -> Heights:
    """The ground raised or lowered around points, so that it is as high there as wanted."""
    size = len(heights)
    if size == 1 or not len(points):
        return heights
    axis = np.linspace(-half, half, size)
    miss = wanted - heights_at(heights, half, points)
    reach = 5.0 * half / 32
    wanted_here, weights = np.zeros((size, size)), np.zeros((size, size))
    for (x, y), missing in zip(points, miss, strict=True):  # one by one: a thousand of them at once would take gigabytes
        weight = np.exp(-((axis - x) ** 2 + (axis - y)[:, None] ** 2) / (2 * reach**2))
        wanted_here += weight * missing
        weights += weight
    return (heights + wanted_here / np.maximum(weights, 1)).astype(np.float32)


def _bands(size: int) -> np.ndarray:
    """Which of `WAVES` bands each wave of a field belongs to, [G, G]; the last one is left out."""
    axis = np.arange(size)
    return np.minimum(np.round(np.hypot(axis, axis[:, None])).astype(int), WAVES)
