"""The fitted light as the table that drawing reads: gains and fog, where the sun stands, how dark shadows are, when windows
shine, how wet the ground is.

Legend: W weathers, K hours (24), Q hours of the sky, U V panoramas, n pixels of the ground.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8

from genie_gym.genie3.mining.config import MiningConfig
from genie_gym.genie3.mining.ground import Soil
from genie_gym.genie3.mining.light import HOURS, Light
from genie_gym.genie3.mining.views import Condition
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
WET = "rainy"
PUDDLE = 30.0  # of 255: what differs from its material by more is a puddle
SQUARE = 0.5  # metres


@dataclass(frozen=True, eq=False)
class Ground:
    """The pixels of an episode's ground, and the condition of each of its pictures."""

    episode: int
    soil: Soil
    conditions: tuple[Condition, ...]


def light_table(
    light: Light, skies: UInt8[np.ndarray, "W Q U V 3"], config: MiningConfig, weathers: Sequence[str]
) -> LightTable:
    """Every hour of the day has a row of its own."""
    rows, columns = config.sky_size
    hours = tuple(float(hour) for hour in range(HOURS))
    table = LightTable(len(weathers), LightConfig(hours, config.sky_at, rows, columns))
    gain = np.zeros((len(weathers), HOURS, 9, 3))
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
    table: LightTable, library: AssetLibrary, grounds: Sequence[Ground], places: dict[int, Place], weathers: Sequence[str],
    config: MiningConfig,
) -> None:  # fmt: skip
    """Writes into a table how dark shadows are by weather and hour, how much the ground's brightness varies, and puddles."""
    found: list[tuple[Condition, float, float, float]] = []
    wet: list[np.ndarray] = []
    spread: list[float] = []
    rng = np.random.default_rng(config.seed)
    for one in list(grounds)[:: max(1, len(grounds) // config.shadow_episodes)]:
        for picture, condition in enumerate(one.conditions):
            mine = np.flatnonzero(one.soil.picture == picture)
            if len(mine) < 2000:
                continue
            mine = rng.permutation(mine)[:SHADOW_PIXELS]
            told = _shadows(table, library, one, places[one.episode], condition, mine)
            if told is None:
                continue
            dark, bright, squares = told
            found.append((condition, *dark))
            spread.append(bright)
            if weathers[condition.weather] == WET:
                wet.append(squares)
    _write_shadows(table, found)
    if spread:
        table.ground[..., 0] = float(np.median(spread)) * 2.33  # of even noise, smooth between its points
    if WET in weathers and wet:
        _write_puddles(table, np.concatenate(wet), weathers.index(WET))


def _shadows(
    table: LightTable, library: AssetLibrary, one: Ground, place: Place, condition: Condition, mine: np.ndarray
) -> tuple[tuple[float, float, float], float, np.ndarray] | None:
    """How much light things take away where they touch the ground and where their shadow falls, and how much pixels tell of
    the latter; how its brightness varies; and squares of ground: their colour, and that of their material."""
    things, ground = tables([place], library, [0])
    hour = round(condition.hour) % HOURS
    cast(things, ground, library, table.sun[condition.weather, hour][None])
    soil, half = one.soil, place.half
    spot = soil.place[mine].astype(np.float32) / 100
    side = ground.shade.shape[-1]
    at = ((spot + half) / (2 * half) * side).astype(int)
    inside = ((at >= 0) & (at < side)).all(1)
    spot, at, mine = spot[inside], at[inside], mine[inside]
    contact, thrown = (ground.shade[0, k].numpy()[at[:, 1], at[:, 0]] / 255 for k in (0, 1))
    material = soil.material[mine]
    tile = library.config.tile
    texel = np.floor(spot / library.period.numpy()[material][:, None] * tile).astype(int) % tile
    told = library.tiles.numpy()[material, condition.weather, texel[:, 1] * tile + texel[:, 0]].astype(np.float64)
    seen = soil.albedo[mine].astype(np.float64)
    ratio = seen.mean(1) / np.maximum(told.mean(1), 8)
    good = (ratio > 0.2) & (ratio < 1.6)
    if good.sum() < 500:
        return None
    design = np.stack([np.ones(int(good.sum())), -contact[good], -thrown[good]], 1)
    solved = np.linalg.lstsq(design.T @ design + 1e-3 * np.eye(3), design.T @ ratio[good], rcond=None)[0]
    level = max(float(solved[0]), 0.2)
    lit = good & (contact < 0.02) & (thrown < 0.02)
    square = np.floor(spot / SQUARE).astype(int) + 1000
    _, group = np.unique(square[lit, 1] * 4000 + square[lit, 0], return_inverse=True)
    count = np.bincount(group)
    if not len(count):
        return None
    mean = np.bincount(group, ratio[lit]) / count
    many = count >= 5
    bright = float(np.std(mean[many]) / level) if many.sum() > 20 else 0.05
    colours = [np.stack([np.bincount(group, x[lit, c]) / count for c in range(3)], 1) for x in (seen, told * level)]
    dark = float(np.clip(solved[1] / level, 0, 0.9)), float(np.clip(solved[2] / level, 0, 0.9)), float(thrown[good].sum())
    return dark, bright, np.stack(colours, 1)[many]


def _write_shadows(table: LightTable, found: Sequence[tuple[Condition, float, float, float]]) -> None:
    for weather in range(len(table.shadow)):
        mine = [one for one in found if one[0].weather == weather and one[3] > 20]
        if not mine:
            continue
        when = np.array([one[0].hour for one in mine])
        values, told = np.array([one[1:3] for one in mine]), np.array([one[3] for one in mine])
        for hour in range(HOURS):
            away = np.abs((when - hour + 12) % 24 - 12)
            weight = told * (np.exp(-((away / SHADOW_HOURS) ** 2)) + 1e-3)
            table.shadow[weather, hour] = torch.from_numpy((weight[:, None] * values).sum(0) / weight.sum()).float()


def _write_puddles(table: LightTable, squares: Float[np.ndarray, "n 2 3"], weather: int) -> None:
    """Puddles are of one colour on every material: squares that differ much from theirs, and little from each other."""
    seen, told = squares[:, 0], squares[:, 1]
    off = np.abs(seen - told).max(1) > PUDDLE
    if off.mean() < 0.01:
        return
    colour = np.median(seen[off], 0)
    alike = off & (np.abs(seen - colour).max(1) < PUDDLE)
    share = float(alike.mean())
    if share > 0.005:
        # The noise that decides on puddles is smooth between points drawn evenly from 0 to 1.
        points = np.random.default_rng(0).random((64, 64))
        fine = np.linspace(0, 1, 8, endpoint=False)
        ease = fine * fine * (3 - 2 * fine)
        rows = points[:-1, :, None] * (1 - ease) + points[1:, :, None] * ease
        rows = rows.transpose(0, 2, 1).reshape(-1, 64)
        smooth = rows[:, :-1, None] * (1 - ease) + rows[:, 1:, None] * ease
        table.ground[weather, :, 1] = float(1 - np.quantile(smooth, 1 - share))
        table.ground[weather, :, 2:] = torch.from_numpy(np.median(seen[alike], 0) / 255).float()
