"""A second look at a world: the same moments under another weather and hour.

Weather changes grip, so a world that is simulated again under another weather goes another way. A twin simulates nothing: it
takes over where everything is, and only draws.
"""

from __future__ import annotations

import copy

import numpy as np

from genie_gym.envs.sim.town.eye import Eye
from genie_gym.envs.sim.town.vocabulary import VOCABULARY
from genie_gym.envs.sim.town.world import TownWorld
from genie_gym.text.spec import WorldSpec

_PLACES = ("xpos", "xmat", "xquat", "geom_xpos", "geom_xmat")  # of `mujoco.MjData`: what is drawn, and told, is there


def another_condition(spec: WorldSpec, rng: np.random.Generator) -> WorldSpec:
    """The spec with another weather, and an hour that lies 4 to 20 hours later."""
    weather = str(rng.choice([name for name in VOCABULARY.weathers if name != spec.weather]))
    return spec.replace(weather=weather, hour=round(float((spec.hour + rng.uniform(4, 20)) % 24), 2))


class Twin:
    """What a world's agent would see now under the weather and hour of `spec`.

    Events that change what stands in the world change the twin too. Weather and hour remain its own.
    """

    def __init__(self, world: TownWorld, spec: WorldSpec):
        self.world, self.spec = world, spec
        self._enter()

    def _enter(self) -> None:
        """Takes over what stands in the world."""
        self._model = self.world.simulation.model  # a new one wherever something was added or removed
        self.simulation = copy.deepcopy(self.world.simulation)
        self.simulation.relight(self.spec)
        self.eye = Eye(self.simulation, self.world.agent)

    def observe(
        self, modalities: tuple[str, ...], width: int, height: int, view: str = "first", samples: int = 0
    ) -> dict[str, np.ndarray]:
        """What the camera sees, as `Eye.observe` gives it."""
        if self._model is not self.world.simulation.model:
            self.close()
            self._enter()
        mine, original = self.simulation, self.world.simulation
        mine.steps, mine.hidden = original.steps, original.hidden
        for name in _PLACES:
            getattr(mine.data, name)[:] = getattr(original.data, name)
        return self.eye.observe(modalities, width, height, view, samples, self.world.eye.pose(view))

    def close(self) -> None:
        self.simulation.close()
