"""How the ground looks where it shows: materials, blotches, puddles, and what shades it; compiled for CPUs.

`ground_torch.py` has the same rules. Numba does not see when other files change, so a file's kernels call only each other.

Legend: H W image, G points of the heights along a side, M things that move.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from genie_gym.places.kernels import kernel

NOTHING, LAND, OUTSIDE, WATER = 0, 1, 2, 3  # as in `terrain`
CONTACT, CAST = 0, 1  # of the shade
SHARPEN = 3.0  # how much harder edges of materials become than they are between texels, where they are hard
WET = 0.85  # of the ground's colour that a puddle hides
RING, SOFT = 0.5, 0.15  # metres around what moves that it darkens, and over which its shadow ends
SHELTERED = 0  # the weather in which the ground under a roof looks as it does in any
LEAST_TILT = 0.05  # of the cosine between ray and ground: footprints grow no longer


@kernel
@no_type_check
def ground_colours(
    rows, pose, focal, item, depth, kind, slope, half, under, over, cover, shade, noise, water_look, outside, roof, weather,
    tiles, period, side, wetness, shadow, movers, colours, normals,
):  # fmt: skip
    """Albedo (0 to 255, shade in it) and normals of some lines (first, last + 1), where no thing is shown. `movers` [M, 6]:
    see `shadows.moving`."""
    height, width = depth.shape
    colour, n = np.zeros(3), np.zeros(3)
    for v in range(rows[0], rows[1]):
        cy = (v + 0.5 - height / 2) / focal
        for u in range(width):
            if item[v, u] >= 0 or kind[v, u] == NOTHING:
                continue
            cx = (u + 0.5 - width / 2) / focal
            dx = pose[0, 0] * cx + pose[0, 1] * cy + pose[0, 2]
            dy = pose[1, 0] * cx + pose[1, 1] * cy + pose[1, 2]
            dz = pose[2, 0] * cx + pose[2, 1] * cy + pose[2, 2]
            t = depth[v, u]
            x, y = pose[0, 3] + t * dx, pose[1, 3] + t * dy
            n[0], n[1], n[2] = 0, 0, 1
            if kind[v, u] == LAND:
                _normal(slope, x, y, half, n)
            inside = x > roof[0] and x < roof[2] and y > roof[1] and y < roof[3]
            length = np.sqrt(dx * dx + dy * dy + dz * dz)
            tilt = max(-(n[0] * dx + n[1] * dy + n[2] * dz) / length, LEAST_TILT)
            _colour(
                x, y, kind[v, u], t / focal / np.sqrt(tilt), SHELTERED if inside else weather, half, under, over, cover,
                shade, noise, water_look, outside, tiles, period, side, wetness, shadow, movers, colour,
            )  # fmt: skip
            for c in range(3):
                colours[v, u, c], normals[v, u, c] = colour[c], n[c]


@kernel
@no_type_check
def _colour(
    x, y, kind, footprint, weather, half, under, over, cover, shade, noise, water_look, outside, tiles, period, side, ground,
    shadow, movers, colour,
):  # fmt: skip
    """The albedo (0 to 255) of the ground at a point, times what shades it, into `colour` [3]."""
    colour[0], colour[1], colour[2] = 0, 0, 0
    if kind >= WATER:
        _texture(tiles, period, side, water_look[kind - WATER], weather, x, y, footprint, 1.0, colour)
        return
    if kind == OUTSIDE:
        _texture(tiles, period, side, outside, weather, x, y, footprint, 1.0, colour)
        return
    texels = under.shape[0]
    fx, fy = (x + half) / (2 * half) * texels - 0.5, (y + half) / (2 * half) * texels - 0.5
    column, row = int(np.floor(fx)), int(np.floor(fy))
    ax, ay = fx - column, fy - row
    west, east = min(max(column, 0), texels - 1), min(max(column + 1, 0), texels - 1)
    south, north = min(max(row, 0), texels - 1), min(max(row + 1, 0), texels - 1)
    _materials(under, over, cover, south, north, west, east, ax, ay, tiles, period, side, weather, x, y, footprint, colour)
    blotch = _smooth(noise[0], x, y, half)
    bright = 1 + ground[0] * (blotch - 0.5) * 2
    contact, cast = _bilinear(shade[CONTACT], x, y, half), _bilinear(shade[CAST], x, y, half)
    for m in range(len(movers)):
        dx, dy, width = x - movers[m, 0], y - movers[m, 1], movers[m, 2]
        far_x, far_y = movers[m, 3], movers[m, 4]
        if width <= 0 or abs(dx) > width + RING + abs(far_x) or abs(dy) > width + RING + abs(far_y):
            continue
        away = np.sqrt(dx * dx + dy * dy) - width
        contact = max(contact, min(max(1 - away / RING, 0.0), 1.0))
        along = min(max((dx * far_x + dy * far_y) / max(far_x * far_x + far_y * far_y, 1e-6), 0.0), 1.0)
        away = np.sqrt((dx - along * far_x) ** 2 + (dy - along * far_y) ** 2) - width
        cast = max(cast, movers[m, 5] * min(max(1 - away / SOFT, 0.0), 1.0))
    bright *= (1 - shadow[0] * contact) * (1 - shadow[1] * cast)
    if ground[1] > 0:
        puddle = min(max((_smooth(noise[1], x, y, half) - (1 - ground[1])) * 12, 0.0), 1.0)
        for c in range(3):
            colour[c] += (255 * ground[2 + c] - colour[c]) * puddle * WET
    for c in range(3):
        colour[c] *= bright


@kernel
@no_type_check
def _materials(under, over, cover, south, north, west, east, ax, ay, tiles, period, side, weather, x, y, footprint, colour):
    """Materials of the four texels around, mixed."""
    first = under[south, west]
    plain = True
    low, high = 2.0, -1.0
    for row in (south, north):
        for column in (west, east):
            if under[row, column] != first or cover[row, column] > 0:
                plain = False
    if plain:
        _texture(tiles, period, side, np.int64(first), weather, x, y, footprint, 1.0, colour)
        return
    names = np.zeros(8, np.int64)
    shares = np.zeros(8)
    count = 0
    for n in range(4):
        row, column = (south if n < 2 else north), (west if n % 2 == 0 else east)
        part = (ax if n % 2 else 1 - ax) * (ay if n >= 2 else 1 - ay)
        covered = cover[row, column] / 255.0
        of_first = (1 - covered if under[row, column] == first else 0.0) + (covered if over[row, column] == first else 0.0)
        low, high = min(low, of_first), max(high, of_first)
        for layer in range(2):
            name = over[row, column] if layer else under[row, column]
            share = part * (covered if layer else 1 - covered)
            if share <= 0:
                continue
            found = -1
            for m in range(count):
                if names[m] == name:
                    found = m
            if found < 0:
                names[count], found = name, count
                count += 1
            shares[found] += share
    # Where one material gives way to another within a texel, the edge is drawn harder.
    hard = 1 + (SHARPEN - 1) * min(max((high - low - 0.35) * 3, 0.0), 1.0)
    total = 0.0
    for m in range(count):
        shares[m] = shares[m] ** hard
        total += shares[m]
    for m in range(count):
        _texture(tiles, period, side, names[m], weather, x, y, footprint, shares[m] / total, colour)


@kernel
@no_type_check
def _texture(tiles, period, side, material, weather, x, y, footprint, weight, colour):
    """Adds a material's tile at a point, as large as `footprint` metres: trilinear."""
    texel = period[material] / side
    levels = 0
    while (side >> levels) > 1:
        levels += 1
    level = min(max(np.log2(max(footprint, 1e-6) / texel), 0.0), levels)
    low = min(int(level), levels)
    share = level - low
    for step in range(2):
        part = share if step else 1 - share
        if part <= 0:
            continue
        n = low + step
        size = side >> n
        first = 0
        for k in range(n):
            first += (side >> k) * (side >> k)
        fx, fy = x / period[material] * size - 0.5, y / period[material] * size - 0.5
        column, row = np.floor(fx), np.floor(fy)
        ax, ay = fx - column, fy - row
        west, south = int(column) % size, int(row) % size
        east, north = (west + 1) % size, (south + 1) % size
        for c in range(3):
            below = tiles[material, weather, first + south * size + west, c] * (1 - ax)
            below += tiles[material, weather, first + south * size + east, c] * ax
            above = tiles[material, weather, first + north * size + west, c] * (1 - ax)
            above += tiles[material, weather, first + north * size + east, c] * ax
            colour[c] += weight * part * (below * (1 - ay) + above * ay)


