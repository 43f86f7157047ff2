"""The stages of training a 3D world, in their order: perception, latent actions, imagination, keys, tasks.

Legend: B batch, N tasks, H W image.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from genie_gym.datasets.video import VideoDataset
from genie_gym.devices import full_precision
from genie_gym.errors import GenieGymError
from genie_gym.evaluation.goals import recorded_goals
from genie_gym.genie2.config import Genie2Recipe
from genie_gym.genie2.keys import key_table
from genie_gym.genie2.painting import painting_loss
from genie_gym.genie2.perception import NEAREST, perception_loss
from genie_gym.genie2.rgbd import pack, unpack
from genie_gym.genie2.tasks import task_loss
from genie_gym.genie2.views import NOTHING, RecordedViews
from genie_gym.genie2.world import Genie2World
from genie_gym.geometry.align import align
from genie_gym.geometry.consistency import ConsistencyConfig, MultiViewConsistencyLoss
from genie_gym.geometry.percept import SKY
from genie_gym.geometry.pose import motion_to_pose
from genie_gym.geometry.reproject import Seen, Views, reproject
from genie_gym.models.motion.keys import OUT_SCALES
from genie_gym.models.motion.latent_action import latent_action_loss
from genie_gym.models.tokenizer import as_float, as_uint8
from genie_gym.training.stage import Batch, WorldStage
from genie_gym.visual import grid

SCALES = (0.5, 1.4)  # how large a place is taken to be, of what it was, where tasks are learned


class Genie2Stage(WorldStage):
    """A stage that learns from views with ground truth."""

    def __init__(self, world: Genie2World, data: VideoDataset, recipe: Genie2Recipe):
        super().__init__(world, data, clip_length=2)
        self.views, self.recipe = RecordedViews.of(data), recipe


class PerceptionStage(Genie2Stage):
    """Depth and what can move, from single frames, with the simulator's labels."""

    name = "perception"
    parts = ("perception",)

    def __init__(self, world: Genie2World, data: VideoDataset, recipe: Genie2Recipe):
        super().__init__(world, data, recipe)
        world.perception.label_count.add_(len(self.views.known))

    def sample(self, rng: np.random.Generator, batch_size: int) -> Batch:
        """Every other frame is mirrored."""
        numbers = rng.choice(self.views.known, batch_size)
        batch = {name: value[:, 0] for name, value in self.views.batch(numbers[:, None], rng).items()}
        batch["motion"] = torch.from_numpy(np.stack([self.views.motion(n) for n in numbers.tolist()]))
        batch["pitch"] = self.views.pitch(numbers)
        batch["semantic"] = torch.from_numpy(np.stack([self.views.semantic(n) for n in numbers.tolist()]))
        mirrored = torch.from_numpy(rng.random(batch_size) < 0.5)
        for name, columns in (("frames", 2), ("inverse_depth", 2), ("kinds", 2), ("motion", 2), ("semantic", 2)):
            batch[name][mirrored] = batch[name][mirrored].flip(columns)
        batch["motion"][mirrored, ..., 0] *= -1
        return batch

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        parts = perception_loss(
            self.world.perception, as_float(batch["frames"]), batch["inverse_depth"], batch["kinds"].long(),
            batch["motion"], batch["pitch"], batch["semantic"],
        )  # fmt: skip
        return parts["total"], {name: value.detach() for name, value in parts.items()}

    def pictures(self, rng: np.random.Generator) -> np.ndarray:
        """Frames, their depth, and what is estimated: near is bright; what can move is red."""
        batch = {name: value.to(self.world.device) for name, value in self.sample(rng, 6).items()}
        percept = self.world.perception(as_float(batch["frames"]))
        shown = [batch["frames"], depth_picture(batch["inverse_depth"], batch["kinds"] != NOTHING)]
        shown.append(depth_picture(percept.inverse_depth, percept.pushable | percept.being))
        return grid(torch.stack(shown, 1).cpu().numpy(), scale=1)


