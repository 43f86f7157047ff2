"""The networks of a layout: which of many poses a thing has, and how many things of each class a scene has by itself.

Legend: B batch, K poses, F features, C classes, N bins of counts, I what counts depend on.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from genie_gym.places.layout.config import COUNTS, LayoutConfig
from genie_gym.places.layout.features import count_features

BESIDE = 8  # numbers that stand for what stands beside a pose
TOLD = 8  # numbers besides the scene on which counts depend


class PoseNet(nn.Module):
    """Says of each pose how much more often real things have it than poses that were made alike (noise-contrastive
    estimation: Gutmann and Hyvärinen 2010; van den Oord et al. 2018, arXiv:1807.03748)."""

    def __init__(self, config: LayoutConfig):
        super().__init__()
        classes, kinds, scenes = len(config.classes), len(config.kinds), len(config.scenes)
        self.label = nn.Embedding(classes, config.class_width)
        self.scene = nn.Embedding(scenes, config.scene_width)
        self.beside = nn.Embedding(classes + kinds + 1, BESIDE)
        self.enter = nn.Linear(count_features(config) + BESIDE, config.width)
        self.told = nn.Linear(config.class_width + config.scene_width, 2 * config.width)
        self.hidden = nn.Linear(config.width, config.width)
        self.leave = nn.Linear(config.width, 1)
        self.drop = nn.Dropout(0.1)
        self.own = nn.Embedding(classes, config.width)
        for table in (self.label, self.scene, self.beside, self.own):
            nn.init.normal_(table.weight, std=0.1)
        nn.init.zeros_(self.own.weight)
        nn.init.zeros_(self.leave.weight)

    def forward(
        self, seen: Float[Tensor, "B K F"], beside: Int[Tensor, "B K"], label: Int[Tensor, " B"], scene: Int[Tensor, " B"]
    ) -> Float[Tensor, "B K"]:
        about = self.told(torch.cat([self.label(label), self.scene(scene)], -1))[:, None]
        gate, shift = about.chunk(2, -1)
        x = F.silu(self.enter(torch.cat([seen, self.beside(beside)], -1)) * (1 + gate) + shift)
        x = F.silu(self.hidden(self.drop(x)))
        return (x * (self.leave.weight[0] + self.own(label)[:, None])).sum(-1)


class CountNet(nn.Module):
    """Says how many things of each class a scene has of itself."""

    def __init__(self, config: LayoutConfig, width: int = 48):
        super().__init__()
        self.scene = nn.Embedding(len(config.scenes), width)
        self.told = nn.Linear(TOLD, width)
        self.leave = nn.Linear(width, len(config.classes) * len(COUNTS))

    def forward(self, scene: Int[Tensor, " B"], told: Float[Tensor, "B I"]) -> Float[Tensor, "B C N"]:
        x = F.silu(self.scene(scene) + self.told(told))
        return self.leave(x).unflatten(-1, (-1, len(COUNTS)))
