"""The scene graph of a row, read off its table: all that stands there, exactly.

Coordinates are those of `SceneGraph`: x right, y down, z forward of a camera at the middle of the place that looks north.

Legend: N things, H W image.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int32

from genie_gym.geometry.level import TO_LEVEL
from genie_gym.geometry.scene_graph.relations import RelationsConfig, relate
from genie_gym.geometry.scene_graph.scene import SceneGraph, SceneObject
from genie_gym.places.table import Things


def scene_graph(
    things: Things,
    row: int,
    pose: Float[np.ndarray, "4 4"],
    instance: Int32[np.ndarray, "H W"],
    step: int,
    classes: Sequence[str],
) -> SceneGraph:
    """What stands in a row, the nearest to its camera first.

    Args:
        pose: camera to world, z up. instance: which thing each pixel shows.
    """
    lines = things.there[row].nonzero()[:, 0].cpu()
    label, centre, size, yaw, number, since = (
        values[row].cpu()[lines].numpy()
        for values in (things.label, things.centre, things.size, things.yaw, things.id, things.since)
    )
    level = TO_LEVEL.astype(np.float64) @ pose
    places = centre.astype(np.float64) @ TO_LEVEL[:3, :3].T
    pixels = np.bincount(instance[instance > 0], minlength=int(number.max(initial=0)) + 1)
    objects = [
        SceneObject(
            id=int(number[n]),
            name=classes[label[n]],
            centre=_vector(places[n]),
            size=_vector(size[n][[1, 2, 0]]),
            heading=(math.pi / 2 - float(yaw[n]) + math.pi) % (2 * math.pi) - math.pi,
            confidence=1.0,
            first=int(since[n]),
            last=step,
            pixels=int(pixels[number[n]]),
        )
        for n in np.argsort(_distances(pose[:3, 3], centre, size, yaw), kind="stable")
    ]
    relations = relate(objects, level, RelationsConfig())
    return SceneGraph(step, tuple(tuple(line) for line in level.tolist()), tuple(objects), tuple(relations))


def _distances(
    eye: Float[np.ndarray, " 3"],
    centre: Float[np.ndarray, "N 3"],
    size: Float[np.ndarray, "N 3"],
    yaw: Float[np.ndarray, " N"],
) -> Float[np.ndarray, " N"]:
    """Metres from the eye to each box; 0 inside."""
    east, north, up = (eye - centre).T
    cos, sin = np.cos(yaw), np.sin(yaw)
    own = np.stack([east * cos + north * sin, north * cos - east * sin, up], 1)
    return np.asarray(np.linalg.norm(np.maximum(np.abs(own) - size / 2, 0), axis=1))


def _vector(values: np.ndarray) -> tuple[float, float, float]:
    x, y, z = map(float, values)
    return x, y, z
