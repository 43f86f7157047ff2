"""How the ground looks, by the rules of `soil`, in torch.

Legend: B rows, P pixels a row, M things that move, C channels, R texels along a side of a map.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genie_gym.places.ground import Ground
from genie_gym.places.library import AssetLibrary
from genie_gym.places.light import Light
from genie_gym.places.soil import LEAST_TILT, RING, SHARPEN, SHELTERED, SOFT, WET
from genie_gym.places.terrain import LAND, OUTSIDE, WATER


def ground_colours(
    library: AssetLibrary, ground: Ground, light: Light, eye: Float[Tensor, "B 3"], ray: Float[Tensor, "B P 3"],
    depth: Float[Tensor, "B P"], kind: Int[Tensor, "B P"], focal: float, movers: Float[Tensor, "B M 6"],
) -> tuple[Float[Tensor, "B P 3"], Float[Tensor, "B P 3"]]:  # fmt: skip
    """Albedo (0 to 255, shade in it) and normals; anything where `kind` is nothing."""
    depth = depth.clamp(max=1e4)
    x, y = (eye[:, None, k] + depth * ray[..., k] for k in (0, 1))
    up = torch.zeros_like(ray)
    up[..., 2] = 1
    normal = torch.where((kind == LAND)[..., None], _normal(ground, x, y), up)
    length = (ray * ray).sum(-1).sqrt()
    footprint = depth / focal / (-(normal * ray).sum(-1) / length).clamp(min=LEAST_TILT).sqrt()
    weather = torch.where(ground.under_roof(torch.stack([x, y], -1)), SHELTERED, light.sky[:, :1].long())
    texture = _Textures(library, weather, x, y, footprint)
    land = _shaded(ground, light, movers, x, y, _materials(ground, texture, x, y))
    beyond = texture.of(ground.beyond[:, None].expand_as(kind))
    water = texture.of(ground.water_look.gather(1, (kind - WATER).clamp(min=0)))
    colour = torch.where((kind >= WATER)[..., None], water, torch.where((kind == OUTSIDE)[..., None], beyond, land))
    return colour, normal


def _shaded(
    ground: Ground, light: Light, movers: Float[Tensor, "B M 6"], x: Tensor, y: Tensor, colour: Float[Tensor, "B P 3"]
) -> Float[Tensor, "B P 3"]:
    """Blotches, puddles and shade."""
    soil = light.ground[:, None]
    blotch, wet = (_smooth(ground, ground.noise[:, k].float() / 255, x, y) for k in (0, 1))
    contact, cast = (_bilinear(ground, ground.shade[:, k].float() / 255, x, y) for k in (0, 1))
    for m in range(movers.shape[1]):
        east, north, width, far_x, far_y, dark = movers[:, m, :, None].unbind(1)
        dx, dy = x - east, y - north
        near = (1 - ((dx * dx + dy * dy).sqrt() - width) / RING).clamp(0, 1)
        along = ((dx * far_x + dy * far_y) / (far_x * far_x + far_y * far_y).clamp(min=1e-6)).clamp(0, 1)
        away = ((dx - along * far_x) ** 2 + (dy - along * far_y) ** 2).sqrt() - width
        there = width > 0
        contact = torch.where(there, torch.maximum(contact, near), contact)
        cast = torch.where(there, torch.maximum(cast, dark * (1 - away / SOFT).clamp(0, 1)), cast)
    bright = 1 + soil[..., 0] * (blotch - 0.5) * 2
    bright = bright * (1 - light.shadow[:, :1] * contact) * (1 - light.shadow[:, 1:] * cast)
    puddle = torch.where(soil[..., 1] > 0, ((wet - (1 - soil[..., 1])) * 12).clamp(0, 1), 0.0)
    colour = colour + (255 * soil[..., 2:] - colour) * (puddle * WET)[..., None]
    return colour * bright[..., None]


def _materials(ground: Ground, texture: _Textures, x: Tensor, y: Tensor) -> Float[Tensor, "B P 3"]:
    """Materials of the four texels around, mixed."""
    side = ground.under.shape[1]
    half = ground.half[:, None]
    fx, fy = (x + half) / (2 * half) * side - 0.5, (y + half) / (2 * half) * side - 0.5
    column, row = fx.floor(), fy.floor()
    ax, ay = fx - column, fy - row
    names, shares, of_first = [], [], []
    first: Tensor | None = None
    for n in range(4):
        at = (row.long() + n // 2).clamp(0, side - 1) * side + (column.long() + n % 2).clamp(0, side - 1)
        under, over, cover = (getattr(ground, name).flatten(1).gather(1, at).long() for name in ("under", "over", "cover"))
        part = (ax if n % 2 else 1 - ax) * (ay if n >= 2 else 1 - ay)
        covered = cover / 255
        first = under if first is None else first
        of_first.append(torch.where(under == first, 1 - covered, 0.0) + torch.where(over == first, covered, 0.0))
        names += [under, over]
        shares += [part * (1 - covered), part * covered]
    span = torch.stack(of_first).amax(0) - torch.stack(of_first).amin(0)
    hard = 1 + (SHARPEN - 1) * ((span - 0.35) * 3).clamp(0, 1)
    total, weights = torch.zeros_like(ax), []
    for n, name in enumerate(names):
        whole = sum((torch.where(other == name, share, 0.0) for other, share in zip(names, shares, strict=True)), 0 * ax)
        repeated = torch.zeros_like(name, dtype=torch.bool)
        for other, share in zip(names[:n], shares[:n], strict=True):
            repeated |= (other == name) & (share > 0)
        weight = torch.where(repeated | (shares[n] <= 0), 0.0, whole.clamp(min=0) ** hard)
        weights.append(weight)
        total = total + weight
    colour = torch.zeros((*ax.shape, 3), device=ax.device)
    for name, weight in zip(names, weights, strict=True):
        if bool((weight > 0).any()):
            colour = colour + texture.of(name) * (weight / total)[..., None]
    return colour


class _Textures:
    """Tiles of materials at some points, trilinear."""

    def __init__(self, library: AssetLibrary, weather: Tensor, x: Tensor, y: Tensor, footprint: Tensor):
        self.library, self.weather, self.x, self.y, self.footprint = library, weather, x, y, footprint
        side = library.config.tile
        self.side, self.levels = side, side.bit_length() - 1
        self.sizes = torch.tensor([side >> k for k in range(self.levels + 1)], device=x.device)
        squares = self.sizes * self.sizes
        self.first = torch.cumsum(squares, 0) - squares

    def of(self, material: Int[Tensor, "B P"]) -> Float[Tensor, "B P 3"]:
        period = self.library.period[material]
        level = torch.log2(self.footprint.clamp(min=1e-6) / (period / self.side)).clamp(0, self.levels)
        low = level.long().clamp(max=self.levels)
        share = (level - low)[..., None]
        return self._level(material, period, low) * (1 - share) + share * self._level(material, period, low + 1)

    def _level(self, material: Tensor, period: Tensor, level: Tensor) -> Float[Tensor, "B P 3"]:
        level = level.clamp(max=self.levels)
        size, first = self.sizes[level], self.first[level]
        fx, fy = self.x / period * size - 0.5, self.y / period * size - 0.5
        column, row = fx.floor(), fy.floor()
        ax, ay = (fx - column)[..., None], (fy - row)[..., None]
        west, south = column.long() % size, row.long() % size
        east, north = (west + 1) % size, (south + 1) % size

        def texel(r: Tensor, c: Tensor) -> Tensor:
            return self.library.tiles[material, self.weather, first + r * size + c].float()

        below = texel(south, west) * (1 - ax) + texel(south, east) * ax
        above = texel(north, west) * (1 - ax) + texel(north, east) * ax
        return below * (1 - ay) + above * ay


def _between(values: Float[Tensor, "B R R"], fx: Tensor, fy: Tensor, smooth: bool) -> Float[Tensor, "B P"]:
    """Bilinear in a map, at places in its texels."""
    side = values.shape[1]
    column, row = fx.long().clamp(0, side - 2), fy.long().clamp(0, side - 2)
    ax, ay = fx - column, fy - row
    if smooth:
        ax, ay = ax * ax * (3 - 2 * ax), ay * ay * (3 - 2 * ay)
    flat, corner = values.flatten(1), row * side + column
    a, b, c, d = (flat.gather(1, corner + k) for k in (0, 1, side, side + 1))
    return (a * (1 - ax) + b * ax) * (1 - ay) + (c * (1 - ax) + d * ax) * ay


def _bilinear(ground: Ground, values: Float[Tensor, "B R R"], x: Tensor, y: Tensor) -> Float[Tensor, "B P"]:
    side, half = values.shape[1], ground.half[:, None]
    fx, fy = (((c + half) / (2 * half) * side - 0.5).clamp(0, side - 1) for c in (x, y))
    return _between(values, fx, fy, False)


def _smooth(
    ground: Ground, values: Float[Tensor, "B R R"], x: Tensor, y: Tensor, smooth: bool = True
) -> Float[Tensor, "B P"]:
    last, half = values.shape[1] - 1, ground.half[:, None]
    fx, fy = (((c + half) / (2 * half) * last).clamp(0, last) for c in (x, y))
    return _between(values, fx, fy, smooth)


def _normal(ground: Ground, x: Tensor, y: Tensor) -> Float[Tensor, "B P 3"]:
    heights = ground.heights
    cell = (2 * ground.half / (heights.shape[1] - 1))[:, None, None]
    parts = []
    for axis in (2, 1):
        wide = torch.cat([heights.narrow(axis, 0, 1), heights, heights.narrow(axis, heights.shape[axis] - 1, 1)], axis)
        count = heights.shape[axis]
        rise = wide.narrow(axis, 2, count) - wide.narrow(axis, 0, count)
        steps = torch.full((count,), 2.0, device=x.device)
        steps[0] = steps[-1] = 1
        slope = rise / (cell * (steps if axis == 2 else steps[:, None]))
        parts.append(-_smooth(ground, slope, x, y, False))
    east, north = parts
    inverse = 1 / (east * east + north * north + 1).sqrt()
    return torch.stack([east * inverse, north * inverse, inverse], -1)
