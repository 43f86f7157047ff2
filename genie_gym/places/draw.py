"""What cameras see of places: colours, depth, classes, instances and normals.

Legend: B rows, H W image, N things a row.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int, Int32, UInt8
from torch import Tensor

from genie_gym.errors import GenieGymError
from genie_gym.geometry.camera import Camera
from genie_gym.places import draw_cpu, draw_torch
from genie_gym.places.falling import drops
from genie_gym.places.ground import Ground
from genie_gym.places.library import AssetLibrary
from genie_gym.places.light import Condition, Light
from genie_gym.places.seen import GROUND, SKY, Buffers
from genie_gym.places.shadows import moving
from genie_gym.places.table import Things
from genie_gym.places.terrain import NOTHING, WATER
from genie_gym.places.view import view_of

DRY = (0.0, 0.0, 1.0, 1.0, 1.0)  # of `Light.ground` under a roof: neither blotches nor puddles


@dataclass(frozen=True, eq=False)
class Seen:
    """What each row's camera sees.

    Args:
        colours: the frame.
        depth: metres along the camera's axis; the sky reads `seen.FAR`.
        label: classes. instance: ids of things, `seen.GROUND` (water too) or `seen.SKY`.
        normal: outward, in the world's axes; 0 for the sky.
        line: which line of the table of things a pixel shows; -1 for none.
    """

    colours: UInt8[Tensor, "B H W 3"]
    depth: Float[Tensor, "B H W"]
    label: UInt8[Tensor, "B H W"]
    instance: Int32[Tensor, "B H W"]
    normal: Float[Tensor, "B H W 3"]
    line: Int[Tensor, "B H W"]


@torch.no_grad()
def draw(
    library: AssetLibrary,
    things: Things,
    ground: Ground,
    condition: Condition,
    poses: Float[Tensor, "B 4 4"],
    camera: Camera,
    step: Int[Tensor, " B"],
    seconds: float = 0.1,
    cull: bool = True,
    light: Light | None = None,
) -> Seen:
    """Draws each row. The same values give the same pictures, to the bit, whatever other rows there are.

    Args:
        poses: camera to world: x right, y down, z forward, in a world of x east, y north, z up.
        step: of each row, which says where rain and snow have fallen to; a step lasts `seconds`.
        cull: leave out early what cannot be seen, which changes nothing but the time it takes.
        light: of each row, instead of what the library's table says of the condition.

    Raises:
        GenieGymError: a pose is not finite.
    """
    if not bool(torch.isfinite(poses).all()):
        raise GenieGymError("cameras have poses of finite numbers.")
    view = view_of(library, things, ground, poses, camera, cull)
    light = library.light.at(condition) if light is None else light
    roofed = ground.roof[:, 2] > ground.roof[:, 0]
    under_roofs = replace(
        light,
        gain=light.gain * torch.where(roofed, light.roofed, 1.0)[:, None, None, None],
        ground=torch.where(roofed[:, None], light.ground.new_tensor(DRY), 1.0) * light.ground,
    )
    falling = drops(ground, light.fall, poses, camera, step, seconds) if bool((light.fall[:, 0] > 0).any()) else None
    painter = draw_cpu if poses.device.type == "cpu" else draw_torch
    movers = moving(things, ground, light.sun)
    buffers = painter.render(library, things, ground, under_roofs, view, poses, camera, falling, movers)
    return _named(library, things, buffers)


def _named(library: AssetLibrary, things: Things, buffers: Buffers) -> Seen:
    """Classes and instances of what is shown."""
    line, kind = buffers.line, buffers.kind
    flat = line.flatten(1).clamp(min=0)
    sky, land, water = library.config.ground_labels
    below = torch.where(kind >= WATER, water, torch.where(kind == NOTHING, sky, land))
    label = torch.where(line < 0, below, things.label.gather(1, flat).reshape(line.shape))
    instance = torch.where(kind == NOTHING, SKY, GROUND)
    instance = torch.where(line < 0, instance, things.id.gather(1, flat).reshape(line.shape))
    return Seen(
        colours=buffers.colours, depth=buffers.depth, label=label.to(torch.uint8), instance=instance.to(torch.int32),
        normal=buffers.normal, line=line,
    )  # fmt: skip
