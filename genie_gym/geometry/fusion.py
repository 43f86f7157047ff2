"""RGB-D views of one place, fused into one surface: each part of it from the view that shows it largest. No networks.

A view is a grid of triangles over its pixels, cut where depth jumps. Points that other views see through are dropped, as are
those of things that moved on. What it takes is bounded by the number of views, squared in time and once in memory.

Legend: V views, K some of them, H W image, J pairs of pixels in a line, P points, T triangles.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from genie_gym.geometry.camera import Camera
from genie_gym.geometry.pose import invert
from genie_gym.geometry.reproject import NEAREST, footprint, in_view, project, same_surface, transform

JUMP = 0.03  # the share of inverse depth by which neighbours may leave the plane that goes on beside them
STEEP = 0.75  # neighbours on one surface have at least this share of each other's inverse depth
THROUGH = 0.85  # one sees through a point where all around it lies at less than this share of its inverse depth
LARGER = 1.5  # times the area: so much larger a later view shows a surface that replaces an earlier one's


@dataclass
class Surface:
    """A mesh in the world, in metres.

    `pixels` says where each point's colour is: view · H · W + line · W + column. Triangles (numbers of points) run
    counter-clockwise as the view sees them that they were taken from.
    """

    points: Float[Tensor, "P 3"]
    pixels: Int[Tensor, " P"]
    triangles: Int[Tensor, "T 3"]


def fuse(inverse_depth: Float[Tensor, "V H W"], poses: Float[Tensor, "V 4 4"], camera: Camera) -> Surface:
    """The surfaces that views show. `inverse_depth` (1/m) is 0 where there is nothing as far as one looks: in the sky."""
    known = (inverse_depth > 0) & ~_seen_through(inverse_depth, poses, camera)
    grids = [_triangles(near, there) for near, there in zip(inverse_depth, known, strict=True)]
    inside = torch.stack([_inside(grid, camera) for grid in grids])
    wanted = _choose(inverse_depth, poses, known, inside, camera).flatten(1)
    # One wanted corner is enough: so what two views show overlaps by a pixel, and nothing gapes.
    chosen = [grid[wanted[view][grid].any(1)] + view * wanted.shape[1] for view, grid in enumerate(grids)]
    pixels, triangles = torch.unique(torch.cat(chosen), return_inverse=True)
    points = transform(inverse_depth[:, None], poses[:, None], camera)[:, 0].movedim(1, 2).flatten(0, 1)
    return Surface(points[pixels], pixels, triangles)


def _seen_through(
    inverse_depth: Float[Tensor, "V H W"], poses: Float[Tensor, "V 4 4"], camera: Camera
) -> Bool[Tensor, "V H W"]:
    """Points that more views see through than see."""
    nearest_around = F.max_pool2d(inverse_depth[:, None], 3, stride=1, padding=1)
    found = torch.zeros_like(inverse_depth, dtype=torch.bool)
    for number, near in enumerate(inverse_depth):
        meeting = _meet(near.expand_as(inverse_depth), invert(poses) @ poses[number], inverse_depth, camera)
        around = F.grid_sample(nearest_around, meeting.place, mode="nearest", padding_mode="border", align_corners=False)
        through = meeting.inside & (around[:, 0] < THROUGH * meeting.wanted)
        found[number] = through.sum(0) > meeting.agrees.sum(0)
    return found


def _choose(
    inverse_depth: Float[Tensor, "V H W"],
    poses: Float[Tensor, "V 4 4"],
    known: Bool[Tensor, "V H W"],
    inside: Bool[Tensor, "V H W"],
    camera: Camera,
) -> Bool[Tensor, "V H W"]:
    """Of the points that show one surface, those of one view. View by view: what was shown before is replaced where it is
    larger now, and else left out; both only for points `inside` a surface, since at its edge a view's triangles end."""
    kept = known.clone()
    for number in range(1, len(poses)):
        near, before = inverse_depth[number], inverse_depth[:number]
        seen = _meet(before, invert(poses[number]) @ poses[:number], near.expand_as(before), camera)
        there = _look_up(inside[number].expand_as(before), seen.place)
        kept[:number] &= ~(seen.agrees & there & (seen.size > LARGER))
        seen = _meet(near.expand_as(before), invert(poses[:number]) @ poses[number], before, camera)
        kept[number] &= ~(seen.agrees & _look_up((kept & inside)[:number], seen.place)).any(0)
    return kept


