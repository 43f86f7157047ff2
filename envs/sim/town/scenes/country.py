"""Open country: forest, desert, snowfield."""

from __future__ import annotations

from genie_gym.envs.sim.town.builder import Builder
from genie_gym.envs.sim.town.scenes import common


def forest(builder: Builder) -> None:
    layout, rng = builder.layout, builder.rng
    layout.terrain.roll(rng, 2.2, 12)
    common.add_winding_road(builder, rng.uniform(-18, 18, 2), bend=14, width=2.4)
    common.add_landmarks(builder, ("tower", "bridge"), 0.15)
    common.spawn_on_road(builder)
    builder.add_asked()
    if rng.random() < 0.5:
        found = builder.room.spot((3.5, 3.5))
        if found:
            builder.add_house("cabin", *found, 5.0, 4.4)
    builder.scatter({"pine": 75, "tree": 60, "bush": 30, "rock": 16, "log": 10, "flower": 10})
    common.add_people(builder, ("villager", "dog", "horse"), 1, 3)


def desert(builder: Builder) -> None:
    layout, rng = builder.layout, builder.rng
    layout.terrain.roll(rng, 3.4, 9)
    common.add_landmarks(builder, ("pyramid", "well", "gate"), 0.3)
    common.spawn_anywhere(builder, 14)
    builder.add_asked()
    hamlet = builder.uniform(-16, 16), builder.uniform(-16, 16)
    for _ in range(int(rng.integers(2, 6))):
        common.add_lone_house(builder, "adobe", (3.9, 3.4), (4, 7), (4, 6), near=hamlet, reach=13)
    builder.scatter({"cactus": 26, "rock": 26, "pot": 5, "barrel": 3, "tent": 3, "crate": 3})
    common.add_people(builder, ("merchant", "villager", "horse", "robot"), 1, 4)


def snowfield(builder: Builder) -> None:
    layout, rng = builder.layout, builder.rng
    layout.terrain.roll(rng, 2.4, 12)
    common.add_landmarks(builder, ("lighthouse", "church"), 0.15)
    common.spawn_anywhere(builder, 12)
    builder.add_asked()
    for _ in range(2):
        found = builder.room.spot((5.5, 5.5), tries=20)
        if found:
            x, y, _ = found
            builder.add_patch("ice", x, y, (5, 4), round=True)
            layout.terrain.flatten(x, y, 4)
            builder.room.occupy(x, y, (4, 3))
    for _ in range(int(rng.integers(1, 4))):
        common.add_lone_house(builder, "cabin", (3.4, 3.0), (4.5, 6), (4, 5))
    builder.scatter({"pine": 55, "rock": 14, "snowman": 4, "log": 6, "crate": 3, "barrel": 2})
    common.add_people(builder, ("villager", "dog", "child", "sheep"), 1, 4)