@kernel
@no_type_check
def _bilinear(values, x, y, half):
    """A map over the square at a point, 0 to 1; texels' middles lie half a texel from its edges."""
    side = values.shape[0]
    fx = min(max((x + half) / (2 * half) * side - 0.5, 0.0), side - 1.0)
    fy = min(max((y + half) / (2 * half) * side - 0.5, 0.0), side - 1.0)
    column, row = min(int(fx), side - 2), min(int(fy), side - 2)
    ax, ay = fx - column, fy - row
    below = values[row, column] * (1 - ax) + values[row, column + 1] * ax
    above = values[row + 1, column] * (1 - ax) + values[row + 1, column + 1] * ax
    return (below * (1 - ay) + above * ay) / 255.0


@kernel
@no_type_check
def _smooth(values, x, y, half):
    """Smooth noise, 0 to 1: its points lie from edge to edge."""
    last = values.shape[0] - 1
    fx = min(max((x + half) / (2 * half) * last, 0.0), last)
    fy = min(max((y + half) / (2 * half) * last, 0.0), last)
    column, row = min(int(fx), last - 1), min(int(fy), last - 1)
    ax, ay = fx - column, fy - row
    ax, ay = ax * ax * (3 - 2 * ax), ay * ay * (3 - 2 * ay)
    below = values[row, column] * (1 - ax) + values[row, column + 1] * ax
    above = values[row + 1, column] * (1 - ax) + values[row + 1, column + 1] * ax
    return (below * (1 - ay) + above * ay) / 255.0


