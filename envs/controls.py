"""What the actions of an environment of learned worlds are: the world's own, typical ones of these, or the keys of a
keyboard.

Legend: B rows.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from genie_gym.actions import ActionSpec, ContinuousActions
from genie_gym.errors import GenieGymError, check_name
from genie_gym.world import ACTION_PRIOR, HasPrototypes, TakesKeys, World, WorldState

LATENT, KEYBOARD, PROTOTYPES = ACTION_MODES = ("latent", "keyboard", "prototypes")


class Controls:
    """How actions reach a world.

    Args:
        action_mode: "latent" (the world's own actions), "keyboard", or "prototypes" (codes of typical actions of its own).

    Attributes:
        spec: the actions that are given. meanings: what each of them does, where that is known.

    Raises:
        GenieGymError: another mode, or one that this world has not.
    """

    def __init__(self, world: World, action_mode: str = LATENT):
        check_name("action_mode", action_mode, ACTION_MODES)
        self.world = world
        self.spec: ActionSpec = world.actions
        measured = judgement.action_meanings() if (judgement := world.provenance.judgement) else None
        self.meanings = None if measured is None else tuple(measured)
        self._keyboard: TakesKeys | None = None
        self._prototypes: HasPrototypes | None = None
        if action_mode == KEYBOARD:
            if not isinstance(world, TakesKeys):
                raise GenieGymError(f"a {world.family} world understands no keyboard; leave action_mode at {LATENT!r}.")
            self._keyboard, self.spec, self.meanings = world, world.keys, tuple(world.key_names)
        if action_mode == PROTOTYPES:
            if not isinstance(world, HasPrototypes):
                raise GenieGymError(f"a {world.family} world has no prototypes of actions; leave action_mode at {LATENT!r}.")
            self._prototypes, self.spec, self.meanings = world, world.prototypes, tuple(world.prototype_names)

    def read(self, actions: Any, state: WorldState) -> Tensor:
        """The world's own actions [B, …] that these come to in this state, on its device; None: those that its prior draws,
        of worlds of vectors that have one.

        Raises:
            GenieGymError: they are no actions of the mode, or there is no such prior.
        """
        if actions is None:
            drawn = state.extras.get(ACTION_PRIOR)
            if drawn is None or not isinstance(self.world.actions, ContinuousActions):
                raise GenieGymError(f"a {self.world.family} world has no prior that draws actions; give some.")
            return drawn
        checked = self.spec.check(actions, state.num_rows).to(self.world.device)
        if self._prototypes is not None:
            return self._prototypes.prototype_actions(checked)
        return checked if self._keyboard is None else self._keyboard.key_actions(state, checked)
