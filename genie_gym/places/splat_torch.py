"""Which surfel each pixel shows, by the rules of `splat`, in torch: all surfels of all rows together, then all pairs of a
surfel and a pixel that it may cover, of which each pixel keeps the nearest.

Legend: B rows, I things that are drawn, C surfels that may be seen, Q pairs of one and a pixel, P pixels a row.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genie_gym.geometry.camera import Camera
from genie_gym.places.library import HALVINGS, AssetLibrary
from genie_gym.places.splat import (
    ALIKE_DEPTH,
    ALIKE_RADIUS,
    ALIKE_SHARE,
    BLENDED,
    CHANNELS,
    CRACK,
    CUT,
    FADES,
    LEVEL,
    NEAREST,
    POINT,
    RIM,
    SIDEWAYS,
    SNOW_SUM,
    SNOWED,
    SQUARE_RIM,
)
from genie_gym.places.surfels import RADII
from genie_gym.places.view import View

PAIRS = 1 << 21  # that are looked at together
FINE = 1 << 24  # steps of weights: sums of whole numbers do not depend on their order
NOBODY = (1 << 63) - 1


@dataclass(eq=False)
class Shown:
    """What each pixel shows of things: surfel and item (-1: none), depth, and what is mixed there."""

    surfel: Int[Tensor, "B P"]
    item: Int[Tensor, "B P"]
    depth: Float[Tensor, "B P"]
    mixed: Float[Tensor, "B P 10"]


def splat(
    library: AssetLibrary, view: View, camera: Camera, ground: Float[Tensor, "B P"], albedo: Tensor, snowed: Tensor
) -> Shown:
    """Draws a view; `ground` hides. `snowed` says on which items snow lies, whose albedo is the library's for snow."""
    rows, pixels = ground.shape
    seen = _Seen.of(library, view, camera)
    best = torch.full((rows * pixels,), NOBODY, device=ground.device)
    for part in seen.parts():
        near = seen.pairs(part, camera)
        near = near[near.t < ground.flatten()[near.pixel]]
        near = near[seen.covers(near)]
        key = near.t + seen.rim[near.surfel] * near.share
        code = (key.view(torch.int32).long() << 32) | near.surfel
        best.scatter_reduce_(0, near.pixel, code, "amin")
    nothing = best == NOBODY
    winner = torch.where(nothing, 0, best & 0xFFFFFFFF)
    if not len(seen.index):
        empty = torch.full((rows, pixels), -1, device=ground.device)
        return Shown(empty, empty.clone(), torch.full_like(ground, 1e9), ground.new_zeros(rows, pixels, CHANNELS))
    at = torch.arange(rows * pixels, device=ground.device)
    depth = torch.where(nothing, 1e9, seen.at(winner, at, camera).t)
    shown = Shown(
        surfel=torch.where(nothing, -1, seen.index[winner]).reshape(rows, pixels),
        item=torch.where(nothing, -1, seen.item[winner]).reshape(rows, pixels),
        depth=depth.reshape(rows, pixels),
        mixed=_mixed(library, seen, camera, torch.where(nothing, -1, winner), depth, albedo, snowed).reshape(
            rows, pixels, -1
        ),
    )
    return _closed(shown, camera)


@dataclass(eq=False)
class _Part:
    """Any of the dataclasses of tensors of one length."""

    def __getitem__(self, chosen: Tensor):  # type: ignore[no-untyped-def]
        return type(self)(*(getattr(self, part.name)[chosen] for part in fields(self)))


@dataclass(eq=False)
class _Pairs(_Part):
    """A surfel (its place in `_Seen`) and a pixel (of all rows); how deep they meet, how far from its middle (a share of its
    radius, squared), and the offset from there in the camera's axes."""

    surfel: Int[Tensor, " Q"]
    pixel: Int[Tensor, " Q"]
    t: Float[Tensor, " Q"]
    share: Float[Tensor, " Q"]
    offset: Float[Tensor, "Q 3"]


