"""`genie-gym sheet --assets`: what a world's places are made of, each asset from two sides.

Legend: A assets, H W image.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from genie_gym.errors import GenieGymError
from genie_gym.geometry.camera import Camera
from genie_gym.places.draw import draw
from genie_gym.places.library import AssetLibrary
from genie_gym.places.light import Condition
from genie_gym.places.model import HasLibrary
from genie_gym.places.place import Place, Thing
from genie_gym.places.table import tables
from genie_gym.pretrained import load_world
from genie_gym.progress import progress
from genie_gym.visual import check_clip_name, grid, save_png
from genie_gym.world import World

SIDE, VIEW = 96, 40.0  # pixels and degrees of a picture
ABREAST = 8  # assets a row
FROM_ABOVE = 0.3  # radians
SIDES = (-0.65, math.pi - 0.65)  # headings from which an asset is looked at, of its own: before and behind
BATCH = 16
NOON = 12.0


def draw_assets(world: str | Path | World, out: str | Path, scale: int = 1, device: str = "auto") -> list[str]:
    """Writes a PNG of all assets, those of a class together, from before and from behind, at noon in the library's first
    weather. Under each: how much of it recordings showed, and how many surfels it has at its finest.

    Returns:
        What the library holds, in sentences.

    Raises:
        GenieGymError: for another kind of file, and for a world whose places are not made of things.
    """
    if check_clip_name(out) != ".png" or scale < 1:
        raise GenieGymError(f"assets are shown as a .png, at a scale of 1 or more; given {str(out)!r} and {scale}.")
    loaded = load_world(world, device)
    if not isinstance(loaded, HasLibrary):
        raise GenieGymError(
            f"a {loaded.family} world has no assets; choose a world whose places are made of things (genie3)."
        )
    library = loaded.library
    save_png(out, asset_sheet(library, scale))
    config = library.config
    return [
        f"{len(config.names)} assets of {len(set(config.names))} classes, {config.surfels:,} surfels in {config.levels} "
        f"levels of detail; {len(config.materials)} materials: {', '.join(config.materials)}"
    ]


def asset_sheet(library: AssetLibrary, scale: int = 1) -> UInt8[np.ndarray, "H W 3"]:
    """All assets of a library in one picture."""
    order = sorted(range(len(library.config.names)), key=lambda a: (library.config.names[a], library.config.kinds[a], a))
    if not order:
        return np.full((SIDE, SIDE, 3), 255, np.uint8)
    pictures = asset_pictures(library, order)
    rows, captions = [], []
    counts = library.first.diff(dim=1)[:, 0].tolist()
    for begin in range(0, len(order), ABREAST):
        some = order[begin : begin + ABREAST]
        rows.append(pictures[begin : begin + ABREAST].reshape(-1, SIDE, SIDE, 3))
        told = []
        for asset in some:
            kind = library.config.kinds[asset] or library.config.names[asset]
            told += [f"{asset} {kind}"[: SIDE * scale // 6], f"{float(library.coverage[asset]):.0%} {counts[asset]:,}"]
        captions.append(told)
    return grid(rows, scale, captions=captions)


def asset_pictures(library: AssetLibrary, assets: list[int]) -> UInt8[np.ndarray, "A 2 H W 3"]:
    """Each asset on a plain ground, from before and from behind."""
    camera = Camera.with_field_of_view(SIDE, SIDE, VIEW)
    ground = library.config.materials[0]
    shots = [(asset, side) for asset in assets for side in SIDES]
    pictures = []
    for begin in progress(range(0, len(shots), BATCH), desc="assets", leave=False):
        some = shots[begin : begin + BATCH]
        sizes = [tuple(library.size[asset].tolist()) for asset, _ in some]
        places = [
            Place(half=32.0, base=ground, beyond=ground, things=(
                Thing(library.config.names[asset], (0.0, 0.0, size[2] / 2), size, asset=asset),
            ))
            for (asset, _), size in zip(some, sizes, strict=True)
        ]  # fmt: skip
        things, land = tables(places, library, [0] * len(some), capacity=1)
        poses = torch.stack([looking_at(size, side) for (_, side), size in zip(some, sizes, strict=True)])
        count = len(some)
        light = Condition(weather=torch.zeros(count, dtype=torch.int64), hour=torch.full((count,), NOON))
        seen = draw(library, things, land, light, poses, camera, torch.zeros(count, dtype=torch.int64))
        pictures.append(seen.colours.cpu().numpy())
    return np.concatenate(pictures).reshape(len(assets), len(SIDES), SIDE, SIDE, 3)


def looking_at(size: tuple[float, float, float], side: float) -> Float[Tensor, "4 4"]:
    """Camera to world, of one that sees all of a box on the ground, from `side` (radians from east) and a little above."""
    radius = math.hypot(*size) / 2
    away = radius / math.sin(math.radians(VIEW) / 2)
    level, down = math.cos(FROM_ABOVE), math.sin(FROM_ABOVE)
    backward = np.array([math.cos(side) * level, math.sin(side) * level, down])
    right = np.array([-math.sin(side), math.cos(side), 0.0])
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1], pose[:3, 2] = right, -np.cross(backward, right), -backward
    pose[:3, 3] = np.array([0.0, 0.0, size[2] / 2]) + away * backward
    return torch.from_numpy(pose).float()
