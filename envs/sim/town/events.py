"""The six events: what each does to a world, and random ones, for recordings that show worlds change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import numpy as np

from genie_gym.envs.sim.town.world import TownWorld
from genie_gym.text.spec import (
    BEHAVIOURS,
    CHARACTERS,
    MAX_THINGS,
    OBJECTS,
    SCENES,
    WEATHERS,
    CharacterAdd,
    CharacterSpec,
    Event,
    ObjectAdd,
    ObjectSpec,
    PhysicsModifier,
    SceneTransition,
    TimeOfDay,
    WeatherChange,
    WorldSpec,
)


def apply_event(world: TownWorld, event: Event) -> None:
    """Changes the world from now on; its `spec` says what it is since then, its `event_log` when it came about."""
    values = {name: value for name, value in asdict(event).items() if value is not None}
    match event:
        case ObjectAdd():
            world.spec = world.spec.replace(objects=(*world.spec.objects, ObjectSpec(**values)))
            world.add(event)
        case CharacterAdd():
            world.spec = world.spec.replace(characters=(*world.spec.characters, CharacterSpec(**values)))
            world.add(event)
        case _:
            world.spec = world.spec.replace(**values)
            _EFFECTS[type(event)](world)
    world.event_log.append((world.steps, event))


# What follows from a changed `spec`.
_EFFECTS: dict[type, Callable[[TownWorld], None]] = {
    WeatherChange: lambda world: world.simulation.relight(world.spec),
    TimeOfDay: lambda world: world.simulation.relight(world.spec),
    PhysicsModifier: lambda world: world.simulation.set_physics(world.spec),
    SceneTransition: lambda world: world.enter_scene(),
}
_DRAWS: dict[str, Callable[[np.random.Generator, WorldSpec], Event]] = {
    "weather": lambda rng, spec: WeatherChange(str(rng.choice([w for w in WEATHERS if w != spec.weather]))),
    "time": lambda rng, spec: TimeOfDay(round(float((spec.hour + rng.uniform(4, 20)) % 24), 2)),
    "physics": lambda rng, spec: PhysicsModifier(round(float(rng.uniform(2, 20)), 2), round(float(rng.uniform(0.1, 2)), 2)),
    "scene": lambda rng, spec: SceneTransition(str(rng.choice([s for s in SCENES if s != spec.scene]))),
    "object": lambda rng, spec: ObjectAdd(str(rng.choice(OBJECTS))),
    "character": lambda rng, spec: CharacterAdd(str(rng.choice(CHARACTERS)), str(rng.choice(BEHAVIOURS))),
}


def random_event(rng: np.random.Generator, spec: WorldSpec) -> Event:
    """Any of the six, drawn so that it changes something. Objects are twice as likely; a full world takes nothing more."""
    kinds = ["weather", "time", "physics", "scene"]
    if spec.num_asked < MAX_THINGS:
        kinds += ["object", "object", "character"]
    return _DRAWS[str(rng.choice(kinds))](rng, spec)
