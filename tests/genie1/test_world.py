import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from genie_gym.errors import GenieGymError
from genie_gym.genie1.heads import Outcome
from genie_gym.genie1.world import Genie1World
from genie_gym.models.sampling import SamplingConfig
from genie_gym.models.tokenizer import as_float, as_uint8
from genie_gym.rollout import row_seeds
from genie_gym.world import Start


def play(world: Genie1World, seeds: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
    state = world.reset(seeds)
    seen = [state.frames]
    for t in range(actions.shape[1]):
        state, prediction = world.step(state, actions[:, t])
        seen.append(prediction.frames)
    return torch.stack(seen, 1)


def test_same_seed_same_trajectory(debug_world):
    actions = torch.randint(0, 8, (3, 8))
    assert torch.equal(play(debug_world, row_seeds(1, 3), actions), play(debug_world, row_seeds(1, 3), actions))
    assert not torch.equal(play(debug_world, row_seeds(1, 3), actions), play(debug_world, row_seeds(2, 3), actions))


def test_what_the_other_rows_do_never_changes_a_row(debug_world):
    actions = torch.randint(0, 8, (6, 8))
    others = torch.randint(0, 8, (6, 8))
    others[2] = actions[2]
    seeds = row_seeds(0, 6)
    different = seeds + 100
    different[2] = seeds[2]
    first, second = play(debug_world, seeds, actions), play(debug_world, different, others)
    assert torch.equal(first[2], second[2])
    assert not torch.equal(first[3], second[3])


def test_a_row_is_the_same_in_another_batch_up_to_rounding(debug_world):
    actions = torch.randint(0, 8, (5, 6))
    seeds = row_seeds(0, 5)
    among, alone = play(debug_world, seeds, actions)[3], play(debug_world, seeds[3:4], actions[3:4])[0]
    assert (among.int() - alone.int()).abs().max() <= 1


def test_actions_matter(debug_world):
    seeds = row_seeds(0, 1).expand(8)
    frames = play(debug_world, seeds, torch.arange(8)[:, None].expand(-1, 4))
    assert len({frame.numpy().tobytes() for frame in frames[:, -1]}) > 1


def test_a_clone_branches_while_the_original_goes_on(debug_world):
    """Playing on writes into the caches of the state that is played: a copy must not notice."""
    actions = torch.randint(0, 8, (2, 6))
    state = debug_world.reset(row_seeds(0, 2))
    for t in range(3):
        state, _ = debug_world.step(state, actions[:, t])
    kept = state.clone()
    other = (actions + 1) % 8
    first, second = [], []
    for t in range(3, 6):
        state, prediction = debug_world.step(state, actions[:, t])
        first.append(prediction.frames)
    untouched = kept.clone()
    for t in range(3, 6):
        kept, _ = debug_world.step(kept, other[:, t])
    for t in range(3, 6):
        untouched, prediction = debug_world.step(untouched, actions[:, t])
        second.append(prediction.frames)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_single_rows_are_put_and_taken(debug_world):
    state = debug_world.reset(row_seeds(0, 4))
    other = debug_world.reset(row_seeds(9, 2))
    state.put(torch.tensor([1, 3]), other)
    taken = state.select(torch.tensor([3]))
    assert torch.equal(taken.frames[0], other.frames[1])
    assert torch.equal(taken.cache.keys[:, 0], other.cache.keys[:, 1])
    assert state.num_rows == 4


@torch.no_grad()
def test_play_is_the_whole_episode_computed_at_once(debug_world):
    """Far beyond the window: what each row was shown and told is what its tokens say, read in one go."""
    actions = torch.randint(0, 8, (3, 9))
    state = debug_world.reset(row_seeds(0, 3))
    seen, priors, tokens = [state.frames], [state.extras["action_prior"]], [state.tokens]
    for t in range(9):
        state, prediction = debug_world.step(state, actions[:, t])
        assert torch.equal(prediction.frames, state.frames)
        assert torch.equal(prediction.extras["action_prior"], state.extras["action_prior"])
        assert state.position.tolist() == [t + 1] * 3
        seen.append(state.frames)
        priors.append(state.extras["action_prior"])
        tokens.append(state.tokens)
    codes = debug_world.latent_actions.codes(actions)
    expected = debug_world.action_head(debug_world.dynamics.features(torch.stack(tokens, 1), codes))
    assert torch.allclose(torch.stack(priors, 1), expected, atol=1e-4)
    drawn = debug_world.tokenizer.decode(torch.stack(tokens, 1))
    assert all((debug_world.starts.frames == frame.numpy()).all((1, 2, 3)).any() for frame in seen[0])  # starts, as they are
    detail = as_float(seen[0]) - drawn[:, 0]
    for t in range(1, 10):
        drafted, draft_tokens = draft_after(debug_world, seen[:t], codes[:, t - 1])
        kept, stays = (debug_world.tokenizer.to_pixels(tokens[t] == other) > 0 for other in (tokens[t - 1], draft_tokens))
        detail = torch.where(stays, drafted - drawn[:, t], torch.where(kept, detail, 0.0))
        assert (seen[t].int() - as_uint8(drawn[:, t] + detail).int()).abs().max() <= 1


def draft_after(world: Genie1World, seen: list[torch.Tensor], codes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The draft of the frame after those seen, and its tokens."""
    clip = torch.stack([as_float(frame) for frame in (seen[0], *seen)], 1)
    drafted = world.latent_actions.draft(clip[:, -2], clip[:, -1], codes)
    return drafted, world.tokenizer.encode(torch.cat([clip, drafted[:, None]], 1))[1][:, -1]


@torch.no_grad()
def test_frames_foretold_with_certainty_are_drawn_as_foretold(debug_world):
    """At temperature 0, in one pass: the likeliest tokens given the past, at their places."""
    world = copy.deepcopy(debug_world)
    world.config = replace(world.config, sampling=SamplingConfig(passes=1, temperature=0.0))
    actions = torch.randint(0, 8, (2, 5))
    state = world.reset(row_seeds(0, 2))
    tokens, seen, codes = [state.tokens], [state.frames], world.latent_actions.codes(actions)
    drafts = []
    for t in range(5):
        drafts.append(draft_after(world, seen, codes[:, t])[1])
        state, _ = world.step(state, actions[:, t])
        tokens.append(state.tokens)
        seen.append(state.frames)
    played = torch.stack(tokens, 1)
    logits, _ = world.dynamics(played, codes, drafts=torch.stack(drafts, 1))
    chosen = logits.gather(-1, played[:, 1:, :, None])[..., 0]
    assert torch.allclose(chosen, logits.amax(-1), atol=1e-3)


@torch.no_grad()
def test_what_does_not_change_stays_as_it_was_seen(debug_world):
    """Though the tokenizer rebuilds it badly: a world that keeps all of its tokens shows its start to the last bit."""
    world = copy.deepcopy(debug_world)
    world.dynamics.keep.bias.view(-1, 2)[:, 0] = 1e4  # the last frame's tokens
    torch.nn.init.constant_(world.latent_actions.decoder.fill.bias, -1e4)  # drafts that move nothing and add nothing
    frames = torch.from_numpy(world.starts.frames[:3])
    state = world.reset(row_seeds(0, 3), Start(frames=frames))
    assert not torch.equal(world.rebuild(frames[:, None])[:, 0], frames)
    for action in range(4):
        state, prediction = world.step(state, torch.full((3,), action))
        assert torch.equal(prediction.frames, frames)
    world.dynamics.keep.bias.view(-1, 2)[:, 0] = 0.0
    state, prediction = world.step(state, torch.zeros(3, dtype=torch.int64))
    changed = world.tokenizer.to_pixels(state.tokens != world.encode(frames))[:, 0].bool()
    assert 0 < float(changed.float().mean()) < 1
    assert torch.equal(prediction.frames[~changed], frames[~changed])
    assert not torch.equal(prediction.frames[changed], frames[changed])


@torch.no_grad()
def test_a_draft_that_stays_is_shown_pixel_by_pixel(debug_world):
    """What moves keeps its detail: where the drawn tokens are the draft's, its pixels are shown."""
    world = copy.deepcopy(debug_world)
    world.dynamics.keep.bias.view(-1, 2)[:, 1] = 1e4  # the draft's tokens
    torch.nn.init.zeros_(world.latent_actions.decoder.flow.weight)
    world.latent_actions.decoder.flow.bias.data = torch.tensor([2.0, 0.0])  # read from two pixels to the right
    torch.nn.init.constant_(world.latent_actions.decoder.fill.bias, -1e4)
    frames = torch.from_numpy(world.starts.frames[:3])
    state = world.reset(row_seeds(0, 3), Start(frames=frames))
    _, prediction = world.step(state, torch.zeros(3, dtype=torch.int64))
    moved = 10 * np.tanh(2 / 10)  # of at most 10 pixels
    left, share = frames[:, :, 1:-2].float(), moved - 1
    expected = left * (1 - share) + frames[:, :, 2:-1].float() * share
    assert (prediction.frames[:, :, :-3].float() - expected).abs().max() < 6  # small changes are taken for none


@torch.no_grad()
def test_later_passes_are_shown_what_stays_at_its_place(debug_world, monkeypatch):
    world, shown = copy.deepcopy(debug_world), []
    world.config = replace(world.config, sampling=SamplingConfig(passes=3))
    state, step = world.reset(row_seeds(0, 4)), world.dynamics.step
    monkeypatch.setattr(world.dynamics, "step", lambda tokens, *rest: shown.append(tokens.clone()) or step(tokens, *rest))
    state, _ = world.step(state, torch.arange(4))
    assert len(shown) == 4  # three passes, and the finished frame
    counts = [(tokens != world.dynamics.mask_token).sum(1).tolist() for tokens in shown]
    assert counts == [[0] * 4, [9] * 4, [32] * 4, [64] * 4]
    for tokens in shown:
        assert ((tokens == state.tokens) | (tokens == world.dynamics.mask_token)).all()


def test_frames_and_outcomes_are_drawn_anew_for_each_row_and_step(debug_world):
    world = copy.deepcopy(debug_world)
    for part in (world.dynamics.head, world.dynamics.keep, world.outcome_head.net[-1]):  # all tokens and outcomes alike
        torch.nn.init.zeros_(part.weight)
        torch.nn.init.zeros_(part.bias)
    frames = torch.zeros(200, 64, 64, 3, dtype=torch.uint8)
    state = world.reset(row_seeds(0, 200), Start(frames=frames))
    rewards, tokens = [], []
    for _ in range(3):
        state, prediction = world.step(state, torch.zeros(200, dtype=torch.int64))
        assert torch.equal(prediction.rewards == 1, prediction.terminated)  # its outcomes: nothing, or reward and end
        rewards.append(prediction.rewards)
        tokens.append(state.tokens)
    assert all(60 < int(reward.sum()) < 140 for reward in rewards)
    assert 60 < int((rewards[0] != rewards[1]).sum()) < 140
    assert float((tokens[0] == tokens[1]).float().mean()) < 0.06  # one in 32 is drawn twice
    assert float((tokens[0][1:] == tokens[0][:-1]).float().mean()) < 0.06
    again = world.reset(row_seeds(0, 200), Start(frames=frames))
    assert torch.equal(world.step(again, torch.zeros(200, dtype=torch.int64))[0].tokens, tokens[0])


def test_outcomes_follow_their_chances(debug_world):
    world = copy.deepcopy(debug_world)
    world.set_outcomes((Outcome(0.0, False), Outcome(2.0, False), Outcome(0.0, True)))
    torch.nn.init.zeros_(world.outcome_head.net[-1].weight)
    world.outcome_head.net[-1].bias.data = torch.tensor([0.7, 0.2, 0.1]).log() + 3
    world.eval()
    state = world.reset(row_seeds(0, 2000))
    reward_chance, end_chance = world.outcome_chances(state.frames[:2, None].expand(-1, 3, -1, -1, -1))
    assert torch.allclose(reward_chance, torch.full((2,), 0.2, dtype=torch.float64), atol=1e-6)
    assert torch.allclose(end_chance, torch.full((2,), 0.1, dtype=torch.float64), atol=1e-6)
    _, prediction = world.step(state, torch.zeros(2000, dtype=torch.int64))
    assert abs(float((prediction.rewards == 2).float().mean()) - 0.2) < 0.03
    assert abs(float(prediction.terminated.float().mean()) - 0.1) < 0.03


@torch.no_grad()
def test_outcomes_are_those_of_the_frames_that_the_steps_led_to(debug_world):
    world, actions = copy.deepcopy(debug_world), torch.randint(0, 8, (16, 4))
    last = world.outcome_head.net[-1]

    def play_and_judge() -> tuple[torch.Tensor, torch.Tensor]:
        state = world.reset(row_seeds(0, 16))
        tokens, ended = [state.tokens], []
        for t in range(4):
            state, prediction = world.step(state, actions[:, t])
            tokens.append(state.tokens)
            ended.append(prediction.terminated)
        features = world.dynamics.features(torch.stack(tokens, 1), world.latent_actions.codes(actions))
        logits = world.outcome_head(features[:, 1:])
        return torch.stack(ended, 1), logits[..., 1] - logits[..., 0]

    last.bias[1] -= play_and_judge()[1].median()
    last.weight *= 1e4  # now it is sure of nearly all
    last.bias *= 1e4
    ended, margin = play_and_judge()
    sure = margin.abs() > 10
    assert sure.float().mean() > 0.8
    assert torch.equal(ended[sure], margin[sure] > 0)
    assert 0 < int(ended.sum()) < ended.numel()


@torch.no_grad()
def test_outcome_chances_are_those_of_the_last_frame(debug_world):
    frames = torch.randint(0, 256, (2, 4, 64, 64, 3), dtype=torch.uint8)
    _, ends = debug_world.outcome_chances(frames)
    features = debug_world.read(frames).features
    expected = debug_world.outcome_head(features[:, -1]).softmax(-1)[:, 1]
    assert torch.allclose(ends.float(), expected, atol=1e-5)


def test_a_state_keeps_its_own_seeds(debug_world):
    seeds = row_seeds(0, 2)
    state = debug_world.reset(seeds)
    seeds.zero_()
    assert torch.equal(state.seed, row_seeds(0, 2))


def test_frames_of_another_size_are_refused(debug_world):
    with pytest.raises(GenieGymError, match="Resize"):
        debug_world.reset(row_seeds(0, 1), Start(frames=torch.zeros(1, 32, 32, 3, dtype=torch.uint8)))


def test_the_prior_of_play_is_that_of_the_whole_clip(debug_world):
    """What the action head says in play, frame by frame, is what it says of the same frames at once."""
    frames = torch.randint(0, 256, (2, 1, 64, 64, 3), dtype=torch.uint8)
    state = debug_world.reset(row_seeds(0, 2), Start(frames=frames[:, 0]))
    expected = debug_world.action_head(debug_world.read(frames.expand(-1, 2, -1, -1, -1)).features[:, 0])
    assert torch.allclose(state.extras["action_prior"], expected, atol=1e-5)
    _, prediction = debug_world.step(state, torch.tensor([0, 3]))
    assert prediction.extras["action_prior"].shape == (2, 8)
    assert not torch.allclose(prediction.extras["action_prior"][0], prediction.extras["action_prior"][1])
