"""What a camera would see of surfaces that others saw: batched z-buffer reprojection with occlusion.

Depths are splatted into the target's z-buffer; colours are then sampled backwards at the depth found there, because colours
that are splatted leave cracks. Depth is kept as its inverse (1/m): it is linear over the image of a plane, and 0 stands
for what is not known.

Legend: B rows, R some of them, K views a row, N = H·W pixels, P points a row, C channels, H W image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from genie_gym.geometry.camera import Camera
from genie_gym.geometry.pose import invert

NEAREST = 0.05  # metres: what is nearer is not seen
TOLERANCE = 0.06  # the share by which two depths may differ for one surface …
SLACK = 0.05  # … and metres besides
ALIKE = 0.9  # what has less than this share of a surface's inverse depth lies behind it
MAGNIFIED = 1.9  # surfaces that were seen from so many times as far leave wide cracks …
LEVELS = 3  # … which are closed up to 2^LEVELS times as far
SLANT = 0.7  # pixels that lie side by side on one surface have at least this share of each other's inverse depth
SMALLEST = 1e-4  # pixels: surfaces that are seen from the side have no size
MARGIN = 2  # pixels that cubic interpolation reaches over
BLUR_COST, ALIAS_COST = 2.0, 0.6  # for a view from twice as far, or from half as far: blurred is worse than aliased


@dataclass
class Views:
    """RGB-D pictures of one place. `inverse_depth` is 0 where nothing is to be taken from a view; `penalty` is how much
    less each view is trusted than others, in the unit of `size_cost`."""

    colours: Float[Tensor, "B K 3 H W"]
    inverse_depth: Float[Tensor, "B K H W"]
    poses: Float[Tensor, "B K 4 4"]
    penalty: Float[Tensor, "B K"]

    def beside(self, other: Views) -> Views:
        """These and others of the same rows."""
        return Views(*(torch.cat([getattr(self, f.name), getattr(other, f.name)], 1) for f in fields(self)))


@dataclass
class Seen:
    """What is known of a target view; all is 0 where `covered` is False."""

    colours: Float[Tensor, "B 3 H W"]
    inverse_depth: Float[Tensor, "B H W"]
    covered: Bool[Tensor, "B H W"]

    def rows(self, rows: Int[Tensor, " R"]) -> Seen:
        """The same of some rows."""
        return Seen(self.colours[rows], self.inverse_depth[rows], self.covered[rows])

    def put(self, rows: Int[Tensor, " R"], other: Seen) -> None:
        """Overwrites these rows, in place."""
        self.colours[rows], self.inverse_depth[rows], self.covered[rows] = other.colours, other.inverse_depth, other.covered


def reproject(views: Views, pose: Float[Tensor, "B 4 4"], camera: Camera) -> Seen:
    """Looks from `pose` at the surfaces of all views. Of several views of one surface, the one is taken that saw it likest
    in size; from behind it shows nothing, and hides what is there."""
    rows, count = views.inverse_depth.shape[:2]
    to_target = invert(pose)[:, None] @ views.poses
    everything, magnified, size = splat(views.inverse_depth, to_target, camera)
    buffer = close_cracks(everything, magnified)
    depth = 1 / buffer.clamp(min=1e-4)
    place, expected = project(invert(to_target), depth[:, None].expand(-1, count, -1, -1), camera)
    front = torch.where(size > 0, views.inverse_depth, 0.0)  # surfaces hide what is behind them, but show one side alone
    size = size.clamp(min=SMALLEST).log2() / 2
    told = torch.stack([front, size], 2).flatten(0, 1)
    told = F.grid_sample(told, place.flatten(0, 1), padding_mode="border", align_corners=False)
    inverse_depth, ratio = told.unflatten(0, (rows, count)).unbind(2)
    wanted = 1 / expected.clamp(min=NEAREST)
    agrees = same_surface(inverse_depth, wanted) & in_view(place, expected)
    cost = size_cost(ratio) + views.penalty[:, :, None, None]
    cost, source = cost.masked_fill(~agrees, torch.inf).min(1)
    covered = cost.isfinite() & (buffer > 0)
    chosen = place.gather(1, source[:, None, :, :, None].expand(-1, 1, -1, -1, 2))[:, 0].clamp(-1, 1)
    return Seen(sample(views.colours, source, chosen) * covered[:, None], buffer * covered, covered)


def sample(
    colours: Float[Tensor, "B K 3 H W"], source: Int[Tensor, "B H W"], place: Float[Tensor, "B H W 2"]
) -> Float[Tensor, "B 3 H W"]:
    """Each pixel from one of several images, at a place in [-1, 1] across it. Cubic: what is imagined is sampled from what
    was sampled, and linear interpolation would take half of the edges each time."""
    height = colours.shape[3]
    padded = F.pad(colours.flatten(0, 1), (0, 0, MARGIN, MARGIN), mode="replicate").unflatten(0, colours.shape[:2])
    below = padded.transpose(1, 2).flatten(2, 3)  # all images of a row, one below the other
    line = ((place[..., 1] + 1) * height - 1) / 2 + MARGIN + source * padded.shape[3]
    there = torch.stack([place[..., 0], (2 * line + 1) / below.shape[2] - 1], -1)
    return F.grid_sample(below, there, "bicubic", padding_mode="border", align_corners=False).clamp(0, 1)


def size_cost(ratio: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
    """How much worse a surface is shown that is 2^`ratio` times as large now, a side, as when it was seen; 0 is as well."""
    return torch.where(ratio > 0, BLUR_COST * ratio, -ALIAS_COST * ratio)


def some_points(
    inverse_depth: Float[Tensor, "B K H W"], poses: Float[Tensor, "B K 4 4"], camera: Camera, step: int
) -> tuple[Float[Tensor, "B P 3"], Float[Tensor, "B P"]]:
    """Surfaces of all views in the world, one point for each `step` pixels a side, and their inverse depth in the view."""
    part = (slice(step // 2, None, step), slice(step // 2, None, step))
    near = inverse_depth[:, :, *part].flatten(2)
    rays = camera.rays(inverse_depth.device).unflatten(1, (camera.height, camera.width))[:, *part].flatten(1)
    points = poses[..., :3, :3] @ (rays / near.clamp(min=1e-3)[:, :, None]) + poses[..., :3, 3:]  # [B, K, 3, points a view]
    return points.transpose(2, 3).flatten(1, 2), near.flatten(1)


def splat(
    inverse_depth: Float[Tensor, "B K H W"], to_target: Float[Tensor, "B K 4 4"], camera: Camera
) -> tuple[Float[Tensor, "B H W"], Float[Tensor, "B H W"], Float[Tensor, "B K H W"]]:
    """The nearest surface of all views in each of the target's pixels, as inverse depth, 0 where there is none; the same of
    those surfaces alone that are magnified; and the `footprint` of each view's pixels."""
    rows, height, width = len(inverse_depth), camera.height, camera.width
    x, y, z = transform(inverse_depth, to_target, camera).unbind(2)
    near = 1 / z.clamp(min=NEAREST)
    u, v = x * near * camera.focal + width / 2, y * near * camera.focal + height / 2
    column, line = torch.floor(u), torch.floor(v)
    inside = (z > NEAREST) & (column >= 0) & (column < width) & (line >= 0) & (line < height)
    inside &= inverse_depth.flatten(2) > 0
    index = torch.where(inside, line * width + column, float(height * width)).long().flatten(1)
    buffer = near.new_zeros(2, rows, height * width + 1)
    buffer[0].scatter_reduce_(1, index, near.flatten(1), "amax")
    magnified = torch.where(near > MAGNIFIED * inverse_depth.flatten(2), near, 0.0)
    buffer[1].scatter_reduce_(1, index, magnified.flatten(1), "amax")
    everything, large = buffer[:, :, :-1].unflatten(2, (height, width))
    return everything, large, footprint(u.unflatten(2, (height, width)), v.unflatten(2, (height, width)))


