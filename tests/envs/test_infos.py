"""What every environment tells: observations inside their spaces, and infos that collectors can keep."""

import sys
import types

import gymnasium as gym
import minari
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from minari import DataCollector
from minari.data_collector.data_collector import _check_infos_same_shape
from stable_baselines3.common.env_checker import check_env as check_env_of_sb3
from torch.utils import _pytree

from genie_gym.envs.registration import WORLDS, steps_together
from genie_gym.envs.sim.procgen import import_procgen
from genie_gym.errors import GenieGymError
from genie_gym.pretrained import load_world

PROMPT = "a snowy village"
MODES = {
    "Genie1-v0": ("latent",),
    "Genie2-v0": ("latent", "keyboard"),
    "Genie3-v0": ("latent", "keyboard", "prototypes"),
}
CASES = {  # id, options
    "genie1": ("Genie1-v0", {}),
    "genie2": ("Genie2-v0", {"action_mode": "keyboard", "info": ("scene_graph",)}),
    "genie2's task": ("Genie2-v0", {"task": "reach_beacon"}),
    "town": ("GenieSim/Town-v0", {"task": "find", "event_rate": 600.0}),
    "arm": ("GenieSim/Arm-v0", {"task": "push"}),
    "coinrun": ("GenieSim/CoinRun-v0", {}),
}


@pytest.fixture(params=CASES)
def case(request) -> tuple[str, dict]:
    if request.param == "coinrun":
        try:
            import_procgen()
        except GenieGymError:
            pytest.skip("procgen is not installed")
    return CASES[request.param]


def resets(world) -> list[dict]:
    """Options of resets without a prompt and, where the world takes them, with one."""
    return [{}, {"prompt": PROMPT}, {}] if world.vocabulary is not None else [{}]


@pytest.mark.parametrize("autoreset", list(AutoresetMode))
@pytest.mark.parametrize("env_id", WORLDS)
def test_every_observation_lies_in_its_space(env_id, autoreset):
    world = load_world(WORLDS[env_id], "cpu")
    names = ("rgb", *world.extras)
    for mode in MODES[env_id]:
        envs = gym.make_vec(
            env_id, num_envs=2, world=world, obs=names, action_mode=mode, autoreset_mode=autoreset, max_episode_steps=3
        )
        for options in resets(world):
            assert envs.reset(seed=0, options=options)[0] in envs.observation_space
            for _ in range(3):
                observations, _, _, _, info = envs.step(envs.action_space.sample())
                assert observations in envs.observation_space
            assert info.get("final_obs", observations) in envs.observation_space


@pytest.mark.parametrize("env_id", WORLDS)
def test_both_checkers_pass_on_every_observation_of_prompted_worlds(env_id):
    world = load_world(WORLDS[env_id], "cpu")
    prompt = {"prompt": PROMPT} if world.vocabulary is not None else {}
    for obs in {("rgb",), ("rgb", *world.extras)}:
        env = gym.make(env_id, world=world, obs=obs, action_mode=MODES[env_id][-1], **prompt).unwrapped
        check_env(env, skip_render_check=True)
        check_env_of_sb3(env, skip_render_check=True)


def test_infos_have_the_same_keys_shapes_and_types_at_resets_and_steps(case):
    env_id, options = case
    env = gym.make(env_id, max_episode_steps=2, **options)
    first = env.reset(seed=0)[1]
    infos = [env.step(env.action_space.sample())[4] for _ in range(2)]
    infos.append(env.reset()[1])
    if "info" in options:
        infos.append(env.reset(options={"prompt": PROMPT})[1])
        infos.append(env.step(0)[4])
    assert first
    assert all(_check_infos_same_shape(first, info) for info in infos)
    env.close()


@pytest.mark.parametrize("autoreset", list(AutoresetMode))
def test_infos_of_vector_environments_do_too(case, autoreset):
    env_id, options = case
    given = {} if steps_together(env_id) else {"vector_kwargs": {"autoreset_mode": autoreset}}
    given = {"autoreset_mode": autoreset} if env_id in WORLDS else given  # Procgen's games know one mode alone
    envs = gym.make_vec(env_id, num_envs=2, **given, **options)
    first = envs.reset(seed=0)[1]
    infos = [envs.step(envs.action_space.sample())[4] for _ in range(2)] + [envs.reset()[1]]
    if "info" in options:
        infos.append(envs.reset(options={"prompt": [PROMPT, "a desert"]})[1])
    assert all(_check_infos_same_shape(first, info) for info in infos)
    envs.close()


@pytest.mark.filterwarnings("ignore:.*is set to None")
def test_minari_collects_them(case, tmp_path, monkeypatch):
    """Minari maps its buffers with JAX's `tree_map`; torch's does the same."""
    stand_in = types.SimpleNamespace(tree_map=lambda function, *trees: _pytree.tree_map(function, *trees))
    monkeypatch.setitem(sys.modules, "jax", types.SimpleNamespace(tree_util=stand_in))
    monkeypatch.setitem(sys.modules, "jax.tree_util", stand_in)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    env_id, options = case
    options = {name: value for name, value in options.items() if name != "info"}  # which is no array
    env = DataCollector(gym.make(env_id, max_episode_steps=3, **options), record_infos=True)
    for seed in range(2):
        first = env.reset(seed=seed)[1]
        for _ in range(3):
            env.step(env.action_space.sample())
    env.create_dataset("infos-v0")
    episode = minari.load_dataset("infos-v0")[0]
    assert len(episode.observations) == 4
    assert episode.infos.keys() == first.keys()
    assert all(len(values) == 4 for values in episode.infos.values())
    assert all(np.shape(episode.infos[name])[1:] == np.shape(value) for name, value in first.items())
    env.close()
