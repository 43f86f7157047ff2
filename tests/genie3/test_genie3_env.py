"""What other worlds guarantee holds of places made of things, and what they have besides: places, sizes, prototypes."""

import json
import pickle

import gymnasium as gym
import minari
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from small_place import FORWARD, empty_place, small_place, small_world, thing

import genie_gym
from genie_gym.agents.sb3 import SB3VecEnv
from genie_gym.cli import main
from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.envs.world_env import GenieEnv
from genie_gym.errors import GenieGymError
from genie_gym.genie3.world import Genie3World
from genie_gym.geometry.scene_graph.scene import SceneGraph
from genie_gym.places.place import Place
from genie_gym.pretrained import save_world

OBS = ("rgb", "depth", "semantic", "instance", "pose")
MEADOW = empty_place(20.0, thing("tree", 8.0, 1.0), thing("villager", 5.0, -3.0, behaviour="wander"))


@pytest.fixture(scope="module")
def world() -> Genie3World:
    return small_world()


@pytest.fixture(scope="module")
def folder(world, tmp_path_factory):
    path = tmp_path_factory.mktemp("worlds") / "small"
    save_world(world, path)
    genie_gym.register_world("SmallPlaces-v0", str(path), max_episode_steps=64)
    yield path
    del gym.registry["SmallPlaces-v0"]


def actions(rows: int, steps: int) -> np.ndarray:
    return np.random.default_rng(1).uniform(-1, 1, (steps, rows, 32)).astype(np.float32)


def play(env, moves: np.ndarray) -> list:
    return [env.step(move)[0] for move in moves]


def test_gymnasiums_own_check(world):
    check_env(GenieEnv(world, obs=OBS, place=MEADOW, render_mode="rgb_array"), skip_render_check=False)


def test_spaces_are_those_of_what_it_tells(world):
    envs = GenieVectorEnv(2, world, obs=OBS, place=MEADOW)
    seen, info = envs.reset(seed=0)
    assert envs.observation_space.contains(seen)
    assert {name: (value.dtype, value.shape[1:]) for name, value in seen.items()} == {
        "rgb": (np.uint8, (36, 64, 3)), "depth": (np.float32, (36, 64)), "semantic": (np.uint8, (36, 64)),
        "instance": (np.int32, (36, 64)), "pose": (np.float32, (4, 4)),
    }  # fmt: skip
    assert set(info) == {"intrinsics", "_intrinsics"}
    assert envs.single_action_space == gym.spaces.Box(-1, 1, (32,), np.float32)


def test_a_row_is_the_single_environment_of_its_seed(world):
    envs, moves = GenieVectorEnv(3, world, place=MEADOW), actions(3, 6)
    together = np.stack([envs.reset(seed=5)[0], *play(envs, moves)])
    for row in range(3):
        env = GenieEnv(world, place=MEADOW)
        assert np.array_equal(np.stack([env.reset(seed=5 + row)[0], *play(env, moves[:, row])]), together[:, row])
    again = np.stack([envs.reset(seed=5)[0], *play(envs, moves)])
    assert np.array_equal(again, together)


@pytest.mark.parametrize("mode", ["SAME_STEP", "NEXT_STEP", "DISABLED"])
def test_episodes_end_and_begin_again(world, mode):
    envs = GenieVectorEnv(2, world, max_episode_steps=2, autoreset_mode=mode, obs=("rgb", "pose"), place=MEADOW)
    begun = envs.reset(seed=0)[0]["pose"]
    moves = actions(2, 4)
    last, _, _, truncated, info = [envs.step(move) for move in moves[:2]][-1]
    assert truncated.all()
    if mode == "SAME_STEP":
        assert np.array_equal(last["pose"], begun)
        assert not np.array_equal(info["final_obs"]["pose"], begun)
    if mode == "NEXT_STEP":
        assert not np.array_equal(last["pose"], begun)
        following, rewards, *_ = envs.step(moves[2])
        assert np.array_equal(following["pose"], begun)
        assert not rewards.any()
    if mode == "DISABLED":
        kept = envs.reset(options={"reset_mask": np.array([True, False])})[0]
        assert np.array_equal(kept["pose"][0], begun[0])
        assert np.array_equal(kept["pose"][1], last["pose"][1])


def test_states_are_saved_pickled_and_branched(world):
    envs, moves = GenieVectorEnv(3, world, place=MEADOW), actions(3, 10)
    envs.reset(seed=3)
    play(envs, moves[:4])
    saved = pickle.loads(pickle.dumps(envs.save_state()))
    once = np.stack(play(envs, moves[4:]))
    envs.load_state(saved)
    assert np.array_equal(np.stack(play(envs, moves[4:])), once)
    branches = GenieVectorEnv(2, world, place=MEADOW)
    branches.load_state(saved.select([1]).repeat(2), seed=[None, 7])
    both = np.stack(play(branches, moves[4:][:, [1, 1]]))
    assert np.array_equal(both[:, 0], once[:, 1])
    assert not np.array_equal(branches.save_state().world.things.centre[0], branches.save_state().world.things.centre[1])


