"""What one bumps into, stands on and pushes. Batched over rows and things.

Legend: B rows, N things.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor

from genie_gym.places.ground import Ground
from genie_gym.places.library import AssetLibrary
from genie_gym.places.table import Things


@dataclass(frozen=True)
class BodyConfig:
    """Who walks: metres."""

    radius: float = 0.3
    step: float = 0.3
    """What one steps up, and down without falling."""
    height: float = 1.8


def floor(
    things: Things, ground: Ground, library: AssetLibrary, position: Float[Tensor, "B 3"], body: BodyConfig | None = None
) -> Float[Tensor, " B"]:
    """How high the floor is under each row's feet: the ground, or the highest deck or top that is not above the feet by
    more than a step."""
    raise NotImplementedError


def move(
    things: Things,
    ground: Ground,
    library: AssetLibrary,
    position: Float[Tensor, "B 3"],
    step: Float[Tensor, "B 2"],
    body: BodyConfig | None = None,
) -> tuple[Float[Tensor, "B 3"], Bool[Tensor, " B"]]:
    """Walks from `position` (of the feet) by `step` (metres, east and north): where one gets, and whether something was in
    the way. One slides along walls, steps up to 0.3 m, and pushes movable things, which are moved in `things`, in place."""
    raise NotImplementedError
