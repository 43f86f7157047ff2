"""Composed places as somewhere to look: what stands there and how light falls. Nothing happens in them.

Legend: B rows, N things a row, H W image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from genie_gym.geometry.camera import Camera
from genie_gym.places.draw import Seen, draw
from genie_gym.places.ground import Ground
from genie_gym.places.library import AssetLibrary
from genie_gym.places.light import Condition
from genie_gym.places.table import Things
from genie_gym.state import State
from genie_gym.text.prompt import Prompt
from genie_gym.text.spec import WorldSpec
from genie_gym.text.tokens import Report
from genie_gym.text.vocabulary import Vocabulary


@dataclass(kw_only=True)
class Composed(State):
    """A place in each row, under its weather and hour.

    Args:
        entrance: the camera of who enters, to world: x right, y down, z forward, in a world of x east, y north, z up.
        known: whether the row has a place at all.
    """

    things: Things
    ground: Ground
    condition: Condition
    entrance: Float[Tensor, "B 4 4"]
    known: Bool[Tensor, " B"]

    @classmethod
    def none(cls, rows: int, device: torch.device) -> Composed:
        """Rows that have no place."""
        nowhere = Condition(weather=torch.zeros(rows, dtype=torch.int64), hour=torch.zeros(rows))
        pose, known = torch.eye(4).repeat(rows, 1, 1), torch.zeros(rows, dtype=torch.bool)
        empty = cls(things=Things.none(rows), ground=Ground.none(rows), condition=nowhere, entrance=pose, known=known)
        return empty.to(device)

    def seen(self, library: AssetLibrary, poses: Float[Tensor, "B 4 4"], camera: Camera) -> Seen:
        """What cameras see that are at `poses` from the entrance."""
        step = torch.zeros(len(poses), dtype=torch.int64, device=poses.device)
        return draw(library, self.things, self.ground, self.condition, self.entrance @ poses, camera, step)

    @property
    def moving(self) -> Bool[Tensor, "B N"]:
        """Which things go about by themselves, or can be pushed."""
        return self.things.there & (self.things.movable | (self.things.behaviour >= 0))

    def without_moving(self) -> Composed:
        """The same places without these things."""
        still = self.things.clone()
        still.remove(self.moving)
        return replace(self, things=still)


@runtime_checkable
class Composer(Protocol):
    """A world that composes places as prompts ask for them."""

    library: AssetLibrary
    vocabulary: Vocabulary | None

    def compose(self, seed: Int[Tensor, " B"], prompts: Sequence[Prompt]) -> Composed:
        """The place of each row."""

    def report_of(self, report: Report, asked: WorldSpec) -> Report:
        """What became of a prompt."""
