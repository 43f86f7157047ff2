"""The ground of each row: heights, a map of materials, what shades it, water, and what lies beyond.

Legend: B rows, G points of the heights along a side, R texels of the map of materials along a side, U of the shade,
V points of the noise along one, K waters, P numbers that describe roads and areas, points any sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from genie_gym.errors import GenieGymError, check_name
from genie_gym.places.library import LibraryConfig
from genie_gym.places.place import Area, Marks, Place, Road, Water, heights_at
from genie_gym.places.raster import Canvas
from genie_gym.state import State

HEIGHTS_SIDE, MATERIAL_SIDE, SHADE_SIDE, NOISE_SIDE = 49, 512, 256, 40  # G, R, U, V
WATERS, STROKES = 8, 4096  # K, P
NO_WATER = -1e6  # metres
BEYOND_LEVEL, BEYOND_REACH = -0.06, 190.0  # metres: how high the ground outside the square is, and where it ends
CONTACT, CAST = 0, 1  # of the shade


@dataclass(kw_only=True)
class Ground(State):
    """What things stand on.

    Args:
        half: metres, half the square's side. heights: metres, at points from edge to edge; rows go north, columns east.
        under, over, cover: at each texel two materials, and how much of it the second covers (255: all).
        shade: where things touch the ground, and where their shadow falls (255: wholly).
        noise: smooth when interpolated, from the row's seed: blotches, puddles.
        water: level, west, south, east, north (metres), and whether one wades through it (1); level `NO_WATER`: none.
        water_look, base, beyond: materials.
        roof: west, south, east, north of what lies under one; all 0: nothing does.
        spawn: x, y, heading of who enters. scene: an index of the library's scenes, -1 for none.
        strokes: roads and areas as numbers, for `place_of_ground`.
        seed: the row's.
    """

    half: Float[Tensor, " B"]
    heights: Float[Tensor, "B G G"]
    under: UInt8[Tensor, "B R R"]
    over: UInt8[Tensor, "B R R"]
    cover: UInt8[Tensor, "B R R"]
    shade: UInt8[Tensor, "B 2 U U"]
    noise: UInt8[Tensor, "B 2 V V"]
    water: Float[Tensor, "B K 6"]
    water_look: Int[Tensor, "B K"]
    base: Int[Tensor, " B"]
    beyond: Int[Tensor, " B"]
    roof: Float[Tensor, "B 4"]
    spawn: Float[Tensor, "B 3"]
    scene: Int[Tensor, " B"]
    strokes: Float[Tensor, "B P"]
    seed: Int[Tensor, " B"]

    @classmethod
    def none(cls, rows: int) -> Ground:
        """Flat squares of the first material, of two metres."""

        def full(value: float, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.full((rows, *shape), value, dtype=dtype)

        texels, byte, whole = (MATERIAL_SIDE, MATERIAL_SIDE), torch.uint8, torch.int64
        water = full(0, WATERS, 6)
        water[..., 0] = NO_WATER
        return cls(
            half=full(1), heights=full(0, HEIGHTS_SIDE, HEIGHTS_SIDE), under=full(0, *texels, dtype=byte),
            over=full(0, *texels, dtype=byte), cover=full(0, *texels, dtype=byte),
            shade=full(0, 2, SHADE_SIDE, SHADE_SIDE, dtype=byte), noise=full(0, 2, NOISE_SIDE, NOISE_SIDE, dtype=byte),
            water=water, water_look=full(0, WATERS, dtype=whole), base=full(0, dtype=whole), beyond=full(0, dtype=whole),
            roof=full(0, 4), spawn=full(0, 3), scene=full(-1, dtype=whole), strokes=full(0, STROKES),
            seed=full(0, dtype=whole),
        )  # fmt: skip

    def height(self, points: Float[Tensor, "B *points 2"]) -> Float[Tensor, " B *points"]:
        """The ground's height at points (x, y) of each row, bilinear; outside the square as at its edge."""
        last = self.heights.shape[1] - 1
        flat = points.reshape(len(points), -1, 2)
        scale = (last / (2 * self.half))[:, None, None]
        at = torch.minimum(((flat + self.half[:, None, None]) * scale).clamp(min=0), torch.full_like(scale, last))
        low = at.long().clamp(max=last - 1)
        east, north = (at - low).unbind(-1)
        corner = low[..., 1] * (last + 1) + low[..., 0]
        values = self.heights.flatten(1)
        south_west, south_east, north_west, north_east = (
            values.gather(1, corner + step) for step in (0, 1, last + 1, last + 2)
        )
        south = south_west * (1 - east) + south_east * east
        return (south * (1 - north) + (north_west * (1 - east) + north_east * east) * north).reshape(points.shape[:-1])

    def under_roof(self, points: Float[Tensor, "B *points 2"]) -> Bool[Tensor, " B *points"]:
        """Whether points (x, y) lie under a roof."""
        roof = self.roof.reshape(len(self.roof), *(1,) * (points.dim() - 2), 4)
        x, y = points.unbind(-1)
        return (x > roof[..., 0]) & (x < roof[..., 2]) & (y > roof[..., 1]) & (y < roof[..., 3])

    def in_water(self, feet: Float[Tensor, "B 3"], around: float = 0.0, above: float = 0.0) -> Bool[Tensor, "B K"]:
        """In which waters feet are, or so many metres around and above them."""
        x, y, z = (value[:, None] for value in feet.unbind(1))
        level, west, south, east, north, _ = self.water.unbind(2)
        across = (x > west - around) & (x < east + around) & (y > south - around) & (y < north + around)
        return across & (z < level + above)


