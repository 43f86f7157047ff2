"""Genie 1: a world of tokens (Bruce et al. 2024, arXiv:2402.15391). Reset and step, the algorithm from top to bottom.

Legend: B rows, T time, F = T - 1 transitions, N tokens a frame, K codebook size, A latent actions, E latent action
size, S positions a frame, D model, P past frames, C channels, h2 w2 token grid, H W image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from genie_gym.actions import DiscreteActions
from genie_gym.genie1.config import Genie1Config
from genie_gym.genie1.dynamics import DynamicsModel
from genie_gym.genie1.heads import ActionHead, Outcome, OutcomeHead
from genie_gym.genie1.latent_action import LatentActionModel
from genie_gym.models.chunks import in_chunks
from genie_gym.models.row_random import uniform
from genie_gym.models.sampling import sample_frame
from genie_gym.models.tokenizer import CausalVideoTokenizer, as_float, as_uint8
from genie_gym.models.transformer import KVCache
from genie_gym.playable import has_hard_pixels
from genie_gym.world import ACTION_PRIOR, Prediction, Provenance, Start, World, WorldState

OUTCOME_STREAM = 1  # of the rows' random numbers; sampling uses 2 and up


@dataclass(kw_only=True)
class Genie1State(WorldState):
    """What a row remembers: keys and values of the last frames, the decoder's past, and the last frame's tokens."""

    cache: KVCache
    decoder_past: Float[Tensor, "B P C h2 w2"]
    detail: Float[Tensor, "B 3 H W"]
    """What is seen beyond what the tokens say: of the start, where nothing changed since; of drafts, where they stayed."""
    tokens: Int[Tensor, "B N"]
    before: UInt8[Tensor, "B H W 3"]
    """The frame before the last one."""


@dataclass
class Draft:
    """A frame as a latent action would make it of the last two, in pixels (in [0, 1]) and as tokens."""

    frames: Float[Tensor, "B 3 H W"]
    tokens: Int[Tensor, "B N"]


@dataclass
class Reading:
    """What a world reads off real video: tokens, latent actions (codes and indices), and the dynamics' features."""

    tokens: Int[Tensor, "B T N"]
    codes: Float[Tensor, "B F E"]
    actions: Int[Tensor, "B F"]
    features: Float[Tensor, "B T S D"]


