"""What a world is made of, as plain values: `WorldSpec` for a whole world, and events that change one at run time.

Both are typed, frozen, checked when made, and survive a round trip through JSON. Which scenes and things there are depends
on the simulator: its `Vocabulary` checks names. Text is turned into these values in `genie_gym.prompt`; simulators and
learned worlds only ever see them. Units: metres (x east, y north), hours, m/s².
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, ClassVar

from genie_gym.errors import GenieGymError, check_name

TIMES = {"dawn": 6.5, "day": 12.0, "dusk": 18.5, "night": 23.0}  # each name's hour
BEHAVIOURS = ("stand", "wander", "follow", "patrol")
PLACES = ("centre", "ahead", "behind", "left", "right")  # around the agent, where it starts or where the event finds it
MAX_COUNT = 20
MAX_THINGS = 100
MAX_NAME = 60  # characters
EARTH_GRAVITY = 9.81
GRAVITY_RANGE = (0.5, 30.0)
FRICTION_RANGE = (0.02, 3.0)
WORLD_HALF = 32.0  # worlds are squares of 64 m

Position = tuple[float, float] | str | None


def time_name(hour: float) -> str:
    """dawn, day, dusk or night."""
    for name, begin, end in (("dawn", 5, 8), ("day", 8, 17), ("dusk", 17, 20)):
        if begin <= hour < end:
            return name
    return "night"


def _check_range(what: str, value: float, low: float, high: float) -> None:
    if not isinstance(value, int | float) or not low <= value <= high:
        raise GenieGymError(f"{what} must lie between {low:g} and {high:g}; got {value!r}.")


def check_words(what: str, name: Any) -> None:
    """Raises `GenieGymError` for what is no short text."""
    if not isinstance(name, str) or not name.strip() or len(name) > MAX_NAME:
        raise GenieGymError(f"the {what}'s name is a text of 1 to {MAX_NAME} characters; got {name!r:.80}.")


def _check_position(position: Position) -> None:
    if isinstance(position, str):
        check_words("place", position)
    elif position is not None:
        if len(position) != 2:
            raise GenieGymError(f"a position is (x, y) in metres; got {position!r}.")
        for value in position:
            _check_range("a position's x and y", value, -WORLD_HALF, WORLD_HALF)


def _check_count(count: Any) -> None:
    if not isinstance(count, int) or not 1 <= count <= MAX_COUNT:
        raise GenieGymError(f"a count must be a whole number from 1 to {MAX_COUNT}; got {count!r}.")


@dataclass(frozen=True)
class ObjectSpec:
    """`count` objects of a kind. `position` is (x, y), one of `PLACES`, a landmark to stand next to, or None: anywhere."""

    kind: str
    count: int = 1
    position: Position = None

    def __post_init__(self) -> None:
        check_words("object", self.kind)
        _check_count(self.count)
        _check_position(self.position)


@dataclass(frozen=True)
class CharacterSpec:
    """`count` characters of a kind, and what they do."""

    kind: str
    behaviour: str = "wander"
    count: int = 1
    position: Position = None

    def __post_init__(self) -> None:
        check_words("character", self.kind)
        check_name("behaviour", self.behaviour, BEHAVIOURS)
        _check_count(self.count)
        _check_position(self.position)


@dataclass(frozen=True)
class WorldSpec:
    """A world's description; with a seed it is one world, without one a family of worlds.

    Args:
        scene, weather: their names; "" leaves them open (`Vocabulary.complete` fills them in).
        hour: 0 up to 24; `time_of_day` is its name.
        landmarks: asked for beside what the scene has by itself.
        objects, characters: likewise.
        without: kinds of things that the scene would have by itself and must not have here.
        gravity: m/s². friction: a factor on every surface.
        seed: None draws another layout at each reset.
    """

    scene: str = ""
    weather: str = ""
    hour: float = TIMES["day"]
    landmarks: tuple[str, ...] = ()
    objects: tuple[ObjectSpec, ...] = ()
    characters: tuple[CharacterSpec, ...] = ()
    without: tuple[str, ...] = ()
    gravity: float = EARTH_GRAVITY
    friction: float = 1.0
    seed: int | None = None

    def __post_init__(self) -> None:
        for what, name in (("scene", self.scene), ("weather", self.weather)):
            if name != "":
                check_words(what, name)
        for name in self.landmarks:
            check_words("landmark", name)
        for name in self.without:
            check_words("thing to leave out", name)
        _check_range("hour", self.hour, 0, 24)
        if len(set(self.landmarks)) < len(self.landmarks):
            raise GenieGymError(f"each landmark stands once; got {self.landmarks!r}.")
        if self.num_asked > MAX_THINGS:
            raise GenieGymError(f"a world holds at most {MAX_THINGS} objects and characters asked for.")
        _check_range("gravity", self.gravity, *GRAVITY_RANGE)
        _check_range("friction", self.friction, *FRICTION_RANGE)
        if self.seed is not None and (not isinstance(self.seed, int) or not 0 <= self.seed < 2**63):
            raise GenieGymError(f"a seed is a whole number from 0 to 2^63 - 1; got {self.seed!r}.")

    @property
    def num_asked(self) -> int:
        """How many objects and characters are asked for."""
        return sum(o.count for o in self.objects) + sum(c.count for c in self.characters)

    @property
    def time_of_day(self) -> str:
        return time_name(self.hour)

    def plan(self) -> WorldSpec:
        """What decides where things stand. The same seed has the same layout in all weathers, hours and physics."""
        return WorldSpec(
            self.scene, landmarks=self.landmarks, objects=self.objects, characters=self.characters, without=self.without
        )

    def replace(self, **changes: Any) -> WorldSpec:
        return dataclasses.replace(self, **changes)

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> WorldSpec:
        """Raises `GenieGymError` where the text is not JSON, or not of a world."""
        values = _json_object(text, "world")
        try:
            values["objects"] = tuple(ObjectSpec(**_with_tuple(o)) for o in values.get("objects", ()))
            values["characters"] = tuple(CharacterSpec(**_with_tuple(c)) for c in values.get("characters", ()))
            for key in ("landmarks", "without"):
                values[key] = tuple(values.get(key, ()))
            return cls(**values)
        except (TypeError, AttributeError) as error:
            raise GenieGymError(f"this JSON is not a world: {error}.") from None


WATER, EVERYTHING = "water", "everything"  # what rules call it, and what events call all that stands there
MOST_REWARD = 1000.0
MOST_SECONDS, MOST_HOURS = 60.0, 240.0  # that weather takes to come; that pass a minute
EVENTS: dict[str, type[Event]] = {}


@dataclass(frozen=True)
class Event:
    """Something that changes a world at run time.

    Subclasses are frozen dataclasses of what JSON can hold, and check themselves when made. Each is known by its `type`:
    `event_from_json` reads it back, wherever it was defined.

        @dataclass(frozen=True)
        class TapTurn(Event):
            type: ClassVar[str] = "tap_turn"
            share: float
    """

    type: ClassVar[str]

    def __init_subclass__(cls) -> None:
        kind = cls.__dict__.get("type")
        known = EVENTS.get(kind, cls) if kind else cls
        if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise GenieGymError(
                f"{known.__module__} has an event of the type {kind!r} already; give {cls.__name__} another type."
            )
        if kind:
            EVENTS[kind] = cls


@dataclass(frozen=True)
class WeatherChange(Event):
    """Another weather, which comes within some seconds (0: at once; worlds that know no other way do it so)."""

    type: ClassVar[str] = "weather_change"
    weather: str
    seconds: float = 0.0

    def __post_init__(self) -> None:
        check_words("weather", self.weather)
        _check_range("seconds", self.seconds, 0, MOST_SECONDS)


@dataclass(frozen=True)
class TimeOfDay(Event):
    type: ClassVar[str] = "time_of_day"
    hour: float

    def __post_init__(self) -> None:
        _check_range("hour", self.hour, 0, 24)


@dataclass(frozen=True)
class TimePasses(Event):
    """From now on so many hours pass a minute; 0: the time stands still."""

    type: ClassVar[str] = "time_passes"
    hours_per_minute: float

    def __post_init__(self) -> None:
        _check_range("hours_per_minute", self.hours_per_minute, 0, MOST_HOURS)


@dataclass(frozen=True)
class ObjectAdd(ObjectSpec, Event):
    """Without a position the object comes ahead of the agent."""

    type: ClassVar[str] = "object_add"
    position: Position = "ahead"


@dataclass(frozen=True)
class CharacterAdd(CharacterSpec, Event):
    """Without a position the character comes ahead of the agent."""

    type: ClassVar[str] = "character_add"
    position: Position = "ahead"


@dataclass(frozen=True)
class ObjectRemove(Event):
    """Objects, characters or landmarks that are there no longer.

    Args:
        kind: a landmark, object or character, or a group of them (`Vocabulary.groups`).
        count: so many (fewer where fewer stand), "half" of them, or "all".
        position: where to look: (x, y), a landmark (near it), one of `PLACES` (on that side of the agent), or None:
            anywhere. The nearest ones go first.
    """

    type: ClassVar[str] = "object_remove"
    kind: str
    count: int | str = "all"
    position: Position = None

    def __post_init__(self) -> None:
        check_words("thing to remove", self.kind)
        if self.count not in ("half", "all"):
            _check_count(self.count)
        _check_position(self.position)


@dataclass(frozen=True)
class SceneTransition(Event):
    type: ClassVar[str] = "scene_transition"
    scene: str

    def __post_init__(self) -> None:
        check_words("scene", self.scene)


@dataclass(frozen=True)
class PhysicsModifier(Event):
    """A new gravity (m/s²), a new friction (factor), or both."""

    type: ClassVar[str] = "physics_modifier"
    gravity: float | None = None
    friction: float | None = None

    def __post_init__(self) -> None:
        if self.gravity is None and self.friction is None:
            raise GenieGymError("a physics modifier needs a gravity or a friction.")
        if self.gravity is not None:
            _check_range("gravity", self.gravity, *GRAVITY_RANGE)
        if self.friction is not None:
            _check_range("friction", self.friction, *FRICTION_RANGE)


@dataclass(frozen=True)
class Pushable(Event):
    """From now on things that stand there can be pushed, or no longer.

    Args:
        kind: a landmark, object or group of them, or `EVERYTHING`.
        can: whether they can.
    """

    type: ClassVar[str] = "pushable"
    kind: str
    can: bool = True

    def __post_init__(self) -> None:
        check_words("thing to push", self.kind)
        if not isinstance(self.can, bool):
            raise GenieGymError(f"things can be pushed, true, or not, false; got {self.can!r:.40}.")


@dataclass(frozen=True)
class Rule(Event):
    """From now on, what happens whenever the player begins to touch something.

    Args:
        touches: a landmark, object or character, a group of them, or `WATER`.
        removes: it goes. reward: that comes then. ends: the episode does.
        leads: a scene; the player goes on in another place of it. What one can walk through, as a gate, leads there who is
            within it.
    """

    type: ClassVar[str] = "rule"
    touches: str
    removes: bool = False
    reward: float = 0.0
    ends: bool = False
    leads: str = ""

    def __post_init__(self) -> None:
        check_words("thing to touch", self.touches)
        if self.leads != "":
            check_words("scene", self.leads)
        _check_range("reward", self.reward, -MOST_REWARD, MOST_REWARD)
        for name in ("removes", "ends"):
            if not isinstance(getattr(self, name), bool):
                raise GenieGymError(f"a rule's {name} is true or false; got {getattr(self, name)!r:.40}.")
        if not (self.removes or self.reward or self.ends or self.leads) or (self.removes and self.touches == WATER):
            raise GenieGymError(
                "by a rule something goes (no water does), the episode ends, a reward comes, or another scene does."
            )


def event_to_json(event: Event) -> str:
    return json.dumps({"type": event.type, **dataclasses.asdict(event)})


def event_from_json(text: str) -> Event:
    """Raises `GenieGymError` where the text is not JSON, or not of an event."""
    values = _json_object(text, "event")
    kind = values.pop("type", None)
    check_name("event", kind, tuple(EVENTS))
    try:
        return EVENTS[kind](**_with_tuple(values))
    except TypeError as error:
        raise GenieGymError(f"this JSON is not a {kind} event: {error}.") from None


def _json_object(text: str, what: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise GenieGymError(f"not the JSON of a {what}: {error}.") from None
    if not isinstance(values, dict):
        raise GenieGymError(f"the JSON of a {what} is an object; got {type(values).__name__}.")
    return values


def _with_tuple(values: Any) -> dict[str, Any]:
    """JSON has lists only; a position is a tuple."""
    if not isinstance(values, dict):
        raise TypeError(f"an object or character is a JSON object; got {values!r}")
    position = values.get("position")
    return values | {"position": tuple(position)} if isinstance(position, list) else values
