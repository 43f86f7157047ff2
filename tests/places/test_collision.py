"""Walls stop, gates let through, one slides; crates are pushed; bridges carry."""

import math

import pytest
import torch
from places.blocks import library

from genie_gym.errors import GenieGymError
from genie_gym.places.collision import floor, move
from genie_gym.places.place import Place, Thing, Water
from genie_gym.places.table import tables

LIBRARY = library()


def standing(*things, rows=1, **more):
    return tables(
        [Place(base="grass", beyond="grass", things=things, **more)] * rows, LIBRARY, list(range(rows)), capacity=32
    )


def walk(tables_, start, heading, metres, pace=0.2):
    """Where one gets from `start` (x, y, z) in steps, and in how many something was in the way."""
    position = torch.tensor([start], dtype=torch.float32)
    step = torch.tensor([[math.cos(heading), math.sin(heading)]], dtype=torch.float32) * pace
    bumps = 0
    for _ in range(round(metres / pace)):
        position, blocked = move(*tables_, LIBRARY, position, step)
        bumps += int(blocked)
    return position[0].tolist(), bumps


WALL = Thing("wall", (5.0, 0.0, 1.5), (8.0, 0.5, 3.0), math.pi / 2)


def test_free_ground_does_not_stop():
    (x, y, z), bumps = walk(standing(), (0.0, 0.0, 0.0), 0.5, 10)
    assert bumps == 0
    assert math.hypot(x, y) == pytest.approx(10, abs=1e-3)
    assert z == 0


@pytest.mark.parametrize("pace", [0.1, 0.4, 0.8])
def test_walls_stop_and_one_slides_along_them(pace):
    (x, y, _), bumps = walk(standing(WALL), (0.0, 0.0, 0.0), 0.0, 8, pace)
    assert 4.2 < x < 4.5
    assert abs(y) < 0.3
    assert bumps > 0
    (x, y, _), _ = walk(standing(WALL), (0.0, -3.0, 0.0), 0.8, 8, pace)
    assert y > 1.5
    assert x < 4.5 or y > 4


@pytest.mark.parametrize("degrees", [15, 30, 45, 60, 75])
def test_one_slides_as_fast_as_the_wall_lets_one(degrees):
    heading = math.radians(90 - degrees)
    long = Thing("wall", (2.0, 0.0, 1.5), (60.0, 0.5, 3.0), math.pi / 2)
    (x, y, _), _ = walk(standing(long), (1.3, -8.0, 0.0), heading, 12)
    assert x < 1.46
    assert (y + 8) / 12 == pytest.approx(math.cos(math.radians(degrees)), rel=0.06)


def test_gates_let_through_and_their_posts_do_not():
    gate = Thing("gate", (5.0, 0.0, 2.0), (6.0, 0.8, 4.0), math.pi / 2)
    (x, _, _), bumps = walk(standing(gate), (0.0, 0.0, 0.0), 0.0, 8)
    assert x == pytest.approx(8, abs=0.01)
    assert bumps == 0
    (x, _, _), _ = walk(standing(gate), (0.0, 2.0, 0.0), 0.0, 5.6)
    assert x < 4.4


def test_bridges_are_walked_over_but_not_from_the_side():
    bridge = Thing("bridge", (5.0, 0.0, 0.5), (8.0, 2.0, 1.0))
    highest = 0.0
    position = torch.tensor([[0.0, 0.0, 0.0]])
    things = standing(bridge)
    for _ in range(25):
        position, blocked = move(*things, LIBRARY, position, torch.tensor([[0.2, 0.0]]))
        assert not blocked
        highest = max(highest, float(position[0, 2]))
    assert 0.85 < highest < 1.15
    (_, y, _), _ = walk(standing(bridge), (5.0, -3.0, 0.0), math.pi / 2, 6)
    assert y < -1.2


def test_houses_are_closed_and_who_stands_in_one_can_leave():
    house = Thing("building", (5.0, 0.0, 2.0), (6.0, 4.0, 4.0))
    (x, y, _), _ = walk(standing(house), (5.0, -2.1, 0.0), -math.pi / 2, 3)
    assert y < -4
    assert x == pytest.approx(5, abs=1.0)


