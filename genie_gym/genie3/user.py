"""What a user does at once with keys, a mouse and a gamepad, as one motion.

Legend: B rows, K keys.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from genie_gym.errors import GenieGymError
from genie_gym.keyboard import key_numbers
from genie_gym.user_action import AXES, UserAction

WALKS = ("strafe right", "forward", "turn right", "look up")
"""The keys that ask for as much as a whole axis does."""


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
