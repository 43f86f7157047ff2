"""What a user does at once with keys, a mouse and a gamepad, as one motion.

Legend: B rows, K keys.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from genie_gym.errors import GenieGymError
from genie_gym.keyboard import key_numbers

MOST_KEYS = 16
AXES = ("right", "forward", "turn", "look")
"""Of a gamepad: what each axis asks for, from -1 to 1. The first two are mostly a left stick's, the others a right one's."""
WALKS = ("strafe right", "forward", "turn right", "look up")
"""The keys that ask for as much as a whole axis does."""


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


def asked_by(actions: Sequence[UserAction], asked: Float[Tensor, "K 5"], names: Sequence[str]) -> Float[Tensor, "B 5"]:
    """The level motion (right, down, forward, yaw to the right, pitch) that each row's user asks for.

    Args:
        asked: what each key of the keyboard asks for. names: of the keys.

    Raises:
        GenieGymError: for a key that there is not, and for axes where the keyboard has no such key.
    """
    motions = []
    for action in actions:
        motion = asked[key_numbers(list(action.keys), names)].sum(0) if action.keys else asked.new_zeros(5)
        for name, value in (action.axes or {}).items():
            key = WALKS[AXES.index(name)]
            if key not in names:
                raise GenieGymError(f"the axis {name!r} asks for as much as the key {key!r}, which this world lacks.")
            motion = motion + value * asked[list(names).index(key)]
        turn, look = (math.radians(value) for value in action.mouse)
        motions.append(motion + asked.new_tensor([0.0, 0.0, 0.0, turn, look]))
    return torch.stack(motions)
