"""The stages of training a world, in their order: latent actions, tokenizer, dynamics, heads."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from genie_gym.datasets.video import VideoDataset
from genie_gym.evaluation.sheet import control_sheet
from genie_gym.genie1.config import MaskingConfig, ReconstructionConfig
from genie_gym.genie1.heads import Outcome
from genie_gym.genie1.losses import dynamics_loss, latent_action_loss, reconstruction_loss
from genie_gym.genie1.world import Genie1World
from genie_gym.models.tokenizer import as_float, as_uint8
from genie_gym.training.stage import Batch, WorldStage
from genie_gym.visual import grid

MAX_OUTCOMES = 16


class LatentActionStage(WorldStage):
    """What changes from frame to frame, named, on frames alone. The cheapest stage, and the first: a world whose actions do
    nothing is worth no more training."""

    name = "latent_actions"
    parts = ("latent_actions",)

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        parts = latent_action_loss(self.world, as_float(batch["frames"]))
        return parts["reconstruction"], {name: value.detach() for name, value in parts.items()}

    def pictures(self, rng: np.random.Generator) -> np.ndarray:
        """Pairs of frames; the first of them as its code, and then as each of the others, would move it."""
        frames = self.sample(rng, 6)["frames"][:, :3].to(self.world.device)
        video, model = as_float(frames), self.world.latent_actions
        every = [torch.full((len(video),), code, device=video.device) for code in range(self.world.actions.count)]
        chosen = model.infer(video).indices[:, 1]
        drafts = [as_uint8(model.draft(video[:, 0], video[:, 1], model.codes(code))) for code in (chosen, *every)]
        shown = torch.stack([frames[:, 1], frames[:, 2], *drafts], dim=1)
        labels = [f"next: code {int(code)}" for code in chosen]
        return grid(shown.cpu().numpy(), scale=2, labels=labels)


class TokenizerStage(WorldStage):
    """Frames in, frames out."""

    name = "tokenizer"
    parts = ("tokenizer",)

    def __init__(self, world: Genie1World, data: VideoDataset, clip_length: int, weights: ReconstructionConfig):
        super().__init__(world, data, clip_length)
        self.weights = weights

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        parts = reconstruction_loss(self.world.tokenizer, as_float(batch["frames"]), self.weights)
        return parts["reconstruction"], {name: value.detach() for name, value in parts.items()}

    def pictures(self, rng: np.random.Generator) -> np.ndarray:
        frames = self.sample(rng, 6)["frames"].to(self.world.device)
        pairs = torch.stack([frames, self.world.rebuild(frames)], dim=1).flatten(0, 1)
        return grid(pairs.cpu().numpy(), scale=3, labels=["real", "rebuilt"] * 6)


class DynamicsStage(WorldStage):
    """What comes next, given a latent action, on frames alone."""

    name = "dynamics"
    parts = ("dynamics", "action_head")

    def __init__(self, world: Genie1World, data: VideoDataset, clip_length: int, masking: MaskingConfig):
        super().__init__(world, data, clip_length)
        self.masking = masking

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        parts = dynamics_loss(self.world, as_float(batch["frames"]), self.masking)
        return parts["total"], {name: value.detach() for name, value in parts.items()}

    def pictures(self, rng: np.random.Generator) -> np.ndarray:
        length = min(17, int(self.data.lengths.max()))
        return control_sheet(self.world, torch.from_numpy(self.data.sample_clips(rng, 3, length)))


class OutcomeStage(WorldStage):
    """Reward and end of episode, from labelled clips; only a clip's last frame counts.

    Ends of episodes are rare, so they are drawn often and weighted down by as much: the head stays calibrated.
    """

    name = "heads"
    parts = ("outcome_head",)

    def __init__(self, world: Genie1World, data: VideoDataset, clip_length: int):
        super().__init__(world, data, clip_length)
        world.outcome_head.label_count.add_(int((data.lengths - 1).sum()))

    def sample(self, rng: np.random.Generator, batch_size: int) -> Batch:
        windows, weights = self.data.sample_ends(rng, batch_size, self.clip_length, end_share=0.5)
        labels = self.data.clip_labels(windows, self.clip_length)
        return {
            "frames": self.clips(windows),
            "outcome": torch.from_numpy(outcome_index(self.world, labels["rewards"][:, -1], labels["terminated"][:, -1])),
            "weight": torch.from_numpy(weights).float(),
        }

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        features = self.world.read(batch["frames"]).features
        logits = self.world.outcome_head(features[:, 1:]).float()[:, -1]
        loss = (F.cross_entropy(logits, batch["outcome"], reduction="none") * batch["weight"]).mean()
        hits = (logits.argmax(-1) == batch["outcome"]).float().mean()
        return loss, {"outcome": loss.detach(), "accuracy_on_drawn": hits}


def find_outcomes(data: VideoDataset) -> tuple[Outcome, ...]:
    """The distinct (reward, end of episode) pairs of the labels, commonest first, at most `MAX_OUTCOMES`.

    More different rewards than that are rounded to as many quantiles.
    """
    episodes = [data.labels(i) for i in range(len(data))]
    rewards = np.concatenate([rewards for rewards, _ in episodes])
    ends = np.concatenate([terminated for _, terminated in episodes])
    values = np.unique(rewards)
    if len(values) > MAX_OUTCOMES // 2:
        values = np.unique(np.quantile(rewards, np.linspace(0, 1, MAX_OUTCOMES // 2)))
        rewards = values[np.abs(rewards[:, None] - values).argmin(1)]
    pairs, counts = np.unique(np.stack([rewards, ends], 1), axis=0, return_counts=True)
    return tuple(Outcome(float(r), bool(e)) for r, e in pairs[np.argsort(-counts)])


def outcome_index(world: Genie1World, rewards: np.ndarray, terminated: np.ndarray) -> np.ndarray:
    """Which of the world's outcomes each labelled step was: of those with the same ending, the nearest in reward."""
    known = np.array([[o.reward, o.terminated] for o in world.outcome_head.outcomes])
    distance = np.abs(rewards[..., None] - known[:, 0]) + 1e6 * (terminated[..., None] != known[:, 1].astype(bool))
    return distance.argmin(-1)
