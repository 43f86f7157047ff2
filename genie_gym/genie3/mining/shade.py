"""Where the sun stands, and how dark shadows are: read off the ground, by weather and hour.

Light that falls from the side says roughly from where (`LightTable.complete`); shadows say it better. Those of the things of
a place are cast by a sun that is turned this way and that, and what explains the ground's brightness best is where it stood.

Legend: n pixels, s squares, k terms of a fit, w weathers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from genie_gym.genie3.mining.cells import sums
from genie_gym.genie3.mining.conditions import Condition
from genie_gym.genie3.mining.ground import GroundPixels
from genie_gym.genie3.mining.light import HOURS, nearness
from genie_gym.places.ground import Ground
from genie_gym.places.library import AssetLibrary
from genie_gym.places.light import LightTable
from genie_gym.places.place import Place
from genie_gym.places.shadows import cast
from genie_gym.places.table import Things, tables

TURNS = tuple(range(-48, 49, 8))  # degrees about the vertical by which the sun may stand elsewhere than sides say
SUN_HOURS = 1.5  # hours over which it is averaged how much to turn it
LEAST_TOLD = 0.002  # of the ground's variance that shadows must explain at an hour, or the sun is not turned
SHADOW_HOURS = 2.0  # hours over which shadows are averaged
LEAST_PIXELS = 500
UNSHADED, WHOLLY = 0.02, 0.95  # shade up to which a pixel is lit, and from which it is not
SQUARE = 0.5  # metres


@dataclass(frozen=True, eq=False)
class Shadows:
    """How much light things take away where they `touch` the ground and where their shadow is `thrown`, how much pixels tell
    of the latter, how the ground's brightness varies, and squares of it: their colour, and that of their material."""

    touch: float
    thrown: float
    told: float
    spread: float
    squares: Float[np.ndarray, "s 2 3"]


@dataclass(eq=False)
class LitGround:
    """Pixels of one picture that show the ground of a place: where they lie (`spot` in metres, `at` in texels of the shade),
    their colour freed of light (`seen`), and that of their material (`told`)."""

    condition: Condition
    things: Things
    ground: Ground
    spot: Float[np.ndarray, "n 2"]
    at: Int[np.ndarray, "n 2"]
    seen: Float[np.ndarray, "n 3"]
    told: Float[np.ndarray, "n 3"]

    @classmethod
    def of(cls, pixels: GroundPixels, place: Place, condition: Condition, library: AssetLibrary) -> LitGround | None:
        """None where too few pixels tell anything."""
        things, ground = tables([place], library, [0])
        spot = pixels.place.astype(np.float32) / 100
        at = ((spot + place.half) / (2 * place.half) * ground.shade.shape[-1]).astype(int)
        inside = np.flatnonzero(((at >= 0) & (at < ground.shade.shape[-1])).all(1))
        spot, at, pixels = spot[inside], at[inside], pixels.keep(inside)
        tile = library.config.tile
        texel = np.floor(spot / library.period.numpy()[pixels.material][:, None] * tile).astype(int) % tile
        told = library.tiles.numpy()[pixels.material, condition.weather, texel[:, 1] * tile + texel[:, 0]]
        lit = cls(condition, things, ground, spot, at, pixels.albedo.astype(np.float64), told.astype(np.float64))
        return lit if lit._good.sum() >= LEAST_PIXELS else None

    @property
    def _ratio(self) -> Float[np.ndarray, " n"]:
        return np.asarray(self.seen.mean(1) / np.maximum(self.told.mean(1), 8))

    @property
    def _good(self) -> Bool[np.ndarray, " n"]:
        return np.asarray((self._ratio > 0.2) & (self._ratio < 1.6))

    def _shaded(self, library: AssetLibrary, sun: Float[Tensor, " 3"]) -> tuple[np.ndarray, np.ndarray]:
        """How much things touch each pixel, and throw their shadow there (0 to 1)."""
        cast(self.things, self.ground, library, sun[None])
        touch, thrown = (self.ground.shade[0, k].numpy()[self.at[:, 1], self.at[:, 0]] / 255 for k in (0, 1))
        return touch, thrown

    def explained(self, library: AssetLibrary, suns: Sequence[Float[Tensor, " 3"]]) -> Float[np.ndarray, " suns"]:
        """The share of the ground's variance that shadows explain which are thrown from each of some suns."""
        good, found = self._good, []
        ratio = self._ratio[good]
        for sun in suns:
            touch, thrown = (x[good] for x in self._shaded(library, sun))
            without = _left(np.stack([np.ones_like(touch), touch], 1), ratio)[0]
            rest, solved = _left(np.stack([np.ones_like(touch), touch, -thrown], 1), ratio)
            found.append(max(without - rest, 0.0) / max(without, 1e-9) if solved[2] > 0 else 0.0)
        return np.array(found)

    def shadows(self, library: AssetLibrary, sun: Float[Tensor, " 3"]) -> Shadows | None:
        """None where all of it is shaded."""
        touch, thrown = self._shaded(library, sun)
        good, ratio = self._good, self._ratio
        solved = _left(np.stack([np.ones(int(good.sum())), -touch[good], -thrown[good]], 1), ratio[good])[1]
        level = max(float(solved[0]), 0.2)
        lit = good & (touch < UNSHADED) & (thrown < UNSHADED)
        if not lit.any():
            return None
        square = np.floor(self.spot[lit] / SQUARE).astype(int) + 1000
        _, group = np.unique(square[:, 1] * 4000 + square[:, 0], return_inverse=True)
        count = np.bincount(group)
        mean = np.bincount(group, ratio[lit]) / count
        many = count >= 5
        spread = float(np.std(mean[many]) / level) if many.sum() > 20 else 0.05
        colours = [sums(group, x[lit], len(count)) / count[:, None] for x in (self.seen, self.told * level)]
        darker = np.clip(solved[1:] / level, 0, 0.9).tolist()
        dark = good & (touch < UNSHADED) & (thrown > WHOLLY)
        if dark.sum() >= LEAST_PIXELS:  # least squares take shadows for fainter where some are drawn a little beside
            darker[1] = max(darker[1], 1 - float(np.median(ratio[dark]) / np.median(ratio[lit])))
        return Shadows(darker[0], darker[1], float(thrown[good].sum()), spread, np.stack(colours, 1)[many])


