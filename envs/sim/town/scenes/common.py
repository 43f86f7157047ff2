"""What several scenes share: landmarks, passers-by, winding roads, lone houses."""

from __future__ import annotations

from typing import Any

import numpy as np

from genie_gym.envs.sim.town.builder import Builder
from genie_gym.envs.sim.town.landmarks import FOOTPRINTS
from genie_gym.envs.sim.town.plane import HALF, Point


def add_landmarks(builder: Builder, usual: tuple[str, ...], share: float, near: dict[str, Point] | None = None) -> None:
    """What the spec asks for, then each of the `usual` ones with a probability of `share`."""
    wanted = sorted(builder.spec.landmarks, key=lambda kind: -max(FOOTPRINTS[kind]))
    without = (*wanted, *builder.spec.without)
    for kind in wanted + [kind for kind in usual if kind not in without and builder.rng.random() < share]:
        builder.add_landmark(kind, (near or {}).get(kind))


def add_people(builder: Builder, kinds: tuple[str, ...], low: int, high: int) -> None:
    """From `low` to `high` passers-by, unless the spec names its characters or excludes them."""
    if builder.spec.characters:
        return
    for _ in range(int(builder.rng.integers(low, high + 1))):
        kind = str(builder.rng.choice(kinds))
        found = builder.room.spot((0.5, 0.5), on_road=True)
        if kind not in builder.spec.without and found:
            builder.add_character(kind, str(builder.rng.choice(["stand", "wander", "wander", "patrol"])), *found[:2])


def add_lone_house(
    builder: Builder, style: str, room: tuple[float, float], width: tuple[float, float], depth: tuple[float, float],
    **where: Any,
) -> None:  # fmt: skip
    """A house of random width and depth where there is `room` (half extents); `where` narrows the search (`Room.spot`)."""
    found = builder.room.spot(room, yaw=None, **where)
    if found:
        builder.add_house(style, *found, builder.uniform(*width), builder.uniform(*depth))


def winding(builder: Builder, start: np.ndarray, end: np.ndarray, bend: float) -> np.ndarray:
    """Points [4, 2] of a road that swerves by up to `bend` metres."""
    normal = np.array([-(end - start)[1], (end - start)[0]]) / np.hypot(*(end - start))
    inner = [start + t * (end - start) + builder.rng.uniform(-bend, bend) * normal for t in (0.36, 0.7)]
    return np.array([start, *inner, end])


def add_winding_road(builder: Builder, ends: np.ndarray, bend: float, width: float, northwards: bool = False) -> None:
    """A dirt road through the whole world; `ends` [2] are the y at which it enters and leaves (northwards: the x)."""
    points = np.array([[-HALF, ends[0]], [HALF, ends[1]]])
    start, end = points[:, ::-1] if northwards else points
    builder.add_road(winding(builder, start, end, bend), width, "dirt")


def spawn_on_road(builder: Builder) -> None:
    """The agent starts on the first road, looking towards the world's centre."""
    start = builder.layout.roads[0].points[1]
    builder.choose_spawn(start, inwards(builder, start))


def spawn_anywhere(builder: Builder, reach: float) -> None:
    """The agent starts within `reach` metres (along x and along y) of the centre, looking anywhere."""
    builder.choose_spawn(builder.rng.uniform(-reach, reach, 2), builder.uniform(-np.pi, np.pi))


def inwards(builder: Builder, at: Point | np.ndarray) -> float:
    """About the heading from a point towards the world's centre."""
    return float(np.arctan2(-at[1], -at[0]) + builder.rng.uniform(-0.4, 0.4))
