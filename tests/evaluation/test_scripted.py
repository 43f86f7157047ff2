"""Cases that are scripted in the real simulator. Legend: H W image."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from place_world import PlaceWorld

import genie_gym.evaluation.scripted as scripted_module
from genie_gym.datasets.video import Episode
from genie_gym.errors import GenieGymError
from genie_gym.evaluation.moments import looked_at
from genie_gym.evaluation.scripted import Scripted, can_script, scripted_cases
from genie_gym.evaluation.walks import play_walk
from genie_gym.evaluation.walls import BEFORE, HELD, LAST, find_wall
from genie_gym.provenance import Provenance


class Walker(PlaceWorld):
    """Learned from rooms with furniture, if from anything."""

    frame_shape = (18, 32, 3)
    provenance = Provenance(
        {"kind": "gymnasium", "env_id": "GenieSim/Town-v0", "env_kwargs": {"scene": "indoor_rooms", "event_rate": 1.0}}
    )


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
    assert start[:3, 2] @ back[:3, 2] > 0.95
    np.testing.assert_allclose(back[:3, 3], again[:3, 3], atol=0.3)


def test_something_is_near_before_a_wall_and_nothing_on_a_free_way(cases):
    (_, wall), _, _ = cases
    ahead = np.median(wall.truth["depth"][:, 7:10, 14:18].astype(float), (1, 2))  # at the height of the eyes
    assert ahead[0] < BEFORE + 1
    assert ahead[1] > HELD / 24 * 2.5  # metres, at 3 a second
    assert wall.description["free_motion"] == pytest.approx([LAST / 24 * 3] * 2, rel=0.05)


def test_cases_say_what_stood_where_when_it_was_looked_at(cases):
    (walk, walls), (again,), _ = cases
    for case in (walk, walls, again):
        for look, pose in zip(looked_at(case), case.truth["pose"], strict=True):
            assert look.spec.scene == look.place.scene == "indoor_rooms"
            assert look.entrance.spawn[:2] == pytest.approx(pose[:2, 3].tolist())
            forward = np.cos(look.entrance.spawn[2]), np.sin(look.entrance.spawn[2])
            np.testing.assert_allclose(pose[:2, 2], forward, atol=1e-4)
    start, back, _ = (look.place for look in looked_at(walk))
    assert len(start.things) == len(back.things)
    assert looked_at(again)[0].place.to_json() == start.to_json()


class Still(Scripted):
    """Plays nothing; notes how often it was closed."""

    closed = 0

    def __init__(self, world):
        self.env = SimpleNamespace(close=lambda: setattr(Still, "closed", Still.closed + 1))

    def begin(self, rng):
        pass


def test_two_evaluations_at_once_play_each_case_once(tmp_path, monkeypatch):
    monkeypatch.setattr(scripted_module, "Scripted", Still)
    played = []

    def play(scripted, rng):
        played.append(float(rng.random()))
        time.sleep(0.02)
        return Episode(np.zeros((1, 18, 32, 3), np.uint8), description={"drawn": played[-1]})

    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(scripted_cases, Walker(), "walks", count, play, tmp_path) for count in (3, 4)]
        found = [[case.description["drawn"] for case in answer.result()] for answer in asked]
    assert len(played) == 4
    assert found == [played[:3], played]


def test_the_simulator_is_closed_when_a_case_fails(tmp_path, monkeypatch):
    monkeypatch.setattr(scripted_module, "Scripted", Still)
    monkeypatch.setattr(Still, "closed", 0)

    def play(scripted, rng):
        raise GenieGymError("no wall was found")

    with pytest.raises(GenieGymError, match="no wall"):
        scripted_cases(Walker(), "walls", 1, play, tmp_path)
    assert Still.closed == 1


def test_only_worlds_of_simulators_with_these_keys_are_scripted():
    assert can_script(Walker())
    for env_id in ("GenieSim/Arm-v0", "GenieSim/CoinRun-v0", "ALE/Pong-v5", ""):
        world = PlaceWorld()
        world.provenance = replace(world.provenance, source={"env_id": env_id})
        assert not can_script(world), env_id
