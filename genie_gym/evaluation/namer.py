"""A judge of what frames show that has nothing to do with any world: a small network, learned from real frames, that names
scene, weather and time of day, and tells of each cell of a frame which landmark it shows, if any.

Legend: B frames, C names of all kinds together, S classes of cells, L landmarks, H W image, h w cells of the image.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor, nn

from genie_gym.devices import autocast
from genie_gym.models.tokenizer import as_float
from genie_gym.models.unet import UNet, UNetConfig
from genie_gym.progress import progress
from genie_gym.text.spec import TIMES
from genie_gym.text.vocabulary import Vocabulary

KINDS = ("scene", "weather", "time")
CELL = 4  # pixels a side
BANDS = 6  # of the picture, from top to bottom, whose mean colours are looked at
HIDDEN = 128
AT_ONCE = 64  # frames that are named at a time
LANDMARKS_WEIGH = 4.0  # so much more does a cell with a landmark count than one without, of which there are most
WITH_LANDMARKS = 0.5  # the share of frames in training that show one for certain
FILLS = 8  # cells that a landmark fills to be seen


def names_of_kinds(vocabulary: Vocabulary) -> dict[str, tuple[str, ...]]:
    """What each of `KINDS` may be."""
    return dict(zip(KINDS, (vocabulary.scenes, vocabulary.weathers, tuple(TIMES)), strict=True))


def shown_by_cells(vocabulary: Vocabulary) -> tuple[str, ...]:
    """What a cell may show, landmarks first: what else there is helps to tell them from it."""
    return tuple(dict.fromkeys((*vocabulary.landmarks, "sky", "ground", "water", "building", "tree", "other")))


@dataclass(frozen=True)
class NamerConfig:
    unet: UNetConfig = field(default_factory=lambda: UNetConfig((32, 64, 96, 128), patch=CELL))
    epochs: int = 8
    batch_size: int = 32
    learning_rate: float = 2e-3
    false_alarms: float = 0.005
    """The share of frames without a landmark in which it may be seen: sets `Namer.sure`."""


@dataclass
class Examples:
    """Frames and what they show. `names` are numbers in the tuples of `names_of_kinds`; `cells` in `shown_by_cells`."""

    frames: UInt8[Tensor, "B H W 3"]
    names: dict[str, Int[Tensor, " B"]]
    cells: UInt8[Tensor, "B h w"]

    def __len__(self) -> int:
        return len(self.frames)

    def some(self, rows: Tensor) -> Examples:
        return Examples(self.frames[rows], {kind: told[rows] for kind, told in self.names.items()}, self.cells[rows])

    def shown(self, landmarks: int) -> Int[Tensor, "B L"]:
        """How many cells show each landmark."""
        return torch.stack([(self.cells == number).sum((1, 2)) for number in range(landmarks)], 1)


class Namer(nn.Module):
    """Frames in [0, 1] to logits."""

    sure: Tensor
    """The log odds from which a landmark counts as seen."""

    def __init__(self, vocabulary: Vocabulary, config: NamerConfig | None = None):
        super().__init__()
        self.vocabulary, self.kinds = vocabulary, names_of_kinds(vocabulary)
        unet = (config or NamerConfig()).unet
        self.unet = UNet(3, 1, unet)
        del self.unet.leave  # it draws nothing
        seen = 2 * unet.widths[-1] + 3 * BANDS
        self.names = nn.Sequential(nn.Linear(seen, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, sum(map(len, self.kinds.values()))))
        self.cells = nn.Conv2d(unet.widths[0], len(shown_by_cells(vocabulary)), 1)
        self.register_buffer("sure", torch.zeros(len(vocabulary.landmarks)))

    def forward(self, frames: Float[Tensor, "B 3 H W"]) -> tuple[Float[Tensor, "B C"], Float[Tensor, "B S h w"]]:
        """Of all kinds' names, one after the other; and of what each cell may show."""
        levels = self.unet.features(frames * 2 - 1)
        light = F.adaptive_avg_pool2d(frames * 2 - 1, (BANDS, 1)).flatten(1)  # normalisation hides it from the other layers
        names = self.names(torch.cat([levels[-1].mean((2, 3)), levels[-1].amax((2, 3)), light], 1))
        height, width = (-(-(side - CELL // 2) // CELL) for side in frames.shape[2:])
        return names.float(), self.cells(levels[0])[..., :height, :width].float()

    @property
    def sizes(self) -> list[int]:
        """How many names each of `KINDS` has."""
        return [len(names) for names in self.kinds.values()]

    @torch.no_grad()
    def tell(self, frames: UInt8[Tensor, "B H W 3"]) -> Told:
        """What frames show."""
        parts = [self(as_float(some.to(self.sure.device))) for some in frames.split(AT_ONCE)]
        logits = torch.cat([names for names, _ in parts]).cpu().split(self.sizes, 1)
        names = {kind: part.argmax(1).numpy() for kind, part in zip(KINDS, logits, strict=True)}
        odds = torch.cat([_odds(cells, len(self.sure)) for _, cells in parts]).cpu()
        return Told(names, (odds > self.sure.cpu()).numpy(), odds.numpy())


@dataclass(frozen=True)
class Told:
    """What a `Namer` says of frames: the number of each kind's name; which landmarks it sees; and how sure it is, as
    log odds."""

    names: dict[str, Int[np.ndarray, " B"]]
    landmarks: Bool[np.ndarray, "B L"]
    odds: Float[np.ndarray, "B L"]


def learn_names(
    learn: Examples, check: Examples, vocabulary: Vocabulary, config: NamerConfig, device: torch.device, seed: int = 0
) -> Namer:
    """A `Namer`, in evaluation mode.

    Args:
        check: frames of other places, which set what it is sure of.
    """
    with torch.random.fork_rng(), torch.enable_grad():
        torch.manual_seed(seed)
        namer = Namer(vocabulary, config).to(device)
        rng = np.random.default_rng(seed)
        steps = config.epochs * max(len(learn) // config.batch_size, 1)
        optimizer = torch.optim.AdamW(namer.parameters(), weight_decay=0.05)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, steps + 1)
        standing = np.flatnonzero((learn.shown(len(namer.sure)).amax(1) >= FILLS).numpy())
        for _ in progress(range(steps), desc="learn to name what frames show", unit="step"):
            rows = rng.integers(len(learn), size=config.batch_size)
            if len(standing):
                rows = np.where(rng.random(len(rows)) < WITH_LANDMARKS, rng.choice(standing, len(rows)), rows)
            optimizer.zero_grad()
            with autocast(device, "auto"):
                loss = _loss(namer, learn.some(torch.from_numpy(rows)), mirrored=bool(rng.random() < 0.5))
            loss.backward()
            optimizer.step()
            schedule.step()
    namer.eval()
    odds, absent = namer.tell(check.frames).odds, (check.shown(len(namer.sure)) == 0).numpy()
    for number in range(len(namer.sure)):
        if absent[:, number].any():
            namer.sure[number] = float(np.quantile(odds[absent[:, number], number], 1 - config.false_alarms))
    return namer


def _odds(cells: Float[Tensor, "B S h w"], landmarks: int) -> Float[Tensor, "B L"]:
    """The log odds that the likeliest cells show each landmark, as many as one fills."""
    of = cells.flatten(2)
    others = torch.stack([torch.cat([of[:, :k], of[:, k + 1 :]], 1).logsumexp(1) for k in range(landmarks)], 1)
    odds: Tensor = of[:, :landmarks] - others
    return odds.topk(min(FILLS, odds.shape[2]), 2)[0].mean(2)


def _loss(namer: Namer, batch: Examples, mirrored: bool) -> Tensor:
    frames, shown = as_float(batch.frames.to(namer.sure.device)), batch.cells.to(namer.sure.device).long()
    if mirrored:
        frames, shown = frames.flip(3), shown.flip(2)
    logits, cells = namer(frames)
    parts = logits.split(namer.sizes, 1)
    told = [F.cross_entropy(part, batch.names[kind].to(part.device)) for kind, part in zip(KINDS, parts, strict=True)]
    weight = torch.ones(cells.shape[1], device=cells.device)
    weight[: len(namer.sure)] = LANDMARKS_WEIGH
    return torch.stack([*told, len(KINDS) * F.cross_entropy(cells, shown, weight)]).sum()
