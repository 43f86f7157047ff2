"""Weather that comes slowly, and hours that pass.

Legend: B rows, H W image.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genie_gym.places.light import Condition
from genie_gym.state import State

MINUTE = 60.0  # seconds
CAST_AGAIN = 0.1  # hours (1.5 degrees of the sun's way), after which shadows are cast again


@dataclass(kw_only=True)
class Passing(State):
    """What passes in each row.

    Args:
        weather: the weather that goes. share: how much of its look is left, 0 to 1. fade: by how much less it is a step.
        hours: that pass a step. cast: the hour at which shadows were cast.
    """

    weather: Int[Tensor, " B"]
    share: Float[Tensor, " B"]
    fade: Float[Tensor, " B"]
    hours: Float[Tensor, " B"]
    cast: Float[Tensor, " B"]

    @classmethod
    def none(cls, condition: Condition) -> Passing:
        """Nothing passes."""
        still = torch.zeros_like(condition.hour)
        return cls(
            weather=condition.weather.clone(), share=still, fade=still.clone(), hours=still.clone(),
            cast=condition.hour.clone(),
        )  # fmt: skip

    def go(self, row: int, weather: int, steps: float) -> None:
        """From now on this weather goes, in so many steps; in place."""
        self.weather[row], self.share[row] = weather, 1.0 if steps >= 1 else 0.0
        self.fade[row] = 1 / max(steps, 1.0)

    def passed(self, condition: Condition) -> tuple[Passing, Condition]:
        """A step later."""
        later = replace(self, share=(self.share - self.fade).clamp(min=0))
        return later, replace(condition, hour=(condition.hour + self.hours) % 24)

    def shadows_are_old(self, condition: Condition) -> list[int]:
        """Rows whose shadows lie where the sun has passed on."""
        off = (condition.hour - self.cast + 12) % 24 - 12
        return (off.abs() > CAST_AGAIN).nonzero()[:, 0].tolist()
