"""What training minimises, computed a second time from its parts."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from genie_gym.datasets.video import VideoDataset
from genie_gym.genie1.config import MaskingConfig, ReconstructionConfig
from genie_gym.genie1.losses import corrupt, dynamics_loss, latent_action_loss, mask_targets, reconstruction_loss
from genie_gym.genie1.world import Genie1World
from genie_gym.models.tokenizer import as_float

PLAIN = MaskingConfig(full_mask_share=0.0, corrupt_share=0.0)


@pytest.fixture(scope="module")
def video(video_path) -> torch.Tensor:
    data = VideoDataset(video_path)
    return as_float(torch.from_numpy(data.sample_clips(np.random.default_rng(0), 3, 5)))


def drafts_of(world: Genie1World, video: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
    """The tokens that each frame would have, were it as the latent action's decoder draws it: one after the other."""
    drafts = []
    for t in range(video.shape[1] - 1):
        drawn = world.latent_actions.predict(video[:, : t + 2], codes[:, : t + 1])[:, -1:].clamp(0, 1)
        drafts.append(world.tokenizer.encode(torch.cat([video[:, : t + 1], drawn], 1))[1][:, -1])
    return torch.stack(drafts, 1)


@torch.no_grad()
def test_only_hidden_tokens_count(debug_world, video):
    torch.manual_seed(0)
    parts = dynamics_loss(debug_world, video, PLAIN)
    tokens, codes = debug_world.tokenizer.encode(video)[1], debug_world.latent_actions.infer(video).codes
    torch.manual_seed(0)
    hidden = mask_targets(tokens[:, 1:], PLAIN)
    assert 0.5 < float(hidden.float().mean()) < 0.95
    drafts = drafts_of(debug_world, video, codes)
    logits, true = debug_world.dynamics(tokens, codes, hidden, drafts=drafts)[0][hidden], tokens[:, 1:][hidden]
    assert torch.allclose(parts["dynamics"], F.cross_entropy(logits, true), rtol=1e-4)
    assert torch.allclose(parts["token_accuracy"], (logits.argmax(-1) == true).float().mean())


@torch.no_grad()
def test_the_action_is_guessed_from_the_frame_before_it(debug_world, video):
    parts = dynamics_loss(debug_world, video, PLAIN)
    tokens, actions = debug_world.tokenizer.encode(video)[1], debug_world.latent_actions.infer(video)
    features = debug_world.dynamics.features(tokens, actions.codes)
    guess = debug_world.action_head(features[:, :-1]).flatten(0, 1)
    assert torch.allclose(parts["action"], F.cross_entropy(guess, actions.indices.flatten()), rtol=1e-4)


@torch.no_grad()
def test_latent_actions_are_judged_against_copying_the_last_frame(debug_world, video):
    world = copy.deepcopy(debug_world).train()
    torch.manual_seed(0)
    actions = copy.deepcopy(world).latent_actions.infer(video)
    rebuilt = debug_world.latent_actions.predict(video, actions.codes)
    torch.manual_seed(0)
    parts = latent_action_loss(world, video)
    share = F.mse_loss(rebuilt, video[:, 1:]) / F.mse_loss(video[:, :-1], video[:, 1:])
    assert float(actions.loss) > 0
    assert torch.allclose(parts["reconstruction"], share + actions.loss, rtol=1e-3)


@torch.no_grad()
def test_a_corrupted_past_leaves_the_targets_as_they_are(debug_world, video):
    given = []
    handle = debug_world.dynamics.register_forward_pre_hook(lambda module, args: given.extend(args))
    dynamics_loss(debug_world, video, MaskingConfig(full_mask_share=0.0, corrupt_share=1.0, corrupt_rate=1.0))
    handle.remove()
    past, _, hidden, targets, drafts = given
    tokens = debug_world.tokenizer.encode(video)[1]
    assert not torch.equal(past, tokens)
    assert not torch.equal(drafts, drafts_of(debug_world, video, debug_world.latent_actions.infer(video).codes))
    assert torch.equal(targets, tokens[:, 1:])
    assert not hidden.all()


def test_masks_and_corruption_by_their_extremes():
    torch.manual_seed(0)
    tokens = torch.zeros(200, 5, 64, dtype=torch.int64)
    assert mask_targets(tokens, MaskingConfig(full_mask_share=1.0)).all()
    rates = mask_targets(tokens, PLAIN).float().mean(2)
    assert abs(float(rates.mean()) - 0.75) < 0.02  # U(0.5, 1), for each frame anew
    assert float(rates.std(1).mean()) > 0.1
    assert torch.equal(corrupt(tokens, None, 1000, PLAIN)[0], tokens)
    often = MaskingConfig(corrupt_share=1.0, corrupt_rate=0.4)
    changed = (corrupt(tokens, None, 1000, often)[0] != 0).float().mean((1, 2))
    assert abs(float(changed.mean()) - 0.2) < 0.02
    assert float(changed.max()) < 0.5


@torch.no_grad()
def test_the_tokenizers_loss_weighs_its_parts(debug_world, video):
    tokenizer = debug_world.tokenizer
    rebuilt = tokenizer.decode_vectors(tokenizer.encode(video)[0])[0]
    error = rebuilt - video
    squared = reconstruction_loss(tokenizer, video, ReconstructionConfig(squared=1.0, absolute=0.0, hard=0.0))
    assert torch.allclose(squared["reconstruction"], 4 * error.square().mean(), rtol=1e-4)
    assert torch.allclose(squared["psnr"], -10 * error.square().mean().log10(), atol=1e-3)
    absolute = reconstruction_loss(tokenizer, video, ReconstructionConfig(squared=0.0, absolute=1.0, hard=0.0))
    assert torch.allclose(absolute["reconstruction"], 2 * error.abs().mean(), rtol=1e-4)
    hard = reconstruction_loss(tokenizer, video, ReconstructionConfig(squared=0.0, absolute=0.0, hard=1.0))
    worst = F.avg_pool2d(4 * error.square().mean(2), tokenizer.config.patch_size).flatten().sort(descending=True).values
    assert torch.allclose(hard["reconstruction"], worst[: len(worst) // 16].mean(), rtol=1e-4)
