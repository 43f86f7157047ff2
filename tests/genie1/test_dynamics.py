from dataclasses import replace

import pytest
import torch

from genie_gym.errors import GenieGymError
from genie_gym.genie1.config import PRESETS
from genie_gym.genie1.dynamics import DynamicsConfig, DynamicsModel
from genie_gym.genie1.world import Genie1World

CONFIG = DynamicsConfig(merge=2, model_dim=32, num_layers=2, num_heads=2, window=3)
GRID, CODES, ACTION_SIZE = (4, 4), 50, 6


def in_patch_order(tokens: torch.Tensor) -> torch.Tensor:
    """[B, 16] of a 4 x 4 grid: its 2 x 2 patches one after the other."""
    return tokens.view(-1, 2, 2, 2, 2).transpose(2, 3).reshape(-1, 16)


def in_grid_order(model: DynamicsModel) -> torch.Tensor:
    """Where each token of the grid lies in patch order."""
    return model.from_patches(torch.arange(16)[None])[0]


@pytest.fixture(scope="module")
def model() -> DynamicsModel:
    torch.manual_seed(0)
    model = DynamicsModel(CONFIG, GRID, CODES, ACTION_SIZE).eval()
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.15)
    return model


def clip(steps: int, batch: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(0, CODES, (batch, steps, 16), generator=generator)
    return tokens, torch.randn(batch, steps - 1, ACTION_SIZE, generator=generator)


@torch.no_grad()
def test_cached_equals_plain_far_beyond_the_window(model):
    tokens, actions = clip(9)
    plain = model.features(tokens, actions)
    embedded = model.embed_actions(actions)
    cache = model.initial_cache(2)
    for t in range(9):
        cached = model.step(tokens[:, t], embedded[:, t], cache, torch.full((2,), t))
        assert torch.allclose(cached, plain[:, t], atol=1e-5)


@torch.no_grad()
def test_masked_prediction_is_the_same_cached_and_in_parallel(model):
    tokens, actions = clip(7)
    logits, clean = model(tokens, actions)
    embedded = model.embed_actions(actions)
    cache = model.initial_cache(2)
    masked = torch.full((2, 16), model.mask_token)
    for t in range(7):
        position = torch.full((2,), t)
        if t:
            features = model.step(masked, embedded[:, t], cache, position)
            patches = model.patch_logits(features)
            assert torch.allclose(patches[:, in_grid_order(model)], logits[:, t - 1], atol=1e-4)
        features = model.step(tokens[:, t], embedded[:, t], cache, position)
        assert torch.allclose(features, clean[:, t], atol=1e-5)


@torch.no_grad()
def test_rows_may_stand_at_different_positions(model):
    """Row 1 begins anew where row 0 is at frame 4: what it saw before is forgotten."""
    (tokens, other), actions = clip(9)[0], clip(9)[1][:1]
    embedded = model.embed_actions(actions)[0]
    plain = model.features(tokens[None], actions)[0]
    cache = model.initial_cache(2)
    for t in range(9):
        late = t - 4 if t >= 4 else t
        frames = torch.stack([tokens[t], tokens[late] if t >= 4 else other[t]])
        features = model.step(frames, embedded[[t, late]], cache, torch.tensor([t, late]))
        assert torch.allclose(features[0], plain[t], atol=1e-5)
        if t >= 4:
            assert torch.allclose(features[1], plain[late], atol=1e-5)


@torch.no_grad()
def test_action_t_leads_from_frame_t_to_frame_t_plus_1(model):
    tokens, actions = clip(6)
    changed = actions.clone()
    changed[:, 2] += 1.0
    before, features_before = model(tokens, actions)
    after, features_after = model(tokens, changed)
    moved = (before - after).abs().amax((0, 2, 3)) > 1e-6
    assert moved.tolist() == [False, False, True, True, True]  # logits[t] are of frame t + 1
    moved = (features_before - features_after).abs().amax((0, 2, 3)) > 1e-6
    assert moved.tolist() == [False, False, False, True, True, True]


@torch.no_grad()
def test_no_frame_sees_itself_unmasked_or_the_future(model):
    tokens, actions = clip(6)
    changed = tokens.clone()
    changed[:, 3] = (changed[:, 3] + 1) % CODES
    before, after = model(tokens, actions)[0], model(changed, actions)[0]
    moved = (before - after).abs().amax((0, 2, 3)) > 1e-6
    assert moved.tolist() == [False, False, False, True, True]  # frames 4 and 5 saw frame 3; frame 3 itself did not


@torch.no_grad()
def test_visible_targets_help_their_own_frame_only(model):
    tokens, actions = clip(5)
    hidden = torch.ones(2, 4, 16, dtype=torch.bool)
    before = model(tokens, actions, hidden)[0]
    hidden[:, 1, :8] = False
    after = model(tokens, actions, hidden)[0]
    assert ((before - after).abs().amax((0, 2, 3)) > 1e-6).tolist() == [False, True, False, False]


@torch.no_grad()
def test_of_its_own_frame_a_prediction_sees_the_visible_targets_and_not_the_hidden_ones(model):
    tokens, actions = clip(5)
    hidden = torch.zeros(2, 4, 16, dtype=torch.bool)
    hidden[..., 8:] = True
    before = model(tokens, actions, hidden)[0]
    assert torch.equal(model(tokens, actions, hidden, tokens[:, 1:])[0], before)
    for place, expected in ((3, [False, True, False, False]), (12, [False] * 4)):
        targets = tokens[:, 1:].clone()
        targets[:, 1, place] = (targets[:, 1, place] + 1) % CODES
        after = model(tokens, actions, hidden, targets)[0]
        assert ((before - after).abs().amax((0, 2, 3)) > 1e-6).tolist() == expected


@torch.no_grad()
def test_logits_come_in_the_order_of_the_tokens(model):
    """The patches' own order must be undone: hiding a token and naming it must meet at the same index."""
    tokens = torch.arange(16)[None, None]
    x = model.token_embedding(tokens)  # [1, 1, 16, D / 4]
    embedded = model.embed(tokens, torch.zeros(1, 1, CONFIG.model_dim)) - model.position_embedding
    patch = model.patch_in(torch.cat([x[0, 0, i] for i in (0, 1, 4, 5)]))  # the upper left 2 x 2 of a 4 x 4 grid
    assert torch.allclose(embedded[0, 0, 1], patch, atol=1e-5)
    features = torch.zeros(1, 1, model.positions, CONFIG.model_dim)
    features[0, 0, 2] = 1.0  # the second patch: columns 2 and 3 of rows 0 and 1
    flat = model.patch_logits(features[0])[0, in_grid_order(model)]
    assert flat.shape == (16, CODES)
    expected = model.head(features[0, 0, 2]).view(4, -1)
    assert torch.allclose(flat[[2, 3, 6, 7]], expected, atol=1e-5)
    assert torch.allclose(model.patch_logits(features[0])[0, 4:8], expected, atol=1e-5)
    assert torch.equal(model.to_patches(tokens[:, 0]), in_patch_order(tokens[:, 0]))
    assert torch.equal(model.from_patches(model.to_patches(tokens[:, 0])), tokens[:, 0])


@pytest.fixture(scope="module")
def drafting() -> DynamicsModel:
    torch.manual_seed(0)
    model = DynamicsModel(replace(CONFIG, drafts=True), GRID, CODES, ACTION_SIZE).eval()
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.15)
    return model


