"""What runs in real time: rows that users join, act in and leave. A learned world (`learned.py`) or real simulators
(`simulated.py`).

Legend: B rows, H W image.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from genie_gym.text.spec import Event
from genie_gym.text.tokens import Report
from genie_gym.user_action import UserAction


@dataclass(frozen=True)
class Beginning:
    """What an episode begins as.

    Args:
        prompt: text; "" leaves it to the world. image: uint8 [H, W, 3] of any size, in place of a prompt. seed: which of the
            many worlds like that. task: of the world's tasks; "" for none. rules: of games, as texts. events: pairs of a
            step, from 1 on, and an event or a text; what happens in a step shows in its frame.
    """

    prompt: str = ""
    image: UInt8[np.ndarray, "H W 3"] | None = None
    seed: int = 0
    task: str = ""
    rules: tuple[str, ...] = ()
    events: tuple[tuple[int, Event | str], ...] = ()


@dataclass
class Told:
    """What a step brought a row: its reward, and whether its episode is over."""

    reward: float = 0.0
    over: bool = False


@dataclass(frozen=True)
class NamedStart:
    """One of those that a world offers to begin in: how it is called, what it is for, and, of worlds without words, what it
    looks like."""

    name: str
    beginning: Beginning
    about: str = ""
    picture: UInt8[np.ndarray, "H W 3"] | None = None


@dataclass(frozen=True)
class SeenThing:
    """A thing in view: its name, where its middle shows (0 to 1 from the left and the upper edge), and how far it is."""

    name: str
    x: float
    y: float
    metres: float


@dataclass(frozen=True)
class SeenScene:
    """Things in view, the nearest first, and how they lie to one another: (number of one, relation, number of the other)."""

    things: list[SeenThing] = field(default_factory=list)
    relations: list[tuple[int, str, int]] = field(default_factory=list)


@dataclass(frozen=True)
class PlaceMap:
    """A place seen from above, in metres (x east, y north): half the square's side, where one is (x, y, heading), and things
    (name, x, y, width, depth, yaw, whether it can move)."""

    half: float
    player: tuple[float, float, float]
    things: list[tuple[str, float, float, float, float, float, bool]] = field(default_factory=list)


class Engine(ABC):
    """Rows in real time. All calls come from one thread.

    Attributes:
        name: of the world. fps: frames a second. frame_shape: (H, W, 3) of what it draws. pixel_art: its frames have hard
            pixels, to be enlarged as such. keys: names of what one can press. views: what one can look at: "rgb", and
            others. Of what not every world does: takes_prompts, takes_images, takes_events, takes_mouse, walks_by_itself
            (a prior acts where no user does), can_rewind, has_map.
    """

    name: str
    fps: float
    frame_shape: tuple[int, int, int]
    pixel_art: bool = False
    keys: tuple[str, ...]
    views: tuple[str, ...] = ("rgb",)
    takes_prompts = takes_images = takes_events = takes_mouse = walks_by_itself = can_rewind = has_map = False

    @property
    @abstractmethod
    def num_rows(self) -> int: ...

    @abstractmethod
    def join(self, beginning: Beginning) -> Report | None:
        """One more row, the last one; what became of its prompt.

        Raises:
            GenieGymError: for what the world cannot begin as; then there is no more row.
        """

    @abstractmethod
    def leave(self, row: int) -> None:
        """The row is gone; those behind it move up."""

    @abstractmethod
    def restart(self, row: int, beginning: Beginning) -> Report | None:
        """Another episode in this row.

        Raises:
            GenieGymError: for what the world cannot begin as; then the row goes on.
        """

    def check(self, user: UserAction) -> None:  # noqa: B027
        """Raises `GenieGymError` for keys and axes that the world does not have. Worlds of one key at a time pass them over,
        and so have nothing to check."""

    @abstractmethod
    def act(self, users: Sequence[UserAction | None]) -> Any:
        """The actions that users' keys, mouse and gamepad come to, one a row; None: what the world's prior would do."""

    @abstractmethod
    def step(self, actions: Any, going: Sequence[bool]) -> list[Told]:
        """A frame later, in the rows that are going; the others stand still, and are told nothing."""

    @abstractmethod
    def look(self, row: int, view: str = "rgb") -> UInt8[np.ndarray, "H W 3"]:
        """What a row shows now."""

    def read(self, text: str, row: int, is_event: bool) -> Report:
        """What would become of a prompt, or of an event in this row.

        Raises:
            GenieGymError: of one that is not understood.
        """
        raise NotImplementedError

    def event(self, row: int, event: Event | str) -> tuple[str, Report]:
        """Lets something happen in a row: the event as JSON, and what became of a text.

        Raises:
            GenieGymError: it cannot happen; then nothing changes.
        """
        raise NotImplementedError

    def save(self, row: int) -> Any:
        """Everything that a row is."""
        raise NotImplementedError

    def load(self, row: int, saved: Any) -> None:
        """A row goes on from there."""
        raise NotImplementedError

    def starts(self) -> list[NamedStart]:
        """What one may begin in, by name."""
        return []

    def scene(self, row: int) -> SeenScene:
        """What is in view, and how it lies to one another."""
        return SeenScene()

    def map(self, row: int) -> PlaceMap | None:
        """What is known of the place around."""
        return None

    def pose(self, row: int) -> Float[np.ndarray, "4 4"] | None:
        """Of the camera, to world, where that is known."""
        return None

    def close(self) -> None:  # noqa: B027
        """Frees what it holds."""
