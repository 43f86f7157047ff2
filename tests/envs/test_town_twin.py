"""Twins: the same moments to the millimetre, in another light."""

import gymnasium as gym
import numpy as np
import pytest

import genie_gym  # noqa: F401
from genie_gym.envs.sim.town.twin import Twin
from genie_gym.text.spec import ObjectAdd, SceneTransition, WeatherChange, WorldSpec

SIZE = (64, 36)
OBS = ("rgb", "depth", "instance")


@pytest.fixture
def env():
    env = gym.make("GenieSim/Town-v0", scene="village", obs=OBS, width=64, height=36, task="push_crate", view="third")
    yield env
    env.close()


def walk(env: gym.Env, steps: int):
    rng = np.random.default_rng(0)
    for key in rng.choice([1, 1, 3, 7, 10], steps):
        yield env.step(int(key))[0]


def test_in_the_same_light_nothing_differs(env):
    """Whatever a twin failed to take over would show."""
    env.reset(seed=1)
    sim = env.unwrapped
    twin = Twin(sim.world, sim.world_spec)
    for seen in walk(env, 20):
        drawn = twin.observe(OBS, *SIZE, "third")
        assert all(np.array_equal(drawn[name], seen[name]) for name in OBS)
    twin.close()


def test_it_is_what_a_world_of_that_weather_and_hour_shows_and_its_depth_is_the_same(env):
    env.reset(seed=1)
    sim = env.unwrapped
    twin = sim.twin(np.random.default_rng(0))
    assert twin.spec.weather != sim.world_spec.weather
    assert twin.spec.hour != sim.world_spec.hour
    assert twin.spec.replace(weather=sim.world_spec.weather, hour=sim.world_spec.hour) == sim.world_spec
    other = gym.make("GenieSim/Town-v0", spec=twin.spec, width=64, height=36, task="push_crate", view="third")
    assert np.array_equal(twin.observe(("rgb",), *SIZE, "third")["rgb"], other.reset(seed=5)[0])
    other.close()
    for seen in walk(env, 20):
        drawn = twin.observe(OBS, *SIZE, "third")
        assert np.array_equal(drawn["depth"], seen["depth"])
        assert np.array_equal(drawn["instance"], seen["instance"])
        assert np.abs(drawn["rgb"].astype(int) - seen["rgb"]).mean() > 5
    twin.close()


@pytest.mark.parametrize("event", [ObjectAdd("crate", 2, "ahead"), SceneTransition("desert"), WeatherChange("foggy")])
def test_events_that_change_the_scene_change_it_too(event):
    env = gym.make("GenieSim/Town-v0", spec=WorldSpec(scene="village"), obs=OBS, width=64, height=36)
    env.reset(seed=1)
    sim = env.unwrapped
    twin = Twin(sim.world, sim.world_spec.replace(weather="snowy"))
    twin.observe(OBS, *SIZE)
    sim.apply_event(event)
    seen = env.step(0)[0]
    drawn = twin.observe(OBS, *SIZE)
    assert np.array_equal(drawn["depth"], seen["depth"])
    assert np.array_equal(drawn["instance"], seen["instance"])
    assert twin.simulation.weather == "snowy"
    twin.close()
    env.close()
