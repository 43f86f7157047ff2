import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecMonitor
from tiny_world import TinyWorld

from genie_gym.agents.policies import load_sb3_policy
from genie_gym.agents.sb3 import SB3VecEnv
from genie_gym.envs.world_env import GenieVectorEnv
from genie_gym.errors import GenieGymError


def test_ppo_trains_through_vecmonitor_and_its_policy_loads_without_unpickling(debug_world, tmp_path):
    envs = VecMonitor(SB3VecEnv(GenieVectorEnv(2, debug_world, max_episode_steps=4)))
    model = PPO("CnnPolicy", envs, n_steps=8, batch_size=8, n_epochs=1, seed=0)
    model.learn(32)
    assert len(model.ep_info_buffer) > 0
    model.save(tmp_path / "ppo.zip")
    spaces = envs.observation_space, envs.action_space
    policy = load_sb3_policy(tmp_path / "ppo.zip", *spaces)
    frames = np.random.default_rng(0).integers(0, 255, (5, 64, 64, 3), dtype=np.uint8)
    assert np.array_equal(policy.predict(frames, deterministic=True)[0], model.predict(frames, deterministic=True)[0])


def test_done_rows_carry_sb3s_keys_and_seeds_are_used_once(debug_world):
    envs = SB3VecEnv(GenieVectorEnv(3, debug_world, max_episode_steps=3))
    envs.seed(5)
    first = envs.reset()
    envs.seed(5)
    assert np.array_equal(first, envs.reset())
    assert not np.array_equal(first, envs.reset())
    truncated = 0
    for _ in range(6):
        observations, rewards, dones, infos = envs.step(np.zeros(3, int))
        assert rewards.dtype == np.float32
        for i in np.flatnonzero(dones):
            assert infos[i]["terminal_observation"].shape == observations[i].shape
            truncated += infos[i]["TimeLimit.truncated"]
        assert all("terminal_observation" not in infos[i] for i in np.flatnonzero(~dones))
    assert truncated


def test_options_reach_the_next_reset_alone():
    """As in SB3's own `DummyVecEnv`."""
    frames = np.zeros((2, 48, 48, 3), np.uint8)
    frames[0, :8, :8], frames[1, 40:, 40:] = 250, 250
    envs = SB3VecEnv(GenieVectorEnv(2, TinyWorld()))
    envs.seed(3)
    usual = envs.reset()
    envs.set_options({"start_frames": frames})
    assert np.array_equal(envs.reset(), frames)
    envs.seed(3)
    assert np.array_equal(envs.reset(), usual)
    envs.set_options([{"prompt": "fog"}, {"prompt": "snow"}])
    envs.reset()
    assert [report.understood[0].split()[-1] for report in envs.env.reports] == ["foggy", "snowy"]
    envs.set_options({"prompt": None})  # which stands until it is changed
    envs.reset()
    assert envs.env.reports == [None, None]
    single = SB3VecEnv(
        gym.make_vec(
            "GenieSim/Arm-v0", num_envs=2, width=16, height=16, vector_kwargs={"autoreset_mode": AutoresetMode.SAME_STEP}
        )
    )
    single.set_options({"task": "reach"})
    single.reset()
    assert [info["instruction"] for info in single.reset_infos] == ["touch the floating ball"] * 2
    single.reset()
    assert [info["instruction"] for info in single.reset_infos] == [""] * 2
    single.close()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"promt": "fog"}, "unknown reset option 'promt'. Did you mean 'prompt'"),
        ([{"prompt": "fog"}], "a dict for all rows, or 2 dicts, one a row, with the same names"),
        ([{"prompt": "fog"}, {}], "a dict for all rows, or 2 dicts"),
    ],
)
def test_options_that_are_none_are_refused_once(options, words):
    envs = SB3VecEnv(GenieVectorEnv(2, TinyWorld()))
    envs.set_options(options)
    with pytest.raises(GenieGymError, match=words):
        envs.reset()
    envs.reset()


def test_seeds_are_for_games_that_share_one_too():
    try:
        envs = SB3VecEnv(gym.make_vec("GenieSim/CoinRun-v0", num_envs=2))
    except GenieGymError:
        pytest.skip("procgen is not installed")
    envs.seed(3)
    first = envs.reset()
    envs.seed(3)
    assert np.array_equal(envs.reset(), first)
    envs.set_options({"level": 3})
    with pytest.raises(GenieGymError, match="take no reset options; given 'level'"):
        envs.reset()
    envs.close()


def test_other_autoreset_modes_are_refused():
    envs = gym.make_vec("CartPole-v1", num_envs=2, vectorization_mode="sync")
    with pytest.raises(GenieGymError, match="SAME_STEP"):
        SB3VecEnv(envs)


def test_policies_that_are_not_there_or_do_not_fit(tmp_path, debug_world):
    spaces = GenieVectorEnv(1, debug_world).single_observation_space, gym.spaces.Discrete(8)
    with pytest.raises(GenieGymError, match="no policy at"):
        load_sb3_policy(tmp_path / "none.zip", *spaces)
    (tmp_path / "bad.zip").write_bytes(b"not a zip")
    with pytest.raises(GenieGymError, match="not a stable-baselines3 zip"):
        load_sb3_policy(tmp_path / "bad.zip", *spaces)
    PPO("MlpPolicy", "CartPole-v1").save(tmp_path / "cart.zip")
    with pytest.raises(GenieGymError, match="does not fit"):
        load_sb3_policy(tmp_path / "cart.zip", *spaces)


def test_each_row_tells_its_own_last_frame_and_why_it_ended():
    """Rows end at 2, 3 and 4 steps; the limit is 3."""

    class Ending(TinyWorld):
        def step(self, state, actions):
            following, prediction = super().step(state, actions)
            prediction.terminated = following.position == torch.tensor([2, 3, 4])
            return following, prediction

    envs = SB3VecEnv(GenieVectorEnv(3, Ending(), max_episode_steps=3))
    envs.seed(0)
    before, actions = envs.reset(), np.full((3, 3), 0.5, np.float32)
    ends = []
    for _ in range(3):
        observations, _, dones, infos = envs.step(actions)
        for row in np.flatnonzero(dones):
            ends.append((int(row), infos[row]["TimeLimit.truncated"]))
            last = infos[row]["terminal_observation"]
            assert not np.array_equal(last, observations[row])
            assert np.array_equal(last, np.roll(before[row], (2, 2), (0, 1)))  # half of the four pixels that 1 moves it
        assert all(
            np.array_equal(info["depth"] == 1, seen[..., 0] > 0) for info, seen in zip(infos, observations, strict=True)
        )
        before = observations
    assert ends == [(0, False), (1, False), (2, True)]