@dataclass(eq=False)
class _Seen(_Part):
    """Surfels that face the camera, in the camera's axes."""

    index: Int[Tensor, " C"]
    item: Int[Tensor, " C"]
    row: Int[Tensor, " C"]
    place: Float[Tensor, "C 3"]
    normal: Float[Tensor, "C 3"]
    radius: Float[Tensor, " C"]
    point: Tensor
    square: Tensor
    cut: Tensor
    along: Float[Tensor, "C 3"]  # u of squares
    upward: Float[Tensor, "C 3"]  # v
    local: Float[Tensor, "C 3"]  # metres, in the thing's axes
    axes: Float[Tensor, "C 3 3"]
    half: Float[Tensor, "C 3"]
    rim: Float[Tensor, " C"]
    lines: Float[Tensor, "C 2 3"]  # that cut it off
    window: Int[Tensor, "C 4"]  # first column and line, how many columns and lines

    @classmethod
    def of(cls, library: AssetLibrary, view: View, camera: Camera) -> _Seen:
        count = view.end - view.begin
        item = torch.repeat_interleave(torch.arange(len(count), device=count.device), count)
        before = torch.cumsum(count, 0) - count
        index = torch.arange(len(item), device=item.device) - before[item] + view.begin[item]
        local = library.position[index].float() * view.step[item]
        normal = library.normal[index].float() * view.squeeze[item]
        towards = view.eye[item] - local
        lengths = ((normal * normal).sum(-1) * (towards * towards).sum(-1)).sqrt() + 1e-12
        facing = (normal * towards).sum(-1) / lengths
        axes = view.axes[item]
        place = (axes * local[:, None]).sum(-1) + view.origin[item]
        radius = torch.from_numpy(RADII).to(place.device)[library.radius[index].long()] * view.scale[item]
        z = place[:, 2]
        point = radius * camera.focal / z.clamp(min=NEAREST) < POINT
        kept = (facing >= -SIDEWAYS) & (z + radius >= NEAREST) & ~((z < 2 * NEAREST) & (radius < NEAREST))
        kept &= ~(point & (z < NEAREST))
        unit = normal / ((normal * normal).sum(-1, keepdim=True).sqrt() + 1e-12)
        turned = (axes * unit[:, None]).sum(-1)
        sideways = facing < SIDEWAYS
        more = (SIDEWAYS - facing) / ((place * place).sum(-1).sqrt() + 1e-12)
        tilted = turned - more[:, None] * place
        tilted = tilted / (tilted * tilted).sum(-1, keepdim=True).sqrt()
        half = view.size[item] / 2 + CUT
        reaches = local.abs() + radius[:, None] * (1 - unit * unit).clamp(min=0).sqrt() > half
        pattern = library.pattern[index].long()
        square = pattern >= 0
        along, upward = _sides(unit, axes)
        facing_camera = torch.where(sideways[:, None], tilted, turned)
        seen = cls(
            index=index, item=item, row=view.row[item], place=place,
            normal=facing_camera, radius=radius, point=point, square=square,
            cut=sideways | reaches.any(1), along=along, upward=upward, local=local, axes=axes, half=half,
            rim=torch.where(point, 0.0, torch.where(square, SQUARE_RIM, RIM) * radius),
            lines=torch.where(square[:, None, None], library.patterns.lines[pattern.clamp(min=0)], -1.0),
            window=_window(place, facing_camera, radius, point, camera),
        )  # fmt: skip
        return seen[kept & (seen.window[:, 2] > 0) & (seen.window[:, 3] > 0)]

    def parts(self) -> list[Tensor]:
        """All surfels, as many together as there are pairs to be looked at together."""
        total = torch.cumsum(self.window[:, 2] * self.window[:, 3], 0) // PAIRS
        return [(total == n).nonzero()[:, 0] for n in range(int(total[-1]) + 1)] if len(total) else []

    def pairs(self, part: Int[Tensor, " C"], camera: Camera) -> _Pairs:
        """All pairs of some surfels and the pixels that they may cover."""
        window = self.window[part]
        count = window[:, 2] * window[:, 3]
        number = torch.repeat_interleave(torch.arange(len(part), device=part.device), count)
        within = torch.arange(len(number), device=part.device) - (torch.cumsum(count, 0) - count)[number]
        window = window[number]
        column, line = window[:, 0] + within % window[:, 2], window[:, 1] + within // window[:, 2]
        surfel = part[number]
        pixel = (self.row[surfel] * camera.height + line) * camera.width + column
        return self.at(surfel, pixel, camera)

    def at(self, surfel: Int[Tensor, " Q"], pixel: Int[Tensor, " Q"], camera: Camera) -> _Pairs:
        """Where pixels' rays meet surfels' planes; nowhere is at depth 0."""
        one = self[surfel]
        ray = camera.rays(pixel.device).T[pixel % (camera.height * camera.width)]
        slant = (one.normal * ray).sum(-1)
        t = (one.normal * one.place).sum(-1) / torch.where(slant > -1e-4, -1.0, slant)
        t = torch.where(one.point, one.place[:, 2], torch.where(slant > -1e-4, 0.0, t))
        offset = ray * t[:, None] - one.place
        sides = torch.maximum((offset * one.along).sum(-1).abs(), (offset * one.upward).sum(-1).abs())
        squared = torch.where(one.square, 2 * sides * sides, (offset * offset).sum(-1))
        share = torch.where(one.point, 0.0, squared / (one.radius * one.radius))
        return _Pairs(surfel, pixel, t, share, offset)

    def covers(self, near: _Pairs) -> Tensor:
        """Which pairs meet within the disc (or square) and the thing's box."""
        one = self[near.surfel]
        own = one.local + (one.axes * near.offset[:, :, None]).sum(1)
        inside = (own.abs() <= one.half).all(1) | ~one.cut
        half = one.radius * 0.70710678
        east, up = ((near.offset * side).sum(-1) / half for side in (one.along, one.upward))
        beyond = one.lines[..., 0] * east[:, None] + one.lines[..., 1] * up[:, None] + one.lines[..., 2] > 0
        inside &= ~beyond.any(1)
        return (near.t >= NEAREST) & (one.point | ((near.share <= 1) & inside))


