"""The rules, told of recordings, are those by which Town's tasks judge."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from genie_gym.envs.sim.town.goals import goals
from genie_gym.envs.sim.town.landmarks import landmark
from genie_gym.envs.sim.town.layout import Entity
from genie_gym.envs.sim.town.tasks import Find, ReachBeacon
from genie_gym.envs.sim.town.world import TownWorld
from genie_gym.geometry.goals import goals_of, told_goals

GOALS = {goal.task: goal for goal in goals_of(json.loads(json.dumps(goals())))}


class Standing(TownWorld):
    """A world that is nothing but where the agent stands."""

    position = np.zeros(3)

    def __init__(self, x: float, y: float, yaw: float):
        self.__dict__ |= {"position": np.array([x, y, 0.0]), "agent": SimpleNamespace(yaw=yaw)}


def pose_at(x: float, y: float, yaw: float) -> np.ndarray:
    """Camera to world, z up: x right, y down, z forward."""
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1], pose[:3, 2] = (np.sin(yaw), -np.cos(yaw), 0), (0, 0, -1), (np.cos(yaw), np.sin(yaw), 0)
    pose[:3, 3] = x, y, 1.6
    return pose


@pytest.mark.parametrize("kind", ["beacon", "church", "well", "market"])
def test_they_agree_with_the_tasks(kind):
    rng = np.random.default_rng(0)
    entity = Entity(kind, kind, kind, 3.0, -2.0, yaw=0.7, shape=None if kind == "beacon" else landmark(kind))
    task = ReachBeacon(rng) if kind == "beacon" else Find(rng, kind)
    task.beacon, task.targets = entity, [entity]  # type: ignore[union-attr]
    low, high = (np.zeros(3), np.zeros(3)) if kind == "beacon" else landmark(kind).bounds()
    middle = ((low + high) / 2)[:2]
    turned = np.array([[np.cos(0.7), -np.sin(0.7)], [np.sin(0.7), np.cos(0.7)]]) @ middle
    facts = {"centre": [3 + turned[0], -2 + turned[1], 1.0], "rotation": [np.cos(0.35), 0, 0, np.sin(0.35)]}
    graph = [{"id": 4, "class": kind, **facts}]
    places = rng.uniform(-1, 1, (300, 3)) * [10, 10, np.pi] + [3, -2, 0]
    poses = np.stack([pose_at(*place) for place in places])
    name = "reach_beacon" if kind == "beacon" else f"find:{kind}"
    rules = (GOALS[name],)
    reached = told_goals(rules, poses, np.full((300, 4, 4), 4), graph).reached(rules)[:, 0]
    assert reached.tolist() == [task.check(Standing(*place))[1] for place in places.tolist()]
    assert 0 < reached.sum() < 300


def test_what_does_not_show_is_not_reached():
    graph = [{"id": 4, "class": "beacon", "centre": [1, 0, 1], "rotation": [1, 0, 0, 0]}]
    instance = np.zeros((2, 10, 10), int)
    instance[1] = 4
    beacon = (GOALS["reach_beacon"],)
    told = told_goals(beacon, np.stack([pose_at(0, 0, 0)] * 2), instance, graph)
    assert told.reached(beacon)[:, 0].tolist() == [False, True]
    assert told.distance[1, 0] == pytest.approx(1.0)