def footprint(u: Float[Tensor, "B K H W"], v: Float[Tensor, "B K H W"]) -> Float[Tensor, "B K H W"]:
    """How many of the target's pixels one of a view's pixels covers there, from where its neighbours come to lie; below 0
    where the target sees the surface from behind. Of the four squares around a pixel the largest counts."""
    right, down = u.diff(dim=-1), v.diff(dim=-2)
    area = right[..., :-1, :] * down[..., :-1] - u.diff(dim=-2)[..., :-1] * v.diff(dim=-1)[..., :-1, :]
    area = F.pad(area, (1, 1, 1, 1), mode="replicate")
    widest = torch.maximum(area[..., :-1, :], area[..., 1:, :])
    return torch.maximum(widest[..., :-1], widest[..., 1:])


def transform(
    inverse_depth: Float[Tensor, "B K H W"], to_target: Float[Tensor, "B K 4 4"], camera: Camera
) -> Float[Tensor, "B K 3 N"]:
    """Each pixel's surface in the target camera's coordinates, in metres."""
    turned = to_target[..., :3, :3] @ camera.rays(inverse_depth.device)
    return torch.addcmul(to_target[..., :3, 3:], turned, (1 / inverse_depth.clamp(min=1e-4)).flatten(2)[:, :, None])


