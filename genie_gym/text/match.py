"""Which of several worlds comes nearest to the one that a prompt asks for, and what it lacks.

Each thing asked for is a wish. What counts, most first: the scene (8), the weather (4), the hour (2, a sixth of it less for
every two hours that it is off), and all else together (1, shared among the kinds of landmarks, objects and characters asked
for, those that must not be there, gravity and friction). So no number of trees makes up for another scene. How many of a
kind there are, and where, does not count; nor does what the prompt leaves open.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial

from genie_gym.text.spec import WorldSpec
from genie_gym.text.tokens import Report

SCENE, WEATHER, HOUR, OTHERS = 8.0, 4.0, 2.0, 1.0
HOURS_APART = 2.0  # that make no difference to the eye
ROUNDING = 1e-9


@dataclass(frozen=True)
class Wish:
    """One thing asked for: its name, what it counts, and how near a world comes to it, from 0 to 1: it is met at 1."""

    name: str
    weight: float
    nearness: Callable[[WorldSpec], float]


def wishes(asked: WorldSpec, left_open: Collection[str] = ()) -> list[Wish]:
    """What `asked` asks for, but for the fields that are `left_open` (`Report.left_open`)."""
    found = []
    if "scene" not in left_open:
        found.append(Wish(f"scene {asked.scene}", SCENE, lambda world: world.scene == asked.scene))
    if "weather" not in left_open:
        found.append(Wish(f"weather {asked.weather}", WEATHER, lambda world: world.weather == asked.weather))
    if "hour" not in left_open:
        found.append(Wish(f"time {asked.hour:g} h", HOUR, lambda world: _nearness_of_hours(world.hour, asked.hour)))
    others: dict[str, Callable[[WorldSpec], bool]] = {kind: partial(_has, kind) for kind in sorted(_kinds(asked))}
    others |= {f"no {kind}": partial(_lacks, kind) for kind in asked.without}
    if asked.gravity != WorldSpec.gravity:
        others[f"gravity {asked.gravity:g}"] = lambda world: world.gravity == asked.gravity
    if asked.friction != WorldSpec.friction:
        others[f"friction {asked.friction:g}"] = lambda world: world.friction == asked.friction
    return found + [Wish(name, OTHERS / len(others), is_met) for name, is_met in others.items()]


def nearest(asked: WorldSpec, left_open: Collection[str], worlds: Sequence[WorldSpec]) -> list[int]:
    """The places, among `worlds`, of those that meet the wishes best: all that are equally good."""
    wanted = wishes(asked, left_open)
    scores = [sum(wish.weight * wish.nearness(world) for wish in wanted) for world in worlds]
    enough = max(scores) - ROUNDING
    return [place for place, score in enumerate(scores) if score >= enough]


def report_match(report: Report, asked: WorldSpec, worlds: Sequence[WorldSpec]) -> Report:
    """The report of a prompt that chooses one of `worlds`, of start frames: what they lack is ignored, and what the prompt
    leaves open is as they have it."""
    best = [worlds[place] for place in nearest(asked, report.left_open, worlds)]
    lacking = [
        f"{wish.name} ({reason})"
        for wish in wishes(asked, report.left_open)
        if (reason := _why_not(wish, best, worlds)) is not None
    ]
    return replace(report.filled_in("as the start frame has it"), ignored=report.ignored + lacking)


def _why_not(wish: Wish, best: Sequence[WorldSpec], worlds: Sequence[WorldSpec]) -> str | None:
    """Why a wish may not come true where one of the `best` is chosen; None where all of them meet it."""
    met = [wish.nearness(world) == 1 for world in best]
    if all(met):
        return None
    if any(met):
        return "only some of the start frames that fit best are described with it"
    if any(wish.nearness(world) == 1 for world in worlds):
        return "no start frame is described with it and what counts more"
    return "no start frame is described with it"


def _nearness_of_hours(one: float, other: float) -> float:
    apart = abs(one - other) % 24
    steps = min(apart, 24 - apart) // HOURS_APART
    return 1 - HOURS_APART * steps / 12


def _has(kind: str, world: WorldSpec) -> bool:
    return kind in _kinds(world)


def _lacks(kind: str, world: WorldSpec) -> bool:
    return kind not in _kinds(world)


def _kinds(world: WorldSpec) -> set[str]:
    """The kinds of things that a world is asked to have."""
    return {*world.landmarks, *(thing.kind for thing in world.objects), *(person.kind for person in world.characters)}
