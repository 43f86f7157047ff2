"""Plays a world open loop: the whole of evaluation, contact sheets and figures stand on this."""

from __future__ import annotations

import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from genie_gym.models.tokenizer import as_float
from genie_gym.world_model import WorldModel, WorldState


@torch.no_grad()
def rollout(
    world: WorldModel, frames: UInt8[Tensor, "B H W 3"], actions: Int[Tensor, "B F"], seed: int = 0
) -> UInt8[Tensor, "B T H W 3"]:
    """The start as the world sees it, then one frame an action."""
    return rollout_from(world, world.reset(row_seeds(seed, len(frames)), frames), actions)


@torch.no_grad()
def rollout_from(world: WorldModel, state: WorldState, actions: Int[Tensor, "B F"]) -> UInt8[Tensor, "B T H W 3"]:
    """The same from a state, whose caches are written to."""
    seen = [state.frames]
    for t in range(actions.shape[1]):
        state, prediction = world.step(state, actions[:, t])
        seen.append(prediction.frames)
    return torch.stack(seen, dim=1)


@torch.no_grad()
def infer_actions(world: WorldModel, frames: UInt8[Tensor, "B T H W 3"]) -> Int[Tensor, "B F"]:
    """The latent actions that the world reads off real frames."""
    return world.latent_actions.infer(as_float(frames.to(world.device))).indices


def row_seeds(seed: int, rows: int) -> Int[Tensor, " B"]:
    """A seed for each row."""
    return torch.arange(rows) + (seed << 32)
