"""`info=("scene_graph",)`: what each row has seen of things, kept with saved states."""

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
import torch
from tiny_world import RADIUS, SIZE, TinyWorld

from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.envs.world_env import GenieEnv
from genie_gym.errors import GenieGymError
from genie_gym.geometry.scene_graph.scene import SceneGraph

STAY, RIGHT = [0.0, 0, 0], [1.0, 0, 0]


class SeeingWorld(TinyWorld):
    """The square is a crate a metre before a camera that stands still."""

    extras = TinyWorld.extras | {"intrinsics": gym.spaces.Box(0, np.inf, (3, 3), np.float32)}
    classes = ("sky", "crate")

    def tell_classes(self, frames):
        return (frames[..., 0] > 50).long()

    def step(self, state, actions):
        state, prediction = super().step(state, actions)
        return state, replace(prediction, terminated=torch.zeros_like(prediction.terminated))  # nothing ends here

    def _show(self, *args):
        state = super()._show(*args)
        intrinsics = torch.tensor([[SIZE, 0, SIZE / 2], [0, SIZE, SIZE / 2], [0, 0, 1.0]])
        state.extras |= {
            "pose": torch.eye(4).repeat(len(state.place), 1, 1),
            "intrinsics": intrinsics.repeat(len(state.place), 1, 1),
            "depth": torch.where(state.frames[..., 0] > 50, 1.0, 100.0),
        }
        return state


@pytest.fixture
def envs() -> GenieVectorEnv:
    return GenieVectorEnv(2, SeeingWorld(), info=("scene_graph",), autoreset_mode="DISABLED")


def crates(info) -> list[tuple[int, float, int]]:
    """Id, metres to the right and when it was first seen, of each row's only thing."""
    found = []
    for graph in info["scene_graph"]:
        (crate,) = graph.objects
        assert crate.name == "crate"
        found.append((crate.id, round(graph.place(crate)[0] * SIZE), crate.first))
    return found


def test_things_are_followed_from_step_to_step(envs):
    _, info = envs.reset(seed=0)
    assert info["_scene_graph"].all()
    first = crates(info)
    for _ in range(3):
        *_, info = envs.step([RIGHT, STAY])
    now = crates(info)
    assert [crate[0] for crate in now] == [crate[0] for crate in first]
    assert now[1] == first[1]
    assert now[0][1] > first[0][1] + RADIUS  # it went to the right, and is still the same
    assert [graph.step for graph in info["scene_graph"]] == [3, 3]


def test_saved_states_keep_what_was_seen(envs):
    envs.reset(seed=0)
    envs.step([RIGHT, STAY])
    saved = envs.save_state()
    *_, info = envs.step([RIGHT, STAY])
    *_, later = envs.step([STAY, STAY])
    envs.load_state(saved)
    *_, again = envs.step([RIGHT, STAY])
    assert [graph.to_json() for graph in again["scene_graph"]] == [graph.to_json() for graph in info["scene_graph"]]
    assert later["scene_graph"][0].step == 3
    fresh = GenieVectorEnv(2, SeeingWorld(), info="scene_graph", autoreset_mode="DISABLED")
    fresh.load_state(saved.select([1, 0]))
    *_, swapped = fresh.step([STAY, RIGHT])
    assert [graph.to_json() for graph in swapped["scene_graph"]] == [g.to_json() for g in info["scene_graph"]][::-1]
    with pytest.raises(GenieGymError, match="states with scene graphs and without do not mix"):
        GenieVectorEnv(2, SeeingWorld(), autoreset_mode="DISABLED").load_state(saved)


def test_a_new_episode_knows_nothing_of_the_last(envs):
    envs.reset(seed=0)
    for _ in range(3):
        envs.step([STAY, STAY])
    _, info = envs.reset(options={"reset_mask": np.array([True, False])})
    assert [graph.step for graph in info["scene_graph"]] == [0, 3]
    limited = GenieVectorEnv(1, SeeingWorld(), info=("scene_graph",), max_episode_steps=2)
    limited.reset(seed=0)
    limited.step([STAY])
    *_, info = limited.step([STAY])
    assert info["final_info"]["scene_graph"][0].step == 2
    assert info["scene_graph"][0].step == 0


def test_one_row_has_one_graph():
    env = GenieEnv(SeeingWorld(), info=("scene_graph",))
    assert isinstance(env.reset(seed=0)[1]["scene_graph"], SceneGraph)
    assert isinstance(env.step(np.float32(STAY))[4]["scene_graph"], SceneGraph)
    assert "scene_graph" not in GenieEnv(SeeingWorld()).reset(seed=0)[1]


def test_worlds_that_do_not_tell_have_none(debug_world, as_users_call):
    for world in (debug_world, TinyWorld()):
        with pytest.raises(GenieGymError, match="does not tell what it shows"):
            GenieVectorEnv(1, world, info=("scene_graph",))
    with pytest.raises(GenieGymError, match=r"unknown info 'graph'\. Did you mean 'scene_graph'"):
        GenieVectorEnv(1, SeeingWorld(), info=("graph",))
    with pytest.raises(GenieGymError, match="info is a name, or several"):
        GenieVectorEnv(1, SeeingWorld(), info=3)
