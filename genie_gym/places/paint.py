"""Frames out of what pixels show, compiled for CPUs: albedo, light, fog, sky, rain and snow.

`paint_torch.py` has the same rules. Numba does not see when other files change, so a file's kernels call only each other.
 Colours of the screen: albedo times gain, clipped to 0 to 255.

Legend: H W image, I things that are drawn, S surfels of the library, K drops.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from genie_gym.places.kernels import kernel

ROOF_SPARE = 0.2  # metres around a roof in which there is no fog either
NOTHING = 0  # of what rays meet, as in `terrain`


@kernel
@no_type_check
def paint(
    rows, pose, focal, far,
    surfel, item, depth, mixed, line, axes, squeeze, sheltered, tint, albedo, dry, glow, normal,
    kind, soil, roof, gain, fog, glow_level,
    sky, next_sky, sky_share, sky_bottom, sky_top,
    colours, normals,
):  # fmt: skip
    """Colours and normals of some lines (first, last + 1) of a picture. `depth` reads `far` where there is only sky; `soil`
    [H, W, 3] and `normals` hold those of the ground already."""
    height, width = depth.shape
    colour, n, own = np.zeros(3), np.zeros(3), np.zeros(3)
    roofed = roof[2] > roof[0]
    for v in range(rows[0], rows[1]):
        cy = (v + 0.5 - height / 2) / focal
        for u in range(width):
            cx = (u + 0.5 - width / 2) / focal
            dx = pose[0, 0] * cx + pose[0, 1] * cy + pose[0, 2]
            dy = pose[1, 0] * cx + pose[1, 1] * cy + pose[1, 2]
            dz = pose[2, 0] * cx + pose[2, 1] * cy + pose[2, 2]
            length = np.sqrt(dx * dx + dy * dy + dz * dz)
            t = depth[v, u]
            x, y = pose[0, 3] + t * dx, pose[1, 3] + t * dy
            i = item[v, u]
            if i >= 0:
                k = surfel[v, u]
                if mixed[v, u, 0] > 0:
                    part = 1 / mixed[v, u, 0]
                    for c in range(3):
                        colour[c] = mixed[v, u, 1 + c] * part
                        own[c] = mixed[v, u, 7 + c] * squeeze[i, c]
                else:
                    for c in range(3):
                        colour[c] = dry[k, c] if sheltered[i] else albedo[k, c]
                        own[c] = normal[k, c] * squeeze[i, c]
                # Out of the thing's axes into the camera's, and from there into the world's.
                ax = axes[i, 0, 0] * own[0] + axes[i, 0, 1] * own[1] + axes[i, 0, 2] * own[2]
                ay = axes[i, 1, 0] * own[0] + axes[i, 1, 1] * own[1] + axes[i, 1, 2] * own[2]
                az = axes[i, 2, 0] * own[0] + axes[i, 2, 1] * own[1] + axes[i, 2, 2] * own[2]
                part = 1 / (np.sqrt(ax * ax + ay * ay + az * az) + 1e-12)
                for c in range(3):
                    n[c] = (pose[c, 0] * ax + pose[c, 1] * ay + pose[c, 2] * az) * part
                for c in range(3):
                    bright = _lit(gain[0], n[0], n[1], n[2], c)
                    shine = mixed[v, u, 4 + c] / mixed[v, u, 0] if mixed[v, u, 0] > 0 else np.float64(glow[k, c])
                    colour[c] = min(colour[c] * tint[line[i], c] * bright + shine * glow_level, 255.0)
            elif kind[v, u] != NOTHING:
                for c in range(3):
                    n[c] = normals[v, u, c]
                for c in range(3):
                    colour[c] = min(soil[v, u, c] * _lit(gain[1], n[0], n[1], n[2], c), 255.0)
            else:
                n[0], n[1], n[2] = 0, 0, 0
                _sky(sky, next_sky, sky_share, sky_bottom, sky_top, dx / length, dy / length, dz / length, colour)
            if t < far:
                inside = roofed and x > roof[0] - ROOF_SPARE and x < roof[2] + ROOF_SPARE
                inside = inside and y > roof[1] - ROOF_SPARE and y < roof[3] + ROOF_SPARE
                left = 1.0 if inside else np.exp(-fog[3] * t)
                for c in range(3):
                    colour[c] = fog[c] * 255 + (colour[c] - fog[c] * 255) * left
            for c in range(3):
                colours[v, u, c] = np.uint8(min(max(colour[c], 0.0), 255.0) + 0.5) if colour[c] < 255 else np.uint8(255)
                normals[v, u, c] = n[c]


@kernel
@no_type_check
def _lit(gain, x, y, z, c):
    """The gain of one channel for a normal."""
    value = 0.282095 * gain[0, c] + 0.488603 * (gain[1, c] * y + gain[2, c] * z + gain[3, c] * x)
    value += 1.092548 * (gain[4, c] * x * y + gain[5, c] * y * z + gain[7, c] * x * z)
    value += 0.315392 * gain[6, c] * (3 * z * z - 1) + 0.546274 * gain[8, c] * (x * x - y * y)
    return max(value, 0.0)


@kernel
@no_type_check
def _sky(first, second, share, bottom, top, x, y, z, colour):
    """The panorama in a direction (a unit vector), between two hours."""
    rows, columns = first.shape[0], first.shape[1]
    elevation = np.degrees(np.arcsin(min(max(z, -1.0), 1.0)))
    fy = min(max((top - elevation) / (top - bottom) * rows - 0.5, 0.0), rows - 1.0)
    fx = np.arctan2(y, x) / (2 * np.pi) * columns - 0.5
    row, column = min(int(fy), rows - 2), np.floor(fx)
    ax, ay = fx - column, fy - row
    west = int(column) % columns
    east = (west + 1) % columns
    for c in range(3):
        one = (first[row, west, c] * (1 - ax) + first[row, east, c] * ax) * (1 - ay)
        one += (first[row + 1, west, c] * (1 - ax) + first[row + 1, east, c] * ax) * ay
        other = (second[row, west, c] * (1 - ax) + second[row, east, c] * ax) * (1 - ay)
        other += (second[row + 1, west, c] * (1 - ax) + second[row + 1, east, c] * ax) * ay
        colour[c] = one * (1 - share) + other * share


@kernel
@no_type_check
def paint_drops(places, flakes, colour, opacity, focal, whole, depth, colours):
    """Mixes a colour into the pixels that drops (or flakes) cover: `places` [K, 3] are columns, lines and depths, the last
    0 for none. Drops are streaks upwards from their place; several on one pixel count once. The whole picture is `whole`
    pixels high."""
    height, width = depth.shape
    covered = np.zeros((height, width), np.bool_)
    for k in range(len(places)):
        z = places[k, 2]
        if z <= 0:
            continue
        u, v = int(np.floor(places[k, 0])), int(np.floor(places[k, 1]))
        tall, wide = _drop_size(z, flakes, focal, whole)
        for row in range(max(v - tall + 1, 0), min(v + 1, height)):
            for column in range(max(u, 0), min(u + wide, width)):
                if z < depth[row, column]:
                    covered[row, column] = True
    for v in range(height):
        for u in range(width):
            if covered[v, u]:
                for c in range(3):
                    mixed = colours[v, u, c] * (1 - opacity) + 255 * colour[c] * opacity
                    colours[v, u, c] = np.uint8(min(max(mixed, 0.0), 255.0))


@kernel
@no_type_check
def _drop_size(z, flakes, focal, height):
    """How many pixels tall and wide a drop or flake is."""
    if flakes:
        side = min(max(int(np.floor(focal * 0.045 / z + 0.5)), 1), max(height // 24, 1))
        return side, side
    return min(max(int(focal * 0.3 / z), 2), max(height // 7, 2)), max(1, height // 360)
