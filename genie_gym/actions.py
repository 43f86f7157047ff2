"""What actions a world takes: discrete codes or continuous vectors, behind one interface.

Legend: B rows, F steps, A number of codes, d size of a vector, E size of an embedding.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import gymnasium as gym
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor

from genie_gym.errors import GenieGymError

T = TypeVar("T")
TOLERANCE = 1e-6  # what rounding may add to a bound


class ActionSpec(ABC):
    """The actions of a world: their space, how they are checked, drawn and compared."""

    @property
    @abstractmethod
    def space(self) -> gym.Space:
        """The Gymnasium space of one row's action."""

    @abstractmethod
    def check(self, actions: Any, rows: int) -> Tensor:
        """Actions of all rows (array, tensor or list) as a tensor.

        Raises:
            GenieGymError: for another shape or type, or values outside the space.
        """

    @abstractmethod
    def sample(self, rng: np.random.Generator, *shape: int) -> Tensor:
        """Uniformly drawn actions, one in each place of `shape`."""

    @abstractmethod
    def embed(self, actions: Tensor) -> Float[Tensor, "*shape E"]:
        """Actions as vectors that can be compared and learned from."""

    @abstractmethod
    def probes(self) -> dict[str, Tensor]:
        """A few actions that together show what there is, by name: what sheets hold and evaluation tries."""


@dataclass(frozen=True)
class DiscreteActions(ActionSpec):
    """Codes 0 … count - 1."""

    count: int

    @property
    def space(self) -> gym.spaces.Discrete:
        return gym.spaces.Discrete(self.count)

    def check(self, actions: Any, rows: int) -> Tensor:
        actions = _as_tensor(actions)
        if actions.is_floating_point() or actions.dtype == torch.bool or actions.shape != (rows,):
            raise GenieGymError(f"actions must be integers [{rows}]; given {_described(actions)}.")
        actions = actions.long()
        bad = actions[(actions < 0) | (actions >= self.count)]
        if len(bad):
            raise GenieGymError(f"action {int(bad[0])} is not one of the actions 0 … {self.count - 1}.")
        return actions

    def sample(self, rng: np.random.Generator, *shape: int) -> Tensor:
        return torch.from_numpy(rng.integers(self.count, size=shape))

    def embed(self, actions: Tensor) -> Float[Tensor, "*shape E"]:
        """One-hot, E = A."""
        return F.one_hot(actions.long(), self.count).float()

    def probes(self) -> dict[str, Tensor]:
        return {f"action {code}": torch.tensor(code) for code in range(self.count)}


@dataclass(frozen=True)
class ContinuousActions(ActionSpec):
    """Vectors of `size` numbers from -1 to 1."""

    size: int

    @property
    def space(self) -> gym.spaces.Box:
        return gym.spaces.Box(-1, 1, (self.size,), np.float32)

    def check(self, actions: Any, rows: int) -> Tensor:
        actions = _as_tensor(actions)
        if actions.dtype == torch.bool or actions.is_complex() or actions.shape != (rows, self.size):
            raise GenieGymError(f"actions must be numbers [{rows}, {self.size}]; given {_described(actions)}.")
        actions = actions.float()
        inside = actions.abs() <= 1 + TOLERANCE  # false for NaN too
        if not bool(inside.all()):
            raise GenieGymError(f"actions must lie in [-1, 1]; given {float(actions[~inside][0]):g}.")
        return actions.clamp(-1, 1)

    def sample(self, rng: np.random.Generator, *shape: int) -> Tensor:
        return torch.from_numpy(rng.uniform(-1, 1, (*shape, self.size)).astype(np.float32))

    def embed(self, actions: Tensor) -> Float[Tensor, "*shape E"]:
        """The vectors themselves, E = d."""
        return actions.float()

    def probes(self) -> dict[str, Tensor]:
        """Rest, then each axis to both ends."""
        axes = torch.eye(self.size)
        ends = {f"axis {k} {sign:+d}": sign * axes[k] for k in range(self.size) for sign in (1, -1)}
        return {"rest": torch.zeros(self.size)} | ends


def sticky(draw: Callable[[], T], rng: np.random.Generator, keep: float = 0.75) -> Iterator[T]:
    """Actions without end, by the sticky policy: each as `draw` has it, and kept for 1 / (1 - keep) steps on average."""
    action = draw()
    while True:
        if rng.random() > keep:
            action = draw()
        yield action


def sticky_actions(spec: ActionSpec, rng: np.random.Generator, steps: int, keep: float = 0.75) -> Shaped[Tensor, "F ..."]:
    """So many of the sticky policy's actions."""
    if not steps:
        return spec.sample(rng, 0)
    return torch.stack(list(islice(sticky(lambda: spec.sample(rng, 1)[0], rng, keep), steps)))


def _as_tensor(actions: Any) -> Tensor:
    """A copy: worlds may keep actions, and what the caller does with the original must not change them."""
    try:
        return actions.clone() if isinstance(actions, Tensor) else torch.tensor(np.asarray(actions))
    except (TypeError, ValueError) as error:  # text, None, ragged lists
        raise GenieGymError(f"actions must be numbers; given {actions!r}.") from error


def _described(actions: Tensor) -> str:
    return f"{str(actions.dtype).removeprefix('torch.')} {list(actions.shape)}"
