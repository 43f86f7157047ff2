"""A small library and place for tests: boxes with walls of one colour."""

import numpy as np

from genie_gym.places.library import AssetLibrary, Material
from genie_gym.places.place import Area, Place, Road, Thing, Water
from genie_gym.places.surfels import REACH, Asset

CLASSES = ("sky", "ground", "water", "house", "tree", "person", "beacon")
SCENES = ("village", "forest")
COLOURS = {"house": (200, 60, 40), "tree": (30, 140, 50), "person": (90, 90, 200), "beacon": (240, 220, 30)}
SIZES = {"house": (6.0, 4.0, 3.0), "tree": (2.0, 2.0, 5.0), "person": (0.5, 0.5, 1.8), "beacon": (0.6, 0.6, 2.0)}


def box(name: str, spacing: float = 0.25, phases: int = 1) -> Asset:
    """A box of surfels, one colour, white under snow."""
    half = np.array(SIZES[name]) / 2
    positions, normals = [], []
    for axis in range(3):
        others = [k for k in range(3) if k != axis]
        steps = [np.arange(-half[k] + spacing / 2, half[k], spacing) for k in others]
        plane = np.stack(np.meshgrid(*steps, indexing="ij"), -1).reshape(-1, 2)
        for side in (-1, 1):
            points, normal = np.empty((len(plane), 3)), np.zeros(3)
            points[:, others], points[:, axis], normal[axis] = plane, side * half[axis], side
            positions.append(points)
            normals.append(np.broadcast_to(normal, points.shape))
    position, normal = np.concatenate(positions), np.concatenate(normals)
    colour = np.broadcast_to(np.array(COLOURS[name], np.uint8), position.shape)
    snowy = np.where(normal[:, 2:] > 0.5, 250, colour).astype(np.uint8)
    radius = np.full(len(position), REACH * spacing)
    often = {"village": 1.0, "forest": 0.2 if name != "tree" else 3.0}
    return Asset(name, SIZES[name], position, normal, colour, radius, snowy=snowy, frequency=often, phases=phases)


def small_library() -> AssetLibrary:
    assets = [box("house"), box("tree"), box("person", 0.1, 2), box("person", 0.1, 0), box("beacon")]
    materials = []
    for name, colour in {"grass": (90, 150, 60), "cobble": (130, 130, 130), "water": (50, 90, 140)}.items():
        tiles = np.full((4, 16, 16, 3), colour, np.uint8)
        tiles[2] = 245  # snow
        materials.append(Material(name, tiles))
    return AssetLibrary.build(assets, materials, CLASSES, SCENES, levels=3)


def small_place() -> Place:
    heights = np.linspace(0, 1, 9)[:, None] * np.ones(9)  # rises to the north
    things = (
        Thing("house", (5.0, 0.0, 2.0), (6.0, 4.0, 3.0), 0.3),
        Thing("house", (-8.0, 3.0, 2.2), (12.0, 4.0, 3.0), 0.0),
        Thing("tree", (0.0, 9.0, 3.2), (2.0, 2.0, 5.0), tint=(0.5, 1.0, 1.0)),
        Thing("person", (0.0, -5.0, 1.2), (0.5, 0.5, 1.8), behaviour="wander"),
    )
    return Place(
        half=16.0, base="grass", beyond="grass", heights=heights.astype(np.float32), things=things, scene="village",
        roads=(Road(((-16.0, -8.0), (16.0, -8.0)), 3.0, "cobble"),), areas=(Area("cobble", 0.0, 12.0, (3.0, 2.0)),),
        waters=(Water(0.1, (-16.0, -16.0, -10.0, -10.0)),), spawn=(0.0, -12.0, 1.5),
    )  # fmt: skip
