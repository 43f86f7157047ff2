"""What Genie1-v0 guarantees holds of Genie2-v0: the environment around a small 3D world, in all its ways."""

import gymnasium as gym
import minari
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from room import SMALL, draw, pose_at

from genie_gym.agents.sb3 import SB3VecEnv
from genie_gym.cli import main
from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.envs.world_env import GenieEnv
from genie_gym.errors import GenieGymError
from genie_gym.genie2.world import Genie2World
from genie_gym.pretrained import save_world
from genie_gym.world import StartPool

ROWS, STEPS = 3, 6
OBS = ("rgb", "depth", "pose")


@pytest.fixture(scope="module")
def world() -> Genie2World:
    torch.manual_seed(0)
    made = Genie2World(SMALL)
    made.starts = StartPool(np.stack([draw(pose_at(0.0, 0.2 * k))[0] for k in range(4)]))
    return made.eval()


def actions(rows: int = ROWS, steps: int = STEPS) -> np.ndarray:
    return np.random.default_rng(1).uniform(-1, 1, (steps, rows, 6)).astype(np.float32)


def play(env: gym.Env | GenieVectorEnv, moves: np.ndarray) -> list[np.ndarray]:
    return [env.step(move)[0] for move in moves]


def test_gymnasiums_own_check(world):
    check_env(GenieEnv(world, obs=OBS, render_mode="rgb_array"), skip_render_check=False)


def test_a_row_is_the_single_environment_of_its_seed(world):
    envs, moves = GenieVectorEnv(ROWS, world), actions()
    first = envs.reset(seed=5)[0]
    together = np.stack([first, *play(envs, moves)])
    for row in range(ROWS):
        env = GenieEnv(world)
        alone = [env.reset(seed=5 + row)[0], *play(env, moves[:, row])]
        assert np.abs(np.stack(alone).astype(int) - together[:, row]).max() <= 1  # rounding
    again = np.stack([envs.reset(seed=5)[0], *play(envs, moves)])
    assert np.array_equal(again, together)


@pytest.mark.parametrize("mode", ["SAME_STEP", "NEXT_STEP", "DISABLED"])
def test_episodes_end_and_begin_again(world, mode):
    envs = GenieVectorEnv(2, world, max_episode_steps=2, autoreset_mode=mode, obs=OBS)
    envs.reset(seed=0)
    moves = actions(2, 4)
    last, _, _, truncated, info = [envs.step(move) for move in moves[:2]][-1]
    assert truncated.all()
    begins = np.tile(np.eye(4), (2, 1, 1))
    if mode == "SAME_STEP":
        assert np.allclose(last["pose"][:, :3, 3], begins[:, :3, 3])
        assert not np.allclose(info["final_obs"]["pose"][:, :3, 3], 0)
    if mode == "NEXT_STEP":
        assert not np.allclose(last["pose"][:, :3, 3], 0)
        following, rewards, *_ = envs.step(moves[2])
        assert np.allclose(following["pose"][:, :3, 3], 0)
        assert not rewards.any()
    if mode == "DISABLED":
        kept = envs.reset(options={"reset_mask": np.array([True, False])})[0]
        assert np.allclose(kept["pose"][0, :3, 3], 0)
        assert np.array_equal(kept["pose"][1], last["pose"][1])


def test_states_are_saved_and_branched(world):
    envs, moves = GenieVectorEnv(ROWS, world, action_mode="latent"), actions(steps=2 * STEPS)
    envs.reset(seed=3)
    play(envs, moves[:STEPS])
    saved = envs.save_state()
    once = np.stack(play(envs, moves[STEPS:]))
    envs.load_state(saved)
    assert np.array_equal(np.stack(play(envs, moves[STEPS:])), once)
    branches = GenieVectorEnv(2, world)
    branches.load_state(saved.select([1]).repeat(2))
    both = np.stack(play(branches, moves[STEPS:][:, [1, 0]]))
    assert np.abs(both[:, 0].astype(int) - once[:, 1]).max() <= 1
    assert not np.array_equal(both[-1, 0], both[-1, 1])


def test_torch_sb3_and_torchrl_step_it(world):
    envs = GenieVectorEnv(2, world, output="torch", obs=OBS)
    observations = envs.reset(seed=0)[0]
    assert observations["rgb"].dtype == torch.uint8
    assert all(isinstance(value, torch.Tensor) for value in envs.step(torch.zeros(2, 6))[0].values())
    for_sb3 = SB3VecEnv(GenieVectorEnv(2, world, action_mode="keyboard", max_episode_steps=1))
    for_sb3.reset()
    for_sb3.step_async(np.array([1, 3]))
    assert for_sb3.step_wait()[3][0]["terminal_observation"].shape == (90, 160, 3)
    torchrl = pytest.importorskip("torchrl.envs")
    rollout = torchrl.GymWrapper(GenieVectorEnv(2, world, output="torch", max_episode_steps=2)).rollout(
        3, break_when_any_done=False
    )
    assert rollout.batch_size == (2, 3)


def test_generate_stores_depth_and_pose(world, tmp_path, monkeypatch):
    save_world(world, tmp_path / "world")
    out = tmp_path / "walks-v0"
    asked = ["--option", "world", str(tmp_path / "world"), "obs", str(OBS), "action_mode", "keyboard"]
    numbers = ["--episodes", "4", "--num-envs", "2", "--max-episode-steps", "3", "--out", str(out)]
    assert main(["generate", "--env", "Genie2-v0", *numbers, *asked]) == 0
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    episodes = list(minari.load_dataset("walks-v0").iterate_episodes())
    assert len(episodes) == 4
    for episode in episodes:
        assert {name: value.shape for name, value in episode.observations.items()} == {
            "rgb": (4, 90, 160, 3),
            "depth": (4, 90, 160),
            "pose": (4, 4, 4),
        }
        assert (episode.observations["depth"] > 0).all()


@pytest.mark.parametrize(
    ("mode", "moves", "words"),
    [
        ("latent", np.zeros((2, 5)), "actions must"),
        ("latent", np.full((2, 6), np.nan), "actions must"),
        ("keyboard", np.array([0, 11]), "action 11 is not one of"),
        ("keyboard", np.array([[0], [1]]), "actions must"),
    ],
)
def test_bad_actions_get_one_sentence(world, mode, moves, words):
    envs = GenieVectorEnv(2, world, action_mode=mode)
    envs.reset(seed=0)
    with pytest.raises(GenieGymError, match=words):
        envs.step(moves)


def test_broken_images_and_finished_states_get_one_sentence(world, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(GenieGymError, match=r"broken\.png"):
        GenieVectorEnv(1, world, init_image=tmp_path / "broken.png")
    envs = GenieVectorEnv(1, world, max_episode_steps=1, autoreset_mode="DISABLED")
    envs.reset(seed=0)
    envs.step(actions(1, 1)[0])
    ended = envs.save_state()
    with pytest.raises(GenieGymError, match="this episode is over; call reset"):
        envs.step(actions(1, 1)[0])
    with pytest.raises(GenieGymError, match="ended"):
        GenieVectorEnv(1, world).load_state(ended)
