"""A small grammar: tokens become a `Draft`, clause by clause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from genie_gym.text.lexicon import PLURAL, SCENE_NAMES
from genie_gym.text.spec import FRICTION_RANGE, GRAVITY_RANGE, MAX_COUNT, WORLD_HALF, Position
from genie_gym.text.tokens import Report, Token, tokens

# "No trees" means no pines either, and "no people" nobody at all.
EVERY_KIND = {"tree": ("tree", "pine"), "villager": ("villager", "guard", "knight", "merchant", "child")}
PHYSICS_RANGES = {"gravity": GRAVITY_RANGE, "friction": FRICTION_RANGE}


@dataclass
class Item:
    """An object or character under construction."""

    category: str
    kind: str
    count: int
    position: Position = None
    behaviour: str | None = None

    @property
    def values(self) -> dict[str, Any]:
        """The arguments of its `ObjectSpec` or `CharacterSpec`."""
        behaviour = {"behaviour": self.behaviour or "wander"} if self.category == "character" else {}
        return {"kind": self.kind, "count": self.count, "position": self.position, **behaviour}


@dataclass
class Draft:
    """All that a text names, before it is known to be a world or an event."""

    scenes: list[str] = field(default_factory=list)
    weather: str | None = None
    hour: float | None = None
    landmarks: list[str] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    without: list[str] = field(default_factory=list)
    physics: dict[str, float] = field(default_factory=dict)  # gravity, friction, or both


@dataclass
class _Clause:
    """What later words of the same clause may belong to."""

    negated: bool = False
    negation_used: bool = False  # something was left out: "in" or "at" now ends the negation
    number: Token | None = None
    item: Item | None = None  # the last one
    behaviour: str | None = None  # named before its character
    position: Position = None  # named before its thing
    near: bool = False  # "near" waits for its landmark
    named_now: str | None = None  # the landmark that the present token names
    named_before: str | None = None  # ... that the token before it named: 「井旁边」 puts the next thing there
    awaiting: str | None = None  # "gravity" or "friction" waits for its value


def read(text: str, report: Report) -> Draft:
    reader = _Reader(report)
    for token in tokens(text, report):
        reader.take(token)
    return reader.draft


class _Reader:
    """Gives counts, negations, behaviours and places to the things that they belong to."""

    def __init__(self, report: Report):
        self.draft, self.report, self.clause = Draft(), report, _Clause()

    def take(self, token: Token) -> None:
        category, clause = token.concept.category, self.clause
        clause.named_before, clause.named_now = clause.named_now, None
        if category in STRUCTURE:
            STRUCTURE[category](self, token)
        elif category in CONTENT:
            CONTENT[category](self, token)
            clause.negation_used = clause.negated

    def _understood(self, text: str, meaning: str) -> None:
        self.report.understood.append(f"{text}: {meaning}")

    def _ignored(self, text: str, why: str) -> None:
        self.report.ignored.append(f"{text} ({why})")

    # --- the structure of a text ---

    def take_stop(self, _: Token) -> None:
        clause = self.clause
        if clause.awaiting:
            self._ignored(clause.awaiting, "without a value: say low, high, or a number")
        if clause.near:
            self._ignored("near", "near what? a landmark was expected")
        if clause.number and clause.number.concept.value > 1:
            self._ignored(clause.number.text, "a number of nothing known")
        self.clause = _Clause()

    def take_comma(self, token: Token) -> None:
        item, position = self.clause.item, self.clause.position
        self.take_stop(token)
        self.clause.item, self.clause.position = item, position  # "a dog, following me": still about the dog

    def take_break(self, _: Token) -> None:
        self.clause.negated = False

    def take_attribute(self, _: Token) -> None:
        self.clause.negated &= not self.clause.negation_used

    def take_not(self, _: Token) -> None:
        self.clause.negated, self.clause.negation_used = True, False

    def take_number(self, token: Token) -> None:
        clause, value = self.clause, float(token.concept.value)
        if clause.awaiting is None:
            clause.number = token
            return
        low, high = PHYSICS_RANGES[clause.awaiting]
        if low <= value <= high:
            self.draft.physics[clause.awaiting] = value
            self._understood(token.text, f"{clause.awaiting} {value:g}")
        else:
            self._ignored(f"{clause.awaiting} {token.text}", f"must lie between {low:g} and {high:g}")
        clause.awaiting = clause.number = None

    def take_quantity(self, token: Token) -> None:
        self.clause.awaiting = token.concept.category
        if self.clause.number:
            self.take_number(self.clause.number)

    def take_near(self, _: Token) -> None:
        if self.clause.named_before is None:
            self.clause.near = True
        else:
            self._put(self.clause.named_before)

    def _put(self, where: Position) -> None:
        """Places the last thing, or else the next one."""
        item = self.clause.item
        if item and item.position is None:
            item.position = where
        else:
            self.clause.position = where

    # --- what a text names ---

    def take_scene(self, token: Token) -> None:
        scene = token.concept.value
        if self.clause.negated:
            self._ignored(f"no {token.text}", f"say which scene instead of {SCENE_NAMES[scene]}")
        else:
            self.draft.scenes.append(scene)
            self.clause.number = None
            self._understood(token.text, f"scene {SCENE_NAMES[scene]}")

    def take_weather(self, token: Token) -> None:
        text, weather = token.text, token.concept.value
        if self.clause.negated and weather != "sunny":
            self._understood(f"no {text}", f"not {weather}")
            if self.draft.weather == weather:
                self.draft.weather = None
        elif self.clause.negated:
            self._ignored(f"no {text}", "say which weather instead")
        elif self.draft.weather not in (None, weather):
            self._ignored(text, f"the weather is {self.draft.weather} already")
        else:
            self.draft.weather = weather
            self._understood(text, f"weather {weather}")

    def take_time(self, token: Token) -> None:
        text, hour = token.text, token.concept.value
        if hour is None:
            self._ignored(text, "no time of day")
        elif self.clause.negated:
            self._ignored(f"no {text}", "say which time instead")
        elif self.draft.hour not in (None, hour):
            self._ignored(text, f"the time is {self.draft.hour:g} h already")
        else:
            self.draft.hour = hour
            self._understood(text, f"time {hour:g} h")

    def take_physics(self, token: Token) -> None:
        if self.clause.negated:
            self._ignored(f"no {token.text}", "say which instead")
            return
        name, value = token.concept.value
        self.draft.physics[name] = value
        self._understood(token.text, f"{name} {value:g}")
        self.clause.awaiting = None

    def take_landmark(self, token: Token) -> None:
        text, landmark, clause = token.text, token.concept.value, self.clause
        if self._left_out(text, landmark):
            return
        if landmark not in self.draft.landmarks:
            self.draft.landmarks.append(landmark)
        self._understood(text, f"landmark {landmark}")
        if clause.number and clause.number.concept.value > 1:
            self._ignored(f"{clause.number.text} {text}", "a landmark stands once")
        clause.number = None
        clause.named_now = landmark
        if clause.near and clause.item:
            clause.item.position = landmark
        elif clause.near:
            clause.position = landmark
        clause.near = False

    def take_thing(self, token: Token) -> None:
        text, kind, category, clause = token.text, token.concept.value, token.concept.category, self.clause
        if self._left_out(text, kind):
            return
        if clause.near:
            self._ignored("near", f"a {kind} is no landmark")
            clause.near = False
        count = 1.0
        if clause.number:
            count = float(clause.number.concept.value)
            if not 1 <= count <= MAX_COUNT:
                self._ignored(f"{clause.number.text} {text}", f"a count from 1 to {MAX_COUNT}")
            clause.number = None
        elif token.plural:
            count = PLURAL
            self.report.assumed.append(f"{text}: {PLURAL} of them")
        clause.item = Item(category, kind, int(min(max(count, 1), MAX_COUNT)), clause.position)
        if category == "character":
            clause.item.behaviour, clause.behaviour = clause.behaviour, None
        self.draft.items.append(clause.item)
        self._understood(text, f"{category} {clause.item.count} x {kind}")

    def _left_out(self, text: str, kind: str) -> bool:
        """Whether this thing is negated; a thing both asked for and excluded stays as it was said first."""
        asked = kind in self.draft.landmarks or any(item.kind == kind for item in self.draft.items)
        if self.clause.negated and asked:
            self._ignored(f"no {text}", "asked for before")
        elif self.clause.negated:
            kinds = EVERY_KIND.get(kind, (kind,))
            self.draft.without += kinds
            self._understood(f"no {text}", f"without {', '.join(kinds)}")
        elif kind in self.draft.without:
            self._ignored(text, "excluded before")
            return True
        return self.clause.negated

    def take_behaviour(self, token: Token) -> None:
        item, behaviour = self.clause.item, token.concept.value
        if item and item.category == "character" and item.behaviour is None:
            item.behaviour = behaviour
        else:
            self.clause.behaviour = behaviour
        self._understood(token.text, f"behaviour {behaviour}")

    def take_place(self, token: Token) -> None:
        where = token.concept.value
        if not isinstance(where, str) and max(map(abs, where)) > WORLD_HALF:
            self._ignored(token.text, f"outside the world: x and y lie within {WORLD_HALF:g} m")
            return
        self._put(where)
        self._understood(token.text, f"place {where}")


# What becomes of a token, by its category: of those that shape the text, and of those that say something.
STRUCTURE: dict[str, Callable[[_Reader, Token], None]] = {
    "stop": _Reader.take_stop,
    "comma": _Reader.take_comma,
    "break": _Reader.take_break,
    "attribute": _Reader.take_attribute,
    "not": _Reader.take_not,
    "number": _Reader.take_number,
    "gravity": _Reader.take_quantity,
    "friction": _Reader.take_quantity,
    "near": _Reader.take_near,
}
CONTENT: dict[str, Callable[[_Reader, Token], None]] = {
    "scene": _Reader.take_scene,
    "weather": _Reader.take_weather,
    "time": _Reader.take_time,
    "physics": _Reader.take_physics,
    "landmark": _Reader.take_landmark,
    "object": _Reader.take_thing,
    "character": _Reader.take_thing,
    "behaviour": _Reader.take_behaviour,
    "place": _Reader.take_place,
}
