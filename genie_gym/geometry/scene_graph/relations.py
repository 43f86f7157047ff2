"""How things lie to one another, as the current camera sees them: left of, right of, in front of, behind; and on, near.

Legend: N things, C = 8 corners, S = 27 points of a box.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from genie_gym.geometry.scene_graph.scene import Relation, SceneObject

AHEAD = 0.1  # metres: of a box, what is nearer to the camera's plane, or behind it, counts as so far ahead
SAMPLES = np.array(list(itertools.product((-0.5, 0.0, 0.5), repeat=3)))
"""[S, 3]: corners of a box, the middles of its edges and faces, its centre; in sizes of the box."""


@dataclass(frozen=True)
class RelationsConfig:
    most: int = 40
    """Things that are related, the nearest first."""
    near: float = 1.5
    """Metres between two boxes, up to which they are near each other."""
    rests: float = 0.3
    """Metres by which the foot of what is on something may miss its top."""
    covers: float = 0.5
    """The share of the narrower of two things that the other overlaps in the view, from which one is in front of the other;
    below it, one is to the left."""


def relate(objects: Sequence[SceneObject], pose: Float[np.ndarray, "4 4"], config: RelationsConfig) -> list[Relation]:
    """All relations of all pairs of `objects`, the nearest first, both ways round. Only things in view have a side; `on` and
    `near` hold anywhere."""
    if not objects:
        return []
    objects = objects[: config.most]
    left, right = _sides(objects, pose)
    away = np.array([thing.distance_to(pose[:3, 3]) for thing in objects])
    gap = _gaps(objects)
    seen = np.array([thing.pixels > 0 for thing in objects])
    seen = seen[:, None] & seen & ~np.eye(len(objects), dtype=bool)
    common = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
    overlap = common > config.covers * np.minimum((right - left)[:, None], right - left)
    before = _before(away)
    lefter = _before(left + right)
    holds = {
        "left of": seen & ~overlap & lefter,
        "right of": seen & ~overlap & lefter.T,
        "in front of": seen & overlap & before,
        "behind": seen & overlap & before.T,
        "near": (gap <= config.near) & ~np.eye(len(objects), dtype=bool),
        "on": _rests_on(objects, config),
    }
    return [
        Relation(objects[i].id, name, objects[j].id, float(gap[i, j]))
        for name, pairs in holds.items()
        for i, j in np.argwhere(pairs).tolist()
    ]


def _before(values: Float[np.ndarray, " N"]) -> Bool[np.ndarray, "N N"]:
    """Which are less than which; of two that are equal, the first is."""
    order = np.argsort(np.argsort(values, kind="stable"))
    return order[:, None] < order


def _sides(objects: Sequence[SceneObject], pose: np.ndarray) -> tuple[Float[np.ndarray, " N"], Float[np.ndarray, " N"]]:
    """Between which bearings (radians to the right of the camera's axis) each box lies."""
    corners = np.stack([thing.corners() for thing in objects])  # [N, C, 3]
    x, _, z = np.moveaxis((corners - pose[:3, 3]) @ pose[:3, :3], -1, 0)
    bearing = np.arctan2(x, np.maximum(z, AHEAD))
    return bearing.min(1), bearing.max(1)


def _gaps(objects: Sequence[SceneObject]) -> Float[np.ndarray, "N N"]:
    """Metres between boxes, from some points on the one to the other: of long things that cross without their corners, too
    much."""
    points = np.stack([thing.to_world(SAMPLES * np.array(thing.size)) for thing in objects])  # [N, S, 3]
    one_way = np.stack([thing.distance_to(points).min(1) for thing in objects])
    return np.minimum(one_way, one_way.T)


def _rests_on(objects: Sequence[SceneObject], config: RelationsConfig) -> Bool[np.ndarray, "N N"]:
    """Whether one's foot is at the other's top, and its middle over it."""
    centre, height = np.array([thing.centre for thing in objects]), np.array([thing.size[1] for thing in objects])
    foot, top = centre[:, 1] + height / 2, centre[:, 1] - height / 2
    over = np.zeros((len(objects), len(objects)), bool)
    for j, under in enumerate(objects):
        middles = np.stack([centre[:, 0], np.full(len(objects), under.centre[1]), centre[:, 2]], 1)
        over[:, j] = (under.distance_to(middles) == 0) & (np.abs(foot - top[j]) <= config.rests)
    return over & ~np.eye(len(objects), dtype=bool)
