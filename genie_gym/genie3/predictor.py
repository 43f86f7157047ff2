"""What a walker does next: a prior over latent actions, from what it sees and what it did.

A walker holds one intent for a while (walks on, turns, looks up) and feet take time to follow: so the next motion is one of
a few ways from the last motion towards a motion that is held; a small network says how likely each is. The ways are learned
with it (a mixture density network, Bishop 1994).

Legend: B rows, V numbers that are seen, n past actions, A size of an action, M = 6 numbers of a motion, K ways, H W
image.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from genie_gym.errors import GenieGymError
from genie_gym.models.motion.latent_code import MOTION, LatentCodeConfig, cluster_centres, spread_of
from genie_gym.models.row_random import normal, uniform

STREAM = 53  # of what a row's seed decides when an action is drawn
NEAREST = 0.5  # metres: what is nearer is as near
SHARP, BLUNT = -4.6, 0.5  # logs of deviations, in those of recorded motions: least and most


@dataclass(frozen=True)
class PredictorConfig:
    """How much it sees and remembers, and how large it is.

    Args:
        hidden_dim, num_layers: of its network. The source has 1,024 and 4; here those are no better (docs/experiments.md).
        past: actions that it looks back at.
        grid: rows and columns in which it sees how near things are.
        ways: K.
    """

    hidden_dim: int = 64
    num_layers: int = 2
    past: int = 16
    grid: tuple[int, int] = (4, 12)
    ways: int = 48

    def __post_init__(self) -> None:
        sizes = (self.hidden_dim, self.num_layers, self.past, self.ways, *self.grid)
        if len(self.grid) != 2 or not all(isinstance(size, int) and 1 <= size <= 4096 for size in sizes):
            raise GenieGymError(f"sizes of a predictor are whole numbers from 1 to 4,096, a grid has two; got {self}.")


class ActionPredictor(nn.Module):
    """`forward` says how likely each way to go on is, `log_prob` what an action is worth, `draw` draws one."""

    spread: Tensor
    deviation: Tensor

    def __init__(self, config: PredictorConfig, latent: LatentCodeConfig):
        super().__init__()
        self.config = config
        seen = config.grid[0] * config.grid[1] + 1
        sizes = [seen + MOTION * config.past, *[config.hidden_dim] * config.num_layers, config.ways]
        layers = [nn.Linear(a, b) for a, b in pairwise(sizes)]
        self.layers: Sequence[nn.Linear] = nn.ModuleList(layers)  # type: ignore[assignment]
        self.register_buffer("spread", spread_of(latent.size), persistent=False)  # [M, A]
        self.register_buffer("deviation", torch.ones(MOTION))  # of recorded actions, along the rows of `spread`
        self.towards = nn.Parameter(torch.randn(config.ways, MOTION))  # motions that are held
        self.gain = nn.Parameter(torch.zeros(config.ways, MOTION))  # how much of the way to them is gone in a step
        self.log_deviation = nn.Parameter(torch.full((config.ways, MOTION), -2.0))

    @torch.no_grad()
    def begin(self, actions: Float[Tensor, "n A"]) -> None:
        """Takes the deviation of recorded motions, and typical ones as those that are held, from where training is short."""
        motions = (actions[:, None, :].to(self.spread) * self.spread).sum(-1)
        self.deviation.copy_(motions.square().mean(0).sqrt().clamp(min=1e-4))
        centres = cluster_centres((motions / self.deviation).cpu().numpy(), self.config.ways)
        self.towards.copy_(torch.from_numpy(centres))

    def motions(self, actions: Float[Tensor, "*batch A"]) -> Float[Tensor, "*batch M"]:
        """Motions of actions, in deviations of recorded ones."""
        return (actions[..., None, :] * self.spread).sum(-1) / self.deviation

    def actions(self, motions: Float[Tensor, "*batch M"]) -> Float[Tensor, "*batch A"]:
        """The inverse; motions too fast for any action become slower ones of the same way."""
        action = ((motions * self.deviation)[..., None, :] * self.spread.mT).sum(-1)
        return action / action.abs().amax(-1, keepdim=True).clamp(min=1)

    def forward(self, seen: Float[Tensor, "B V"], past: Float[Tensor, "B n A"]) -> Float[Tensor, "B K"]:
        """Logits of the ways. What comes of a row does not depend on the others, to the bit."""
        hidden = torch.cat([seen, self.motions(past).flatten(1)], 1)
        for number, layer in enumerate(self.layers):
            hidden = F.silu(hidden) if number else hidden
            if self.training:
                hidden = layer(hidden)
            else:  # matrix products are rounded as the number of rows has it
                hidden = (hidden[:, None, :] * layer.weight).sum(-1) + layer.bias
        return hidden

    def ways(self, last: Float[Tensor, "B M"]) -> tuple[Float[Tensor, "B K M"], Float[Tensor, "K M"]]:
        """Where each way leads from the last motion, and how far from there one may be: means and deviations."""
        gain = torch.sigmoid(self.gain)
        return last[:, None] + gain * (self.towards - last[:, None]), self.log_deviation.clamp(SHARP, BLUNT).exp()

    def log_prob(
        self, seen: Float[Tensor, "B V"], past: Float[Tensor, "B n A"], following: Float[Tensor, "B A"]
    ) -> Float[Tensor, " B"]:
        """Of what followed: nats, per deviation of recorded motions in each of the six."""
        return torch.logsumexp(self(seen, past).log_softmax(1) + self.log_ways(past[:, -1], following), 1)

    def log_ways(self, last: Float[Tensor, "B A"], following: Float[Tensor, "B A"]) -> Float[Tensor, "B K"]:
        """How likely what followed would be by each way."""
        mean, deviation = self.ways(self.motions(last))
        off = (self.motions(following)[:, None] - mean) / deviation
        return (-0.5 * off.square() - deviation.log() - 0.5 * math.log(2 * math.pi)).sum(-1)

    @torch.no_grad()
    def draw(
        self, seen: Float[Tensor, "B V"], past: Float[Tensor, "B n A"], seed: Int[Tensor, " B"], step: Int[Tensor, " B"]
    ) -> Float[Tensor, "B A"]:
        """An action a row, by its seed and step."""
        share = self(seen, past).softmax(1).cumsum(1)
        way = (uniform(seed, step, STREAM, 1) > share).sum(1).clamp(max=self.config.ways - 1)
        mean, deviation = self.ways(self.motions(past[:, -1]))
        rows = torch.arange(len(way), device=way.device)
        noise = normal(seed, step, STREAM + 1, MOTION)
        return self.actions(mean[rows, way] + deviation[way] * noise)


def seen_from(depth: Float[Tensor, "B H W"], pitch: Float[Tensor, " B"], config: PredictorConfig) -> Float[Tensor, "B V"]:
    """What a walker sees: how near the nearest thing is in each cell of a grid (1 over metres), and how far up it looks."""
    near = F.adaptive_max_pool2d(1 / depth.clamp(min=NEAREST)[:, None], config.grid)
    return torch.cat([near.flatten(1), pitch[:, None]], 1)
