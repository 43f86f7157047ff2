"""A simulator of somebody's own, with other keys, scenes, classes and words than Town, teaches worlds and evaluates them by
the same commands."""

import importlib
import json
import shutil

import gymnasium as gym
import h5py
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from meadow import CLASSES, ID, KEYS, VOCABULARY, MeadowEnv

import genie_gym
from genie_gym.cli import main
from genie_gym.datasets.video import VideoDataset
from genie_gym.envs.simulators import SIMULATORS, Simulator
from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.errors import GenieGymError
from genie_gym.pretrained import load_world
from genie_gym.training.train import train_world


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory):
    """Holds meadow.h5, and the debug worlds one/ and two/ that learned from it."""
    folder = tmp_path_factory.mktemp("meadow")
    record = ["record", "--import", "meadow", "--source", ID, "--frames", "700", "--num-envs", "1"]
    main([*record, "--out", str(folder / "meadow.h5")])
    train = ["train", "--import", "meadow", "--data", str(folder / "meadow.h5"), "--preset", "debug", "--device", "cpu"]
    main([*train, "--family", "genie2", "--out", str(folder / "two")])
    main([*train, "--out", str(folder / "one")])
    return folder


def test_it_is_a_simulator_with_ground_truth():
    check_env(gym.make(ID, disable_env_checker=True).unwrapped, skip_render_check=True)


def test_what_is_no_simulator_is_refused_and_not_kept(as_users_call):
    for simulator, words in (
        ("town", "a genie_gym.envs.simulators.Simulator is needed"),
        (Simulator(id="bad id!!", entry_point="meadow:MeadowEnv"), "no Gymnasium id"),
        (Simulator(id="Test/Other-v0", name="town", entry_point="meadow:MeadowEnv"), "the short name of GenieSim/Town-v0"),
    ):
        with pytest.raises(GenieGymError, match=words):
            genie_gym.register_simulator(simulator)
    assert not {"bad id!!", "Test/Other-v0"} & SIMULATORS.keys()
    for vocabulary in ("nomod:V", "math:V", "math:pi"):
        with pytest.raises(GenieGymError, match=f"'{vocabulary}'"):
            Simulator(id="Test/Other-v0", entry_point="x:y", vocabulary=vocabulary).load_vocabulary()


@pytest.mark.parametrize(
    ("source", "description", "words"),
    [
        ({}, {"instance_classes": [1]}, "show ids without a class"),
        ({}, {"instance_classes": [1, 2, 9, 0]}, "classes that it does not list"),
        ({}, {"instance_classes": "abcd"}, "does not say which class"),
        ({"action_meanings": ["stay", "walk"]}, {}, "keys without a name"),
        ({"action_meanings": ["stay"] * 4}, {}, "keys are 1 to"),
        ({"classes": list(range(4))}, {}, "classes are 1 to"),
        ({"goals": [{"task": "../x"}]}, {}, "no goals"),
    ],
    ids=str,
)
def test_recordings_that_lie_are_refused_in_a_sentence(folder, source, description, words, tmp_path, as_users_call):
    shutil.copy(folder / "meadow.h5", tmp_path / "lies.h5")
    with h5py.File(tmp_path / "lies.h5", "r+") as file:
        file.attrs["source"] = json.dumps(json.loads(file.attrs["source"]) | source)
        truth = file["episode_000000/truth"].attrs
        truth["description"] = json.dumps(json.loads(truth["description"]) | description)
    with pytest.raises(GenieGymError, match=words):
        train_world(VideoDataset(tmp_path / "lies.h5"), tmp_path / "out", "debug", family="genie2")
    assert not list(tmp_path.glob("out/*.pt"))


def test_recordings_of_it_say_what_there_is(folder):
    data = VideoDataset(folder / "meadow.h5")
    source = data.source
    graph = {facts["id"]: facts["class"] for facts in data.description(0)["scene_graph"]}
    assert {thing.id: thing.name for thing in data.place(0).things} == graph
    assert data.layouts[0][0] == data.description(0)["spec"]
    assert tuple(source["action_meanings"]) == KEYS
    assert tuple(source["classes"]) == CLASSES
    assert source["vocabulary"] == VOCABULARY.to_dict()
    assert [goal["task"] for goal in source["goals"]] == ["touch_shrine"]


def test_a_world_knows_its_keys_words_and_task(folder):
    world = load_world(folder / "two" / "world", "cpu")
    assert world.key_names == KEYS
    assert world.tasks == MeadowEnv.tasks
    assert world.vocabulary == VOCABULARY
    prompts = ["a dim heath with a cairn", "a bright salt flat"]
    envs = GenieVectorEnv(2, world, action_mode="keyboard", prompt=prompts, obs=("rgb", "depth"))
    envs.reset(seed=0)
    assert envs.metadata["action_meanings"] == KEYS
    assert [report.ignored for report in envs.reports] == [[], []]
    envs.step(np.array([KEYS.index("walk"), KEYS.index("stay")]))
    tasked = GenieVectorEnv(1, world, task="touch_shrine")
    tasked.reset(seed=0)
    assert tasked.instructions == ["touch the shrine"]
    with pytest.raises(GenieGymError, match=r"understood nothing in 'a castle'.* for example 'a dim heath with a shrine'"):
        GenieVectorEnv(1, world, prompt="a castle")


@pytest.mark.parametrize("name", ["one", "two"])
def test_worlds_are_evaluated_by_the_same_command(folder, name, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    suite = importlib.import_module(f"genie_gym.genie{1 + (name == 'two')}.suite")
    drifts = [measure for measure in suite.MEASURES if "drift" in str(measure)]  # which takes minutes
    monkeypatch.setattr(suite, "MEASURES", [measure for measure in suite.MEASURES if measure not in drifts])
    numbers = tmp_path / "numbers.json"
    options = ["--clips", "2", "--held-out-frames", "600", "--device", "cpu", "--json", str(numbers)]
    main(["evaluate", str(folder / name / "world"), "--import", "meadow", *options])
    found = json.loads(numbers.read_text())
    assert found["rollout_psnr_10"] > 5
    if name == "two":
        assert 0 <= found["semantic_miou"] <= 1
        assert found["reward_rate_real"] > 0
        assert "prompts were not measured: the world was not learned from a simulator that can be walked" in found["notes"]