def test_torch_sb3_and_torchrl_step_it(world):
    envs = GenieVectorEnv(2, world, output="torch", obs=OBS, place=MEADOW)
    envs.reset(seed=0)
    assert all(isinstance(value, torch.Tensor) for value in envs.step(torch.zeros(2, 32))[0].values())
    for_sb3 = SB3VecEnv(GenieVectorEnv(2, world, action_mode="keyboard", max_episode_steps=1, place=MEADOW))
    for_sb3.reset()
    for_sb3.step_async(np.array([1, 3]))
    assert for_sb3.step_wait()[3][0]["terminal_observation"].shape == (36, 64, 3)
    torchrl = pytest.importorskip("torchrl.envs")
    rollout = torchrl.GymWrapper(GenieVectorEnv(2, world, output="torch", max_episode_steps=2, place=MEADOW)).rollout(
        3, break_when_any_done=False
    )
    assert rollout.batch_size == (2, 3)


def test_prompts_tasks_and_places_a_row(world):
    envs = GenieVectorEnv(
        3, world, prompt=["a snowy desert", None, None], task=["collect_coins", "reach_beacon", None],
        place=[None, None, MEADOW], max_episode_steps=2,
    )  # fmt: skip
    envs.reset(seed=0)
    places = envs.place()
    assert places[0].scene == "desert"
    assert [one.name for one in places[0].things].count("coin") == 5
    assert [one.name for one in places[1].things].count("beacon") == 1
    assert len(places[2].things) == len(MEADOW.things)
    assert envs.instructions == ["collect the coins", "reach the beacon", ""]
    assert envs.reports[0] is not None
    for move in actions(3, 2):
        envs.step(move)
    assert len(envs.place()[2].things) == len(MEADOW.things)  # it stands
    envs.reset(options={"place": None, "task": None, "prompt": None})
    assert len(envs.place()[2].things) > len(MEADOW.things)


@pytest.mark.parametrize(
    "form", [lambda place: place, Place.to_dict, Place.to_json, lambda place: json.loads(place.to_json())]
)
def test_places_go_in_and_come_out(world, form):
    env = GenieEnv(world, place=form(small_place(4)), action_mode="keyboard", obs=("rgb", "pose"))
    first = env.reset(seed=0)[0]
    for _ in range(6):
        seen = env.step(FORWARD)[0]
    told = env.place()
    assert isinstance(told, Place)
    other = GenieEnv(world, obs=("rgb", "pose"))
    again = other.reset(seed=0, options={"place": form(told)})[0]
    assert np.allclose(again["pose"], seen["pose"], atol=1e-3)
    assert not np.allclose(again["pose"], first["pose"], atol=1e-3)
    assert np.abs(again["rgb"].astype(int) - seen["rgb"]).mean() < 3


def test_prototypes_are_an_action_mode(world):
    envs = GenieVectorEnv(2, world, action_mode="prototypes", place=MEADOW, obs=("rgb", "pose"))
    assert envs.single_action_space == gym.spaces.Discrete(8)
    names = envs.metadata["action_meanings"]
    forward = next(code for code, name in enumerate(names) if name.startswith("forward"))
    before = envs.reset(seed=0)[0]["pose"]
    after = envs.step(np.array([forward, names.index("rest")]))[0]["pose"]
    assert after[0, 0, 3] > before[0, 0, 3] + 0.05
    assert np.allclose(after[1], before[1], atol=0.02)
    with pytest.raises(GenieGymError, match="action 8 is not one of"):
        envs.step(np.array([0, 8]))


def test_scene_graphs_in_info_are_exact(world):
    envs = GenieVectorEnv(2, world, info=("scene_graph",), place=MEADOW, max_episode_steps=2)
    _, info = envs.reset(seed=0)
    assert all(isinstance(graph, SceneGraph) for graph in info["scene_graph"])
    assert {"tree", "villager", "boundary"} == {one.name for one in info["scene_graph"][0].objects}
    saved = envs.save_state()
    envs.step(actions(2, 1)[0])
    _, _, _, truncated, info = envs.step(actions(2, 1)[0])
    assert truncated.all()
    assert info["final_info"]["scene_graph"][0].step == 2
    assert info["scene_graph"][0].step == 0
    envs.load_state(saved)


def test_sizes_are_options(folder):
    env = gym.make("SmallPlaces-v0", size=(90, 160), place=MEADOW)
    assert env.reset(seed=0)[0].shape == (90, 160, 3)
    envs = gym.make_vec("SmallPlaces-v0", num_envs=2, size=(20, 32), place=MEADOW, obs=OBS)
    assert envs.reset(seed=0)[0]["instance"].shape == (2, 20, 32)
    env.close()
    envs.close()


def test_generate_stores_all_that_it_tells(folder, tmp_path, monkeypatch):
    out = tmp_path / "walks-v0"
    asked = ["--option", "obs", str(OBS), "action_mode", "keyboard", "prompt", "a foggy village"]
    numbers = ["--episodes", "2", "--num-envs", "2", "--max-episode-steps", "3", "--out", str(out)]
    assert main(["generate", "--env", "SmallPlaces-v0", *numbers, *asked]) == 0
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    for episode in minari.load_dataset("walks-v0").iterate_episodes():
        assert {name: value.shape for name, value in episode.observations.items()} == {
            "rgb": (4, 36, 64, 3), "depth": (4, 36, 64), "semantic": (4, 36, 64), "instance": (4, 36, 64), "pose": (4, 4, 4),
        }  # fmt: skip


def test_ppo_trains_on_a_task(world):
    stable = pytest.importorskip("stable_baselines3")
    envs = SB3VecEnv(GenieVectorEnv(2, world, task="reach_beacon:near", action_mode="keyboard", place=empty_place(12.0)))
    stable.PPO("CnnPolicy", envs, n_steps=8, batch_size=8, n_epochs=1).learn(16)
