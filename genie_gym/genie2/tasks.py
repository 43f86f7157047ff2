"""Whether the goal of a task is reached, told from the frame that is shown and its depth: in view, as the rule of the task
wants it, and near enough.

Of each task the network says how likely its thing is in view so, and how far away it then is: a logistic distribution of
the log of metres, around the depth of the places that it points at, corrected. That the goal is reached is both: in view,
and nearer than the rule says. Distances are learned from all frames that show the thing; those in which it is reached are
too few, since an episode ends with the first.

Legend: B rows, N tasks, H W image.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from genie_gym.envs.sim.town.goals import reach
from genie_gym.genie2.perception import NEAREST, SKY
from genie_gym.genie2.rgbd import pack
from genie_gym.models.unet import places

SURE = 0.5  # the chance from which a goal counts as reached
SPREAD = (-3.5, 1.0)  # log of the least and of the greatest spread of a log distance


@dataclass(frozen=True)
class TaskHeadConfig:
    widths: tuple[int, ...] = (32, 64, 96, 128)
    """Channels of each level; each is half as large as the one before."""
    patch: int = 4
    """The finest level has one place for so many pixels a side."""


@dataclass
class Reading:
    """Of each task: the logit of its thing being in view as the rule wants it; the middle and the log of the spread of the
    log of its distance in metres."""

    facing: Float[Tensor, "B N"]
    log_distance: Float[Tensor, "B N"]
    log_spread: Float[Tensor, "B N"]


class TaskHead(nn.Module):
    """Frames in [0, 1] with inverse depth (1/m) to the chance that each task's goal is reached. `label_count` says how many
    frames it learned from; at 0 it knows nothing."""

    label_count: Tensor
    log_reach: Tensor

    def __init__(self, config: TaskHeadConfig, tasks: Sequence[str]):
        super().__init__()
        self.config, widths = config, config.widths
        levels = [_conv(6 * config.patch**2, widths[0], 1), *[_conv(*pair, 2) for pair in itertools.pairwise(widths)]]
        self.levels = nn.ModuleList(levels)
        self.point = nn.Conv2d(widths[1], len(tasks), 1)
        self.say = nn.Sequential(nn.Linear(2 * widths[-1], widths[-1]), nn.ReLU(), nn.Linear(widths[-1], 3 * len(tasks)))
        self.register_buffer("log_reach", torch.tensor([reach(task) for task in tasks]).log(), persistent=False)
        self.register_buffer("label_count", torch.zeros((), dtype=torch.int64))

    def forward(self, frames: Float[Tensor, "B 3 H W"], inverse_depth: Float[Tensor, "B H W"]) -> Reading:
        seen = torch.cat([pack(frames, inverse_depth), places(frames)], 1)
        down, right = (-side % (self.config.patch * 2 ** (len(self.config.widths) - 1)) for side in seen.shape[-2:])
        seen = F.pixel_unshuffle(F.pad(seen, (0, right, 0, down), mode="replicate"), self.config.patch)
        felt = self.levels[0](seen.contiguous(memory_format=torch.channels_last))
        pointed = self.point(fine := self.levels[1](felt)).flatten(2).softmax(2)
        for level in self.levels[2:]:
            fine = level(fine)
        said = self.say(torch.cat([fine.mean((2, 3)), fine.amax((2, 3))], 1)).float()
        facing, farther, log_spread = said.unflatten(1, (3, -1)).unbind(1)
        nearest = F.max_pool2d(F.pad(inverse_depth[:, None], (0, right, 0, down), mode="replicate"), 2 * self.config.patch)
        there = (pointed * -nearest.clamp(SKY, 1 / NEAREST).log().flatten(2)).sum(2)
        return Reading(facing, there + farther, log_spread.clamp(*SPREAD))

    def chances(self, frames: Float[Tensor, "B 3 H W"], inverse_depth: Float[Tensor, "B H W"]) -> Float[Tensor, "B N"]:
        """That each task's goal is reached in each frame."""
        read = self(frames, inverse_depth)
        near = torch.sigmoid((self.log_reach - read.log_distance) / read.log_spread.exp())
        return torch.sigmoid(read.facing) * near

    def reached(
        self, task: Int[Tensor, " B"], frames: Float[Tensor, "B 3 H W"], inverse_depth: Float[Tensor, "B H W"]
    ) -> Bool[Tensor, " B"]:
        """Of each row's own task, a number, -1 for none."""
        mine = self.chances(frames, inverse_depth).gather(1, task.clamp(min=0)[:, None])[:, 0]
        return (mine > SURE) & (task >= 0)


def task_loss(
    read: Reading,
    facing: Bool[Tensor, "B N"],
    distance: Float[Tensor, "B N"],
    weights: Float[Tensor, " B"],
) -> dict[str, Tensor]:
    """What is in view: cross-entropy, under weights that undo how frames were drawn. How far it is, where it is in view:
    minus the log likelihood."""
    crossed = F.binary_cross_entropy_with_logits(read.facing, facing.float(), reduction="none")
    parts = {"facing": (crossed.sum(1) * weights).mean()}
    off = (distance.clamp(min=0.1).log() - read.log_distance) / read.log_spread.exp()
    surprise = read.log_spread + off.abs() + 2 * F.softplus(-off.abs())
    shown = facing.float()
    parts["distance"] = (surprise * shown).sum() / shown.sum().clamp(min=1)
    return {"total": parts["facing"] + 0.3 * parts["distance"], **parts}


def _conv(channels_in: int, channels_out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False),
        nn.GroupNorm(max(1, channels_out // 16), channels_out),
        nn.ReLU(),
    )
