"""The real simulator beside an imagined world, under the same keys."""

from __future__ import annotations

from genie_gym.runtime.engine import Beginning
from genie_gym.runtime.simulated import SimulatorEngine
from genie_gym.user_action import UserAction
from genie_gym.web.visitor import Shot


class Beside:
    """One row of a simulator, of the same prompt as the imagined world's, as the simulator lays it out itself.

    Raises:
        GenieGymError: the simulator does not begin like that.
    """

    def __init__(self, simulator: str, beginning: Beginning):
        self._engine = SimulatorEngine(simulator)
        try:
            self._engine.join(self._as_here(beginning))
        except BaseException:
            self._engine.close()
            raise

    def step(self, user: UserAction, beginning: Beginning) -> Shot:
        """Its next frame. Where its episode is over, it begins again."""
        engine = self._engine
        if engine.step(engine.act([user]), [True])[0].over:
            self.restart(beginning)
        return Shot(engine.look(0), {"beside": engine.name})

    def restart(self, beginning: Beginning) -> None:
        """Raises `GenieGymError`: the simulator does not begin like that."""
        self._engine.restart(0, self._as_here(beginning))

    def close(self) -> None:
        self._engine.close()

    def _as_here(self, beginning: Beginning) -> Beginning:
        return Beginning(beginning.prompt if self._engine.takes_prompts else "", None, beginning.seed % 2**31)
