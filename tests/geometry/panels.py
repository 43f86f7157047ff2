"""Places made of painted panels, and what a camera truly sees of them.

Legend: H W image, N = H·W pixels.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from genie_gym.geometry.camera import Camera
from genie_gym.geometry.level import level_pose
from genie_gym.geometry.reproject import Views

CPU = torch.device("cpu")
CAMERA = Camera.with_field_of_view(48, 64, 60.0)
FAR = 900.0  # metres to the sky
RED, GREEN, BLUE = (0.9, 0.15, 0.15), (0.15, 0.9, 0.15), (0.15, 0.15, 0.9)


@dataclass(frozen=True)
class Panel:
    """A rectangle across one axis of the world (0 right, 1 down, 2 forward), both sides painted alike with soft waves."""

    axis: int
    at: float
    low: tuple[float, float] = (-50.0, -50.0)
    high: tuple[float, float] = (50.0, 50.0)
    colour: tuple[float, float, float] = RED


WALL = Panel(2, 6.0)


def looking(
    heading: float = 0.0, pitch: float = 0.0, place: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> Float[Tensor, "4 4"]:
    """A pose; radians to the right, radians upwards, metres."""
    return level_pose(torch.tensor([heading]), torch.tensor([pitch]), torch.tensor([place]))[0]


def draw(
    pose: Float[Tensor, "4 4"], *panels: Panel, camera: Camera = CAMERA
) -> tuple[Float[Tensor, "3 H W"], Float[Tensor, "H W"]]:
    """Colours, and inverse depth."""
    rays = pose[:3, :3] @ camera.rays(CPU)  # [3, N]
    origin = pose[:3, 3]
    nearest = torch.full_like(rays[0], FAR)
    colours = (0.5 + 0.3 * torch.sin(4 * rays / rays.norm(dim=0))).clone()  # the sky, by direction
    for panel in panels:
        depth = (panel.at - origin[panel.axis]) / rays[panel.axis]
        points = origin[:, None] + rays * depth
        across = points[[axis for axis in range(3) if axis != panel.axis]]
        low, high = torch.tensor(panel.low)[:, None], torch.tensor(panel.high)[:, None]
        hit = (depth > 0.01) & (depth < nearest) & ((across > low) & (across < high)).all(0)
        waves = 1 - 0.15 * (1 + torch.sin(2 * across[0]) * torch.cos(1.5 * across[1]))
        colours = torch.where(hit, torch.tensor(panel.colour)[:, None] * waves, colours)
        nearest = torch.where(hit, depth, nearest)
    size = (camera.height, camera.width)
    return colours.unflatten(1, size), (1 / nearest).unflatten(0, size)


def views(poses: list[Float[Tensor, "4 4"]], *panels: Panel, camera: Camera = CAMERA) -> Views:
    """One row: what cameras at these poses see."""
    drawn = [draw(pose, *panels, camera=camera) for pose in poses]
    colours, inverse_depth = (torch.stack(part)[None] for part in zip(*drawn, strict=True))
    return Views(colours, inverse_depth, torch.stack(poses)[None], torch.zeros(1, len(poses)))


def moved(parts: Views, device: torch.device) -> Views:
    """The same on a device."""
    return Views(*(x.to(device) for x in (parts.colours, parts.inverse_depth, parts.poses, parts.penalty)))


def numbered(known: Views) -> Views:
    """The same, each view in the number that it has, which then shows where it is looked at."""
    number = torch.arange(known.colours.shape[1]).float()[:, None, None, None]
    return replace(known, colours=number.expand_as(known.colours))
