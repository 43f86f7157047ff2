import math
from dataclasses import replace

import pytest

from genie_gym.geometry.scene_graph.match import MatchConfig, match_graphs
from genie_gym.geometry.scene_graph.scene import SceneGraph, SceneObject

POSE = tuple(tuple(float(i == j) for j in range(4)) for i in range(4))


def thing(number: int, name: str, x: float, z: float, size: float = 1.0, pixels: int = 100) -> SceneObject:
    return SceneObject(number, name, (x, 0.0, z), (size, 1.0, size), 0.0, 1.0, 0, 0, pixels)


def scene(*things: SceneObject) -> SceneGraph:
    return SceneGraph(0, POSE, things, ())


TRUE = scene(thing(1, "crate", 0, 5), thing(2, "crate", 2, 5), thing(3, "tree", 0, 8))


def test_the_truth_finds_itself():
    match = match_graphs(TRUE, TRUE)
    assert (match.precision, match.recall) == (1, 1)
    assert match.pairs == ((1, 1), (2, 2), (3, 3))
    assert match.metres == (0, 0, 0)


def test_a_wrong_class_a_wrong_place_and_a_double_are_wrong():
    found = scene(thing(7, "tree", 0, 5), thing(8, "crate", 4.5, 5), thing(9, "tree", 0.3, 8), thing(10, "tree", -0.2, 8))
    match = match_graphs(found, TRUE)
    assert match.precision == pytest.approx(1 / 4)
    assert match.recall == pytest.approx(1 / 3)
    assert match.pairs == ((10, 3),)


def test_of_large_things_the_side_that_is_seen_will_do():
    wall = scene(thing(1, "castle", 0, 12, size=12))
    assert match_graphs(scene(thing(5, "castle", 0, 5.5, size=2)), wall).recall == 1
    assert match_graphs(scene(thing(5, "castle", 0, 3.5, size=2)), wall).recall == 0


def test_what_does_not_count_is_neither_right_nor_wrong():
    far, small = thing(4, "tree", 0, 15), thing(5, "pot", 1, 3, pixels=MatchConfig().pixels - 1)
    truth = scene(*TRUE.objects, far, small)
    assert match_graphs(TRUE, truth).recall == 1
    with_small = match_graphs(scene(*TRUE.objects, replace(small, pixels=100)), truth)
    assert (with_small.precision, with_small.found) == (1, 3)
    remembered = replace(thing(9, "pot", -2, 2), pixels=0)  # out of sight
    assert match_graphs(scene(*TRUE.objects, remembered), truth).precision == 1


def test_of_nothing_there_is_no_share():
    match = match_graphs(scene(), scene())
    assert math.isnan(match.precision)
    assert math.isnan(match.recall)
