"""What each episode of a dataset is asked to be: prompts from a list, or specs drawn within ranges; and tasks.

Everything follows from an episode's number and the seed.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from genie_gym.errors import GenieGymError, check_name
from genie_gym.text.spec import BEHAVIOURS, MAX_COUNT, CharacterSpec, ObjectSpec, WorldSpec
from genie_gym.text.vocabulary import Vocabulary

MOST_PROMPTS, MOST_BYTES = 1_000_000, 100_000_000  # of a file
STREAM = 43  # of what an episode's number decides
KINDS = {"landmarks": 3, "objects": 5, "characters": 4}  # of things, and how many kinds of each there are at most


@dataclass(frozen=True)
class SpecRanges:
    """Ranges that worlds are drawn from. What is left out is drawn as `Vocabulary.random` does.

    Args:
        scene, weather: names to choose from. hour: from, to; over midnight too (22, 4). landmarks, objects, characters:
            from, to how many kinds of them. kinds: of things to choose from. count: from, to how many of each kind of object
            and character. gravity, friction: from, to.
    """

    scene: tuple[str, ...] = ()
    weather: tuple[str, ...] = ()
    hour: tuple[float, float] | None = None
    landmarks: tuple[float, float] | None = None
    objects: tuple[float, float] | None = None
    characters: tuple[float, float] | None = None
    kinds: tuple[str, ...] = ()
    count: tuple[float, float] = (1, 3)
    gravity: tuple[float, float] | None = None
    friction: tuple[float, float] | None = None

    def check(self, words: Vocabulary) -> None:
        """Raises `GenieGymError` for names that a world does not know, and for ranges that hold nothing."""
        for name in self.scene:
            check_name("scene", name, words.scenes)
        for name in self.weather:
            check_name("weather", name, words.weathers)
        for name in self.kinds:
            check_name("thing", name, words.things)
        for kind, most in (*KINDS.items(), ("count", MAX_COUNT)):
            low, high = getattr(self, kind) or (0, 0)
            if low != int(low) or high != int(high) or not 0 <= low <= high <= most:
                raise GenieGymError(f"{kind} go from 0 to {most} at most, as 1..3; got {low:g}..{high:g}.")
        self.draw(words, np.random.default_rng(0))

    def draw(self, words: Vocabulary, rng: np.random.Generator) -> WorldSpec:
        """One world."""
        spec = words.random(rng, str(rng.choice(self.scene)) if self.scene else None)
        changes: dict[str, Any] = {}
        if self.weather:
            changes["weather"] = str(rng.choice(self.weather))
        if self.hour is not None:
            begin, end = self.hour
            changes["hour"] = round(float(rng.uniform(begin, end if end >= begin else end + 24)) % 24, 2)
        for name in ("gravity", "friction"):
            if (span := getattr(self, name)) is not None:
                changes[name] = round(float(rng.uniform(*span)), 3)
        for name in KINDS:
            if getattr(self, name) is not None or self.kinds:
                changes[name] = self._things(name, words, rng)
        return dataclasses.replace(spec, **changes)

    def _things(self, name: str, words: Vocabulary, rng: np.random.Generator) -> tuple[Any, ...]:
        known: Sequence[str] = [kind for kind in getattr(words, name) if not self.kinds or kind in self.kinds]
        low, high = getattr(self, name) or (0, KINDS[name])
        most = min(int(rng.integers(int(low), int(high) + 1)), len(known))
        chosen = [str(kind) for kind in rng.choice(known, most, replace=False)] if most else []
        if name == "landmarks":
            return tuple(chosen)
        counts = [int(rng.integers(max(1, int(self.count[0])), int(self.count[1]) + 1)) for _ in chosen]
        if name == "objects":
            return tuple(ObjectSpec(kind, count) for kind, count in zip(chosen, counts, strict=True))
        ways = [str(rng.choice(BEHAVIOURS)) for _ in chosen]
        return tuple(CharacterSpec(*one) for one in zip(chosen, ways, counts, strict=True))


def read_ranges(given: Sequence[str]) -> SpecRanges:
    """Of NAME=VALUES: names as a,b,c, numbers as LOW..HIGH or one: "scene=village,desert", "hour=6..10", "objects=2".

    Raises:
        GenieGymError: for anything else.
    """
    fields = {field.name: field for field in dataclasses.fields(SpecRanges)}
    found: dict[str, Any] = {}
    for text in given:
        name, _, values = text.partition("=")
        check_name("range", name, tuple(fields))
        found[name] = (
            tuple(part.strip() for part in values.split(",") if part.strip())
            if name in ("scene", "weather", "kinds")
            else _numbers(text, values)
        )
        if not found[name]:
            raise GenieGymError(f"{text!r:.60} names nothing; write {name}=NAME,NAME.")
    return SpecRanges(**found)


def _numbers(text: str, values: str) -> tuple[float, float]:
    low, dots, high = values.partition("..")
    try:
        span = float(low), float(high if dots else low)
    except ValueError:
        span = math.nan, math.nan
    if not all(map(math.isfinite, span)):
        raise GenieGymError(f"{text!r:.60} is no range of numbers; write {text.partition('=')[0]}=2..5, or one number.")
    return span


def read_prompts(path: str | Path) -> tuple[str, ...]:
    """A text file's lines, one a prompt; empty ones and those that begin with # are passed over.

    Raises:
        GenieGymError: there is no such file, or no prompt in it.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise GenieGymError(f"{path} has more than {MOST_BYTES // 10**6} MB; a file of prompts has a line each.")
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise GenieGymError(f"cannot read prompts from {path}: {error}.") from error
    prompts = tuple(line for line in lines if line and not line.startswith("#"))
    if not 0 < len(prompts) <= MOST_PROMPTS:
        raise GenieGymError(f"{path} holds {len(prompts):,} prompts, one a line; there must be 1 to {MOST_PROMPTS:,}.")
    return prompts


@dataclass(frozen=True)
class Asked:
    """What episodes are asked to be.

    Args:
        prompts: in turn: episode i has prompt i modulo their number. ranges: what specs are drawn from, in their place.
        tasks: drawn, one an episode. vocabulary: the world's, for `ranges`.
    """

    prompts: tuple[str, ...] = ()
    ranges: SpecRanges | None = None
    tasks: tuple[str, ...] = ()
    vocabulary: Vocabulary | None = None

    def options(self, seed: int, number: int) -> dict[str, Any]:
        """For the reset of episode `number`."""
        rng = np.random.default_rng([seed, number, STREAM])
        found: dict[str, Any] = {}
        if self.ranges is not None:
            assert self.vocabulary is not None
            found["prompt"] = self.ranges.draw(self.vocabulary, rng)
        elif self.prompts:
            found["prompt"] = self.prompts[number % len(self.prompts)]
        if self.tasks:
            found["task"] = str(rng.choice(self.tasks))
        return found
