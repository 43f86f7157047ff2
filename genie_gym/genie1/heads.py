"""Small heads on the dynamics model's features: the latent action that is likely next, and reward and end of episode.

Legend: S positions a frame, D model, A latent actions, O outcomes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn


class ActionHead(nn.Module):
    """The logits of the prior over the next latent action: an MLP on the last frame's features (mean over positions)."""

    def __init__(self, model_dim: int, num_actions: int):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(model_dim, model_dim), nn.ReLU(), nn.Linear(model_dim, num_actions))

    def forward(self, features: Float[Tensor, "*batch S D"]) -> Float[Tensor, "*batch A"]:
        return self.net(features.mean(-2))


@dataclass(frozen=True)
class Outcome:
    """What a step can bring besides a frame."""

    reward: float
    terminated: bool


class OutcomeHead(nn.Module):
    """A distribution over the outcomes (reward, end of episode) of the step that led to a frame.

    Trained after everything else, on labelled frames; `label_count` says on how many. The outcomes are those that the
    labels show: three in CoinRun (nothing, death, coin).
    """

    label_count: Tensor
    rewards: Tensor
    ends: Tensor

    def __init__(self, model_dim: int, positions: int, outcomes: tuple[Outcome, ...], width: int = 32):
        super().__init__()
        self.outcomes = outcomes
        self.squeeze = nn.Linear(model_dim, width)
        self.net = nn.Sequential(
            nn.Linear(positions * width, 256), nn.SiLU(), nn.Dropout(0.1), nn.Linear(256, len(outcomes))
        )
        self.register_buffer("rewards", torch.tensor([o.reward for o in outcomes]), persistent=False)
        self.register_buffer("ends", torch.tensor([o.terminated for o in outcomes]), persistent=False)
        self.register_buffer("label_count", torch.zeros((), dtype=torch.int64))

    def forward(self, features: Float[Tensor, "*batch S D"]) -> Float[Tensor, "*batch O"]:
        """Logits of the outcomes. Position matters (contact is local), so positions are kept, not averaged."""
        return self.net(self.squeeze(features).flatten(-2))
