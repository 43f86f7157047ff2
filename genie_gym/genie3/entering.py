"""Places become tables in which somebody stands: what tasks need is put there, shadows fall, and one enters.

Legend: B rows, C cells along a side of the square, D finer ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from genie_gym.errors import GenieGymError
from genie_gym.genie3.asked import generator
from genie_gym.genie3.config import Genie3Config
from genie_gym.genie3.errands import Errand
from genie_gym.genie3.walkable import Ways, blocked_cells, free_cells
from genie_gym.places.ground import Ground
from genie_gym.places.library import AssetLibrary
from genie_gym.places.light import Condition
from genie_gym.places.place import Place
from genie_gym.places.shadows import cast
from genie_gym.places.table import Things, tables
from genie_gym.text.spec import WorldSpec


@dataclass(frozen=True, eq=False)
class Entered:
    """The tables of all rows, where one can walk, and where one enters: x, y, heading."""

    things: Things
    ground: Ground
    free: Bool[Tensor, "B C C"]
    spawn: Float[Tensor, "B 3"]


def enter(
    places: Sequence[Place],
    tasks: Sequence[str | None],
    numbers: Sequence[int],
    given: Sequence[bool],
    condition: Condition,
    library: AssetLibrary,
    config: Genie3Config,
) -> Entered:
    """The first moment of rows in these places, on the CPU.

    Args:
        tasks: what is to be done in each. numbers: the rows' seeds, at least 0. given: whether the user gave the place, so
            that one begins where it says.

    Raises:
        GenieGymError: there is no room for what a task needs, or to stand anywhere.
    """
    things, ground = tables(places, library, numbers, config.capacity)
    free, spawns = [], []
    for row, (place, task, number) in enumerate(zip(places, tasks, numbers, strict=True)):
        blocked = blocked_cells(things, ground, library, row)
        cells = free_cells(blocked, place.half)
        if task is not None:
            ways = Ways(cells, place.half)
            place = Errand(place, ways, library, config.tasks, generator(number), given[row]).prepared(task)
            fresh_things, fresh_ground = tables([place], library, [number], config.capacity)
            things.put(torch.tensor([row]), fresh_things)
            ground.put(torch.tensor([row]), fresh_ground)
            blocked = blocked_cells(things, ground, library, row)
            cells = free_cells(blocked, place.half)
        free.append(cells)
        spawns.append(_entrance(place, blocked, cells))
    cast(things, ground, library, library.light.at(condition).sun)
    spawn = torch.tensor(spawns, dtype=torch.float32).reshape(len(spawns), 3)
    return Entered(things, ground, torch.from_numpy(np.stack(free)), spawn)


def _entrance(place: Place, blocked: Bool[np.ndarray, "D D"], free: Bool[np.ndarray, "C C"]) -> tuple[float, float, float]:
    """Where the place says; where that is in something, as near to it as one can stand."""
    x, y, heading = place.spawn
    row, column = (int(np.clip((c + place.half) / (2 * place.half) * len(blocked), 0, len(blocked) - 1)) for c in (y, x))
    if max(abs(x), abs(y)) < place.half and not blocked[row, column]:
        return x, y, heading
    if not free.any():
        raise GenieGymError("nobody can stand anywhere in this place; leave some room.")
    return (*Ways(free, place.half).nearest_free(x, y), heading)


def condition_of(specs: Sequence[WorldSpec], library: AssetLibrary) -> Condition:
    """The weather and hour that each spec asks for; of a weather that the library does not know, its first."""
    names = library.config.weathers
    return Condition(
        weather=torch.tensor([names.index(spec.weather) if spec.weather in names else 0 for spec in specs]),
        hour=torch.tensor([float(spec.hour) for spec in specs]),
    )