class LatentActionStage(Genie2Stage):
    """How far cameras go in a step, from pairs of frames alone; their depth is what perception estimates."""

    name = "latent_actions"
    parts = ("latent_actions",)

    def sample(self, rng: np.random.Generator, batch_size: int) -> Batch:
        numbers = self.views.windows(rng, batch_size, 2)
        return {"frames": self.views.frames(numbers, rng.random(batch_size) < 0.5)}

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        parts = latent_action_loss(self.world.latent_actions, self._read(batch["frames"]))
        return parts["total"], {name: value.detach() for name, value in parts.items()}

    @torch.no_grad()
    def _read(self, frames: Tensor) -> Tensor:
        """The motion [B, 6] between two frames [B, 2, H, W, 3]."""
        before, after = as_float(frames).unbind(1)
        inverse_depth = self.world.perception(after).inverse_depth
        with full_precision(self.world.device):
            return align(before, after, inverse_depth, self.world.camera)

    def pictures(self, rng: np.random.Generator) -> np.ndarray:
        """Pairs of frames, and the second one as the motion that was read makes it of the first."""
        frames = self.sample(rng, 6)["frames"].to(self.world.device)
        before, after = as_float(frames).unbind(1)
        first = Views(
            before[:, None], self.world.perception(before).inverse_depth[:, None],
            torch.eye(4, device=before.device).repeat(6, 1, 1, 1), torch.zeros(6, 1, device=before.device),
        )  # fmt: skip
        moved = reproject(first, motion_to_pose(self._read(frames)), self.world.camera).colours
        return grid(as_uint8(torch.stack([before, after, moved], 1)).cpu().numpy(), scale=1)


class ImaginationStage(Genie2Stage):
    """What views hold that earlier frames did not show, with true depth and poses."""

    name = "imagination"
    parts = ("imagination",)

    def __init__(self, world: Genie2World, data: VideoDataset, recipe: Genie2Recipe):
        super().__init__(world, data, recipe)
        self.consistency = MultiViewConsistencyLoss(world.camera, ConsistencyConfig(apart=(1,)))

    def sample(self, rng: np.random.Generator, batch_size: int) -> Batch:
        """A view, earlier ones, and last a later one, where imagined views are held against those."""
        past = self.recipe.past
        numbers = self.views.looks_back(rng, batch_size, past.near, past.far, 1 + past.others)
        if self.recipe.consistency:
            numbers = np.concatenate([numbers, self.views.later(rng, numbers[:, 0], past.near)[:, None]], 1)
        low, high = self.world.config.imagination.stretch
        stretch = torch.from_numpy(rng.uniform(low, high, batch_size)).float()
        return self.views.batch(numbers, rng) | {"stretch": stretch}

    def look(self, batch: Batch) -> Seen:
        """The first view of each row, as far as the earlier ones show it; what moves is not remembered."""
        inverse_depth = torch.where(batch["kinds"] == NOTHING, batch["inverse_depth"], 0.0)
        past = slice(1, 2 + self.recipe.past.others)
        equal = torch.zeros(inverse_depth[:, past].shape[:2], device=inverse_depth.device)
        earlier = Views(as_float(batch["frames"][:, past]), inverse_depth[:, past], batch["poses"][:, past], equal)
        with full_precision(self.world.device):
            return reproject(earlier, batch["poses"][:, 0], self.world.camera)

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        target = pack(as_float(batch["frames"][:, 0]), batch["inverse_depth"][:, 0])
        seen = self.look(batch)
        painted = self.world.imagination.paint(seen, batch["stretch"])
        parts = painting_loss(painted, target, seen.covered, self.recipe.patches)
        if self.recipe.consistency:
            with full_precision(self.world.device):
                parts["consistency"] = self._disagreement(painted.float(), seen, batch)
            parts["total"] = parts["total"] + self.recipe.consistency * parts["consistency"]
        return parts["total"], {name: value.detach() for name, value in parts.items()}

    def _disagreement(self, painted: Float[Tensor, "B 4 H W"], seen: Seen, batch: Batch) -> Tensor:
        """Of what is imagined, and no memory shows, with the later view."""
        colours, inverse_depth = unpack(painted)
        later = torch.where(batch["kinds"][:, -1] == NOTHING, batch["inverse_depth"][:, -1], 0.0)
        imagined = torch.where(seen.covered, 0.0, inverse_depth)
        return self.consistency(
            torch.stack([colours, as_float(batch["frames"][:, -1])], 1),
            torch.stack([imagined, later], 1),
            batch["poses"][:, [0, -1]],
        )

    def pictures(self, rng: np.random.Generator) -> np.ndarray:
        """Real views, what earlier frames show of them, what is imagined with it, and its depth."""
        batch = {name: value.to(self.world.device) for name, value in self.sample(rng, 8).items()}
        seen = self.look(batch)
        as_played = self.world.config.imagination
        painted = self.world.imagination.paint(seen, batch["stretch"], as_played.firmness, as_played.lean)
        colours, inverse_depth = unpack(painted)
        whole = torch.where(seen.covered[:, None], seen.colours, colours)
        depth = torch.where(seen.covered, seen.inverse_depth, inverse_depth)
        shown = [batch["frames"][:, 0], as_uint8(seen.colours), as_uint8(whole), depth_picture(depth, depth < 0)]
        return grid(torch.stack(shown, 1).cpu().numpy(), scale=1)


