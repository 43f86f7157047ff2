"""A scene graph as a picture: boxes and names over the frame, and the place from above.

Legend: H W image, P Q picture.
"""

from __future__ import annotations

import colorsys
import math

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw

from genie_gym.errors import GenieGymError
from genie_gym.geometry.camera import Camera
from genie_gym.geometry.reproject import NEAREST
from genie_gym.geometry.scene_graph.scene import SceneGraph, SceneObject

RANGE = 12.0  # metres that the view from above shows ahead and to each side, and a third of it behind
RINGS = (5, 10)  # metres
LETTER, LINE = 6, 11  # pixels
PAPER, INK, PALE = (250, 248, 240), (40, 40, 40), (205, 203, 195)
# Corners of a box that an edge joins, numbered as by `SceneObject.corners`: around the top, around the foot, upright.
EDGES = [(k + i, k + (i + 1) % 4) for k in (0, 4) for i in range(4)] + [(i, i + 4) for i in range(4)]

Colour = tuple[int, int, int]


def draw_scene(
    frame: UInt8[np.ndarray, "H W 3"], scene: SceneGraph, camera: Camera, scale: int = 4, most: int = 12
) -> UInt8[np.ndarray, "P Q 3"]:
    """The frame, enlarged, with the boxes of the `most` nearest things in view, each with its name, id and distance (metres
    to its box), beside the view from above, in which things out of sight are pale.

    Raises:
        GenieGymError: the frame is not of the camera's size.
    """
    if frame.shape != (camera.height, camera.width, 3):
        raise GenieGymError(f"the frame must be of shape {[camera.height, camera.width, 3]}; given {list(frame.shape)}.")
    image = Image.fromarray(frame).resize((camera.width * scale, camera.height * scale), Image.Resampling.BICUBIC)
    named = [thing for thing in scene.objects if thing.pixels][:most]
    _draw_boxes(image, scene, named, camera, scale)
    return np.concatenate([np.asarray(image), np.asarray(_from_above(image.height, scene, named))], 1)


def _draw_boxes(image: Image.Image, scene: SceneGraph, named: list[SceneObject], camera: Camera, scale: int) -> None:
    draw, pose = ImageDraw.Draw(image), np.array(scene.pose)
    for thing in reversed(named):
        corners = (thing.corners() - pose[:3, 3]) @ pose[:3, :3]
        spots = []
        for a, b in EDGES:
            ends = _before_camera(corners[a], corners[b])
            if ends is not None:
                spots += [_pixel(end, camera, scale) for end in ends]
                draw.line(spots[-2:], fill=_colour(thing.id), width=2)
        if spots:
            x, y = np.mean(spots, 0)[0], max(min(spot[1] for spot in spots) - LINE, 2)
            label = f"{thing.name} {thing.id}, {thing.distance_to(pose[:3, 3]):.1f} m"
            x = np.clip(x, 2, max(image.width - LETTER * len(label), 2))
            _write(draw, (float(x), float(min(y, image.height - LINE))), label, _colour(thing.id))


def _before_camera(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The part of an edge that lies before the camera."""
    if max(a[2], b[2]) <= NEAREST:
        return None
    if a[2] > b[2]:
        a, b = b, a
    if a[2] < NEAREST:
        a = a + (b - a) * (NEAREST - a[2]) / (b[2] - a[2])
    return a, b


def _pixel(point: np.ndarray, camera: Camera, scale: int) -> tuple[float, float]:
    x, y = (point[:2] / point[2] * camera.focal + (camera.width / 2, camera.height / 2)) * scale
    return float(np.clip(x, -1e4, 1e4)), float(np.clip(y, -1e4, 1e4))


def _from_above(side: int, scene: SceneGraph, named: list[SceneObject]) -> Image.Image:
    """With the camera's heading upwards."""
    image = Image.new("RGB", (side, side), PAPER)
    draw, pose = ImageDraw.Draw(image), np.array(scene.pose)
    heading = math.atan2(pose[0, 2], pose[2, 2])
    unit = side / RANGE / 4 * 3  # pixels a metre
    eye = np.array([side / 2, side * 0.75])

    def place(points: Float[np.ndarray, "*points 3"]) -> list[tuple[float, float]]:
        x, z = (points - pose[:3, 3])[..., 0], (points - pose[:3, 3])[..., 2]
        right, forward = math.cos(heading) * x - math.sin(heading) * z, math.sin(heading) * x + math.cos(heading) * z
        return [(float(r), float(f)) for r, f in np.stack([eye[0] + right * unit, eye[1] - forward * unit], -1)]

    for ring in RINGS:
        radius = ring * unit
        draw.ellipse([eye[0] - radius, eye[1] - radius, eye[0] + radius, eye[1] + radius], outline=PALE)
        draw.text((eye[0] + 2, eye[1] - radius - LINE), f"{ring} m", fill=INK)
    for thing in sorted(scene.objects, key=lambda thing: -thing.size[0] * thing.size[2]):
        outline = place(thing.corners()[:4])
        seen = thing in named
        draw.polygon(outline, fill=_colour(thing.id) if seen else None, outline=INK if seen else PALE)
    for thing in named:
        (spot,) = place(np.array(thing.centre)[None])
        if 0 <= spot[0] < side and 0 <= spot[1] < side:
            _write(
                draw, (min(spot[0] + 3, side - LETTER * len(thing.name) - 20), spot[1] - 6), f"{thing.name} {thing.id}", INK
            )
    draw.polygon([tuple(eye + (0, -9)), tuple(eye + (-6, 6)), tuple(eye + (6, 6))], fill=(200, 30, 30))
    return image


def _write(draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, colour: Colour) -> None:
    """Text on a plate of paper."""
    draw.rectangle(draw.textbbox(place, text), fill=PAPER)
    draw.text(place, text, fill=colour)


def _colour(number: int) -> Colour:
    """Its own for each id: hues a golden angle apart."""
    red, green, blue = colorsys.hsv_to_rgb(number * 0.618 % 1, 0.9, 0.75)
    return round(red * 255), round(green * 255), round(blue * 255)
