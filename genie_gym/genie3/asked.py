"""What a row is asked to be like: a spec, of its prompt, its place and its task, as far as that was ever recorded."""

from __future__ import annotations

import numpy as np

from genie_gym.genie3.config import Genie3Config
from genie_gym.geometry.goals import Goal
from genie_gym.places.place import Place
from genie_gym.text.prompt import Prompt
from genie_gym.text.spec import WorldSpec
from genie_gym.text.vocabulary import Vocabulary

STREAM = 11  # of what a row's seed decides outside torch


def generator(number: int) -> np.random.Generator:
    """Of what a row's seed (at least 0) decides when it begins."""
    return np.random.default_rng([STREAM, number])


def spec_of(
    prompt: Prompt | None, place: Place | None, number: int, vocabulary: Vocabulary | None, config: Genie3Config
) -> WorldSpec:
    """What the prompt says (what it leaves open is as the vocabulary completes it); else as the place is, under the first
    weather at noon; else any, as the row's seed has it."""
    if prompt is not None:
        return known(prompt.spec if vocabulary is None else vocabulary.complete(prompt.spec), config)[0]
    weather = config.library.weathers[0]
    if place is not None:
        return WorldSpec(place.scene, weather)
    if vocabulary is not None:
        return known(vocabulary.random(generator(number)), config)[0]
    scenes = () if config.layout is None else config.layout.scene_names
    return WorldSpec(str(generator(number).choice(scenes)) if scenes else "", weather)


def known(spec: WorldSpec, config: Genie3Config) -> tuple[WorldSpec, list[str]]:
    """The spec without what was never recorded, and what that is, a sentence each."""
    layout, weathers = config.layout, config.library.weathers
    lacking = [f"weather {spec.weather}: never recorded"] if spec.weather and spec.weather not in weathers else []
    if layout is None:
        return spec, lacking
    if spec.scene and spec.scene not in layout.scene_names:
        lacking.append(f"scene {spec.scene}: never recorded")
        spec = spec.replace(scene=layout.scene_names[0])
    asked = {*spec.landmarks, *(thing.kind for thing in spec.objects), *(person.kind for person in spec.characters)}
    if kinds := asked - set(layout.classes):
        spec = spec.replace(
            landmarks=tuple(name for name in spec.landmarks if name not in kinds),
            objects=tuple(thing for thing in spec.objects if thing.kind not in kinds),
            characters=tuple(person for person in spec.characters if person.kind not in kinds),
        )
    return spec, lacking + [f"{name}: never recorded" for name in sorted(kinds)]


def with_goal(spec: WorldSpec, goal: Goal | None, vocabulary: Vocabulary | None, config: Genie3Config) -> WorldSpec:
    """The spec with the landmark that is to be found."""
    if goal is None or vocabulary is None or config.layout is None:
        return spec
    if goal.kind not in vocabulary.landmarks or goal.kind not in config.layout.classes or goal.kind in spec.landmarks:
        return spec
    return spec.replace(
        landmarks=(*spec.landmarks, goal.kind), without=tuple(name for name in spec.without if name != goal.kind)
    )
