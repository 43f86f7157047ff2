"""Boxes that stand on a floor, drawn as depth and classes by casting rays: a scene whose graph is known."""

from dataclasses import dataclass

import numpy as np
import torch

from genie_gym.geometry.camera import Camera
from genie_gym.geometry.level import level_pose

CAMERA = Camera.with_field_of_view(90, 160, 60.0)
CLASSES = ("sky", "ground", "crate", "tree", "lamp", "table", "pot")
EYE, SKY = 1.6, 900.0  # metres


@dataclass
class Block:
    """Upright, not turned; `x` and `z` are its middle, `foot` how far below the first camera it stands."""

    name: str
    x: float
    z: float
    wide: float = 1.0
    high: float = 1.0
    foot: float = EYE

    @property
    def centre(self) -> tuple[float, float, float]:
        return self.x, self.foot - self.high / 2, self.z


def at(x: float = 0.0, z: float = 0.0, turned: float = 0.0, pitch: float = 0.0) -> np.ndarray:
    """The pose of a camera, turned to the right by so many degrees."""
    heading, tilt = torch.deg2rad(torch.tensor([turned])), torch.deg2rad(torch.tensor([pitch]))
    return level_pose(heading, tilt, torch.tensor([[x, 0.0, z]]))[0].numpy().astype(np.float64)


def look(blocks: list[Block], pose: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Depth, classes, and the number of the block that each pixel shows, -1 for none: all [H, W]."""
    rays = CAMERA.rays(torch.device("cpu")).numpy().astype(np.float64)
    way, eye = (pose[:3, :3] @ rays).T, pose[:3, 3]
    depth, kind, number = np.full(len(way), SKY), np.zeros(len(way), int), np.full(len(way), -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        floor = (EYE - eye[1]) / way[:, 1]
        hit = (way[:, 1] > 0) & (floor < 60)
        depth[hit], kind[hit] = floor[hit], CLASSES.index("ground")
        for n, block in enumerate(blocks):
            half = np.array([block.wide, block.high, block.wide]) / 2
            ends = (np.array(block.centre) + half * np.array([[-1.0], [1.0]]) - eye)[:, None] / way
            enter, leave = ends.min(0).max(1), ends.max(0).min(1)
            hit = (enter < leave) & (enter > 0.05) & (enter < depth)
            depth[hit], kind[hit], number[hit] = enter[hit], CLASSES.index(block.name), n
    size = (CAMERA.height, CAMERA.width)
    return depth.reshape(size), kind.reshape(size), number.reshape(size)
