"""What the ground looks like, by material and weather: tiles that repeat, freed of light, shadows and blotches.

Legend: n pixels, W weathers, R texels along a side of a tile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from scipy.ndimage import distance_transform_edt

from genie_gym.genie3.mining.cells import sums
from genie_gym.genie3.mining.collect import fog_depth
from genie_gym.genie3.mining.light import Light
from genie_gym.genie3.mining.views import Points, Views
from genie_gym.places.ground import MATERIAL_SIDE, ground_of
from genie_gym.places.library import LibraryConfig, Material

PERIODS, USUAL_PERIOD = (1.0, 2.0, 4.0, 8.0), 4.0  # metres
PIXELS = 60_000  # of an episode and a picture
MOST, LEAST = 12_000_000, 200  # pixels of a material that a tile is made of, and from which it has a pattern
NEAR, FARTHEST = 0.06, 320.0  # metres that a pixel may cover; and that it may lie from the middle
LEAST_SURE = 0.01  # of a pixel's albedo
LEVEL_BEYOND = 0.15  # metres that the ground beyond the square may lie off its level
PATCH = 1.0  # metres: shadows and blotches are told apart from the material in squares of this side
SHADED = 0.86  # a square as dark as this share of the usual lies in a shadow


@dataclass(frozen=True, eq=False)
class GroundPixels:
    """Pixels that show the ground: `place` int16 [n, 2] in centimetres, `material` and `weather` uint8 [n], `albedo` uint8
    [n, 3], `picture` uint8 [n]: the episode's own, or its twin."""

    place: np.ndarray
    material: np.ndarray
    weather: np.ndarray
    albedo: np.ndarray
    picture: np.ndarray

    def __len__(self) -> int:
        return len(self.material)

    def keep(self, which: np.ndarray | slice) -> GroundPixels:
        return GroundPixels(*(getattr(self, name)[which] for name in self.__dataclass_fields__))

    @classmethod
    def joined(cls, parts: Sequence[GroundPixels]) -> GroundPixels:
        if not parts:
            none = np.zeros(0, np.uint8)
            return cls(np.zeros((0, 2), np.int16), none, none, np.zeros((0, 3), np.uint8), none)
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))


