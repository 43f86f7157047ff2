"""Motions of a camera as vectors of many numbers in [-1, 1]: latent actions to act in.

A linear autoencoder of motions that were read off pairs of frames (`geometry.align`), in closed form (Baldi and Hornik 1989:
the best one spans the principal axes). Each principal axis is spread over all numbers, along a row of a Hadamard matrix, and
scaled so that a random action is a motion as recordings have them: as fast, and with what goes together going together.
Nothing is lost: any motion that is not much faster than recorded ones is decoded as it was encoded; and zero is rest.

Legend: M = 6 numbers of a motion (`geometry.pose`), A size of an action, n motions or actions, P prototypes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.linalg import hadamard
from torch import Tensor, nn

from genie_gym.errors import GenieGymError

MOTION = 6
LEAST = (0.02, 0.03, 0.02, 0.015, 0.015, 0.015)
"""Metres and radians a step: each part of a motion is taken to vary by as much, however still the recorded cameras were, so
that no number stands for noise."""
MARGIN = 1.02
USUAL, BEYOND = 0.95, 3.0
"""Some pairs of frames are read wrongly, by metres. A motion of which any number is more than `BEYOND` times as large as
`USUAL` of all have it is left out."""
STILL = 1e-2  # metres and radians a step, of the parts of a prototype: less is not said
ROUNDS, BEGINNINGS = 40, 8


@dataclass(frozen=True)
class LatentCodeConfig:
    size: int = 32
    prototypes: int = 8

    def __post_init__(self) -> None:
        if self.size & (self.size - 1) or not MOTION < self.size <= 1024 or not 2 <= self.prototypes <= 256:
            raise GenieGymError(
                f"latent actions have a power of two of numbers, more than {MOTION} and at most 1,024, and 2 to 256 "
                f"prototypes; got {self}."
            )


class LatentCode(nn.Module):
    """`decode` says what motion an action is, `encode` which action a motion."""

    spread: Tensor
    axes: Tensor
    prototypes: Tensor
    motion_count: Tensor

    def __init__(self, config: LatentCodeConfig):
        super().__init__()
        self.config = config
        self.register_buffer("spread", spread_of(config.size), persistent=False)  # [M, A]
        self.register_buffer("axes", torch.diag(torch.tensor(LEAST)))  # [M, M], motions of whitened ones
        self.register_buffer("prototypes", torch.zeros(config.prototypes, config.size))
        self.register_buffer("motion_count", torch.zeros((), dtype=torch.int64))

    def decode(self, actions: Float[Tensor, "*batch A"]) -> Float[Tensor, "*batch M"]:
        """Right, down, forward in metres; the rotation vector in radians."""
        return _times(_times(actions, self.spread), self.axes)

    def encode(self, motion: Float[Tensor, "*batch M"]) -> Float[Tensor, "*batch A"]:
        """Of a motion that is too fast for any action, a slower one of the same way."""
        action = _times(_times(motion, torch.linalg.inv(self.axes)), self.spread.mT)
        return action / action.abs().amax(-1, keepdim=True).clamp(min=1)

    @torch.no_grad()
    def learn(self, motions: Float[Tensor, "n M"]) -> None:
        """From motions that were read off video, but for those that were read wrongly.

        Raises:
            GenieGymError: for fewer motions than there are prototypes, or such as are not finite.
        """
        if len(motions) < self.config.prototypes or not bool(motions.isfinite().all()):
            raise GenieGymError(
                f"latent actions are learned from at least {self.config.prototypes} finite motions; got {len(motions)}."
            )
        motions = motions.double().cpu()
        usual = motions.abs().quantile(USUAL, dim=0) + torch.tensor(LEAST, dtype=torch.float64)
        motions = motions[(motions.abs() <= BEYOND * usual).all(1)]
        moments = motions.mT @ motions / len(motions) + torch.diag(torch.tensor(LEAST, dtype=torch.float64) ** 2)
        variance, turned = torch.linalg.eigh(moments)
        axes = turned * variance.sqrt()
        farthest = (motions @ torch.linalg.inv(axes).mT @ self.spread.double().cpu()).abs().amax()
        axes = axes * max(math.sqrt(3), MARGIN * float(farthest))  # uniform in [-1, 1] has the deviation 1/√3
        self.axes.copy_(axes)
        self.motion_count.fill_(len(motions))
        chosen = motions[motions[:, 1] < LEAST[1]].float()  # nobody asks to fall
        actions = self.encode(chosen.to(self.axes.device))
        self.prototypes.copy_(torch.from_numpy(cluster_centres(actions.cpu().numpy(), self.config.prototypes)))

    def prototype_names(self) -> tuple[str, ...]:
        """What each prototype comes to."""
        return tuple(described(motion) for motion in self.decode(self.prototypes).tolist())


def spread_of(size: int) -> Float[Tensor, "M A"]:
    """Orthonormal rows, along which the axes of motions are spread over all numbers of an action."""
    return torch.from_numpy(hadamard(size)[1 : MOTION + 1] / math.sqrt(size)).float()


def _times(vectors: Tensor, matrix: Tensor) -> Tensor:
    """The matrix times each vector [..., n]. Matrix products are rounded as the number of rows has it; this is not."""
    return (vectors[..., None, :] * matrix).sum(-1)


def described(motion: list[float]) -> str:
    """A motion in words: "forward 0.12 m, right 5°"."""
    right, down, forward, pitch, yaw, _ = motion
    words = [
        (forward, "forward", "back", f"{abs(forward):.2f} m"), (right, "right", "left", f"{abs(right):.2f} m"),
        (-down, "up", "down", f"{abs(down):.2f} m"), (yaw, "turn right", "turn left", f"{math.degrees(abs(yaw)):.1f}°"),
        (pitch, "look up", "look down", f"{math.degrees(abs(pitch)):.1f}°"),
    ]  # fmt: skip
    said = [f"{more if value > 0 else less} {amount}" for value, more, less, amount in words if abs(value) > STILL]
    return ", ".join(said) or "rest"


def cluster_centres(points: Float[np.ndarray, "n A"], count: int, seed: int = 0) -> Float[np.ndarray, "P A"]:
    """k-means (Lloyd 1982) from centres that k-means++ (Arthur and Vassilvitskii 2007) draws, the best of several
    beginnings; those nearest to rest come first."""
    points = points[np.random.default_rng(seed).permutation(len(points))[:20_000]].astype(np.float64)
    best, least = points[:count], np.inf
    for beginning in range(BEGINNINGS):
        rng = np.random.default_rng([seed, beginning])
        centres = points[rng.integers(len(points))][None]
        while len(centres) < count:
            far = _squared(points, centres).min(1)
            share = np.cumsum(far + 1e-12)
            centres = np.concatenate([centres, points[np.searchsorted(share, rng.random() * share[-1])][None]])
        for _ in range(ROUNDS):
            nearest = _squared(points, centres).argmin(1)
            sizes = np.bincount(nearest, minlength=count)[:, None]
            sums = np.zeros_like(centres)
            np.add.at(sums, nearest, points)
            centres = np.where(sizes > 0, sums / np.maximum(sizes, 1), centres)
        cost = float(_squared(points, centres).min(1).sum())
        if cost < least:
            best, least = centres, cost
    return best[np.argsort(np.square(best).sum(1), kind="stable")].astype(np.float32)


def _squared(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Squared distances [n, P]."""
    return np.maximum(np.square(points).sum(1)[:, None] - 2 * points @ centres.T + np.square(centres).sum(1), 0)
