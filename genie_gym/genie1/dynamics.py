"""Dynamics: a transformer that predicts all tokens of the next frame in parallel from past tokens and latent actions.

Every frame is S = P + 1 positions: one for the latent action that led to it, and P patches of `merge` x `merge` tokens.
A position attends to its own frame and to the frames before it inside a window, over all places at once: worlds scroll,
so what a place shows next stood elsewhere before. MaskGIT (Chang et al. 2022; Genie arXiv:2402.15391) fills the masked
next frame in a few passes. Training runs two streams in one sequence: frames as they are (what play has cached) and
the same frames masked, each seeing only the clean past, so that training and cached play compute the same thing.

Legend: B batch, T time, F = T - 1 transitions, N tokens a frame, P patches a frame, S positions a frame, K codebook
size, E latent action size, D model, d head size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from genie_gym.errors import GenieGymError
from genie_gym.models.transformer import Block, KVCache, rotation_of, run_cached, run_frames

KEPT = 2  # tokens that a place may simply keep: the last frame's and the draft's


@dataclass(frozen=True)
class DynamicsConfig:
    """Size of the dynamics model. What it shares with the tokenizer and the latent actions is theirs to say."""

    merge: int = 1
    """Tokens are taken in `merge` x `merge` patches: four times fewer positions at 2, with as many tokens predicted."""
    model_dim: int = 512
    num_layers: int = 6
    num_heads: int = 8
    window: int = 16
    """Frames that a frame attends to, itself included."""
    drafts: bool = False
    """Whether the next frame is told from a draft of it: the last frame, moved as the latent action says (its decoder's
    warp), as tokens. The model then says where the draft, or what stood there before, stays; only the rest it imagines."""

    def __post_init__(self) -> None:
        if self.model_dim % self.num_heads or self.model_dim % self.merge**2:
            raise GenieGymError(f"model_dim={self.model_dim} must be a multiple of num_heads and of merge squared.")


class DynamicsModel(nn.Module):
    """`forward(video_tokens, latent_actions) -> logits` for every next frame in parallel; `step` is the cached twin.

    Latent action t leads from frame t to frame t+1: it enters with frame t+1 and never touches frame t's prediction.
    """

    def __init__(self, config: DynamicsConfig, grid: tuple[int, int], codebook_size: int, action_dim: int):
        super().__init__()
        height, width = grid
        if height % config.merge or width % config.merge:
            raise GenieGymError(f"merge={config.merge} does not divide the token grid {grid}; use 1.")
        self.config, self.grid, self.codebook_size = config, grid, codebook_size
        self.positions = height * width // config.merge**2 + 1
        dim = config.model_dim
        self.mask_token = codebook_size
        self.token_embedding = nn.Embedding(codebook_size + 1, dim // config.merge**2)
        self.patch_in = nn.Linear(dim, dim)
        self.action_in = nn.Linear(action_dim, dim)
        self.no_action = nn.Parameter(torch.zeros(dim))  # stands before the first frame
        self.position_embedding = nn.Parameter(torch.randn(self.positions, dim) * 0.02)
        self.blocks = nn.ModuleList([Block(dim, config.num_heads) for _ in range(config.num_layers)])
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, config.merge**2 * codebook_size)
        if config.drafts:
            self.draft_scale = nn.Parameter(torch.randn(dim // config.merge**2))  # random: a draft is no visible token
            self.keep = nn.Linear(dim, config.merge**2 * KEPT)
        self.apply(self._init)
        if config.drafts:  # before it learned anything: where draft and last frame agree, as likely as all else together
            nn.init.constant_(self.keep.bias, math.log(codebook_size) / KEPT)

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

    def embed(
        self, tokens: Int[Tensor, "B T N"], actions: Float[Tensor, "B T D"], drafts: Int[Tensor, "B T N"] | None = None
    ) -> Float[Tensor, "B T S D"]:
        """Tokens (`mask_token` where hidden), with those of the frame's draft, and embedded actions to positions."""
        height, width = self.grid
        merge = self.config.merge
        x = self.token_embedding(tokens)
        if drafts is not None:
            x = x + self.draft_scale * self.token_embedding(drafts)
        x = x.unflatten(2, (height // merge, merge, width // merge, merge))
        x = self.patch_in(x.transpose(3, 4).flatten(4).flatten(2, 3))  # [B, T, P, D]
        return torch.cat([actions[:, :, None].to(x.dtype), x], dim=2) + self.position_embedding

    def embed_actions(self, latent_actions: Float[Tensor, "B F E"]) -> Float[Tensor, "B T D"]:
        """The action that led to each frame; none led to the first."""
        embedded = self.action_in(latent_actions)
        return torch.cat([self.no_action.to(embedded.dtype).expand(len(embedded), 1, -1), embedded], dim=1)

    def patch_logits(
        self, features: Float[Tensor, "B S D"], kept: Int[Tensor, "B N 2"] | None = None
    ) -> Float[Tensor, "B N K"]:
        """Token logits of one frame in patch order, as they lie in memory: reordering so many would cost a copy.

        `kept` are the tokens that places may keep, in patch order too: their logits are raised as the features say.
        """
        merged = self.config.merge**2
        logits = self.head(features[:, 1:]).unflatten(-1, (merged, -1)).flatten(1, 2)
        if kept is not None:
            raised = self.keep(features[:, 1:]).unflatten(-1, (merged, KEPT)).flatten(1, 2)
            for k in range(KEPT):  # one after the other: both may raise the same token, and sums must not depend on chance
                logits.scatter_add_(-1, kept[..., k : k + 1], raised[..., k : k + 1].to(logits.dtype))
        return logits

    def to_patches(self, tokens: Int[Tensor, "B N *rest"]) -> Int[Tensor, "B N *rest"]:
        """From the token grid's own order to that of patches."""
        height, width = self.grid
        merge = self.config.merge
        return tokens.unflatten(1, (height // merge, merge, width // merge, merge)).transpose(2, 3).flatten(1, 4)

    def from_patches(self, tokens: Int[Tensor, "B N"]) -> Int[Tensor, "B N"]:
        """From patch order to the token grid's own order."""
        return self._to_grid(tokens[:, None])[:, 0]

    def _to_grid(self, x: Tensor) -> Tensor:
        """[B, T, N, …] from patch order to the grid's."""
        height, width = self.grid
        merge = self.config.merge
        return x.unflatten(2, (height // merge, width // merge, merge, merge)).transpose(3, 4).flatten(2, 5)

    # Whole clips

    def forward(
        self,
        video_tokens: Int[Tensor, "B T N"],
        latent_actions: Float[Tensor, "B F E"],
        hidden: Bool[Tensor, "B F N"] | None = None,
        targets: Int[Tensor, "B F N"] | None = None,
        drafts: Int[Tensor, "B F N"] | None = None,
    ) -> tuple[Float[Tensor, "B F N K"], Float[Tensor, "B T S D"]]:
        """Logits of frames 1 … T-1, each from the clean frames before it, its action, and those of its own tokens that
        are not `hidden` (default: all are); and the clean frames' features, which the heads read.

        `targets` gives the tokens that stay visible, where `video_tokens` is a corrupted past; `drafts`, the drafts of
        frames 1 … T-1, where the model works from drafts.
        """
        steps = video_tokens.shape[1]
        targets = video_tokens[:, 1:] if targets is None else targets
        masked = (
            torch.full_like(targets, self.mask_token) if hidden is None else targets.masked_fill(hidden, self.mask_token)
        )
        actions = self.embed_actions(latent_actions)
        x = torch.cat([self.embed(video_tokens, actions), self.embed(masked, actions[:, 1:], drafts)], dim=1)
        times = torch.arange(steps, device=x.device)
        features = self._run(x, torch.cat([times, times[1:]]), self._stream_mask(steps, x.device))
        kept = None if drafts is None else self.to_patches(torch.stack([video_tokens[:, :-1], drafts], -1).flatten(0, 1))
        logits = self.patch_logits(features[:, steps:].flatten(0, 1), kept).unflatten(0, targets.shape[:2])
        return self._to_grid(logits), features[:, :steps]

    def features(
        self, video_tokens: Int[Tensor, "B T N"], latent_actions: Float[Tensor, "B F E"]
    ) -> Float[Tensor, "B T S D"]:
        """The clean frames' features alone."""
        steps = video_tokens.shape[1]
        x = self.embed(video_tokens, self.embed_actions(latent_actions))
        times = torch.arange(steps, device=x.device)
        return self._run(x, times, self._stream_mask(steps, x.device)[:steps, :steps])

    def _run(self, x: Float[Tensor, "B T S D"], times: Int[Tensor, " T"], frame_mask: Bool[Tensor, "T T"]) -> Tensor:
        return self.norm(run_frames(self.blocks, x, frame_mask, self._rotation(times[None])))

    def _rotation(self, times: Int[Tensor, "B T"]) -> Float[Tensor, "B T d"]:
        return rotation_of(times, self.config.model_dim // self.config.num_heads)

    def _stream_mask(self, steps: int, device: torch.device) -> Bool[Tensor, "F F"]:
        """Which frames see which: T clean frames, then frames 1 … T-1 masked."""
        times = torch.arange(steps, device=device)
        age = times[:, None] - times[None]
        clean = (age >= 0) & (age < self.config.window)
        past = (age > 0) & (age < self.config.window)
        nothing = torch.zeros(steps, steps - 1, dtype=torch.bool, device=device)
        itself = torch.eye(steps - 1, dtype=torch.bool, device=device)
        return torch.cat([torch.cat([clean, nothing], 1), torch.cat([past[1:], itself], 1)])

    # One frame at a time

    def initial_cache(self, batch: int) -> KVCache:
        config = self.config
        size = config.model_dim // config.num_heads
        return KVCache.empty(
            config.num_layers, batch, config.num_heads, config.window, self.positions, size, like=self.position_embedding
        )

    def step(
        self,
        tokens: Int[Tensor, "B N"],
        actions: Float[Tensor, "B D"],
        cache: KVCache,
        position: Int[Tensor, " B"],
        draft: Int[Tensor, "B N"] | None = None,
    ) -> Float[Tensor, "B S D"]:
        """Features of one frame a row, frame number `position`, given the rows' caches and, while the frame is being drawn,
        its draft.

        The cache is written to: each MaskGIT pass overwrites what the one before wrote for this frame, the finished
        frame comes last.
        """
        x = self.embed(tokens[:, None], actions[:, None], None if draft is None else draft[:, None])[:, 0]
        rotation = self._rotation(position[:, None])[:, None].to(x.dtype)
        return self.norm(run_cached(self.blocks, x, cache, position, rotation))
