"""Scene graphs of learned worlds: what a world knows of its scenes, or else what each row has seen of things since its
episode began, from what the world estimates.

Legend: B rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from genie_gym.errors import GenieGymError
from genie_gym.geometry.camera import Camera
from genie_gym.geometry.scene_graph.builder import SceneGraphBuilder
from genie_gym.geometry.scene_graph.scene import SceneGraph
from genie_gym.world import TellsClasses, TellsScene, World, WorldState

SCENE_GRAPH = "scene_graph"
NEEDED = ("depth", "pose", "intrinsics")
Scenes = dict[str, Tensor]
"""What `SceneGraphBuilder`s of B rows are: their parts by name, each [B, …], on the CPU."""


class ToldScenes:
    """Of a world that knows what stands where: nothing is kept beside its states."""

    def __init__(self, world: TellsScene):
        self.world = world

    def begin(self, state: WorldState) -> Scenes:
        return {}

    def update(self, scenes: Scenes, state: WorldState) -> None:
        """Its states are all that there is to know."""

    def graphs(self, scenes: Scenes, state: WorldState) -> list[SceneGraph]:
        """The scene of each row."""
        return self.world.scene_graphs(state)


class SceneGraphs:
    """Feeds a builder a row with the world's depth, classes and poses.

    Raises:
        GenieGymError: for a world that does not tell these.
    """

    def __init__(self, world: World):
        if not isinstance(world, TellsClasses) or not world.extras.keys() >= set(NEEDED):
            raise GenieGymError(
                f"a {world.family} world does not tell what it shows, and how far away, of which scene graphs are made: "
                "leave them out, or choose a world that does (genie2)."
            )
        self.world: Any = world  # a `World` that is `TellsClasses`

    def begin(self, state: WorldState) -> Scenes:
        """Of rows that have just begun."""
        fresh = self._fresh(state).arrays()
        scenes = {name: torch.from_numpy(np.stack([part] * state.num_rows)) for name, part in fresh.items()}
        self.update(scenes, state)
        return scenes

    def update(self, scenes: Scenes, state: WorldState) -> None:
        """Takes in what the rows see now, in place."""
        with torch.no_grad():
            semantic = self.world.tell_classes(state.frames).cpu().numpy()
        depth, pose = (state.extras[name].cpu().numpy() for name in ("depth", "pose"))
        for row, builder in enumerate(self._builders(scenes, state)):
            builder.update(depth[row], semantic[row], pose[row])
            for name, part in builder.arrays().items():
                scenes[name][row] = torch.from_numpy(part)

    def graphs(self, scenes: Scenes, state: WorldState) -> list[SceneGraph]:
        """What each row knows of its scene."""
        return [builder.scene() for builder in self._builders(scenes, state)]

    def _fresh(self, state: WorldState) -> SceneGraphBuilder:
        camera = Camera.with_intrinsics(state.extras["intrinsics"][0], *self.world.frame_shape[:2])
        return SceneGraphBuilder(self.world.classes, camera)

    def _builders(self, scenes: Scenes, state: WorldState) -> list[SceneGraphBuilder]:
        fresh = self._fresh(state)
        return [fresh.filled({name: part[row].numpy() for name, part in scenes.items()}) for row in range(state.num_rows)]


def scene_graphs_of(world: World) -> ToldScenes | SceneGraphs:
    """What makes the scene graphs of a world.

    Raises:
        GenieGymError: for a world that neither knows nor tells enough.
    """
    return ToldScenes(world) if isinstance(world, TellsScene) else SceneGraphs(world)
