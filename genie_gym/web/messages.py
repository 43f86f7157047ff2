"""What a page may say: checked, and bounded in size and number."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass, field
from typing import Any

from genie_gym.errors import GenieGymError
from genie_gym.runtime.session import MOST_SEED
from genie_gym.user_action import MOST_KEYS

VERSION = 1
MOST_BYTES = 16_384  # of a message
MOST_TEXT = 2_000  # characters of a prompt or an event
A_SECOND, AT_ONCE = 120, 240  # messages, on average and in a burst
MOST_DEGREES = 180.0
WORK_A_SECOND, WORK_AT_ONCE = 3, 8  # of those that make the world work: places that are laid out, texts that are read
COMMANDS = (
    "reset", "pause", "resume", "step", "rewind", "save", "load", "by_itself", "view", "record", "beside", "begin",
)  # fmt: skip
WORK = ("prompt", "event", "read")  # kinds of messages, and commands, that take the world a while
WORKING_COMMANDS = ("reset", "begin", "beside", "record", "load", "rewind", "save")


@dataclass(frozen=True)
class Message:
    """What a page says.

    Kinds: "hello" (`value`: the page's version), "input" (`keys`, `mouse`, `axes`, `stamp`), "prompt" and "event"
    (`text`), "read" (`text`; `value`: "prompt" or "event"), "command" (`text`: its name, `value`), "seen" (`value`: the
    number of a frame)."""

    kind: str
    text: str = ""
    value: Any = None
    keys: tuple[str, ...] = ()
    mouse: tuple[float, float] = (0.0, 0.0)
    axes: dict[str, float] = field(default_factory=dict)
    stamp: float | None = None

    @property
    def is_work(self) -> bool:
        """Whether the world, which all share, has more to do for it than for a frame."""
        return self.kind in WORK or (self.kind == "command" and self.text in WORKING_COMMANDS)


def read_message(raw: str) -> Message:
    """A message of the page.

    Raises:
        GenieGymError: it is none; the sentence says why.
    """
    if len(raw) > MOST_BYTES:
        raise GenieGymError(f"messages have at most {MOST_BYTES:,} characters; this one has {len(raw):,}.")
    try:
        said = json.loads(raw)
    except (ValueError, RecursionError):
        raise GenieGymError("messages are JSON; this one is not.") from None
    kind = said.get("type") if isinstance(said, dict) else None
    if kind == "input":
        return _input(said)
    if kind in ("prompt", "event", "read"):
        value = said.get("seed") if kind == "prompt" else said.get("value")
        if kind == "read" and value not in ("prompt", "event"):
            raise GenieGymError("a text is read as a prompt or as an event.")
        if kind == "prompt" and value is not None:
            value = _whole(value, "a seed")
        return Message(kind, _text(said.get("text")), value)
    if kind == "command":
        name = said.get("name")
        if name not in COMMANDS:
            raise GenieGymError(f"commands are {', '.join(COMMANDS)}; got {name!r:.40}.")
        return Message(kind, name, said.get("value"))
    if kind in ("hello", "seen"):
        return Message(kind, value=_whole(said.get("value"), "its value"), text=str(said.get("token") or "")[:200])
    raise GenieGymError(f"there are no messages of the type {kind!r:.40}.")


def _input(said: dict[str, Any]) -> Message:
    keys, mouse, axes, stamp = (said.get(name) for name in ("keys", "mouse", "axes", "stamp"))
    keys, mouse, axes = keys or [], mouse or [0, 0], axes or {}
    if not isinstance(keys, list) or len(keys) > MOST_KEYS or not all(isinstance(k, str) and len(k) <= 40 for k in keys):
        raise GenieGymError(f"keys are up to {MOST_KEYS} names.")
    if not isinstance(mouse, list) or len(mouse) != 2 or not all(_is_number(v, 1e6) for v in mouse):
        raise GenieGymError("a mouse moves by two numbers.")
    if not isinstance(axes, dict) or len(axes) > 8 or not all(_is_number(v, 1.0) for v in axes.values()):
        raise GenieGymError("axes of a gamepad go from -1 to 1.")
    if stamp is not None and not _is_number(stamp, 1e15):
        raise GenieGymError("a time stamp is a number.")
    right, up = (min(max(float(value), -MOST_DEGREES), MOST_DEGREES) for value in mouse)
    return Message(
        "input", keys=tuple(keys), mouse=(right, up), axes={str(k): float(v) for k, v in axes.items()}, stamp=stamp
    )


def _text(text: Any) -> str:
    if not isinstance(text, str) or len(text) > MOST_TEXT:
        raise GenieGymError(f"a text has at most {MOST_TEXT:,} characters.")
    return text


def _whole(value: Any, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < MOST_SEED:
        raise GenieGymError(f"{what} is a whole number of at least 0.")
    return value


def _is_number(value: Any, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and abs(value) <= most


class Allowance:
    """How many messages one may still send: `a_second` more each second, `at_once` at most."""

    def __init__(self, a_second: float = A_SECOND, at_once: float = AT_ONCE) -> None:
        self.a_second, self.at_once = a_second, at_once
        self._left, self._at = float(at_once), time.monotonic()

    def take(self) -> bool:
        """Whether one more is allowed; then it counts."""
        now = time.monotonic()
        self._left = min(self.at_once, self._left + (now - self._at) * self.a_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
