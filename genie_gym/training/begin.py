"""Training that begins with what another world has learned."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol, runtime_checkable

from torch import nn

from genie_gym.errors import GenieGymError
from genie_gym.world import World


@runtime_checkable
class Widens(Protocol):
    """A network that can begin with a narrower one."""

    def widen(self, other: nn.Module) -> None:
        """Takes over what a network of its kind has learned, narrower or as wide."""


def begin_with(world: World, other: World) -> None:
    """Copies into `world` what the networks that both have, by name, have learned, and the start frames of tasks that it has
    none of. Networks that are wider than what they begin with say nearly the same then; most cannot be wider.

    Raises:
        GenieGymError: networks that are too different.
    """
    theirs = other.parts()
    for name, part in world.parts().items():
        if name not in theirs:
            continue
        if isinstance(part, Widens):
            part.widen(theirs[name])
            continue
        try:
            part.load_state_dict(theirs[name].state_dict())
        except RuntimeError as error:
            reason = str(error).splitlines()[-1].strip()
            raise GenieGymError(f"{name} cannot begin with that world's, which is of another size: {reason}") from error
    if other.frame_shape == world.frame_shape:
        missing = set(world.tasks) - set(world.starts.tasks)
        tasks = dict(world.starts.tasks) | {task: some for task, some in other.starts.tasks.items() if task in missing}
        world.starts = replace(world.starts, tasks=tasks)
