"""Dynamics: a transformer that predicts all tokens of the next frame in parallel from past tokens and latent actions.

Every frame is S = P + 1 positions: one for the latent action that led to it, and P patches of `merge` x `merge` tokens.
A position attends to its own frame and to the frames before it inside a window, over all places at once: worlds scroll,
so what a place shows next stood elsewhere before. MaskGIT (Chang et al. 2022; Genie arXiv:2402.15391) fills the masked
next frame in a few passes. Training runs two streams in one sequence: frames as they are (what play has cached) and
the same frames masked, each seeing only the clean past, so that training and cached play compute the same thing.

Legend: B batch, T time, F = T - 1 transitions, N tokens a frame, P patches a frame, S positions a frame, K codebook
size, E latent action size, D model, L layers, R ring slots (frames kept), h heads, d head size.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from genie_gym.errors import GenieGymError

ROTARY_BASE = 100.0  # times in a window differ by a few frames


@dataclass(frozen=True)
class DynamicsConfig:
    codebook_size: int = 8192
    grid: tuple[int, int] = (9, 15)
    merge: int = 1
    """Tokens are taken in `merge` x `merge` patches: four times fewer positions at 2, with as many tokens predicted."""
    action_dim: int = 16
    model_dim: int = 512
    num_layers: int = 6
    num_heads: int = 8
    window: int = 16
    """Frames that a frame attends to, itself included."""

    def __post_init__(self) -> None:
        if self.grid[0] % self.merge or self.grid[1] % self.merge:
            raise GenieGymError(f"merge={self.merge} does not divide the token grid {self.grid}; use 1.")
        if self.model_dim % self.num_heads or self.model_dim % self.merge**2:
            raise GenieGymError(f"model_dim={self.model_dim} must be a multiple of num_heads and of merge squared.")

    @property
    def patches(self) -> int:
        return self.grid[0] * self.grid[1] // self.merge**2

    @property
    def positions(self) -> int:
        return self.patches + 1


@dataclass
class KVCache:
    """Keys and values of the last R frames of each row, in a ring: frame f of a row lies in slot f mod R.

    `keys`, `values`: [L, B, h, R, S, d].
    """

    keys: Tensor
    values: Tensor


class Attention(nn.Module):
    def __init__(self, config: DynamicsConfig):
        super().__init__()
        self.num_heads = config.num_heads
        self.qkv = nn.Linear(config.model_dim, 3 * config.model_dim)
        self.out = nn.Linear(config.model_dim, config.model_dim)

    def project(self, x: Float[Tensor, "B Q D"], rotation: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values [B, h, Q, d], queries and keys turned by their frame's time."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        return rotate(q, rotation), rotate(k, rotation), v

    def attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Float[Tensor, "B Q D"]:
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.out(y.transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, config: DynamicsConfig):
        super().__init__()
        self.norm1 = nn.LayerNorm(config.model_dim)
        self.attention = Attention(config)
        self.norm2 = nn.LayerNorm(config.model_dim)
        self.expand = nn.Linear(config.model_dim, 4 * config.model_dim)
        self.contract = nn.Linear(4 * config.model_dim, config.model_dim)

    def forward(self, x: Tensor, rotation: Tensor, mask: Tensor) -> Tensor:
        x = x + self.attention.attend(*self.attention.project(self.norm1(x), rotation), mask)
        return x + self.feed_forward(x)

    def feed_forward(self, x: Tensor) -> Tensor:
        """Squared ReLU (So et al. 2021): as good as GELU here, and several times cheaper on a CPU."""
        hidden = F.relu(self.expand(self.norm2(x)))
        return self.contract(hidden * hidden)

    def forward_cached(
        self, x: Tensor, rotation: Tensor, mask: Tensor, keys: Tensor, values: Tensor, slot: Tensor
    ) -> Tensor:
        """One frame a row. Writes its keys and values into `slot` of the ring [B, h, R, S, d], then attends to the ring."""
        q, k, v = self.attention.project(self.norm1(x), rotation)
        rows = torch.arange(len(x), device=x.device)
        keys[rows, :, slot], values[rows, :, slot] = k.to(keys.dtype), v.to(values.dtype)
        x = x + self.attention.attend(q, keys.flatten(2, 3).to(q.dtype), values.flatten(2, 3).to(q.dtype), mask)
        return x + self.feed_forward(x)


class DynamicsModel(nn.Module):
    """`forward(video_tokens, latent_actions) -> logits` for every next frame in parallel; `step` is the cached twin.

    Latent action t leads from frame t to frame t+1: it enters with frame t+1 and never touches frame t's prediction.
    """

    def __init__(self, config: DynamicsConfig | None = None):
        super().__init__()
        self.config = config = config or DynamicsConfig()
        width = config.model_dim
        self.mask_token = config.codebook_size
        self.token_embedding = nn.Embedding(config.codebook_size + 1, width // config.merge**2)
        self.patch_in = nn.Linear(width, width)
        self.action_in = nn.Linear(config.action_dim, width)
        self.no_action = nn.Parameter(torch.zeros(width))  # stands before the first frame
        self.place = nn.Parameter(torch.randn(config.positions, width) * 0.02)
        self.blocks = nn.ModuleList([Block(config) for _ in range(config.num_layers)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, config.merge**2 * config.codebook_size)
        self.apply(self._init)

    def _init(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
        if isinstance(module, Block):  # residual branches start small in deep stacks (GPT-2)
            scale = 0.02 / (2 * self.config.num_layers) ** 0.5
            nn.init.normal_(module.attention.out.weight, std=scale)
            nn.init.normal_(module.contract.weight, std=scale)

    # Tokens and positions

    def embed(self, tokens: Int[Tensor, "B T N"], actions: Float[Tensor, "B T D"]) -> Float[Tensor, "B T S D"]:
        """Tokens (`mask_token` where hidden) and embedded actions to positions."""
        height, width = self.config.grid
        merge = self.config.merge
        x = self.token_embedding(tokens.unflatten(2, (height // merge, merge, width // merge, merge)))
        x = self.patch_in(x.transpose(3, 4).flatten(4).flatten(2, 3))  # [B, T, P, D]
        return torch.cat([actions[:, :, None].to(x.dtype), x], dim=2) + self.place

    def embed_actions(self, latent_actions: Float[Tensor, "B F E"]) -> Float[Tensor, "B T D"]:
        """Each frame's leading action; the first frame has none."""
        led = self.action_in(latent_actions)
        return torch.cat([self.no_action.to(led.dtype).expand(len(led), 1, -1), led], dim=1)

    def logits(self, features: Float[Tensor, "B T S D"]) -> Float[Tensor, "B T N K"]:
        """Features to token logits, in the token grid's own order."""
        return self._to_grid(self.patch_logits(features.flatten(0, 1)).unflatten(0, features.shape[:2]))

    def patch_logits(self, features: Float[Tensor, "B S D"]) -> Float[Tensor, "B N K"]:
        """Token logits of one frame in patch order, as they lie in memory: reordering so many would cost a copy."""
        return self.head(features[:, 1:]).unflatten(-1, (self.config.merge**2, -1)).flatten(1, 2)

    def from_patches(self, tokens: Int[Tensor, "B N"]) -> Int[Tensor, "B N"]:
        """Tokens in patch order to the token grid's own order."""
        return self._to_grid(tokens[:, None])[:, 0]

    def _to_grid(self, x: Tensor) -> Tensor:
        """[B, T, N, …] from patch order to the grid's."""
        height, width = self.config.grid
        merge = self.config.merge
        return x.unflatten(2, (height // merge, width // merge, merge, merge)).transpose(3, 4).flatten(2, 5)

    # Whole clips

    def forward(
        self,
        video_tokens: Int[Tensor, "B T N"],
        latent_actions: Float[Tensor, "B F E"],
        hidden: Bool[Tensor, "B F N"] | None = None,
        targets: Int[Tensor, "B F N"] | None = None,
    ) -> tuple[Float[Tensor, "B F N K"], Float[Tensor, "B T S D"]]:
        """Logits of frames 1 … T-1, each from the clean frames before it, its action, and those of its own tokens that
        are not `hidden` (default: all are); and the clean frames' features, which the heads read.

        `targets` gives the tokens that stay visible, where `video_tokens` is a corrupted past.
        """
        steps = video_tokens.shape[1]
        targets = video_tokens[:, 1:] if targets is None else targets
        masked = (
            torch.full_like(targets, self.mask_token) if hidden is None else targets.masked_fill(hidden, self.mask_token)
        )
        actions = self.embed_actions(latent_actions)
        x = torch.cat([self.embed(video_tokens, actions), self.embed(masked, actions[:, 1:])], dim=1)
        times = torch.arange(steps, device=x.device)
        features = self._run(x, torch.cat([times, times[1:]]), self._stream_mask(steps, x.device))
        return self.logits(features[:, steps:]), features[:, :steps]

    def features(
        self, video_tokens: Int[Tensor, "B T N"], latent_actions: Float[Tensor, "B F E"]
    ) -> Float[Tensor, "B T S D"]:
        """The clean frames' features alone."""
        steps = video_tokens.shape[1]
        x = self.embed(video_tokens, self.embed_actions(latent_actions))
        times = torch.arange(steps, device=x.device)
        return self._run(x, times, self._stream_mask(steps, x.device)[:steps, :steps])

    def _run(self, x: Float[Tensor, "B F S D"], times: Int[Tensor, " F"], frame_mask: Bool[Tensor, "F F"]) -> Tensor:
        size = self.config.positions
        mask = frame_mask.repeat_interleave(size, 0).repeat_interleave(size, 1)
        rotation = self._rotation(times[None]).repeat_interleave(size, 1)[:, None].to(x.dtype)
        y = x.flatten(1, 2)
        for block in self.blocks:
            y = block(y, rotation, mask)
        return self.norm(y).unflatten(1, x.shape[1:3])

    def _stream_mask(self, steps: int, device: torch.device) -> Bool[Tensor, "F F"]:
        """Which frames see which: T clean frames, then frames 1 … T-1 masked."""
        times = torch.arange(steps, device=device)
        age = times[:, None] - times[None]
        clean = (age >= 0) & (age < self.config.window)
        past = (age > 0) & (age < self.config.window)
        nothing = torch.zeros(steps, steps - 1, dtype=torch.bool, device=device)
        itself = torch.eye(steps - 1, dtype=torch.bool, device=device)
        return torch.cat([torch.cat([clean, nothing], 1), torch.cat([past[1:], itself], 1)])

    def _rotation(self, times: Int[Tensor, "B F"]) -> Float[Tensor, "B F d"]:
        """cos and sin of each time at d/2 frequencies (RoPE, Su et al. 2021), in float64 until episodes' ends."""
        half = self.config.model_dim // self.config.num_heads // 2
        frequencies = ROTARY_BASE ** -(torch.arange(half, device=times.device, dtype=torch.float64) / half)
        angles = times[..., None].double() * frequencies
        return torch.cat([angles.cos(), angles.sin()], dim=-1).float()

    # One frame at a time

    def initial_cache(self, batch: int) -> KVCache:
        config = self.config
        shape = (
            config.num_layers,
            batch,
            config.num_heads,
            config.window,
            config.positions,
            config.model_dim // config.num_heads,
        )
        weight = self.place
        kind = weight.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else weight.dtype
        return KVCache(weight.new_zeros(shape, dtype=dtype), weight.new_zeros(shape, dtype=dtype))

    def step(
        self,
        tokens: Int[Tensor, "B N"],
        actions: Float[Tensor, "B D"],
        cache: KVCache,
        position: Int[Tensor, " B"],
    ) -> Float[Tensor, "B S D"]:
        """Features of one frame a row, frame number `position`, given the rows' caches.

        The frame's keys and values are written into the ring, in place; a later call for the same position (the next
        MaskGIT pass, at last the finished frame) overwrites them.
        """
        slots = self.config.window
        x = self.embed(tokens[:, None], actions[:, None])[:, 0]
        rotation = self._rotation(position[:, None])[:, None].to(x.dtype)
        held = torch.arange(slots, device=x.device) <= position[:, None]
        mask = held.repeat_interleave(self.config.positions, dim=1)[:, None, None]
        slot = position % slots
        for layer, block in enumerate(self.blocks):
            assert isinstance(block, Block)
            x = block.forward_cached(x, rotation, mask, cache.keys[layer], cache.values[layer], slot)
        return self.norm(x)


def rotate(x: Float[Tensor, "B h Q d"], rotation: Float[Tensor, "#B 1 #Q d"]) -> Float[Tensor, "B h Q d"]:
    """Turns pairs (i, i + d/2) of x by the angles whose cos and sin `rotation` holds."""
    cos, sin = rotation.chunk(2, dim=-1)
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1).to(x.dtype)
