"""The fitted light as the table that drawing reads: gains and fog, where the sun stands, how dark shadows are, when windows
shine, how wet the ground is.

Legend: W weathers, K hours (24), Q hours of the sky, U V panoramas, n pixels of the ground.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8

from genie_gym.genie3.mining.cells import sums
from genie_gym.genie3.mining.conditions import Condition, Weathers
from genie_gym.genie3.mining.config import MiningConfig
from genie_gym.genie3.mining.episodes import Evidence
from genie_gym.genie3.mining.ground import GroundPixels
from genie_gym.genie3.mining.light import HOURS, Light
from genie_gym.places.library import AssetLibrary
from genie_gym.places.light import LightConfig, LightTable
from genie_gym.places.place import Place
from genie_gym.places.shadows import cast
from genie_gym.places.table import tables

# Of the harmonics 1, x, y, z, xy, yz, 3z² - 1, xz, x² - y²: where the table has each, and its constant there.
_ORDER = (0, 3, 1, 2, 4, 5, 6, 7, 8)
_CONSTANT = np.array([0.282095, 0.488603, 0.488603, 0.488603, 1.092548, 1.092548, 0.315392, 1.092548, 0.546274])
LIT, UNLIT = 0.5, 0.68  # gain of what looks up, at which windows shine wholly, and not at all
SHADOW_PIXELS = 30_000  # of a picture
SHADOW_HOURS = 2.0  # hours over which shadows are averaged
EVEN_NOISE = 2.33  # how far noise reaches, smooth between even points, against how it varies
PUDDLE = 30.0  # of 255: what differs from its material by more is a puddle
SQUARE = 0.5  # metres


def light_table(light: Light, skies: UInt8[np.ndarray, "W Q U V 3"], config: MiningConfig) -> LightTable:
    """Every hour of the day has a row of its own."""
    rows, columns = config.sky_size
    hours = tuple(float(hour) for hour in range(HOURS))
    table = LightTable(len(light.gain), LightConfig(hours, config.sky_at, rows, columns))
    gain = np.zeros((len(light.gain), HOURS, 9, 3))
    for k, at in enumerate(_ORDER):
        gain[:, :, at] = light.gain[:, :, k] / _CONSTANT[at]
    table.gain[:] = torch.from_numpy(gain).float()[:, :, None]
    density = np.broadcast_to(light.fog_density[:, None, None], (*gain.shape[:2], 1))
    fog = np.concatenate([light.fog_colour / 255, density], -1)
    table.fog[:] = torch.from_numpy(fog).float()
    table.sky[:] = torch.from_numpy(skies)
    up = light.gain[:, :, 0].mean(-1) + light.gain[:, :, 3].mean(-1) + 2 * light.gain[:, :, 6].mean(-1)
    table.glow[:] = torch.from_numpy(np.clip((UNLIT - up) / (UNLIT - LIT), 0, 1)).float()[..., None]
    table.roofed[:] = light.roofed
    return table


class _Shadows(NamedTuple):
    """How much light things take away where they `touch` the ground and where their shadow is `thrown`, how much pixels tell
    of the latter, how the ground's brightness varies, and squares of it: their colour, and that of their material."""

    touch: float
    thrown: float
    told: float
    spread: float
    squares: Float[np.ndarray, "n 2 3"]


