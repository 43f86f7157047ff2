import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from room import CAMERA, SMALL, KnowsTheRoom, draw, pose_at

from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.genie2.world import Genie2World
from genie_gym.geometry.camera import Camera
from genie_gym.pretrained import load_world, save_world
from genie_gym.rollout import row_seeds
from genie_gym.world import Start, StartPool

START = pose_at(0.0, 0.0)


@pytest.fixture(scope="module")
def world() -> Genie2World:
    """A fresh world that sees the room's depth and knows what motion is; it imagines what fresh weights imagine."""
    torch.manual_seed(0)
    made = Genie2World(SMALL)
    made.perception = KnowsTheRoom(START)
    made.starts = StartPool(draw(START)[0][None])
    return made.eval()


def action(world: Genie2World, *motion: float) -> torch.Tensor:
    return world.latent_actions.action(torch.tensor([motion]))


def psnr(first: np.ndarray, second: np.ndarray, mask: np.ndarray) -> float:
    return float(-10 * np.log10((((first - second.astype(float)) / 255) ** 2)[mask].mean()))


def test_what_was_seen_is_shown_from_elsewhere(world):
    state = world.reset(row_seeds(0, 1))
    for _ in range(4):
        state, _ = world.step(state, action(world, 0, 0, 0.1, 0, 0.05, 0))
    pose = state.pose[0].numpy().astype(float)
    real, depth = draw(pose)
    mask = np.zeros_like(depth, bool)
    mask[8:-8, 20:120] = True  # seen from the start
    assert psnr(state.frames[0].numpy(), real, mask) > 22
    assert np.median(np.abs(state.extras["depth"][0].numpy() / depth - 1)[mask]) < 0.02
    assert psnr(draw(START)[0], real, mask) < 15


def test_turning_away_and_back_shows_the_same(world):
    state = world.reset(row_seeds(0, 1))
    first = state.frames.clone()
    for turn in [0.08] * 20 + [-0.08] * 20:
        state, _ = world.step(state, action(world, 0, 0, 0, 0, turn, 0))
    difference = (state.frames.int() - first.int()).abs().float()
    assert difference.mean() < 3
    forgetful = world.without_memory()
    state = forgetful.reset(row_seeds(0, 1))
    for turn in [0.08] * 20 + [-0.08] * 20:
        state, _ = forgetful.step(state, action(world, 0, 0, 0, 0, turn, 0))
    assert (state.frames.int() - first.int()).abs().float().mean() > 3 * difference.mean()


def test_without_memory_no_keyframe_counts_and_none_is_imagined(world):
    """The wall that the start shows stops nobody who turned away from it."""
    forgetful, states = world.without_memory(), []
    for keyframes in (1, 0):
        state = forgetful.reset(row_seeds(0, 1))
        state.memory.inverse_depth *= keyframes
        for motion in [(0, 0, 0, 0, 0.08, 0)] * 20 + [(-0.12, 0, 0, 0, 0, 0)] * 30:
            state, _ = forgetful.step(state, action(world, *motion))
        states.append(state)
    assert torch.equal(states[0].frames, states[1].frames)
    assert torch.equal(states[0].pose, states[1].pose)
    assert int(states[0].memory.count[0]) == 1


def test_standing_still_copies_the_frame_exactly(world):
    state = world.reset(row_seeds(0, 2))
    for _ in range(3):
        state, _ = world.step(state, action(world, 0.05, 0, 0.1, 0, 0.1, 0).expand(2, -1))
    before = state.frames.clone()
    for _ in range(30):
        state, prediction = world.step(state, torch.zeros(2, world.actions.size))
    assert torch.equal(prediction.frames, before)


def test_walls_stop(world):
    """The wall ahead is three metres away, and seen from the start."""
    state = world.reset(row_seeds(0, 1))
    for _ in range(60):
        state, _ = world.step(state, action(world, 0, 0, 0.12, 0, 0, 0))
    assert 2.5 < float(state.pose[0, 2, 3]) < 2.75
    state, _ = world.step(state, action(world, 0, 0, -0.12, 0, 0, 0))
    assert float(state.pose[0, 2, 3]) < 2.62  # the way back is free


def test_along_a_wall_one_slides(world):
    state = world.reset(row_seeds(0, 1))
    for _ in range(25):
        state, _ = world.step(state, action(world, 0, 0, 0.12, 0, 0, 0))
    for _ in range(20):
        state, _ = world.step(state, action(world, 0.08, 0, 0.08, 0, 0, 0))
    assert 2.5 < float(state.pose[0, 2, 3]) < 2.75
    assert float(state.pose[0, 0, 3]) > 1.0


