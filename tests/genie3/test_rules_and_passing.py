"""What comes of touching things, weather that comes slowly, and hours that pass."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from small_place import BACK, FORWARD, NOOP, empty_place, small_world, thing

from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.errors import GenieGymError
from genie_gym.genie3.rules import MOST
from genie_gym.genie3.world import Genie3World
from genie_gym.places.place import Place, Thing, Water
from genie_gym.pretrained import load_world
from genie_gym.text.spec import ObjectAdd, ObjectRemove, Pushable, Rule, TimeOfDay, TimePasses, WeatherChange
from genie_gym.world import Start


@pytest.fixture(scope="module")
def world() -> Genie3World:
    return small_world()


def enter(world, *things, rows: int = 1, place=None):
    return world.reset(torch.arange(rows), Start(places=[place or empty_place(20.0, *things)] * rows))


def press(world, state, *keys):
    """The last state, all rewards, and whether the episode has ended, of each row."""
    rewards, over = torch.zeros(state.num_rows), torch.zeros(state.num_rows, dtype=torch.bool)
    for key in keys:
        state, told = world.step(state, world.key_actions(state, torch.full((state.num_rows,), key)))
        rewards, over = rewards + told.rewards, over | told.terminated
    return state, rewards.tolist(), over.tolist()


def test_what_is_touched_goes_and_brings_points_where_the_rule_holds(world):
    things = (thing("coin", 3, 0), thing("coin", 5, 0), thing("coin", -5, 0))
    state = world.apply_events(enter(world, *things, rows=2), [Rule("coin", removes=True, reward=2.0), None])
    state, rewards, over = press(world, state, *[FORWARD] * 60)
    assert rewards == [4.0, 0.0]
    assert over == [False, False]
    label = world.classes.index("coin")
    assert (state.things.label == label).sum(1).tolist() == [1, 3]


def test_a_touch_counts_once_until_one_touches_again(world):
    state = world.apply_events(enter(world, thing("building", 6, 0)), [Rule("building", reward=-1.0)])
    state, rewards, _ = press(world, state, *[FORWARD] * 60)
    assert rewards == [-1.0]
    state, rewards, _ = press(world, state, *[BACK] * 30, *[FORWARD] * 60)
    assert rewards == [-1.0]


def test_water_and_ends(world):
    heights = np.zeros((3, 3), np.float32)
    place = empty_place(20.0).replace(heights=heights, waters=(Water(0.3, (3.0, -5.0, 8.0, 5.0), shallow=True),))
    state = world.apply_events(enter(world, place=place), [Rule("water", reward=-1.0, ends=True)])
    state, rewards, over = press(world, state, *[FORWARD] * 10)
    assert (rewards, over) == ([0.0], [False])
    _, rewards, over = press(world, state, *[FORWARD] * 40)
    assert (rewards, over) == ([-1.0], [True])


def test_what_is_touched_leads_elsewhere_and_only_there(world):
    things = (thing("well", 4, 0), thing("tree", 0, 8))
    state = world.apply_events(enter(world, *things, rows=2), [Rule("well", reward=1.0, leads="desert"), None])
    state = world.apply_events(state, [ObjectAdd("tree", 2, "behind"), None])
    state, rewards, over = press(world, state, *[FORWARD] * 60)
    assert (rewards, over) == ([1.0, 0.0], [False, False])
    assert world.specs(state)[0].scene == "desert" != world.specs(state)[1].scene
    assert state.position.tolist() == [60, 60]
    assert [one.name for one in world.places(state)[0].things].count("tree") >= 2  # what events brought comes along


def test_a_gate_leads_who_walks_through_it():
    world = load_world("genie3", "cpu")
    number = world.library.config.names.index("gate")
    size = tuple(world.library.size[number].tolist())
    gate = Thing("gate", (8.0, 0.0, size[2] / 2), size, np.pi / 2)  # one walks through it from west to east
    away = Thing("gate", (0.0, 20.0, size[2] / 2), size, np.pi / 2)
    state = world.reset(torch.arange(1), Start(places=[Place(half=32.0, base="grass", beyond="grass", things=(gate, away))]))
    state = world.apply_events(state, [Rule("gate", leads="desert")])
    forward = world.key_names.index("forward")
    walked = 0
    while world.specs(state)[0].scene != "desert":
        before = float(state.walker.feet[0, 0])
        state, *_ = press(world, state, forward)
        walked += 1
        assert walked < 200
    assert before > 8.0 - min(size[:2]) / 2 - 0.3  # not before one is within it
    state, *_ = press(world, state, *[forward] * 4)
    assert world.specs(state)[0].scene == "desert"


def test_what_can_be_pushed_is_up_to_events(world):
    things = (thing("crate", 4, 0, movable=True), thing("well", 0, 4), thing("building", 0, -12))
    state = enter(world, *things, rows=3)
    state = world.apply_events(state, [Pushable("crate", can=False), None, Pushable("everything")])
    movable = {one.name: one.movable for one in world.places(state)[2].things}
    assert (movable["well"], movable["building"]) == (True, False)
    pushed, *_ = press(world, state, *[FORWARD] * 60)
    crate = [next(one.centre[0] for one in place.things if one.name == "crate") for place in world.places(pushed)]
    assert crate[0] == pytest.approx(4.0)
    assert crate[1] > 4.5
    assert crate[2] > 4.5
    with pytest.raises(GenieGymError, match="every building is longer"):
        world.apply_events(state, [Pushable("building"), None, None])
    with pytest.raises(GenieGymError, match="no beacon stands there"):
        world.apply_events(state, [Pushable("beacon"), None, None])


def test_rules_that_cannot_be_are_refused(world):
    with pytest.raises(GenieGymError, match="scene"):
        world.apply_events(enter(world), [Rule("tree", leads="atlantis")])
    with pytest.raises(GenieGymError, match="nobody touches"):
        world.apply_events(enter(world), [Rule("pyramid", reward=1.0)])
    state = enter(world, thing("tree", 5, 5))
    for _ in range(MOST):
        state = world.apply_events(state, [Rule("tree", reward=1.0)])
    with pytest.raises(GenieGymError, match=f"at most {MOST} rules"):
        world.apply_events(state, [Rule("tree", reward=1.0)])


def test_environments_take_rules_in_words(world, as_users_call):
    envs = GenieVectorEnv(
        2, world, place=empty_place(20.0, thing("tree", 4, 0)), action_mode="keyboard",
        rules="touching a tree gives 2 points and ends the episode",
    )  # fmt: skip
    envs.reset(seed=0)
    rewards, ends = np.zeros(2), np.zeros(2, bool)
    for _ in range(60):
        _, reward, terminated, *_ = envs.step(np.array([FORWARD, NOOP]))
        rewards, ends = rewards + reward, ends | terminated
        if terminated[0]:
            break
    assert rewards.tolist() == [2.0, 0.0]
    assert ends.tolist() == [True, False]
    assert [one.event for one in envs.event_logs[1]] == [Rule("tree", reward=2.0, ends=True)]
    with pytest.raises(GenieGymError, match="when something is touched"):
        GenieVectorEnv(1, world, rules="it snows")
    with pytest.raises(GenieGymError, match="rules are texts"):
        GenieVectorEnv(1, world, rules=[5])


def test_weather_comes_within_its_seconds_and_looks_the_same_then(world):
    begun = enter(world, thing("tree", 6, 1), rows=2)
    slow = world.apply_events(begun, [WeatherChange("foggy", 1.0), None])
    at_once = world.apply_events(begun, [WeatherChange("foggy"), None])
    calm = begun.clone()
    off = []
    for _ in range(30):
        (slow, *_), (at_once, *_), (calm, *_) = (press(world, state, NOOP) for state in (slow, at_once, calm))
        off.append(float((slow.frames[0].float() - at_once.frames[0].float()).abs().mean()))
        assert torch.equal(slow.frames[1], calm.frames[1])
    assert all(before >= after for before, after in pairwise(off))
    assert off[0] > 5
    assert off[23:] == [0.0] * 7
    assert world.specs(slow)[0].weather == "foggy"


def test_hours_pass_and_shadows_with_them(world):
    begun = world.apply_events(enter(world, thing("building", 8, 3), rows=2), [TimeOfDay(9.0)] * 2)
    state = world.apply_events(begun, [TimePasses(60.0), None])
    state, *_ = press(world, state, *[NOOP] * 48)
    assert [spec.hour for spec in world.specs(state)] == pytest.approx([11.0, 9.0], abs=1e-3)
    assert state.passing.cast.tolist() == pytest.approx([11.0, 9.0], abs=0.15)
    at_once = world.apply_events(begun, [TimeOfDay(float(state.passing.cast[0])), None])
    assert torch.equal(state.ground.shade, at_once.ground.shade)
    still = world.apply_events(state, [TimePasses(0.0), None])
    still, *_ = press(world, still, *[NOOP] * 5)
    assert world.specs(still)[0].hour == pytest.approx(11.0, abs=1e-3)


def test_time_passes_in_environments_too(world):
    envs = GenieVectorEnv(1, world, place=empty_place(), action_mode="keyboard", hours_per_minute=30)
    envs.reset(seed=0)
    for _ in range(24):
        envs.step(np.array([NOOP]))
    assert world.specs(envs._state.world)[0].hour == pytest.approx(12.5, abs=0.05)
    with pytest.raises(GenieGymError, match="hours_per_minute"):
        GenieVectorEnv(1, world, hours_per_minute=-5)


def test_rows_keep_their_rules_when_they_are_copied(world):
    state = world.apply_events(enter(world, thing("coin", 3, 0), rows=2), [Rule("coin", removes=True, reward=1.0), None])
    swapped = state.select([1, 0])
    _, rewards, _ = press(world, swapped, *[FORWARD] * 40)
    assert rewards == [0.0, 1.0]
    gone = world.apply_events(state, [ObjectRemove("tree"), None]) if (state.things.label == 4).any() else state
    assert gone.rules.count.tolist() == [1, 0]