def fit_ground(
    table: LightTable, library: AssetLibrary, episodes: Sequence[Evidence], places: Mapping[int, Place], weathers: Weathers,
    config: MiningConfig,
) -> None:  # fmt: skip
    """Writes into a table how dark shadows are by weather and hour, how much the ground's brightness varies, and puddles."""
    found: list[tuple[Condition, _Shadows]] = []
    rng = np.random.default_rng(config.seed)
    for one in episodes[:: max(1, len(episodes) // config.shadow_episodes)]:
        for picture, condition in enumerate(one.conditions):
            mine = np.flatnonzero(one.ground.picture == picture)
            if len(mine) < 2000:
                continue
            pixels = one.ground.keep(rng.permutation(mine)[:SHADOW_PIXELS])
            shadows = _shadows(table, library, pixels, places[one.episode], condition)
            if shadows is not None:
                found.append((condition, shadows))
    _write_shadows(table, found)
    if found:
        table.ground[..., 0] = float(np.median([one.spread for _, one in found])) * EVEN_NOISE
    wet = [one.squares for condition, one in found if condition.weather == weathers.rain]
    if weathers.rain is not None and wet:
        _write_puddles(table, np.concatenate(wet), weathers.rain)


def _shadows(
    table: LightTable, library: AssetLibrary, pixels: GroundPixels, place: Place, condition: Condition
) -> _Shadows | None:
    """None where too few pixels tell of them."""
    things, ground = tables([place], library, [0])
    hour = round(condition.hour) % HOURS
    cast(things, ground, library, table.sun[condition.weather, hour][None])
    spot = pixels.place.astype(np.float32) / 100
    side = ground.shade.shape[-1]
    at = ((spot + place.half) / (2 * place.half) * side).astype(int)
    inside = np.flatnonzero(((at >= 0) & (at < side)).all(1))
    spot, at, pixels = spot[inside], at[inside], pixels.keep(inside)
    touch, thrown = (ground.shade[0, k].numpy()[at[:, 1], at[:, 0]] / 255 for k in (0, 1))
    tile = library.config.tile
    texel = np.floor(spot / library.period.numpy()[pixels.material][:, None] * tile).astype(int) % tile
    told = library.tiles.numpy()[pixels.material, condition.weather, texel[:, 1] * tile + texel[:, 0]].astype(np.float64)
    seen = pixels.albedo.astype(np.float64)
    ratio = seen.mean(1) / np.maximum(told.mean(1), 8)
    good = (ratio > 0.2) & (ratio < 1.6)
    if good.sum() < 500:
        return None
    design = np.stack([np.ones(int(good.sum())), -touch[good], -thrown[good]], 1)
    solved = np.linalg.lstsq(design.T @ design + 1e-3 * np.eye(3), design.T @ ratio[good], rcond=None)[0]
    level = max(float(solved[0]), 0.2)
    lit = good & (touch < 0.02) & (thrown < 0.02)
    if not lit.any():
        return None
    square = np.floor(spot[lit] / SQUARE).astype(int) + 1000
    _, group = np.unique(square[:, 1] * 4000 + square[:, 0], return_inverse=True)
    count = np.bincount(group)
    mean = np.bincount(group, ratio[lit]) / count
    many = count >= 5
    spread = float(np.std(mean[many]) / level) if many.sum() > 20 else 0.05
    colours = [sums(group, x[lit], len(count)) / count[:, None] for x in (seen, told * level)]
    darker = np.clip(solved[1:] / level, 0, 0.9).tolist()
    return _Shadows(darker[0], darker[1], float(thrown[good].sum()), spread, np.stack(colours, 1)[many])


def _write_shadows(table: LightTable, found: Sequence[tuple[Condition, _Shadows]]) -> None:
    for weather in range(len(table.shadow)):
        mine = [(condition.hour, one) for condition, one in found if condition.weather == weather and one.told > 20]
        if not mine:
            continue
        when, told = np.array([hour for hour, _ in mine]), np.array([one.told for _, one in mine])
        values = np.array([(one.touch, one.thrown) for _, one in mine])
        for hour in range(HOURS):
            away = np.abs((when - hour + 12) % 24 - 12)
            weight = told * (np.exp(-((away / SHADOW_HOURS) ** 2)) + 1e-3)
            table.shadow[weather, hour] = torch.from_numpy((weight[:, None] * values).sum(0) / weight.sum()).float()


def _write_puddles(table: LightTable, squares: Float[np.ndarray, "n 2 3"], weather: int) -> None:
    """Puddles are of one colour on every material: squares that differ much from theirs, and little from each other."""
    seen, told = squares[:, 0], squares[:, 1]
    off = np.abs(seen - told).max(1) > PUDDLE
    if off.sum() < max(0.01 * len(off), 1):
        return
    colour = np.median(seen[off], 0)
    alike = off & (np.abs(seen - colour).max(1) < PUDDLE)
    share = float(alike.mean())
    if share > 0.005:
        table.ground[weather, :, 1] = float(1 - np.quantile(_smooth_noise(), 1 - share))
        table.ground[weather, :, 2:] = torch.from_numpy(np.median(seen[alike], 0) / 255).float()


def _smooth_noise() -> Float[np.ndarray, "504 504"]:
    """Such as decides on puddles: smooth between points drawn evenly from 0 to 1."""
    points = np.random.default_rng(0).random((64, 64))
    fine = np.linspace(0, 1, 8, endpoint=False)
    ease = fine * fine * (3 - 2 * fine)
    rows = points[:-1, :, None] * (1 - ease) + points[1:, :, None] * ease
    rows = rows.transpose(0, 2, 1).reshape(-1, 64)
    return (rows[:, :-1, None] * (1 - ease) + rows[:, 1:, None] * ease).reshape(504, 504)
