"""How one walks: what each key asks for, how fast feet get there, and how far one jumps.

A key asks for a walk; friction lets a walk change by so much in a step and no more: on snow one slides. What keys ask for,
and how well feet grip in each weather, are learned from a few hundred labelled steps; that grip grows with gravity and with
the friction that is asked for is Coulomb's law, and not learned. A general network that saw the same steps missed by five
times as much after a second of walking, and knew nothing of another gravity.

Legend: B rows, T poses of a walk, F = T - 1 keys, n steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from genie_gym.geometry.level import to_level, turn_by
from genie_gym.models.motion.keys import OUT_SCALES, stand

EARTH = 9.81  # m/s², of the recordings that it learns from
BEGIN = -4.5  # log of metres a step: of grip, before it is learned
STEADY, FEW, SURE = 5e-4, 5, 0.7  # metres a step; steps; share
ALOFT = 0.02  # metres above where one last stood: from there on one is in the air


@dataclass(frozen=True)
class StrideConfig:
    """`keys` by the names that the recording has for them, `weathers` likewise."""

    keys: tuple[str, ...] = ("noop",)
    weathers: tuple[str, ...] = ("",)


class Stride(nn.Module):
    """Motions are level (`geometry.level`): right, down, forward in metres a step; yaw to the right and pitch upwards in
    radians a step."""

    label_count: Tensor

    def __init__(self, config: StrideConfig):
        super().__init__()
        self.config = config
        self.wanted = nn.Parameter(torch.zeros(len(config.keys), len(OUT_SCALES)))
        self.log_grip = nn.Parameter(torch.full((len(config.weathers),), BEGIN))
        self.log_wading = nn.Parameter(torch.zeros(()))
        self.log_aloft = nn.Parameter(torch.tensor(-1.0))
        self.register_buffer("label_count", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def begin(self, table: dict[str, Tensor]) -> None:
        """Takes what labelled steps say at first sight, from where training is short and sure: of each key, how one moves
        where the walk does not change any more; of each weather, how fast walks change."""
        walk, motion = table["walk"], table["motion"]
        changed = (motion[:, 0:3:2] - walk).norm(dim=1)
        for key in table["keys"].unique().tolist():
            chosen = (table["keys"] == key) & ~table["aloft"]
            steady = chosen & (changed < STEADY)
            chosen = steady if int(steady.sum()) >= FEW else chosen
            if bool(chosen.any()):
                self.wanted[key] = motion[chosen].median(0).values
        for weather in table["weather"].unique().tolist():
            slides = changed[(table["weather"] == weather) & ~table["aloft"] & (changed > STEADY)]
            if len(slides) >= FEW:
                self.log_grip[weather] = slides.quantile(SURE).log()

    def asked(self, keys: Int[Tensor, " B"], wading: Bool[Tensor, " B"]) -> Float[Tensor, "B 5"]:
        """The motion that keys ask for; in shallow water, a slower walk."""
        return self.slowed(self.wanted[keys], wading)

    def slowed(self, motion: Float[Tensor, "B 5"], wading: Bool[Tensor, " B"]) -> Float[Tensor, "B 5"]:
        """What is asked for, as one does it in shallow water where one wades."""
        slow = torch.where(wading, self.log_wading.exp(), 1.0)[:, None]
        return torch.cat([motion[:, :1] * slow, motion[:, 1:2], motion[:, 2:3] * slow, motion[:, 3:]], 1)

    def grip(
        self, weather: Int[Tensor, " B"], weight: Float[Tensor, " B"], aloft: Bool[Tensor, " B"]
    ) -> Float[Tensor, " B"]:
        """By how many metres a step a walk may change in a step. `weight` is gravity times friction, of what they were in
        recordings."""
        return self.log_grip.exp()[weather] * torch.where(aloft, self.log_aloft.exp(), 1.0) * weight

    def forward(
        self,
        keys: Int[Tensor, " B"],
        walk: Float[Tensor, "B 2"],
        weather: Int[Tensor, " B"],
        wading: Bool[Tensor, " B"],
        aloft: Bool[Tensor, " B"],
    ) -> Float[Tensor, "B 5"]:
        """The motion that follows a walk (right, forward) under recorded gravity and friction, where nothing is in the
        way."""
        motion = self.asked(keys, wading)
        now = slid(walk, motion[:, 0:3:2], self.grip(weather, torch.ones_like(walk[:, 0]), aloft))
        return torch.stack([now[:, 0], motion[:, 1], now[:, 1], motion[:, 3], motion[:, 4]], 1)


def slid(walk: Float[Tensor, "B 2"], wanted: Float[Tensor, "B 2"], grip: Float[Tensor, " B"]) -> Float[Tensor, "B 2"]:
    """The walk that comes of wanting another one: nearer to it by what feet grip."""
    change = wanted - walk
    length = (change[:, 0] ** 2 + change[:, 1] ** 2).clamp(min=1e-18).sqrt()  # whose slope is finite
    return torch.where((length > grip)[:, None], walk + change * (grip / length)[:, None], wanted)


def stride_steps(poses: Float[Tensor, "T 4 4"], keys: Int[Tensor, " F"]) -> dict[str, Tensor]:
    """The labelled steps of one walk of level poses, from the second on: keys [n], walk [n, 2] (of the step before, along
    the axes of the heading now), aloft [n], motion [n, 5]."""
    motion = to_level(poses[:-1], poses[1:])
    before = turn_by(-motion[:-1, 3], motion[:-1, :3])  # in the axes of the heading after that step
    down, stood, floor = poses[:, 1, 3], torch.full((1,), 2), poses[:1, 1, 3]
    heights = []
    for step in range(1, len(motion)):
        stood, floor = stand(motion[step - 1 : step, 1], down[step : step + 1], stood, floor)
        heights.append(floor - down[step])
    aloft = torch.cat(heights).abs() > ALOFT
    return {"keys": keys[1:], "walk": before[:, 0::2], "aloft": aloft, "motion": motion[1:]}


def stride_loss(stride: Stride, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Of labelled steps, with `weather` and `wading`. Robust: where walls stopped who pressed a key, the key is not to
    blame. How high one goes counts on the ground alone: in the air that is gravity's. Of what may be wanted where feet slide
    all the while, the least."""
    scales = batch["motion"].new_tensor(OUT_SCALES)
    said = stride(batch["keys"], batch["walk"], batch["weather"], batch["wading"], batch["aloft"])
    missed = F.smooth_l1_loss(said / scales, batch["motion"] / scales, beta=0.05, reduction="none")
    counts = torch.ones_like(missed)
    counts[:, 1] = (~batch["aloft"]).float()
    error = (said - batch["motion"]).detach().abs()
    least = 1e-3 * (stride.wanted / scales).square().mean()
    return {
        "total": (missed * counts).mean() + least, "walk_m": error[:, 0:3:2].mean(), "turn_rad": error[:, 3:].mean(),
    }  # fmt: skip
