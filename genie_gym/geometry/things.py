"""Things that move: cut out of the view in which they were seen, and drawn wherever they have gone since, whole.

Legend: B rows, N things a row, M pixels of all things, P points a row, H W image.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Float16, Int, UInt8
from scipy import ndimage
from torch import Tensor

from genie_gym.geometry.camera import Camera
from genie_gym.geometry.level import heading_of, turn_by
from genie_gym.geometry.obstacles import Body
from genie_gym.geometry.pose import invert
from genie_gym.geometry.reproject import NEAREST, some_points
from genie_gym.state import State

MOST = 12  # things a row; of more, the largest
SMALLEST = 6  # pixels
SLOWING = 0.98  # of the velocity that is left after each step
POINT_STEP = 3  # pixels between the points that stand for a surface
LARGEST = 8  # pixels a side that one pixel of a thing covers at most, however near it is
FINE = 1 << 22  # steps of inverse depth that are told apart


@dataclass(kw_only=True)
class Things(State):
    """The things of one view of each row.

    `label` is the number of the thing that a pixel shows, -1 for none; `pose` is the view's; `shift` (metres, in the world)
    is how far each thing went since, `velocity` (metres a step, in the world) how it goes on; `pushable` says which give
    way.
    """

    colours: UInt8[Tensor, "B 3 H W"]
    inverse_depth: Float16[Tensor, "B H W"]
    label: Int[Tensor, "B H W"]
    pose: Float[Tensor, "B 4 4"]
    shift: Float[Tensor, "B N 3"]
    velocity: Float[Tensor, "B N 3"]
    pushable: Bool[Tensor, "B N"]

    @classmethod
    def cut_out(
        cls,
        colours: UInt8[Tensor, "B 3 H W"],
        inverse_depth: Float[Tensor, "B H W"],
        pushable: Bool[Tensor, "B H W"],
        being: Bool[Tensor, "B H W"],
        pose: Float[Tensor, "B 4 4"],
        velocity: Float[Tensor, "B 3 H W"],
    ) -> Things:
        """Pixels of things that touch are one thing; it moves as its pixels do on average, and gives way if most of them do.
        `velocity` is in the axes of the camera's heading (`geometry.level`)."""
        labels = np.stack([_number(row) for row in (pushable | being).cpu().numpy()])
        label = torch.from_numpy(labels).to(pose.device)
        member = (label[:, None] == torch.arange(MOST, device=pose.device)[:, None, None]).float()  # [B, N, H, W]
        size = member.sum((2, 3)).clamp(min=1)
        gives_way = torch.einsum("bnhw,bhw->bn", member, pushable.float()) / size > 0.5
        mean = torch.einsum("bnhw,bchw->bnc", member, velocity) / size[..., None]
        heading = heading_of(pose).repeat_interleave(MOST)
        world = turn_by(heading, mean.flatten(0, 1)).unflatten(0, mean.shape[:2])
        return cls(
            colours=colours,
            inverse_depth=torch.where(label >= 0, inverse_depth, 0.0).half(),
            label=label,
            pose=pose,
            shift=torch.zeros_like(mean),
            velocity=torch.where(gives_way[..., None], 0.0, world),
            pushable=gives_way,
        )

    def surface(self, camera: Camera) -> tuple[Float[Tensor, "B P 3"], Int[Tensor, "B P"]]:
        """Some points of them, in the world, and which thing's each is, -1 for none."""
        world, _ = some_points(self.inverse_depth[:, None].float(), self.pose[:, None], camera, POINT_STEP)
        label = self.label[:, POINT_STEP // 2 :: POINT_STEP, POINT_STEP // 2 :: POINT_STEP].flatten(1)
        moved = self.shift.gather(1, label.clamp(min=0)[..., None].expand(-1, -1, 3))
        return world + moved, label

    def go_on(self, place: Float[Tensor, "B 3"], camera: Camera, body: Body) -> Things:
        """A step later: each goes on, ever slower; and what gives way is pushed out of the body that stands at `place`."""
        gone = replace(self, shift=self.shift + self.velocity, velocity=self.velocity * SLOWING)
        points, label = gone.surface(camera)
        offset = (points - place[:, None])[..., 0::2]
        distance = offset.norm(dim=-1)
        tall = (points[..., 1] - place[:, None, 1] < body.eye - body.step) & (label >= 0)
        depth = torch.where(tall, body.radius - distance, 0.0).clamp(min=0)  # how deep a point is inside the body
        depth = torch.where(gone.pushable.gather(1, label.clamp(min=0)), depth, 0.0)
        deepest = torch.zeros_like(gone.shift[..., 0]).scatter_reduce(1, label.clamp(min=0), depth, "amax")
        at = (depth > 0) & (depth == deepest.gather(1, label.clamp(min=0)))
        way = torch.where(at[..., None], offset / distance.clamp(min=1e-6)[..., None] * depth[..., None], 0.0)
        push = torch.zeros_like(gone.shift)
        for axis, component in ((0, way[..., 0]), (2, way[..., 1])):
            total = torch.zeros_like(deepest).scatter_add(1, label.clamp(min=0), component)
            count = torch.zeros_like(deepest).scatter_add(1, label.clamp(min=0), at.float())
            push[..., axis] = total / count.clamp(min=1)
        return replace(gone, shift=gone.shift + push)

    def draw(
        self, pose: Float[Tensor, "B 4 4"], camera: Camera
    ) -> tuple[Float[Tensor, "B 3 H W"], Float[Tensor, "B H W"], Int[Tensor, "B H W"]]:
        """How they look from `pose` now: colours, inverse depth, and which thing each pixel shows, -1 for none."""
        rows, height, width = len(pose), camera.height, camera.width
        row, pixel = (self.label.flatten(1) >= 0).nonzero(as_tuple=True)  # [M]
        number = self.label.flatten(1)[row, pixel]
        x, y, z = self._points(pose, camera, row, pixel, number).unbind(-1)
        near = 1 / z.clamp(min=NEAREST)
        u, v = x * near * camera.focal + width / 2, y * near * camera.focal + height / 2
        source = torch.arange(len(row), device=pose.device)
        key = (near * FINE).long() * (len(row) + 1) + source + 1
        buffer = torch.zeros(rows * height * width + 1, dtype=torch.long, device=pose.device)
        size = near / self.inverse_depth.flatten(1)[row, pixel].float()  # pixels a side that each covers now
        copies = size.ceil().clamp(1, LARGEST)
        most = int(copies.max()) if len(row) else 0
        for across, along in itertools.product(range(most), repeat=2):
            column = torch.floor(u + ((across + 0.5) / copies - 0.5) * size).long()
            line = torch.floor(v + ((along + 0.5) / copies - 0.5) * size).long()
            inside = (z > NEAREST) & (column >= 0) & (column < width) & (line >= 0) & (line < height)
            inside &= copies > max(across, along)
            place = torch.where(inside, (row * height + line) * width + column, rows * height * width)
            buffer.scatter_reduce_(0, place, key, "amax")
        found = (buffer[:-1] % (len(row) + 1) - 1).unflatten(0, (rows, height, width))
        shown, index = found >= 0, found.clamp(min=0)
        if not len(row):
            blank = torch.zeros(rows, height, width, device=pose.device)
            return blank[:, None].expand(-1, 3, -1, -1), blank, torch.full_like(found, -1)
        colours = self.colours.flatten(2)[row, :, pixel].float() / 255  # [M, 3]
        return (
            torch.where(shown[..., None], colours[index], 0.0).movedim(-1, 1),
            torch.where(shown, near[index], 0.0),
            torch.where(shown, number[index], -1),
        )

    def _points(self, pose: Tensor, camera: Camera, row: Tensor, pixel: Tensor, number: Tensor) -> Float[Tensor, "M 3"]:
        """Where the things' pixels are, in the coordinates of the cameras at `pose`."""
        rays = camera.rays(pose.device)[:, pixel].T / self.inverse_depth.flatten(1)[row, pixel].float()[:, None]
        to_world = self.pose[row]
        world = (to_world[:, :3, :3] @ rays[..., None])[..., 0] + to_world[:, :3, 3] + self.shift[row, number]
        back = invert(pose)[row]
        return (back[:, :3, :3] @ world[..., None])[..., 0] + back[:, :3, 3]


def _number(mask: Bool[np.ndarray, "H W"]) -> Int[np.ndarray, "H W"]:
    """The things of one view, largest first; -1 elsewhere."""
    parts, count = ndimage.label(mask, np.ones((3, 3)))
    sizes = np.bincount(parts.ravel(), minlength=count + 1)[1:]
    label = np.full(mask.shape, -1, np.int64)
    for number, part in enumerate(np.argsort(-sizes, kind="stable")[:MOST]):
        if sizes[part] >= SMALLEST:
            label[parts == part + 1] = number
    return label
