"""What happens while one is there: events are edits of a row's table, its ground, its light.

Legend: K things.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from genie_gym.errors import GenieGymError, check_name
from genie_gym.genie3.config import Genie3Config
from genie_gym.genie3.entering import Entered, enter
from genie_gym.genie3.passing import MINUTE
from genie_gym.genie3.rules import NOWHERE
from genie_gym.genie3.state import MOST, Genie3State, places_of
from genie_gym.genie3.walkable import blocked_cells, free_cells
from genie_gym.places.layout.model import LayoutModel
from genie_gym.places.layout.requests import TURNS
from genie_gym.places.library import AssetLibrary
from genie_gym.places.light import Condition
from genie_gym.places.place import Place, Thing
from genie_gym.places.shadows import cast
from genie_gym.places.table import EVENT, Things
from genie_gym.text.spec import (
    BEHAVIOURS,
    EVERYTHING,
    WATER,
    CharacterAdd,
    CharacterSpec,
    Event,
    ObjectAdd,
    ObjectRemove,
    ObjectSpec,
    PhysicsModifier,
    Pushable,
    Rule,
    SceneTransition,
    TimeOfDay,
    TimePasses,
    WeatherChange,
    WorldSpec,
)

KNOWN = (
    WeatherChange, TimeOfDay, TimePasses, ObjectAdd, CharacterAdd, ObjectRemove, SceneTransition, PhysicsModifier, Pushable,
    Rule,
)  # fmt: skip
STREAM = 31  # of what a row's seed decides when things come
HALF_SIDE = math.pi / 4  # radians to either side of a direction that count as it
NEARBY = 8.0  # metres around a landmark or a point that are near it
PUSHED = 3.5  # metres: the longest side of what can be pushed at most


Begin = Callable[[Tensor, Sequence[WorldSpec], Sequence[str | None], Condition, Entered], Genie3State]
"""Makes states of rows that have entered their places: seeds, specs, tasks, light, tables."""


@dataclass(frozen=True, eq=False)
class Happenings:
    """Lets events happen in a world that has these parts."""

    library: AssetLibrary
    layout: LayoutModel | None
    config: Genie3Config
    tasks: Sequence[str]
    begin: Begin

    def applied(self, state: Genie3State, events: Sequence[Event | None]) -> Genie3State:
        """The state in which these happened, one a row; the given one stays as it is.

        Raises:
            GenieGymError: one of them cannot happen.
        """
        happening = [(row, event) for row, event in enumerate(events) if event is not None]
        for _, event in happening:
            self.check(event)
        state = state.clone()
        for row, event in happening:
            self._happen(state, row, event)
        lit = [row for row, event in happening if not isinstance(event, PhysicsModifier | TimePasses | Pushable | Rule)]
        if lit:
            shade(state, lit, self.library)
        return state

    def _happen(self, state: Genie3State, row: int, event: Event) -> None:
        """In place."""
        step, seed = int(state.position[row]), int(state.seed[row]) & MOST
        if isinstance(event, WeatherChange):
            state.passing.go(row, int(state.condition.weather[row]), event.seconds * self.config.fps)
            state.condition.weather[row] = self.library.config.weathers.index(event.weather)
        elif isinstance(event, TimePasses):
            state.passing.hours[row] = event.hours_per_minute / (MINUTE * self.config.fps)
        elif isinstance(event, TimeOfDay):
            state.condition.hour[row] = event.hour
        elif isinstance(event, PhysicsModifier):
            state.gravity[row] = state.gravity[row] if event.gravity is None else event.gravity
            state.friction[row] = state.friction[row] if event.friction is None else event.friction
        elif isinstance(event, Rule):
            scenes = self.library.config.scenes
            state.rules.add(row, event, self._labels(event.touches), scenes.index(event.leads) if event.leads else NOWHERE)
        elif isinstance(event, SceneTransition):
            self.enter_scene(state, row, event.scene)
        else:
            place = places_of(state.select([row]), self.library)[0]
            if isinstance(event, ObjectRemove):
                gone = torch.zeros_like(state.things.there)
                gone[row, self._lines_of(event, place, state.things, row)] = True
                state.things.remove(gone)
            elif isinstance(event, Pushable):
                state.things.movable[row, self._pushed(event, state.things, row)] = event.can
            elif isinstance(event, ObjectAdd | CharacterAdd):
                assert self.layout is not None  # `check`
                added = self.layout.add(place, event, [STREAM, seed, step])
                put(state.things, row, added, self.library, seed, step)
            blocked = blocked_cells(state.things, state.ground, self.library, row)
            free = free_cells(blocked, float(state.ground.half[row]))
            state.free[row] = torch.from_numpy(free).to(state.free.device)

    def enter_scene(self, state: Genie3State, row: int, scene: str) -> None:
        """The row goes on in another place, under the same light, in place; what events brought comes along."""
        assert self.layout is not None  # `check`
        step, seed = int(state.position[row]), int(state.seed[row]) & MOST
        number = int(np.random.default_rng([STREAM, seed, step]).integers(MOST))
        spec = came_along(state.things, row, self.library, scene)
        task, kept = int(state.task[row]), state.select([row])
        tasks, light = [None if task < 0 else self.tasks[task]], kept.condition
        laid = self.layout.sample([spec], [number])
        entered = enter(laid, tasks, [number], [False], light.to("cpu"), self.library, self.config)
        begun = self.begin(kept.seed, [spec], tasks, light, entered)
        same = {
            name: getattr(kept, name)
            for name in ("position", "gravity", "friction", "reached", "memory", "passing", "rules")
        }
        state.put(torch.tensor([row], device=kept.seed.device), replace(begun, **same))
        state.rules.arrive(row)

    def check(self, event: Event) -> None:
        """Raises `GenieGymError` for what this world cannot make happen."""
        if not isinstance(event, KNOWN):
            names = ", ".join(kind.__name__ for kind in KNOWN)
            raise GenieGymError(f"{type(event).__name__} cannot happen in this world; it knows {names}.")
        if isinstance(event, WeatherChange):
            check_name("weather", event.weather, self.library.config.weathers)
        if isinstance(event, ObjectAdd | CharacterAdd | SceneTransition) and self.layout is None:
            raise GenieGymError("this world has learned no layouts; nothing comes to its places.")
        if isinstance(event, Rule) and event.touches != WATER and not self._labels(event.touches):
            raise GenieGymError(f"this world shows no {event.touches}: nobody touches one.")
        scene = event.scene if isinstance(event, SceneTransition) else event.leads if isinstance(event, Rule) else ""
        if scene and self.layout is None:
            raise GenieGymError("this world has learned no layouts; nobody gets to another place.")
        if scene and self.layout is not None:
            self.layout.config.scene(scene)
        if isinstance(event, ObjectAdd | CharacterAdd) and self.layout is not None:
            self.layout.config.label(event.kind)

    def _labels(self, kind: str) -> list[int]:
        """Of a thing, or a group of things."""
        vocabulary = self.config.vocabulary
        kinds = {kind} if vocabulary is None else {*vocabulary.kinds(kind)}
        return [number for number, name in enumerate(self.library.config.classes) if name in kinds]

    def _pushed(self, event: Pushable, things: Things, row: int) -> list[int]:
        """Lines of the table that hold what an event lets one push, or no longer.

        Raises:
            GenieGymError: there is none, or it is too large.
        """
        mine = things.there[row] & (things.behaviour[row] < 0)
        if event.kind != EVERYTHING:
            mine &= torch.isin(things.label[row], torch.tensor(self._labels(event.kind), device=mine.device))
        small = mine & (things.size[row].amax(1) <= PUSHED)
        chosen = small if event.can else mine
        if not bool(chosen.any()):
            why = f"is longer than {PUSHED} m" if bool(mine.any()) else "stands there"
            raise GenieGymError(
                f"nothing is pushed: {'every' if bool(mine.any()) else 'no'} {event.kind} {why} in row {row}."
            )
        return chosen.nonzero()[:, 0].tolist()

    def _lines_of(self, event: ObjectRemove, place: Place, things: Things, row: int) -> list[int]:
        """Lines of the table that hold what goes: the nearest ones first, so many of them.

        Raises:
            GenieGymError: there is none.
        """
        labels = self._labels(event.kind)
        mine = torch.isin(things.label[row], torch.tensor(labels, device=things.label.device)).nonzero()[:, 0].tolist()
        x, y, yaw = place.spawn
        centre = things.centre[row].cpu().numpy()[mine, :2].reshape(-1, 2)
        near = _near(event, place, centre, np.array([x, y]), yaw)
        away = np.hypot(*(centre - (x, y)).T)
        chosen = [mine[k] for k in np.argsort(away, kind="stable") if near[k]]
        if not chosen:
            where = "" if event.position is None else f" {event.position}"
            raise GenieGymError(f"there is no {event.kind}{where} to remove in row {row}.")
        count = {"all": len(chosen), "half": math.ceil(len(chosen) / 2)}.get(str(event.count), event.count)
        return chosen[: int(count)]


def _near(
    event: ObjectRemove, place: Place, centre: np.ndarray, here: np.ndarray, yaw: float
) -> Bool[np.ndarray, " K"]:  # fmt: skip
    """Which things stand where an event says."""
    position = event.position
    if position is None:
        return np.ones(len(centre), bool)
    if position in TURNS:
        offset = centre - here
        turn = np.arctan2(offset[:, 1], offset[:, 0]) - yaw - TURNS[position]
        return np.abs(np.arctan2(np.sin(turn), np.cos(turn))) <= HALF_SIDE
    if isinstance(position, tuple):
        points = np.array([position])
    elif position == "centre":
        points = np.zeros((1, 2))
    else:
        points = np.array([thing.centre[:2] for thing in place.things if thing.name == position]).reshape(-1, 2)
    gaps = np.hypot(*(centre[:, None] - points[None]).transpose(2, 0, 1))
    return gaps.min(1, initial=np.inf) < NEARBY


def shade(state: Genie3State, rows: list[int], library: AssetLibrary) -> None:
    """Casts the shadows of some rows anew, in place."""
    some = state.select(rows)
    cast(some.things, some.ground, library, library.light.at(some.condition).sun)
    state.ground.put(torch.tensor(rows, device=some.seed.device), some.ground)
    state.passing.cast[rows] = some.condition.hour


def put(things: Things, row: int, added: Sequence[Thing], library: AssetLibrary, seed: int, step: int) -> None:
    """Writes things that come to free lines of a row, in place.

    Raises:
        GenieGymError: there is no line left; then none is written.
    """
    room = int((things.label[row] < 0).sum())
    if len(added) > room:
        raise GenieGymError(f"a place holds at most {things.capacity} things; there is room for {room}, not {len(added)}.")
    rng = np.random.default_rng([STREAM, seed, step, 1])
    for thing in added:
        things.add(row, thing, library, rng, step, EVENT)


def came_along(things: Things, row: int, library: AssetLibrary, scene: str) -> WorldSpec:
    """What another place is asked to be like: of this scene, with what events brought to this one."""
    lines = (things.there[row] & (things.why[row] == EVENT)).nonzero()[:, 0].tolist()
    names = [library.config.classes[label] for label in things.label[row, lines].tolist()]
    behaviours = things.behaviour[row, lines].tolist()
    people = Counter((name, BEHAVIOURS[number]) for name, number in zip(names, behaviours, strict=True) if number >= 0)
    rest = Counter(name for name, number in zip(names, behaviours, strict=True) if number < 0)
    return WorldSpec(
        scene,
        objects=tuple(ObjectSpec(name, count) for name, count in rest.items()),
        characters=tuple(CharacterSpec(name, behaviour, count) for (name, behaviour), count in people.items()),
    )
