"""What one bumps into, stands on and pushes. Batched over rows and things.

A walker is an upright cylinder. Where one can walk within a thing's box, its asset's occupancy says (`occupancy.py`), so one
walks through gates and over bridges. Movable things and beings are as their boxes. The rules are compiled for CPUs (`bump`);
tables on other devices come over for them.

Legend: B rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from genie_gym.errors import GenieGymError
from genie_gym.places.bump import BOX, FIXED, GONE, LOOSE, floor_rows, move_rows
from genie_gym.places.ground import Ground
from genie_gym.places.library import AssetLibrary
from genie_gym.places.occupancy import PER_METRE
from genie_gym.places.table import Things


@dataclass(frozen=True)
class BodyConfig:
    """Who walks: metres. `step` is what one steps up, and down without falling."""

    radius: float = 0.3
    step: float = 0.3
    height: float = 1.8

    def numbers(self) -> Float[np.ndarray, " 3"]:
        return np.array([self.radius, self.step, self.height])


def floor(
    things: Things, ground: Ground, library: AssetLibrary, position: Float[Tensor, "B 3"], body: BodyConfig | None = None
) -> Float[Tensor, " B"]:
    """How high the floor is under each row's feet: the ground, or the highest deck or top that is not above the feet by
    more than a step."""
    found = np.zeros(len(position))
    floor_rows(_array(position.double()), *_surroundings(things, ground, library), (body or BodyConfig()).numbers(), found)
    return torch.from_numpy(found).to(position)


def move(
    things: Things,
    ground: Ground,
    library: AssetLibrary,
    position: Float[Tensor, "B 3"],
    step: Float[Tensor, "B 2"],
    body: BodyConfig | None = None,
) -> tuple[Float[Tensor, "B 3"], Bool[Tensor, " B"]]:
    """Walks from `position` (of the feet) by `step` (metres, east and north): where one gets, and whether something was in
    the way. One slides along walls, steps up and down by as much as the body can (who is higher above the floor stays there:
    falling is not walking), and pushes movable things, which are moved in `things`, in place, where there is room for them.
    Who stands in something already can leave it.

    Raises:
        GenieGymError: positions or steps are not finite.
    """
    if not bool(torch.isfinite(position).all() & torch.isfinite(step).all()):
        raise GenieGymError("who walks has a position and a step of finite numbers.")
    place, blocked = _array(position.double()).copy(), np.zeros(len(position), np.bool_)
    shape, state, *others = _surroundings(things, ground, library)
    before = shape[..., :3].copy()
    move_rows(place, _array(step.double()), shape, state, *others, (body or BodyConfig()).numbers(), blocked)
    moved = shape[..., :3] - before
    if moved.any():
        things.centre += torch.from_numpy(moved).to(things.centre)
    return torch.from_numpy(place).to(position), torch.from_numpy(blocked).to(position.device)


def _surroundings(things: Things, ground: Ground, library: AssetLibrary) -> tuple[Any, ...]:
    """Tables as `bump` reads them: of one kind of numbers, so that it is compiled once."""
    size, asset = things.size, things.asset.clamp(min=0)
    base = things.centre[..., 2] - size[..., 2] / 2
    turn = [things.yaw.double().cos().float(), things.yaw.double().sin().float()]
    shape = torch.stack([*things.centre[..., :2].unbind(-1), base, *turn, *size.unbind(-1)], -1)
    boxed = (things.behaviour >= 0) | (things.asset < 0)
    state = torch.where(things.movable, LOOSE, torch.where(boxed, BOX, FIXED))
    state = torch.where(things.there, state, GONE)
    deck_step = size[..., 2] / library.size[..., 2][asset] / PER_METRE
    parts = (shape, state, asset, deck_step, library.occupancy, ground.heights, ground.half, ground.water)
    return tuple(_array(part.double() if part.dtype == torch.float32 else part) for part in parts)


def _array(tensor: Tensor) -> Any:
    return tensor.detach().cpu().contiguous().numpy()
