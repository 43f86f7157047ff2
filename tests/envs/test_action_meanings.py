"""What actions do, in words, where users of environments look for it."""

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_env_of_sb3

from genie_gym.agents.sb3 import SB3VecEnv
from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.envs.world_env import GenieEnv
from genie_gym.judgement import Judgement
from tests.conftest import make_debug_world

MEANINGS = ("view right", "still", *(f"mixed {k}" for k in range(1, 7)))


@pytest.fixture(scope="module")
def world():
    world = make_debug_world()
    effects = {f"action {k}": words for k, words in enumerate(MEANINGS)}
    world.provenance = replace(
        world.provenance, judgement=Judgement(video="training video", clips=4, codes=8, effects=effects)
    )
    return world


def test_they_are_in_metadata_alone(world):
    env = GenieEnv(world, device="cpu")
    assert env.metadata["action_meanings"] == MEANINGS
    assert "action_meanings" not in GenieEnv.metadata
    assert "action_meanings" not in env.reset(seed=0)[1]
    envs = GenieVectorEnv(3, world, device="cpu")
    assert envs.metadata["action_meanings"] == MEANINGS


def test_worlds_that_were_not_judged_have_none(debug_world):
    env = GenieEnv(debug_world, device="cpu")
    assert "action_meanings" not in env.metadata


def test_nobody_who_reads_info_minds(world):
    check_env(GenieEnv(world, device="cpu", render_mode="rgb_array"))
    check_env_of_sb3(GenieEnv(world, device="cpu"))
    several = gym.vector.SyncVectorEnv([lambda: GenieEnv(world, device="cpu")] * 2)
    assert several.get_attr("metadata")[1]["action_meanings"] == MEANINGS
    counted = gym.wrappers.vector.RecordEpisodeStatistics(GenieVectorEnv(2, world, device="cpu"))
    counted.reset(seed=0)
    counted.step(np.zeros(2, int))
    rows = SB3VecEnv(GenieVectorEnv(2, world, device="cpu"))
    rows.reset()
    assert rows.get_attr("metadata")[1]["action_meanings"] == MEANINGS
