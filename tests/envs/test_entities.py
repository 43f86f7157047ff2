"""Where everything is that can move: as the scene graph says, frame by frame, and as the masks show it."""

import gymnasium as gym
import numpy as np
import pytest
from town_words import CHARACTERS, OBJECTS

import genie_gym  # noqa: F401
from genie_gym.envs.sim.town.keys import NOOP
from genie_gym.text.spec import CharacterSpec, ObjectAdd, ObjectRemove, SceneTransition, WorldSpec

SMALL = {"width": 32, "height": 24}
EMPTY = WorldSpec(scene="arena", without=(*OBJECTS, *CHARACTERS))


def rows_of(entities: np.ndarray) -> np.ndarray:
    return entities[entities[:, 0] > 0]


@pytest.mark.parametrize("simulator", ["Town", "Arm"])
def test_they_are_where_the_scene_graph_says(simulator):
    env = gym.make(f"GenieSim/{simulator}-v0", obs=("rgb", "entities"), **SMALL)
    seen, _ = env.reset(seed=1)
    for _ in range(10):
        graph = env.unwrapped.scene_graph()
        expected = [
            (item["id"], *item["centre"], *item["rotation"])
            for item in graph
            if item["movable"] or item["behaviour"] is not None
        ]
        assert len(expected) >= 2
        assert np.allclose(rows_of(seen["entities"]), expected, atol=1e-4)
        seen, *_ = env.step(env.action_space.sample())
    env.close()


def test_a_walker_is_where_its_mask_is():
    spec = EMPTY.replace(characters=(CharacterSpec("robot", "wander", 1, "ahead"),))
    obs = ("instance", "pose", "intrinsics", "entities")
    env = gym.make("GenieSim/Town-v0", spec=spec, obs=obs, width=160, height=90)
    seen, _ = env.reset(seed=5)
    places, checked = [], 0
    for _ in range(60):
        number, *centre = rows_of(seen["entities"])[0, :4]
        rows, columns = np.nonzero(seen["instance"] == number)
        whole = len(rows) > 30 and columns.min() > 0 < rows.min() and columns.max() < 159 and rows.max() < 89
        if whole:
            camera = (np.array(centre) - seen["pose"][:3, 3]) @ seen["pose"][:3, :3]
            u, v, w = seen["intrinsics"] @ camera
            assert np.hypot(u / w - columns.mean() - 0.5, v / w - rows.mean() - 0.5) < 3
            checked += 1
        places.append(centre)
        seen, *_ = env.step(NOOP)
    env.close()
    assert checked > 20
    assert np.ptp(places, axis=0)[:2].max() > 1


def test_a_row_is_one_things_through_events():
    env = gym.make("GenieSim/Town-v0", spec=EMPTY, obs=("rgb", "entities"), **SMALL)
    sim = env.unwrapped
    assert not env.reset(seed=2)[0]["entities"].any()
    sim.apply_event(ObjectAdd("crate", 2))
    sim.apply_event(ObjectAdd("barrel", 1))
    two_crates, barrel = env.step(NOOP)[0]["entities"][:2], env.step(NOOP)[0]["entities"][2]
    assert (two_crates[:, 0] > 0).all()
    sim.apply_event(ObjectRemove("crate", 1))
    after = env.step(NOOP)[0]["entities"]
    assert sorted(after[:2, 0] > 0) == [False, True]
    assert np.allclose(after[2], barrel, atol=0.02)
    assert not after[after[:, 0] == 0].any()
    sim.apply_event(SceneTransition("harbour"))
    there = rows_of(env.step(NOOP)[0]["entities"])
    assert there[:, 0].tolist() == [
        item["id"] for item in sim.scene_graph() if item["movable"] or item["behaviour"] is not None
    ]
    env.close()


def test_what_is_pushed_moves_on_its_row():
    env = gym.make("GenieSim/Town-v0", task="push_crate", obs=("rgb", "entities"), scene="arena", **SMALL)
    begun, _ = env.reset(seed=0)
    expert = env.unwrapped.driver("expert", np.random.default_rng(0))
    expert.begin()
    solved = False
    while not solved:
        seen, _, solved, cut, _ = env.step(expert.act())
        assert not cut
    crate = env.unwrapped.world.layout.entities.index(env.unwrapped.task.crate) + 1
    moved = {int(b[0]): np.hypot(*(b[1:3] - a[1:3])) for a, b in zip(begun["entities"], seen["entities"], strict=True)}
    assert moved[crate] > 1
    env.close()
