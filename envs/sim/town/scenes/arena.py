"""A sandy ring in a stadium of four tiers."""

from __future__ import annotations

import numpy as np

from genie_gym.envs.sim.town.builder import Builder
from genie_gym.envs.sim.town.pieces import Piece
from genie_gym.envs.sim.town.plane import CENTRES
from genie_gym.envs.sim.town.scenes.common import add_landmarks, add_people, inwards
from genie_gym.envs.sim.town.shapes import Collider, Shape

SIDES, TIERS = 24, 4


def arena(builder: Builder) -> None:
    rng = builder.rng
    radius = builder.uniform(21, 24)
    stands = _stands(radius, three_gates=rng.random() < 0.5)
    builder.add("stands", "building", 0.0, 0.0, 0.0, key=f"stands{builder.seed}", covers=False, pieces=stands)
    builder.room.occupied[:] = np.hypot(CENTRES[None, :], CENTRES[:, None]) > radius - 0.8
    builder.add_patch("packed_sand", 0, 0, (radius, radius), round=True)
    add_landmarks(builder, ("statue", "gate"), 0.35)
    angle = rng.uniform(0, 2 * np.pi)
    start = (float(15 * np.cos(angle)), float(15 * np.sin(angle)))
    builder.choose_spawn(start, inwards(builder, start))
    builder.add_asked()
    builder.scatter({"pillar": 7, "crate": 4, "barrel": 4, "rock": 3, "flag": 6})
    add_people(builder, ("knight", "guard", "horse", "villager"), 2, 5)


def _stands(radius: float, three_gates: bool) -> list[Piece]:
    """Tiers of seats around a ring of `radius` metres, with gates in the wall below them and pillars on their rim."""
    pieces: list[Piece] = []
    angles = 2 * np.pi * np.arange(SIDES) / SIDES + np.pi / SIDES
    gates = {0, SIDES // 2, SIDES // 4} if three_gates else {0, SIDES // 2}
    middles = [(a + (b - a) % (2 * np.pi) / 2) % (2 * np.pi) for a, b in zip(angles, np.roll(angles, -1), strict=True)]

    def corner(distance: float, angle: float, z: float) -> tuple[float, float, float]:
        return distance * np.cos(angle), distance * np.sin(angle), z

    for k, middle in enumerate(middles):
        a, b = angles[k], angles[(k + 1) % SIDES]
        segment = Shape()
        for tier in range(TIERS):
            inner, outer = radius + 1.7 * tier, radius + 1.7 * (tier + 1)
            low, high = 2.6 + 1.2 * tier if tier else 0.0, 2.6 + 1.2 * (tier + 1)
            wall = "sandstone" if tier else "door" if k in gates else ("sandstone", "marble")[k % 2]
            front = [corner(inner, b, low), corner(inner, a, low), corner(inner, a, high), corner(inner, b, high)]
            segment.quad(np.array(front), wall)
            seats = [corner(inner, a, high), corner(outer, a, high), corner(outer, b, high), corner(inner, b, high)]
            segment.quad(np.array(seats), ("stone", "marble", "fabric_red", "stone")[tier])
        x, y, z = (float(c) for c in corner(radius * np.cos(np.pi / SIDES) + 0.5, middle, 3.0))
        half = (0.5, float(radius * np.pi / SIDES) + 0.3, 3.0)
        segment.colliders.append(Collider("box", (x, y, z), half, float(middle)))
        pieces.append(Piece("gate" if k in gates else "stand", segment, float(middle)))
        if k % 3 == 1:
            x, y, z = (float(c) for c in corner(radius + 7.2, middle, 7.0))
            pillar = Shape()
            pillar.box((x, y, z), (0.9, 0.9, 4.0), "marble")
            pieces.append(Piece("stand_pillar", pillar))
    rim = radius + 6.8
    for k, middle in enumerate(middles):  # seen from outside
        a, b = angles[k], angles[(k + 1) % SIDES]
        back = Shape()
        outside = [corner(rim, a, 0), corner(rim, b, 0), corner(rim, b, 7.4), corner(rim, a, 7.4)]
        back.quad(np.array(outside), "sandstone", (1, 2))
        pieces.append(Piece("stand_back", back, float(middle)))
    return pieces
