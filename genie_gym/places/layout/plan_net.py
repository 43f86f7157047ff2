"""The network that draws the ground of a place token by token, for a scene.

Legend: B batch, N tokens, V vocabulary, D model.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from genie_gym.models.transformer import Block, KVCache, rotation_of, run_cached
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

    @torch.no_grad()
    def draw(self, scene: int, given: list[int], rng: np.random.Generator) -> list[int]:
        """A ground that begins with given tokens (without their end), one place at a time."""
        tokens: list[int] = []
        device = self.out.weight.device
        size = self.width // HEADS
        cache = KVCache.empty(len(self.blocks), 1, HEADS, self.longest, 1, size, self.out.weight)
        scenes = torch.tensor([scene], device=device)
        queue: list[tuple[int, int]] = []
        number = 0
        opening = (0, 1 + len(self.coder.looks))
        for position in range(self.longest):
            low, high = queue.pop(0) if queue else opening
            number = number + 1 if (low, high) != opening else 0
            before = torch.tensor([[tokens[-1] if tokens else END]], device=device)
            x = self._embed(before, torch.tensor([[number]], device=device), scenes)
            place = torch.tensor([position], device=device)
            rotation = rotation_of(place[:, None], size)[:, None]
            x = run_cached(self.blocks, x, cache, place, rotation)
            if position < len(given):
                token = given[position]
            else:
                logits = self.out(self.norm(x))[0, 0, low:high].double().cpu().numpy()
                token = low + _pick(logits, rng)
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


def _pick(logits: np.ndarray, rng: np.random.Generator) -> int:
    """One of the likeliest, as likely as it is."""
    chances = np.exp(logits - logits.max())
    order = np.argsort(-chances)
    chances = chances[order] / chances.sum()
    chances[np.cumsum(chances) - chances > LIKELIEST] = 0
    return int(order[np.searchsorted(np.cumsum(chances), rng.random() * chances.sum())])
