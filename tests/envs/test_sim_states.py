"""Saved moments of the simulators: played again they are the same to the bit, here and in another environment."""

import pickle

import gymnasium as gym
import numpy as np
import pytest

import genie_gym  # noqa: F401
from genie_gym.envs.sim.town.keys import FORWARD, JUMP, LEFT, NOOP
from genie_gym.errors import GenieGymError
from genie_gym.text.spec import (
    CharacterAdd,
    ObjectAdd,
    PhysicsModifier,
    SceneTransition,
    TimeOfDay,
    WeatherChange,
    WorldSpec,
)

SMALL = {"width": 48, "height": 32}
ALL = ("rgb", "depth", "instance", "semantic", "pose", "agent", "entities")
VILLAGE = WorldSpec(scene="village", weather="rainy", seed=4)
EVENTS = {
    5: ObjectAdd("barrel", 2), 12: CharacterAdd("dog", "follow"), 20: WeatherChange("snowy"),
    28: PhysicsModifier(gravity=4.0), 36: TimeOfDay(21.0), 44: SceneTransition("desert"), 50: ObjectAdd("ball", 1),
}  # fmt: skip


@pytest.fixture
def make():
    made = []

    def build(env_id: str, **options) -> gym.Env:
        env = gym.make(env_id, **SMALL | {"obs": ALL} | options)
        made.append(env)
        return env

    yield build
    for env in made:
        env.close()


def play(env: gym.Env, actions: list, events: dict | None = None) -> list:
    """All that these steps bring, as comparable values."""
    brought = []
    for t, action in enumerate(actions):
        if events and t in events:
            env.unwrapped.apply_event(events[t])
        observation, reward, terminated, truncated, info = env.step(action)
        info = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in info.items()}
        seen = {name: value.tobytes() for name, value in observation.items()}
        brought.append((seen, reward, terminated, truncated, info, env.unwrapped.scene_graph()))
    return brought


def keys(steps: int) -> list[int]:
    rng = np.random.default_rng(0)
    return [int(key) for key in rng.choice([FORWARD, FORWARD, LEFT, JUMP, NOOP, 10], steps)]


def test_a_town_plays_again_to_the_bit_through_every_event(make):
    options = {"spec": VILLAGE, "task": "collect_coins", "event_rate": 60.0}
    env = make("GenieSim/Town-v0", **options)
    env.reset(seed=1)
    play(env, keys(15), {3: ObjectAdd("crate", 1, "ahead")})
    saved = env.unwrapped.save_state()
    shown = env.unwrapped.look(ALL, 48, 32, 0)
    first = play(env, keys(60), EVENTS)
    assert first[-1][4]["num_events"] > len(EVENTS)  # random ones too
    again = env.unwrapped.load_state(saved)  # in the desert by now
    assert all(np.array_equal(again[name], shown[name]) for name in ALL)
    assert play(env, keys(60), EVENTS) == first
    other = make("GenieSim/Town-v0", **options)
    other.reset(seed=77)
    other.unwrapped.load_state(pickle.loads(pickle.dumps(saved)))
    assert play(other, keys(60), EVENTS) == first
    assert other.unwrapped.world_spec == env.unwrapped.world_spec
    assert other.reset()[1]["agent"].tolist() == env.reset()[1]["agent"].tolist()  # later episodes too


def test_branches_of_a_town_do_not_touch_each_other(make):
    env, other = make("GenieSim/Town-v0", spec=VILLAGE), make("GenieSim/Town-v0", spec=VILLAGE).unwrapped
    env.reset(seed=1)
    saved = env.unwrapped.save_state()
    calm = play(env, keys(12))
    for branch in (env, other):
        branch.unwrapped.load_state(saved)
        play(branch, keys(6), {2: SceneTransition("arena"), 4: WeatherChange("foggy")})
    env.reset(seed=2)
    other.unwrapped.load_state(saved)
    assert play(other, keys(12)) == calm


def test_a_seed_changes_what_is_random_in_a_town_and_nothing_else(make):
    spec = WorldSpec(scene="village", characters=(), seed=4)
    env = make("GenieSim/Town-v0", spec=spec, event_rate=120.0)
    env.reset(seed=1)
    saved = env.unwrapped.save_state()

    def futures(seed) -> tuple[bytes, list]:
        shown = env.unwrapped.load_state(saved, seed=seed)["rgb"].tobytes()
        play(env, [NOOP] * 48)
        return shown, env.unwrapped.events_json

    first, second, third = futures(1), futures(2), futures(1)
    assert first[0] == second[0]
    assert first[1] != second[1]
    assert first == third


@pytest.mark.parametrize("task", [None, "pick"])
def test_an_arm_plays_again_to_the_bit(task, make):
    env = make("GenieSim/Arm-v0", task=task, num_objects=4)
    env.reset(seed=3)
    driver = env.unwrapped.driver("pick", np.random.default_rng(0))
    driver.begin()
    play(env, [driver.act() for _ in range(40)])
    saved = env.unwrapped.save_state()
    actions = list(np.random.default_rng(1).uniform(-1, 1, (60, 4)).astype(np.float32))
    first = play(env, actions)
    env.unwrapped.load_state(saved)
    assert play(env, actions) == first
    other = make("GenieSim/Arm-v0", task=task, num_objects=2)
    other.reset(seed=9)
    other.unwrapped.load_state(pickle.loads(pickle.dumps(saved)))
    assert play(other, actions) == first
    assert other.reset()[1]["agent"].tolist() == env.reset()[1]["agent"].tolist()


@pytest.mark.parametrize("env_id", ["GenieSim/Town-v0", "GenieSim/Arm-v0"])
def test_truncation_counts_the_states_own_steps(env_id, make):
    env = make(env_id, max_episode_steps=6)
    env.reset(seed=0)
    action = env.action_space.sample() * 0
    for _ in range(4):
        env.step(action)
    saved = env.unwrapped.save_state()
    env.reset()
    env.step(action)
    env.unwrapped.load_state(saved)
    assert [env.step(action)[3] for _ in range(2)] == [False, True]


def test_what_is_no_state_or_option_gets_a_sentence(make):
    town, arm = (make(f"GenieSim/{name}-v0").unwrapped for name in ("Town", "Arm"))
    for env in (town, arm):
        with pytest.raises(GenieGymError, match="call reset"):
            env.save_state()
        with pytest.raises(GenieGymError, match=r"unknown reset option 'start_frame'\. Known: task"):
            env.reset(options={"start_frame": 1})
        with pytest.raises(GenieGymError, match="Did you mean 'task'"):
            env.reset(options={"tsk": "reach"})
    arm.reset(seed=0, options={})
    with pytest.raises(GenieGymError, match="TownEnv loads what its save_state returned; given one of ArmEnv"):
        town.load_state(arm.save_state())
    with pytest.raises(GenieGymError, match="a seed is"):
        arm.load_state(arm.save_state(), seed=-1)


def test_states_travel_to_other_processes_and_back():
    envs = gym.make_vec("GenieSim/Arm-v0", num_envs=2, vectorization_mode="async", max_episode_steps=9, **SMALL)
    try:
        envs.reset(seed=0)
        actions = np.full((2, 4), 0.5, np.float32)
        for _ in range(3):
            frames = envs.step(actions)[0]
        first, _ = envs.call("save_state")
        assert all(np.array_equal(frame, frames[0]) for frame in envs.call("load_state", first))
        for left in range(6, 0, -1):
            after, _, _, truncated, _ = envs.step(actions)
            assert truncated.tolist() == [left == 1] * 2
            assert np.array_equal(after[0], after[1])
    finally:
        envs.close()
