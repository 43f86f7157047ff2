"""What there is to do in a place made of things: where it is put, and when it is done."""

import math

import numpy as np
import pytest
import torch
from small_place import BACK, FORWARD, KEYS, NOOP, empty_place, small_place, small_world, thing

from genie_gym.errors import GenieGymError
from genie_gym.genie3.walkable import Ways, blocked_cells, free_cells
from genie_gym.genie3.world import Genie3World
from genie_gym.imagine import read_prompt
from genie_gym.places.table import tables
from genie_gym.world import Start, instruction


@pytest.fixture(scope="module")
def world() -> Genie3World:
    return small_world()


def named(world: Genie3World, state, name: str, row: int = 0) -> np.ndarray:
    """Centres [n, 3] of the things of a class."""
    return state.things.centre[row][state.things.label[row] == world.classes.index(name)].numpy()


def play(world, state, key: int, most: int = 200):
    """Holds a key until something is earned: the state, the reward, whether it ended, and how many steps it took."""
    for step in range(most):
        state, told = world.step(state, world.key_actions(state, torch.full((state.num_rows,), key)))
        if bool(told.rewards.any()):
            return state, float(told.rewards.sum()), bool(told.terminated.all()), step + 1
    return state, 0.0, False, most


def ways_of(world: Genie3World, state, row: int = 0) -> tuple[Ways, np.ndarray]:
    half = float(state.ground.half[row])
    ways = Ways(free_cells(blocked_cells(state.things, state.ground, world.library, row), half), half)
    return ways, ways.distances(state.walker.feet[row : row + 1, :2].numpy())


def test_tasks_are_those_that_recordings_and_the_library_know(world):
    assert world.tasks == ("reach_beacon", "find:well", "reach_beacon:near", "collect_coins", "push_crate")
    assert [instruction(task) for task in world.tasks[:2]] == ["reach the beacon", "find the well"]


def test_a_beacon_stands_where_one_can_walk_to_and_not_too_near(world):
    start = Start(tasks=["reach_beacon"] * 4)
    state = world.reset(torch.arange(4), start)
    for row in range(4):
        ((x, y, _),) = named(world, state, "beacon", row)
        _, far = ways_of(world, state, row)
        ways = Ways(np.isfinite(far), float(state.ground.half[row]))
        cell = tuple(ways.cell_of(np.array([[x, y]]))[0])
        around = far[cell[0] - 3 : cell[0] + 4, cell[1] - 3 : cell[1] + 4]
        assert np.isfinite(around).any()  # the beacon itself is in the way
        assert around[np.isfinite(around)].max() > 10


def test_reaching_the_beacon_pays_once_and_ends(world):
    place = empty_place(20.0, thing("beacon", 6.0, 0.0))
    state = world.reset(torch.arange(1), Start(places=[place], tasks=["reach_beacon"]))
    state.things.remove(state.things.label == world.classes.index("beacon"))
    state.things.put(torch.tensor([0]), tables([place], world.library, [0], world.config.capacity)[0])
    state, reward, ended, steps = play(world, state, FORWARD)
    assert (reward, ended) == (1.0, True)
    assert 35 <= steps <= 38  # 4.5 m of the way
    _, told = world.step(state, world.key_actions(state, torch.tensor([NOOP])))
    assert not told.rewards.any()
    assert not told.terminated.any()


def test_a_near_beacon_is_in_view(world):
    state = world.reset(torch.arange(3), Start(tasks=["reach_beacon:near"] * 3))
    beacon = world.classes.index("beacon")
    for row in range(3):
        offset = named(world, state, "beacon", row)[0, :2] - state.walker.feet[row, :2].numpy()
        angle = math.atan2(offset[1], offset[0]) - float(state.walker.yaw[row])
        assert abs((angle + math.pi) % (2 * math.pi) - math.pi) < world.config.tasks.near_angle + 0.1
        assert 3 < np.hypot(*offset) < 14
    assert (state.extras["semantic"] == beacon).any((1, 2)).sum() >= 2


def test_the_well_is_found_by_going_near_and_looking_at_it(world):
    place = empty_place(20.0, thing("well", 8.0, 0.0))
    state = world.reset(torch.arange(1), Start(places=[place], tasks=["find:well"]))
    _, reward, ended, steps = play(world, state.clone(), FORWARD)
    assert (reward, ended) == (1.0, True)
    assert 31 <= steps <= 34  # to 3 m of its edge
    looking_away = state.clone()
    looking_away.walker.yaw += math.pi
    assert play(world, looking_away, BACK, 60)[1] == 0.0


