"""Plays a world open loop: the whole of evaluation, contact sheets and figures stand on this.

Legend: B rows, F steps, T = F + 1 frames, H W image.
"""

from __future__ import annotations

import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from genie_gym.errors import GenieGymError
from genie_gym.world import InfersActions, Start, World, WorldState, steps


@torch.no_grad()
def rollout(
    world: World, frames: UInt8[Tensor, "B H W 3"], actions: Tensor, seed: int = 0, desc: str = ""
) -> UInt8[Tensor, "B T H W 3"]:
    """From these start frames, as the world sees them: then one frame an action of `actions` [B, F, …]. With `desc` it shows
    how far it is."""
    seeds = row_seeds(seed, len(frames)).to(world.device)
    return rollout_from(world, world.reset(seeds, Start(frames=frames.to(world.device))), actions, desc)


@torch.no_grad()
def rollout_from(
    world: World, state: WorldState, actions: Tensor, desc: str = "", by_keys: bool = False
) -> UInt8[Tensor, "B T H W 3"]:
    """The same from a state, which is written to; `by_keys`, where `actions` are keys of the world's keyboard."""
    first = state.frames
    return torch.stack([first, *(step.prediction.frames for step in steps(world, state, actions, by_keys, desc))], dim=1)


def infer_actions(world: World, frames: UInt8[Tensor, "B T H W 3"]) -> Tensor:
    """The actions that the world reads off real frames: [B, F, …].

    Raises:
        GenieGymError: where it cannot.
    """
    return as_inferring(world).infer_actions(frames)


def as_inferring(world: World) -> InfersActions:
    """The world, known to read actions off frames.

    Raises:
        GenieGymError: where it does not.
    """
    if not isinstance(world, InfersActions):
        raise GenieGymError(f"a {world.family} world reads no actions off frames: it cannot be compared with real video.")
    return world


def row_seeds(seed: int, rows: int) -> Int[Tensor, " B"]:
    """A seed for each row."""
    return torch.arange(rows) + (seed << 32)
