"""Consecutive seeds begin in different start frames, until the pool is through."""

import gymnasium as gym
import h5py
import numpy as np

import genie_gym  # noqa: F401
from genie_gym.datasets.generate import GenerateConfig, generate


def distinct(frames: np.ndarray) -> int:
    return len({frame.tobytes() for frame in frames})


def test_64_rows_begin_in_64_frames_and_as_single_environments_do():
    envs = gym.make_vec("Genie1-v0", num_envs=64, device="cpu")
    first, _ = envs.reset(seed=1000)
    assert distinct(first) == 64
    env = gym.make("Genie1-v0", device="cpu")
    for row in (0, 63):
        assert np.array_equal(env.reset(seed=1000 + row)[0], first[row])
    assert distinct(np.stack([env.reset()[0] for _ in range(64)])) == 64


def test_generated_episodes_begin_in_different_frames_however_many_rows(tmp_path):
    firsts = []
    for num_envs in (2, 8):
        config = GenerateConfig(episodes=64, seed=7, max_episode_steps=1, episodes_per_shard=64)
        writer = generate(config, num_envs, tmp_path / f"{num_envs}-v0")
        with h5py.File(writer.data / "main_data.hdf5") as file:
            firsts.append(np.stack([file[f"episode_{k}"]["observations"][0] for k in range(64)]))
    assert distinct(firsts[0]) == 64
    assert np.array_equal(*firsts)
