"""What the ground looks like, by material and weather: tiles that repeat, freed of light, shadows and blotches.

Legend: n pixels, W weathers, R texels along a side of a tile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from scipy.ndimage import distance_transform_edt

from genie_gym.genie3.mining.collect import fog_depth
from genie_gym.genie3.mining.light import Light
from genie_gym.genie3.mining.views import Frame, Views
from genie_gym.places.ground import MATERIAL_SIDE, ground_of
from genie_gym.places.library import LibraryConfig, Material

PERIODS = (1.0, 2.0, 4.0, 8.0)  # metres
PIXELS = 60_000  # of an episode and a picture
NEAR = 0.12  # metres that a pixel may cover
LEVEL_BEYOND = 0.15  # metres that the ground beyond the square may lie off its level
PATCH = 1.0  # metres: shadows and blotches are told apart from the material in squares of this side
SHADED = 0.86  # a square as dark as this share of the usual lies in a shadow


@dataclass(frozen=True, eq=False)
class Soil:
    """Pixels of the ground of one episode: `place` int16 [n, 2] in centimetres, `material` and `weather` uint8 [n], `albedo`
    uint8 [n, 3], `picture` uint8 [n]."""

    place: np.ndarray
    material: np.ndarray
    weather: np.ndarray
    albedo: np.ndarray
    picture: np.ndarray


class SoilGatherer:
    """Collects one episode's pixels of ground, water and what lies beyond."""

    def __init__(self, views: Views, light: Light, materials: Sequence[str], labels: tuple[int, int], seed: int):
        self.views, self.light, self.materials = views, light, list(materials)
        self.ground, self.water = labels
        config = bare_config(self.materials)
        self.map = ground_of([views.place], config, [0])
        self.rng = np.random.default_rng([seed, views.index, 5])
        self.parts: list[tuple[np.ndarray, ...]] = []

    def add(self, frame: int, seen: Frame, owned: np.ndarray) -> None:
        """`owned` [H·W] are pixels that show things."""
        views = self.views
        semantic = views.semantic[frame].ravel()
        points = seen.points.reshape(-1, 3)
        good = ~owned & ~seen.sky.ravel() & (seen.facing.ravel() > 0.06)
        half = views.place.half
        inside = (np.abs(points[:, 0]) < half) & (np.abs(points[:, 1]) < half)
        near = seen.footprint.ravel() / np.sqrt(np.clip(seen.facing.ravel(), 0.05, 1)) < NEAR
        land = good & inside & near & (semantic == self.ground)
        upward = seen.normals.reshape(-1, 3)[:, 2] > 0.9
        outside = good & ~inside & upward & (np.abs(points[:, 2] + 0.06) < LEVEL_BEYOND) & (seen.footprint.ravel() < 1.0)
        water = good & (semantic == self.water) & upward & (seen.footprint.ravel() < 0.5)
        pixels = np.flatnonzero(land | (outside & ~water) | water)
        share = 2 * PIXELS / max(len(views), 1)
        if len(pixels) > share:
            pixels = self.rng.choice(pixels, int(share), replace=False)
        if not len(pixels):
            return
        material = self._materials(points[pixels], land[pixels], water[pixels])
        pixels, material = pixels[material >= 0], material[material >= 0]
        depth, roofed = fog_depth(views, frame, points[pixels], pixels), views.place.roof is not None
        normals = seen.normals.reshape(-1, 3)[pixels]
        place = np.clip(np.rint(points[pixels, :2] * 100), -32767, 32767).astype(np.int16)
        for k, (condition, pictures) in enumerate(zip(views.conditions, views.pictures, strict=True)):
            albedo, sure = self.light.albedo(
                condition, pictures[frame].reshape(-1, 3)[pixels].astype(np.float32), normals, depth, roofed
            )
            keep = sure > 0.01
            count = int(keep.sum())
            self.parts.append((
                place[keep], material[keep].astype(np.uint8), np.full(count, condition.weather, np.uint8),
                np.clip(np.rint(albedo[keep]), 0, 255).astype(np.uint8), np.full(count, k, np.uint8),
            ))  # fmt: skip

    def _materials(self, points: np.ndarray, land: np.ndarray, water: np.ndarray) -> np.ndarray:
        place, maps = self.views.place, self.map
        found = np.full(len(points), self.materials.index(place.beyond))
        at = ((points[:, :2] + place.half) / (2 * place.half) * MATERIAL_SIDE).astype(int).clip(0, MATERIAL_SIDE - 1)
        under, over, cover = (x[0].numpy()[at[:, 1], at[:, 0]] for x in (maps.under, maps.over, maps.cover))
        pure = np.where(cover == 0, under.astype(int), np.where(cover >= 250, over.astype(int), -1))
        found = np.where(land, pure, found)
        if water.any():
            look = np.full(len(points), -1)
            for one in place.waters:
                west, south, east, north = one.bounds
                x, y, z = points.T
                held = (x >= west) & (x <= east) & (y >= south) & (y <= north) & (np.abs(z - one.level) < 0.2)
                look[held] = self.materials.index(one.look)
            found = np.where(water, look, found)
        return found

    def soil(self) -> Soil | None:
        if not self.parts:
            return None
        return Soil(*(np.concatenate(part) for part in zip(*self.parts, strict=True)))


def bare_config(materials: Sequence[str]) -> LibraryConfig:
    """Of a library without things."""
    return LibraryConfig(("sky", "ground", "water"), (), ("any",), tuple(materials), (), (), 0)


