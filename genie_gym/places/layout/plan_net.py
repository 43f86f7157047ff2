"""The network that draws the ground of a place token by token, for a scene.

Legend: B batch, N tokens, V vocabulary, D model.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from genie_gym.models.transformer import Block, rotation_of
from genie_gym.places.layout.plan import END, LINES, PlanCoder

HEADS, WAVES = 4, 6
NUMBERS = 40  # of a token within its item that are told apart
LIKELIEST = 0.95  # of the probability is drawn from


class PlanNet(nn.Module):
    """Knows each token, how far along its item it is, and coordinates as waves."""

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

    def draw(self, scene: int, given: list[int], rng: np.random.Generator) -> list[int]:
        """A ground that begins with given tokens (without their end), one place at a time."""
        speller = _Speller(self, scene)
        tokens: list[int] = []
        queue: list[tuple[int, int]] = []
        number = 0
        opening = (0, 1 + len(self.coder.looks))
        for position in range(self.longest):
            low, high = queue.pop(0) if queue else opening
            number = number + 1 if (low, high) != opening else 0
            logits = speller.next(tokens[-1] if tokens else END, number)
            token = given[position] if position < len(given) else low + _pick(logits[low:high], rng)
            tokens.append(token)
            queue += self.coder.following(token, number)
            if token == END and number == 0:
                break
        return tokens if tokens[-1] == END else self._whole(tokens)

    def _whole(self, tokens: list[int]) -> list[int]:
        """Without the item that was cut off."""
        numbers = [number for _, _, number in self.coder.expected(tokens)]
        last = max(k for k, number in enumerate(numbers[:-1]) if number == 0)
        return [*tokens[:last], END]


class _Speller:
    """The network one token at a time, for one place, in NumPy: its layers are so small that calling them costs more than
    they do. Says the same as `PlanNet.forward` (a test holds it to that)."""

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
    return int(order[np.searchsorted(np.cumsum(chances), rng.random() * chances.sum())])
