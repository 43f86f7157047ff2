"""What `genie-gym evaluate` found, as a value: numbers by name, and how they were measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from genie_gym.errors import GenieGymError
from genie_gym.evaluation.measure import NOTES

ABOUT, SECONDS = "about", "seconds_"
Number = float | tuple[float, float]
"""A mean, a rate or a count; an interval, lowest and highest, under the mean's name and `_interval`."""


@dataclass(frozen=True)
class About:
    """Of which family of worlds, by which command, on what, and when."""

    family: str = ""
    command: str = ""
    hardware: str = ""
    date: str = ""


@dataclass
class Results:
    """What an evaluation found.

    Args:
        numbers: by name (docs/evaluation.md).
        seconds: how long each measure took, by its name.
        notes: in sentences, what is wrong, and what was not measured.
    """

    numbers: dict[str, Number] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    about: About = field(default_factory=About)

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it: numbers by name, `seconds_` and the name of each measure, `notes`, and `about`."""
        took = {f"{SECONDS}{name}": seconds for name, seconds in self.seconds.items()}
        return self.numbers | took | {NOTES: self.notes, ABOUT: asdict(self.about)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Results:
        """Raises `GenieGymError` for what `to_dict` does not return: the file may be anybody's."""
        try:
            given = dict(values)
            notes, about = [str(note) for note in given.pop(NOTES)], given.pop(ABOUT)
            seconds = {name: float(given.pop(name)) for name in list(given) if name.startswith(SECONDS)}
            return cls(
                {name: _number(value) for name, value in given.items()},
                {name.removeprefix(SECONDS): took for name, took in seconds.items()},
                notes,
                About(**{name: str(text) for name, text in about.items()}),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise GenieGymError(
                f"these are no results of `genie-gym evaluate --json`: {error}; write them anew with --json."
            ) from error


def _number(value: Any) -> Number:
    if isinstance(value, list | tuple):
        low, high = value
        return float(low), float(high)
    return value if isinstance(value, int) else float(value)
