"""The one exception that user input may cause, and the sentence that helps."""

import difflib
from collections.abc import Iterable
from typing import Any


class GenieGymError(ValueError):
    """Bad input: says what was wrong, what was given and what to do. Commands print it as one line and exit with 2."""


MANY = 40  # names that still help where none is near


def check_name(what: str, given: Any, known: Iterable[str]) -> None:
    """Raises `GenieGymError` where `given` is none of `known`."""
    if given not in tuple(known):
        raise GenieGymError(f"unknown {what} {given!r}." + did_you_mean(str(given), known))


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """`" Did you mean 'x'?"` for the nearest of `known`, else the list of what there is, if it is short."""
    names = sorted(known)
    near = difflib.get_close_matches(given.lower(), [name.lower() for name in names], n=1, cutoff=0.5)
    for name in names:
        if near and name.lower() == near[0]:
            return f" Did you mean {name!r}?"
    return f" Known: {', '.join(names)}." if 0 < len(names) <= MANY else ""
