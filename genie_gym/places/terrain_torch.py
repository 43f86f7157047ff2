"""Where rays meet the ground, by the rules of `terrain`, in torch: all rays go from cell to cell together.

Legend: B rows, P rays (pixels) a row, G points of the heights along a side, K waters.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genie_gym.places.ground import BEYOND_LEVEL, BEYOND_REACH, NO_WATER, Ground
from genie_gym.places.terrain import LAND, NEAREST, NEVER, NOTHING, OUTSIDE, WATER

TOGETHER = 8  # steps between two looks at whether all rays have arrived


def meet_ground(
    ground: Ground, eye: Float[Tensor, "B 3"], ray: Float[Tensor, "B P 3"]
) -> tuple[Float[Tensor, "B P"], Int[Tensor, "B P"]]:
    """Depths (`NEVER`: nothing is met) and what is met there, for rays whose length along the camera's axis is 1."""
    depth = _shore(ground, eye, ray, _land(ground, eye, ray))
    kind = torch.where(depth < NEVER, LAND, NOTHING)
    down = ray[..., 2] < 0
    fall = torch.where(down, ray[..., 2], -1.0)
    half = ground.half[:, None]

    def at(level: Tensor | float) -> tuple[Tensor, Tensor, Tensor]:
        far = (level - eye[:, None, 2]) / fall
        return far, eye[:, None, 0] + far * ray[..., 0], eye[:, None, 1] + far * ray[..., 1]

    far, x, y = at(BEYOND_LEVEL)
    reach = torch.maximum(x.abs(), y.abs())
    out = down & (depth == NEVER) & (far > NEAREST) & (reach > half) & (reach <= BEYOND_REACH)
    waters = ground.water[:, :, None].unbind(-1)  # level, west, south, east, north, shallow: each [B, K, 1]
    level, west, south, east, north, _ = waters
    wet = (x[:, None] >= west) & (x[:, None] <= east) & (y[:, None] >= south) & (y[:, None] <= north) & (level > NO_WATER)
    out &= ~wet.any(1)
    depth, kind = torch.where(out, far, depth), torch.where(out, OUTSIDE, kind)
    for k in range(level.shape[1]):
        far, x, y = at(level[:, k])
        inside = (x >= west[:, k]) & (x <= east[:, k]) & (y >= south[:, k]) & (y <= north[:, k])
        met = down & (level[:, k] > NO_WATER) & (far > NEAREST) & (far < depth) & inside
        depth, kind = torch.where(met, far, depth), torch.where(met, WATER + k, kind)
    return depth, kind


def _shore(
    ground: Ground, eye: Float[Tensor, "B 3"], ray: Float[Tensor, "B P 3"], depth: Float[Tensor, "B P"]
) -> Float[Tensor, "B P"]:
    """Where rays that meet the ground at some depth really do: there, on the wall behind water, or never."""
    for k in range(ground.water.shape[1]):
        level, west, south, east, north, shallow = ground.water[:, k, :, None].unbind(1)
        x, y = (eye[:, None, c] + depth * ray[..., c] for c in (0, 1))
        inside = (depth < NEVER) & (x > west) & (x < east) & (y > south) & (y < north)
        inside &= (level > NO_WATER) & (shallow <= 0.5)
        leave = torch.full_like(depth, NEVER)
        for c, low, high in ((0, west, east), (1, south, north)):
            d = ray[..., c]
            out = (torch.where(d > 0, high, low) - eye[:, None, c]) / torch.where(d == 0, 1.0, d)
            leave = torch.where(d == 0, leave, torch.minimum(leave, out))
        at = [eye[:, None, c] + leave * ray[..., c] for c in range(3)]
        gone = (at[2] <= level) | (leave == NEVER) | (torch.maximum(at[0].abs(), at[1].abs()) > ground.half[:, None])
        depth = torch.where(inside, torch.where(gone, NEVER, leave + 1e-3), depth)
    return depth