class Genie1World(nn.Module, World):
    """Video tokenizer, latent actions and dynamics; small heads for the action prior and for reward and end of episode.

    Actions: `Discrete(A)`, latent actions found without labels. Extras: `action_prior` [B, A], the logits of the latent
    action that is likely next.
    """

    family = "genie1"
    format_version = 2
    actions: DiscreteActions

    def __init__(self, config: Genie1Config):
        super().__init__()
        self.config = config
        tokenizer, dynamics, count = config.tokenizer, config.dynamics, config.latent_actions.num_actions
        self.tokenizer = CausalVideoTokenizer(tokenizer).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.latent_actions = LatentActionModel(config.latent_actions).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.dynamics = DynamicsModel(dynamics, tokenizer.grid, tokenizer.codebook_size, config.latent_actions.code_dim)
        self.action_head = ActionHead(dynamics.model_dim, count)
        self.outcome_head = OutcomeHead(dynamics.model_dim, self.dynamics.positions, config.outcomes)
        self.actions = DiscreteActions(count)
        self.frame_shape = (tokenizer.height, tokenizer.width, 3)
        self.hard_pixels = has_hard_pixels(self.frame_shape)
        self.fps, self.window, self.provenance = config.fps, dynamics.window, Provenance(config.source)
        self.extras = {ACTION_PRIOR: gym.spaces.Box(-np.inf, np.inf, (count,), np.float32)}

    def config_dict(self) -> dict[str, Any]:
        return self.config.to_dict()

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Genie1World:
        return cls(Genie1Config.from_dict(config))

    def parts(self) -> Mapping[str, nn.Module]:
        return dict(self.named_children())

    def set_outcomes(self, outcomes: tuple[Outcome, ...]) -> None:
        """Gives the world a fresh head for these outcomes."""
        self.config = replace(self.config, outcomes=outcomes)
        self.outcome_head = OutcomeHead(self.config.dynamics.model_dim, self.dynamics.positions, outcomes)

    # Play

    @torch.no_grad()
    def reset(self, seed: Int[Tensor, " B"], start: Start | None = None) -> Genie1State:
        """New episodes from the start frames (the world's own where none are given), shown as they are: what the
        tokenizer does not say of them is kept as `detail`, so that nothing changes its look when play begins."""
        start = start or Start()
        self.check_start(start, len(seed))
        seed = seed.to(self.device)
        return in_chunks(self._begin, seed, as_float(self.starts.first_frames(seed, start).to(self.device)))

    def _begin(self, seed: Int[Tensor, " B"], video: Float[Tensor, "B 3 H W"]) -> Genie1State:
        position = torch.zeros_like(seed)
        encoded, _ = self.tokenizer.quantize(video[:, None])
        cache = self.dynamics.initial_cache(len(seed))
        no_action = self.dynamics.no_action.expand(len(seed), -1)
        features = self.dynamics.step(encoded.indices[:, 0], no_action, cache, position)
        rebuilt, decoder_past = self.tokenizer.decode_vectors(encoded.quantized)
        return Genie1State(
            frames=as_uint8(video),
            detail=video - rebuilt[:, 0].clamp(0, 1),
            extras={ACTION_PRIOR: self.action_head(features).float()},
            position=position,
            seed=seed.clone(),
            cache=cache,
            decoder_past=decoder_past,
            tokens=encoded.indices[:, 0],
            before=as_uint8(video),
        )

    @torch.no_grad()
    def step(self, state: WorldState, actions: Tensor) -> tuple[Genie1State, Prediction]:
        """One latent action [B] a row. The cache of the given state is written to: keep a `clone()` to go back."""
        assert isinstance(state, Genie1State)
        position = state.position + 1
        codes = self.latent_actions.codes(actions.to(self.device))
        action = self.dynamics.action_in(codes)
        draft = self._draft(state, codes) if self.config.dynamics.drafts else None
        tokens = self._sample_tokens(state, action, position, draft)
        features = self.dynamics.step(tokens, action, state.cache, position)
        video, decoder_past = self.tokenizer.decode_vectors(self.tokenizer.lookup(tokens)[:, None], state.decoder_past)
        drawn = video[:, 0].clamp(0, 1)
        detail = state.detail * self.tokenizer.to_pixels(tokens == state.tokens)
        if draft is not None:
            stays = self.tokenizer.to_pixels(tokens == draft.tokens)
            detail = torch.lerp(detail, draft.frames - drawn, stays)
        following = Genie1State(
            frames=as_uint8(drawn + detail),
            detail=detail,
            extras={ACTION_PRIOR: self.action_head(features).float()},
            position=position,
            seed=state.seed,
            cache=state.cache,
            decoder_past=decoder_past,
            tokens=tokens,
            before=state.frames,
        )
        outcome = self._draw_outcome(features, state.seed, position)
        return following, Prediction(
            frames=following.frames,
            rewards=self.outcome_head.rewards[outcome],
            terminated=self.outcome_head.ends[outcome],
            extras=following.extras,
        )

    def _draft(self, state: Genie1State, codes: Float[Tensor, "B E"]) -> Draft:
        """The next frame, if it were what the latent action's decoder makes of the last two."""
        before, last = as_float(state.before), as_float(state.frames)
        frames = self.latent_actions.draft(before, last, codes)
        return Draft(frames, self.tokenizer.encode_next(torch.stack([before, last], 1), frames[:, None])[:, 0])

    def _sample_tokens(
        self, state: Genie1State, action: Float[Tensor, "B D"], position: Int[Tensor, " B"], draft: Draft | None
    ) -> Int[Tensor, "B N"]:
        """The next frame's tokens, in a few MaskGIT passes."""
        hints = None if draft is None else draft.tokens
        kept = None if draft is None else self.dynamics.to_patches(torch.stack([state.tokens, draft.tokens], -1))

        def token_logits(drawn: Int[Tensor, "B N"]) -> Float[Tensor, "B N K"]:
            features = self.dynamics.step(self.dynamics.from_patches(drawn), action, state.cache, position, hints)
            return self.dynamics.patch_logits(features, kept)

        count = self.config.tokenizer.tokens_per_frame
        sampling = self.config.sampling
        drawn = sample_frame(token_logits, count, self.dynamics.mask_token, sampling, state.seed, position)
        return self.dynamics.from_patches(drawn)

    def _draw_outcome(self, features: Tensor, seed: Tensor, position: Tensor) -> Int[Tensor, " B"]:
        cumulative = self.outcome_head(features).float().softmax(-1).cumsum(-1)
        noise = uniform(seed, position, OUTCOME_STREAM, 1) * cumulative[:, -1:]
        return torch.searchsorted(cumulative, noise)[:, 0].clamp(max=cumulative.shape[1] - 1)

    # Reading real video

    @torch.no_grad()
    def read(self, frames: UInt8[Tensor, "B T H W 3"]) -> Reading:
        """Tokens, latent actions and features of real video."""
        video = as_float(frames.to(self.device))
        tokens = self.tokenizer.encode(video)[1]
        inferred = self.latent_actions.infer(video)
        return Reading(tokens, inferred.codes, inferred.indices, self.dynamics.features(tokens, inferred.codes))

    @torch.no_grad()
    def encode(self, frames: UInt8[Tensor, "B H W 3"]) -> Int[Tensor, "B N"]:
        """Tokens of single frames, each as the first of its clip."""
        return self.tokenizer.encode(as_float(frames[:, None].to(self.device)))[1][:, 0]

    @torch.no_grad()
    def infer_actions(self, frames: UInt8[Tensor, "B T H W 3"]) -> Int[Tensor, "B F"]:
        return self.latent_actions.infer(as_float(frames.to(self.device))).indices

    @torch.no_grad()
    def rebuild(self, frames: UInt8[Tensor, "B T H W 3"]) -> UInt8[Tensor, "B T H W 3"]:
        return as_uint8(self.tokenizer.decode(self.tokenizer.encode(as_float(frames.to(self.device)))[1]))

    @torch.no_grad()
    def outcome_chances(self, frames: UInt8[Tensor, "B T H W 3"]) -> tuple[Float[Tensor, " B"], Float[Tensor, " B"]]:
        chances = self.outcome_head(self.read(frames).features[:, -1]).float().softmax(-1).double()
        return chances @ (self.outcome_head.rewards != 0).double(), chances @ self.outcome_head.ends.double()