def ground_of(places: Sequence[Place], config: LibraryConfig, seeds: Sequence[int]) -> Ground:
    """The grounds of places, as yet without shade.

    Raises:
        GenieGymError: for materials that the library lacks, or more roads and waters than there is room for.
    """
    rows = [_row(place, config, seed) for place, seed in zip(places, seeds, strict=True)]
    return Ground(**{name: torch.from_numpy(np.stack([row[name] for row in rows])) for name in rows[0]})


def _row(place: Place, config: LibraryConfig, seed: int) -> dict[str, np.ndarray]:
    canvas = Canvas(MATERIAL_SIDE, place.half, _material(place.base, config))
    for area in place.areas:
        canvas.area(np.array([area.x, area.y]), np.array(area.half), _material(area.material, config), round=area.round)
    for road in place.roads:
        canvas.line(np.array(road.points), road.width, road.soft, _material(road.material, config))
    for road in place.roads:
        if (marks := road.marks) is not None:
            material = _material(marks.material, config)
            canvas.dashes(np.array(road.points), marks.width, marks.length, marks.period, marks.start, material)
    check_room(place, config)
    water, look = np.zeros((WATERS, 6), np.float32), np.zeros(WATERS, np.int64)
    water[:, 0] = NO_WATER
    for k, one in enumerate(place.waters):
        water[k], look[k] = (one.level, *one.bounds, one.shallow), _material(one.look, config)
    axis = np.linspace(-place.half, place.half, HEIGHTS_SIDE)
    points = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    heights = heights_at(place.heights, place.half, points).reshape(HEIGHTS_SIDE, HEIGHTS_SIDE)
    rng = np.random.default_rng([seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF, 1])
    noise = rng.integers(0, 256, (2, NOISE_SIDE, NOISE_SIDE))
    values: dict[str, Any] = {
        "half": np.float32(place.half), "heights": heights.astype(np.float32), "under": canvas.under, "over": canvas.over,
        "cover": canvas.cover, "shade": np.zeros((2, SHADE_SIDE, SHADE_SIDE), np.uint8), "noise": noise.astype(np.uint8),
        "water": water, "water_look": look, "base": np.int64(_material(place.base, config)),
        "beyond": np.int64(_material(place.beyond, config)), "roof": np.array(place.roof or (0, 0, 0, 0), np.float32),
        "spawn": np.array(place.spawn, np.float32),
        "scene": np.int64(config.scenes.index(place.scene) if place.scene in config.scenes else -1),
        "strokes": _strokes(place, config), "seed": np.int64(np.array(seed & (2**64 - 1), np.uint64).astype(np.int64)),
    }  # fmt: skip
    return {name: np.asarray(value) for name, value in values.items()}


def check_room(place: Place, config: LibraryConfig) -> None:
    """Raises `GenieGymError` where there are more waters, roads and areas than the tables have room for."""
    if len(place.waters) > WATERS:
        raise GenieGymError(f"a place holds at most {WATERS} waters here; got {len(place.waters)}.")
    _strokes(place, config)


def _material(name: str, config: LibraryConfig) -> int:
    check_name("material", name, config.materials)
    return config.materials.index(name)


def _strokes(place: Place, config: LibraryConfig) -> np.ndarray:
    """Roads and areas as one list of numbers, each with its length first."""
    found: list[float] = []
    for area in place.areas:
        found += [7, 0, _material(area.material, config), area.x, area.y, *area.half, area.round]
    for road in place.roads:
        marks = road.marks
        told = (-1, 0, 0, 0, 0) if marks is None else (
            _material(marks.material, config), marks.width, marks.length, marks.period, marks.start
        )  # fmt: skip
        points = [c for point in road.points for c in point]
        found += [9 + len(points), 1, _material(road.material, config), road.width, road.soft, *told, *points]
    if len(found) > STROKES:
        raise GenieGymError(f"the roads and areas of a place take {len(found):,} numbers; there is room for {STROKES:,}.")
    return np.pad(np.array(found, np.float32), (0, STROKES - len(found)))


def place_of_ground(ground: Ground, row: int, config: LibraryConfig) -> Place:
    """A row's ground as a place without things."""
    roads, areas = [], []
    numbers, at, material = ground.strokes[row].tolist(), 0, config.materials
    while at < len(numbers) and numbers[at] > 0:
        values = numbers[at + 1 : at + 1 + int(numbers[at])]
        at += 1 + int(numbers[at])
        if values[0] == 0:
            x, y, half_x, half_y, is_round = values[2:]
            areas.append(Area(material[int(values[1])], x, y, (half_x, half_y), bool(is_round)))
        else:
            marks = None if values[4] < 0 else Marks(material[int(values[4])], *values[5:9])
            points = tuple(zip(values[9::2], values[10::2], strict=True))
            roads.append(Road(points, values[2], material[int(values[1])], values[3], marks))
    waters = [
        Water(level, (west, south, east, north), material[look], bool(shallow))
        for (level, west, south, east, north, shallow), look in zip(
            ground.water[row].tolist(), ground.water_look[row].tolist(), strict=True
        )
        if level > NO_WATER
    ]
    heights, scene, roof = ground.heights[row].cpu().numpy().copy(), int(ground.scene[row]), ground.roof[row].tolist()
    return Place(
        half=float(ground.half[row]), base=material[int(ground.base[row])], beyond=material[int(ground.beyond[row])],
        heights=heights, roads=tuple(roads), areas=tuple(areas), waters=tuple(waters),
        roof=tuple(roof) if any(roof) else None, spawn=tuple(ground.spawn[row].tolist()),
        scene="" if scene < 0 else config.scenes[scene],
    )  # fmt: skip
