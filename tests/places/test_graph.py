"""A table as a scene graph."""

import math

import numpy as np
import pytest
from places.blocks import library, looking

from genie_gym.places.graph import scene_graph
from genie_gym.places.place import Place, Thing
from genie_gym.places.table import tables

LIBRARY = library()


def graph(*things, origin, pose):
    table, _ = tables([Place(base="grass", beyond="grass", things=things)], LIBRARY, [0], capacity=8)
    first, last, pixels = np.full(8, -1), np.full(8, -1), np.zeros(8, int)
    first[: len(things)], last[: len(things)], pixels[: len(things)] = 0, 3, 50
    poses = pose[0].numpy().astype(float), origin[0].numpy().astype(float)
    return scene_graph(table, 0, LIBRARY, *poses, 3, first, last, pixels)


def test_boxes_are_in_the_axes_of_the_first_camera():
    wall = Thing("wall", (5.0, 4.0, 1.5), (8.0, 0.5, 3.0), math.pi / 2)
    start = looking((5.0, -2.0, 1.6), math.pi / 2, -0.3)  # looks north
    found = graph(wall, origin=start, pose=start).objects[0]
    assert found.name == "wall"
    assert found.centre == pytest.approx((0.0, 0.1, 6.0), abs=1e-5)
    assert found.size == pytest.approx((0.5, 3.0, 8.0))
    assert found.heading == pytest.approx(0.0, abs=1e-6)
    corners = found.corners()
    assert corners[:, 2].min() == pytest.approx(2.0, abs=1e-5)
    assert corners[:, 0].max() == pytest.approx(0.25, abs=1e-5)
    turned = graph(Thing("wall", (5.0, 4.0, 1.5), (8.0, 0.5, 3.0), math.pi / 2 - 0.3), origin=start, pose=start).objects[0]
    assert turned.heading == pytest.approx(0.3, abs=1e-6)  # to the right
    east = turned.corners()[turned.corners()[:, 2] > 6][:, 0].mean()
    assert east > 0.5  # its far end lies to the right


def test_things_are_related_and_what_was_not_seen_is_left_out():
    crates = [Thing("crate", (x, y, 0.5), (1.0, 1.0, 1.0)) for x, y in ((5.0, 1.0), (6.0, -2.0))]
    start = looking((0.0, 0.0, 1.6))
    made = graph(*crates, origin=start, pose=start)
    assert [thing.id for thing in made.objects] == [1, 2]
    assert {(r.first, r.name, r.second) for r in made.relations} >= {(1, "left of", 2), (2, "right of", 1)}
    table, _ = tables([Place(base="grass", beyond="grass", things=tuple(crates))], LIBRARY, [0], capacity=8)
    poses = [start[0].numpy().astype(float)] * 2
    none = scene_graph(table, 0, LIBRARY, *poses, 3, np.array([0, -1] + [-1] * 6), np.zeros(8, int), np.zeros(8, int))
    assert [thing.id for thing in none.objects] == [1]
