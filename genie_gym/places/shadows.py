"""Shadows on the ground: a dark ring where things touch it, and what they keep from the sun.

Those of fixed things are cast when a place begins, when its hour changes, or when fixed things come and go; not in every
step. They are drawn with the surfels of the things themselves, so a tree throws the shadow of a tree. What moves throws that
of an upright rod, in every step.

Legend: B rows, N things a row, M things that move (the most of any row), U texels of the shade along a side, G points of the
heights along a side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import no_type_check

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from genie_gym.places.ground import CAST, CONTACT, Ground
from genie_gym.places.kernels import kernel
from genie_gym.places.library import AssetLibrary
from genie_gym.places.surfels import RADII, STEPS
from genie_gym.places.table import Things

COARSE = 0.3  # metres: shadows are drawn with the coarsest level whose surfels are no farther apart
TOUCHING = 0.5  # metres above a thing's base: what is lower darkens the ground around it …
RING = 0.7  # … up to so many metres away
LOWEST_SUN = 0.14  # of the sun's height (a sine): shadows grow no longer than for it
LONGEST = 40.0  # metres
LEAST_SUN = 0.01  # sine of how high it stands, from which shadows are cast


def cast(
    things: Things, ground: Ground, library: AssetLibrary, sun: Float[Tensor, "B 3"], rows: Sequence[int] | None = None
) -> None:
    """Draws the shadows of some rows' fixed things anew (of all rows, where none are named), in place.

    Args:
        sun: unit vector towards what casts shadows (`Light.sun`); none are cast where it is below the horizon.
    """
    rows = range(len(sun)) if rows is None else rows
    arrays = {
        name: getattr(library, name).detach().cpu().numpy() for name in ("position", "radius", "first", "spacing", "size")
    }
    asset = things.drawn_assets(library).cpu().numpy()
    fixed = (asset >= 0) & ~things.movable.cpu().numpy() & (things.behaviour < 0).cpu().numpy()
    centre, size, yaw = (getattr(things, name).detach().cpu().numpy() for name in ("centre", "size", "yaw"))
    side = ground.shade.shape[-1]
    for row in rows:
        shade = np.zeros((2, side, side), np.float32)
        lines = np.flatnonzero(fixed[row])
        assets = asset[row, lines]
        stretch = (size[row, lines] / arrays["size"][assets]).max(1)
        fits = arrays["spacing"][assets] * stretch[:, None] <= COARSE
        level = np.maximum(fits.sum(1) - 1, 0)
        begin, end = arrays["first"][assets, level], arrays["first"][assets, level + 1]
        height, half = ground.heights[row].cpu().numpy(), float(ground.half[row])
        _draw(
            begin, end, np.ascontiguousarray(centre[row, lines]), np.ascontiguousarray(size[row, lines]), yaw[row, lines],
            stretch, arrays["position"], arrays["radius"], RADII, 1.0 / STEPS, sun[row].detach().cpu().numpy(), height, half,
            shade,
        )  # fmt: skip
        roof = ground.roof[row].tolist()
        if roof[2] > roof[0]:
            shade[CAST] = 0
        soft = np.stack([_soft(shade[CONTACT]), _soft(shade[CAST])])
        ground.shade[row] = torch.from_numpy((soft * 255 + 0.5).astype(np.uint8)).to(ground.shade.device)


def moving(things: Things, ground: Ground, sun: Float[Tensor, "B 3"]) -> Float[Tensor, "B M 6"]:
    """What moves, as the ground is shaded by it: where it stands (x, y), half its width (0: nothing stands there), to where
    the shadow of its top falls from there (x, y), and how dark that is (0 or 1)."""
    moves = things.there & (things.movable | (things.behaviour >= 0))
    most = int(moves.sum(1).max()) if len(moves) else 0
    lines = torch.sort((~moves).long(), dim=1, stable=True).indices[:, :most]
    centre, size = (getattr(things, name).gather(1, lines[..., None].expand(-1, -1, 3)) for name in ("centre", "size"))
    there = moves.gather(1, lines)
    roofed = ground.roof[:, 2] > ground.roof[:, 0]
    shines = (sun[:, 2] > LEAST_SUN) & ~roofed
    slant = -sun[:, None, :2] / sun[:, None, 2:].clamp(min=LOWEST_SUN)
    falls = torch.where(shines[:, None, None], slant * size[..., 2:], 0.0)
    width = torch.where(there, torch.minimum(size[..., 0], size[..., 1]) / 2, 0.0)
    dark = torch.where(shines[:, None], 1.0, 0.0).expand_as(width)
    return torch.cat([centre[..., :2], width[..., None], falls, dark[..., None]], -1)


@kernel
@no_type_check
def _draw(begin, end, centre, size, yaw, stretch, position, radius, radii, unit, sun, heights, half, shade):
    """Rings and shadows of things, into `shade` [2, U, U], 0 to 1."""
    side = shade.shape[1]
    scale = side / (2 * half)
    high = sun[2] > LEAST_SUN
    slant_x, slant_y = -sun[0] / max(sun[2], LOWEST_SUN), -sun[1] / max(sun[2], LOWEST_SUN)
    for i in range(len(begin)):
        cos, sin, base = np.cos(yaw[i]), np.sin(yaw[i]), centre[i, 2] - size[i, 2] / 2
        for k in range(begin[i], end[i]):
            a, b = position[k, 0] * unit * size[i, 0], position[k, 1] * unit * size[i, 1]
            x, y = centre[i, 0] + cos * a - sin * b, centre[i, 1] + sin * a + cos * b
            z = centre[i, 2] + position[k, 2] * unit * size[i, 2]
            r = radii[radius[k]] * stretch[i]
            if z - base < TOUCHING and z - _height(heights, half, x, y) < 2 * TOUCHING:
                _stamp(shade[0], (x + half) * scale, (y + half) * scale, r * scale, RING * scale)
            if high:
                rise = z - _height(heights, half, x, y)
                for _ in range(2):
                    rise = max(z - _height(heights, half, x + slant_x * rise, y + slant_y * rise), 0.0)
                if rise * max(abs(slant_x), abs(slant_y)) < LONGEST:
                    _stamp(
                        shade[1], (x + slant_x * rise + half) * scale, (y + slant_y * rise + half) * scale, r * scale, 1.0
                    )


@kernel
@no_type_check
def _stamp(values, x, y, radius, soft):
    """A disc whose edge fades over `soft` texels; texels keep the larger value."""
    side = values.shape[0]
    far = radius + soft
    for row in range(max(int(y - far - 0.5), 0), min(int(y + far + 0.5) + 1, side)):
        for column in range(max(int(x - far - 0.5), 0), min(int(x + far + 0.5) + 1, side)):
            dx, dy = column + 0.5 - x, row + 0.5 - y
            value = min(1 - (np.sqrt(dx * dx + dy * dy) - radius) / soft, 1.0)
            if value > values[row, column]:
                values[row, column] = value


@kernel
@no_type_check
def _height(heights, half, x, y):
    """The ground's height at a point."""
    last = heights.shape[0] - 1
    fx = min(max((x + half) / (2 * half) * last, 0.0), last)
    fy = min(max((y + half) / (2 * half) * last, 0.0), last)
    column, row = min(int(fx), last - 1), min(int(fy), last - 1)
    ax, ay = fx - column, fy - row
    below = heights[row, column] * (1 - ax) + heights[row, column + 1] * ax
    above = heights[row + 1, column] * (1 - ax) + heights[row + 1, column + 1] * ax
    return below * (1 - ay) + above * ay


def _soft(values: Float[np.ndarray, "U U"]) -> Float[np.ndarray, "U U"]:
    """Blurred a little: weights 1, 2, 1 both ways."""
    for axis in (0, 1):
        wide = np.pad(values, [(1, 1) if k == axis else (0, 0) for k in range(2)], mode="edge")
        before, after = wide.take(range(len(values)), axis), wide.take(range(2, len(values) + 2), axis)
        values = (before + 2 * values + after) / 4
    return values
