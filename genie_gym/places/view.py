"""Which things each row's camera can see, at which level of detail, and how their axes lie to the camera.

Everything is computed element by element, so that a row's values do not depend on the others.

Legend: B rows, B1 = B + 1, N things a row, I things that are drawn in all rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from genie_gym.geometry.camera import Camera
from genie_gym.places.ground import Ground
from genie_gym.places.library import AssetLibrary
from genie_gym.places.surfels import STEPS
from genie_gym.places.table import Things

NEAREST = 0.05  # metres: what is nearer is not seen
FINEST = 0.8  # pixels: the coarsest level is drawn whose surfels are no farther apart
SMALLEST = 0.7  # pixels: what is smaller is left out
LEAST_DISTANCE = 0.3  # metres: nearer things are as detailed as they would be there
SPARE = 0.1  # metres by which a thing may reach out of its box


@dataclass(frozen=True, eq=False)
class View:
    """Things that are drawn, row by row, the nearest first.

    Args:
        row, line: which thing it is, in the table of things.
        begin, end: its surfels, of the library's.
        axes: the thing's axes (the columns) in the camera's. origin: its middle, metres, in the camera's axes.
        step: metres that one step of a surfel's position is, along its own axes. size: metres, of its box.
        squeeze: what normals of its asset are multiplied with, along its own axes. scale: of radii.
        eye: metres, the camera in the thing's axes. sheltered: it stands under a roof, where no snow lies.
        rows: where each row's things begin, and where the last row's end.
    """

    row: Int[Tensor, " I"]
    line: Int[Tensor, " I"]
    begin: Int[Tensor, " I"]
    end: Int[Tensor, " I"]
    axes: Float[Tensor, "I 3 3"]
    origin: Float[Tensor, "I 3"]
    step: Float[Tensor, "I 3"]
    size: Float[Tensor, "I 3"]
    squeeze: Float[Tensor, "I 3"]
    scale: Float[Tensor, " I"]
    eye: Float[Tensor, "I 3"]
    sheltered: Bool[Tensor, " I"]
    rows: Int[Tensor, " B1"]


def view_of(
    library: AssetLibrary, things: Things, ground: Ground, poses: Float[Tensor, "B 4 4"], camera: Camera, cull: bool = True
) -> View:
    """What of the things is to be drawn; all of them without `cull`."""
    asset = things.drawn_assets(library)
    known = asset.clamp(min=0)
    away = things.centre - poses[:, None, :3, 3]
    x, y, z = (_along(away, poses[:, None, :3, k]) for k in range(3))
    turn = things.yaw.double()  # else these are rounded as the number of rows has it
    cos, sin = turn.cos().float(), turn.sin().float()
    eye = torch.stack(
        [-(away[..., 0] * cos + away[..., 1] * sin), away[..., 0] * sin - away[..., 1] * cos, -away[..., 2]], -1
    )
    radius = _length(things.size) / 2 + SPARE
    near = _length((eye.abs() - things.size / 2).clamp(min=0)).clamp(min=LEAST_DISTANCE)
    seen = asset >= 0
    if cull:
        wide, tall = camera.width / 2 / camera.focal, camera.height / 2 / camera.focal
        seen = seen & (z > NEAREST - radius)
        seen &= x.abs() <= z.clamp(min=0) * wide + radius * math.hypot(1, wide)
        seen &= y.abs() <= z.clamp(min=0) * tall + radius * math.hypot(1, tall)
        seen &= 2 * radius * camera.focal >= SMALLEST * near
    row, line = seen.nonzero(as_tuple=True)
    order = torch.sort(near[row, line], stable=True).indices
    order = order[torch.sort(row[order], stable=True).indices]
    row, line = row[order], line[order]

    chosen, asset = (row, line), known[row, line]
    size, stretch = things.size[chosen], things.size[chosen] / library.size[asset]
    scale = stretch.amax(-1)
    fits = library.spacing[asset] * (scale * camera.focal / near[chosen])[:, None] <= FINEST
    level = (fits.sum(1) - 1).clamp(min=0)
    axes = poses[row, :3, :3].mT  # the world's axes in the camera's
    east, north, up = axes.unbind(-1)
    cos, sin = cos[chosen][:, None], sin[chosen][:, None]
    return View(
        row=row, line=line, begin=library.first[asset, level], end=library.first[asset, level + 1],
        axes=torch.stack([east * cos + north * sin, north * cos - east * sin, up], -1),
        origin=torch.stack([x[chosen], y[chosen], z[chosen]], -1), step=size / STEPS, size=size, squeeze=1 / stretch,
        scale=scale, eye=eye[chosen], sheltered=ground.under_roof(things.centre[..., :2])[chosen],
        rows=torch.searchsorted(row, torch.arange(len(poses) + 1, device=row.device)),
    )  # fmt: skip


def _along(vector: Tensor, axis: Tensor) -> Tensor:
    """The dot product, as a sum in one order: reductions differ with the size of the batch."""
    return vector[..., 0] * axis[..., 0] + vector[..., 1] * axis[..., 1] + vector[..., 2] * axis[..., 2]


def _length(vector: Tensor) -> Tensor:
    return _along(vector, vector).sqrt()
