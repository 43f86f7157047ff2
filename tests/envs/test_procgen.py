import pickle

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


def play(envs, actions: np.ndarray) -> list:
    return [[part.tolist() for part in envs.step(row)[:4]] for row in actions]


def test_saved_states_play_again_to_the_bit_and_go_where_they_are_told():
    options = PLAIN | {"max_episode_steps": 25}
    actions = np.random.default_rng(0).integers(15, size=(60, 3))
    envs = gym.make_vec("GenieSim/BigFish-v0", num_envs=3, **options)
    envs.reset(seed=0)
    play(envs, actions[:20])
    saved = envs.unwrapped.save_state()
    first = play(envs, actions)
    assert sum(sum(step[2]) + sum(step[3]) for step in first) > 6  # over ends and limits
    assert np.array_equal(envs.unwrapped.load_state(saved), saved.frames)
    assert play(envs, actions) == first
    other = gym.make_vec("GenieSim/BigFish-v0", num_envs=4, **options)  # never reset
    other.unwrapped.load_state(pickle.loads(pickle.dumps(saved)).select([2]).repeat(4))
    futures = play(other, actions[:, [2, 2, 2, 2]])
    for mine, was in zip(futures, first, strict=True):
        assert all(part == [theirs[2]] * 4 for part, theirs in zip(mine, was, strict=True))
    other.reset(seed=1)
    plain = play(other, actions[:10, [0, 1, 2, 0]])
    other.reset(seed=1)
    other.unwrapped.load_state(saved.select([0, 1]), rows=[1, 3])
    mixed = play(other, actions[:10, [0, 0, 2, 1]])
    for t in range(10):
        assert [mixed[t][0][row] for row in (0, 2, 1, 3)] == [
            plain[t][0][0], plain[t][0][2], first[t][0][0], first[t][0][1],
        ]  # fmt: skip
    with pytest.raises(GenieGymError, match="this environment 4"):
        other.unwrapped.load_state(saved)
    with pytest.raises(GenieGymError, match="another game"):
        gym.make_vec("GenieSim/CoinRun-v0", num_envs=3, **options).unwrapped.load_state(saved)
    with pytest.raises(GenieGymError, match="takes no seed"):
        envs.unwrapped.load_state(saved, seed=1)
    with pytest.raises(GenieGymError, match="no reset options; given 'start_frame'"):
        envs.reset(options={"start_frame": 1})


def test_the_time_limit_counts_the_states_own_steps():
    env = gym.make("GenieSim/CoinRun-v0", max_episode_steps=6, **PLAIN)
    env.reset(seed=0)
    for _ in range(4):
        env.step(4)
    saved = env.unwrapped.save_state()
    env.reset()
    env.unwrapped.load_state(saved)
    assert [env.step(4)[3] for _ in range(2)] == [False, True]
