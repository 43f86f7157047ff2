"""Drawing in torch, for GPUs: by the rules of the compiled kernels (`terrain`, `splat`, `soil`, `paint`), all rows together.

Legend: B rows, P pixels a row, K drops a row, M things that move.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from genie_gym.geometry.camera import Camera
from genie_gym.places.ground import Ground
from genie_gym.places.library import AssetLibrary
from genie_gym.places.light import GROUND, SKY_BOTTOM, SKY_TOP, THINGS, Light, harmonics
from genie_gym.places.paint import ROOF_SPARE
from genie_gym.places.seen import FAR, Buffers
from genie_gym.places.soil_torch import ground_colours
from genie_gym.places.splat_torch import Shown, splat
from genie_gym.places.table import Things
from genie_gym.places.terrain import NOTHING
from genie_gym.places.terrain_torch import meet_ground
from genie_gym.places.view import View


def render(
    library: AssetLibrary, things: Things, ground: Ground, light: Light, view: View, poses: Float[Tensor, "B 4 4"],
    camera: Camera, falling: Tensor | None, movers: Float[Tensor, "B M 6"],
) -> Buffers:  # fmt: skip
    """Fills the buffers of each row."""
    eye = poses[:, :3, 3]
    flat = camera.rays(poses.device).T[None]
    ray = torch.stack([(poses[:, None, c, :3] * flat).sum(-1) for c in range(3)], -1)
    land, kind = meet_ground(ground, eye, ray)
    snows = torch.tensor([name == "snowy" for name in library.config.weathers], device=poses.device)
    snowed = snows[light.sky[:, 0].long()][view.row] & ~view.sheltered
    shown = splat(library, view, camera, land, library.albedo, snowed)
    none = shown.item < 0
    depth = torch.where(none, torch.where(kind == NOTHING, FAR, land), shown.depth)
    colour, normal = ground_colours(library, ground, light, eye, ray, depth, kind, camera.focal, movers)
    colour = (colour * _lit(light.gain[:, GROUND], normal)).clamp(max=255)
    sky = none & (kind == NOTHING)
    colour = torch.where(sky[..., None], _sky(library, light, ray), colour)
    normal = torch.where(sky[..., None], 0.0, normal)
    of_things, turned = _things(library, things, light, view, poses, shown, snowed)
    colour, normal = torch.where(none[..., None], colour, of_things), torch.where(none[..., None], normal, turned)
    colour = _hazy(ground, light, eye, ray, depth, colour)
    size = (len(poses), camera.height, camera.width)
    colours = (colour.clamp(0, 255) + 0.5).clamp(max=255).to(torch.uint8)
    if falling is not None:
        colours = _drops(light, falling, camera, depth, colours)
    line = torch.where(none, -1, torch.cat([view.line, view.line.new_full((1,), -1)])[shown.item])
    return Buffers(
        colours=colours.reshape(*size, 3), normal=normal.reshape(*size, 3), depth=depth.reshape(size),
        line=line.reshape(size), kind=kind.reshape(size),
    )  # fmt: skip


def _lit(gain: Float[Tensor, "B 9 3"], normal: Float[Tensor, "B P 3"]) -> Float[Tensor, "B P 3"]:
    return (harmonics(normal)[..., None] * gain[:, None]).sum(2).clamp(min=0)


def _things(
    library: AssetLibrary, things: Things, light: Light, view: View, poses: Tensor, shown: Shown, snowed: Tensor
) -> tuple[Float[Tensor, "B P 3"], Float[Tensor, "B P 3"]]:
    """Lit colours and normals of things."""
    if not len(view.line):
        none = torch.zeros((*shown.item.shape, 3), device=poses.device)
        return none, none
    item, surfel = shown.item.clamp(min=0), shown.surfel.clamp(min=0)
    weight = shown.mixed[..., :1]
    mixed, part = weight > 0, 1 / torch.where(weight > 0, weight, 1.0)
    albedo = torch.where(snowed[item][..., None], library.snowy[surfel], library.albedo[surfel]).float()
    albedo = torch.where(mixed, shown.mixed[..., 1:4] * part, albedo)
    glow = torch.where(mixed, shown.mixed[..., 4:7] * part, library.glow[surfel].float())
    own = torch.where(mixed, shown.mixed[..., 7:10], library.normal[surfel].float()) * view.squeeze[item]
    seen = (view.axes[item] * own[..., None, :]).sum(-1)
    seen = seen / ((seen * seen).sum(-1, keepdim=True).sqrt() + 1e-12)
    normal = torch.stack([(poses[:, None, c, :3] * seen).sum(-1) for c in range(3)], -1)
    tint = things.tint[torch.arange(len(item), device=item.device)[:, None], view.line[item]]
    colour = albedo * tint * _lit(light.gain[:, THINGS], normal) + glow * light.glow[:, None, None]
    return colour.clamp(max=255), normal


def _sky(library: AssetLibrary, light: Light, ray: Float[Tensor, "B P 3"]) -> Float[Tensor, "B P 3"]:
    """The panorama, between two hours."""
    panorama = library.light.sky
    rows, columns = panorama.shape[2:4]
    x, y, z = (ray / (ray * ray).sum(-1, keepdim=True).sqrt()).unbind(-1)
    elevation = torch.rad2deg(torch.asin(z.clamp(-1, 1)))
    fy = ((SKY_TOP - elevation) / (SKY_TOP - SKY_BOTTOM) * rows - 0.5).clamp(0, rows - 1)
    fx = torch.atan2(y, x) / (2 * math.pi) * columns - 0.5
    row, column = fy.long().clamp(max=rows - 2), fx.floor()
    ax, ay = (fx - column)[..., None], (fy - row)[..., None]
    west = column.long() % columns
    east = (west + 1) % columns
    weather, *hours = (value[:, None] for value in light.sky[:, :3].long().unbind(-1))

    def at(hour: Tensor) -> Tensor:
        above = panorama[weather, hour, row, west].float() * (1 - ax) + panorama[weather, hour, row, east].float() * ax
        below = (
            panorama[weather, hour, row + 1, west].float() * (1 - ax) + panorama[weather, hour, row + 1, east].float() * ax
        )
        return above * (1 - ay) + below * ay

    share = light.sky[:, 3, None, None]
    return at(hours[0]) * (1 - share) + at(hours[1]) * share


def _hazy(
    ground: Ground, light: Light, eye: Tensor, ray: Tensor, depth: Float[Tensor, "B P"], colour: Float[Tensor, "B P 3"]
) -> Float[Tensor, "B P 3"]:
    """Fog by depth, but not under a roof nor before the sky."""
    x, y = (eye[:, None, k] + depth * ray[..., k] for k in (0, 1))
    west, south, east, north = ground.roof[:, :, None].unbind(1)
    inside = (east > west) & (x > west - ROOF_SPARE) & (x < east + ROOF_SPARE)
    inside &= (y > south - ROOF_SPARE) & (y < north + ROOF_SPARE)
    left = torch.where(inside | (depth >= FAR), 1.0, torch.exp(-light.fog[:, 3:] * depth))
    fog = light.fog[:, None, :3] * 255
    return fog + (colour - fog) * left[..., None]


def _drops(
    light: Light,
    falling: Float[Tensor, "B K 3"],
    camera: Camera,
    depth: Float[Tensor, "B P"],
    colours: UInt8[Tensor, "B P 3"],
) -> Tensor:
    """Rain and snow."""
    u, v, z = falling.unbind(-1)
    flakes = light.fall[:, 1:2] > 0.5
    near = z.clamp(min=1e-3)
    side = (camera.focal * 0.045 / near + 0.5).floor().long().clamp(1, max(camera.height // 24, 1))
    tall = torch.where(flakes, side, (camera.focal * 0.3 / near).long().clamp(2, max(camera.height // 7, 2)))
    wide = torch.where(flakes, side, max(1, camera.height // 360))
    covered = torch.zeros_like(depth)
    column, line = u.floor().long(), v.floor().long()
    falls = (z > 0) & (light.fall[:, :1] > 0)
    for down in range(int(tall.max()) if falls.any() else 0):
        for across in range(int(wide.max())):
            c, r = column + across, line - down
            seen = falls & (down < tall) & (across < wide) & (c >= 0) & (c < camera.width) & (r >= 0) & (r < camera.height)
            pixel = torch.where(seen, r * camera.width + c, 0)
            seen &= z < depth.gather(1, pixel)
            covered.scatter_reduce_(1, pixel, seen.float(), "amax")
    opacity = light.fall[:, 5:, None]
    mixed = colours * (1 - opacity) + 255 * light.fall[:, None, 2:5] * opacity
    return torch.where((covered > 0)[..., None], mixed.clamp(0, 255).to(torch.uint8), colours)
