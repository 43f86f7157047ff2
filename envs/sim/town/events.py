"""The seven events: what each does to a world, and random ones, for recordings that show worlds change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from typing import TypeVar

import numpy as np

from genie_gym.envs.sim.town.vocabulary import VOCABULARY
from genie_gym.envs.sim.town.world import TownWorld
from genie_gym.errors import check_name
from genie_gym.text.chance import any_event
from genie_gym.text.spec import (
    CharacterAdd,
    CharacterSpec,
    Event,
    ObjectAdd,
    ObjectRemove,
    ObjectSpec,
    PhysicsModifier,
    SceneTransition,
    TimeOfDay,
    WeatherChange,
    WorldSpec,
)

Asked = TypeVar("Asked", ObjectSpec, CharacterSpec)


def apply_event(world: TownWorld, event: Event) -> list[str]:
    """Changes the world from now on; its `spec` says what it is since then, its `event_log` when it came about.

    Returns:
        What of it this world cannot show, in words.

    Raises:
        GenieGymError: for events and names that Town does not know, for things to remove that are not there, and for more
            things than a world holds.
    """
    check_name("event in Town", getattr(event, "type", event) if isinstance(event, Event) else event, KNOWN)
    VOCABULARY.check_event(event)
    values = {name: value for name, value in asdict(event).items() if value is not None and name != "seconds"}
    unshown = _unshown(world, event)
    match event:
        case ObjectAdd():
            world.spec = world.spec.replace(objects=(*world.spec.objects, ObjectSpec(**values)))
            world.add(event)
        case CharacterAdd():
            world.spec = world.spec.replace(characters=(*world.spec.characters, CharacterSpec(**values)))
            world.add(event)
        case ObjectRemove():
            removed = Counter(entity.kind for entity in world.remove(event))
            world.spec = _without(world.spec, removed, {entity.kind for _, entity in world.layout.standing()})
            if isinstance(event.count, int) and removed.total() < event.count:
                unshown.append(f"{event.count} x {event.kind} (there were {removed.total()})")
        case _:
            world.spec = world.spec.replace(**values)
            _EFFECTS[type(event)](world)
    world.event_log.append((world.steps, event))
    return unshown


def _unshown(world: TownWorld, event: Event) -> list[str]:
    match event:
        case ObjectAdd() | CharacterAdd() if event.position in VOCABULARY.landmarks:
            if event.position not in {entity.kind for _, entity in world.layout.standing()}:
                return [f"{event.position} (none stands here; it comes near you)"]
        case WeatherChange() if world.layout.roof is not None and event.weather != "sunny":
            return [f"{event.weather} (indoors it is seen through the windows only)"]
        case WeatherChange() if event.seconds:
            return [f"within {event.seconds:g} seconds (weather comes at once here)"]
    return []


def _without(spec: WorldSpec, removed: Counter[str], left: Iterable[str]) -> WorldSpec:
    """The spec after so many of each kind went away. What was asked for goes first; a kind of which none is `left` does not
    come back in another scene."""
    gone = {kind for kind in removed if kind not in left}
    return spec.replace(
        landmarks=tuple(name for name in spec.landmarks if name not in gone),
        objects=_fewer(spec.objects, removed, gone),
        characters=_fewer(spec.characters, removed, gone),
        without=tuple(sorted({*spec.without, *gone})),
    )


def _fewer(asked: tuple[Asked, ...], removed: Counter[str], gone: set[str]) -> tuple[Asked, ...]:
    kept, owed = [], Counter(removed)
    for item in reversed(asked):
        taken = item.count if item.kind in gone else min(item.count, owed[item.kind])
        owed[item.kind] -= taken
        if taken < item.count:
            kept.append(replace(item, count=item.count - taken))
    return tuple(reversed(kept))


# What follows from a changed `spec`.
_EFFECTS: dict[type[Event], Callable[[TownWorld], None]] = {
    WeatherChange: lambda world: world.simulation.relight(world.spec),
    TimeOfDay: lambda world: world.simulation.relight(world.spec),
    PhysicsModifier: lambda world: world.simulation.set_physics(world.spec),
    SceneTransition: lambda world: world.enter_scene(),
}
KNOWN = (*(kind.type for kind in _EFFECTS), ObjectAdd.type, CharacterAdd.type, ObjectRemove.type)


def random_event(rng: np.random.Generator, spec: WorldSpec) -> Event:
    """Any event that every world can show (`text.chance`)."""
    return any_event(rng, spec, VOCABULARY)