def _sides(unit: Float[Tensor, "C 3"], axes: Float[Tensor, "C 3 3"]) -> tuple[Float[Tensor, "C 3"], Float[Tensor, "C 3"]]:
    """The sides of squares in the camera's axes."""
    nx, ny, nz = unit.unbind(-1)
    flat = (nx * nx + ny * ny).sqrt() + 1e-12
    lies = nz.abs() > LEVEL
    lx, ly = torch.where(lies, 1.0, -ny / flat), torch.where(lies, 0.0, nx / flat)
    side = torch.stack([lx, ly, torch.zeros_like(lx)], -1)
    up = torch.stack([-nz * ly, nz * lx, nx * ly - ny * lx], -1)
    up = up / ((up * up).sum(-1, keepdim=True).sqrt() + 1e-12)
    return (axes * side[:, None]).sum(-1), (axes * up[:, None]).sum(-1)


def _window(
    place: Float[Tensor, "C 3"], normal: Float[Tensor, "C 3"], radius: Float[Tensor, " C"], point: Tensor, camera: Camera
) -> Int[Tensor, "C 4"]:
    """The pixels that surfels may cover: first column, first line, how many columns, how many lines."""
    z, nz = place[:, 2], normal[:, 2]
    deep = radius * radius * (1 - nz * nz)
    before = z > deep.clamp(min=0).sqrt() + NEAREST
    low, high = _corners(place, normal, radius)
    scale = torch.where(before, z * z - deep, 1.0)
    sizes, lows, counts = (camera.width, camera.height), [], []
    for k, size in enumerate(sizes):
        c, n = place[:, k], normal[:, k]
        b, rest = c * z + radius * radius * n * nz, c * c - radius * radius * (1 - n * n)
        root = (b * b - scale * rest).clamp(min=0).sqrt()
        least = torch.where(before, (b - root) / scale, low[:, k]) * camera.focal + size / 2
        most = torch.where(before, (b + root) / scale, high[:, k]) * camera.focal + size / 2
        middle = (c / z.clamp(min=NEAREST) * camera.focal + size / 2).floor()
        first = torch.where(point, middle.clamp(0, size), (least - 0.51).clamp(0, size).ceil())
        last = torch.where(point, middle.clamp(-1, size - 1), (most - 0.49).clamp(-1, size - 1).floor())
        lows.append(first.long())
        counts.append((last - first + 1).clamp(min=0).long())
    return torch.stack([*lows, *counts], -1)


