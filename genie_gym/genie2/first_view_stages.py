"""The stages that teach a world to imagine first views: views as tokens, and which tokens fit a wish.

Legend: B views, N frames, H W image.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from genie_gym.datasets.video import VideoDataset
from genie_gym.genie2.config import Genie2Recipe
from genie_gym.genie2.first_views import first_view_loss
from genie_gym.genie2.painting import painting_loss
from genie_gym.genie2.perception import AREAS
from genie_gym.genie2.rgbd import pack, unpack
from genie_gym.genie2.stages import Genie2Stage, depth_picture
from genie_gym.genie2.wishes import FIELDS, SHOWS, wishes_of
from genie_gym.genie2.world import Genie2World
from genie_gym.models.tokenizer import as_float, as_uint8
from genie_gym.text.spec import SCENES, TIMES, WEATHERS, WorldSpec
from genie_gym.training.stage import Batch
from genie_gym.visual import grid

LEVEL = 0.05  # radians: how far the camera of a first view may look up or down
CLOSE, MOSTLY = 1.5, 0.2  # metres; the share of a first view that may be nearer than that
NAMED = 0.5  # how likely a thing in view is named: nobody names all there is
LEFT_OPEN, ALL_OPEN = 0.15, 0.1  # how likely each other field, and the whole wish, is left open
COMMITMENT = 0.25


class ViewStage(Genie2Stage):
    """A stage that learns from views as one might begin with: level, and with room ahead."""

    def __init__(self, world: Genie2World, data: VideoDataset, recipe: Genie2Recipe):
        super().__init__(world, data, recipe)
        known = self.views.known
        level = self.views.pitch(known).abs().numpy() < LEVEL
        near = [float((self.views.inverse_depth[n] > 1 / CLOSE).mean()) for n in known.tolist()]
        self.numbers = known[level & (np.array(near) < MOSTLY)]

    def draw(self, rng: np.random.Generator, batch_size: int) -> tuple[Batch, Int[np.ndarray, " B"], np.ndarray]:
        """Views, half of them mirrored; the numbers of their frames, and which are under the second light."""
        numbers = rng.choice(self.numbers, batch_size)
        twin = rng.random(batch_size) < (0.0 if self.views.twins is None else 0.5)
        mirrored = torch.from_numpy(rng.random(batch_size) < 0.5)
        batch = {
            "frames": self.views.frames(numbers[:, None], twin)[:, 0],
            "inverse_depth": torch.from_numpy(self.views.inverse_depth[numbers].astype(np.float32)),
        }
        for values in batch.values():
            values[mirrored] = values[mirrored].flip(2)
        return batch, numbers, twin


class ViewTokenizerStage(ViewStage):
    """Views to tokens and back."""

    name = "view_tokenizer"
    parts = ("view_tokenizer",)

    def sample(self, rng: np.random.Generator, batch_size: int) -> Batch:
        return self.draw(rng, batch_size)[0]

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        target = pack(as_float(batch["frames"]), batch["inverse_depth"])
        quantized, _, commitment = self.world.view_tokenizer.quantize(target)
        painted = self.world.view_tokenizer.paint(quantized)
        nothing = torch.zeros_like(batch["inverse_depth"], dtype=torch.bool)
        parts = painting_loss(painted, target, nothing, self.recipe.view_patches)
        colours = (painted[:, :3].detach().clamp(0, 1) - target[:, :3]).square().mean((1, 2, 3)).log10().mean()
        told = {name: value.detach() for name, value in parts.items()} | {
            "psnr": -10 * colours,
            "commitment": commitment.detach(),
        }
        return parts["total"] + COMMITMENT * commitment, told

    def pictures(self, rng: np.random.Generator) -> np.ndarray:
        """Views and their depth, and both as their tokens have them."""
        batch = {name: value.to(self.world.device) for name, value in self.sample(rng, 6).items()}
        packed = pack(as_float(batch["frames"]), batch["inverse_depth"])
        again = self.world.view_tokenizer.decode(self.world.view_tokenizer.encode(packed)[1])
        return _both(torch.cat([packed, again])[torch.arange(12).view(2, 6).T.flatten()], columns=4)


class FirstViewStage(ViewStage):
    """Which tokens fit what is asked for. Of each view it is known what its world was made to be, and what shows in it."""

    name = "first_views"
    parts = ("first_views",)

    def __init__(self, world: Genie2World, data: VideoDataset, recipe: Genie2Recipe):
        super().__init__(world, data, recipe)
        world.first_views.label_count.fill_(len(self.numbers))
        self.things = np.array([name not in AREAS for name in world.config.classes])
        self.specs = [_specs(data, index) for index in range(len(data))]

    def sample(self, rng: np.random.Generator, batch_size: int) -> Batch:
        batch, numbers, twin = self.draw(rng, batch_size)
        specs = [self.specs[self.views.episode_of[n]][int(second)] for n, second in zip(numbers, twin, strict=True)]
        opened = [[name for name in FIELDS if rng.random() < LEFT_OPEN] for _ in specs]
        wish = wishes_of(specs, opened, self.world.config.classes)
        in_view = np.stack([self._in_view(n) for n in numbers.tolist()])
        named = in_view & (rng.random(in_view.shape) < NAMED)
        wish[:, -len(self.things) :] = torch.from_numpy(named.astype(np.float32))
        wish[torch.from_numpy(rng.random(batch_size) < ALL_OPEN)] = 0
        return batch | {"wish": wish}

    def _in_view(self, number: int) -> np.ndarray:
        """Of each class whether things of it show."""
        counts = np.bincount(self.views.semantic(number).ravel(), minlength=256)[: len(self.things)]
        return (counts >= SHOWS * self.views.semantic(number).size) & self.things

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        with torch.no_grad():
            _, codes = self.world.view_tokenizer.encode(pack(as_float(batch["frames"]), batch["inverse_depth"]))
        parts = first_view_loss(self.world.first_views, codes, batch["wish"])
        return parts["total"], {name: value.detach() for name, value in parts.items()}

    def pictures(self, rng: np.random.Generator) -> np.ndarray:
        """Of ten scenes, four views each that were imagined, with their depth: weathers and hours differ by row."""
        hours = list(TIMES.values())
        asked = [
            WorldSpec(scene, WEATHERS[k % len(WEATHERS)], hours[(k // 2) % len(hours)]) for k, scene in enumerate(SCENES)
        ]
        specs = [spec for spec in asked for _ in range(4)]
        wish = wishes_of(specs, [()] * len(specs), self.world.config.classes).to(self.world.device)
        seeds = torch.arange(len(specs), device=self.world.device)
        codes = self.world.first_views.imagine(wish, seeds, torch.zeros_like(seeds))
        return _both(self.world.view_tokenizer.decode(codes), columns=8)


def says_wishes(data: VideoDataset) -> bool:
    """Whether each episode says what its world was made to be."""
    return all("spec" in data.description(index) for index in range(len(data)))


def _specs(data: VideoDataset, index: int) -> list[WorldSpec]:
    """What an episode's world was made to be, and under its second light where it has one: scene, weather and hour. What is
    in view of all else, frames say better."""
    said = [data.description(index)[key] for key in ("spec", "twin_spec") if key in data.description(index)]
    return [WorldSpec(spec["scene"], spec["weather"], spec["hour"]) for spec in said]


def _both(views: Tensor, columns: int) -> UInt8[np.ndarray, "H W 3"]:
    """Views [N, 4, H, W] and their depth side by side, `columns` pictures across."""
    colours, inverse_depth = unpack(views)
    shown = torch.stack([as_uint8(colours), depth_picture(inverse_depth, inverse_depth < 0)], 1).flatten(0, 1)
    return grid(shown.unflatten(0, (-1, columns)).cpu().numpy(), scale=1)
