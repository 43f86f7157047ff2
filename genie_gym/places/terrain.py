"""Where rays meet the ground, compiled for CPUs.

Inside the square the ground is bilinear between the points of its heights, with walls down from its edges; outside it is a
plane, but where water reaches out of the square. Water that one wades through lies over what is lower; within the bounds of
any other there is no ground, and walls down to it around.

Legend: H W image, G points of the heights along a side, K waters.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from genie_gym.places.kernels import kernel

NEAREST = 0.05  # metres
NOTHING, LAND, OUTSIDE, WATER = 0, 1, 2, 3  # what a ray meets; of waters, WATER and its number
NEVER = 1e9


@kernel
@no_type_check
def meet_ground(pose, focal, half, heights, water, none, level_outside, reach, columns, depth, kind):
    """Fills `depth` [H, W] (metres along the camera's axis, `NEVER`: nothing is met) and `kind` in some columns."""
    height, width = depth.shape
    last = heights.shape[0] - 1
    cell = 2 * half / last
    lowest, highest = heights.min(), heights.max()
    tops = np.empty((last, last), np.float32)
    for row in range(last):
        for column in range(last):
            tops[row, column] = heights[row : row + 2, column : column + 2].max()
    ox, oy, oz = pose[0, 3], pose[1, 3], pose[2, 3]
    for v in range(height):
        cy = (v + 0.5 - height / 2) / focal
        for u in range(columns[0], columns[1]):
            cx = (u + 0.5 - width / 2) / focal
            dx = pose[0, 0] * cx + pose[0, 1] * cy + pose[0, 2]
            dy = pose[1, 0] * cx + pose[1, 1] * cy + pose[1, 2]
            dz = pose[2, 0] * cx + pose[2, 1] * cy + pose[2, 2]
            t = _land(ox, oy, oz, dx, dy, dz, half, cell, heights, tops, lowest, highest)
            if t < NEVER:
                t = _shore(ox, oy, oz, dx, dy, dz, t, half, water, none)
            what = LAND if t < NEVER else NOTHING
            if dz < 0 and t == NEVER:
                far = (level_outside - oz) / dz
                x, y = ox + far * dx, oy + far * dy
                if far > NEAREST and max(abs(x), abs(y)) > half and max(abs(x), abs(y)) <= reach:
                    wet = False
                    for k in range(len(water)):
                        if water[k, 0] > none and water[k, 1] <= x <= water[k, 3] and water[k, 2] <= y <= water[k, 4]:
                            wet = True
                    if not wet:
                        t, what = far, OUTSIDE
            if dz < 0:
                for k in range(len(water)):
                    if water[k, 0] <= none:
                        continue
                    far = (water[k, 0] - oz) / dz
                    if far <= NEAREST or far >= t:
                        continue
                    x, y = ox + far * dx, oy + far * dy
                    if water[k, 1] <= x <= water[k, 3] and water[k, 2] <= y <= water[k, 4]:
                        t, what = far, WATER + k
            depth[v, u], kind[v, u] = t, what


@kernel
@no_type_check
def _shore(ox, oy, oz, dx, dy, dz, t, half, water, none):
    """Where a ray that meets the ground at `t` really does: there, on the wall behind water, or never."""
    for k in range(len(water)):
        x, y = ox + t * dx, oy + t * dy
        inside = water[k, 1] < x < water[k, 3] and water[k, 2] < y < water[k, 4]
        if water[k, 0] <= none or water[k, 5] > 0.5 or not inside:
            continue
        leave = NEVER
        for o, d, low, high in ((ox, dx, water[k, 1], water[k, 3]), (oy, dy, water[k, 2], water[k, 4])):
            if d != 0:
                leave = min(leave, ((high if d > 0 else low) - o) / d)
        drowned = oz + leave * dz <= water[k, 0]
        if drowned or leave == NEVER or max(abs(ox + leave * dx), abs(oy + leave * dy)) > half:
            return NEVER
        t = leave + 1e-3
    return t


@kernel
@no_type_check
def _land(ox, oy, oz, dx, dy, dz, half, cell, heights, tops, lowest, highest):
    """How far along a ray the square's ground is, or `NEVER`."""
    begin, end = NEAREST, NEVER
    for o, d in ((ox, dx), (oy, dy)):
        if abs(d) < 1e-9:
            if abs(o) > half:
                return NEVER
        else:
            one, other = (-half - o) / d, (half - o) / d
            begin, end = max(begin, min(one, other)), min(end, max(one, other))
    if begin >= end:
        return NEVER
    if oz + begin * dz <= lowest - 1e-4:
        return begin if begin > NEAREST else NEVER
    if highest - lowest < 1e-4:
        t = (highest - oz) / dz if dz < 0 else NEVER
        if begin > NEAREST and oz + begin * dz <= highest:
            return begin
        return t if begin <= t <= end else NEVER
    if dz < 0:
        begin, end = max(begin, (highest - oz) / dz), min(end, (lowest - 1e-3 - oz) / dz)
    elif dz > 0:
        end = min(end, (highest - oz) / dz)
    elif oz > highest:
        return NEVER
    if begin > end:
        return NEVER
    return _march(ox, oy, oz, dx, dy, dz, half, cell, heights, tops, begin, end)


@kernel
@no_type_check
def _march(ox, oy, oz, dx, dy, dz, half, cell, heights, tops, begin, end):
    """Walks from cell to cell and solves for the bilinear patch in each that is high enough."""
    last = tops.shape[0]
    inner = begin + 1e-6 * max(begin, 1.0)
    column = min(max(int((ox + inner * dx + half) / cell), 0), last - 1)
    row = min(max(int((oy + inner * dy + half) / cell), 0), last - 1)
    east, north = (1 if dx > 0 else -1), (1 if dy > 0 else -1)
    across, along = (cell / abs(dx) if dx != 0 else NEVER), (cell / abs(dy) if dy != 0 else NEVER)
    next_x = ((column + (dx > 0)) * cell - half - ox) / dx if dx != 0 else NEVER
    next_y = ((row + (dy > 0)) * cell - half - oy) / dy if dy != 0 else NEVER
    t = begin
    while t < end and 0 <= column < last and 0 <= row < last:
        leave = min(min(next_x, next_y), end)
        if min(oz + t * dz, oz + leave * dz) <= tops[row, column]:
            # height(s) = a + b u + c w + e u w with u, w in the cell, as the ray goes from t (s = 0) to leave (s = 1).
            a = heights[row, column]
            b, c = heights[row, column + 1] - a, heights[row + 1, column] - a
            e = heights[row + 1, column + 1] - a - b - c
            u0, w0 = (ox + t * dx + half) / cell - column, (oy + t * dy + half) / cell - row
            du, dw = dx * (leave - t) / cell, dy * (leave - t) / cell
            # How far the ray is above the ground: p + q s + r s².
            p = oz + t * dz - (a + b * u0 + c * w0 + e * u0 * w0)
            q = dz * (leave - t) - (b * du + c * dw + e * (u0 * dw + w0 * du))
            r = -e * du * dw
            if p <= 0:
                return t
            s = _first_root(p, q, r)
            if s <= 1:
                return t + s * (leave - t)
        t = leave
        if next_x < next_y:
            next_x, column = next_x + across, column + east
        else:
            next_y, row = next_y + along, row + north
    return NEVER


@kernel
@no_type_check
def _first_root(p, q, r):
    """The least positive s with p + q s + r s² = 0, where p > 0; 2 where there is none up to 1."""
    inside = q * q - 4 * p * r
    if inside < 0:
        return 2.0
    # The form that does not cancel: 2p / (-q ± √) has its denominators above 0 for positive roots.
    root = np.sqrt(inside)
    first, second = -q + root, -q - root
    s = 2.0
    if first > 0:
        s = min(s, 2 * p / first)
    if second > 0:
        s = min(s, 2 * p / second)
    return s
