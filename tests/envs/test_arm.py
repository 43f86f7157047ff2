import gymnasium as gym
import numpy as np
import pytest
from boxes import in_boxes, points_of
from gymnasium.utils.env_checker import check_env

import genie_gym  # noqa: F401
from genie_gym.envs.sim.arm.model import AGENT_STATE, CLASSES, TASKS, joint_angles
from genie_gym.errors import GenieGymError
from genie_gym.places.place import Place

ALL = ("rgb", "depth", "instance", "semantic", "pose", "intrinsics", "agent", "entities")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("options", [{}, {"obs": ALL, "task": "pick", "num_objects": 5}])
def test_it_is_a_gymnasium_environment(options):
    env = gym.make("GenieSim/Arm-v0", render_mode="rgb_array", **options)
    check_env(env.unwrapped)
    env.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "pik"}, "Did you mean 'pick'"),
        ({"num_objects": 9}, "from 1 to 5"),
        ({"fps": 10}, "one of 24, 12, 8, 6, 4, 3, 2, 1; got 10"),
        ({"obs": ("rbg",)}, "Did you mean 'rgb'"),
    ],
)
def test_bad_options_get_a_sentence(options, message):
    with pytest.raises(GenieGymError, match=message):
        gym.make("GenieSim/Arm-v0", **options)


@pytest.mark.parametrize("fps", [24, 8])
@pytest.mark.parametrize("task", TASKS)
def test_the_scripted_policy_solves_the_task(task, fps):
    env = gym.make("GenieSim/Arm-v0", task=task, obs=("agent",), fps=fps)
    solved = 0
    for seed in range(10):
        env.reset(seed=seed)
        driver = env.unwrapped.driver("expert", np.random.default_rng(seed))
        driver.begin()
        done = False
        while not done:
            _, reward, terminated, truncated, info = env.step(driver.act())
            done = terminated or truncated
        solved += info["is_success"]
        assert reward == float(info["is_success"])
    env.close()
    assert solved >= 9


def test_the_tip_goes_where_the_action_says():
    env = gym.make("GenieSim/Arm-v0", obs=("agent",))
    state, _ = env.reset(seed=0)
    for axis, move in ((0, (1, 0, 0, -1)), (1, (0, 1, 0, -1)), (2, (0, 0, 1, -1))):
        before = state
        for _ in range(5):
            state, *_ = env.step(np.array(move, np.float32))
        for _ in range(6):
            state, *_ = env.step(np.array([0, 0, 0, -1], np.float32))
        moved = state[:3] - before[:3]
        assert moved[axis] == pytest.approx(0.09, abs=0.015)
        assert np.abs(np.delete(moved, axis)).max() < 0.015
    opening = AGENT_STATE.index("opening")
    assert state[opening] > 0.07
    for _ in range(12):
        state, *_ = env.step(np.array([0, 0, 0, 1], np.float32))
    assert state[opening] < 0.02
    env.close()


def test_fewer_steps_a_second_are_the_same_seconds():
    states = []
    for fps in (24, 12):
        env = gym.make("GenieSim/Arm-v0", obs=("agent",), fps=fps)
        assert env.metadata["render_fps"] == fps
        env.reset(seed=0)
        for _ in range(fps // 2):
            state, *_ = env.step(np.array([0.5, -0.8, -0.3, 1], np.float32))
        states.append(state)
        env.close()
    assert np.array_equal(*states)


def test_joint_angles_point_the_gripper_down():
    for tip in ((0.3, 0.0, 0.1), (0.2, 0.15, 0.02), (0.3, -0.25, 0.25)):
        yaw, shoulder, elbow, wrist = joint_angles(np.array(tip))
        assert shoulder + elbow + wrist == pytest.approx(-np.pi / 2)
        assert yaw == pytest.approx(np.arctan2(tip[1], tip[0]))


def test_worlds_differ_by_seed_and_repeat_by_seed():
    env = gym.make("GenieSim/Arm-v0", obs=ALL)
    first, _ = env.reset(seed=1)
    other, _ = env.reset(seed=2)
    assert np.abs(first["rgb"].astype(int) - other["rgb"]).mean() > 3
    env.reset(seed=1)
    actions = [env.action_space.sample() for _ in range(20)]
    runs = []
    for _ in range(2):
        env.reset(seed=1)
        runs.append([env.step(action)[0] for action in actions])
    for a, b in zip(*runs, strict=True):
        assert all(np.array_equal(a[name], b[name]) for name in ALL)
    env.close()


def test_ground_truth_agrees():
    env = gym.make("GenieSim/Arm-v0", obs=ALL, width=240, height=180)
    seen, _ = env.reset(seed=3)
    pose, k = seen["pose"].astype(float), seen["intrinsics"]
    found = 0
    for item in env.unwrapped.scene_graph():
        mask = seen["instance"] == item["id"]
        if mask.sum() < 10:
            continue
        assert set(seen["semantic"][mask]) == {CLASSES.index(item["class"])}
        row, column = np.argwhere(mask).mean(0)
        depth = seen["depth"][mask].mean()
        ray = np.array([(column + 0.5 - k[0, 2]) / k[0, 0], (row + 0.5 - k[1, 2]) / k[1, 1], 1.0])
        point = pose[:3, :3] @ (ray * depth) + pose[:3, 3]
        assert np.linalg.norm(point - item["centre"]) < 0.04
        found += 1
    assert found >= 2
    env.close()


@pytest.mark.parametrize("task", [None, *TASKS])
def test_its_place_has_the_boxes_of_all_that_is_seen(task):
    env = gym.make("GenieSim/Arm-v0", task=task, obs=ALL)
    observation, _ = env.reset(seed=5)
    for _ in range(12):
        observation = env.step(np.array([1, 0.6, -0.5, -1], np.float32))[0]
    place = env.unwrapped.place()
    for number in np.unique(observation["instance"][observation["instance"] > 0]):
        there = observation["instance"] == number
        things = [thing for thing in place.things if thing.id == number]
        assert {thing.name for thing in things} == {CLASSES[observation["semantic"][there][0]]}
        assert in_boxes(points_of(observation, there), things, slack=0.01).mean() > 0.97
    by_id = {thing.id: thing for thing in place.things}
    for facts in env.unwrapped.scene_graph():
        thing = by_id[facts["id"]]
        assert thing.name == facts["class"]
        assert thing.movable
        assert np.allclose(thing.centre, facts["centre"], atol=1e-4)
        assert np.allclose(thing.size, facts["size"], atol=2e-3)
    again = Place.from_json(place.to_json())
    assert again.height(0.0, 0.0) == pytest.approx(-0.78)
    assert len(again.things) == len(place.things)
    env.close()
