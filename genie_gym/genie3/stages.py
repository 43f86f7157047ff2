"""The stages of making a world of things, in their order: assets and places are mined, the layout is learned, latent actions
are read off frames, keys are learned from labels, and a prior over actions from how recorded walkers went on.

Which part sees what: assets, light and ground come of frames with depth, poses, masks and boxes; layouts of boxes, roads and
heights, without a frame; latent actions of frames alone, whose depth another world's perception estimates; keys of at most a
thousand labelled steps with poses; the prior of poses and depth.

Legend: B pairs or clips, T frames, H W image, M = 6 numbers of a motion.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError
from genie_gym.evaluation.asset_sheet import asset_sheet
from genie_gym.genie3.config import library_config
from genie_gym.genie3.mining.mine import mine
from genie_gym.genie3.mining.views import NEEDED as MINED_FROM
from genie_gym.genie3.pictured import eyes_of, read_motions
from genie_gym.genie3.predictor import ActionPredictor
from genie_gym.genie3.presets import Genie3Recipe
from genie_gym.genie3.recorded import labelled_steps, recorded_layouts, walked_steps, walks
from genie_gym.genie3.world import Genie3World
from genie_gym.models.motion.latent_code import MOTION
from genie_gym.models.motion.stride import Stride, stride_loss
from genie_gym.places.layout.config import LayoutConfig
from genie_gym.places.layout.mining import mine as mine_layouts
from genie_gym.places.layout.model import LayoutModel, layout_loss
from genie_gym.places.layout.tables import LayoutBatch, LayoutTables, PoseExamples
from genie_gym.places.library import AssetLibrary
from genie_gym.progress import progress
from genie_gym.training.recordings import Joined, parts_of
from genie_gym.training.stage import Batch, ComputedStage, Stage

NEEDED = (*MINED_FROM, "place")
POSES = "poses."  # what begins so in a batch of layouts is of its poses
TRIED = 60  # places that are mined where a size is only tried
AT_ONCE = 16  # pairs of frames that are read together
JITTER, AS_IT_WAS = 0.3, 0.3  # deviations of recorded motions; share of examples whose past stays as it was


class AssetStage(ComputedStage):
    """What things look like, the ground and the light, out of all recordings."""

    name = "assets"

    def __init__(self, world: Genie3World, data: VideoDataset, recipe: Genie3Recipe):
        super().__init__()
        self.world, self.data, self.recipe = world, data, recipe

    def check(self) -> None:
        seen = [part for part in parts_of(self.data) if len(part)]
        if not seen:
            raise GenieGymError(f"{self.data.paths[0]} holds places alone; assets are mined from frames that show them.")
        for part in seen:
            part.need_truth(NEEDED, "Genie 3 learns from")

    def compute(self, work: Path) -> dict[str, float]:
        library, _, report = mine(Joined(parts_of(self.data)), self.recipe.mining, work)
        self.world.take_library(library)
        return {"episodes": report.episodes, "assets": len(report.assets), "surfels": library.config.surfels}

    def checkpoint(self) -> dict[str, Any]:
        library = self.world.library
        return {"config": json.dumps(asdict(library.config)), "library": dict(library.named_buffers())}

    def restore(self, saved: dict[str, Any]) -> None:
        library = AssetLibrary(library_config(json.loads(saved["config"])))
        for name, buffer in library.named_buffers():  # as they are in memory, not as they lie in a world's folder
            buffer.copy_(saved["library"][name])
        self.world.take_library(library)

    def pictures(self, rng: np.random.Generator) -> np.ndarray:
        return asset_sheet(self.world.library)


class PlaceStage(ComputedStage):
    """Which things and grounds there are in which scenes, and how they stand: what layouts know before they learn."""

    name = "places"

    def __init__(self, world: Genie3World, data: VideoDataset, recipe: Genie3Recipe):
        super().__init__()
        self.world, self.data, self.recipe = world, data, recipe

    def check(self) -> None:
        recorded_layouts(self.data, 1)

    def compute(self, work: Path) -> dict[str, float]:
        pairs = recorded_layouts(self.data, self.recipe.layouts.places)
        model = LayoutModel.mined(*mine_layouts(pairs))
        self.world.take_layout(model)
        return {"places": len(pairs), "scenes": len(model.config.scenes), "classes": len(model.config.classes)}

    def checkpoint(self) -> dict[str, Any]:
        model = self.world.layout
        assert model is not None  # computed
        return {"config": json.dumps(model.config.to_dict()), "layout": model.state_dict()}

    def restore(self, saved: dict[str, Any]) -> None:
        model = LayoutModel(LayoutConfig.from_dict(json.loads(saved["config"])))
        model.load_state_dict(saved["layout"])
        self.world.take_layout(model)


class NetworkStage(Stage):
    """A stage that trains one network of a world, which may not be there before it is settled."""

    def __init__(self, world: Genie3World, data: VideoDataset, recipe: Genie3Recipe):
        super().__init__()
        self.world, self.data, self.recipe = world, data, recipe

    @property
    def network(self) -> nn.Module:
        raise NotImplementedError

    def settle(self, device: torch.device) -> None:
        super().settle(device)
        self.world.requires_grad_(False)
        self.network.requires_grad_(True)

    def checkpoint(self) -> dict[str, Any]:
        return self.network.state_dict()

    def restore(self, saved: dict[str, Any]) -> None:
        self.network.load_state_dict(saved)


class LayoutStage(NetworkStage):
    """What stands where: the networks of the layout model, of recorded places."""

    name = "layout"
    tables: LayoutTables | None = None

    @property
    def network(self) -> LayoutModel:
        assert self.world.layout is not None  # settled
        return self.world.layout

    def check(self) -> None:
        recorded_layouts(self.data, 1)

    def settle(self, device: torch.device) -> None:
        """What is mined is there by now; where it is not (a size is only tried), a little is mined here."""
        if self.world.layout is None:
            self.world.take_layout(LayoutModel.mined(*mine_layouts(recorded_layouts(self.data, TRIED))))
        super().settle(device)

    def sample(self, rng: np.random.Generator, batch_size: int) -> Batch:
        recipe, model = self.recipe.layouts, self.network
        if self.tables is None:
            pairs = recorded_layouts(self.data, recipe.places)
            self.tables = LayoutTables(pairs, model.config, model.arrays, recipe.per_place)
        made = vars(self.tables.batch(rng, batch_size, recipe.grounds, recipe.counts))
        poses = {f"{POSES}{name}": value for name, value in vars(made.pop("poses")).items()}
        return poses | made

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        poses = {name.removeprefix(POSES): value for name, value in batch.items() if name.startswith(POSES)}
        others = {name: value for name, value in batch.items() if not name.startswith(POSES)}
        loss, parts = layout_loss(self.network, LayoutBatch(poses=PoseExamples(**poses), **others))
        return loss, {name: torch.as_tensor(value) for name, value in parts.items()}


class LatentActionStage(ComputedStage):
    """Which motions there are, from pairs of frames alone; their depth is what another world's perception estimates
    (`Genie3Config.eyes`)."""

    name = "latent_actions"

    def __init__(self, world: Genie3World, data: VideoDataset, recipe: Genie3Recipe):
        super().__init__()
        self.world, self.data, self.recipe = world, data, recipe

    def check(self) -> None:
        walks(self.data)

    def compute(self, work: Path) -> dict[str, float]:
        eyes = eyes_of(self.world.config, self.world.device)
        rng = np.random.default_rng(0)
        episodes = walks(self.data)
        room = self.data.calm[episodes] - 1
        picked = rng.choice(episodes, self.recipe.pairs, p=room / room.sum())
        starts = [int(rng.integers(self.data.calm[episode] - 1)) for episode in picked]
        windows = list(zip(picked.tolist(), starts, strict=True))
        found = []
        for first in progress(range(0, len(windows), AT_ONCE), desc="reading motions", leave=False):
            pairs = torch.from_numpy(self.data.clips(windows[first : first + AT_ONCE], 2))
            found.append(read_motions(eyes, pairs.to(self.world.device), self.world.camera)[:, 0].cpu())
        motions = torch.cat(found)
        self.world.motion.latent.learn(motions)
        return {
            "pairs": len(motions),
            "forward_m": float(motions[:, 2].abs().mean()),
            "turn_rad": float(motions[:, 4].abs().mean()),
        }

    def checkpoint(self) -> dict[str, Any]:
        return self.world.motion.latent.state_dict()

    def restore(self, saved: dict[str, Any]) -> None:
        self.world.motion.latent.load_state_dict(saved)


class KeyStage(NetworkStage):
    """What keys ask for and how feet grip, from a few labelled steps."""

    name = "keys"

    def __init__(self, world: Genie3World, data: VideoDataset, recipe: Genie3Recipe):
        super().__init__(world, data, recipe)
        self.table = labelled_steps(data, world.config.stride.weathers, recipe.labelled_keys)
        if int(self.table["keys"].max()) >= world.keys.count or int(self.table["keys"].min()) < 0:
            raise GenieGymError(f"{data.paths[0]} holds keys without a name; record the simulator again.")
        self.network.label_count.add_(len(self.table["keys"]))
        self.network.begin(self.table)

    @property
    def network(self) -> Stride:
        return self.world.motion.stride

    def sample(self, rng: np.random.Generator, batch_size: int) -> Batch:
        rows = torch.from_numpy(rng.integers(len(self.table["keys"]), size=batch_size))
        return {name: values[rows] for name, values in self.table.items()}

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        parts = stride_loss(self.network, batch)
        return parts["total"], {name: value.detach() for name, value in parts.items()}


class PriorStage(NetworkStage):
    """What walkers do next, by what they see and did."""

    name = "prior"

    table: dict[str, Tensor]

    @property
    def network(self) -> ActionPredictor:
        assert self.world.predictor is not None  # `check`
        return self.world.predictor

    def check(self) -> None:
        walks(self.data)
        if self.world.predictor is None:
            raise GenieGymError("this world has no prior to train; give its configuration a predictor.")

    def settle(self, device: torch.device) -> None:
        """Begins with typical motions: here, so that what an interrupted training learned is put in their place."""
        super().settle(device)
        self.table = walked_steps(self.data, self.world.motion.latent, self.network.config)
        self.network.begin(self.table["following"])

    def sample(self, rng: np.random.Generator, batch_size: int) -> Batch:
        rows = torch.from_numpy(rng.integers(len(self.table["seen"]), size=batch_size))
        batch = {name: values[rows] for name, values in self.table.items()}
        # Who walks by the prior did not do quite what recorded walkers did: what was done before is off by a little.
        off = JITTER * rng.standard_normal((batch_size, self.network.config.past, MOTION))
        off[rng.random(batch_size) < AS_IT_WAS] = 0
        network = self.network
        shift = (torch.from_numpy(off).float() * network.deviation.cpu()) @ network.spread.cpu()
        return batch | {"past": batch["past"] + shift}

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        loss = -self.network.log_prob(batch["seen"], batch["past"], batch["following"]).mean()
        return loss, {"nats": loss.detach()}
