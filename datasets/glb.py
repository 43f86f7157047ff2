"""Scenes as GLB, the binary form of glTF 2.0: one textured mesh and the cameras that saw it. trimesh writes it.

glTF wants metres, x right, y up, and cameras that look along -z. Colours are the views' own pixels, as a texture (sRGB), and
are not lit once more (`KHR_materials_unlit`): light and shade are painted on them already.

Legend: V views, H W image, P points.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image

from genie_gym.errors import GenieGymError
from genie_gym.files import beside
from genie_gym.geometry.camera import Camera
from genie_gym.geometry.fusion import Surface
from genie_gym.geometry.reproject import NEAREST

FROM_LEVEL = np.diag([1.0, -1.0, -1.0, 1.0])
"""Of level coordinates (x right, y down, z forward), and of cameras, to those of glTF."""


def find_trimesh() -> Any:
    """The library.

    Raises:
        GenieGymError: it is not installed.
    """
    try:
        import trimesh
    except ImportError as error:
        raise GenieGymError("trimesh, which writes scenes, is not installed: pip install trimesh.") from error
    return trimesh


def gltf_pose(pose: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, "4 4"]:
    """Camera to world, as glTF has it, of a level pose."""
    return FROM_LEVEL @ pose @ FROM_LEVEL


def write_glb(
    path: str | Path,
    surface: Surface,
    frames: UInt8[np.ndarray, "V H W 3"],
    poses: Mapping[str, Float[np.ndarray, "4 4"]],
    camera: Camera,
) -> None:
    """Writes a surface with the frames that it was fused from as its texture, and cameras at level poses, by name."""
    trimesh = find_trimesh()
    texture, uv = _texture(frames, surface.pixels.cpu().numpy())
    points = surface.points.cpu().numpy() * FROM_LEVEL.diagonal()[:3]
    material = trimesh.visual.material.PBRMaterial(
        name="seen", baseColorTexture=Image.fromarray(texture), metallicFactor=0.0, roughnessFactor=1.0
    )
    visual = trimesh.visual.TextureVisuals(uv=uv, material=material)
    mesh = trimesh.Trimesh(points, surface.triangles.cpu().numpy(), visual=visual, process=False)
    scene = trimesh.Scene()
    scene.add_geometry(mesh, node_name="scene", geom_name="scene")

    def complete(tree: dict[str, Any]) -> None:
        """What trimesh has no words for."""
        tree["materials"][0]["extensions"] = {"KHR_materials_unlit": {}}
        tree["extensionsUsed"] = ["KHR_materials_unlit"]
        angle = 2 * math.atan(camera.height / 2 / camera.focal)
        perspective = {"yfov": angle, "aspectRatio": camera.width / camera.height, "znear": NEAREST}
        tree["cameras"] = [{"type": "perspective", "perspective": perspective}]
        first = len(tree["nodes"])
        for name, pose in poses.items():
            tree["nodes"].append({"name": name, "camera": 0, "matrix": gltf_pose(pose).T.ravel().tolist()})
        tree["scenes"][0]["nodes"] = [*tree["scenes"][0]["nodes"], *range(first, len(tree["nodes"]))]

    data = scene.export(file_type="glb", include_normals=False, tree_postprocessor=complete)
    with beside(path) as part:
        part.write_bytes(data)


def _texture(
    frames: UInt8[np.ndarray, "V H W 3"], pixels: Int[np.ndarray, " P"]
) -> tuple[UInt8[np.ndarray, "_ _ 3"], Float[np.ndarray, "P 2"]]:
    """The frames that show something, side by side, as near to a square as they go; and where in it pixels are, from its
    lower left corner (trimesh turns that over for glTF)."""
    _, height, width, _ = frames.shape
    shown, number = np.unique(pixels // (height * width), return_inverse=True)
    columns = math.ceil(math.sqrt(len(shown) * height / width))
    lines = math.ceil(len(shown) / columns)
    texture = np.zeros((lines, height, columns, width, 3), np.uint8)
    for place, view in enumerate(shown):
        texture[place // columns, :, place % columns] = frames[view]
    x = (number % columns) * width + pixels % width + 0.5
    y = (number // columns) * height + pixels // width % height + 0.5
    uv = np.stack([x / (columns * width), 1 - y / (lines * height)], 1)
    return texture.reshape(lines * height, columns * width, 3), uv
