"""The rules of `collision`, compiled: one row's walker against the things around it.

Things are told by a row's lines of the table: `shape` [N, 8] is centre x, y, base, cos and sin of the yaw, and size; `state`
[N] is `GONE`, `FIXED` (its asset's occupancy says where it stops one), `BOX` (all of its box does) or `LOOSE` (a box that
gives way). `ground` holds heights, half the square's side and waters.

Legend: B rows, N things a row.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from genie_gym.places.kernels import kernel

GONE, FIXED, BOX, LOOSE = -1, 0, 1, 2
ALL, FAST, NONE = np.int64(0), np.int64(1), np.int64(-1)  # which things count: all, those that do not give way; no line
BLOCKED = 255  # of occupancy
AROUND = 12  # points around a circle
ASIDE = 0.3  # of a step along the way out of what one stands in: what is less leads neither out nor in
OUTWARD, FAR_OUT = 0.15, 16  # metres of a step outwards, and so many of them: a free place is looked for within these
PIECES = 4  # of a step, one after the other, so that thin walls are not stepped through
NO_WATER, NOWHERE = -1e6, -1e7  # metres: levels where there is none, and floors
SPARE = 2.5  # metres around a walker's way in which things are looked at: what is pushed may meet them
WAYS = np.array([0.0, *(side * turn for turn in (*np.arange(0.1, 1.5, 0.1), 1.5, 1.55) for side in (1, -1))])
"""Radians from the wanted way, in which one slides along."""


@kernel
@no_type_check
def move_rows(position, step, shape, state, asset, deck_step, occupancy, heights, half, water, body, blocked):
    """Moves each row's walker, `position` [B, 3], and what it pushes, in place; `blocked` [B] says who was stopped."""
    for b in range(len(position)):
        near = _near(shape[b], state[b], position[b, 0], position[b, 1], abs(step[b, 0]) + abs(step[b, 1]) + SPARE)
        things = (near, shape[b], state[b], asset[b], deck_step[b], occupancy)
        ground = (heights[b], half[b], water[b])
        walking = step[b, 0] != 0 or step[b, 1] != 0
        for _ in range(PIECES if walking else 0):
            if not _piece(position[b], step[b, 0] / PIECES, step[b, 1] / PIECES, things, ground, body):
                blocked[b] = True
        if not walking:
            _settle(position[b], things, ground, body)


@kernel
@no_type_check
def floor_rows(position, shape, state, asset, deck_step, occupancy, heights, half, water, body, found):
    """How high the floor is under each row's feet, into `found` [B]."""
    for b in range(len(position)):
        near = _near(shape[b], state[b], position[b, 0], position[b, 1], 0.1)
        things = (near, shape[b], state[b], asset[b], deck_step[b], occupancy)
        found[b] = _floor(position[b, 0], position[b, 1], position[b, 2], things, (heights[b], half[b], water[b]), body)


@kernel
@no_type_check
def _piece(place, east, north, things, ground, body):
    """A short part of a step; whether the way was free."""
    x, y, feet = place[0] + east, place[1] + north, place[2]
    stuck = _hits(place[0], place[1], feet, things, ground, body, ALL)
    fast = stuck if stuck == 0 else _hits(place[0], place[1], feet, things, ground, body, FAST)
    outwards = _outwards(place[0], place[1], feet, things, ground, body) if fast > 0 else (0.0, 0.0)
    way = _leads_out(east, north, outwards)
    straight = way > 0 or (way == 0 and _hits(x, y, feet, things, ground, body, FAST) <= stuck)
    if straight:
        straight = _push(x, y, feet, east, north, things, ground, body)
    if straight:
        place[0], place[1] = x, y
    else:
        for k in range(1, len(WAYS)):
            cos, sin = np.cos(WAYS[k]), np.sin(WAYS[k])  # sideways one gets as far as the wanted way goes there
            aside_x, aside_y = (east * cos - north * sin) * cos, (east * sin + north * cos) * cos
            x, y = place[0] + aside_x, place[1] + aside_y
            way = _leads_out(aside_x, aside_y, outwards)
            if way > 0 or (way == 0 and _hits(x, y, feet, things, ground, body, ALL) <= stuck):
                place[0], place[1] = x, y
                break
    _settle(place, things, ground, body)
    return straight