def make_tiles(soils: Sequence[Soil], materials: Sequence[str], weathers: int, side: int) -> list[Material]:
    """A tile of each material in each weather: grey where nobody saw it."""
    if not soils:
        grey = np.full((weathers, side, side, 3), 128, np.uint8)
        return [Material(name, grey, 4.0) for name in materials]
    place = np.concatenate([soil.place for soil in soils]).astype(np.float32) / 100
    material, weather, albedo = (np.concatenate([getattr(soil, name) for soil in soils]) for name in
                                 ("material", "weather", "albedo"))  # fmt: skip
    voice = np.concatenate([np.full(len(soil.material), 2 * k) + soil.picture for k, soil in enumerate(soils)])
    made = []
    for number, name in enumerate(materials):
        mine = np.flatnonzero(material == number)
        colours = albedo[mine].astype(np.float32)
        if len(mine) < 200:
            flat = colours.mean(0) if len(mine) else np.full(3, 128.0)
            tiles = np.broadcast_to(np.rint(flat).astype(np.uint8), (weathers, side, side, 3)).copy()
            made.append(Material(name, tiles, 4.0))
            continue
        period = best_period(place[mine], colours, weather[mine], side)
        tiles = _tiles(place[mine], colours, weather[mine], voice[mine], weathers, period, side)
        made.append(Material(name, tiles, period))
    return made


def best_period(place: Float[np.ndarray, "n 2"], colours: Float[np.ndarray, "n 3"], weather: np.ndarray, side: int) -> float:
    """The period by which a tile tells most of pixels that it was not made from."""
    common = np.bincount(weather).argmax()
    mine = np.flatnonzero(weather == common)
    mine = mine[np.random.default_rng(0).permutation(len(mine))[:400_000]]
    made, held = mine[::2], mine[1::2]
    told = []
    mean = colours[made].mean(0)
    for period in PERIODS:
        cells = _texels(place, period, side)
        count = np.bincount(cells[made], minlength=side**2)[:, None]
        sums = np.stack([np.bincount(cells[made], colours[made, c], side**2) for c in range(3)], 1)
        tile = (sums + 4 * mean) / (count + 4)
        told.append(float(((colours[held] - tile[cells[held]]) ** 2).mean()))
    best = int(np.argmin(told))
    flat = float(((colours[held] - mean) ** 2).mean())
    return PERIODS[best] if told[best] < 0.98 * flat else 4.0


def _texels(place: np.ndarray, period: float, side: int) -> np.ndarray:
    at = np.floor(place / period * side).astype(np.int64) % side
    return np.asarray(at[:, 1] * side + at[:, 0])


def _tiles(
    place: np.ndarray, colours: np.ndarray, weather: np.ndarray, voice: np.ndarray, weathers: int, period: float, side: int
) -> UInt8[np.ndarray, "W R R 3"]:
    cells = _texels(place, period, side)
    square = np.floor(place / PATCH).astype(np.int64) + 400
    _, square = np.unique((voice.astype(np.int64) * 801 + square[:, 1]) * 801 + square[:, 0], return_inverse=True)
    found: dict[int, np.ndarray] = {}
    counts = np.bincount(weather, minlength=weathers)
    for one in np.flatnonzero(counts > 20).tolist():
        mine = np.flatnonzero(weather == one)
        tile, seen = _tile(cells[mine], colours[mine], square[mine], side)
        found[one] = _filled(tile, seen, side)
    pattern = found[max(found, key=lambda one: counts[one])]
    tiles = np.empty((weathers, side, side, 3))
    for one in range(weathers):
        own = found.get(one, pattern)
        if counts[one] < 8 * side**2 and own is not pattern:  # too little for a pattern of its own
            own = pattern * (own.mean((0, 1)) / np.maximum(pattern.mean((0, 1)), 1))
        tiles[one] = own
    return np.rint(np.clip(tiles, 0, 255)).astype(np.uint8)


def _tile(cells: np.ndarray, colours: np.ndarray, square: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean colour of texels [R·R, 3]; squares that lie in shadow are left out, and blotches evened."""
    weight, even = np.ones(len(cells)), np.ones(len(cells))
    squares = int(square.max()) + 1
    tile = np.zeros((side**2, 3))
    for _ in range(4):
        count = np.bincount(cells, weight, side**2)
        for c in range(3):
            tile[:, c] = np.bincount(cells, weight * colours[:, c] / even, side**2) / np.maximum(count, 1e-9)
        told = tile[cells].mean(1)
        bright = np.bincount(square, colours.mean(1), squares) / np.maximum(np.bincount(square, told, squares), 1e-6)
        pixels = np.bincount(square, minlength=squares)
        usual = _high_median(bright, pixels)
        even = np.clip(bright / usual, 0.5, 1.5)[square]
        weight = ((even > SHADED) & (even < 1.2)).astype(float)
        if weight.sum() < 0.2 * len(weight):
            weight[:] = 1
    return tile, np.bincount(cells, weight, side**2) > 0


def _high_median(values: np.ndarray, weights: np.ndarray) -> float:
    """The weighted quantile 0.6: shadows only darken."""
    order = np.argsort(values)
    along = np.cumsum(weights[order])
    return max(float(values[order][np.searchsorted(along, 0.6 * along[-1])]), 1e-3)


def _filled(tile: np.ndarray, seen: np.ndarray, side: int) -> np.ndarray:
    """Texels that nobody saw show the nearest that somebody saw."""
    square, mask = tile.reshape(side, side, 3), seen.reshape(side, side)
    if mask.all() or not mask.any():
        return square
    at = distance_transform_edt(~mask, return_distances=False, return_indices=True)
    return np.asarray(square[at[0], at[1]])