def play(world: Genie2World, seeds: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
    state = world.reset(seeds)
    frames = []
    for step in range(actions.shape[1]):
        state, prediction = world.step(state, actions[:, step])
        frames.append(prediction.frames)
    return torch.stack(frames, 1)


@pytest.fixture(scope="module")
def actions(world) -> torch.Tensor:
    rng = np.random.default_rng(1)
    motion = np.concatenate([rng.normal(size=(4, 12, 3)) * 0.05, rng.normal(size=(4, 12, 3)) * [0.01, 0.06, 0.001]], -1)
    return world.latent_actions.action(torch.from_numpy(motion).float())


def test_same_seed_same_trajectory_and_other_seeds_imagine_otherwise(world, actions):
    turned = world.latent_actions.action(torch.tensor([0, 0, 0, 0, 0.1, 0.0])).expand(4, 12, -1)
    first = play(world, row_seeds(1, 4), turned)
    assert torch.equal(first, play(world, row_seeds(1, 4), turned))
    assert not torch.equal(first, play(world, row_seeds(2, 4), turned))


def test_what_the_other_rows_do_never_changes_a_row(world, actions):
    seeds, others = row_seeds(0, 4), actions.flip(0).clone()
    others[2] = actions[2]
    different = seeds + 100
    different[2] = seeds[2]
    first, second = play(world, seeds, actions), play(world, different, others)
    assert torch.equal(first[2], second[2])
    assert not torch.equal(first[3], second[3])


def test_a_clone_branches_while_the_original_goes_on(world, actions):
    state = world.reset(row_seeds(0, 4))
    for step in range(6):
        state, _ = world.step(state, actions[:, step])
    saved = state.clone()
    ends = []
    for begin in (state, saved):
        for step in range(6, 12):
            begin, prediction = world.step(begin, actions[:, step])
        ends.append(prediction.frames)
    assert torch.equal(*ends)


def test_memory_stays_as_large_as_it_is(world):
    state = world.reset(row_seeds(0, 1))
    size = sum(x.numel() * x.element_size() for x in state.tensors())
    for _ in range(60):
        state, _ = world.step(state, action(world, 0, 0, 0, 0, 0.12, 0))
    assert int(state.memory.count[0]) > state.memory.colours.shape[1]  # the ring went round …
    assert torch.equal(
        state.memory.colours[0, 0], torch.from_numpy(world.starts.frames[0]).movedim(-1, 0)
    )  # … beside the start frame
    assert sum(x.numel() * x.element_size() for x in state.tensors()) == size


def test_keys_leave_the_state_as_it_is_and_become_actions(world):
    state = world.reset(row_seeds(0, 3))
    before = copy.deepcopy(state)
    made = world.key_actions(state, torch.tensor([0, 1, 10]))
    assert made.shape == (3, world.actions.size)
    assert float(made.abs().max()) <= 1
    assert all(torch.equal(a, b) for a, b in zip(state.tensors(), before.tensors(), strict=True))


def test_it_is_an_environment_with_depth_and_pose(world):
    envs = GenieVectorEnv(2, world, obs=("rgb", "depth"), action_mode="keyboard")
    observations, info = envs.reset(seed=0)
    assert observations["rgb"].shape == (2, 90, 160, 3)
    assert observations["depth"].dtype == np.float32
    assert info["pose"].shape == (2, 4, 4)
    assert envs.single_action_space.n == 11
    assert envs.metadata["action_meanings"][1] == "forward"
    observations, *_, info = envs.step(np.array([1, 3]))
    assert envs.observation_space.contains(observations)


def test_it_is_saved_and_loaded_whole(tmp_path):
    torch.manual_seed(1)
    made = Genie2World(SMALL).eval()
    made.starts = StartPool(draw(START)[0][None])
    torch.nn.init.normal_(made.perception.unet.leave.weight, std=0.01)
    save_world(made, tmp_path / "world")
    loaded = load_world(tmp_path / "world", "cpu")
    assert isinstance(loaded, Genie2World)
    assert loaded.config == made.config
    assert torch.equal(
        play(made.half().float(), row_seeds(0, 1), torch.zeros(1, 2, 6) + 0.3),
        play(loaded, row_seeds(0, 1), torch.zeros(1, 2, 6) + 0.3),
    )


def test_any_camera_can_start_it():
    world = Genie2World(replace(SMALL, camera=Camera(72, 96, 60.0), classes=("sky", "ground"))).eval()
    frames = torch.randint(0, 255, (2, 72, 96, 3), dtype=torch.uint8)
    state = world.reset(row_seeds(0, 2), Start(frames=frames))
    state, prediction = world.step(state, torch.full((2, 6), 0.2))
    assert prediction.frames.shape == (2, 72, 96, 3)
    assert world.camera != CAMERA
