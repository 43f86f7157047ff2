"""Random world events, for recordings that show worlds change."""

from __future__ import annotations

import numpy as np

from genie_gym.text.spec import (
    BEHAVIOURS,
    CHARACTERS,
    MAX_THINGS,
    OBJECTS,
    SCENES,
    WEATHERS,
    CharacterAdd,
    Event,
    ObjectAdd,
    PhysicsModifier,
    SceneTransition,
    TimeOfDay,
    WeatherChange,
    WorldSpec,
)


def random_event(rng: np.random.Generator, spec: WorldSpec) -> Event:
    """Any of the six, drawn so that it changes something."""
    kinds = ["weather", "time", "physics", "scene"] + (
        ["object", "object", "character"] if spec.num_asked < MAX_THINGS else []
    )
    kind = rng.choice(kinds)
    if kind == "weather":
        return WeatherChange(str(rng.choice([w for w in WEATHERS if w != spec.weather])))
    if kind == "time":
        return TimeOfDay(round(float((spec.hour + rng.uniform(4, 20)) % 24), 2))
    if kind == "object":
        return ObjectAdd(str(rng.choice(OBJECTS)))
    if kind == "character":
        return CharacterAdd(str(rng.choice(CHARACTERS)), str(rng.choice(BEHAVIOURS)))
    if kind == "scene":
        return SceneTransition(str(rng.choice([s for s in SCENES if s != spec.scene])))
    return PhysicsModifier(round(float(rng.uniform(2, 20)), 2), round(float(rng.uniform(0.1, 2)), 2))
