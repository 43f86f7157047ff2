"""What `genie-gym evaluate` measures of a Genie 1 world: what every world shares, drift in its own codes, and its prior.

Legend: B rows, R real frames, K codebook size, H W image.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from genie_gym.evaluation.control import held_actions, inferred_actions
from genie_gym.evaluation.drift import Statistic, drift
from genie_gym.evaluation.fidelity import fidelity
from genie_gym.evaluation.measure import Evaluation, Measure
from genie_gym.evaluation.outcomes import outcomes
from genie_gym.genie1.world import Genie1State, Genie1World
from genie_gym.world import World, WorldState

PRIOR_CLIPS = 128


def code_surprise(world: World, real: UInt8[Tensor, "R H W 3"]) -> tuple[Float[Tensor, " R"], Statistic]:
    """Nats a token, under the codes' frequencies in real frames."""
    assert isinstance(world, Genie1World)
    tokens = torch.cat([world.encode(part) for part in real.split(64)])
    counts = torch.bincount(tokens.flatten(), minlength=world.config.tokenizer.codebook_size).float() + 0.5
    surprise = -(counts / counts.sum()).log()  # [K]

    def of_state(state: WorldState) -> Float[Tensor, " B"]:
        assert isinstance(state, Genie1State)
        return surprise[state.tokens].mean(1)

    return surprise[tokens].mean(1), of_state


def action_prior(evaluation: Evaluation) -> dict[str, Any]:
    """How well the action head guesses, from a real frame, the latent action that follows it.

    Returns prior_accuracy; prior_nats, its cross-entropy; prior_base_nats, that of guessing by the codes' frequencies alone.
    """
    world = evaluation.world
    assert isinstance(world, Genie1World)
    read = world.read(evaluation.clips(PRIOR_CLIPS, world.window + 1))
    guess = world.action_head(read.features[:, -2]).float()  # of the last frame but one, which has a full window
    actions = read.actions[:, -1]
    share = torch.bincount(actions, minlength=world.actions.count) / len(actions)
    return {
        "prior_accuracy": float((guess.argmax(-1) == actions).float().mean()),
        "prior_nats": float(F.cross_entropy(guess, actions)),
        "prior_base_nats": float(torch.special.entr(share).sum()),
    }


MEASURES: tuple[Measure, ...] = (
    fidelity,
    inferred_actions,
    held_actions,
    outcomes,
    partial(drift, statistic_of=code_surprise),
    action_prior,
)
