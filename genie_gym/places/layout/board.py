"""What stands in a place while it is laid out: what comes next must not overlap it, and may look at it.

Legend: T things that stand, K poses, C classes.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from genie_gym.places.layout.boxes import separation, wrap
from genie_gym.places.layout.config import SPAWN, LayoutConfig
from genie_gym.places.layout.ground import Ground
from genie_gym.places.layout.records import AT
from genie_gym.places.layout.sketch import OVERHEAD
from genie_gym.places.place import Vector

TOUCHING, STACKED = 0.02, 0.05  # units that cores may overlap, from the side and from above
VIEW, VIEW_SIDE, TALL = 8.0, 1.6, 1.2  # units ahead of the spawn, to either side, that what is so tall keeps out of
CLEAR = 0.8  # units around the spawn that nothing solid takes


class Board:
    """Things as rows of numbers. `boxes` [T, 5] are whole, `cores` [T, 5] what is solid of them; `low`, `high` [T] are where
    they begin and end over the ground; `labels` [T] their classes, or len(classes) + kind of pieces; `groups` [T].

    Args:
        cores: which share of the box of each class is solid in this scene.
    """

    def __init__(self, config: LayoutConfig, ground: Ground, cores: Float[np.ndarray, " C"]):
        self.config, self.ground = config, ground
        self.spawn: Vector | None = None
        self.boxes = self.cores = np.zeros((0, 5))
        self.low = self.high = np.zeros(0)
        self.labels = self.groups = np.zeros(0, int)
        self._core = np.append(cores, np.ones(len(config.kinds)))
        self._group = np.append(config.groups, np.zeros(len(config.kinds), int)).astype(int)

    def __len__(self) -> int:
        return len(self.boxes)

    def add(
        self, boxes: Float[np.ndarray, "T 5"], low: Float[np.ndarray, " T"], high: Float[np.ndarray, " T"],
        labels: Int[np.ndarray, " T"],
    ) -> None:  # fmt: skip
        self.boxes = np.concatenate([self.boxes, boxes])
        self.cores = np.concatenate([self.cores, self.solid(boxes, labels)])
        self.low, self.high = np.append(self.low, low), np.append(self.high, high)
        self.labels = np.append(self.labels, labels)
        self.groups = np.append(self.groups, self._group[labels])

    def keep(self, kept: Bool[np.ndarray, " T"]) -> None:
        """Takes all others away."""
        for name in ("boxes", "cores", "low", "high", "labels", "groups"):
            setattr(self, name, getattr(self, name)[kept])

    def solid(self, boxes: Float[np.ndarray, "T 5"], labels: Int[np.ndarray, " T"]) -> Float[np.ndarray, "T 5"]:
        """The cores of boxes."""
        cores: np.ndarray = boxes * np.concatenate(
            [np.ones((len(boxes), 3)), np.repeat(self._core[labels][:, None], 2, 1)], 1
        )
        return cores

    @property
    def in_the_way(self) -> Bool[np.ndarray, " T"]:
        """What one sees beside oneself, not overhead."""
        return np.asarray(self.low < OVERHEAD * self.ground.unit)

    def clashes(
        self, poses: Float[np.ndarray, "K 26"], margin: float = 0.0, in_view: bool = False
    ) -> Bool[np.ndarray, " K"]:
        """Which poses (records in metres) of one class overlap what stands, or stand where nothing may: on the spawn, and in
        its view unless they may be `in_view`."""
        boxes = boxes_of(poses)
        label = int(poses[0, AT["label"]])
        cores = self.solid(boxes, np.full(len(boxes), label))
        cores[:, 3:] += margin
        low, high = poses[:, AT["lift"]], poses[:, AT["lift"]] + poses[:, AT["high"]]
        apart = separation(cores, self.cores) > -TOUCHING * self.ground.unit
        thin = STACKED * self.ground.unit
        apart |= (low[:, None] > self.high - thin) | (high[:, None] < self.low + thin)
        out: np.ndarray = np.asarray(~apart.all(1))
        if self.spawn is not None:
            ahead = separation(cores, view_of(self.spawn, self.ground.unit))[:, 0] < 0
            out |= ahead & (high > TALL * self.ground.unit) & (not in_view) | self.on_spawn(cores)
        elif self.config.classes[label] == SPAWN:
            out |= self._blocked_view(poses)
        return out

    def on_spawn(self, cores: Float[np.ndarray, "K 5"]) -> Bool[np.ndarray, " K"]:
        """Which cores take the room of who enters."""
        assert self.spawn is not None
        here = np.array([[*self.spawn, CLEAR * self.ground.unit, CLEAR * self.ground.unit]])
        return np.asarray(separation(cores, here)[:, 0] < 0)

    def _blocked_view(self, poses: Float[np.ndarray, "K 26"]) -> Bool[np.ndarray, " K"]:
        """Of spawns: whether what stands is in their view, or on them."""
        unit = self.ground.unit
        tall = self.in_the_way & (self.high > TALL * unit)
        views = np.concatenate([view_of(tuple(row), unit) for row in poses[:, AT["x"] : AT["yaw"] + 1]])
        views[:, 3] *= 0.5
        views[:, :2] -= np.stack([np.cos(views[:, 2]), np.sin(views[:, 2])], 1) * views[:, 3:4]
        here = boxes_of(poses)
        here[:, 3:] = CLEAR * unit
        solid = self.cores[self.in_the_way]
        return np.asarray((separation(views, self.cores[tall]) < 0).any(1) | (separation(here, solid) < 0).any(1))

    def outside(self, poses: Float[np.ndarray, "K 26"]) -> Bool[np.ndarray, " K"]:
        """Which poses do not stand within the square."""
        points = poses[:, AT["x"] : AT["y"] + 1]
        short = np.minimum(poses[:, AT["wide"]], poses[:, AT["deep"]]) / 2
        return np.asarray(np.abs(points).max(1) > self.ground.half - np.minimum(short, 0.08 * self.ground.half))


def boxes_of(poses: Float[np.ndarray, "K 26"]) -> Float[np.ndarray, "K 5"]:
    """Of records whose x and y are metres."""
    half = poses[:, AT["wide"] : AT["deep"] + 1] / 2
    return np.concatenate([poses[:, AT["x"] : AT["yaw"] + 1], half], 1)


def view_of(spawn: tuple[float, ...], unit: float) -> Float[np.ndarray, "1 5"]:
    """What one sees first, as a box."""
    x, y, yaw = spawn
    reach = VIEW * unit / 2
    middle = x + reach * np.cos(yaw), y + reach * np.sin(yaw)
    return np.array([[*middle, wrap(yaw), reach, VIEW_SIDE * unit]])
