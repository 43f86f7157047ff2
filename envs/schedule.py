"""Events that happen at given steps of an episode, or by chance.

Legend: B rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from genie_gym.errors import GenieGymError
from genie_gym.imagine import read_event
from genie_gym.text.chance import any_event
from genie_gym.text.rules import parse_rule
from genie_gym.text.spec import Event, Rule, WorldSpec, event_to_json
from genie_gym.text.tokens import Report
from genie_gym.world import TakesEvents, TellsSpecs, World, WorldState

MOST_STEPS = 10_000_000  # of an episode
STREAM = 41  # of what a row's seed decides
Due = list[tuple[int, Event | str]]


@dataclass(frozen=True)
class Happened:
    """An event of an episode: in which step it first shows, what it was (None: it could not happen), and what became of its
    text, or why it could not happen."""

    step: int
    event: Event | None
    report: Report
    refused: str = ""

    def to_json(self) -> str:
        """The event, as `text.spec.event_from_json` reads it; "" where none happened."""
        return "" if self.event is None else event_to_json(self.event)


class Schedule:
    """What happens in the episodes of B rows.

    Args:
        events: pairs of a step, from 1 on, and an event or a text, for all rows; or a list of such lists, one a row, None
            for none. What happens in a step shows in its frame. A text is read when it is due: it may be relative.
        rate: random events a minute, besides. first: what happens in the first step of all episodes.

    Raises:
        GenieGymError: for a world without events, and for what is no schedule or no event of the world's.

    Attributes:
        log: what has happened in each row's episode.
    """

    def __init__(
        self, world: World, num_rows: int, events: Any = None, rate: float = 0.0, first: Sequence[Event | str] = ()
    ):
        self.world, self.num_rows, self.first = world, num_rows, [(1, event) for event in first]
        bad = isinstance(rate, bool) or not isinstance(rate, int | float | np.number) or not 0 <= float(rate) < math.inf
        if bad or float(rate) > 60 * world.fps:
            raise GenieGymError(f"event_rate is how many events there are a minute, at most one a step; got {rate!r:.40}.")
        self.rate = float(rate)
        if self.rate and not (isinstance(world, TakesEvents) and isinstance(world, TellsSpecs) and world.vocabulary):
            raise GenieGymError(f"a {world.family} world knows no random events; leave event_rate out.")
        self.due = self.read(events)
        self.log: list[list[Happened]] = [[] for _ in range(num_rows)]

    @property
    def is_empty(self) -> bool:
        return not self.rate and not any(self.due)

    def read(self, events: Any) -> list[Due]:
        """One schedule a row, checked."""
        rows = [[*self.first, *row] for row in self._a_row(events)]
        for row in rows:
            for one in row:
                self._check(one)
        return rows

    def _a_row(self, events: Any) -> list[Due]:
        if events is None:
            return [[] for _ in range(self.num_rows)]
        if not isinstance(events, Sequence) or isinstance(events, str):
            raise GenieGymError(f"events are pairs of a step and an event or a text; got {events!r:.80}.")
        if all(_is_pair(one) for one in events):
            return [list(map(tuple, events)) for _ in range(self.num_rows)]  # type: ignore[arg-type]
        if len(events) != self.num_rows or not all(
            row is None or (isinstance(row, Sequence) and all(_is_pair(one) for one in row)) for row in events
        ):
            raise GenieGymError(
                f"events are pairs of a step and an event or a text, or {self.num_rows} lists of these, one a row (None for "
                f"none); got {events!r:.80}."
            )
        return [[] if row is None else list(map(tuple, row)) for row in events]

    def _check(self, one: tuple[int, Event | str]) -> None:
        step, event = one
        if not 1 <= step <= MOST_STEPS:
            raise GenieGymError(f"events happen in steps from 1 to {MOST_STEPS:,}; got {step}.")
        known = self.world.events if isinstance(self.world, TakesEvents) else ()
        if not known:
            raise GenieGymError(f"nothing happens in a {self.world.family} world; leave events out.")
        found = self._readable(event)
        if not isinstance(found, known):
            raise GenieGymError(f"{type(found).__name__} cannot happen in this world.")

    def _readable(self, event: Event | str) -> Event:
        """What an event would be in some weather: which there will be is not known yet."""
        weathers = (
            [None] if self.world.vocabulary is None else [WorldSpec("", name) for name in self.world.vocabulary.weathers]
        )
        refused: GenieGymError | None = None
        for now in weathers:
            try:
                return read_event(self.world, event, now)[0]
            except GenieGymError as error:
                refused = refused or error
        assert refused is not None
        raise refused

    def begin(self, rows: Sequence[int]) -> None:
        """New episodes in these rows."""
        for row in rows:
            self.log[row] = []

    def happen(self, state: WorldState, steps: Sequence[int], seeds: Sequence[int], going: Sequence[bool]) -> list[str]:
        """Lets happen, in place, what is due before each row's next step; returns that as JSON, an array of events a row (""
        for none).

        Args:
            steps: that each row's episode has had. seeds: of the rows. going: whose episode is not over.
        """
        told: list[list[str]] = [[] for _ in range(self.num_rows)]
        for row in range(self.num_rows):
            if not going[row]:
                continue
            step = int(steps[row]) + 1
            for event in [one for at, one in self.due[row] if at == step] + self._by_chance(state, row, step, seeds[row]):
                found = self._one(state, row, step, event)
                self.log[row].append(found)
                told[row] += [found.to_json()] if found.event is not None else []
        return ["[" + ", ".join(row) + "]" if row else "" for row in told]

    def _one(self, state: WorldState, row: int, step: int, event: Event | str) -> Happened:
        assert isinstance(self.world, TakesEvents)  # else nothing is scheduled
        mine = state.select([row])  # worlds copy what events change: not all rows for one
        try:
            now = self.world.specs(mine)[0] if isinstance(self.world, TellsSpecs) else None
            read, report = read_event(self.world, event, now)
            state.put(torch.tensor([row]), self.world.apply_events(mine, [read]))
        except GenieGymError as error:
            return Happened(step, None, Report(), str(error))
        return Happened(step, read, report)

    def _by_chance(self, state: WorldState, row: int, step: int, seed: int) -> list[Event | str]:
        if not self.rate:
            return []
        rng = np.random.default_rng([STREAM, seed & (2**63 - 1), step])
        if rng.random() >= self.rate / (60 * self.world.fps):
            return []
        assert isinstance(self.world, TellsSpecs)
        assert self.world.vocabulary is not None
        return [any_event(rng, self.world.specs(state.select([row]))[0], self.world.vocabulary)]


def read_rules(world: World, rules: str | Rule | Sequence[str | Rule] | None) -> list[Rule]:
    """Rules, those in words read.

    Raises:
        GenieGymError: for what is no rule, and texts where the world does not say which words it understands.
    """
    given = [] if rules is None else [rules] if isinstance(rules, str | Rule) else list(rules)
    if any(isinstance(one, str) for one in given) and world.vocabulary is None:
        raise GenieGymError("this world does not say which words it understands; give it typed rules.")
    if not all(isinstance(one, str | Rule) for one in given):
        raise GenieGymError(f"rules are texts, or of the type Rule; got {rules!r:.80}.")
    vocabulary = world.vocabulary
    return [parse_rule(one, vocabulary)[0] if isinstance(one, str) and vocabulary else one for one in given]  # type: ignore[misc]


def _is_pair(one: Any) -> bool:
    is_two = isinstance(one, Sequence) and not isinstance(one, str) and len(one) == 2
    return (
        is_two and isinstance(one[0], int | np.integer) and not isinstance(one[0], bool) and isinstance(one[1], Event | str)
    )
