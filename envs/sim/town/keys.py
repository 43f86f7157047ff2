"""The keyboard: what each discrete action does with the six controls (forward, strafe, turn, look, jump, interact)."""

import numpy as np

KEYBOARD: dict[str, tuple[float, ...]] = {
    "noop": (0, 0, 0, 0, 0, 0),
    "forward": (1, 0, 0, 0, 0, 0),
    "back": (-1, 0, 0, 0, 0, 0),
    "turn left": (0, 0, 1, 0, 0, 0),
    "turn right": (0, 0, -1, 0, 0, 0),
    "strafe left": (0, -1, 0, 0, 0, 0),
    "strafe right": (0, 1, 0, 0, 0, 0),
    "jump": (0, 0, 0, 0, 1, 0),
    "look up": (0, 0, 0, 1, 0, 0),
    "look down": (0, 0, 0, -1, 0, 0),
    "interact": (0, 0, 0, 0, 0, 1),
}
KEYS = np.array(list(KEYBOARD.values()), np.float32)
NOOP, FORWARD, BACK, LEFT, RIGHT, STRAFE_LEFT, STRAFE_RIGHT, JUMP, UP, DOWN, INTERACT = range(len(KEYS))