def test_what_is_to_be_found_is_in_any_place_and_one_begins_far_from_it(world):
    state = world.reset(torch.arange(6), Start(tasks=["find:well"] * 6))
    away = [np.hypot(*(named(world, state, "well", row)[0, :2] - state.walker.feet[row, :2].numpy())) for row in range(6)]
    assert np.median(away) > 8
    bare = world.reset(torch.arange(1), Start(places=[empty_place()], tasks=["find:well"]))
    assert len(named(world, bare, "well")) == 1


def test_a_task_and_a_prompt_go_together(world):
    prompt = read_prompt(world, "a desert at night")
    state = world.reset(torch.arange(2), Start(prompts=[prompt, None], tasks=["find:well", "collect_coins"]))
    assert world.places(state)[0].scene == "desert"
    assert len(named(world, state, "well")) == 1
    assert float(state.condition.hour[0]) == 23.0


def test_coins_are_taken_and_the_last_one_ends_it(world):
    state = world.reset(torch.arange(1), Start(places=[empty_place()], tasks=["collect_coins"]))
    coins = named(world, state, "coin")
    assert len(coins) == 5
    assert np.allclose(coins[:, 2], 0.58 + 0.3, atol=0.01)
    assert all(np.hypot(*(a - b)[:2]) > 4 for k, a in enumerate(coins) for b in coins[:k])
    for taken, (x, y, _) in enumerate(coins):
        state.walker.feet = torch.tensor([[x - 1.0, y, 0.0]], dtype=torch.float32)
        state.walker.yaw, state.walker.velocity = torch.zeros(1), torch.zeros(1, 3)
        state, reward, ended, _ = play(world, state, FORWARD, 12)
        assert reward == 1.0
        assert ended == (taken == 4)
        assert len(named(world, state, "coin")) == 4 - taken


def test_pushing_the_crate_onto_the_mark(world):
    state = world.reset(torch.arange(1), Start(places=[empty_place()], tasks=["push_crate"]))
    crate, mark = named(world, state, "crate")[0, :2], named(world, state, "mark")[0, :2]
    way = (mark - crate) / np.hypot(*(mark - crate))
    start = crate - 1.3 * way
    state.walker.feet = torch.tensor([[*start, 0.0]], dtype=torch.float32)
    state.walker.yaw = torch.tensor([math.atan2(way[1], way[0])], dtype=torch.float32)
    state, reward, ended, steps = play(world, state, FORWARD, 120)
    assert (reward, ended) == (1.0, True)
    assert steps > 10


def test_a_task_that_finds_no_room_says_so(world):
    walls = [thing("building", x, y, size=(5.0, 5.0, 4.0)) for x in (-5, 0, 5) for y in (-5, 0, 5) if (x, y) != (0, 0)]
    with pytest.raises(GenieGymError, match="no room to push a crate"):
        world.reset(torch.arange(1), Start(places=[empty_place(8.0, *walls)], tasks=["push_crate"]))


def test_who_begins_inside_something_is_set_beside_it(world):
    place = empty_place(20.0, thing("building", 0.0, 0.0))
    feet = world.reset(torch.arange(1), Start(places=[place])).walker.feet[0]
    assert abs(float(feet[0])) > 3 or abs(float(feet[1])) > 2
    assert float(feet[:2].norm()) < 4


def test_where_nobody_can_stand_nobody_enters(world):
    with pytest.raises(GenieGymError, match="nobody can stand"):
        world.reset(torch.arange(1), Start(places=[empty_place(5.0, thing("building", 0, 0, size=(11.0, 11.0, 5.0)))]))


def test_ways_go_round_houses_and_not_through(world):
    wall = thing("building", 0.0, 3.0, size=(1.0, 26.0, 4.0))
    state = world.reset(torch.arange(1), Start(places=[empty_place(20.0, wall)]))
    state.walker.feet[0, 0] = -4.0
    ways, far = ways_of(world, state)
    row, column = ways.cell_of(np.array([[4.0, 3.0]]))[0]
    assert far[row, column] > 20
    assert not ways.clear(np.array([-4.0, 3.0]), np.array([4.0, 3.0]))
    assert ways.clear(np.array([-4.0, 3.0]), np.array([-4.0, -3.0]))


def test_given_places_keep_their_spawn_whatever_is_to_be_done(world):
    place = small_place(2, landmarks=("well",))
    for task in ("find:well", "reach_beacon", "reach_beacon:near"):
        state = world.reset(torch.arange(1), Start(places=[place], tasks=[task]))
        assert state.walker.feet[0, :2].tolist() == pytest.approx(list(place.spawn[:2]))
    assert len(KEYS) == world.keys.count
