import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import genie_gym  # noqa: F401
from genie_gym.errors import GenieGymError

pytest.importorskip("gym3", reason="the real simulator is optional")

PLAIN = {"use_backgrounds": False, "restrict_themes": True, "num_levels": 50}


def test_check_env():
    check_env(gym.make("GenieSim/CoinRun-v0", **PLAIN).unwrapped, skip_render_check=True)


def test_same_seed_same_frames():
    seen = []
    for _ in range(2):
        envs = gym.make_vec("GenieSim/CoinRun-v0", num_envs=3, **PLAIN)
        frames = [envs.reset(seed=4)[0]]
        frames += [envs.step(np.array([7, 8, t % 15]))[0] for t in range(20)]
        seen.append(np.stack(frames))
        envs.close()
    assert np.array_equal(*seen)


def test_truncation_starts_new_levels_and_leaves_other_rows_alone():
    envs = gym.make_vec("GenieSim/CoinRun-v0", num_envs=2, max_episode_steps=5, **PLAIN)
    _, info = envs.reset(seed=0)
    levels = info["level_seed"]
    for _ in range(5):
        _, _, terminated, truncated, info = envs.step(np.array([4, 4]))
    assert truncated.all()
    assert not terminated.any()
    assert (info["level_seed"] != levels).any()


def test_wrong_options_do_not_reach_the_c_code():
    with pytest.raises(GenieGymError, match="Did you mean 'easy'"):
        gym.make_vec("GenieSim/CoinRun-v0", num_envs=1, distribution="eazy")
