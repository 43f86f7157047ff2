"""How much is enough: so many episodes, steps, hours, or episodes that reached their goal."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from genie_gym.errors import GenieGymError

EPISODES = 64  # where nothing else is said
MOST_TRIES = 50  # episodes that are played for each that is wanted, at most


@dataclass(frozen=True)
class Enough:
    """One of these.

    Args:
        episodes, successes: how many. steps: likewise, at least; the last episode is whole.

    Raises:
        GenieGymError: several are given, or a number that is none.
    """

    episodes: int | None = None
    steps: int | None = None
    successes: int | None = None

    @classmethod
    def of(cls, episodes: int | None, steps: int | None, hours: float | None, successes: int | None, fps: float) -> Enough:
        """Of what was asked for; `EPISODES` where nothing was."""
        given = {"episodes": episodes, "steps": steps, "hours": hours, "successes": successes}
        named = [name for name, value in given.items() if value is not None]
        if len(named) > 1:
            raise GenieGymError(f"how much is enough is said once; got {' and '.join(named)}.")
        for name in named:
            value = given[name]
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e12:
                raise GenieGymError(f"{name} must be a number above 0; got {value!r}.")
        if hours is not None:
            return cls(steps=math.ceil(hours * 3600 * fps))
        return cls(EPISODES if not named else episodes, steps, successes)

    def count(self, kept: Iterable[tuple[int, bool]]) -> int | None:
        """How many of the episodes that were kept, (length, whether its goal was reached) each, in order, are enough; None
        where all are too few."""
        wanted = self.episodes or self.steps or self.successes or 0
        so_far = 0
        for number, (length, reached) in enumerate(kept, 1):
            so_far += 1 if self.episodes else length if self.steps else reached
            if so_far >= wanted:
                return number
        return None

    @property
    def most_episodes(self) -> int | None:
        """How many are played at most before it is given up; None where every step counts."""
        wanted = self.episodes or self.successes
        return None if wanted is None else MOST_TRIES * wanted
