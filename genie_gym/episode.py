"""What a world and those who play it pass to each other: what episodes begin from, states, what a step brought.

Legend: B rows, R some of them, H W image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from genie_gym.places.place import Place
from genie_gym.state import State
from genie_gym.text.prompt import Prompt


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
    """What episodes begin from, one entry a row; what is None the world chooses by itself, from the row's seed."""

    frames: UInt8[Tensor, "B H W 3"] | None = None
    prompts: Sequence[Prompt | None] | None = None
    """What each row's world is asked to be like; None is nothing."""
    tasks: Sequence[str | None] | None = None
    """What is to be done in each row, out of `Playable.tasks`; None is nothing."""
    places: Sequence[Place | None] | None = None
    """The place that each row begins in, where the world takes some; None is any."""
    draws: Int[Tensor, " B"] | None = None
    """By which each row chooses among frames of the world's own, modulo how many there are (`row_random.episode_draws`);
    else it is as its seed says."""

    def rows(self, rows: Int[Tensor, " R"]) -> Start:
        """The same for some rows."""
        return Start(
            frames=None if self.frames is None else self.frames[rows.to(self.frames.device)],
            draws=None if self.draws is None else self.draws[rows.to(self.draws.device)],
            prompts=None if self.prompts is None else [self.prompts[row] for row in rows.tolist()],
            tasks=None if self.tasks is None else [self.tasks[row] for row in rows.tolist()],
            places=None if self.places is None else [self.places[row] for row in rows.tolist()],
        )


def instruction(task: str) -> str:
    """A task in words: "find:well" is "find the well"."""
    verb, *what = task.replace(":", "_").split("_")
    return f"{verb} the {' '.join(what)}"
