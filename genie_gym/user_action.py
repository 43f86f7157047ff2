"""What a user does at once with keys, a mouse and a gamepad."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genie_gym.errors import GenieGymError

MOST_KEYS = 16
AXES = ("right", "forward", "turn", "look")
"""Of a gamepad: what each axis asks for, from -1 to 1. The first two are mostly a left stick's, the others a right one's."""


@dataclass(frozen=True)
class UserAction:
    """Keys, a mouse and a gamepad, together.

    Args:
        keys: held, by name, number or letter (`genie_gym.keyboard`); they add up: "forward" and "turn left" make a curve.
        mouse: degrees to the right and upwards by which it turns the view.
        axes: of a gamepad, by name (`AXES`), from -1 to 1.

    Raises:
        GenieGymError: for numbers that are not finite, or out of range, and axes that there are not.
    """

    keys: Sequence[str | int] = ()
    mouse: tuple[float, float] = (0.0, 0.0)
    axes: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        keys = (self.keys,) if isinstance(self.keys, str | int) else tuple(self.keys)
        object.__setattr__(self, "keys", keys)
        if len(keys) > MOST_KEYS:
            raise GenieGymError(f"at most {MOST_KEYS} keys are held at once; got {len(keys)}.")
        if len(self.mouse) != 2 or not all(_within(value, 180) for value in self.mouse):
            raise GenieGymError(f"a mouse turns the view by two angles of at most 180 degrees; got {self.mouse!r:.80}.")
        for name, value in (self.axes or {}).items():
            if name not in AXES or not _within(value, 1):
                raise GenieGymError(f"axes are {', '.join(AXES)}, each from -1 to 1; got {name!r:.40}: {value!r:.40}.")


def _within(value: Any, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and abs(value) <= most