@kernel
@no_type_check
def _leads_out(east, north, outwards):
    """Whether a step leads out who stands in something (1), farther in (-1), or neither (0), as all do for those who do
    not."""
    along = (east * outwards[0] + north * outwards[1]) / np.sqrt(east * east + north * north)
    return 1 if along > ASIDE else -1 if along < -ASIDE else 0


@kernel
@no_type_check
def _outwards(x, y, feet, things, ground, body):
    """The mean direction of the nearest places that are free; none (0, 0) where there is none near: then all steps may."""
    for k in range(1, FAR_OUT + 1):
        count, out_x, out_y = 0, 0.0, 0.0
        for n in range(AROUND):
            cos, sin = np.cos(2 * np.pi * n / AROUND), np.sin(2 * np.pi * n / AROUND)
            away = k * OUTWARD
            if _hits(x + away * cos, y + away * sin, feet, things, ground, body, FAST) == 0:
                count, out_x, out_y = count + 1, out_x + cos, out_y + sin
        if count > 0:
            return out_x / count, out_y / count
    return 0.0, 0.0


@kernel
@no_type_check
def _settle(place, things, ground, body):
    """Puts feet on the floor, if it is no more than a step away, or above them."""
    height = _floor(place[0], place[1], place[2], things, ground, body)
    if abs(place[2] - height) <= body[1] or place[2] < height:
        place[2] = height


@kernel
@no_type_check
def _near(shape, state, x, y, reach):
    """The lines of things whose boxes are no farther away than `reach`."""
    found = np.empty(len(state), np.int64)
    count = 0
    for n in range(len(state)):
        if state[n] == GONE:
            continue
        dx, dy = x - shape[n, 0], y - shape[n, 1]
        u = abs(dx * shape[n, 3] + dy * shape[n, 4]) - shape[n, 5] / 2
        v = abs(dy * shape[n, 3] - dx * shape[n, 4]) - shape[n, 6] / 2
        if u < reach and v < reach:
            found[count] = n
            count += 1
    return found[:count]


@kernel
@no_type_check
def _at(x, y, feet, things, body, which, skipped):
    """Whether a thing stops a body at a point, and the highest deck there on which it can step: of `ALL` things, or those
    that stand `FAST`, but the line `skipped`."""
    near, shape, state, asset, deck_step, occupancy = things
    stops, deck = False, NOWHERE
    side = occupancy.shape[1]
    for k in range(len(near)):
        n = near[k]
        if n == skipped or (which == FAST and state[n] == LOOSE):
            continue
        dx, dy = x - shape[n, 0], y - shape[n, 1]
        u = (dx * shape[n, 3] + dy * shape[n, 4]) / shape[n, 5] + 0.5
        v = (dy * shape[n, 3] - dx * shape[n, 4]) / shape[n, 6] + 0.5
        if not (0 <= u < 1 and 0 <= v < 1):
            continue
        value = BLOCKED
        if state[n] == FIXED:
            value = occupancy[asset[n], int(v * side), int(u * side)]
        if value == 0:
            continue
        base = shape[n, 2]
        top = base + shape[n, 7] if value == BLOCKED else base + value * deck_step[n]
        if top <= feet + body[1] + 1e-4:
            deck = max(deck, top)
        elif (base if value == BLOCKED else top) < feet + body[2]:  # what is higher is walked under
            stops = True
    return stops, deck