def _corners(
    place: Float[Tensor, "C 3"], normal: Float[Tensor, "C 3"], radius: Float[Tensor, " C"]
) -> tuple[Float[Tensor, "C 2"], Float[Tensor, "C 2"]]:
    """From where to where (at depth 1) squares around discs reach, as far as they are before the camera."""
    nx, ny, nz = normal.unbind(-1)
    upright = nz.abs() < 0.9
    flat = radius / torch.where(upright, nx * nx + ny * ny, ny * ny + nz * nz).sqrt()
    zero = torch.zeros_like(nx)
    along = torch.where(
        upright[:, None], torch.stack([-ny * flat, nx * flat, zero], -1), torch.stack([zero, -nz * flat, ny * flat], -1)
    )
    across = torch.linalg.cross(normal, along)
    corners = [place + i * along + j * across for i, j in ((1, 1), (-1, 1), (-1, -1), (1, -1))]
    low, high = torch.full_like(place[:, :2], 1e9), torch.full_like(place[:, :2], -1e9)
    for k, one in enumerate(corners):
        other = corners[(k + 1) % 4]
        seen, follows = one[:, 2:] >= NEAREST, other[:, 2:] >= NEAREST
        share = (NEAREST - one[:, 2:]) / torch.where(seen == follows, 1.0, other[:, 2:] - one[:, 2:])
        points = (one[:, :2] / one[:, 2:].clamp(min=NEAREST), (one + share * (other - one))[:, :2] / NEAREST)
        for at, counts in zip(points, (seen, seen != follows), strict=True):
            low = torch.where(counts, torch.minimum(low, at), low)
            high = torch.where(counts, torch.maximum(high, at), high)
    return low, high


def _mixed(
    library: AssetLibrary, seen: _Seen, camera: Camera, winner: Tensor, depth: Tensor, albedo: Tensor, snowed: Tensor
) -> Float[Tensor, "P 10"]:
    """What is mixed at each pixel (of all rows): weight, albedo, glow, normal."""
    total = torch.zeros((len(winner), CHANNELS), dtype=torch.int64, device=winner.device)
    shown = winner.clamp(min=0)
    item = torch.where(winner < 0, -1, seen.item[shown])
    large = ~seen.square & ~seen.point & (seen.radius * camera.focal / seen.place[:, 2].clamp(min=NEAREST) >= BLENDED)
    number = large.nonzero()[:, 0]
    for part in seen[number].parts():
        near = seen.pairs(number[part], camera)
        near = near[(item[near.pixel] == seen.item[near.surfel]) & ~seen.square[shown[near.pixel]]]
        radius = seen.radius[near.surfel]
        gap = (near.t - depth[near.pixel]).abs()
        alike = (near.t > 0) & (near.share < 1) & (gap <= ALIKE_DEPTH + ALIKE_SHARE * near.t + ALIKE_RADIUS * radius)
        near, radius = near[alike], radius[alike]
        weight = (1 - near.share) ** 4 / (radius * radius)
        what = _channels(library, seen, near.surfel, albedo, snowed)
        whole = (what * weight[:, None]).double().mul(FINE).round().long()
        total.index_add_(0, near.pixel, whole)
    mixed = (total.double() / FINE).float()
    squares = seen.square[shown] & (winner >= 0) & ~seen.point[shown]
    pixel = squares.nonzero()[:, 0]
    mixed[pixel] = _patterned(library, seen, seen.at(shown[pixel], pixel, camera), camera, albedo, snowed)
    return mixed


