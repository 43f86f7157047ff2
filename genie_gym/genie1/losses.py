"""What each part of a world is trained on. Genie's loss is `reconstruction + dynamics + 0.1 · action`; since no gradient of
one part reaches another's networks (with it, codes told less of the motion), each is trained by itself, in its own stage.

Legend: B batch, T time, F = T - 1 transitions, N tokens a frame, H W image.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from genie_gym.genie1.config import MaskingConfig, ReconstructionConfig
from genie_gym.genie1.world import Genie1World
from genie_gym.models.tokenizer import CausalVideoTokenizer

HARD_PATCHES = 1 / 16  # the share of patches that count as hard: a coin, an enemy, the figure


def reconstruction_loss(
    tokenizer: CausalVideoTokenizer, video: Float[Tensor, "B T 3 H W"], weights: ReconstructionConfig
) -> dict[str, Tensor]:
    """Tokenizer loss on frames in [0, 1], in parts: squared and absolute error, that of the worst patches, and the
    quantiser's commitment."""
    encoded, _ = tokenizer.quantize(video)
    rebuilt, _ = tokenizer.decode_vectors(encoded.quantized)
    difference = 2 * (rebuilt.float() - video)
    squared = difference.square()
    size = tokenizer.config.patch_size
    patches = F.avg_pool2d(squared.flatten(0, 1).mean(1, keepdim=True), size, ceil_mode=True).flatten()
    hard = patches.topk(max(1, int(len(patches) * HARD_PATCHES))).values.mean()
    mse = squared.mean()
    total = weights.squared * mse + weights.absolute * difference.abs().mean() + weights.hard * hard + encoded.loss
    counts = torch.bincount(encoded.indices.flatten(), minlength=tokenizer.config.codebook_size)
    return {
        "reconstruction": total,
        "psnr": -10 * torch.log10(mse.detach() / 4),
        "hard_patches": hard.detach(),
        "codes_used": (counts > 0).float().mean(),
    }


def latent_action_loss(world: Genie1World, video: Float[Tensor, "B T 3 H W"]) -> dict[str, Tensor]:
    """Latent actions on frames in [0, 1]. `reconstruction` is their decoder's squared error on the next frame, as a share of
    the error of copying the last frame; with the quantiser's commitment."""
    actions = world.latent_actions.infer(video)
    rebuilt = world.latent_actions.predict(video, actions.codes).float()
    error = F.mse_loss(rebuilt, video[:, 1:])
    still = F.mse_loss(video[:, :-1], video[:, 1:]).clamp_min(1e-4)
    counts = torch.bincount(actions.indices.flatten(), minlength=world.actions.count).float()
    return {
        "reconstruction": error / still + actions.loss,
        "latent_action_psnr_gain": 10 * torch.log10(still / error.detach()),
        "code_perplexity": torch.special.entr(counts / counts.sum()).sum().exp(),
    }


def dynamics_loss(world: Genie1World, video: Float[Tensor, "B T 3 H W"], masking: MaskingConfig) -> dict[str, Tensor]:
    """Dynamics on frames in [0, 1]: `total = dynamics + 0.1 · action`. Tokenizer and latent actions are fixed here.

    - dynamics: cross-entropy of the hidden tokens of each next frame.
    - action: cross-entropy of the action head's guess, from a frame's features, of the action that follows it.
    """
    with torch.no_grad():
        tokens = world.tokenizer.encode(video)[1]
        actions = world.latent_actions.infer(video)
        drafts = None
        if world.config.dynamics.drafts:
            drafts = world.tokenizer.encode_next(video[:, :-1], world.latent_actions.drafts(video, actions.codes))
    hidden = mask_targets(tokens[:, 1:], masking)
    past, drafts = corrupt(tokens, drafts, world.config.tokenizer.codebook_size, masking)
    logits, features = world.dynamics(past, actions.codes, hidden, tokens[:, 1:], drafts)
    # Weighted, not picked out: how many are hidden is not known before, and a GPU would wait for the count.
    surprise = F.cross_entropy(logits.flatten(0, 2).float(), tokens[:, 1:].flatten(), reduction="none").view_as(hidden)
    dynamics = (surprise * hidden).sum() / hidden.sum()
    guess = world.action_head(features[:, :-1]).float()
    action = F.cross_entropy(guess.flatten(0, 1), actions.indices.flatten())
    return {
        "total": dynamics + 0.1 * action,
        "dynamics": dynamics,
        "action": action,
        "token_accuracy": ((logits.argmax(-1) == tokens[:, 1:]) & hidden).sum() / hidden.sum(),
    }


def mask_targets(targets: Int[Tensor, "B F N"], masking: MaskingConfig) -> Bool[Tensor, "B F N"]:
    """Which tokens to hide: a rate for each frame of each clip."""
    shape = targets.shape[:2]
    rate = 0.5 + 0.5 * torch.rand(shape, device=targets.device)
    whole = torch.rand(shape[0], 1, device=targets.device) < masking.full_mask_share
    return torch.rand(targets.shape, device=targets.device) < torch.where(whole, 2.0, rate)[..., None]


def corrupt(
    tokens: Int[Tensor, "B T N"], drafts: Int[Tensor, "B F N"] | None, codebook_size: int, masking: MaskingConfig
) -> tuple[Int[Tensor, "B T N"], Int[Tensor, "B F N"] | None]:
    """Some clips with some tokens, and as many of their drafts', replaced by random ones; the others clean."""
    batch, device = len(tokens), tokens.device
    touched = torch.rand(batch, 1, 1, device=device) < masking.corrupt_share
    rate = torch.rand(batch, 1, 1, device=device) * masking.corrupt_rate

    def corrupted(clean: Tensor) -> Tensor:
        replaced = (torch.rand(clean.shape, device=device) < rate) & touched
        return torch.where(replaced, torch.randint_like(clean, codebook_size), clean)

    return corrupted(tokens), None if drafts is None else corrupted(drafts)
