"""A moment of the arm's table as a `Place`: table, wall, links and objects as boxes on a floor.

Every geom stands in a box that is turned about z alone: links lie in the upright plane of the arm's yaw, so their boxes are
tight along it.
"""

from __future__ import annotations

import mujoco
import numpy as np

from genie_gym.envs.sim.arm import model as arm
from genie_gym.places.place import Place, Thing

THINNEST = 2e-3  # metres


def place_of(
    model: mujoco.MjModel, data: mujoco.MjData, instance: np.ndarray, classes: np.ndarray, camera: np.ndarray
) -> Place:
    """What stands where now.

    Args:
        instance, classes: of each geom, as in masks. camera: [4, 4], camera to world.
    """
    things = []
    for index in range(model.ngeom):
        name = arm.CLASSES[classes[index]]
        if name != "floor":
            things.append(_thing(model, data, index, name, int(instance[index])))
    forward = camera[:3, 2]
    return Place(
        half=arm.ROOM,
        base="floor",
        beyond="floor",
        heights=np.full((1, 1), arm.FLOOR, np.float32),
        things=tuple(things),
        spawn=(float(camera[0, 3]), float(camera[1, 3]), float(np.arctan2(forward[1], forward[0]))),
        scene="table",
    )


def _thing(model: mujoco.MjModel, data: mujoco.MjData, index: int, name: str, number: int) -> Thing:
    rotation, body = data.geom_xmat[index].reshape(3, 3), model.geom_bodyid[index]
    yaw = _yaw(data.xmat[model.body("turret").id].reshape(3, 3)) if name == "arm" else _yaw(rotation)
    own = np.array([[np.cos(yaw), np.sin(yaw), 0], [-np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]]) @ rotation
    middle, half = model.geom_aabb[index].reshape(2, 3)
    if model.geom_type[index] != arm.SPHERE:  # a ball is as wide however it has rolled
        half = np.abs(own) @ half
    size = np.maximum(2 * half, THINNEST)
    centre = data.geom_xpos[index] + rotation @ middle
    return Thing(
        name=name,
        centre=(float(centre[0]), float(centre[1]), float(centre[2])),
        size=(float(size[0]), float(size[1]), float(size[2])),
        yaw=yaw,
        kind=model.body(body).name if name == "arm" else "",
        movable=name in arm.KINDS,
        id=number,
    )


def _yaw(rotation: np.ndarray) -> float:
    """Of what has this rotation [3, 3], seen from above; 0 where its x axis is upright."""
    x, y = rotation[:2, 0]
    return float(np.arctan2(y, x)) if np.hypot(x, y) > 1e-3 else 0.0
