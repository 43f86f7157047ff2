"""What each row did: its latent actions, as many as fit, kept with its state.

Legend: B rows, N actions that fit, A size of an action, n actions.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genie_gym.state import State

CAPACITY, DIM = 2560, 32  # the source's: 107 seconds at 24 steps a second


@dataclass(kw_only=True)
class ActionMemory(State):
    """A ring of the latest actions of each row, on the state's device. Rows are saved, copied and put back with it.

    Args:
        actions: slot k % N holds the k-th action of a row; rest (zeros) where there has been none.
        count: how many actions there have been.

    Example:
        memory = ActionMemory.empty(rows=2)
        memory.store(torch.rand(2, 32))
        memory.last(4)  # [2, 4, 32]: three times rest, then what was stored
    """

    actions: Float[Tensor, "B N A"]
    count: Int[Tensor, " B"]

    @classmethod
    def empty(cls, rows: int, capacity: int = CAPACITY, dim: int = DIM, device: torch.device | str = "cpu") -> ActionMemory:
        return cls(
            actions=torch.zeros(rows, capacity, dim, device=device),
            count=torch.zeros(rows, dtype=torch.int64, device=device),
        )

    @property
    def capacity(self) -> int:
        """N."""
        return self.actions.shape[1]

    def store(self, actions: Float[Tensor, "B A"]) -> None:
        """Adds one action a row, in place; the oldest gives way where there is no room."""
        rows = torch.arange(len(self.count), device=self.count.device)
        self.actions[rows, self.count % self.capacity] = actions.to(self.actions)
        self.count += 1

    def last(self, count: int) -> Float[Tensor, "B n A"]:
        """The latest actions, oldest first; rest where there have been fewer.

        Args:
            count: n, at most the capacity.
        """
        back = self.count[:, None] - torch.arange(count, 0, -1, device=self.count.device)
        found = self.actions.gather(1, (back % self.capacity)[..., None].expand(-1, -1, self.actions.shape[2]))
        return torch.where((back >= 0)[..., None], found, 0.0)
