"""Goals as files say them; that they agree with Town's tasks is tested with these (`envs/test_town_goals.py`)."""

import json
import math

import numpy as np
import pytest

from genie_gym.errors import GenieGymError
from genie_gym.geometry.goals import Goal, goals_of, told_goals

WELL = {"task": "find:well", "kind": "well", "reach": 3.0, "half_angle": 0.5, "middle": [0.0, 0.2], "half": [1.4, 1.4]}


def test_goals_survive_json():
    said = json.loads(json.dumps([WELL, {"task": "reach_beacon", "kind": "beacon", "reach": 1.5}]))
    assert goals_of(said) == (
        Goal("find:well", "well", 3.0, 0.5, (0.0, 0.2), (1.4, 1.4)),
        Goal("reach_beacon", "beacon", 1.5),
    )


@pytest.mark.parametrize(
    "said",
    [
        *({name: value} for name in ("task", "kind") for value in ("", ".", "../../x", "a\0b", "x" * 61, 3, None)),
        *({"reach": value} for value in (0, -5, True, math.nan, math.inf, "3", None, 10**400)),
        *({"half_angle": value} for value in ([], -1, "x", math.nan)),
        *({name: value} for name in ("middle", "half") for value in ("12", [1], [1, 2, 3], 3, [10**400, 0], [None, 0])),
        {"colour": "red"},
    ],
    ids=str,
)
def test_what_is_no_goal_is_refused_in_a_sentence(said):
    with pytest.raises(GenieGymError):
        goals_of([WELL | said])


@pytest.mark.parametrize("said", [{"a": 1}, "abc", 3, [1], [WELL] * 2, [WELL] * 1001], ids=lambda said: str(said)[:20])
def test_what_are_no_goals_is_refused_in_a_sentence(said):
    with pytest.raises(GenieGymError):
        goals_of(said)


def test_a_goal_is_reached_near_and_in_view():
    """A well three metres ahead of where the camera stands, one step, and beside it."""
    (goal,) = goals_of([WELL])
    poses = np.tile(np.eye(4), (3, 1, 1))
    poses[:, :3, :3] = np.array([[0, 0, 1], [-1, 0, 0], [0, -1, 0]])  # looks along x, z is up
    poses[:, 0, 3] = [-9, -4, -4]
    poses[2, :3, :3] = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])  # looks along y
    graph = [{"id": 2, "class": "well", "centre": [0, 0.2, 1], "rotation": [1, 0, 0, 0]}]
    told = told_goals([goal], poses, np.full((3, 4, 4), 2), graph)
    assert told.reached([goal])[:, 0].tolist() == [False, True, False]
    assert told.distance[:2, 0] == pytest.approx([7.6, 2.6])
