"""Under which light pictures were taken: the weathers that a recording names, and the condition that a spec asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genie_gym.errors import GenieGymError
from genie_gym.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class Condition:
    """The light of a picture: `weather` by its number, `hour` of the day."""

    weather: int
    hour: float


@dataclass(frozen=True)
class Weathers:
    """All weathers of a recording: their `names`, and the numbers of those in which `snow` lies and `rain` makes puddles,
    None where there is none. Simulators name weathers as they like; which one is meant is told by their vocabulary, in
    which texts call it "snow" or "rain"."""

    names: tuple[str, ...]
    snow: int | None = None
    rain: int | None = None

    @classmethod
    def of(cls, source: Mapping[str, Any]) -> Weathers:
        """Those of a recording's source: a single one where it has no vocabulary.

        Raises:
            GenieGymError: its vocabulary is none.
        """
        if not source.get("vocabulary"):
            return cls(("clear",))
        vocabulary = Vocabulary.from_dict(source["vocabulary"])

        def called(word: str) -> int | None:
            concept = vocabulary.lexicon.phrases.get(word)
            return vocabulary.weathers.index(concept.value) if concept and concept.category == "weather" else None

        return cls(vocabulary.weathers, called("snow"), called("rain"))

    def __len__(self) -> int:
        return len(self.names)

    def condition(self, spec: Mapping[str, Any] | None) -> Condition:
        """The light that a spec (JSON values) asks for: noon in the first weather where it says nothing.

        Raises:
            GenieGymError: its weather has no name here.
        """
        spec = spec or {}
        weather, hour = spec.get("weather"), spec.get("hour")
        if weather is not None and weather not in self.names:
            raise GenieGymError(f"a recording's weather is one of {', '.join(self.names)}; got {weather!r:.80}.")
        return Condition(self.names.index(weather) if weather else 0, 12.0 if hour is None else float(hour) % 24)