def _land(ground: Ground, eye: Float[Tensor, "B 3"], ray: Float[Tensor, "B P 3"]) -> Float[Tensor, "B P"]:
    heights, half = ground.heights, ground.half[:, None]
    lowest, highest = heights.amin((1, 2))[:, None], heights.amax((1, 2))[:, None]
    x, y, z = (part[:, None] for part in eye.unbind(-1))
    dx, dy, dz = ray.unbind(-1)
    begin, end = torch.full_like(dx, NEAREST), torch.full_like(dx, NEVER)
    never = torch.zeros_like(dx, dtype=torch.bool)
    for o, d in ((x, dx), (y, dy)):
        flat = d.abs() < 1e-9
        one, other = (-half - o) / torch.where(flat, 1.0, d), (half - o) / torch.where(flat, 1.0, d)
        begin = torch.where(flat, begin, torch.maximum(begin, torch.minimum(one, other)))
        end = torch.where(flat, end, torch.minimum(end, torch.maximum(one, other)))
        never |= flat & (o.abs() > half)
    never |= begin >= end
    entered = begin > NEAREST
    start = z + begin * dz
    below = start <= lowest - 1e-4
    level = highest - lowest < 1e-4
    down = dz < 0
    steep = torch.where(dz == 0, 1.0, dz)
    over = (highest - z) / steep
    on_plane = torch.where(down & (over >= begin) & (over <= end), over, NEVER)
    on_plane = torch.where(entered & (start <= highest), begin, on_plane)
    first = torch.where(down, torch.maximum(begin, over), begin)
    final = torch.where(
        down, torch.minimum(end, (lowest - 1e-3 - z) / steep), torch.where(dz > 0, torch.minimum(end, over), end)
    )
    gone = never | (first > final) | ((dz == 0) & (z > highest))
    if bool(level.all()):
        marched = on_plane
    else:
        marched = _march(heights, half, (x, y, z), (dx, dy, dz), first, final, gone | level | below)
    found = torch.where(level, on_plane, marched)
    found = torch.where(below, torch.where(entered, begin, NEVER), found)
    return torch.where(never, NEVER, found)


def _march(
    heights: Float[Tensor, "B G G"], half: Tensor, origin: tuple[Tensor, ...], ray: tuple[Tensor, ...], begin: Tensor,
    end: Tensor, done: Tensor,
) -> Float[Tensor, "B P"]:  # fmt: skip
    """Walks from cell to cell and solves for the bilinear patch in each."""
    last = heights.shape[1] - 1
    cell = 2 * half / last
    (x, y, z), (dx, dy, dz) = origin, ray
    flat = heights.flatten(1)
    inner = begin + 1e-6 * begin.clamp(min=1)
    column = ((x + inner * dx + half) / cell).long().clamp(0, last - 1)
    row = ((y + inner * dy + half) / cell).long().clamp(0, last - 1)
    safe_x, safe_y = torch.where(dx == 0, 1.0, dx), torch.where(dy == 0, 1.0, dy)
    across = torch.where(dx == 0, NEVER, cell / safe_x.abs())
    along = torch.where(dy == 0, NEVER, cell / safe_y.abs())
    next_x = torch.where(dx == 0, NEVER, ((column + (dx > 0)) * cell - half - x) / safe_x)
    next_y = torch.where(dy == 0, NEVER, ((row + (dy > 0)) * cell - half - y) / safe_y)
    t, found = begin, torch.full_like(begin, NEVER)
    for step in range(2 * last + 2):
        if step % TOGETHER == 0 and bool(done.all()):
            break
        leave = torch.minimum(torch.minimum(next_x, next_y), end)
        corner = row.clamp(0, last - 1) * (last + 1) + column.clamp(0, last - 1)
        a, east, north, both = (flat.gather(1, corner + k) for k in (0, 1, last + 1, last + 2))
        b, c = east - a, north - a
        e = both - a - b - c
        u, w = (x + t * dx + half) / cell - column, (y + t * dy + half) / cell - row
        du, dw = dx * (leave - t) / cell, dy * (leave - t) / cell
        p = z + t * dz - (a + b * u + c * w + e * u * w)
        q = dz * (leave - t) - (b * du + c * dw + e * (u * dw + w * du))
        r = -e * du * dw
        s = torch.where(p <= 0, 0.0, _first_root(p, q, r))
        low = torch.minimum(z + t * dz, z + leave * dz) <= torch.maximum(torch.maximum(a, east), torch.maximum(north, both))
        hit = ~done & low & (s <= 1)
        found = torch.where(hit, t + s * (leave - t), found)
        sideways = next_x < next_y
        t = leave
        column = torch.where(sideways, column + torch.where(dx > 0, 1, -1), column)
        row = torch.where(sideways, row, row + torch.where(dy > 0, 1, -1))
        next_x, next_y = torch.where(sideways, next_x + across, next_x), torch.where(sideways, next_y, next_y + along)
        done = done | hit | (t >= end) | (column < 0) | (column >= last) | (row < 0) | (row >= last)
    return found


def _first_root(p: Tensor, q: Tensor, r: Tensor) -> Tensor:
    """The least positive s with p + q s + r s² = 0, where p > 0; 2 where there is none."""
    inside = q * q - 4 * p * r
    root = inside.clamp(min=0).sqrt()
    found = torch.full_like(p, 2.0)
    for low in (-q + root, -q - root):
        found = torch.where(low > 0, torch.minimum(found, 2 * p / torch.where(low > 0, low, 1.0)), found)
    return torch.where(inside < 0, 2.0, found)