@torch.no_grad()
def test_with_drafts_masked_prediction_is_the_same_cached_and_in_parallel(drafting):
    (tokens, actions), drafts = clip(7), clip(8)[0][:, 1:7]
    logits, clean = drafting(tokens, actions, drafts=drafts)
    embedded = drafting.embed_actions(actions)
    cache = drafting.initial_cache(2)
    masked = torch.full((2, 16), drafting.mask_token)
    for t in range(7):
        position = torch.full((2,), t)
        if t:
            features = drafting.step(masked, embedded[:, t], cache, position, drafts[:, t - 1])
            kept = drafting.to_patches(torch.stack([tokens[:, t - 1], drafts[:, t - 1]], -1))
            patches = drafting.patch_logits(features, kept)[:, in_grid_order(drafting)]
            assert torch.allclose(patches, logits[:, t - 1], atol=1e-4)
        features = drafting.step(tokens[:, t], embedded[:, t], cache, position)
        assert torch.allclose(features, clean[:, t], atol=1e-5)


@torch.no_grad()
def test_a_draft_tells_of_its_own_frame_alone(drafting):
    (tokens, actions), drafts = clip(6), clip(8)[0][:, :5]
    changed = drafts.clone()
    changed[:, 2] = (changed[:, 2] + 1) % CODES
    before, after = (drafting(tokens, actions, drafts=d)[0] for d in (drafts, changed))
    assert ((before - after).abs().amax((0, 2, 3)) > 1e-6).tolist() == [False, False, True, False, False]


@torch.no_grad()
def test_where_draft_and_last_frame_agree_an_untrained_model_keeps_what_stands_there():
    torch.manual_seed(0)
    model = DynamicsModel(replace(CONFIG, drafts=True), GRID, CODES, ACTION_SIZE).eval()
    tokens, actions = clip(4)
    logits = model(tokens, actions, drafts=tokens[:, :-1])[0]
    assert torch.equal(logits.argmax(-1), tokens[:, :-1])
    assert 0.4 < float(logits.softmax(-1).amax(-1).mean()) < 0.6


def test_merge_must_divide_the_grid():
    with pytest.raises(GenieGymError, match="does not divide"):
        DynamicsModel(CONFIG, (9, 15), CODES, ACTION_SIZE)


def test_genie1_1b_has_the_papers_size():
    with torch.device("meta"):
        world = Genie1World(PRESETS["genie1-1b"].world)
    count = sum(p.numel() for p in world.parameters())
    assert 0.95e9 < count < 1.15e9
    assert world.config.tokenizer.grid == (9, 15)
    assert world.config.dynamics.num_layers == 6


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_build(preset):
    with torch.device("meta"):
        world = Genie1World(PRESETS[preset].world)
    assert world.parts().keys() == {"tokenizer", "latent_actions", "dynamics", "action_head", "outcome_head"}
    assert type(world.config).from_dict(world.config_dict()) == world.config


def test_the_shipped_preset_fits_its_files():
    with torch.device("meta"):
        world = Genie1World(PRESETS["tiny"].world)
    for part in world.parts().values():
        assert 2 * sum(p.numel() for p in part.parameters()) < 25e6
