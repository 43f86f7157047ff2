"""Fog, rain and snow, drawn over a frame with the help of its depth: cheaper and finer than geometry.

Legend: H W image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from genie_gym.envs.sim.render import FAR
from genie_gym.envs.sim.town.atmosphere import Atmosphere

COUNT = 700
BOX = np.array([16.0, 16.0, 9.0])  # metres around the camera in which particles fall; they stay put in the world
_FALL = {"rainy": np.array([0.7, 0.3, -9.0]), "snowy": np.array([0.5, 0.35, -1.3])}
_SEEDS = np.random.default_rng(3).random((COUNT, 3)) * BOX
Roof = tuple[float, float, float, float] | None


@dataclass
class Camera:
    """Where a frame was seen from: `depth` [H, W] in metres, `pose` [4, 4] camera to world, `intrinsics` [3, 3]."""

    depth: np.ndarray
    pose: np.ndarray
    intrinsics: np.ndarray


def draw_weather(rgb: np.ndarray, camera: Camera, weather: str, air: Atmosphere, seconds: float, roof: Roof) -> np.ndarray:
    """uint8 [H, W, 3] with the weather in it, `seconds` after the episode began."""
    rgb = _fog(rgb, camera, air, roof)
    if weather in _FALL:
        _draw_particles(rgb, camera, weather, air, seconds, roof)
    return rgb


def _fog(rgb: np.ndarray, camera: Camera, air: Atmosphere, roof: Roof) -> np.ndarray:
    depth, pose, intrinsics = camera.depth, camera.pose, camera.intrinsics
    distance = depth
    if roof is not None:  # only what lies beyond the walls
        height, width = depth.shape
        x = (np.arange(width, dtype=np.float32) + 0.5 - intrinsics[0, 2]) / intrinsics[0, 0]
        y = (np.arange(height, dtype=np.float32)[:, None] + 0.5 - intrinsics[1, 2]) / intrinsics[1, 1]
        r = pose[:3, :3].astype(np.float32)
        east = pose[0, 3] + depth * (r[0, 0] * x + r[0, 1] * y + r[0, 2])
        north = pose[1, 3] + depth * (r[1, 0] * x + r[1, 1] * y + r[1, 2])
        inside = (east > roof[0] - 0.2) & (east < roof[2] + 0.2) & (north > roof[1] - 0.2) & (north < roof[3] + 0.2)
        distance = np.where(inside, np.float32(0), depth)
    haze = 1 - np.exp(-np.float32(air.fog) * distance)
    haze = np.where(depth >= FAR, np.float32(0), haze)[..., None]  # the sky is painted with its own haze
    mixed = rgb + haze * (air.fog_colour.astype(np.float32) - rgb)
    return mixed.astype(np.uint8)


def _draw_particles(rgb: np.ndarray, camera: Camera, weather: str, air: Atmosphere, seconds: float, roof: Roof) -> None:
    """Raindrops or snowflakes, drawn in place."""
    depth, pose, intrinsics = camera.depth, camera.pose, camera.intrinsics
    height, width = depth.shape
    corner = pose[:3, 3] - BOX / 2
    points = (_SEEDS + _FALL[weather] * seconds - corner) % BOX + corner
    if roof is not None:
        under = (points[:, 0] > roof[0]) & (points[:, 0] < roof[2]) & (points[:, 1] > roof[1]) & (points[:, 1] < roof[3])
        points = points[~under]
    x, y, z = ((points - pose[:3, 3]) @ pose[:3, :3]).T
    ahead = z > 0.4
    x, y, z = x[ahead], y[ahead], z[ahead]
    focal = float(intrinsics[0, 0])
    u = np.floor(intrinsics[0, 2] + focal * x / z).astype(int)
    v = np.floor(intrinsics[1, 2] + focal * y / z).astype(int)
    if weather == "rainy":
        tall, wide = np.clip(focal * 0.32 / z, 2, height / 7).astype(int), np.ones(len(z), int) * max(1, height // 360)
        strength, colour = 0.34, 0.35 * air.fog_colour + 130
    else:
        tall = wide = np.clip(np.round(focal * 0.045 / z), 1, height / 24).astype(int)
        strength, colour = 0.9, np.minimum(0.5 * air.fog_colour + 125, 255)
    for dy in range(int(tall.max(initial=0))):
        for dx in range(int(wide.max(initial=0))):
            row, column = v - dy, u + dx
            seen = (dy < tall) & (dx < wide) & (row >= 0) & (row < height) & (column >= 0) & (column < width)
            row, column = row[seen], column[seen]
            nearer = z[seen] < depth[row, column]
            row, column = row[nearer], column[nearer]
            rgb[row, column] = rgb[row, column] * (1 - strength) + colour * strength
