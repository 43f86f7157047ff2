"""Pixels of many episodes that the light is fitted on.

Legend: n samples (pixels), K conditions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from genie_gym.errors import GenieGymError
from genie_gym.genie3.mining.cells import ways_of
from genie_gym.genie3.mining.conditions import Condition
from genie_gym.genie3.mining.kinds import Shapes
from genie_gym.genie3.mining.views import Points, Sighting, Views, back_projected, rays_of, sightings
from genie_gym.places.place import MAX_THINGS

CELL, CELLS = 0.25, 4096  # metres: of what counts as one piece of a shape; and how many there may be along a side
LEAST_FACING, FARTHEST = 0.2, 250.0  # of a pixel; metres
NEAR = 4.0  # metres: pixels are drawn with odds of 1 / (this + depth), near ones first, but some far ones for the fog
LOW = 0.03  # height of a direction, up to which the sky is the horizon
LEAST_SKY = 50  # pixels that tell its colour


@dataclass(eq=False)
class Samples:
    """Pixels that the light is fitted on. `piece` numbers pieces of shapes: pixels of one have one albedo. `seen` holds, by
    picture of the episode, condition numbers [n], -1 where there was no such picture, and colours [n, 3]."""

    normal: Float[np.ndarray, "n 3"]
    depth: Float[np.ndarray, " n"]
    piece: Int[np.ndarray, " n"]
    roofed: np.ndarray
    seen: list[tuple[Int[np.ndarray, " n"], Float[np.ndarray, "n 3"]]]
    conditions: list[Condition]
    horizon: Float[np.ndarray, "K 3"]  # the sky's colour just above the horizon; NaN where nobody saw it

    @property
    def pieces(self) -> int:
        return int(self.piece.max()) + 1


class LightCollector:
    """Gathers samples episode by episode, at most so many `pixels` of a frame."""

    def __init__(self, shapes: Shapes, pixels: int, seed: int):
        self.shapes, self.pixels, self.seed = shapes, pixels, seed
        self.parts: list[tuple[np.ndarray, ...]] = []
        self.conditions: list[Condition] = []
        self.horizon: list[np.ndarray] = []

    def add(self, views: Views) -> None:
        rng = np.random.default_rng([self.seed, views.index])
        shapes = np.array([self.shapes.number(thing) for thing in views.place.things])
        low: list[list[np.ndarray]] = [[] for _ in views.pictures]
        for frame in range(len(views)):
            seen = back_projected(views, frame)
            near = _horizon(views, frame, seen)
            for colours, pictures in zip(low, views.pictures, strict=True):
                colours.append(pictures[frame].reshape(-1, 3)[near])
            if found := sightings(views, frame, seen):
                self._add_frame(views, frame, seen, found, shapes, rng)
        self.conditions += views.conditions
        for colours in low:
            sky = np.concatenate(colours)
            self.horizon.append(np.median(sky, 0) if len(sky) > LEAST_SKY else np.full(3, np.nan))

    def _add_frame(
        self, views: Views, frame: int, seen: Points, found: list[Sighting], shapes: np.ndarray, rng: np.random.Generator
    ) -> None:
        pixels, points, own = (np.concatenate([getattr(one, name) for one in found]) for name in
                               ("pixels", "points", "normals"))  # fmt: skip
        thing = np.concatenate([np.full(len(one.pixels), one.thing) for one in found])
        depth = views.depth[frame].ravel()[pixels]
        chosen = np.flatnonzero((seen.facing.ravel()[pixels] > LEAST_FACING) & (depth < FARTHEST))
        if len(chosen) > self.pixels:
            keys = rng.random(len(chosen)) ** (NEAR + depth[chosen])
            chosen = chosen[np.argpartition(-keys, self.pixels)[: self.pixels]]
        pixels, thing = pixels[chosen], thing[chosen]
        count, first = len(pixels), len(self.conditions)
        piece = _piece(views.index, shapes[thing], thing, points[chosen], own[chosen])
        colours = [pictures[frame].reshape(-1, 3)[pixels] for pictures in views.pictures]
        colours += [np.zeros_like(colours[0])] * (2 - len(colours))
        self.parts.append((
            seen.normals.reshape(-1, 3)[pixels], depth[chosen], piece,
            np.full(count, views.place.roof is not None), np.full(count, first),
            np.full(count, first + 1 if len(views.pictures) > 1 else -1), *colours,
        ))  # fmt: skip

    def samples(self) -> Samples:
        """All of them.

        Raises:
            GenieGymError: there is none.
        """
        if not any(len(part[0]) for part in self.parts):
            raise GenieGymError("mining takes recordings that show things; no pixel of these lies in the box of its thing.")
        parts = [np.concatenate(part) for part in zip(*self.parts, strict=True)]
        normal, depth, piece, roofed, a, b, colour_a, colour_b = parts
        _, piece = np.unique(piece, return_inverse=True)
        seen = [(a, colour_a.astype(np.float32)), (b, colour_b.astype(np.float32))]
        return Samples(normal, depth, piece, roofed, seen, self.conditions, np.array(self.horizon))


def _horizon(views: Views, frame: int, seen: Points) -> np.ndarray:
    """Which pixels show the sky just above the horizon."""
    rays = rays_of(views.camera)
    height = (rays / np.linalg.norm(rays, axis=-1, keepdims=True)) @ views.pose[frame][2, :3]
    return np.asarray((seen.sky & (height > 0) & (height < LOW)).ravel())


def _piece(episode: int, shape: np.ndarray, thing: np.ndarray, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """A number for all that lies in one cell of one shape (or of one thing of an episode) and faces one of six ways."""
    cell = (np.floor(points / CELL).astype(np.int64) + CELLS // 2).clip(0, CELLS - 1)
    owner = np.where(shape >= 0, shape, -1 - episode * MAX_THINGS - thing)
    return np.asarray((((owner * 8 + ways_of(normals)) * CELLS + cell[:, 0]) * CELLS + cell[:, 1]) * CELLS + cell[:, 2])