def _channels(library: AssetLibrary, seen: _Seen, surfel: Tensor, albedo: Tensor, snowed: Tensor) -> Float[Tensor, "Q 10"]:
    index = seen.index[surfel]
    colour = torch.where(snowed[seen.item[surfel]][:, None], library.snowy[index], albedo[index]).float()
    return torch.cat([torch.ones_like(colour[:, :1]), colour, library.glow[index].float(), library.normal[index].float()], 1)


def _patterned(
    library: AssetLibrary, seen: _Seen, near: _Pairs, camera: Camera, albedo: Tensor, snowed: Tensor
) -> Float[Tensor, "Q 10"]:
    """What squares show, with their patterns."""
    one = seen[near.surfel]
    half = one.radius * 0.70710678
    east = (near.offset * one.along).sum(-1) / half * 0.5 + 0.5
    up = (near.offset * one.upward).sum(-1) / half * 0.5 + 0.5
    number = library.pattern[one.index].long()
    window, mean = library.windows[number].float(), library.patterns.mean[number]
    found = _texels(library, window, mean, east, up, near.t / camera.focal / (2 * half / window[:, 2]))
    values = _channels(library, seen, near.surfel, albedo, snowed)
    changed = (values[:, 1:4] - library.albedo[one.index].float()).abs().sum(-1)
    strength = 1 - SNOWED * (changed / SNOW_SUM).clamp(max=1)
    values[:, 1:4] = (values[:, 1:4] + strength[:, None] * (found[:, :3] - mean[:, :3])).clamp(0, 255)
    values[:, 4:7] = values[:, 4:7] * found[:, 3:] / 255
    return values


def _texels(
    library: AssetLibrary, window: Float[Tensor, "Q 3"], mean: Float[Tensor, "Q 4"], east: Tensor, up: Tensor, pixel: Tensor
) -> Float[Tensor, "Q 4"]:
    """What windows of the atlas show at points (0 to 1 along u and v), where a pixel covers so many of their texels."""
    found, texels, first = mean.clone(), library.patterns.texels, 0
    for level in range(HALVINGS):
        rows, columns, scale = *(side >> level for side in library.config.atlas), 0.5**level
        here = pixel * scale <= FADES if level == 0 else (pixel * scale <= FADES) & (pixel * scale * 2 > FADES)
        at = here.nonzero()[:, 0]
        x = ((window[at, 1] + east[at] * window[at, 2]) * scale - 0.5).clamp(0, columns - 1)
        y = ((window[at, 0] + up[at] * window[at, 2]) * scale - 0.5).clamp(0, rows - 1)
        column, row = x.long().clamp(max=columns - 2), y.long().clamp(max=rows - 2)
        ax, ay, low = (x - column)[:, None], (y - row)[:, None], first + row * columns + column
        below = texels[low].float() * (1 - ax) + texels[low + 1].float() * ax
        above = texels[low + columns].float() * (1 - ax) + texels[low + columns + 1].float() * ax
        found[at] = below * (1 - ay) + above * ay
        first += rows * columns
    return found


def _closed(shown: Shown, camera: Camera) -> Shown:
    """The last rule: cracks of one pixel are closed."""
    size = (len(shown.item), camera.height, camera.width)
    item, depth, surfel = (part.reshape(size) for part in (shown.item, shown.depth, shown.surfel))
    inner, left = item[:, 1:-1, 1:-1], item[:, 1:-1, :-2]
    same = (left == item[:, 1:-1, 2:]) & (left == item[:, :-2, 1:-1]) & (left == item[:, 2:, 1:-1])
    nearer = depth[:, 1:-1, :-2]
    crack = same & (left >= 0) & (inner != left) & (depth[:, 1:-1, 1:-1] > nearer + CRACK + 0.02 * nearer)
    closed = [torch.zeros(size, dtype=torch.bool, device=item.device)]
    closed[0][:, 1:-1, 1:-1] = crack
    moved = [torch.where(closed[0], part.roll(1, 2), part).flatten(1) for part in (surfel, item, depth)]
    mixed = torch.where(closed[0].flatten(1)[..., None], 0.0, shown.mixed)
    return Shown(surfel=moved[0], item=moved[1], depth=moved[2], mixed=mixed)
