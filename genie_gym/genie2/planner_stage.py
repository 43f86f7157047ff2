"""The stages that teach a world to plan views, what is in them, as one asks for it; and to paint them.

Legend: B views, L lights, C classes, H W image, h w cells.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Shaped, UInt8
from torch import Tensor

from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError
from genie_gym.genie2.config import Genie2Recipe
from genie_gym.genie2.painter import Painter, painter_loss
from genie_gym.genie2.perception import AREAS
from genie_gym.genie2.planner import planner_loss
from genie_gym.genie2.plans import coarse, fine
from genie_gym.genie2.rgbd import pack, unpack
from genie_gym.genie2.sketches import Sketch, square_depth, squares
from genie_gym.genie2.stages import Genie2Stage, depth_picture
from genie_gym.genie2.wishes import FIELDS, SHOWS, wishes_of
from genie_gym.genie2.world import Genie2World
from genie_gym.models.tokenizer import as_float, as_uint8
from genie_gym.progress import progress
from genie_gym.text.spec import TIMES, WorldSpec
from genie_gym.text.vocabulary import Vocabulary
from genie_gym.training.stage import Batch
from genie_gym.visual import grid

NAMED = 0.5  # how likely a thing in view is named: nobody names all there is
LEFT_OPEN, ALL_OPEN = 0.15, 0.1  # how likely each other field, and the whole wish, is left open
AT_ONCE = 64  # views that are made coarse at once


class ViewStage(Genie2Stage):
    """Learns from level views with room ahead, as one might begin with, half of them mirrored."""

    def __init__(self, world: Genie2World, data: VideoDataset, recipe: Genie2Recipe):
        super().__init__(world, data, recipe)
        self.numbers = self.views.open_ahead
        self.lights = 1 if self.views.twins is None else 2

    def check(self) -> None:
        """Draws nothing: all views are planned for the first batch, which takes its time."""
        if not len(self.numbers):
            raise GenieGymError(f"no frame in {self.data.paths[0]} is level and has room ahead; record more of them.")

    def draw(self, rng: np.random.Generator, batch_size: int) -> tuple[Int[np.ndarray, " B"], Bool[np.ndarray, " B"]]:
        """Which of `numbers`, and whether under the second light."""
        return rng.integers(len(self.numbers), size=batch_size), rng.random(batch_size) < 0.5 * (self.lights - 1)

    def packed(self, numbers: Int[np.ndarray, " B"], second: Bool[np.ndarray, " B"]) -> Float[Tensor, "B 4 H W"]:
        """Views by number, of the rows of `second` under the second light."""
        frames = self.views.frames(numbers[:, None], second)[:, 0]
        return pack(as_float(frames), torch.from_numpy(self.views.inverse_depth[numbers].astype(np.float32)))


def half_mirrored(rng: np.random.Generator, *several: Shaped[Tensor, "B ..."]) -> list[Shaped[Tensor, "B ..."]]:
    """Half of the views mirrored, the same ones in each of `several` images of them."""
    mirrored = torch.from_numpy(rng.random(len(several[0])) < 0.5)
    return [torch.where(mirrored.view(-1, *[1] * (images.ndim - 1)), images.flip(-1), images) for images in several]


class PainterStage(ViewStage):
    """What lies between cells: how views look whose plans are known."""

    name = "painter"
    parts = ("painter",)

    def sample(self, rng: np.random.Generator, batch_size: int) -> Batch:
        drawn, second = self.draw(rng, batch_size)
        (views,) = half_mirrored(rng, self.packed(self.numbers[drawn], second))
        return {"views": views}

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        parts = painter_loss(self._painter(), batch["views"], self.recipe.plan_noise, self.recipe.view_patches)
        return parts["total"], {name: value.detach() for name, value in parts.items()}

    def pictures(self, rng: np.random.Generator) -> np.ndarray:
        """Views, what their plans say of them, and what is painted after these."""
        views = self.sample(rng, 8)["views"].to(self.world.device)
        soft = fine(coarse(views), views.shape[-2:])
        shown = [as_uint8(part[:, :3].clamp(0, 1)) for part in (views, soft, self._painter()(soft))]
        return grid(torch.stack(shown, 1).cpu().numpy(), scale=1)

    def _painter(self) -> Painter:
        assert self.world.painter is not None  # else the plan leaves this stage out
        return self.world.painter


class PlannerStage(ViewStage):
    """What views hold, of worlds of which it is known what they were made to be. All plans are kept in memory,
    7.7 kB each."""

    name = "planner"
    parts = ("planner",)

    def __init__(self, world: Genie2World, data: VideoDataset, recipe: Genie2Recipe):
        super().__init__(world, data, recipe)
        assert world.planner is not None  # else the plan leaves this stage out
        assert world.vocabulary is not None  # else there is no planner
        self.planner, self.vocabulary = world.planner, world.vocabulary
        self.planner.label_count.add_(len(self.numbers))
        self.things = np.array([name not in AREAS for name in world.config.classes])
        self.specs = [_specs(data, self.vocabulary, index) for index in range(len(data))]

    # Read when training begins: a stage that is only loaded needs neither.

    @cached_property
    def shown(self) -> tuple[Bool[np.ndarray, "B C"], UInt8[Tensor, "B h w"]]:
        """Of each view and class whether things of it show, and what each of its squares shows; some of these are kept for
        play."""
        areas, count = torch.from_numpy(~self.things), len(self.numbers)
        in_view = np.empty((count, len(self.things)), bool)
        found = torch.empty(count, *self.planner.sketches.classes.shape[1:], dtype=torch.uint8)
        for part in progress(self._parts(), desc="sketching views", leave=False):
            semantic = np.stack([self.views.semantic(number) for number in self.numbers[part].tolist()])
            in_view[part] = [self._in_view(view) for view in semantic]
            found[part] = squares(torch.from_numpy(semantic), areas)
        scenes = [
            self.vocabulary.scenes.index(self.specs[episode][0].scene) for episode in self.views.episode_of[self.numbers]
        ]
        self.planner.sketches.fill(found, square_depth(self.plans[0].float()), torch.tensor(scenes), ~areas)
        return in_view, found

    @cached_property
    def plans(self) -> Float[Tensor, "L B 4 h w"]:
        """Of all views, under each light."""
        size = coarse(torch.zeros(1, 4, self.data.height, self.data.width)).shape[1:]
        plans = torch.empty(self.lights, len(self.numbers), *size, dtype=torch.half)  # pieces would take thrice that
        for part in progress(self._parts(), desc="planning views", leave=False):
            for light, found in enumerate(plans):
                numbers = self.numbers[part]
                found[part] = coarse(self.packed(numbers, np.full(len(numbers), light > 0))).half()
        return plans

    def sample(self, rng: np.random.Generator, batch_size: int) -> Batch:
        """Plans, and a wish for each that it fulfils."""
        drawn, second = self.draw(rng, batch_size)
        episodes = self.views.episode_of[self.numbers[drawn]]
        specs = [self.specs[episode][int(light)] for episode, light in zip(episodes, second, strict=True)]
        opened = [[name for name in FIELDS if rng.random() < LEFT_OPEN] for _ in specs]
        wish = wishes_of(specs, opened, self.vocabulary, self.world.config.classes)
        in_view, shown = self.shown
        named = in_view[drawn] & (rng.random((batch_size, len(self.things))) < NAMED)
        wish[:, -len(self.things) :] = torch.from_numpy(named.astype(np.float32))
        wish[torch.from_numpy(rng.random(batch_size) < ALL_OPEN)] = 0
        plans = self.plans[torch.from_numpy(second.astype(np.int64)), torch.from_numpy(drawn)].float()
        plan, squared = half_mirrored(rng, plans, shown[torch.from_numpy(drawn)])
        return {"plan": plan, "squares": squared, "wish": wish}

    def _parts(self) -> list[slice]:
        """All views, so many at once."""
        return [slice(k, k + AT_ONCE) for k in range(0, len(self.numbers), AT_ONCE)]

    def _in_view(self, semantic: UInt8[np.ndarray, "H W"]) -> Bool[np.ndarray, " C"]:
        """Of each class whether things of it show."""
        counts = np.bincount(semantic.ravel(), minlength=256)[: len(self.things)]
        return (counts >= SHOWS * semantic.size) & self.things

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        sketch = Sketch(batch["squares"], square_depth(batch["plan"]))
        things = torch.from_numpy(self.things).to(sketch.depth.device)
        loss = planner_loss(self.planner, batch["plan"], batch["wish"], sketch, things)
        return loss, {"planner": loss.detach()}

    def pictures(self, rng: np.random.Generator) -> np.ndarray:
        """Of each scene four first views as they are planned, with their depth: weathers and hours differ by row."""
        hours, weathers = list(TIMES.values()), self.vocabulary.weathers
        asked = [
            WorldSpec(scene, weathers[k % len(weathers)], hours[(k // 2) % len(hours)])
            for k, scene in enumerate(self.vocabulary.scenes)
        ]
        specs = [spec for spec in asked for _ in range(4)]
        device, camera = self.world.device, self.world.camera
        wish = wishes_of(specs, [()] * len(specs), self.vocabulary, self.world.config.classes).to(device)
        nothing = coarse(torch.zeros(len(specs), 4, camera.height, camera.width, device=device))
        seeds = torch.arange(len(specs), device=device)
        plans = self.planner.plan(nothing, nothing[:, 0] > 0, wish, seeds, torch.zeros_like(seeds))
        colours, inverse_depth = unpack(fine(plans, (camera.height, camera.width)))
        shown = torch.stack([as_uint8(colours), depth_picture(inverse_depth, inverse_depth < 0)], 1).flatten(0, 1)
        return grid(shown.unflatten(0, (-1, 8)).cpu().numpy(), scale=1)


def says_wishes(data: VideoDataset) -> bool:
    """Whether each episode says what its world was made to be, and the recording in which words."""
    return "vocabulary" in data.source and all("spec" in data.description(index) for index in range(len(data)))


def _specs(data: VideoDataset, vocabulary: Vocabulary, index: int) -> list[WorldSpec]:
    """What an episode's world was made to be, and under its second light where it has one: scene, weather and hour. What is
    in view of all else, frames say better."""
    said = [data.description(index)[key] for key in ("spec", "twin_spec") if key in data.description(index)]
    return [vocabulary.complete(WorldSpec(spec["scene"], spec["weather"], spec["hour"])) for spec in said]
