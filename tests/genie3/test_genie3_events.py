"""Things happen in places made of things, while one is there."""

import math

import gymnasium as gym
import numpy as np
import pytest
import torch
from small_place import JUMP, NOOP, RIGHT, empty_place, small_world, thing

import genie_gym  # noqa: F401
from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.errors import GenieGymError
from genie_gym.genie3.world import Genie3World
from genie_gym.places.place import Place
from genie_gym.places.table import EVENT
from genie_gym.pretrained import load_world
from genie_gym.text.spec import (
    CharacterAdd,
    ObjectAdd,
    ObjectRemove,
    PhysicsModifier,
    SceneTransition,
    TimeOfDay,
    WeatherChange,
)
from genie_gym.world import Start


@pytest.fixture(scope="module")
def world() -> Genie3World:
    return small_world()


def enter(world: Genie3World, *things, rows: int = 1):
    return world.reset(torch.arange(rows), Start(places=[empty_place(20.0, *things)] * rows))


def step(world, state, key: int = NOOP):
    return world.step(state, world.key_actions(state, torch.full((state.num_rows,), key)))[0]


def names(world, state, row: int = 0) -> list[str]:
    return [one.name for one in world.places(state)[row].things]


def test_light_changes_and_stays_in_its_row(world):
    state = enter(world, rows=2)
    plain = step(world, state.clone())
    changed = world.apply_events(state, [WeatherChange("snowy"), None])
    changed = step(world, world.apply_events(changed, [TimeOfDay(23.0), None]))
    assert torch.equal(changed.frames[1], plain.frames[1])
    assert changed.frames[0, 30:].float().mean() < 0.6 * plain.frames[0, 30:].float().mean()  # the ground
    assert [spec.weather for spec in world.specs(changed)] == ["snowy", world.library.config.weathers[0]]
    assert [spec.hour for spec in world.specs(changed)] == [23.0, 12.0]
    assert world.specs(state)[0].hour == 12.0  # the given state stays as it is


def test_what_comes_stands_where_it_was_wanted_and_is_still_there_later(world):
    state = world.apply_events(enter(world), [ObjectAdd("tree", 2, "left")])
    added = [one for one in world.places(state)[0].things if one.name == "tree"]
    assert len(added) == 2
    assert (state.things.why[0] == EVENT).sum() == 2
    assert all(one.centre[1] > 1 for one in added)  # one looks east
    for _ in range(10):
        state = step(world, state, RIGHT)
    assert names(world, state).count("tree") == 2


def test_who_comes_does_as_was_said():
    """Of the world that ships, which has recorded people."""
    world = load_world("genie3", "cpu")
    material = world.library.config.materials[0]
    meadow = Place(half=20.0, base=material, beyond=material, scene="village")
    state = world.reset(torch.tensor([1]), Start(places=[meadow]))
    state = world.apply_events(state, [CharacterAdd("villager", "follow", 1, (8.0, 6.0))])
    (before,) = world.places(state)[0].things
    assert (before.name, before.behaviour) == ("villager", "follow")
    for _ in range(48):
        state = step(world, state)
    (after,) = world.places(state)[0].things
    assert math.hypot(*after.centre[:2]) < math.hypot(*before.centre[:2]) - 1


@pytest.mark.parametrize(
    ("event", "left"),
    [
        (ObjectRemove("tree"), []),
        (ObjectRemove("tree", 1), [-6.0, 12.0]),
        (ObjectRemove("tree", "half"), [12.0]),
        (ObjectRemove("tree", "all", "ahead"), [-6.0]),
        (ObjectRemove("tree", "all", (12.0, 0.0)), [-6.0, 5.0][:1]),
    ],
)
def test_what_goes_is_gone(world, event, left):
    """Three trees on a line: one behind, two ahead. Who is nearest goes first; within 8 m of a point is near it."""
    trees = [thing("tree", x, 0.0) for x in (5.0, 12.0, -6.0)]
    state = world.apply_events(enter(world, *trees), [event])
    stands = sorted(one.centre[0] for one in world.places(state)[0].things if one.name == "tree")
    assert stands == pytest.approx(sorted(left))