@kernel
@no_type_check
def slopes(heights, half):
    """How steep the ground is at the points of its heights, eastwards and northwards [G, G, 2]."""
    side = heights.shape[0]
    cell = 2 * half / (side - 1)
    found = np.empty((side, side, 2), np.float32)
    for row in range(side):
        for column in range(side):
            west, east = max(column - 1, 0), min(column + 1, side - 1)
            south, north = max(row - 1, 0), min(row + 1, side - 1)
            found[row, column, 0] = (heights[row, east] - heights[row, west]) / (cell * (east - west))
            found[row, column, 1] = (heights[north, column] - heights[south, column]) / (cell * (north - south))
    return found


@kernel
@no_type_check
def _normal(slope, x, y, half, normal):
    """The ground's normal at a point, into `normal` [3]."""
    last = slope.shape[0] - 1
    fx = min(max((x + half) / (2 * half) * last, 0.0), last)
    fy = min(max((y + half) / (2 * half) * last, 0.0), last)
    column, row = min(int(fx), last - 1), min(int(fy), last - 1)
    ax, ay = fx - column, fy - row
    for c in range(2):
        below = slope[row, column, c] * (1 - ax) + slope[row, column + 1, c] * ax
        above = slope[row + 1, column, c] * (1 - ax) + slope[row + 1, column + 1, c] * ax
        normal[c] = -(below * (1 - ay) + above * ay)
    inverse = 1 / np.sqrt(normal[0] * normal[0] + normal[1] * normal[1] + 1)
    normal[0], normal[1], normal[2] = normal[0] * inverse, normal[1] * inverse, inverse