def _left(design: Float[np.ndarray, "n k"], values: Float[np.ndarray, " n"]) -> tuple[float, Float[np.ndarray, " k"]]:
    """What least squares leave of values, as a sum of squares; and what they say."""
    solved = np.linalg.lstsq(design.T @ design + 1e-3 * np.eye(design.shape[1]), design.T @ values, rcond=None)[0]
    return float(((values - design @ solved) ** 2).sum()), solved


def sun_of(table: LightTable, condition: Condition) -> Float[Tensor, " 3"]:
    """Where the table's sun stands."""
    return table.sun[condition.weather, round(condition.hour) % HOURS]


def turn_sun(table: LightTable, library: AssetLibrary, seen: Sequence[LitGround]) -> None:
    """Turns the table's sun to where shadows on the ground say that it stood, hour by hour; alike in all weathers."""
    if not seen:
        return
    when = np.array([one.condition.hour for one in seen])
    told = np.stack([
        one.explained(library, [turned(sun_of(table, one.condition), degrees) for degrees in TURNS]) for one in seen
    ])  # fmt: skip
    for hour in range(HOURS):
        weight = nearness(when, hour, SUN_HOURS)
        share = (weight[:, None] * told).sum(0) / max(weight.sum(), 1e-9)
        if weight.max() > math.exp(-1) and share.max() > LEAST_TOLD:
            table.sun[:, hour] = turned(table.sun[:, hour], _best(share))


def _best(share: Float[np.ndarray, " turns"]) -> float:
    """At which turn most is explained: where a parabola through the best and its neighbours is highest."""
    at = int(share.argmax())
    if 0 < at < len(share) - 1:
        before, here, after = share[at - 1 : at + 2]
        bend = before - 2 * here + after
        if bend < 0:
            return float(TURNS[at] + (TURNS[1] - TURNS[0]) * 0.5 * (before - after) / bend)
    return float(TURNS[at])


def turned(sun: Float[Tensor, "*w 3"], degrees: float) -> Float[Tensor, "*w 3"]:
    """Directions, turned about the vertical."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y, z = sun.unbind(-1)
    return torch.stack([cos * x - sin * y, sin * x + cos * y, z], -1)


def write_shadows(table: LightTable, found: Sequence[tuple[Condition, Shadows]]) -> None:
    """How dark shadows are, by weather and hour."""
    for weather in range(len(table.shadow)):
        mine = [(condition.hour, one) for condition, one in found if condition.weather == weather and one.told > 20]
        if not mine:
            continue
        when, told = np.array([hour for hour, _ in mine]), np.array([one.told for _, one in mine])
        values = np.array([(one.touch, one.thrown) for _, one in mine])
        for hour in range(HOURS):
            weight = told * (nearness(when, hour, SHADOW_HOURS) + 1e-3)
            table.shadow[weather, hour] = torch.from_numpy((weight[:, None] * values).sum(0) / weight.sum()).float()
