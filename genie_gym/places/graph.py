"""The scene graph of a row, read off the table of things: exact boxes and classes.

Legend: N things a row.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float, Int

from genie_gym.geometry.scene_graph.relations import RelationsConfig, relate
from genie_gym.geometry.scene_graph.scene import SceneGraph, SceneObject
from genie_gym.places.library import AssetLibrary
from genie_gym.places.table import Things


def scene_graph(
    things: Things,
    row: int,
    library: AssetLibrary,
    pose: Float[np.ndarray, "4 4"],
    origin: Float[np.ndarray, "4 4"],
    step: int,
    first: Int[np.ndarray, " N"],
    last: Int[np.ndarray, " N"],
    pixels: Int[np.ndarray, " N"],
    config: RelationsConfig | None = None,
) -> SceneGraph:
    """What one has seen of a row's things, the nearest first.

    Args:
        pose, origin: of the camera now and of that in which the episode began (camera to world, as `draw` takes them):
            the graph's world is that of the latter, level (`geometry.level`).
        first, last: the steps in which each line's thing was seen; -1 for never. pixels: how many show it now.
    """
    config = config or RelationsConfig()
    turn, place = _level(origin)
    level = np.eye(4)
    level[:3, :3], level[:3, 3] = turn @ pose[:3, :3], turn @ (pose[:3, 3] - place)
    lines = np.flatnonzero((things.label[row] >= 0).cpu().numpy() & (first >= 0))
    centre, size = (getattr(things, name)[row].double().cpu().numpy()[lines] for name in ("centre", "size"))
    yaw, label, number = (getattr(things, name)[row].cpu().numpy()[lines] for name in ("yaw", "label", "id"))
    centre = (centre - place) @ turn.T
    ahead = math.atan2(origin[1, 2], origin[0, 2])
    objects = [
        SceneObject(
            id=int(number[k]), name=library.config.classes[label[k]], centre=_vector(centre[k]),
            size=_vector(size[k, [1, 2, 0]]), heading=math.remainder(ahead - float(yaw[k]), 2 * math.pi), confidence=1.0,
            first=int(first[n]), last=int(last[n]), pixels=int(pixels[n]),
        )
        for k, n in enumerate(lines)
    ]  # fmt: skip
    objects.sort(key=lambda thing: float(thing.distance_to(level[:3, 3])))
    relations = tuple(relate(objects, level, config))
    return SceneGraph(
        step=step, pose=tuple(tuple(line) for line in level.tolist()), objects=tuple(objects), relations=relations
    )


def _level(origin: Float[np.ndarray, "4 4"]) -> tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, " 3"]]:
    """From the place's axes to those of a camera that looks level: right, down, forward; and where it is."""
    ahead = math.atan2(origin[1, 2], origin[0, 2])
    cos, sin = math.cos(ahead), math.sin(ahead)
    return np.array([[sin, -cos, 0], [0, 0, -1], [cos, sin, 0]]), origin[:3, 3].astype(np.float64)


def _vector(values: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z
