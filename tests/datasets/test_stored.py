"""What is kept of episodes, which ones are left out, and who plays them."""

import json

import gymnasium as gym
import h5py
import numpy as np
import pytest

from genie_gym.datasets.behaviours import make_behaviour
from genie_gym.datasets.generate import GenerateConfig, generate
from genie_gym.datasets.minari_reader import MinariFolder
from genie_gym.datasets.price import price
from genie_gym.datasets.quality import Filters, consistency, drift
from genie_gym.datasets.recipe import config_from, read_recipe, recipe_names
from genie_gym.errors import GenieGymError

SMALL = {"size": (36, 64), "action_mode": "keyboard"}


def test_what_is_kept_is_not_what_is_seen(tmp_path):
    config = GenerateConfig(
        "Genie3-v0", 2, "sticky", 1, 8, 4, SMALL | {"obs": ("depth",)},
        sample_specs=("scene=village",), tasks=("reach_beacon",),
        store=("rgb", "pose", "keyboard", "scene_graph", "state"),
    )  # fmt: skip
    writer = generate(config, 2, tmp_path / "kept-v0")
    with MinariFolder(writer.folder) as dataset:
        assert set(dataset.observation_space.spaces) == {"rgb", "pose"}
        assert {key for key in dataset.keys(0) if key.startswith("infos/")} == {"infos/keyboard", "infos/scene_graph"}
        about = dataset.about(0)
        assert "village" in about["prompt"]
        assert json.loads(about["spec"])["scene"] == "village"
        assert about["task"] == "reach_beacon"
        pressed, actions = dataset.read(0, "infos/keyboard"), dataset.read(0, "actions")
        assert [dataset.action_meanings[action] for action in actions] == pressed[1:].tolist()
        graph = json.loads(dataset.read(0, "infos/scene_graph")[-1])
        assert graph["objects"]
        frames, state = dataset.read(0, "observations/rgb"), dataset.read(0, "state").tobytes()
    env = gym.make("Genie3-v0", **SMALL)
    env.reset(seed=5)
    env.unwrapped.load_state(env.unwrapped.save_state().filled(state))
    again = [env.step(action)[0] for action in actions]
    assert np.array_equal(np.stack(again), frames[1:])
    with pytest.raises(GenieGymError, match="no saved state"):
        env.unwrapped.save_state().filled(b"nonsense")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"store": ("rgb", "colour")}, "colour"), ({"store": ("keyboard",), "env_kwargs": {}}, "action_mode keyboard"),
        ({"env": "CartPole-v1", "env_kwargs": {}, "store": ("state",)}, "learned worlds"),
        ({"env": "CartPole-v1", "env_kwargs": {}, "prompts": ("a village",)}, "learned worlds"),
        ({"env": "Genie1-v0", "env_kwargs": {}, "sample_specs": ()}, "takes no prompts"),
        ({"episodes": 3, "steps": 5}, "said once"), ({"episodes": None, "hours": -1.0}, "above 0"),
        ({"max_drift": -1.0}, "max_drift"), ({"compression": "zip"}, "zip"), ({"policy": "nowhere:nothing"}, "nowhere"),
        ({"policy": "missing.npy"}, "cannot read actions"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_leaves_nothing(tmp_path, changes, said):
    base = {"env": "Genie3-v0", "episodes": 2, "max_episode_steps": 4, "env_kwargs": SMALL}
    with pytest.raises(GenieGymError, match=said):
        generate(GenerateConfig(**base | changes), 2, tmp_path / "none-v0")
    assert not (tmp_path / "none-v0").exists()


def test_episodes_that_do_not_hold_together_are_left_out_and_counted(tmp_path):
    config = GenerateConfig("Genie1-v0", 4, "sticky", 2, 40, 3, max_drift=0.02)
    writer = generate(config, 6, tmp_path / "some-v0")
    assert writer.num_episodes == 4
    assert writer.tally["left_out"]["drift"] > 0
    with h5py.File(writer.folder / "data" / "main_data.hdf5") as file:
        assert all(group.attrs["drift"] <= 0.02 for group in file.values())
    assert f"{writer.tally['left_out']['drift']} for drift" in (writer.folder / "README.md").read_text()


def test_drift_and_consistency_tell_what_changed():
    rng = np.random.default_rng(0)
    still = np.repeat(rng.integers(0, 255, (1, 32, 48, 3), np.uint8), 40, 0)
    assert drift(still) < 1e-6
    melted = still.copy()
    melted[20:] = still[20:].mean((1, 2), keepdims=True)
    assert drift(melted) > 2
    depth, pose = np.full((40, 32, 48), 4.0, np.float32), np.repeat(np.eye(4, dtype=np.float32)[None], 40, 0)
    camera = np.repeat(np.array([[[40, 0, 24], [0, 40, 16], [0, 0, 1]]], np.float32), 40, 0)
    assert consistency(still, depth, pose, camera) > 40
    assert consistency(rng.integers(0, 255, (40, 32, 48, 3), np.uint8), depth, pose, camera) < 15
    assert np.isnan(consistency(still[:5], depth[:5], pose[:5], camera[:5]))
    assert Filters(0.1, 20.0).reasons({"drift": 0.5, "consistency": float("nan")}) == ["drift"]


def test_lists_of_actions_and_policies_of_ones_own_play(tmp_path, monkeypatch):
    spaces = gym.spaces.Box(0, 255, (4, 4, 3), np.uint8), gym.spaces.Discrete(3)
    rng = np.random.default_rng(0)
    np.save(tmp_path / "moves.npy", [2, 0, 1])
    listed = make_behaviour(str(tmp_path / "moves.npy"), *spaces, rng)
    listed.begin()
    assert [int(listed.act(None, {})) for _ in range(5)] == [2, 0, 1, 1, 1]
    (tmp_path / "bad.json").write_text("[2, 9]")
    with pytest.raises(GenieGymError, match="action 1 is 9"):
        make_behaviour(str(tmp_path / "bad.json"), *spaces, rng)
    (tmp_path / "mine.py").write_text("def make(seen, actions, rng):\n    return lambda observation, info: actions.n - 1\n")
    monkeypatch.chdir(tmp_path)
    own = make_behaviour("mine:make", *spaces, rng)
    own.begin()
    assert own.act(None, {}) == 2
    (tmp_path / "other.py").write_text("def make(seen, actions, rng):\n    return 5\n")
    with pytest.raises(GenieGymError, match="must return a behaviour"):
        make_behaviour("other:make", *spaces, rng)


@pytest.mark.parametrize("name", recipe_names())
def test_recipes_are_settings(name):
    config, num_envs, jobs = config_from(read_recipe(name), {"episodes": 2, "option": {"world": "x"}})
    assert config.episodes == 2
    assert config.env_kwargs["world"] == "x"
    assert num_envs >= 1
    assert jobs == 1


def test_recipes_that_are_none(tmp_path):
    with pytest.raises(GenieGymError, match="Did you mean 'navigation'"):
        read_recipe("navigatoin")
    (tmp_path / "mine.toml").write_text('polcy = "random"\n')
    with pytest.raises(GenieGymError, match="Did you mean 'policy'"):
        read_recipe(str(tmp_path / "mine.toml"))
    with pytest.raises(GenieGymError, match="--prompts or --sample-specs"):
        config_from({"sample_specs": []}, {"prompts": ["a village"], "option": {}})
    with pytest.raises(GenieGymError, match="STEP TEXT"):
        config_from({}, {"events": ["soon", "rain"], "option": {}})


def test_what_it_will_cost_is_said_before():
    config = GenerateConfig("Genie1-v0", 100, "random", 0, 16)
    said = price(config, 2, seconds=4.0)
    assert said.startswith("at most 1,600 steps")
    assert "MB" in said
