"""What the table of simulators declares is what they are."""

import gymnasium as gym
import pytest

import genie_gym  # noqa: F401
from genie_gym.envs.registration import find_spec, is_world, steps_together
from genie_gym.envs.simulators import SIMULATORS, find_simulator
from genie_gym.errors import GenieGymError

CAMERAS = [simulator for simulator in SIMULATORS.values() if simulator.ground_truth]


@pytest.mark.parametrize("simulator", CAMERAS, ids=lambda s: s.name)
def test_drivers_tasks_and_events_are_there(simulator):
    env = gym.make(simulator.id, width=16, height=16)
    sim = env.unwrapped
    assert set(sim.driver_names) == set(simulator.drivers)
    assert tuple(sim.tasks) == simulator.tasks
    assert hasattr(sim, "apply_event") == simulator.events
    assert hasattr(sim, "twin") == simulator.twins
    assert env.spec.max_episode_steps == simulator.max_episode_steps
    assert set(simulator.mix) <= {*simulator.drivers, "sticky", "random", "directed"}
    env.close()


def test_held_out_options_are_options():
    pytest.importorskip("gym3")
    for simulator in SIMULATORS.values():
        if simulator.held_out:
            gym.make(simulator.id, **simulator.held_out).close()


def test_every_simulator_is_found_by_id_and_short_name():
    assert find_simulator("town") is find_simulator("GenieSim/Town-v0") is not None
    assert find_simulator("CartPole-v1") is None
    assert find_simulator("") is None
    assert len({simulator.name for simulator in CAMERAS}) == len(CAMERAS)


def test_which_ids_step_together():
    assert [steps_together(i) for i in ("Genie1-v0", "GenieSim/CoinRun-v0", "GenieSim/Town-v0", "CartPole-v1")] == [
        True, True, False, False,
    ]  # fmt: skip
    assert is_world("Genie1-v0")
    assert not is_world("GenieSim/CoinRun-v0")
    with pytest.raises(GenieGymError, match="Did you mean 'CartPole-v1'"):
        find_spec("CartPol-v1")
