"""Whether the goal of a task is reached, told from what perception says of the frame that is shown: how likely each place of
it shows the goal's class, and how far away that is.

Of each task the network says how likely its thing is in view as the rule wants it, and how far away it then is: a logistic
distribution of the log of metres, around the depth of the places that show it, corrected. That the goal is reached is both:
in view, and nearer than the rule says. Distances are learned from all frames that show the thing; those in which it is
reached are too few, since an episode ends with the first.

Legend: B rows, N tasks, K = 9 numbers that describe a thing in view, H W image, h w places of perception's classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from genie_gym.genie2.perception import NEAREST
from genie_gym.geometry.goals import Goal
from genie_gym.geometry.percept import SKY

SURE = 0.25  # the chance from which a goal counts as reached: frames that come only near it look much alike
SPREAD = (-3.5, 1.0)  # log of the least and of the greatest spread of a log distance
NUMBERS = 9
LIKELIEST = 12  # places that say how surely there is such a thing
EDGE = 0.8  # of the way to the left or right edge: from there on a thing is at the edge
LITTLE = 1e-3  # places: less of a thing has no position


@dataclass(frozen=True)
class TaskHeadConfig:
    width: int = 48
    """Of the hidden layers."""


@dataclass
class Reading:
    """Of each task: the logit of its thing being in view as the rule wants it; the middle and the log of the spread of the
    log of its distance in metres."""

    facing: Float[Tensor, "B N"]
    log_distance: Float[Tensor, "B N"]
    log_spread: Float[Tensor, "B N"]


class TaskHead(nn.Module):
    """What perception sees to the chance that each task's goal is reached. `label_count` says how many frames it learned
    from; at 0 it knows nothing."""

    label_count: Tensor
    log_reach: Tensor

    def __init__(self, config: TaskHeadConfig, goals: Sequence[Goal]):
        super().__init__()
        width, count = config.width, len(goals)
        self.say = nn.Sequential(
            nn.Linear(NUMBERS + count, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 3)
        )
        self.register_buffer("log_reach", torch.tensor([goal.reach for goal in goals]).log(), persistent=False)
        self.register_buffer("label_count", torch.zeros((), dtype=torch.int64))

    def forward(self, shown: Float[Tensor, "B N h w"], inverse_depth: Float[Tensor, "B H W"]) -> Reading:
        """`shown` is how likely each place shows each task's thing (`DepthEstimator.chances`)."""
        patch = -(-inverse_depth.shape[2] // shown.shape[3])
        nearest = F.max_pool2d(inverse_depth[:, None], patch, ceil_mode=True)
        described, there = describe(shown, -nearest.clamp(SKY, 1 / NEAREST).log())
        task = torch.eye(shown.shape[1], device=shown.device).expand(len(shown), -1, -1)
        facing, farther, log_spread = self.say(torch.cat([described, task], 2)).float().unbind(2)
        return Reading(facing, there + farther, log_spread.clamp(*SPREAD))

    def chances(self, shown: Float[Tensor, "B N h w"], inverse_depth: Float[Tensor, "B H W"]) -> Float[Tensor, "B N"]:
        """That each task's goal is reached in each frame."""
        read = self(shown, inverse_depth)
        near = torch.sigmoid((self.log_reach - read.log_distance) / read.log_spread.exp())
        return torch.sigmoid(read.facing) * near


def describe(
    shown: Float[Tensor, "B N h w"], log_depth: Float[Tensor, "B 1 h w"]
) -> tuple[Float[Tensor, "B N K"], Float[Tensor, "B N"]]:
    """Of each thing in view: how much there is of it, and how surely; how far it is from the middle, how wide and how high,
    and where it stands; how far away, its nearest places, and all of it; how much of it is at an edge. All about between -1
    and 1, the same for its mirror image. Then the log of the metres to its nearest places."""
    height, width = shown.shape[2:]
    x = torch.linspace(-1, 1, width, device=shown.device)
    y = torch.linspace(-1, 1, height, device=shown.device)[:, None]
    amount = shown.sum((2, 3))
    mean = lambda of: (shown * of).sum((2, 3)) / (amount + LITTLE)  # noqa: E731
    middle, level = mean(x), mean(y)
    wide = mean((x - middle[..., None, None]).square()).sqrt()
    high = mean((y - level[..., None, None]).square()).sqrt()
    surest = shown.flatten(2).topk(min(LIKELIEST, height * width), 2)[0].mean(2)
    sure = shown.square()  # what is half likely is the edge of something else
    whole = (sure * log_depth).sum((2, 3)) / (sure.sum((2, 3)) + LITTLE)
    near = ((sure * torch.exp(-6 * log_depth)).sum((2, 3)) / (sure.sum((2, 3)) + LITTLE)).clamp(min=SKY**6).log() / -6
    numbers = [
        (amount / (height * width) + 1e-4).log() / 3, torch.logit(surest, 1e-4) / 4, middle.abs(), wide, level, high,
        whole / 2 - 1, near / 2 - 1, mean((x.abs() > EDGE).float()),
    ]  # fmt: skip
    return torch.stack(numbers, 2), near


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
