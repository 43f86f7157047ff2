import pytest
import torch

from genie_gym.errors import GenieGymError
from genie_gym.genie1.world import Genie1World
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
