"""What a world and those who play it pass to each other: what episodes begin from, states, what a step brought, keys.

Legend: B rows, R some of them, A actions, H W image.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from genie_gym.actions import DiscreteActions
from genie_gym.state import State
from genie_gym.text.spec import WorldSpec


@dataclass(kw_only=True)
class WorldState(State):
    """Everything that a row is. Worlds add what they need.

    `position` is the number of the last frame; `seed` fixes all randomness still to come. `World.step` may write into the
    state it is given: `clone()` first to branch.
    """

    frames: UInt8[Tensor, "B H W 3"]
    """What is seen now."""
    extras: dict[str, Tensor] = field(default_factory=dict)
    """What else is known of it, each [B, …]: the names and spaces are `World.extras`."""
    position: Int[Tensor, " B"]
    seed: Int[Tensor, " B"]


@dataclass(kw_only=True)
class Prediction:
    """What one step brought: the frames and extras that the actions led to, rewards, and which episodes ended."""

    frames: UInt8[Tensor, "B H W 3"]
    rewards: Float[Tensor, " B"]
    terminated: Bool[Tensor, " B"]
    extras: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Start:
    """What episodes begin from, one entry a row; what is None the world chooses by itself, from each row's seed."""

    frames: UInt8[Tensor, "B H W 3"] | None = None
    conditions: Sequence[WorldSpec] | None = None
    """What the worlds are like: scene, weather, hour, things (`genie_gym.prompt` reads them from text)."""
    left_open: Sequence[Collection[str]] | None = None
    """Fields of each row's condition that nobody asked for (`Report.left_open`); None: all of it was asked for."""
    tasks: Sequence[str | None] | None = None
    """What is to be done in each row, out of `World.tasks`; None is nothing."""

    def rows(self, rows: Int[Tensor, " R"]) -> Start:
        """The same for some rows."""
        return Start(
            frames=None if self.frames is None else self.frames[rows.to(self.frames.device)],
            conditions=None if self.conditions is None else [self.conditions[row] for row in rows.tolist()],
            left_open=None if self.left_open is None else [self.left_open[row] for row in rows.tolist()],
            tasks=None if self.tasks is None else [self.tasks[row] for row in rows.tolist()],
        )


def instruction(task: str) -> str:
    """A task in words: "find:well" is "find the well"."""
    verb, *what = task.replace(":", "_").split("_")
    return f"{verb} the {' '.join(what)}"


@runtime_checkable
class TakesKeys(Protocol):
    """A world that understands a keyboard too: what each key comes to in its own actions."""

    keys: DiscreteActions
    key_names: tuple[str, ...]
    """What each key does, in their order."""

    def key_actions(self, state: WorldState, keys: Int[Tensor, " B"]) -> Tensor:
        """The world's own actions [B, …] that these keys come to, in this state, which it leaves as it is."""
