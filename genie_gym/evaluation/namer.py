"""A judge of what frames show that has nothing to do with any world: a small network, learned from real frames, that names
scene, weather and time of day, and points at landmarks.

Legend: B frames, C names of all kinds together, L landmarks, H W image, h w cells of the image.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor, nn

from genie_gym.models.tokenizer import as_float
from genie_gym.progress import progress
from genie_gym.text.spec import LANDMARKS, SCENES, TIMES, WEATHERS

NAMES = {"scene": SCENES, "weather": WEATHERS, "time": tuple(TIMES)}
CELL = 16  # pixels a side
COVERED, TOUCHED = 0.15, 0.02  # of a cell: from there on a landmark is in it; and up to there none is
AT_ONCE = 64  # frames that are named at a time
LANDMARKS_WEIGH = 4.0  # so much more does a cell with a landmark count than one without, of which there are most
UNSURE = -1  # cells that teach nothing


@dataclass(frozen=True)
class NamerConfig:
    widths: tuple[int, ...] = (24, 48, 96, 128)
    """Of the layers, each of half the resolution of the one before: the last one's places are `CELL` pixels wide."""
    epochs: int = 8
    batch_size: int = 32
    learning_rate: float = 3e-3
    false_alarms: float = 0.005
    """The share of frames without a landmark in which it may be seen: sets `Namer.sure`."""


@dataclass
class Examples:
    """Frames and what they show. `names` are numbers in the tuples of `NAMES`, by kind; `pixels` is the share of each cell's
    pixels that shows each landmark."""

    frames: UInt8[Tensor, "B H W 3"]
    names: dict[str, Int[Tensor, " B"]]
    pixels: Float[Tensor, "B L h w"]

    def __len__(self) -> int:
        return len(self.frames)

    def some(self, rows: Tensor) -> Examples:
        return Examples(self.frames[rows], {kind: told[rows] for kind, told in self.names.items()}, self.pixels[rows])


class Namer(nn.Module):
    """Frames in [0, 1] to logits."""

    sure: Tensor
    """The logit from which a landmark counts as seen."""

    def __init__(self, config: NamerConfig | None = None):
        super().__init__()
        widths = (3, *(config or NamerConfig()).widths)
        layers = [_layer(before, after) for before, after in pairwise(widths)]
        self.body = nn.Sequential(*layers)
        self.names = nn.Linear(2 * widths[-1], sum(map(len, NAMES.values())))
        self.landmarks = nn.Conv2d(widths[-1], len(LANDMARKS), 1)
        self.register_buffer("sure", torch.zeros(()))

    def forward(self, frames: Float[Tensor, "B 3 H W"]) -> tuple[Float[Tensor, "B C"], Float[Tensor, "B L h w"]]:
        """Of all kinds' names, one after the other; and of each landmark in each cell, where 0 stands for none."""
        seen = self.body(frames * 2 - 1)
        return self.names(torch.cat([seen.mean((2, 3)), seen.amax((2, 3))], 1)), self.landmarks(seen)

    @torch.no_grad()
    def tell(self, frames: UInt8[Tensor, "B H W 3"]) -> Told:
        """What frames show."""
        parts = [self(as_float(some.to(self.sure.device))) for some in frames.split(AT_ONCE)]
        logits = torch.cat([names for names, _ in parts]).cpu().split([len(names) for names in NAMES.values()], 1)
        names = {kind: part.argmax(1).numpy() for kind, part in zip(NAMES, logits, strict=True)}
        seen = torch.cat([cells.amax((2, 3)) for _, cells in parts]).cpu()
        return Told(names, (seen > self.sure.cpu()).numpy(), seen.numpy())


@dataclass(frozen=True)
class Told:
    """What a `Namer` says of frames: the number of each kind's name; which landmarks it sees; and how sure it is, as
    logits."""

    names: dict[str, Int[np.ndarray, " B"]]
    landmarks: Bool[np.ndarray, "B L"]
    logits: Float[np.ndarray, "B L"]


def learn_names(learn: Examples, check: Examples, config: NamerConfig, device: torch.device, seed: int = 0) -> Namer:
    """A `Namer`, in evaluation mode.

    Args:
        check: frames of other places, which set what it is sure of.
    """
    with torch.random.fork_rng(), torch.enable_grad():
        torch.manual_seed(seed)
        namer = Namer(config).to(device)
        rng = np.random.default_rng(seed)
        steps = config.epochs * max(len(learn) // config.batch_size, 1)
        optimizer = torch.optim.AdamW(namer.parameters(), weight_decay=0.05)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, steps + 1)
        for _ in progress(range(steps), desc="learn to name what frames show", unit="step"):
            batch = learn.some(torch.from_numpy(rng.integers(len(learn), size=config.batch_size)))
            optimizer.zero_grad()
            _loss(namer, batch, mirrored=bool(rng.random() < 0.5)).backward()
            optimizer.step()
            schedule.step()
    namer.eval()
    logits, shown = namer.tell(check.frames).logits, check.pixels.amax((2, 3)).numpy() > 0
    if not shown.all():
        namer.sure.fill_(float(np.quantile(logits[~shown], 1 - config.false_alarms)))
    return namer


def _layer(before: int, after: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(before, after, 3, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True))


def _loss(namer: Namer, batch: Examples, mirrored: bool) -> Tensor:
    frames, pixels = as_float(batch.frames.to(namer.sure.device)), batch.pixels.to(namer.sure.device)
    if mirrored:
        frames, pixels = frames.flip(3), pixels.flip(3)
    logits, cells = namer(frames)
    parts = logits.split([len(names) for names in NAMES.values()], 1)
    told = [F.cross_entropy(part, batch.names[kind].to(part.device)) for kind, part in zip(NAMES, parts, strict=True)]
    share, landmark = pixels.max(1)
    landmark = torch.where(share >= COVERED, landmark, torch.where(share <= TOUCHED, len(LANDMARKS), UNSURE))
    weight = torch.tensor([LANDMARKS_WEIGH] * len(LANDMARKS) + [1.0], device=cells.device)
    none = torch.zeros_like(cells[:, :1])
    seen = F.cross_entropy(torch.cat([cells, none], 1), landmark, weight, ignore_index=UNSURE)
    return torch.stack([*told, len(NAMES) * seen]).sum()
