"""Cases that are scripted in the real simulator. Legend: H W image."""

import numpy as np
import pytest
from place_world import PlaceWorld

from genie_gym.evaluation.scripted import Scripted, can_script, scripted_cases
from genie_gym.evaluation.walks import play_walk
from genie_gym.evaluation.walls import BEFORE, HELD, LAST, find_wall


class Walker(PlaceWorld):
    """Learned from rooms with furniture, if from anything."""

    frame_shape = (18, 32, 3)
    source = {"kind": "gymnasium", "env_id": "GenieSim/Town-v0", "env_kwargs": {"scene": "indoor_rooms", "event_rate": 1.0}}


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """One of each kind; and how often each was played, however often it is asked for."""
    cache, played = tmp_path_factory.mktemp("cache"), []

    def walk(scripted, rng):
        played.append("walk")
        return play_walk(scripted, rng, 120)

    found = [scripted_cases(Walker(), "walks", 1, walk, cache) for _ in range(2)]
    return found[0] + scripted_cases(Walker(), "walls", 1, find_wall, cache), found[1], played


def test_cases_are_played_once_and_kept(cases):
    (walk, _), (again,), played = cases
    assert played == ["walk"]
    for name in ("depth", "instance", "pose"):
        np.testing.assert_array_equal(walk.truth[name], again.truth[name])
    assert walk.frames.shape == (3, 18, 32, 3)


def test_a_walk_comes_back_and_its_second_run_sees_the_same_place(cases):
    (walk, _), _, _ = cases
    assert len(walk.description["keys"]) == 120
    start, back, again = walk.truth["pose"]
    assert np.linalg.norm(start[:3, 3] - back[:3, 3]) < 0.5
    np.testing.assert_allclose(start[:3, :3], back[:3, :3], atol=1e-3)
    np.testing.assert_allclose(back[:3, 3], again[:3, 3], atol=0.3)


def test_the_wall_is_where_the_agent_is_stopped_and_the_way_is_free(cases):
    (_, wall), _, _ = cases
    scripted = Scripted(Walker())
    forward = wall.description["key"]
    assert scripted.keys["forward"] == forward
    rng = np.random.default_rng([1 << 31, *b"walls", 0])
    scripted.env.reset(seed=(1 << 31) + int(rng.integers(2**31)))
    went = {}
    for name, pose in zip(("wall", "way"), wall.truth["pose"], strict=True):
        sim = scripted.sim  # put where the case begins, it walks as the case says
        agent = sim.world.agent
        q = agent.simulation.agent_qpos
        agent.yaw = float(np.arctan2(pose[1, 2], pose[0, 2]))
        agent.simulation.data.qpos[q[:3]] = pose[:3, 3] - (0, 0, 1.6)
        agent.simulation.data.qvel[:] = 0
        places = scripted.play(np.full(HELD, forward))[:, :3, 3]
        went[name] = np.linalg.norm(places[-1] - places[-1 - LAST])
        if name == "wall":
            assert np.linalg.norm(places[-1] - pose[:3, 3]) < BEFORE + 0.3
    free = wall.description["free_motion"]
    assert went["wall"] < 0.25 * free[0]
    assert went["way"] > 0.8 * free[1]


def test_only_worlds_of_simulators_with_these_keys_are_scripted():
    assert can_script(Walker())
    for env_id in ("GenieSim/Arm-v0", "GenieSim/CoinRun-v0", "ALE/Pong-v5", ""):
        world = PlaceWorld()
        world.source = {"env_id": env_id}
        assert not can_script(world), env_id