@kernel
@no_type_check
def _closed(x, y, feet, deck, ground, body):
    """Whether the square ends at a point, the ground rises steeply, or there is water that is not waded through."""
    heights, half, water = ground
    if abs(x) > half or abs(y) > half:
        return True
    land = _height(heights, half, x, y)
    if land > feet + 2 * body[1]:
        return True
    for k in range(len(water)):
        inside = water[k, 1] <= x <= water[k, 3] and water[k, 2] <= y <= water[k, 4]
        if inside and water[k, 5] < 0.5 and water[k, 0] > NO_WATER and deck < water[k, 0]:
            return True
    return False


@kernel
@no_type_check
def _hits(x, y, feet, things, ground, body, which):
    """How many points around and in the middle of a body at a place are in something."""
    count = 0
    for k in range(AROUND + 1):
        turn = 2 * np.pi * k / AROUND
        px, py = x, y
        if k < AROUND:
            px, py = x + body[0] * np.cos(turn), y + body[0] * np.sin(turn)
        stops, deck = _at(px, py, feet, things, body, which, NONE)
        if stops or _closed(px, py, feet, deck, ground, body):
            count += 1
    return count


@kernel
@no_type_check
def _floor(x, y, feet, things, ground, body):
    _, deck = _at(x, y, feet, things, body, ALL, NONE)
    return max(deck, _height(ground[0], ground[1], x, y))


@kernel
@no_type_check
def _push(x, y, feet, east, north, things, ground, body):
    """Moves what is loose out of the way of a body that comes to a place, if there is room for all of it."""
    near, shape, state = things[0], things[1], things[2]
    ways = np.zeros((len(near), 2))
    for k in range(len(near)):
        n = near[k]
        if state[n] != LOOSE or shape[n, 2] >= feet + body[2] or shape[n, 2] + shape[n, 7] <= feet + 0.05:
            continue
        cos, sin = shape[n, 3], shape[n, 4]
        dx, dy = x - shape[n, 0], y - shape[n, 1]
        u, v = dx * cos + dy * sin, dy * cos - dx * sin
        gap_u = u - min(max(u, -shape[n, 5] / 2), shape[n, 5] / 2)
        gap_v = v - min(max(v, -shape[n, 6] / 2), shape[n, 6] / 2)
        away = np.sqrt(gap_u * gap_u + gap_v * gap_v)
        if away >= body[0]:
            continue
        if away > 1e-6:
            far = (body[0] - away) / away
            ways[k, 0], ways[k, 1] = -(gap_u * cos - gap_v * sin) * far, -(gap_u * sin + gap_v * cos) * far
        else:
            far = body[0] / np.sqrt(east * east + north * north)
            ways[k, 0], ways[k, 1] = east * far, north * far
        if not _has_room(n, ways[k, 0], ways[k, 1], things, ground, body):
            return False
    for k in range(len(near)):
        if ways[k, 0] != 0 or ways[k, 1] != 0:
            n = near[k]
            before = _height(ground[0], ground[1], shape[n, 0], shape[n, 1])
            shape[n, 0] += ways[k, 0]
            shape[n, 1] += ways[k, 1]
            shape[n, 2] += _height(ground[0], ground[1], shape[n, 0], shape[n, 1]) - before
    return True


@kernel
@no_type_check
def _has_room(n, east, north, things, ground, body):
    """Whether a thing can be moved so far: the edge of its box then meets nothing else."""
    shape = things[1]
    for k in range(16):
        side, along = k // 4, (k % 4) / 2 - 1
        u, v = (
            (along, -1.0) if side == 0 else ((1.0, along) if side == 1 else ((-along, 1.0) if side == 2 else (-1.0, -along)))
        )
        u, v = u * shape[n, 5] / 2, v * shape[n, 6] / 2
        x = shape[n, 0] + u * shape[n, 3] - v * shape[n, 4] + east
        y = shape[n, 1] + u * shape[n, 4] + v * shape[n, 3] + north
        stops, deck = _at(x, y, shape[n, 2], things, body, ALL, n)
        if stops or _closed(x, y, shape[n, 2], deck, ground, body):
            return False
    return True


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
