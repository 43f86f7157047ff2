"""What environments of learned worlds tell: observations and info.

Legend: B rows, H W image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from jaxtyping import Float
from torch import Tensor

from genie_gym.envs.checks import as_names
from genie_gym.envs.saved_state import SavedState
from genie_gym.envs.scene_graphs import SCENE_GRAPH, scene_graphs_of
from genie_gym.errors import GenieGymError, check_name, did_you_mean
from genie_gym.world import World

OUTPUTS = ("numpy", "torch")
FRAMES = "rgb"  # the name of frames among observations


class Outputs:
    """See `GenieVectorEnv` for the arguments.

    Attributes:
        space: of one row's observations.
        scene_graphs: what makes them, where they are asked for.

    Raises:
        GenieGymError: for what this world does not tell.
    """

    def __init__(self, world: World, output: str, obs: Sequence[str], info: Sequence[str]):
        check_name("output", output, OUTPUTS)
        self.output = output
        self.obs = (obs,) if isinstance(obs, str) else as_names(obs)
        for name in (info,) if isinstance(info, str) else as_names(info, "info is a name, or"):
            check_name("info", name, (SCENE_GRAPH,))
        self.scene_graphs = scene_graphs_of(world) if info else None
        self.space = self._space(world)

    def _space(self, world: World) -> gym.Space:
        spaces: dict[str, gym.Space] = {FRAMES: gym.spaces.Box(0, 255, world.frame_shape, np.uint8), **world.extras}
        for name in self.obs:
            if name not in spaces:
                raise GenieGymError(f"this world has no observation {name!r}." + did_you_mean(str(name), spaces))
        if not self.obs:
            raise GenieGymError(f"obs names at least one of {', '.join(spaces)}.")
        chosen = {name: spaces[name] for name in self.obs}
        return gym.spaces.Dict(chosen) if len(chosen) > 1 else chosen[self.obs[0]]

    def observations(self, state: SavedState) -> Any:
        """Copies, so that what a caller keeps never changes."""
        now = state.world
        seen = {name: self.value((now.frames if name == FRAMES else now.extras[name]).clone()) for name in self.obs}
        return seen if len(seen) > 1 else seen[self.obs[0]]

    def info(self, state: SavedState) -> dict[str, Any]:
        """Of all rows, each [B, …], with Gymnasium's masks."""
        extras = {name: value for name, value in state.world.extras.items() if name not in self.obs}
        values = {name: self.value(value.clone()) for name, value in extras.items()}
        if self.scene_graphs is not None:
            graphs = np.empty(state.num_rows, dtype=object)
            graphs[:] = self.scene_graphs.graphs(state.scenes, state.world)
            values[SCENE_GRAPH] = graphs
        return values | {f"_{name}": np.ones(state.num_rows, dtype=bool) for name in values}

    def rewards(self, values: Float[Tensor, " B"]) -> Any:
        """float64 in NumPy, float32 in torch."""
        return self.value(values.float() if self.output == "torch" else values.double())

    def value(self, value: Tensor) -> Any:
        """As callers want it: an array, or the tensor."""
        return value if self.output == "torch" else value.cpu().numpy()
