"""What a row of a Genie 3 world is.

Legend: B rows, C cells along a side of the square.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Bool, Float, Int
from torch import Tensor

from genie_gym.genie3.memory import ActionMemory
from genie_gym.genie3.passing import Passing
from genie_gym.genie3.picture import Picture
from genie_gym.genie3.rules import Rules
from genie_gym.genie3.walker import Walker
from genie_gym.places.ground import Ground
from genie_gym.places.library import AssetLibrary
from genie_gym.places.light import Condition
from genie_gym.places.place import Place
from genie_gym.places.table import Things, to_place
from genie_gym.text.spec import WorldSpec
from genie_gym.world import WorldState

MOST = 2**63 - 1  # of a row's seed where none may be below 0


@dataclass(kw_only=True)
class Genie3State(WorldState):
    """What a row is.

    `free` are the cells where one can walk (`walkable`), for beings; `task` a number in `Genie3World.tasks`, -1 for nothing
    to do; `reached` says whether it was done; `picture` is what the episode began in; `memory` what was done, `passing`
    how weather and hours pass, `rules` what comes of touching things.
    """

    things: Things
    ground: Ground
    condition: Condition
    gravity: Float[Tensor, " B"]
    friction: Float[Tensor, " B"]
    walker: Walker
    free: Bool[Tensor, "B C C"]
    task: Int[Tensor, " B"]
    reached: Bool[Tensor, " B"]
    picture: Picture
    memory: ActionMemory
    passing: Passing
    rules: Rules


def places_of(state: Genie3State, library: AssetLibrary) -> list[Place]:
    """Each row's place, as it is now. Who enters it begins where the row's player stands."""
    x, y, yaw = state.walker.feet[:, 0].tolist(), state.walker.feet[:, 1].tolist(), state.walker.yaw.tolist()
    return [
        to_place(state.things, state.ground, row, library).replace(spawn=(x[row], y[row], yaw[row]))
        for row in range(state.num_rows)
    ]


def specs_of(state: Genie3State, library: AssetLibrary, landmarks: Sequence[str]) -> list[WorldSpec]:
    """Scene, weather, hour, gravity and friction of each row, and which of these landmarks stand there."""
    told, config = [], library.config
    for row in range(state.num_rows):
        scene = int(state.ground.scene[row])
        names = {config.classes[label] for label in state.things.label[row][state.things.there[row]].unique().tolist()}
        told.append(
            WorldSpec(
                scene="" if scene < 0 else config.scenes[scene],
                weather=config.weathers[int(state.condition.weather[row])],
                hour=float(state.condition.hour[row]),
                landmarks=tuple(name for name in landmarks if name in names),
                gravity=float(state.gravity[row]),
                friction=float(state.friction[row]),
            )
        )
    return told
