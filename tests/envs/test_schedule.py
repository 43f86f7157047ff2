"""Events that happen at given steps of episodes, or by chance."""

import json

import gymnasium as gym
import numpy as np
import pytest
from small_place import NOOP, empty_place, small_world

import genie_gym  # noqa: F401
from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.errors import GenieGymError
from genie_gym.text.spec import ObjectAdd, TimeOfDay, WeatherChange, event_from_json


@pytest.fixture(scope="module")
def world():
    return small_world()


def make(world, rows: int = 2, **more) -> GenieVectorEnv:
    return GenieVectorEnv(rows, world, place=empty_place(), action_mode="keyboard", **more)


def play(envs: GenieVectorEnv, steps: int) -> list:
    return [envs.step(np.full(envs.num_envs, NOOP)) for _ in range(steps)]


def test_what_is_scheduled_happens_in_its_step_and_is_told(world):
    envs, plain = make(world, events=[(3, "it becomes night"), (4, WeatherChange("foggy"))]), make(world)
    _, info = envs.reset(seed=1)
    plain.reset(seed=1)
    assert list(info["events"]) == ["", ""]
    told, others = play(envs, 5), play(plain, 5)
    assert [step[4]["events"][0] for step in told][:2] == ["", ""]
    same = [np.array_equal(one[0], other[0]) for one, other in zip(told, others, strict=True)]
    assert same[:2] == [True, True]
    assert not any(same[2:])
    assert event_from_json(json.dumps(json.loads(told[2][4]["events"][1])[0])) == TimeOfDay(23.0)
    assert [(one.step, one.event) for one in envs.event_logs[0]] == [(3, TimeOfDay(23.0)), (4, WeatherChange("foggy"))]


def test_each_row_has_its_own_and_the_others_see_nothing_of_it(world):
    envs = make(world, events=[[(1, "two hours later"), (2, "two hours later")], None])
    alone = make(world)
    envs.reset(seed=1)
    alone.reset(seed=1)
    told, others = play(envs, 3), play(alone, 3)
    assert all(np.array_equal(one[0][1], other[0][1]) for one, other in zip(told, others, strict=True))
    assert [one.event for one in envs.event_logs[0]] == [TimeOfDay(14.0), TimeOfDay(16.0)]
    assert envs.event_logs[1] == []


def test_a_reset_brings_others_and_the_next_episodes_have_them_too(world):
    envs = make(world, max_episode_steps=4)
    _, info = envs.reset(seed=0)
    assert "events" not in info
    envs.reset(seed=0, options={"events": [(2, "it becomes night")]})
    steps = [step[4]["events"][0] != "" for step in play(envs, 8)]
    assert steps == [False, True, False, False] * 2


def test_what_cannot_happen_is_logged_and_the_episode_goes_on(world):
    envs = make(world, rows=1, events=[(1, "the rain stops"), (2, "remove the trees")])
    envs.reset(seed=0)
    play(envs, 2)
    refused = envs.event_logs[0]
    assert [one.event for one in refused] == [None, None]
    assert "rain" in refused[0].refused
    assert "no tree" in refused[1].refused


def test_events_by_chance_follow_from_the_seed(world):
    def logs(seed: int) -> list:
        envs = make(world, rows=3, event_rate=400)
        envs.reset(seed=seed)
        play(envs, 24)
        return [[(one.step, one.event, one.refused) for one in row] for row in envs.event_logs]

    once, other = logs(5), logs(6)
    assert once == logs(5)
    assert once[1:] == other[:2]  # row i of the seed s is row i - 1 of s + 1
    assert sum(map(len, once)) > 10


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ("night", "pairs of a step"),
        ([(0, "night")], "steps from 1"),
        ([(3, "sing a song")], "sing a song"),
        ([(3, 4)], "pairs of a step"),
        ([[(3, "it becomes night")]], "one a row"),
        ([(3, ObjectAdd("submarine"))], "submarine"),
    ],
)
def test_schedules_that_are_none_are_refused(world, events, said):
    with pytest.raises(GenieGymError, match=said):
        make(world, events=events)
    envs = make(world)
    envs.reset(seed=0)
    with pytest.raises(GenieGymError, match=said):
        envs.reset(options={"events": events})


@pytest.mark.parametrize("rate", [-1, float("nan"), "often", 1e6])
def test_rates_that_are_none_are_refused(world, rate, as_users_call):
    with pytest.raises(GenieGymError, match="event_rate is how many"):
        make(world, event_rate=rate)


def test_nothing_happens_in_worlds_without_events():
    with pytest.raises(GenieGymError, match="nothing happens in a genie1 world"):
        GenieVectorEnv(1, "genie1", events=[(2, "it becomes night")])
    with pytest.raises(GenieGymError, match="no random events"):
        GenieVectorEnv(1, "genie1", event_rate=1)


def test_in_one_environment():
    env = gym.make("Genie3-v0", prompt="a village", action_mode="keyboard", size=(32, 48), events=[(2, "开始下雪")])
    env.reset(seed=0)
    infos = [env.step(NOOP)[4] for _ in range(3)]
    assert [bool(info["events"]) for info in infos] == [False, True, False]
    assert env.unwrapped.event_log[0].event == WeatherChange("snowy")
    env.close()
