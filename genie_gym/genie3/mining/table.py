"""The fitted light as the table that drawing reads: gains and fog, where the sun stands, how dark shadows are, when windows
shine, how wet the ground is.

Legend: W weathers, K hours (24), Q hours of the sky, U V panoramas, n pixels of the ground.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float, UInt8

from genie_gym.genie3.mining.conditions import Weathers
from genie_gym.genie3.mining.config import MiningConfig
from genie_gym.genie3.mining.episodes import Evidence
from genie_gym.genie3.mining.light import HOURS, Light
from genie_gym.genie3.mining.shade import LitGround, sun_of, turn_sun, write_shadows
from genie_gym.places.library import AssetLibrary
from genie_gym.places.light import LightConfig, LightTable
from genie_gym.places.place import Place

# Of the harmonics 1, x, y, z, xy, yz, 3z² - 1, xz, x² - y²: where the table has each, and its constant there.
_ORDER = (0, 3, 1, 2, 4, 5, 6, 7, 8)
_CONSTANT = np.array([0.282095, 0.488603, 0.488603, 0.488603, 1.092548, 1.092548, 0.315392, 1.092548, 0.546274])
LIT, UNLIT = 0.5, 0.68  # gain of what looks up, at which windows shine wholly, and not at all, where nobody saw any
SHADOW_PIXELS = 30_000  # of a picture
LEAST_PIXELS = 2000  # of a picture that tells of shadows
EVEN_NOISE = 2.33  # how far noise reaches, smooth between even points, against how it varies
PUDDLE = 30.0  # of 255: what differs from its material by more is a puddle


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


def fit_ground(
    table: LightTable, library: AssetLibrary, episodes: Sequence[Evidence], places: Mapping[int, Place], weathers: Weathers,
    config: MiningConfig,
) -> None:  # fmt: skip
    """Writes into a table where the sun stands, how dark shadows are by weather and hour, how much the ground's brightness
    varies, and puddles."""
    seen: list[LitGround] = []
    rng = np.random.default_rng(config.seed)
    for one in episodes[:: max(1, len(episodes) // config.shadow_episodes)]:
        for picture, condition in enumerate(one.conditions):
            mine = np.flatnonzero(one.ground.picture == picture)
            if len(mine) >= LEAST_PIXELS:
                pixels = one.ground.keep(rng.permutation(mine)[:SHADOW_PIXELS])
                lit = LitGround.of(pixels, places[one.episode], condition, library)
                seen += [] if lit is None else [lit]
    turn_sun(table, library, seen)
    shadows = [(lit.condition, lit.shadows(library, sun_of(table, lit.condition))) for lit in seen]
    found = [(condition, one) for condition, one in shadows if one is not None]
    write_shadows(table, found)
    if found:
        table.ground[..., 0] = float(np.median([one.spread for _, one in found])) * EVEN_NOISE
    wet = [one.squares for condition, one in found if condition.weather == weathers.rain]
    if weathers.rain is not None and wet:
        _write_puddles(table, np.concatenate(wet), weathers.rain)


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