def test_what_is_gone_is_in_nobodys_way(world):
    state = enter(world, thing("building", 6.0, 0.0))
    cell = state.free.shape[1] // 2
    ahead = (slice(cell - 1, cell + 1), slice(int((6 + 20) / 40 * 128) - 1, int((6 + 20) / 40 * 128) + 1))
    assert not state.free[0][ahead].any()
    assert world.apply_events(state, [ObjectRemove("building")]).free[0][ahead].all()


def test_less_gravity_means_higher_jumps(world):
    heights = []
    for event in (None, PhysicsModifier(gravity=3.0)):
        state = world.apply_events(enter(world), [event])
        rises = []
        for key in [JUMP] + [NOOP] * 24:
            state = step(world, state, key)
            rises.append(float(state.walker.feet[0, 2]))
        heights.append(max(rises))
    assert heights[1] > 1.5 * heights[0] > 0


def test_another_scene_takes_along_what_events_brought(world):
    state = world.apply_events(enter(world), [ObjectAdd("well", 1, "ahead")])
    state = world.apply_events(state, [WeatherChange("foggy")])
    state = step(world, state)
    moved = world.apply_events(state, [SceneTransition("desert")])
    (spec,) = world.specs(moved)
    assert (spec.scene, spec.weather) == ("desert", "foggy")
    assert "well" in names(world, moved)
    assert int(moved.position[0]) == int(state.position[0])
    again = world.apply_events(state, [SceneTransition("desert")])
    assert torch.equal(step(world, moved).frames, step(world, again).frames)


def test_texts_are_read_as_each_row_is(world):
    envs = GenieVectorEnv(2, world, place=empty_place(), autoreset_mode="DISABLED")
    envs.reset(seed=0)
    envs.apply_event([TimeOfDay(6.0), TimeOfDay(10.0)])
    event, report = envs.apply_event("two hours later")
    assert event == TimeOfDay(8.0)
    assert report.understood
    assert [spec.hour for spec in world.specs(envs.save_state().world)] == [8.0, 12.0]
    assert envs.apply_event("开始下雪", rows=[1])[0] == WeatherChange("snowy")
    assert [spec.weather for spec in world.specs(envs.save_state().world)] == ["sunny", "snowy"]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (WeatherChange("sandstorm"), "unknown weather 'sandstorm'"),
        (SceneTransition("moon"), "unknown scene 'moon'"),
        (ObjectAdd("submarine"), "submarine"),
        (ObjectAdd("tree", 1, (30.0, 0.0)), "the place reaches from -20 to 20 metres"),
        (ObjectRemove("tree"), "there is no tree to remove"),
        ("sing a song", "sing a song"),
        ("x" * 10_000, "characters"),
    ],
)
def test_what_cannot_happen_is_said_and_changes_nothing(world, event, said):
    envs = GenieVectorEnv(2, world, place=empty_place(), autoreset_mode="DISABLED")
    envs.reset(seed=0)
    before = envs.save_state()
    with pytest.raises(GenieGymError, match=said):
        envs.apply_event([WeatherChange("snowy"), event])
    after = envs.save_state()
    assert all(torch.equal(one, two) for one, two in zip(before.world.tensors(), after.world.tensors(), strict=True))


def test_events_through_gymnasium():
    env = gym.make("Genie3-v0", prompt="a village", action_mode="keyboard", size=(48, 64))
    env.reset(seed=0)
    clear = env.step(NOOP)[0].astype(float)
    assert env.unwrapped.apply_event("it becomes night")[0] == TimeOfDay(23.0)
    assert env.step(NOOP)[0].mean() < 0.6 * clear.mean()
    assert np.isfinite(env.step(NOOP)[1])
    env.close()