@dataclass
class _Meeting:
    """Points of K views as other cameras see them.

    `place` is where, in [-1, 1] across the image; `inside`, whether in the image; `wanted`, at what inverse depth; `agrees`,
    whether this is what the other view shows; `size`, how many of its pixels show one of theirs.
    """

    place: Float[Tensor, "K H W 2"]
    inside: Bool[Tensor, "K H W"]
    wanted: Float[Tensor, "K H W"]
    agrees: Bool[Tensor, "K H W"]
    size: Float[Tensor, "K H W"]


def _meet(
    inverse_depth: Float[Tensor, "K H W"], to_other: Float[Tensor, "K 4 4"], other: Float[Tensor, "K H W"], camera: Camera
) -> _Meeting:
    """Looks up the points of views in other views."""
    depth = 1 / inverse_depth.clamp(min=1e-4)
    place, expected = (part[0] for part in project(to_other[None], depth[None], camera))
    inside = in_view(place, expected)
    wanted = 1 / expected.clamp(min=NEAREST)
    found = F.grid_sample(other[:, None], place, padding_mode="border", align_corners=False)[:, 0]
    u, v = (place[None] * place.new_tensor([camera.width / 2, camera.height / 2])).unbind(-1)
    size = footprint(u, v)[0]
    agrees = inside & (inverse_depth > 0) & (size > 0) & same_surface(found, wanted)
    return _Meeting(place, inside, wanted, agrees, size)


def _look_up(mask: Bool[Tensor, "K H W"], place: Float[Tensor, "K H W 2"]) -> Bool[Tensor, "K H W"]:
    """What the masks say at the nearest pixel."""
    found = F.grid_sample(mask[:, None].float(), place, mode="nearest", padding_mode="border", align_corners=False)
    return found[:, 0] > 0.5


def _triangles(inverse_depth: Float[Tensor, "H W"], known: Bool[Tensor, "H W"]) -> Int[Tensor, "T 3"]:
    """Two triangles (of pixel numbers) for each square of known pixels, where depth does not jump."""
    right, down = _joined(inverse_depth), _joined(inverse_depth.T).T
    number = torch.arange(known.numel(), device=known.device).view(known.shape)
    first = torch.stack([number[:-1, :-1], number[1:, :-1], number[1:, 1:]], -1)[down[:, :-1] & right[1:]]
    second = torch.stack([number[:-1, :-1], number[1:, 1:], number[:-1, 1:]], -1)[down[:, 1:] & right[:-1]]
    triangles = torch.cat([first, second])
    return triangles[known.flatten()[triangles].all(1)]


def _joined(inverse_depth: Float[Tensor, "H W"]) -> Bool[Tensor, "H J"]:
    """Which neighbours in a line lie on one surface: inverse depth goes on between them as on one side of them,
    for it is linear over the image of a plane."""
    left, right = inverse_depth[:, :-1], inverse_depth[:, 1:]
    step = right - left
    before = torch.cat([step[:, 1:2], step[:, :-1]], 1)
    after = torch.cat([step[:, 1:], step[:, -2:-1]], 1)
    bend = torch.minimum((step - before).abs(), (step - after).abs())
    return (bend < JUMP * torch.maximum(left, right)) & (torch.minimum(left, right) > STEEP * torch.maximum(left, right))


def _inside(triangles: Int[Tensor, "T 3"], camera: Camera) -> Bool[Tensor, "H W"]:
    """Pixels with triangles all around them."""
    corners = torch.bincount(triangles.flatten(), minlength=camera.height * camera.width)
    return (corners == 6).view(camera.height, camera.width)