class KeyStage(Genie2Stage):
    """What keys do, from a few labelled steps."""

    name = "keys"
    parts = ("keys_to_motion",)

    def __init__(self, world: Genie2World, data: VideoDataset, recipe: Genie2Recipe):
        super().__init__(world, data, recipe)
        self.table = key_table(self.views, recipe.labelled_keys)
        if int(self.table["keys"].max()) >= world.keys.count or int(self.table["keys"].min()) < 0:
            raise GenieGymError(f"{data.paths[0]} holds keys without a name; record the simulator again.")
        world.keys_to_motion.label_count.add_(len(self.table["keys"]))

    def sample(self, rng: np.random.Generator, batch_size: int) -> Batch:
        rows = torch.from_numpy(rng.integers(len(self.table["keys"]), size=batch_size))
        return {name: values[rows] for name, values in self.table.items()}

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        scales = batch["motion"].new_tensor(OUT_SCALES)
        said = self.world.keys_to_motion(batch["keys"], batch["state"])
        loss = F.smooth_l1_loss(said / scales, batch["motion"] / scales, beta=0.1)
        missed = (said - batch["motion"]).detach().abs().mean(0)
        return loss, {"keys": loss.detach(), "walk_m": missed[:3].mean(), "turn_rad": missed[3:].mean()}


class TaskStage(Genie2Stage):
    """Whether goals are reached, by the rules that the recording has, told of its poses and masks; from what
    perception says of frames."""

    name = "tasks"
    parts = ("task_head",)

    def __init__(self, world: Genie2World, data: VideoDataset, recipe: Genie2Recipe):
        super().__init__(world, data, recipe)
        self.goals = recorded_goals(data, world.config.goals, self.views.instance)
        assert world.task_head is not None  # else the plan leaves this stage out
        world.task_head.label_count.add_(len(self.views.known))
        self.showing = [numbers for numbers in map(np.flatnonzero, self.goals.facing.T) if len(numbers)]
        share = sum(of_task / len(self.showing) / max(1, of_task.sum()) for of_task in self.goals.facing.T)
        self.weights = 1 / (0.5 + 0.5 * share * len(self.views.known))

    def sample(self, rng: np.random.Generator, batch_size: int) -> Batch:
        """Half of the frames are any, half show something to reach, each as often as the others; every other one is
        mirrored, and every other as soft as an imagined one. Each is taken to be larger or smaller than it was, depth and
        distance alike: how far things are in a world follows from the depth that it estimates, and recordings end where the
        goal is reached."""
        shown = [rng.choice(self.showing[n]) for n in rng.integers(len(self.showing), size=batch_size // 2)]
        numbers = np.concatenate([rng.choice(self.views.known, batch_size - len(shown)), np.array(shown, np.int64)])
        frames = as_float(self.views.frames(numbers[:, None], rng.random(batch_size) < 0.5)[:, 0])
        scale = rng.uniform(SCALES[0], SCALES[1], (batch_size, 1)).astype(np.float32)
        inverse_depth = torch.from_numpy(self.views.inverse_depth[numbers] / scale[..., None])
        soft = torch.from_numpy(rng.random(batch_size) < 0.5)
        frames[soft] = F.avg_pool2d(frames[soft], 3, 1, 1, count_include_pad=False)
        mirrored = torch.from_numpy(rng.random(batch_size) < 0.5)
        frames[mirrored], inverse_depth[mirrored] = frames[mirrored].flip(3), inverse_depth[mirrored].flip(2)
        return {
            "frames": frames,
            "inverse_depth": inverse_depth.clamp(SKY, 1 / NEAREST),
            "facing": torch.from_numpy(self.goals.facing[numbers]),
            "distance": torch.from_numpy(self.goals.distance[numbers] * scale),
            "weights": torch.from_numpy(self.weights[numbers].astype(np.float32)),
        }

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        with torch.no_grad():
            shown = self.world.shown_goals(batch["frames"])
        read = self.networks["task_head"](shown, batch["inverse_depth"])
        parts = task_loss(read, batch["facing"], batch["distance"], batch["weights"])
        return parts["total"], {name: value.detach() for name, value in parts.items()}


def depth_picture(inverse_depth: Tensor, marked: Tensor) -> Tensor:
    """uint8 [B, H, W, 3]: near is bright; what is marked is red."""
    near, far = np.log(1 / NEAREST), np.log(SKY)
    level = ((inverse_depth.clamp(SKY, 1 / NEAREST).log() - far) / (near - far) * 255).to(torch.uint8)
    return torch.stack([torch.where(marked, 255, level), level, level], -1)