def test_who_touches_a_wall_slides_along_it_and_out_of_a_corner():
    inner_face = WALL.centre[0] - WALL.size[1] / 2
    (x, y, _), _ = walk(standing(WALL), (inner_face - 0.25, -3.0, 0.0), 0.5, 4)  # closer than its radius
    assert y > -2
    assert x < inner_face
    corner = standing(WALL, Thing("wall", (2.0, 4.0, 1.5), (8.0, 0.5, 3.0)))
    (x, y, _), _ = walk(corner, (inner_face - 0.25, 3.55, 0.0), math.radians(200), 2)
    assert x < 3.4
    (x, y, _), _ = walk(standing(WALL), (inner_face - 0.25, 0.0, 0.0), 0.0, 8)
    assert x < inner_face


def test_crates_are_pushed_until_something_is_behind_them():
    crate = Thing("crate", (2.0, 0.0, 0.5), (1.0, 1.0, 1.0), movable=True)
    state = standing(crate, WALL)
    (x, _, _), _ = walk(state, (0.0, 0.0, 0.0), 0.0, 3)
    assert x == pytest.approx(3.0, abs=0.05)
    assert float(state[0].centre[0, 0, 0]) == pytest.approx(3.8, abs=0.1)
    (x, _, _), bumps = walk(state, (x, 0.0, 0.0), 0.0, 4)
    assert bumps > 0
    assert float(state[0].centre[0, 0, 0]) < 4.3
    assert x < 3.5


def test_low_things_are_stepped_on_and_fixed_ones_stay():
    plinth = Thing("crate", (2.0, 0.0, 0.1), (2.0, 2.0, 0.2))
    state = standing(plinth)
    (_, _, z), bumps = walk(state, (0.0, 0.0, 0.0), 0.0, 2)
    assert bumps == 0
    assert z == pytest.approx(0.2, abs=1e-5)
    assert state[0].centre[0, 0].tolist() == pytest.approx([2.0, 0.0, 0.1])
    assert float(floor(*state, LIBRARY, torch.tensor([[2.0, 0.0, 1.0]]))[0]) == pytest.approx(0.2)


def test_the_square_ends_and_deep_water_stops():
    (x, _, _), _ = walk(standing(), (30.0, 0.0, 0.0), 0.0, 5)
    assert 31.4 < x <= 31.71
    pond = {"waters": (Water(-1.5, (3.0, -32.0, 10.0, 32.0)),)}
    hollow = torch.full((49, 49), -1.0).numpy()
    (x, _, _), _ = walk(standing(heights=hollow, **pond), (0.0, 0.0, -1.0), 0.0, 6)
    assert 2.3 < x < 2.8
    ford = {"waters": (Water(0.0, (3.0, -32.0, 10.0, 32.0), shallow=True),)}
    (x, _, _), _ = walk(standing(heights=hollow, **ford), (0.0, 0.0, -1.0), 0.0, 6)
    assert x == pytest.approx(6, abs=0.01)


def test_rows_do_not_depend_on_each_other():
    crate = Thing("crate", (1.2, 0.2, 0.5), (1.0, 1.0, 1.0), 0.3, movable=True)
    things, ground = standing(crate, WALL, rows=5)
    position = torch.tensor([[0.1 * k, 0.3 * k - 0.6, 0.0] for k in range(5)])
    step = torch.tensor([[0.3, 0.05 * k] for k in range(5)])
    alone = things.select([3]), ground.select([3])
    place, blocked = move(things, ground, LIBRARY, position, step)
    one, hit = move(*alone, LIBRARY, position[3:4], step[3:4])
    assert torch.equal(one[0], place[3])
    assert bool(hit[0]) == bool(blocked[3])
    assert torch.equal(alone[0].centre[0], things.centre[3])


def test_what_is_not_finite_is_refused():
    with pytest.raises(GenieGymError, match="finite"):
        move(*standing(), LIBRARY, torch.zeros(1, 3), torch.full((1, 2), math.nan))
