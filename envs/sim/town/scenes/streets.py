"""A grid of straight city streets: dry, and under water."""

from __future__ import annotations

import numpy as np

from genie_gym.envs.sim.town.builder import Builder
from genie_gym.envs.sim.town.layout import Road
from genie_gym.envs.sim.town.plane import HALF, as_point, heading_of
from genie_gym.envs.sim.town.scenes.common import add_landmarks, add_people


def modern_street(builder: Builder) -> None:
    layout, rng = builder.layout, builder.rng
    _add_streets(builder, 7.0, lane_marks=True)
    _add_pavements(builder, 2.2)
    add_landmarks(builder, ("fountain", "statue"), 0.3)
    start, end = layout.roads[-1].points
    _spawn_on_street(builder, layout.roads[-1], (start + end) / 2 + rng.uniform(-12, 12) * (end - start) / (2 * HALF))
    builder.add_asked()
    for street in layout.roads[len(layout.roads) // 2 :]:
        builder.line_with_houses(street, "modern", 2.4, (0.0, 0.8), skip=0.08)
    _line_streets(builder, {"car": (7, 2.4), "lamp": (12, 4.3), "bench": (3, 5.2), "tree": (8, 4.9), "cone": (5, 1.0)})
    builder.scatter({"crate": 3}, on_road=True)
    builder.scatter({"bush": 5})
    add_people(builder, ("villager", "villager", "child", "robot", "dog", "guard"), 4, 7)


def flooded_street(builder: Builder) -> None:
    layout, rng = builder.layout, builder.rng
    layout.water_level = 0.38
    _add_streets(builder, 7.5)
    add_landmarks(builder, ("church", "statue"), 0.25)
    _spawn_on_street(builder, layout.roads[-1], layout.roads[-1].points.mean(0))
    builder.add_asked()
    for street in layout.roads:
        style = "medieval" if rng.random() < 0.3 else "modern"
        builder.line_with_houses(street, style, 1.2, (0.0, 1.0), skip=0.1)
    _line_streets(builder, {"lamp": (10, 4.2), "tree": (6, 4.6), "car": (6, 2.5)})
    builder.scatter({"boat": 4, "crate": 8, "barrel": 7, "log": 5, "chair": 3, "bucket": 3}, on_road=True)
    add_people(builder, ("villager", "guard", "dog"), 2, 4)


def _add_streets(builder: Builder, width: float, lane_marks: bool = False) -> None:
    """One or two streets eastwards and as many northwards, offset from world to world."""
    rng = builder.rng
    for northwards in (False, True):
        offsets = [rng.uniform(-5, 5)] if rng.random() < 0.45 else [rng.uniform(-17, -9), rng.uniform(9, 17)]
        for offset in offsets:
            ends = np.array([[-HALF, offset], [HALF, offset]])
            builder.add_road(ends[:, ::-1] if northwards else ends, width, "asphalt", lane_marks)


def _add_pavements(builder: Builder, beyond: float) -> None:
    """Pavement on both sides of each street, kept free of buildings like the street itself."""
    streets = builder.layout.roads
    builder.layout.roads = []
    for street in streets:
        builder.add_road(street.points, street.width + 2 * beyond, "pavement")
    builder.layout.roads += streets  # painted over their pavements


def _spawn_on_street(builder: Builder, street: Road, at: np.ndarray) -> None:
    """The agent starts on a street, looking along it, either way."""
    yaw = heading_of(street.points[1] - street.points[0]) + np.pi * builder.rng.integers(2)
    builder.choose_spawn(at, float(yaw))


def _line_streets(builder: Builder, props: dict[str, tuple[int, float]]) -> None:
    """Props at the kerb: of each kind how many, and how many metres from the middle of a street or pavement."""
    rng, roads = builder.rng, builder.layout.roads
    wanted = [(kind, offset) for kind, (count, offset) in props.items() for _ in range(count)]
    for kind, offset in wanted:
        if kind in builder.spec.without:
            continue
        start, end = roads[int(rng.integers(len(roads)))].points
        along = (end - start) / np.hypot(*(end - start))
        normal = np.array([-along[1], along[0]]) * rng.choice([-1, 1])
        x, y = as_point(start + (end - start) * rng.uniform(0.05, 0.95) + normal * offset)
        half, yaw = (2.1, 1.0) if kind == "car" else (0.5, 0.5), heading_of(along)
        if builder.room.fits(x, y, half, yaw, on_road=True):
            builder.add_prop(kind, x, y, yaw)