class GroundCollector:
    """Gathers one episode's pixels of ground, water and what lies beyond. `labels` are those of ground and
    water, -1 where there is none."""

    def __init__(self, views: Views, light: Light, materials: Sequence[str], labels: tuple[int, int], seed: int):
        self.views, self.light, self.materials = views, light, list(materials)
        self.ground, self.water = labels
        bare = LibraryConfig(("sky", "ground", "water"), (), ("any",), tuple(materials), (), (), 0)
        self.map = ground_of([views.place], bare, [0])
        self.rng = np.random.default_rng([seed, views.index, 5])
        self.parts: list[GroundPixels] = []

    def add(self, frame: int, seen: Points, owned: np.ndarray) -> None:
        """`owned` [H·W] are pixels that show things."""
        views, points, normals = self.views, seen.points.reshape(-1, 3), seen.normals.reshape(-1, 3)
        pixels, material = self._shown(frame, seen, owned)
        if not len(pixels):
            return
        depth, roofed = fog_depth(views, frame, points[pixels], pixels), views.place.roof is not None
        place = np.rint(points[pixels, :2] * 100).astype(np.int16)
        for k, (condition, pictures) in enumerate(zip(views.conditions, views.pictures, strict=True)):
            shown = pictures[frame].reshape(-1, 3)[pixels].astype(np.float32)
            albedo, sure = self.light.albedo(condition, shown, normals[pixels], depth, roofed)
            albedo = np.clip(np.rint(albedo), 0, 255).astype(np.uint8)
            weather, picture = (np.full(len(pixels), number, np.uint8) for number in (condition.weather, k))
            self.parts.append(
                GroundPixels(place, material.astype(np.uint8), weather, albedo, picture).keep(sure > LEAST_SURE)
            )

    def _shown(self, frame: int, seen: Points, owned: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Some pixels that show ground, and of which material."""
        semantic, place = self.views.semantic[frame].ravel(), self.views.place
        points, upward = seen.points.reshape(-1, 3), seen.normals.reshape(-1, 3)[:, 2] > 0.9
        facing, footprint = seen.facing.ravel(), seen.footprint.ravel()
        reach = np.abs(points[:, :2]).max(1)
        good, inside = ~owned & ~seen.sky.ravel() & (facing > 0.06) & (reach < FARTHEST), reach < place.half
        land = good & inside & (semantic == self.ground) & (footprint / np.sqrt(np.clip(facing, 0.05, 1)) < NEAR)
        outside = good & ~inside & upward & (np.abs(points[:, 2] + 0.06) < LEVEL_BEYOND) & (footprint < 1.0)
        water = good & (semantic == self.water) & upward & (footprint < 0.5)
        pixels = np.flatnonzero(land | outside | water)
        share = 2 * PIXELS / len(self.views)
        if len(pixels) > share:
            pixels = self.rng.choice(pixels, int(share), replace=False)
        material = self._materials(points[pixels], land[pixels], water[pixels])
        return pixels[material >= 0], material[material >= 0]

    def _materials(self, points: np.ndarray, land: np.ndarray, water: np.ndarray) -> np.ndarray:
        """Of each point; -1 where two meet, or nobody said."""
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

    def pixels(self) -> GroundPixels:
        """All that were gathered."""
        return GroundPixels.joined(self.parts)


def make_tiles(grounds: Sequence[GroundPixels], materials: Sequence[str], weathers: int, side: int) -> list[Material]:
    """A tile of each material in each weather: grey where nobody saw it."""
    made = []
    for number, name in enumerate(materials):
        parts = [one.keep(one.material == number) for one in grounds]
        mine = GroundPixels.joined(parts)
        voice = 2 * np.repeat(np.arange(len(parts)), [len(one) for one in parts]) + mine.picture
        thin = slice(None, None, max(1, -(-len(mine) // MOST)))
        mine, voice = mine.keep(thin), voice[thin]
        place, colours = mine.place.astype(np.float32) / 100, mine.albedo.astype(np.float32)
        if len(mine) < LEAST:
            flat = colours.mean(0) if len(mine) else np.full(3, 128.0)
            tiles = np.broadcast_to(np.rint(flat).astype(np.uint8), (weathers, side, side, 3)).copy()
            made.append(Material(name, tiles, USUAL_PERIOD))
            continue
        period = best_period(place, colours, mine.weather, side)
        tiles = _tiles(place, colours, mine.weather, voice, weathers, period, side)
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
        tile = (sums(cells[made], colours[made], side**2) + 4 * mean) / (count + 4)
        told.append(float(((colours[held] - tile[cells[held]]) ** 2).mean()))
    best = int(np.argmin(told))
    flat = float(((colours[held] - mean) ** 2).mean())
    return PERIODS[best] if told[best] < 0.98 * flat else USUAL_PERIOD


def _texels(place: np.ndarray, period: float, side: int) -> np.ndarray:
    at = np.floor(place / period * side).astype(np.int64) % side
    return np.asarray(at[:, 1] * side + at[:, 0])


def _tiles(
    place: np.ndarray, colours: np.ndarray, weather: np.ndarray, voice: np.ndarray, weathers: int, period: float, side: int
) -> UInt8[np.ndarray, "W R R 3"]:
    cells = _texels(place, period, side)
    square = np.floor(place / PATCH).astype(np.int64) + 400
    _, square = np.unique((voice * 801 + square[:, 1]) * 801 + square[:, 0], return_inverse=True)
    found: dict[int, np.ndarray] = {}
    counts = np.bincount(weather, minlength=weathers)
    for one in np.flatnonzero((counts > 20) | (counts == counts.max())).tolist():
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
    for _ in range(4):
        count = np.bincount(cells, weight, side**2)
        tile = sums(cells, weight[:, None] * colours / even[:, None], side**2) / np.maximum(count, 1e-9)[:, None]
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
