"""A small library of plain shapes, and places made of them."""

import math

import numpy as np
import torch

from genie_gym.places.library import AssetLibrary, Material
from genie_gym.places.surfels import Asset

CLASSES = ("sky", "ground", "water", "boundary", "building", "wall", "crate", "gate", "bridge", "tree", "villager")
MATERIALS = ("grass", "asphalt", "sand", "water", "paint")
SCENES = ("village", "desert")


def sheet(origin, along, across, spacing):
    """Points [n, 3] of a rectangle from a corner along two sides, and its normal for each."""
    along, across = np.array(along, float), np.array(across, float)
    counts = [max(1, math.ceil(np.linalg.norm(side) / spacing)) for side in (along, across)]
    u, v = np.meshgrid(*((np.arange(count) + 0.5) / count for count in counts))
    points = np.array(origin) + u.reshape(-1, 1) * along + v.reshape(-1, 1) * across
    normal = np.cross(along, across)
    return points, np.tile(normal / np.linalg.norm(normal), (len(points), 1))


def box(low, high, spacing):
    """Surfels of a box's six sides: points and normals."""
    low, high = np.array(low, float), np.array(high, float)
    x, y, z = np.diag(high - low)
    sides = [
        sheet(low, y, x, spacing), sheet(low, x, z, spacing), sheet(low, z, y, spacing),
        sheet(high, -x, -y, spacing), sheet(high, -z, -x, spacing), sheet(high, -y, -z, spacing),
    ]  # fmt: skip
    return tuple(np.concatenate(parts) for parts in zip(*sides, strict=True))


def brick(points, normals):
    """Colours that look like bricks."""
    across = np.where(np.abs(normals[:, 0]) > 0.5, points[:, 1], points[:, 0])
    row = np.floor(points[:, 2] / 0.3)
    column = np.floor(across / 0.6 + 0.5 * (row % 2))
    joint = ((points[:, 2] / 0.3) % 1 < 0.15) | ((across / 0.6 + 0.5 * (row % 2)) % 1 < 0.08)
    tone = 130 + 50 * np.sin(12.9898 * row + 78.233 * column)
    colour = np.stack([tone + 40, tone * 0.6, tone * 0.5], 1)
    return np.where(joint[:, None], 190, colour).clip(0, 255).astype(np.uint8)


def asset(name, size, parts, spacing, colour=brick, **more):
    points, normals = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    radius = np.full(len(points), spacing * 0.8)
    return Asset(name, size, points, normals, colour(points, normals), radius, **more)


def ball(name, size, count, colour):
    """An ellipsoid of evenly spread surfels."""
    k = np.arange(count) + 0.5
    z, angle = 1 - 2 * k / count, np.pi * (1 + 5**0.5) * k
    unit = np.stack([np.sqrt(1 - z * z) * np.cos(angle), np.sqrt(1 - z * z) * np.sin(angle), z], 1)
    half = np.array(size) / 2
    radius = np.full(count, 1.1 * np.sqrt(4 * np.pi / count) * half.max())
    tones = np.random.default_rng(0).normal(1, 0.15, (count, 1))
    colours = (np.array(colour) * tones).clip(0, 255).astype(np.uint8)
    return Asset(name, size, unit * half, unit / half, colours, radius)


def gate(spacing=0.08):
    """An arch 2 m wide and 2.6 m high in a wall of 6 × 0.8 × 4 m."""
    parts = [
        box((-3, -0.4, -2), (-1, 0.4, 2), spacing), box((1, -0.4, -2), (3, 0.4, 2), spacing),
        box((-1, -0.4, 0.6), (1, 0.4, 2), spacing),
    ]  # fmt: skip
    return asset("gate", (6.0, 0.8, 4.0), parts, spacing)


def bridge(spacing=0.1):
    """Eight metres long, 2 m wide, rises to 1 m in the middle."""
    x = (np.arange(int(8 / spacing)) + 0.5) * spacing - 4
    y = (np.arange(int(2 / spacing)) + 0.5) * spacing - 1
    grid_x, grid_y = (values.reshape(-1) for values in np.meshgrid(x, y))
    top = np.cos(grid_x / 4 * np.pi / 2)
    points = np.stack([grid_x, grid_y, top - 0.5], 1)
    normals = np.stack([np.pi / 8 * np.sin(grid_x / 4 * np.pi / 2), 0 * grid_x, np.ones_like(grid_x)], 1)
    return asset("bridge", (8.0, 2.0, 1.0), [(points, normals)], spacing)


def villager(deep, phases, spacing=0.06):
    """One phase of a gait of so many."""
    parts = [box((-0.25, -0.25, -0.85), (0.25, deep, 0.85), spacing)]
    return asset("villager", (0.5, 0.5, 1.7), parts, spacing, phases=phases)


def library(spacing=0.06):
    rng = np.random.default_rng(0)
    tones = {"grass": (90, 150, 60), "asphalt": (90, 90, 95), "sand": (220, 190, 130), "water": (60, 110, 170)}
    materials = []
    for name in MATERIALS:
        tile = np.array(tones.get(name, (235, 235, 225))) * rng.normal(1, 0.08, (4, 64, 64, 1))
        materials.append(Material(name, tile.clip(0, 255).astype(np.uint8)))
    house = [box((-3, -2, -2), (3, 2, 2), spacing)]
    assets = [
        asset("crate", (1.0, 1.0, 1.0), [box((-0.5,) * 3, (0.5,) * 3, spacing)], spacing, frequency={"village": 3.0}),
        asset("wall", (8.0, 0.5, 3.0), [box((-4, -0.25, -1.5), (4, 0.25, 1.5), spacing)], spacing),
        asset("building", (6.0, 4.0, 4.0), house, spacing, kind="house"),
        gate(), bridge(), ball("tree", (3.0, 3.0, 4.0), 1500, (60, 130, 50)),
        *(villager(0.1 * k, phases) for k, phases in ((1, 2), (2, 0))),
    ]  # fmt: skip
    return AssetLibrary.build(assets, materials, CLASSES, SCENES)


def looking(position, yaw=0.0, pitch=0.0):
    """Camera to world [1, 4, 4], float32: from `position`, `yaw` counter-clockwise from east, `pitch` upwards."""
    forward = np.array([math.cos(yaw) * math.cos(pitch), math.sin(yaw) * math.cos(pitch), math.sin(pitch)])
    right = np.array([math.sin(yaw), -math.cos(yaw), 0.0])
    pose = np.eye(4, dtype=np.float32)
    pose[:3, 0], pose[:3, 1], pose[:3, 2], pose[:3, 3] = right, np.cross(forward, right), forward, position
    return torch.from_numpy(pose)[None]