def project(
    to_other: Float[Tensor, "B K 4 4"], depth: Float[Tensor, "B K H W"], camera: Camera
) -> tuple[Float[Tensor, "B K H W 2"], Float[Tensor, "B K H W"]]:
    """Where other cameras see a view's surfaces, in [-1, 1] across their images as `grid_sample` takes it, and at what
    depth."""
    turned = to_other[..., :3, :3] @ camera.rays(depth.device)
    x, y, z = torch.addcmul(to_other[..., :3, 3:], turned, depth.flatten(2)[:, :, None]).unbind(2)
    near = 1 / z.clamp(min=NEAREST)
    place = torch.stack([x * near * (2 * camera.focal / camera.width), y * near * (2 * camera.focal / camera.height)], -1)
    size = (camera.height, camera.width)
    return place.unflatten(2, size), z.unflatten(2, size)


def in_view(place: Float[Tensor, "*batch 2"], depth: Float[Tensor, "*batch"]) -> Bool[Tensor, "*batch"]:
    """Whether a place, as of `project`, lies in the image and before the camera."""
    return (depth > NEAREST) & (place.abs() <= 1).all(-1)


def same_surface(found: Float[Tensor, "*batch"], wanted: Float[Tensor, "*batch"]) -> Bool[Tensor, "*batch"]:
    """Whether inverse depths are as near as two views of one surface tell them."""
    return (found - wanted).abs() < wanted * (TOLERANCE + SLACK * wanted)


def close_cracks(buffer: Float[Tensor, "B H W"], magnified: Float[Tensor, "B H W"]) -> Float[Tensor, "B H W"]:
    """Fills what splatted points missed of a surface that is nearer now than when it was seen: pixels of which nothing is
    known, and pixels at which something behind it shows through. Coarser buffers have no such cracks: they are asked
    where they lie inside a surface, away from its edges."""
    levels = [buffer, F.max_pool2d(buffer, 2, ceil_mode=True), F.max_pool2d(magnified, 4, ceil_mode=True)]
    for _ in range(3, LEVELS + 1):
        levels.append(F.max_pool2d(levels[-1], 2, ceil_mode=True))
    filled = levels.pop()
    for fine in reversed(levels):
        inside = _inside(filled).repeat_interleave(2, 1).repeat_interleave(2, 2)[:, : fine.shape[1], : fine.shape[2]]
        filled = torch.where(fine < ALIKE * inside, inside, fine)
    behind = _over_nine(F.pad(torch.where(filled > 0, filled, torch.inf), (1, 1, 1, 1), value=torch.inf), torch.minimum)
    return torch.where((filled == 0) & behind.isfinite(), behind, filled)  # at an edge, gaps show what is behind it


def _inside(buffer: Float[Tensor, "B H W"]) -> Float[Tensor, "B H W"]:
    """The mean around each place that lies inside a surface; 0 elsewhere."""
    padded = F.pad(buffer, (1, 1, 1, 1), mode="replicate")
    nearest, farthest = _over_nine(padded, torch.maximum), _over_nine(padded, torch.minimum)
    return torch.where(farthest > SLANT * nearest, _over_nine(padded, torch.add) / 9, 0.0)


def _over_nine(padded: Tensor, combine: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """What each place, and the eight around it, come to. PyTorch's poolings of one channel take several times as long."""
    lines = combine(combine(padded[..., :-2, :], padded[..., 1:-1, :]), padded[..., 2:, :])
    return combine(combine(lines[..., :-2], lines[..., 1:-1]), lines[..., 2:])
