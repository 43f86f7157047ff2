"""Gymnasium's `TimeLimit` around an environment that can go back to a saved state.

`TimeLimit`, which `gym.make` adds, counts an episode's steps outside of the environment, and nothing tells it that
`load_state` went back to an earlier step: it would truncate early. It cannot be left out either: `max_episode_steps` of
`gym.make` never reaches the environment, and wrappers of one's own (`additional_wrappers`) are refused for ids that have a
vector environment. So an environment notes, at each reset, through which time limits it was called, and sets their
counts when it loads a state. Whichever way it is reached (`env.unwrapped`, `env.get_wrapper_attr`, `call` of a vector
environment), truncation is right, and specs, wrappers and checks are Gymnasium's own.
"""

from __future__ import annotations

import sys
from types import FrameType
from weakref import WeakSet

from gymnasium.wrappers import TimeLimit


class TimeLimits:
    """The time limits around one environment. Copies and pickles know of none until their next reset."""

    def __init__(self) -> None:
        self._limits: WeakSet[TimeLimit] = WeakSet()

    def note_reset(self) -> None:
        """To be called within `reset()`: notes the time limits whose own `reset()` led here."""
        self._limits = WeakSet()
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if frame.f_code is TimeLimit.reset.__code__:
                self._limits.add(frame.f_locals["self"])
            frame = frame.f_back

    def set_steps(self, steps: int) -> None:
        """The episode has had so many steps."""
        for limit in self._limits:
            limit._elapsed_steps = steps  # type: ignore[assignment]  # Gymnasium annotates None, which it is before a reset

    def __reduce__(self) -> tuple:
        return TimeLimits, ()
