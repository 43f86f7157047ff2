"""Towns that grew: a medieval town, a village, a harbour."""

from __future__ import annotations

import numpy as np

from genie_gym.envs.sim.town.builder import Builder
from genie_gym.envs.sim.town.pieces import Piece
from genie_gym.envs.sim.town.plane import HALF
from genie_gym.envs.sim.town.scenes.common import add_landmarks, add_people, add_winding_road, spawn_on_road, winding
from genie_gym.envs.sim.town.shapes import Collider, Shape


def medieval_town(builder: Builder) -> None:
    layout, rng, room = builder.layout, builder.rng, builder.room
    x, y = square = builder.uniform(-7, 7), builder.uniform(-7, 7)
    radius = rng.uniform(7, 9.5)
    builder.add_patch("cobble", x, y, (radius, radius), round=True)
    _add_spokes(builder, np.array(square), radius)
    window, inside = room.cells_of(x, y, (radius * 0.72, radius * 0.72), 0.0)
    room.reserved[window] &= ~inside  # the square itself may hold a market, a well, a fountain
    on_square = {"well": square, "market": square, "fountain": square}
    add_landmarks(builder, ("well", "church", "tower", "market", "fountain"), 0.45, on_square)
    room.reserved[window] |= inside
    builder.choose_spawn(square + rng.uniform(-radius, radius, 2) * 0.8, builder.uniform(-np.pi, np.pi))
    builder.add_asked()
    for road in layout.roads:
        builder.line_with_houses(road, "medieval", 0.5, (0.1, 1.2))
    builder.scatter({"barrel": 6, "crate": 5, "cart": 2, "lamp": 5, "tree": 12, "haystack": 2})
    builder.scatter({"barrel": 3}, near=square, reach=radius, on_road=True)
    add_people(builder, ("villager", "merchant", "guard", "child", "dog", "knight"), 3, 6)


def _add_spokes(builder: Builder, centre: np.ndarray, radius: float) -> None:
    """Three to five roads from a square to the edge of the world."""
    rng = builder.rng
    count, width, first = int(rng.integers(3, 6)), rng.uniform(3.6, 4.6), rng.uniform(0, 2 * np.pi)
    for k in range(count):
        angle = first + 2 * np.pi * (k + rng.uniform(-0.18, 0.18)) / count
        out = np.array([np.cos(angle), np.sin(angle)])
        end = out * (HALF / np.abs(out).max())
        builder.add_road(winding(builder, centre + out * radius * 0.5, end, 5), width, "cobble")


def village(builder: Builder) -> None:
    layout, rng = builder.layout, builder.rng
    layout.terrain.roll(rng, 1.2, 16)
    ends = rng.uniform(-10, 10, 4)
    add_winding_road(builder, ends[:2], bend=9, width=3.2)
    add_winding_road(builder, ends[2:], bend=9, width=2.6, northwards=True)
    for _ in range(3):
        found = builder.room.spot((5, 4), yaw=None)
        if found:
            builder.add_patch("crops", *found[:2], (4.6, 3.6))
            builder.room.occupy(*found[:2], (4.6, 3.6))
    add_landmarks(builder, ("well", "windmill", "church", "bridge"), 0.4)
    spawn_on_road(builder)
    builder.add_asked()
    for road in layout.roads:
        builder.line_with_houses(road, "cottage", 2.0, (3, 8), skip=0.35)
    builder.scatter({"tree": 22, "bush": 14, "haystack": 4, "fence": 8, "flower": 12, "cart": 1})
    builder.scatter({"barrel": 3, "log": 4, "pot": 4, "rock": 5})
    add_people(builder, ("villager", "sheep", "sheep", "horse", "dog", "child"), 4, 8)


def harbour(builder: Builder) -> None:
    layout, rng = builder.layout, builder.rng
    quay = layout.quay = builder.room.quay = builder.uniform(-14, -6)
    builder.add_road([[-HALF, quay + 4], [HALF, quay + 4]], 6.0, "planks")
    lane = builder.add_road([[rng.uniform(-16, 16), quay + 4], [rng.uniform(-16, 16), HALF]], 5.0, "cobble")
    add_landmarks(builder, ("lighthouse", "market", "tower"), 0.55)
    builder.choose_spawn((rng.uniform(-20, 20), quay + 5), float(-np.pi / 2 + rng.uniform(-1.2, 1.2)))
    builder.add_asked()
    front = builder.add_road([[-HALF, quay + 9.5], [HALF, quay + 9.5]], 1.0, "pavement")
    builder.line_with_houses(front, "warehouse", 0.6, (0.4, 3.0), skip=0.1)
    builder.line_with_houses(lane, "cottage", 0.8, (0.3, 2.5), skip=0.15)
    middle = (0.0, quay + 8)
    builder.scatter({"container": 4}, near=middle, reach=34)
    builder.scatter({"crate": 9, "barrel": 8}, near=middle, reach=34, on_road=True)
    builder.scatter({"lamp": 5, "log": 3, "cart": 2, "bench": 2}, near=middle, reach=34)
    _add_piers(builder, quay)
    layout.colliders.append(Collider("box", (0, quay - 0.5, 2), (HALF, 0.5, 3)))  # nobody falls into the sea
    add_people(builder, ("villager", "merchant", "guard", "dog"), 3, 6)


def _add_piers(builder: Builder, quay: float) -> None:
    """Three piers with boats at their sides."""
    rng = builder.rng
    piers: list[Piece] = []
    for k in range(3):
        x = -20 + 20 * k + rng.uniform(-5, 5)
        length = rng.uniform(8, 14)
        pier = Shape()
        pier.box((x, quay - length / 2, -0.25), (2.6, length, 0.25), "planks", tile=2.6)
        for y in np.arange(quay - length, quay, 2.6):
            for side in (-1.3, 1.3):
                pier.prism((x + side, float(y), -1.5), 0.14, 2.1, "dark_wood", 6)
        piers.append(Piece("pier", pier))
        for side in (-1, 1):
            for y in (quay - length * 0.35, quay - length * 0.8):
                if rng.random() < 0.75 and "boat" not in builder.spec.without:
                    yaw = float(np.pi / 2 + np.pi * rng.integers(2))
                    builder.add_prop("boat", float(x + side * 2.6), float(y), yaw, z=-1.0)
    builder.add("pier", "building", 0.0, 0.0, 0.0, key=f"pier{builder.seed}", z=0.0, covers=False, pieces=piers)
