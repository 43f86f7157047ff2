"""What LeRobot's evaluation asks of an environment (0.6.1, scripts/lerobot_eval.py), in a loop that stands for it."""

from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest
from tiny_world import TinyWorld

from genie_gym.envs import envhub
from genie_gym.envs.envhub import LeRobotEnv, maker
from genie_gym.errors import GenieGymError

GO_ON, REACH = np.float32([0.3, 0.2, 0]), np.float32([0.3, 0.2, 1])


class Errand(TinyWorld):
    """Its task is done where the third number of an action is 1."""

    tasks = ("reach_square",)
    places_goals = True

    def step(self, state, actions):
        following, prediction = super().step(state, actions)
        prediction.terminated = actions[:, 2] == 1
        return following, prediction


@pytest.fixture(scope="module", autouse=True)
def registered(tiny_folder):
    """Tiny-v0, whose world the tests give themselves."""


def make(rows=3, **options):
    options = {"world": Errand(), "device": "cpu", "task": "reach_square", "prompt": "a snowy village"} | options
    made = maker("Tiny-v0", **options)(n_envs=rows, use_async_envs=True)
    assert list(made) == ["Tiny-v0"]
    assert list(made["Tiny-v0"]) == [0]
    return made["Tiny-v0"][0]


def rollout(env, policy, seeds):
    """As LeRobot's: all rows until the last one is done. What of each row it counts: successes, rewards, steps."""
    observation, _ = env.reset(seed=seeds, options={"lerobot_new_rollout": True})
    done = np.zeros(env.num_envs, bool)
    successes, rewards, lengths = np.zeros(env.num_envs, bool), np.zeros(env.num_envs), np.zeros(env.num_envs, int)
    most = env.call("_max_episode_steps")[0]
    for step in range(most):
        assert observation["pixels"].dtype == np.uint8
        assert observation["pixels"].shape[-1] == 3
        assert len(list(env.call("task_description"))) == env.num_envs
        observation, reward, terminated, truncated, info = env.step(policy(step, observation))
        told = info.get("final_info", info)
        success = np.array(told.get("is_success").tolist())
        successes |= success & ~done
        rewards += reward * ~done
        lengths += ~done
        done |= terminated | truncated
        if done.all():
            break
    return successes, rewards, lengths


def test_an_evaluation():
    env = make(max_episode_steps=6)

    def policy(step, observation):
        return np.stack([REACH if step == (2, 4, 99)[row] else GO_ON for row in range(3)])

    successes, rewards, lengths = rollout(env, policy, range(5, 8))  # LeRobot's seeds are a range
    assert successes.tolist() == [True, True, False]
    assert rewards.tolist() == [1, 1, 0]
    assert lengths.tolist() == [3, 5, 6]


def test_observations():
    env = make(rows=2)
    observation, info = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    assert observation["pixels"].shape == (2, 48, 48, 3)
    assert observation["agent_pos"].shape == (2, 6)
    assert np.array_equal(observation["agent_pos"][:, :3], info["pose"][:, :3, 3])
    assert np.array_equal(observation["agent_pos"][:, 3:], info["pose"][:, :3, 2])
    assert not info["is_success"].any()


def test_the_last_observation_of_an_episode():
    env = make(rows=2)
    env.reset(seed=0)
    observation, _, terminated, _, info = env.step(np.stack([REACH, GO_ON]))
    assert terminated.tolist() == [True, False]
    assert info["is_success"].tolist() == info["final_info"]["is_success"].tolist() == [True, False]
    last = info["final_obs"]
    assert last.keys() == observation.keys() == {"pixels", "agent_pos"}
    assert not np.array_equal(last["agent_pos"][0], observation["agent_pos"][0])
    assert np.array_equal(last["agent_pos"][1], observation["agent_pos"][1])


def test_without_a_task_there_is_no_success():
    env = make(rows=1, task=None)
    env.reset(seed=0)
    _, reward, terminated, _, info = env.step(REACH[None])
    assert (reward[0], terminated[0], info["is_success"][0]) == (1, True, False)


def test_what_rows_are_asked():
    env = make(rows=2, prompt=["a snowy village", None], max_episode_steps=9)
    assert env.call("task_description") == ("reach square: a snowy village", "reach square")
    assert env.get_attr("task") == ("reach_square", "reach_square")
    assert env.call("_max_episode_steps") == (9, 9)
    env.reset(seed=0)
    assert np.stack(env.call("render")[:1]).shape == (1, 48, 48, 3)
    assert env.unwrapped.metadata["render_fps"] == 10
    with pytest.raises(AttributeError, match="gravity"):
        env.call("gravity")


def test_keys_as_numbers_and_as_vectors():
    env = make(rows=2, action_mode="keyboard")
    assert env.single_action_space == gym.spaces.Box(0, 1, (4,), np.float32)
    seen = []
    for actions in (np.float32([[1.2], [7]]), np.float32([[0.1, 0.9, 0, 0], [0, 0, 0.2, 0.3]])):
        env.reset(seed=3)
        seen.append(env.step(actions)[0])
    plain = env.env
    plain.reset(seed=3)
    expected = plain.step(np.array([1, 3]))[0]
    assert all(np.array_equal(one["pixels"], expected) for one in seen)


@pytest.mark.parametrize(
    ("actions", "said"),
    [(np.zeros((2, 3)), "a number for each key"), (np.zeros(2), "a number for each key"), (np.full((2, 1), np.nan), "NaN")],
)
def test_keys_that_are_none(actions, said):
    env = make(rows=2, action_mode="keyboard")
    env.reset(seed=0)
    with pytest.raises(GenieGymError, match=said):
        env.step(actions)


def test_what_a_configuration_says():
    made = maker("Tiny-v0", world=Errand(), device="cpu")(2, cfg=SimpleNamespace(task="reach_square", episode_length=7))
    env = made["Tiny-v0"][0]
    assert (env.call("task")[0], env.call("_max_episode_steps")[0]) == ("reach_square", 7)
    made = maker("Tiny-v0", world=Errand(), device="cpu")(cfg={"task": "reach_square", "max_episode_steps": 5})
    assert made["Tiny-v0"][0].call("_max_episode_steps") == (5,)


def test_a_file_of_the_hub(tmp_path, tiny_folder):
    (tmp_path / "env.py").write_text(
        "from genie_gym.envs.envhub import maker\nmake_env = maker('Tiny-v0', device='cpu', max_episode_steps=4)\n"
    )
    module: dict = {}
    exec((tmp_path / "env.py").read_text(), module)
    env = module["make_env"](n_envs=2, use_async_envs=False)["Tiny-v0"][0]
    assert isinstance(env, gym.vector.VectorEnv)
    successes, _, lengths = rollout(env, lambda *_: np.zeros((2, 3), np.float32), [0, 1])
    assert not successes.any()
    assert lengths.max() <= 4
    assert callable(envhub.make_env)


def test_bad_input():
    with pytest.raises(GenieGymError, match="no learned world"):
        maker("CartPole-v1")()
    with pytest.raises(GenieGymError, match="num_envs"):
        make(rows=0)
    with pytest.raises(GenieGymError, match="does not take"):
        make(gravity=3)
    with pytest.raises(GenieGymError, match="max_episode_steps"):
        LeRobotEnv(gym.make_vec("Tiny-v0", num_envs=1, world=Errand(), device="cpu", max_episode_steps=None).unwrapped)
