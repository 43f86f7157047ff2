"""What one episode tells of its things: rows of cells with colours freed of light, thing by thing.

Legend: n pixels of one thing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from genie_gym.genie3.mining.cells import COLOURS, DRY, SHINE, SNOW, Rows, cell_of, gather
from genie_gym.genie3.mining.conditions import Condition
from genie_gym.genie3.mining.kinds import Shapes
from genie_gym.genie3.mining.light import Light
from genie_gym.genie3.mining.views import Points, Sighting, Views
from genie_gym.places.place import Place, Thing

DARK = 0.55  # gain of what looks up, below which it counts as dark
DARK_TRUST = 0.05  # in colours that were seen in the dark
CLEAR_NIGHT = 0.3  # share of a colour that fog leaves, from which it tells of light of its own
LEAST_FACING = 0.07
LEAST = 12  # pixels of a thing that a frame shows
FARTHEST_CELLS = 12.0  # a pixel may cover so many cells of what is made fine
# How far the legs of a being are apart, as a share of its height: less when it stands; at least so much at the end of a
# swing; and from which share of its widest steps a leg is swung wholly.
STEADY, WIDEST, WHOLLY = 0.04, 0.12, 0.6
PHASES = 5  # of a swing: the right leg wholly ahead, half, both beside each other, the left one half, wholly
STANDS = PHASES // 2
UNCLEAR = -1  # nobody can tell: then what does not swing counts for all


@dataclass(frozen=True, eq=False)
class Observation:
    """What an episode saw of one thing, or of a being in one phase of its gait. `shape` is -1 for what is of its own kind;
    `pixels`: how many showed it."""

    episode: int
    thing: int
    shape: int
    phase: int
    pixels: int
    rows: Rows


def is_far(thing: Thing, place: Place) -> bool:
    """Whether it belongs to the backdrop."""
    return max(abs(thing.centre[0]), abs(thing.centre[1])) > place.half + 12


def fog_depth(views: Views, frame: int, points: Float[np.ndarray, "n 3"], pixels: np.ndarray) -> Float[np.ndarray, " n"]:
    """How much fog lies before pixels: their depth, nothing under a roof."""
    depth = views.depth[frame].ravel()[pixels]
    return np.where(under_roof(views.place, points), 0, depth)


def under_roof(place: Place, points: Float[np.ndarray, "n 3"]) -> np.ndarray:
    if place.roof is None:
        return np.zeros(len(points), bool)
    west, south, east, north = place.roof
    x, y = points[:, 0], points[:, 1]
    return np.asarray((x > west - 0.2) & (x < east + 0.2) & (y > south - 0.2) & (y < north + 0.2))


def bare_colours(
    views: Views, frame: int, pixels: np.ndarray, points: np.ndarray, normals: np.ndarray, light: Light, snow: int | None
) -> tuple[Float[np.ndarray, "n 3 3"], Float[np.ndarray, "n 3"]]:
    """Colours of pixels by `COLOURS`, freed of light and fog; and how far each can be trusted (0: not seen)."""
    depth, roofed = fog_depth(views, frame, points, pixels), views.place.roof is not None
    colours = np.zeros((len(pixels), len(COLOURS), 3), np.float32)
    trust = np.zeros((len(pixels), len(COLOURS)), np.float32)
    told = []
    for condition, pictures in zip(views.conditions, views.pictures, strict=True):
        shown = pictures[frame].reshape(-1, 3)[pixels].astype(np.float32)
        albedo, sure = light.albedo(condition, shown, normals, depth, roofed)
        dark = brightness(light, condition) < DARK
        sure = sure * (DARK_TRUST if dark else 1.0)
        told.append((condition, albedo, sure, dark))
        k = SNOW if condition.weather == snow else DRY
        total = trust[:, k] + sure
        share = np.where(total > 0, sure / np.maximum(total, 1e-9), 0)[:, None]
        colours[:, k] += share * (albedo - colours[:, k])
        trust[:, k] = total
    if len(told) == 2 and told[0][3] != told[1][3]:
        (night, by_night, _, _), (day, by_day, sure, _) = told if told[0][3] else told[::-1]
        if (night.weather == snow) == (day.weather == snow):
            colours[:, SHINE] = (by_night - by_day) * light.gains(night, normals, roofed)
            trust[:, SHINE] = (light.clear(night, depth) > CLEAR_NIGHT) & (sure > 0)
    return colours, trust


def brightness(light: Light, condition: Condition) -> float:
    """Of what looks up."""
    return float(light.gains(condition, np.array([[0.0, 0.0, 1.0]])).mean())


class ThingCollector:
    """Gathers one episode's pixels by thing."""

    def __init__(self, views: Views, shapes: Shapes, light: Light, snow: int | None):
        self.views, self.light, self.snow = views, light, snow
        self.shape = [shapes.number(thing) for thing in views.place.things]
        self.far = [is_far(thing, views.place) for thing in views.place.things]
        self.parts: dict[int, list[tuple[float, tuple[np.ndarray, ...]]]] = defaultdict(list)  # and how far legs are apart

    def add(self, frame: int, seen: Points, found: list[Sighting]) -> None:
        views, place = self.views, self.views.place
        facing, footprint = seen.facing.ravel(), seen.footprint.ravel()
        world, normals = seen.points.reshape(-1, 3), seen.normals.reshape(-1, 3)
        for one in found:
            thing = place.things[one.thing]
            good = facing[one.pixels] > LEAST_FACING
            if not self.far[one.thing]:
                good &= footprint[one.pixels] < FARTHEST_CELLS * cell_of(thing.size)
            if good.sum() < LEAST:
                continue
            apart, kept = (0.0, good) if thing.behaviour is None else _legs(one, thing.size, good)
            pixels = one.pixels[kept]
            if len(pixels) < LEAST:
                continue
            colours, trust = bare_colours(views, frame, pixels, world[pixels], normals[pixels], self.light, self.snow)
            if thing.tint != (1.0, 1.0, 1.0):
                colours[:, :2] /= np.maximum(np.array(thing.tint, np.float32), 0.05)
            part = one.points[kept], one.normals[kept], colours, trust, footprint[pixels], facing[pixels]
            self.parts[one.thing].append((apart, part))

    def observations(self) -> list[Observation]:
        found = []
        for number, seen in self.parts.items():
            thing = self.views.place.things[number]
            cell = cell_of(thing.size, self.far[number])
            phases = np.zeros(len(seen), int) if thing.behaviour is None else phases_of([apart for apart, _ in seen])
            for phase in sorted(set(phases.tolist()) - {UNCLEAR}) or [STANDS]:
                parts = [part for (_, part), one in zip(seen, phases.tolist(), strict=True) if one in (phase, UNCLEAR)]
                points, normals, colours, trust, footprint, facing = (np.concatenate(p) for p in zip(*parts, strict=True))
                rows = gather(points, normals, colours, trust, footprint, facing, cell)
                found.append(Observation(self.views.index, number, self.shape[number], phase, len(points), rows))
        return found


