"""What the worlds of a simulator can hold, and by which words, English and Chinese, texts name it.

A vocabulary is data: it comes with a simulator's recordings, and a world that learned from one understands its words.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from genie_gym.errors import GenieGymError, check_name
from genie_gym.text.lexicon import Lexicon, make_lexicon
from genie_gym.text.spec import (
    BEHAVIOURS,
    EVERYTHING,
    PLACES,
    WATER,
    CharacterAdd,
    CharacterSpec,
    Event,
    ObjectAdd,
    ObjectRemove,
    ObjectSpec,
    Position,
    Pushable,
    Rule,
    SceneTransition,
    WeatherChange,
    WorldSpec,
    check_words,
)

TASK_THINGS = ("coin", "beacon")  # that tasks bring into places
KINDS = ("scenes", "weathers", "landmarks", "objects", "characters")
MAX_NAMES, MAX_ROWS, MAX_WORDS, MAX_NOTE = 200, 2000, 200, 200  # of a kind; rows of words; words and characters in one


@dataclass(frozen=True)
class Vocabulary:
    """The names of what there is, and their words.

    Args:
        scenes, weathers: at least one of each. The first ones are there where nothing else is asked for; the first weather
            is also what is left where another one stops.
        landmarks: stand once; things can be placed beside them. A scene of the same name as a landmark is one wherever a
            prompt names another scene too ("a village with a forest").
        objects, characters: of which there may be several.
        groups: kinds that are removed, or left out, by one name: (group, kinds). "people" and "animals" are what words such
            as "everybody" and "livestock" mean.
        words: rows of (category, name, note, words) with the category "scene", "weather", "landmark", "object" or
            "character": what texts call each name. The first word is what reports call it. A note says what becomes of words
            for what there is not and what only comes near it ("shown as a harbour").
    """

    scenes: tuple[str, ...]
    weathers: tuple[str, ...]
    landmarks: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    characters: tuple[str, ...] = ()
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()
    words: tuple[tuple[str, str, str, tuple[str, ...]], ...] = ()

    def __post_init__(self) -> None:
        for kind in KINDS:
            names = getattr(self, kind)
            if len(names) > MAX_NAMES or len(set(names)) < len(names) or (kind in ("scenes", "weathers") and not names):
                least = 1 if kind in ("scenes", "weathers") else 0
                raise GenieGymError(f"a vocabulary has {least} to {MAX_NAMES} {kind}, each once; got {len(names)}.")
            for name in names:
                check_words(kind[:-1], name)
        if len(self.groups) > MAX_NAMES or len(self.words) > MAX_ROWS:
            raise GenieGymError(f"a vocabulary has at most {MAX_NAMES} groups and {MAX_ROWS:,} rows of words.")
        if len(set(self.things)) < len(self.things):
            raise GenieGymError("landmarks, objects and characters of a vocabulary have names of their own; two share one.")
        for group, kinds in self.groups:
            check_words("group", group)
            for name in kinds:
                check_name(f"kind in the group {group!r}", name, self.things)
        meant: dict[tuple[str, str], str] = {}
        for category, name, note, words in self.words:
            check_name("category of words", category, [kind[:-1] for kind in KINDS])
            check_name(category, name, getattr(self, f"{category}s"))
            if len(words) > MAX_WORDS or len(note) > MAX_NOTE:
                raise GenieGymError(
                    f"the {category} {name!r} has at most {MAX_WORDS} words and a note of at most {MAX_NOTE} characters; "
                    f"got {len(words)} and {len(note)}."
                )
            for word in words:
                check_words(f"word of the {category} {name}", word)
                if meant.setdefault((category, word), name) != name:
                    other = meant[category, word]
                    raise GenieGymError(f"the word {word!r} means the {category}s {other!r} and {name!r}; it can mean one.")

    # What it knows

    @property
    def things(self) -> tuple[str, ...]:
        """All that a world can be asked to have, or to be without."""
        return (*self.landmarks, *self.objects, *self.characters)

    @cached_property
    def lexicon(self) -> Lexicon:
        """All that texts may say of such worlds."""
        return make_lexicon(self.weathers, dict(self.groups), self.words)

    def kinds(self, name: str) -> tuple[str, ...]:
        """What a thing or group comes to."""
        return dict(self.groups).get(name, (name,))

    def label(self, name: str) -> str:
        """What reports call a scene or thing."""
        first = (words[0] for _, named, note, words in self.words if named == name and not note and words)
        return next(first, name.replace("_", " "))

    @cached_property
    def example(self) -> str:
        """A prompt that it understands."""
        things = [self.label(names[0]) for names in (self.landmarks, self.objects, self.characters) if names]
        place, *others = (with_article(name) for name in (f"{self.weathers[-1]} {self.label(self.scenes[0])}", *things[:2]))
        return f"{place} with {' and '.join(others)}" if others else place

    # Names

    def check(self, spec: WorldSpec) -> None:
        """Raises `GenieGymError` for a name that is none of these; what a spec leaves open is none."""
        for what, name, known in (("scene", spec.scene, self.scenes), ("weather", spec.weather, self.weathers)):
            if name:
                check_name(what, name, known)
        for name in spec.landmarks:
            check_name("landmark", name, self.landmarks)
        for thing in spec.objects:
            self._check_thing(thing)
        for person in spec.characters:
            self._check_thing(person)
        for name in spec.without:
            check_name("thing to leave out", name, self.things)

    def complete(self, spec: WorldSpec) -> WorldSpec:
        """The spec, its names checked, with the first scene and weather where it leaves them open.

        Raises:
            GenieGymError: for a name that is unknown.
        """
        self.check(spec)
        return spec.replace(scene=spec.scene or self.scenes[0], weather=spec.weather or self.weathers[0])

    def check_event(self, event: Event) -> None:
        """Raises `GenieGymError` for an event that names what there is not."""
        if isinstance(event, WeatherChange):
            check_name("weather", event.weather, self.weathers)
        elif isinstance(event, SceneTransition):
            check_name("scene", event.scene, self.scenes)
        elif isinstance(event, ObjectAdd | CharacterAdd):
            self._check_thing(event)
        elif isinstance(event, Rule):
            check_name("thing to touch", event.touches, (WATER, *TASK_THINGS, *self.things, *dict(self.groups)))
            if event.leads:
                check_name("scene", event.leads, self.scenes)
        elif isinstance(event, Pushable):
            check_name("thing to push", event.kind, (EVERYTHING, *self.things, *dict(self.groups)))
        elif isinstance(event, ObjectRemove):
            check_name("thing to remove", event.kind, (*self.things, *dict(self.groups)))
            self._check_position(event.position)

    def _check_thing(self, thing: ObjectSpec | CharacterSpec) -> None:
        is_object = isinstance(thing, ObjectSpec)
        check_name("object" if is_object else "character", thing.kind, self.objects if is_object else self.characters)
        self._check_position(thing.position)

    def _check_position(self, position: Position) -> None:
        if isinstance(position, str):
            check_name("place", position, (*PLACES, *self.landmarks))

    # Worlds

    def random(self, rng: np.random.Generator, scene: str | None = None) -> WorldSpec:
        """A varied world: any scene and weather, any hour, some landmarks, objects and characters."""
        most = min(3, len(self.landmarks))
        landmarks = rng.choice(self.landmarks, size=rng.integers(0, most + 1), replace=False) if most else ()
        objects = [
            ObjectSpec(str(rng.choice(self.objects)), int(rng.integers(1, 4)))
            for _ in range(rng.integers(0, 5 if self.objects else 1))
        ]
        characters = [
            CharacterSpec(str(rng.choice(self.characters)), str(rng.choice(BEHAVIOURS)), int(rng.integers(1, 3)))
            for _ in range(rng.integers(0, 4 if self.characters else 1))
        ]
        others = len(self.weathers) - 1
        return WorldSpec(
            scene=scene or str(rng.choice(self.scenes)),
            weather=str(rng.choice(self.weathers, p=[0.55, *[0.45 / others] * others] if others else None)),
            hour=round(float(rng.uniform(0, 24) if rng.random() < 0.3 else rng.uniform(6, 19)), 2),
            landmarks=tuple(str(name) for name in landmarks),
            objects=tuple(objects),
            characters=tuple(characters),
        )

    # JSON

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it: lists keep the order of names, which numbers follow."""
        values: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return values

    @classmethod
    def from_dict(cls, values: Any) -> Vocabulary:
        """Of what `to_dict` gave, or a JSON file holds.

        Raises:
            GenieGymError: for what is no vocabulary.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        if not isinstance(values, Mapping) or not {"scenes", "weathers"} <= values.keys() <= set(known):
            raise GenieGymError(
                f"a vocabulary is a JSON object of scenes, weathers and more ({', '.join(known)}); got {values!r:.80}."
            )
        return cls(**{name: tuple(_row(name, row) for row in _list(name, rows)) for name, rows in values.items()})


def with_article(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


_ROWS = {"groups": 1, "words": 3}  # how many texts come before the list in a row; elsewhere rows are texts


def _row(name: str, row: Any) -> Any:
    """JSON has lists only: a name, or a row with a list at its end, as tuples."""
    if name in _ROWS:
        *texts, ends = _list(name, row) or [None]
        row, texts = (*texts, tuple(_list(name, ends))), [*texts, *_list(name, ends)]
        if len(row) != _ROWS[name] + 1:
            raise GenieGymError(f"each of the {name} of a vocabulary has {_ROWS[name]} texts and a list; got {row!r:.80}.")
    else:
        texts = [row]
    if not all(isinstance(text, str) for text in texts):
        raise GenieGymError(f"the {name} of a vocabulary are texts; got {row!r:.80}.")
    return row


def _list(name: str, value: Any) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise GenieGymError(f"the {name} of a vocabulary are lists; got {value!r:.80}.")
    return value
