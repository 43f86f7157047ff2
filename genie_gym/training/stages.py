"""The stages of training a world, in their order: tokenizer, latent actions with dynamics, heads."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genie_gym.datasets.video import VideoDataset
from genie_gym.evaluation.sheet import control_sheet
from genie_gym.models.dynamics import Block
from genie_gym.models.heads import Outcome
from genie_gym.models.tokenizer import as_float, as_uint8
from genie_gym.training.losses import MaskingConfig, ReconstructionConfig, genie_loss, outcome_logits, reconstruction_loss
from genie_gym.training.trainer import Batch, Stage
from genie_gym.visual import grid
from genie_gym.world_model import WorldModel

MAX_OUTCOMES = 16


_RESIDENT: weakref.WeakKeyDictionary[VideoDataset, Tensor] = weakref.WeakKeyDictionary()


def resident_frames(data: VideoDataset, device: torch.device) -> Tensor | None:
    """All frames of `data` in the GPU's own memory, where they take less than half of what is free: drawing a batch is
    then one gather, and no step waits for the CPU. None elsewhere."""
    if device.type != "cuda" or data.flat is None:
        return None
    if data not in _RESIDENT and data.flat.nbytes < torch.cuda.mem_get_info(device)[0] / 2:
        _RESIDENT[data] = torch.from_numpy(data.flat).to(device)
    return _RESIDENT.get(data)


class WorldStage(Stage):
    """A stage that trains `parts` of a world; the rest is frozen, and in evaluation mode (quantisers learn in `train`)."""

    parts: tuple[str, ...]

    def __init__(self, world: WorldModel, data: VideoDataset, clip_length: int):
        super().__init__()
        self.world, self.data, self.clip_length = world, data, clip_length
        self.resident: Tensor | None = None
        for name, parameter in world.named_parameters():
            parameter.requires_grad_(name.split(".")[0] in self.parts)

    def train(self, mode: bool = True) -> WorldStage:
        super().train(mode)
        for name, part in self.world.named_children():
            part.train(mode and name in self.parts)
        return self

    def checkpoint(self) -> dict[str, Any]:
        return {part: getattr(self.world, part).state_dict() for part in self.parts}

    def restore(self, saved: dict[str, Any]) -> None:
        for part in self.parts:
            getattr(self.world, part).load_state_dict(saved[part])

    def repeated_blocks(self) -> list[nn.Module]:
        modules = [module for part in self.parts for module in getattr(self.world, part).modules()]
        return [module for module in modules if isinstance(module, Block)]  # convolutions ran slower compiled (H100)

    def settle(self, device: torch.device) -> None:
        super().settle(device)
        self.resident = resident_frames(self.data, device)

    def clips(self, windows: list[tuple[int, int]]) -> Tensor:
        """Frames uint8 [B, T, H, W, 3] of these windows of the data."""
        if self.resident is None:
            return torch.from_numpy(self.data.clips(windows, self.clip_length))
        first = torch.tensor([self.data.offsets[e] + s for e, s in windows])
        return self.resident[(first[:, None] + torch.arange(self.clip_length)).to(self.resident.device)]

    def sample(self, rng: np.random.Generator, batch_size: int) -> Batch:
        return {"frames": self.clips(self.data.sample_windows(rng, batch_size, self.clip_length))}


class TokenizerStage(WorldStage):
    """Frames in, frames out."""

    name = "tokenizer"
    parts = ("tokenizer",)

    def __init__(self, world: WorldModel, data: VideoDataset, clip_length: int, weights: ReconstructionConfig):
        super().__init__(world, data, clip_length)
        self.weights = weights

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        parts = reconstruction_loss(self.world.tokenizer, as_float(batch["frames"]), self.weights)
        return parts["reconstruction"], {name: value.detach() for name, value in parts.items()}

    def pictures(self, rng: np.random.Generator) -> np.ndarray:
        frames = self.sample(rng, 6)["frames"].to(self.world.device)
        _, indices = self.world.tokenizer.encode(as_float(frames))
        rebuilt = as_uint8(self.world.tokenizer.decode(indices))
        pairs = torch.stack([frames, rebuilt], dim=1).flatten(0, 1)
        return grid(pairs.cpu().numpy(), scale=3, labels=["real", "rebuilt"] * 6)


class DynamicsStage(WorldStage):
    """Latent actions and dynamics, together, on frames alone."""

    name = "dynamics"
    parts = ("latent_actions", "dynamics", "action_head")

    def __init__(self, world: WorldModel, data: VideoDataset, clip_length: int, masking: MaskingConfig):
        super().__init__(world, data, clip_length)
        self.masking = masking

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        parts = genie_loss(self.world, as_float(batch["frames"]), self.masking)
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

    def __init__(self, world: WorldModel, data: VideoDataset, clip_length: int):
        super().__init__(world, data, clip_length)
        world.outcome_head.label_count.fill_(int((data.lengths - 1).sum()))

    def sample(self, rng: np.random.Generator, batch_size: int) -> Batch:
        windows, weights = self.data.sample_ends(rng, batch_size, self.clip_length, end_share=0.5)
        labels = self.data.clip_labels(windows, self.clip_length)
        return {
            "frames": self.clips(windows),
            "outcome": torch.from_numpy(outcome_index(self.world, labels["rewards"][:, -1], labels["terminated"][:, -1])),
            "weight": torch.from_numpy(weights).float(),
        }

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        with torch.no_grad():
            tokens, actions = self._read(batch["frames"])
        logits = outcome_logits(self.world, tokens, actions)[:, -1]
        loss = (F.cross_entropy(logits, batch["outcome"], reduction="none") * batch["weight"]).mean()
        hits = (logits.argmax(-1) == batch["outcome"]).float().mean()
        return loss, {"outcome": loss.detach(), "accuracy_on_drawn": hits}

    def _read(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        video = as_float(frames)
        return self.world.tokenizer.encode(video)[1], self.world.latent_actions.infer(video).codes


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


def outcome_index(world: WorldModel, rewards: np.ndarray, terminated: np.ndarray) -> np.ndarray:
    """Which of the world's outcomes each labelled step was: of those with the same ending, the nearest in reward."""
    known = np.array([[o.reward, o.terminated] for o in world.outcome_head.outcomes])
    distance = np.abs(rewards[..., None] - known[:, 0]) + 1e6 * (terminated[..., None] != known[:, 1].astype(bool))
    return distance.argmin(-1)
