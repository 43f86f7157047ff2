"""A world's own actions and its keyboard, in everything that plays."""

import json

import gymnasium as gym
import minari
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from tiny_world import TinyWorld

from genie_gym.agents.sb3 import SB3VecEnv
from genie_gym.cli import main
from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.envs.world_env import GenieEnv
from genie_gym.errors import GenieGymError
from genie_gym.evaluation import bench as bench_module

NOOP, RIGHT, DOWN, HOME = range(4)
KEYBOARD = ["--option", "action_mode", "keyboard"]


def place(envs: GenieVectorEnv) -> np.ndarray:
    return envs.save_state().world.place.numpy()


def test_the_mode_decides_space_and_meanings():
    envs = GenieVectorEnv(3, TinyWorld(), action_mode="keyboard")
    assert envs.single_action_space == gym.spaces.Discrete(4)
    assert envs.metadata["action_meanings"] == ("noop", "right", "down", "home")
    env = GenieEnv(TinyWorld(), action_mode="keyboard")
    assert env.action_space == gym.spaces.Discrete(4)
    assert env.metadata["action_meanings"] == TinyWorld.key_names
    for options in ({}, {"action_mode": "latent"}):
        envs = GenieVectorEnv(3, TinyWorld(), **options)
        assert envs.single_action_space == gym.spaces.Box(-1, 1, (3,), np.float32)
        assert "action_meanings" not in envs.metadata


@pytest.mark.parametrize("output", ["numpy", "torch"])
@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_keys_come_to_what_the_world_says_in_each_rows_state(mode, output):
    options = {"autoreset_mode": mode, "max_episode_steps": 5, "output": output}
    by_key = GenieVectorEnv(3, TinyWorld(), action_mode="keyboard", **options)
    by_hand = GenieVectorEnv(3, TinyWorld(), **options)
    by_key.reset(seed=0)
    by_hand.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(12):
        keys = rng.integers(4, size=3)
        state = by_hand.save_state().world
        actions = TinyWorld().key_actions(state, torch.from_numpy(keys))
        _, _, terminated, truncated, _ = [by_key.step(keys), by_hand.step(actions)][0]
        ended = terminated | truncated
        assert np.array_equal(place(by_key), place(by_hand))
        if mode == AutoresetMode.DISABLED and ended.any():
            mask = {"reset_mask": np.array(ended)}
            by_key.reset(options=mask)
            by_hand.reset(options=mask)


def test_a_key_may_depend_on_where_one_is():
    envs = GenieVectorEnv(2, TinyWorld(), action_mode="keyboard", max_episode_steps=None)
    envs.reset(seed=0)
    for _ in range(8):
        envs.step([HOME, NOOP])
    assert place(envs)[0].tolist() == [24, 24]
    assert place(envs)[1].tolist() != [24, 24]


def test_a_moment_goes_from_one_mode_to_the_other():
    keys, vectors = GenieVectorEnv(2, TinyWorld(), action_mode="keyboard"), GenieVectorEnv(2, TinyWorld())
    keys.reset(seed=0)
    keys.step([RIGHT, DOWN])
    vectors.load_state(keys.save_state())
    seen = keys.step([RIGHT, RIGHT])[0]
    assert np.array_equal(vectors.step(np.float32([[1, 0, 0]] * 2))[0], seen)


@pytest.mark.parametrize("actions", [[0, 4], [-1, 0], [0.5, 0.0], [[0, 0]], np.zeros((2, 3), np.float32)])
def test_what_is_no_key_gets_one_sentence(actions):
    envs = GenieVectorEnv(2, TinyWorld(), action_mode="keyboard")
    envs.reset(seed=0)
    with pytest.raises(GenieGymError, match="action"):
        envs.step(actions)


def test_worlds_without_a_keyboard_and_other_modes_are_refused(debug_world):
    with pytest.raises(GenieGymError, match="a genie1 world understands no keyboard; leave action_mode at 'latent'"):
        GenieVectorEnv(2, debug_world, action_mode="keyboard")
    with pytest.raises(GenieGymError, match="Did you mean 'keyboard'"):
        GenieEnv(TinyWorld(), action_mode="keybord")


def test_checkers_and_libraries_take_the_keyboard():
    check_env(GenieEnv(TinyWorld(), action_mode="keyboard", obs=("rgb", "depth", "pose")))
    rows = SB3VecEnv(GenieVectorEnv(2, TinyWorld(), action_mode="keyboard", max_episode_steps=1))
    rows.reset()
    rows.step_async(np.array([RIGHT, HOME]))
    assert rows.step_wait()[2].all()
    import torchrl.envs as torchrl
    from torchrl.envs.utils import check_env_specs

    tensors = torchrl.GymWrapper(GenieVectorEnv(2, TinyWorld(), action_mode="keyboard", output="torch", max_episode_steps=3))
    assert tensors.rollout(5, break_when_any_done=False)["next", "done"].any()
    check_env_specs(tensors)


def test_the_commands_take_the_keyboard(tiny_folder, tmp_path, monkeypatch):
    common = ["--env", "Tiny-v0", "--num-envs", "2", *KEYBOARD]
    assert main(["generate", *common, "--episodes", "3", "--policy", "directed", "--out", str(tmp_path / "keys-v0")]) == 0
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    dataset = minari.load_dataset("keys-v0")
    assert dataset.action_space == gym.spaces.Discrete(4)
    env = dataset.recover_environment()
    for episode in dataset.iterate_episodes():
        env.reset(seed=int(next(iter(dataset.storage.get_episode_metadata([episode.id])))["seed"]))
        for t, action in enumerate(episode.actions):
            assert np.array_equal(env.step(action)[0], episode.observations[t + 1])
    out = tmp_path / "agents"
    arguments = ["--agents", "sticky", "ppo", "--episodes", "3", "--ppo-steps", "128", "--out", str(out)]
    assert main(["benchmark", *common, *arguments]) == 0
    assert json.loads((out / "benchmark.json").read_text())["results"].keys() == {"sticky", "ppo"}
    for name, value in {"EARLY": 2, "LATE": 6, "WINDOW": 2}.items():
        monkeypatch.setattr(bench_module, name, value)
    assert main(["bench", *common]) == 0
