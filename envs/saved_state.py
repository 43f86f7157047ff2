"""A saved moment of an environment of learned worlds.

Legend: B rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from genie_gym.envs.starts import one_a_row
from genie_gym.models.row_random import episode_seeds, hash64
from genie_gym.state import State
from genie_gym.world import WorldState


@dataclass(kw_only=True)
class SavedState(State):
    """What `save_state()` returns and `load_state()` takes: all that B rows are, and how far their episodes have come.

    It belongs to no environment: its rows can be chosen (`select`), multiplied (`repeat`), moved to another device (`to`),
    pickled, and loaded any number of times, into any environment of the same world.

    Attributes:
        world: what the world knows of its rows. row_seeds, episodes: each row's seed, and the number of its episode under
            that seed: the next ones follow from them. steps: that the episode has had. ended: rows whose episode is over
            and whose next one has not begun. scenes: what scene graphs were made of, where they were asked for
            (`envs.scene_graphs`).
    """

    world: WorldState
    row_seeds: Int[Tensor, " B"]
    episodes: Int[Tensor, " B"]
    steps: Int[Tensor, " B"]
    ended: Bool[Tensor, " B"]
    scenes: dict[str, Tensor] = field(default_factory=dict)

    @classmethod
    def at_start(
        cls, world: WorldState, row_seeds: Int[Tensor, " B"], episodes: Int[Tensor, " B"], scenes: dict[str, Tensor]
    ) -> SavedState:
        """Episodes that have just begun."""
        steps = torch.zeros_like(episodes)
        return cls(world=world, row_seeds=row_seeds, episodes=episodes, steps=steps, ended=steps.bool(), scenes=scenes)

    def reseeded(self, seed: int | Sequence[int | None]) -> SavedState:
        """The same moment with other randomness to come, in this episode and in those that follow it. What comes depends on
        the moment's own randomness and on the seed: an integer s gives row i the seed s + i; a row without one (None) keeps
        its own."""
        given = one_a_row(seed, self.num_rows)
        device = self.row_seeds.device
        chosen = torch.tensor([value is not None for value in given], device=device)
        values = torch.tensor([value or 0 for value in given], device=device)
        row_seeds = torch.where(chosen, hash64(hash64(self.row_seeds) ^ hash64(values)), self.row_seeds)
        fresh = episode_seeds(row_seeds, self.episodes)
        world_seed = torch.where(chosen.to(self.world.seed.device), fresh.to(self.world.seed.device), self.world.seed)
        return replace(self, row_seeds=row_seeds, world=replace(self.world, seed=world_seed))