def phases_of(apart: Sequence[float]) -> Int[np.ndarray, " n"]:
    """Which phase a being is in, view by view, by how far its left leg is ahead of its right one (NaN: `UNCLEAR`)."""
    lead = np.array(apart)
    clear = np.isfinite(lead)
    widest = max(float(np.quantile(np.abs(lead[clear]), 0.9)) if clear.any() else 0.0, WIDEST)
    steps = np.where(np.abs(lead) < STEADY, 0, np.where(np.abs(lead) < WHOLLY * widest, 1, 2))
    return np.where(clear, STANDS + steps * np.sign(np.where(clear, lead, 0)), UNCLEAR).astype(int)


def _legs(one: Sighting, size: tuple[float, float, float], good: np.ndarray) -> tuple[float, np.ndarray]:
    """How far the left leg of a being is ahead of its right one, as a share of its height, by middles of x on either side
    among low points, and which pixels tell of it. NaN where nobody can tell: then its upper half alone counts."""
    x, y, z = one.points.T
    low = good & (z < -0.12 * size[2])
    upper = good & (z > 0.1 * size[2])
    legs = low & (z < -0.2 * size[2])
    left, right = legs & (y > 0.03), legs & (y < -0.03)
    front = x > 0.0 if size[0] > 1.5 * size[1] else np.ones(len(x), bool)  # of those on four legs, the fore ones
    left, right = left & front, right & front
    if left.sum() < 8 or right.sum() < 8:
        return float("nan"), upper
    return float(np.median(x[left]) - np.median(x[right])) / size[2], good
