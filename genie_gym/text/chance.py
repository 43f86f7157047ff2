"""Events that happen by chance, for recordings and environments in which the world changes (domain randomisation)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from genie_gym.text.spec import (
    BEHAVIOURS,
    MAX_THINGS,
    CharacterAdd,
    Event,
    ObjectAdd,
    PhysicsModifier,
    SceneTransition,
    TimeOfDay,
    WeatherChange,
    WorldSpec,
)
from genie_gym.text.vocabulary import Vocabulary

Draw = Callable[[np.random.Generator, WorldSpec, Vocabulary], Event]
_DRAWS: dict[str, Draw] = {
    "weather": lambda rng, spec, words: WeatherChange(str(rng.choice([w for w in words.weathers if w != spec.weather]))),
    "time": lambda rng, spec, words: TimeOfDay(round(float((spec.hour + rng.uniform(4, 20)) % 24), 2)),
    "physics": lambda rng, spec, words: PhysicsModifier(
        round(float(rng.uniform(2, 20)), 2), round(float(rng.uniform(0.1, 2)), 2)
    ),
    "scene": lambda rng, spec, words: SceneTransition(str(rng.choice([s for s in words.scenes if s != spec.scene]))),
    "object": lambda rng, spec, words: ObjectAdd(str(rng.choice(words.objects))),
    "character": lambda rng, spec, words: CharacterAdd(str(rng.choice(words.characters)), str(rng.choice(BEHAVIOURS))),
}


def any_event(rng: np.random.Generator, spec: WorldSpec, vocabulary: Vocabulary) -> Event:
    """An event in the words of a vocabulary, drawn so that it changes something in a world that is like `spec`. Objects are
    twice as likely; a full world takes nothing more."""
    kinds = ["weather", "time", "physics", "scene"]
    if spec.num_asked < MAX_THINGS:
        kinds += ["object", "object", "character"]
    return _DRAWS[str(rng.choice(kinds))](rng, spec, vocabulary)
