"""One key for worlds and simulators that take one at a time, of all that a user does at once."""

from __future__ import annotations

from collections.abc import Sequence

from genie_gym.keyboard import LETTERS
from genie_gym.user_action import UserAction

NOTHING = ("noop", "no-op", "none", "still", "nothing", "stay")
TURNS, AXIS = 0.5, 0.4  # degrees of a mouse, and of a gamepad's way, from which they count
BY_AXIS = {
    "right": ("strafe left", "strafe right"), "forward": ("back", "forward"), "turn": ("turn left", "turn right"),
    "look": ("look down", "look up"),
}  # fmt: skip
WAYS = {"left", "right", "up", "down", "forward", "back", "jump"}
OTHERS = {  # by what a user means: what other worlds call it
    "forward": ("up", "forward"), "back": ("down", "back"), "turn left": ("left", "turn left"),
    "turn right": ("right", "turn right"), "strafe left": ("left", "strafe left"), "strafe right": ("right", "strafe right"),
    "jump": ("jump", "up", "fire", "space"), "interact": ("interact", "toggle", "fire", "use"),
}  # fmt: skip


def one_key(user: UserAction, names: Sequence[str], time: int) -> int:
    """The number of the key that is pressed in a frame, of those that a user holds: one that stands for all of them where
    there is one ("right + jump"), else each in its turn.

    Args:
        names: of the keys that there are. time: frames so far.
    """
    low = [name.lower() for name in names]
    held = list(dict.fromkeys(number for name in _wanted(user) if (number := _number(name, low)) is not None))
    if not held:
        return next((low.index(name) for name in NOTHING if name in low), 0)
    if len(held) > 1 and (both := _together(held, low)) is not None:
        return both
    return held[time % len(held)]


def _wanted(user: UserAction) -> list[str]:
    """What a user asks for, by name."""
    asked = [str(key) for key in user.keys]
    right, up = user.mouse
    if abs(right) > TURNS:
        asked.append("turn right" if right > 0 else "turn left")
    if abs(up) > TURNS:
        asked.append("look up" if up > 0 else "look down")
    for name, value in (user.axes or {}).items():
        if abs(value) > AXIS:
            asked.append(BY_AXIS[name][value > 0])
    return asked


def _number(name: str, names: Sequence[str]) -> int | None:
    """Which key a user means."""
    name = name.lower()
    if name.isdecimal() and int(name) < len(names):
        return int(name)
    if name not in names:
        name = LETTERS.get(name, name)
    meanings = (name, *OTHERS.get(name, ()))
    for meant in meanings:
        if meant in names:
            return names.index(meant)
    for (
        meant
    ) in meanings:  # of actions that were named by what they are seen to do ("view right 2"), the last: the strongest
        alike = [number for number, other in enumerate(names) if _ways(other) == {meant}]
        if alike:
            return alike[-1]
    return None


def _together(held: Sequence[int], names: Sequence[str]) -> int | None:
    """A key that is all of these at once."""
    wanted = {way for number in held for way in _ways(names[number])}
    return next((number for number, name in enumerate(names) if wanted and _ways(name) == wanted), None)


def _ways(name: str) -> set[str]:
    """The directions in a key's name; of "turn left" and "strafe left", which are two, the whole name."""
    words = name.replace("+", " ").replace("-", " ").replace("_", " ").split()
    if {"turn", "strafe", "look"} & {*words}:
        return {name}
    return {*words} & WAYS
