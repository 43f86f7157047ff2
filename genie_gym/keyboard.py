"""Moves as people write them: keys by name, by letter or by number, and many of them in one line ("w*24 a*12").

Legend: F steps.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Int

from genie_gym.errors import GenieGymError, did_you_mean

LETTERS = {
    "w": "forward", "s": "back", "a": "turn left", "d": "turn right", "q": "strafe left", "e": "strafe right", "j": "jump",
    "r": "look up", "f": "look down", "x": "interact", "n": "noop",
}  # fmt: skip
"""Keys' names by letter: walking on the left hand's letters, without a mouse."""
MOST_MOVES = 10_000
_MOVE = re.compile(r"(?P<key>[^*]*[^*\s])\s*(?:\*\s*(?P<count>\d{1,9}))?")


def parse_moves(text: str) -> list[str]:
    """Moves in one line, one an entry: "w*24 a*12" or, as names may have spaces, "forward*24, turn left*12".

    Raises:
        GenieGymError: for something else, and for more than `MOST_MOVES` of them.
    """
    moves: list[str] = []
    for piece in text.split(",") if "," in text else re.sub(r"\s*\*\s*", "*", text).split():
        found = _MOVE.fullmatch(piece.strip())
        if found is None:
            raise GenieGymError(f"moves are keys, each with how often, like 'w*24 a*12'; {_short(piece)} is none.")
        count = int(found["count"] or 1)
        if len(moves) + count > MOST_MOVES:
            raise GenieGymError(f"these are more than {MOST_MOVES:,} moves; play them in parts.")
        moves += [found["key"]] * count
    return moves


def key_numbers(keys: Sequence[Any], names: Sequence[str]) -> Int[np.ndarray, " F"]:
    """The number of each key: an index of `names`, given as such, by name, or by letter (`LETTERS`).

    Raises:
        GenieGymError: for a key that there is not.
    """
    known = {name.lower(): number for number, name in enumerate(names)}
    known |= {letter: known[name] for letter, name in LETTERS.items() if name in known and letter not in known}
    known |= {str(number): number for number in range(len(names))}
    numbers = {key: known.get(str(key).strip().lower().replace("_", " ")) for key in set(keys)}
    for key, number in numbers.items():
        if number is None:
            near = did_you_mean(str(key)[:40], names)
            raise GenieGymError(
                f"there is no key {_short(str(key))}; give names, numbers from 0 to {len(names) - 1}, or letters." + near
            )
    return np.array([numbers[key] for key in keys], np.int64)


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")
