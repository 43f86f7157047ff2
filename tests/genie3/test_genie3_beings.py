"""Beings go about: they stand, wander, patrol and follow, round what is in their way, and never into the player."""

import numpy as np
import pytest
import torch
from small_place import NOOP, empty_place, small_world, thing

from genie_gym.genie3.world import Genie3World
from genie_gym.world import Start


@pytest.fixture(scope="module")
def world() -> Genie3World:
    return small_world(capacity=32)


def walks(world: Genie3World, place, steps: int, seed: int = 0) -> tuple[np.ndarray, object]:
    """Where its beings are, [steps, n, 2], and the last state."""
    small = world.at_size(16, 16)
    state = small.reset(torch.tensor([seed]), Start(places=[place]))
    beings, found = state.things.behaviour[0] >= 0, []
    for _ in range(steps):
        state, _ = small.step(state, small.key_actions(state, torch.tensor([NOOP])))
        found.append(state.things.centre[0, beings, :2].numpy().copy())
    return np.stack(found), state


def test_who_stands_stands_who_wanders_goes_and_who_patrols_comes_back(world):
    people = [thing("villager", x, 8.0, behaviour=way) for x, way in ((-8, "stand"), (0, "wander"), (8, "patrol"))]
    at, state = walks(world, empty_place(20.0, *people), 400)
    gone = np.linalg.norm(at - at[0], axis=2)
    assert gone[:, 0].max() == 0
    assert gone[:, 1].max() > 2
    assert gone[:, 2].max() > 2
    steps = np.linalg.norm(np.diff(at, axis=0), axis=2) * world.fps
    assert steps.max() < 1.31  # metres a second
    ways = np.diff(at[:, 2], axis=0)[np.linalg.norm(np.diff(at[:, 2], axis=0), axis=1) > 1e-3]
    assert (ways @ ways[0] < 0).any()  # back again
    assert float(state.things.phase[0].max()) > 1
    assert float(state.things.centre[0, 4, 2]) == pytest.approx(0.85)


def test_nobody_walks_through_walls_or_out_of_the_square(world):
    rng = np.random.default_rng(0)
    houses = [thing("building", x, y) for x in (-6, 6) for y in (-6, 6)]
    people = [thing("villager", x, y, behaviour="wander") for x, y in rng.uniform(-3, 3, (8, 2))]
    at, _ = walks(world, empty_place(12.0, *houses, *people), 500)
    assert np.abs(at).max() < 12
    inside = (np.abs(np.abs(at[..., 0]) - 6) < 3) & (np.abs(np.abs(at[..., 1]) - 6) < 2)
    assert not inside.any()
    assert np.linalg.norm(at - at[0], axis=2).max(0).min() > 1


def test_nobody_walks_into_the_player(world):
    people = [thing("villager", 3.0, y, behaviour="follow") for y in (-1.0, 0.0, 1.0)]
    people += [thing("villager", -2.0, y, behaviour="wander") for y in (-1.0, 1.0)]
    at, _ = walks(world, empty_place(6.0, *people), 400)
    away = np.linalg.norm(at, axis=2)
    assert away.min() >= 0.7
    assert away[-1, :3].max() < 3.0  # who follows is there


def test_beings_see_to_it_that_they_do_not_walk_into_each_other(world):
    people = [thing("villager", x, 3.0, behaviour="patrol") for x in np.arange(-3.0, 3.1, 1.0)]
    at, _ = walks(world, empty_place(8.0, *people), 300)
    apart = np.linalg.norm(at[:, :, None] - at[:, None], axis=3) + 9 * np.eye(len(people))
    assert apart.min() > 0.5


def test_ways_follow_from_the_seed(world):
    place = empty_place(20.0, thing("villager", 4.0, 4.0, behaviour="wander"))
    once, again, other = (walks(world, place, 120, seed)[0] for seed in (3, 3, 4))
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)


def test_gaits_have_phases(world):
    place = empty_place(20.0, thing("villager", 4.0, 4.0, behaviour="patrol"))
    small = world.at_size(16, 16)
    state = small.reset(torch.tensor([0]), Start(places=[place]))
    assets = set()
    for _ in range(60):
        state, _ = small.step(state, small.key_actions(state, torch.tensor([NOOP])))
        assets.add(int(state.things.drawn_assets(world.library)[0, 4]))
    assert len(assets) == 2
