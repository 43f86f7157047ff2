"""Families of worlds: what a world's files name, and where its classes are. Imports no network until one is asked for."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from genie_gym.errors import GenieGymError, did_you_mean


@dataclass(frozen=True)
class Family:
    """Where the parts of a family are: each an object, or "module:name", imported when it is used.

    Attributes:
        world: its `genie_gym.world.World`, a class.
        training: its `genie_gym.training.plan.TrainingPlan`; None where `genie-gym train` does not train it.
        measures: what `genie-gym evaluate` measures (`genie_gym.evaluation.measure.Measure`, several); None for what every
            world shares.
        rows: which of these numbers a table shows, in which words (`genie_gym.evaluation.table.Row`, several); None for all.
    """

    world: Any
    training: Any = None
    measures: Any = None
    rows: Any = None

    def load(self, part: str) -> Any:
        """The object that `world`, `training`, `measures` or `rows` stands for."""
        reference = getattr(self, part)
        if not isinstance(reference, str):
            return reference
        module, _, name = reference.partition(":")
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise GenieGymError(f"{reference!r} does not name an object, as 'module:name': {error}.") from error


FAMILIES: dict[str, Family] = {
    "genie1": Family(
        "genie_gym.genie1.world:Genie1World", "genie_gym.genie1.training:PLAN", "genie_gym.genie1.suite:MEASURES"
    ),
    "genie2": Family(
        "genie_gym.genie2.world:Genie2World",
        "genie_gym.genie2.training:PLAN",
        "genie_gym.genie2.suite:MEASURES",
        "genie_gym.genie2.suite:ROWS",
    ),
    "genie3": Family(
        "genie_gym.genie3.world:Genie3World",
        "genie_gym.genie3.training:PLAN",
        "genie_gym.genie3.suite:MEASURES",
        "genie_gym.genie3.suite:ROWS",
    ),
}


def register_family(name: str, world: Any, training: Any = None, measures: Any = None, rows: Any = None) -> None:
    """Makes a family of worlds known, so that `load_world` opens its folders: the one line that a world of your own needs.

    Args: see `Family`; `name` is what the world class has as `family`.

    Raises:
        GenieGymError: the name is another family's, or not the one that the class has.
    """
    if not isinstance(world, str) and getattr(world, "family", None) != name:
        raise GenieGymError(f"a world class whose `family` is {name!r} is needed; given {world!r}.")
    if name in FAMILIES and _place(FAMILIES[name].world) != _place(world):
        raise GenieGymError(f"there is a family {name!r} already; choose another name.")
    FAMILIES[name] = Family(world, training, measures, rows)


def _place(world: Any) -> str:
    """Where a class stands: defined again there, as in a notebook, it replaces the one before."""
    return world if isinstance(world, str) else f"{world.__module__}:{world.__qualname__}"


def find_family(name: str) -> Family:
    if name not in FAMILIES:
        raise GenieGymError(
            f"unknown family of worlds {name!r}: import the module that registers it (genie_gym.register_family; on the "
            "command line: --import MODULE)." + did_you_mean(name, FAMILIES)
        )
    return FAMILIES[name]
