"""What a view holds, planned: of a first view all of it, of a coming one what nobody saw yet, as one asks for it.

Flow matching (Lipman et al. 2023, arXiv:2210.02747) on coarse views with depth (`plans`), under a wish (`wishes`) that may
leave things open. Wishes are followed more firmly than in training by guidance (Ho and Salimans 2022, arXiv:2207.12598).
What is known of a view is told beside the noise (Saharia et al. 2022, arXiv:2111.05826).

Legend: B views, G numbers of a wish, S scales of time, C channels, K classes, h w cells, or squares of them.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from genie_gym.genie2.plans import CELL, SIDE
from genie_gym.genie2.sketches import UNSAID, Sketch, Sketches
from genie_gym.models.row_random import normal
from genie_gym.models.unet import places

STREAM = 100  # of the rows' random numbers
SCALES = 6  # of time, each twice as fine as the one before
EARLY = -0.7  # the logit of the time that is drawn most often
AT_NOISE = 0.15  # the share of times that are 0
FROM_NOTHING = 0.4  # the share of plans in training of which nothing is known
MOST_KNOWN = 0.97  # of any other
TOLD_ALL, TOLD_THINGS, TOLD_PARTS = 0.6, 0.75, 0.87  # of sketches in training, up to which share of the plans
LUMPS = (4, 6)  # hidden parts are so many lumps down and across
FROM_ONE_SIDE = 4.0  # so much more than lumps counts where a cell lies, in half of the plans


@dataclass(frozen=True)
class PlannerConfig:
    widths: tuple[int, ...] = (96, 192, 256)
    """Channels of each level; each is half as large as the one before, the first has a place for each token."""
    blocks: int = 2
    """A level, on the way down and on the way up."""
    wish_width: int = 128
    steps: int = 16
    """From noise to a plan of which nothing is known."""
    further_steps: int = 6
    """The same where something is known."""
    guidance: float = 2.0
    """How much more firmly than in training wishes and sketches are followed; 1 is as in training."""
    sketches: int = 4096
    """That are kept."""
    sketch_width: int = 24
    """Numbers by which a class in a sketch is told."""


class WishedBlock(nn.Module):
    """GroupNorm, scaled and shifted by the wish (FiLM, Perez et al. 2018), 3x3, GroupNorm, 1x1, added to its input; starts
    as the identity."""

    def __init__(self, channels: int, wish_width: int):
        super().__init__()
        groups = max(1, channels // 16)
        self.norm1 = nn.GroupNorm(groups, channels)
        self.wish = nn.Linear(wish_width, 2 * channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm2 = nn.GroupNorm(groups, channels)
        self.conv2 = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)  # type: ignore[arg-type]

    def forward(self, x: Float[Tensor, "B C h w"], wish: Float[Tensor, "B G"]) -> Float[Tensor, "B C h w"]:
        scale, shift = self.wish(wish)[:, :, None, None].chunk(2, 1)
        y = self.conv1(F.silu(self.norm1(x) * (1 + scale) + shift))
        return x + self.conv2(F.silu(self.norm2(y)))


class Planner(nn.Module):
    """Which way a noisy plan must go to be one that fits what is known and what is wished. Plans are in [-1, 1] in here, in
    [0, 1] outside."""

    label_count: Tensor

    def __init__(self, config: PlannerConfig, wish_size: int, num_scenes: int, num_classes: int, size: tuple[int, int]):
        super().__init__()
        self.config, self.num_classes = config, num_classes
        widths, hint = config.widths, config.wish_width
        self.wish = nn.Sequential(nn.Linear(wish_size + 2 * SCALES, hint), nn.SiLU(), nn.Linear(hint, hint), nn.SiLU())
        squares = (-(-size[0] // (CELL * SIDE)), -(-size[1] // (CELL * SIDE)))
        self.sketches = Sketches(config.sketches, squares, num_scenes)
        self.told_class = nn.Embedding(num_classes + 1, config.sketch_width)
        # Plan, what is known and where; the place; the sketch.
        self.enter = nn.Conv2d(9 * SIDE**2 + 2 + config.sketch_width + 1, widths[0], 3, padding=1)
        self.down = nn.ModuleList(nn.ModuleList(WishedBlock(width, hint) for _ in range(config.blocks)) for width in widths)
        self.shrink = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in itertools.pairwise(widths))
        self.grow = nn.ModuleList(nn.Conv2d(b + a, a, 1) for a, b in itertools.pairwise(widths))
        self.up = nn.ModuleList(nn.ModuleList(WishedBlock(width, hint) for _ in range(config.blocks)) for width in widths)
        self.norm = nn.GroupNorm(max(1, widths[0] // 16), widths[0])
        self.leave = nn.Conv2d(widths[0], 4 * SIDE**2, 1)
        self.register_buffer("label_count", torch.zeros((), dtype=torch.int64))

    def forward(
        self,
        plan: Float[Tensor, "B 4 h w"],
        time: Float[Tensor, " B"],
        known: Float[Tensor, "B 4 h w"],
        is_known: Bool[Tensor, "B h w"],
        wish: Float[Tensor, "B G"],
        sketch: Sketch,
    ) -> Float[Tensor, "B 4 h w"]:
        """The way from noise to plan, of what lies at `time` between them (0 is noise, 1 the plan)."""
        hint = self.wish(torch.cat([wish, _scales(time)], 1))
        told = is_known[:, None].to(plan.dtype)
        x = F.pixel_unshuffle(torch.cat([plan, known * told, told], 1), SIDE)
        there = self.told_class(sketch.classes.long().clamp(max=self.num_classes)).movedim(3, 1)
        x = torch.cat([x, places(x), there, sketch.depth[:, None]], 1)
        x = self.enter(x.contiguous(memory_format=torch.channels_last))
        levels = []
        for level, blocks in enumerate(self.down):
            x = self.shrink[level - 1](x) if level else x
            for block in blocks:  # type: ignore[attr-defined]
                x = block(x, hint)
            levels.append(x)
        for level in reversed(range(len(levels))):
            if level + 1 < len(levels):
                risen = F.interpolate(x, levels[level].shape[-2:], mode="nearest")
                x = self.grow[level](torch.cat([risen, levels[level]], 1))
            for block in self.up[level]:  # type: ignore[attr-defined]
                x = block(x, hint)
        return F.pixel_shuffle(self.leave(F.silu(self.norm(x))), SIDE)

    @torch.no_grad()
    def plan(
        self,
        known: Float[Tensor, "B 4 h w"],
        is_known: Bool[Tensor, "B h w"],
        wish: Float[Tensor, "B G"],
        seed: Int[Tensor, " B"],
        counter: Int[Tensor, " B"],
    ) -> Float[Tensor, "B 4 h w"]:
        """What is known, and a guess of the rest that fits it and the wish. `counter` keeps several of a row apart."""
        steps = torch.where(is_known.flatten(1).any(1), self.config.further_steps, self.config.steps)
        given, both, told = known * 2 - 1, torch.cat([wish, torch.zeros_like(wish)]), is_known.repeat(2, 1, 1)
        sketch = self.sketches.draw(wish, self.num_classes, ~_squares(is_known), seed, counter)
        nothing = Sketch.nothing(sketch.classes)
        sketch = Sketch(torch.cat([sketch.classes, nothing.classes]), torch.cat([sketch.depth, nothing.depth]))
        x = normal(seed, counter, STREAM, known[0].numel()).view_as(known)
        for step in range(int(steps.max())):
            time = (step / steps).repeat(2)
            wished, open_ = self(x.repeat(2, 1, 1, 1), time, given.repeat(2, 1, 1, 1), told, both, sketch).chunk(2)
            further = x + torch.lerp(open_, wished, self.config.guidance) / steps[:, None, None, None]
            x = torch.where((step < steps)[:, None, None, None], further, x)
        return torch.where(is_known[:, None], known, (x.clamp(-1, 1) + 1) / 2)


def planner_loss(
    model: Planner, plan: Float[Tensor, "B 4 h w"], wish: Float[Tensor, "B G"], sketch: Sketch, things: Bool[Tensor, " K"]
) -> Tensor:
    """How far off the way is where the plan is hidden, squared. `sketch` are what the plans' squares show, and `things` the
    classes that are no areas.

    Times are drawn most often between noise and the middle (Esser et al. 2024, arXiv:2403.03206), and often are 0: there
    alone what a view is like as a whole, its light above all, must be told from the wish (Lin et al. 2024,
    arXiv:2305.08891).
    """
    plan, noise = plan * 2 - 1, torch.randn_like(plan)
    hidden = hide(plan)
    time = torch.sigmoid(EARLY + torch.randn(len(plan), device=plan.device))
    time = torch.where(torch.rand_like(time) < AT_NOISE, 0.0, time)
    between = torch.lerp(noise, plan, time[:, None, None, None])
    error = (model(between, time, plan, ~hidden, wish, partly(sketch, things)) - (plan - noise)).square().mean(1)
    return (error * hidden).sum() / hidden.sum()


def hide(plans: Float[Tensor, "B C h w"]) -> Bool[Tensor, "B h w"]:
    """Which cells are hidden in training: all, or lumps, or from one side on, as what is new lies where a camera turns."""
    batch, _, height, width = plans.shape
    lumps = F.interpolate(torch.rand(batch, 1, *LUMPS, device=plans.device), (height, width), mode="bilinear")[:, 0]
    side = F.normalize(torch.randn(batch, 2, 1, 1, device=plans.device), dim=1)
    slope = FROM_ONE_SIDE * (torch.rand(batch, 1, 1, device=plans.device) < 0.5)
    order = (lumps + slope * (places(plans) * side).sum(1)).flatten(1).argsort(1).argsort(1)
    share = 1 - MOST_KNOWN * torch.rand(batch, 1, device=plans.device)
    share = torch.where(torch.rand_like(share) < FROM_NOTHING, 1.0, share)
    return (order < share * height * width).view(batch, height, width)


def partly(sketch: Sketch, things: Bool[Tensor, " K"]) -> Sketch:
    """What is told of sketches in training: all, some squares, what things there are, or nothing."""
    drawn = torch.rand(len(sketch.depth), 1, 1, device=sketch.depth.device)
    stands = F.pad(things, (0, UNSAID + 1 - len(things)))[sketch.classes.long()]
    where = torch.where(drawn < TOLD_THINGS, stands, hide(sketch.depth[:, None]) & (drawn < TOLD_PARTS))
    return sketch.only(where | (drawn < TOLD_ALL))


def _squares(is_known: Bool[Tensor, "B h w"]) -> Bool[Tensor, "B _ _"]:
    """Squares of which at least a cell is known."""
    return F.max_pool2d(is_known[:, None].float(), SIDE)[:, 0] > 0


def _scales(time: Float[Tensor, " B"]) -> Float[Tensor, "B S"]:
    angles = math.pi * time[:, None] * 2.0 ** torch.arange(SCALES, device=time.device)
    return torch.cat([angles.sin(), angles.cos()], 1)
