"""What is asked of a view, as numbers: scene, weather, hour, and what is to be seen in it.

Legend: B views, G numbers.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from genie_gym.text.spec import TIMES, WorldSpec
from genie_gym.text.tokens import Report
from genie_gym.text.vocabulary import Vocabulary

FIELDS = ("scene", "weather", "hour")
"""What may be left open: its numbers are all 0 then."""
SHOWS = 0.005  # the share of a view from which a thing is in view


def wish_size(vocabulary: Vocabulary | None, classes: Sequence[str]) -> int:
    """How many numbers a wish has: one for each scene and weather, some for the hour, one for each class. Where there are no
    words to wish in, only the last."""
    said = 0 if vocabulary is None else len(vocabulary.scenes) + len(vocabulary.weathers) + 2 + len(TIMES)
    return said + len(classes)


def wishes_of(
    specs: Sequence[WorldSpec], left_open: Sequence[Collection[str]], vocabulary: Vocabulary, classes: Sequence[str]
) -> Float[Tensor, "B G"]:
    """One wish for each spec, of which nothing counts that is left open. Landmarks, objects and characters are wished to be
    in view; how many of them, where, and what they do is not for a single view to say.

    Raises:
        GenieGymError: for a name that the vocabulary lacks.
    """
    rows = [_wish(spec, opened, vocabulary, classes) for spec, opened in zip(specs, left_open, strict=True)]
    return torch.tensor(rows, dtype=torch.float32).reshape(len(rows), wish_size(vocabulary, classes))


def _wish(spec: WorldSpec, left_open: Collection[str], vocabulary: Vocabulary, classes: Sequence[str]) -> list[float]:
    vocabulary.check(spec)
    angle = 2 * math.pi * spec.hour / 24
    hour = [math.sin(angle), math.cos(angle), *(float(spec.time_of_day == name) for name in TIMES)]
    said = {
        "scene": [float(spec.scene == name) for name in vocabulary.scenes],
        "weather": [float(spec.weather == name) for name in vocabulary.weathers],
        "hour": hour,
    }
    kinds = {*spec.landmarks, *(thing.kind for thing in spec.objects), *(person.kind for person in spec.characters)}
    numbers = [x for name, values in said.items() for x in (values if name not in left_open else [0.0] * len(values))]
    return numbers + [float(name in kinds) for name in classes]


def report_wish(report: Report, asked: WorldSpec) -> Report:
    """What becomes of a prompt: its scene, weather, hour and things are imagined, any where it leaves them open; all else
    that it asks for is not."""
    things = [(thing.kind, thing.count, thing.position) for thing in asked.objects]
    people = [(person.kind, person.count, person.position) for person in asked.characters]
    ignored = [f"how many {kind}s: {count}" for kind, count, _ in things + people if count > 1]
    ignored += [f"where the {kind} is: {place}" for kind, _, place in things + people if place is not None]
    ignored += [f"no {kind}" for kind in asked.without]
    if asked.gravity != WorldSpec.gravity:
        ignored.append(f"gravity {asked.gravity:g}")
    if asked.friction != WorldSpec.friction:
        ignored.append(f"friction {asked.friction:g}")
    return replace(report.filled_in("any"), ignored=report.ignored + ignored)
