"""The networks of a layout: which of many poses a thing has, how many things of each class a scene has by itself, and which
roads, areas and water there are, as tokens.

Legend: B batch, K poses, F features, C classes, I what counts depend on; N bins of counts or tokens, V vocabulary.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from genie_gym.models.transformer import Block, rotation_of
from genie_gym.places.layout.config import COUNTS, HEADS, LayoutConfig
from genie_gym.places.layout.features import count_features
from genie_gym.places.layout.plan import END, LINES, PlanCoder

BESIDE = 8  # numbers that stand for what stands beside a pose
TOLD = 8  # numbers besides the scene on which counts depend
WAVES = 6  # of a coordinate
NUMBERS = 40  # of a token within its item that are told apart
LIKELIEST = 0.95  # of the probability is drawn from


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


class PlanNet(nn.Module):
    """A causal transformer over the tokens of a ground. It knows each token, its number within its item, and coordinates as
    waves."""

    def __init__(self, coder: PlanCoder, scenes: int, width: int, layers: int, longest: int):
        super().__init__()
        self.coder, self.width, self.longest = coder, width, longest
        self.token = nn.Embedding(coder.tokens, width)
        self.number = nn.Embedding(NUMBERS, width)
        self.scene = nn.Embedding(scenes, width)
        self.wave = nn.Linear(2 * WAVES, width, bias=False)
        self.blocks = nn.ModuleList(Block(width, HEADS) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, coder.tokens)
        for table in (self.token, self.number, self.scene):
            nn.init.normal_(table.weight, std=0.05)

    def _embed(self, tokens: Int[Tensor, "B N"], numbers: Int[Tensor, "B N"], scenes: Int[Tensor, " B"]) -> Tensor:
        """Of the token before each one; the first has none, and is told by `END`."""
        line = (tokens - self.coder.lines).clamp(min=0).float() / (LINES - 1) * 2 - 1
        angles = line[..., None] * torch.pi * 2.0 ** torch.arange(-1, WAVES - 1, device=tokens.device)
        waves = torch.cat([angles.sin(), angles.cos()], -1) * (tokens >= self.coder.lines)[..., None]
        return (
            self.token(tokens) + self.wave(waves) + self.number(numbers.clamp(max=NUMBERS - 1)) + self.scene(scenes)[:, None]
        )

    def forward(
        self, tokens: Int[Tensor, "B N"], numbers: Int[Tensor, "B N"], scenes: Int[Tensor, " B"]
    ) -> Float[Tensor, "B N V"]:
        """What each token may be, knowing those before it. `numbers` are those of the tokens that are asked for."""
        count = tokens.shape[1]
        before = F.pad(tokens[:, :-1], (1, 0), value=END)
        rotation = rotation_of(torch.arange(count, device=tokens.device)[None], self.width // HEADS)[:, None]
        mask = torch.ones(count, count, dtype=torch.bool, device=tokens.device).tril()
        x = self._embed(before, numbers, scenes)
        for block in self.blocks:
            x = block(x, rotation, mask)
        return self.out(self.norm(x))

    def loss(
        self, tokens: Int[Tensor, "B N"], numbers: Int[Tensor, "B N"], told: Bool[Tensor, "B N"], scenes: Int[Tensor, " B"]
    ) -> Float[Tensor, ""]:
        """Nats a token."""
        logits = self(tokens, numbers, scenes)
        return F.cross_entropy(logits[told], tokens[told])

    def draw(self, scene: int, rng: np.random.Generator) -> list[int]:
        """The tokens of a ground, drawn one after the other up to the end; an item that does not fit is left out."""
        cached = CachedPlanNet(self, scene)
        opening = (0, 1 + len(self.coder.looks))
        tokens: list[int] = []
        queue: list[tuple[int, int]] = []
        number = whole = 0
        for position in range(self.longest):
            if queue:
                (low, high), number = queue.pop(0), number + 1
            else:
                (low, high), number, whole = opening, 0, position
            logits = cached.next(tokens[-1] if tokens else END, number)
            token = low + _pick(logits[low:high], rng)
            if token == END:
                break
            tokens.append(token)
            queue += self.coder.following(token, number)
        else:
            whole = len(tokens) if not queue else whole
        return [*tokens[:whole], END]


class CachedPlanNet:
    """`PlanNet` with a cache of keys and values, one token at a time, for one place. In NumPy: calling such small layers of
    torch costs more than they do. A test holds it to `PlanNet.forward`."""

    def __init__(self, net: PlanNet, scene: int):
        self.coder, self.heads = net.coder, HEADS
        self.weights = {name: value.detach().cpu().float().numpy() for name, value in net.state_dict().items()}
        self.scene = self.weights["scene.weight"][scene]
        self.layers = len(net.blocks)
        size = net.width // HEADS
        self.keys, self.values = (np.zeros((self.layers, HEADS, net.longest, size), np.float32) for _ in range(2))
        self.rotation = rotation_of(torch.arange(net.longest)[None], size)[0].numpy()
        self.position = 0

    def next(self, before: int, number: int) -> np.ndarray:
        """What comes after a token, as logits [V]; `number` is the coming one's within its item."""
        weights, position = self.weights, self.position
        x = weights["token.weight"][before] + weights["number.weight"][min(number, NUMBERS - 1)] + self.scene
        if before >= self.coder.lines:
            line = np.float32((before - self.coder.lines) / (LINES - 1) * 2 - 1)
            angles = line * np.pi * 2.0 ** np.arange(-1, WAVES - 1)
            x = x + weights["wave.weight"] @ np.concatenate([np.sin(angles), np.cos(angles)]).astype(np.float32)
        for layer in range(self.layers):
            x = x + self._attended(layer, self._normed(f"blocks.{layer}.norm1", x), position)
            hidden = np.maximum(self._linear(f"blocks.{layer}.expand", self._normed(f"blocks.{layer}.norm2", x)), 0)
            x = x + self._linear(f"blocks.{layer}.contract", hidden * hidden)
        self.position += 1
        return self._linear("out", self._normed("norm", x))

    def _attended(self, layer: int, x: np.ndarray, position: int) -> np.ndarray:
        query, key, value = self._linear(f"blocks.{layer}.attention.qkv", x).reshape(3, self.heads, -1)
        cos, sin = np.split(self.rotation[position], 2)
        self.keys[layer, :, position], self.values[layer, :, position] = _rotated(key, cos, sin), value
        held = self.keys[layer, :, : position + 1]
        scores = (held @ _rotated(query, cos, sin)[:, :, None])[..., 0] / np.sqrt(np.float32(key.shape[-1]))
        shares = np.exp(scores - scores.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
        mixed = (shares[:, None] @ self.values[layer, :, : position + 1])[:, 0]
        return self._linear(f"blocks.{layer}.attention.out", mixed.ravel())

    def _linear(self, name: str, x: np.ndarray) -> np.ndarray:
        return np.asarray(self.weights[f"{name}.weight"] @ x + self.weights[f"{name}.bias"])

    def _normed(self, name: str, x: np.ndarray) -> np.ndarray:
        x = x - x.mean()
        return np.asarray(x / np.sqrt((x * x).mean() + 1e-5) * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"])


def _rotated(x: np.ndarray, cos: np.ndarray, sin: np.ndarray) -> np.ndarray:
    first, second = np.split(x, 2, -1)
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], -1)


def _pick(logits: np.ndarray, rng: np.random.Generator) -> int:
    """One of the likeliest, as likely as it is."""
    chances = np.exp(logits.astype(float) - logits.max())
    order = np.argsort(-chances)
    chances = chances[order] / chances.sum()
    chances[np.cumsum(chances) - chances > LIKELIEST] = 0
    total = np.cumsum(chances)
    return int(order[np.searchsorted(total, rng.random() * total[-1])])
