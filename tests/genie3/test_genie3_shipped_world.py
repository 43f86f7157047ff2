"""What the weights that ship can do, by behaviour. The figures are in docs/genie3.md."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from town_words import TOWN

import genie_gym  # noqa: F401
from genie_gym.genie3.world import Genie3World
from genie_gym.places.place import Place
from genie_gym.pretrained import WORLDS_FOLDER, load_world
from genie_gym.rollout import row_seeds
from genie_gym.text.prompt import Prompt
from genie_gym.text.spec import ObjectSpec, WorldSpec
from genie_gym.world import Start

FORWARD, LEFT, RIGHT = 1, 3, 4


@pytest.fixture(scope="module")
def world() -> Genie3World:
    loaded = load_world("genie3", "cpu")
    assert isinstance(loaded, Genie3World)
    return loaded


def asked(*specs: WorldSpec) -> Start:
    return Start(prompts=[Prompt(spec) for spec in specs])


def test_it_is_small():
    sizes = [path.stat().st_size for path in (WORLDS_FOLDER / "genie3").glob("*.safetensors")]
    assert max(sizes) < 25e6
    assert sum(sizes) < 25e6


def test_every_scene_has_what_is_asked_for(world):
    specs = [
        WorldSpec(scene, landmarks=("well", "statue"), objects=(ObjectSpec("barrel", 3),), weather=TOWN.weathers[row % 4])
        for row, scene in enumerate(TOWN.scenes)
    ]
    state = world.reset(row_seeds(1, len(specs)), asked(*specs))
    for spec, place in zip(specs, world.places(state), strict=True):
        names = [thing.name for thing in place.things]
        assert {"well", "statue"} <= set(names), spec.scene
        assert names.count("barrel") >= 3, spec.scene
        assert place.scene == spec.scene
    assert world.conditions(state).weather.tolist() == [row % 4 for row in range(len(specs))]


def test_light_and_weather_are_as_was_asked(world):
    def views(**wanted: object) -> torch.Tensor:
        return world.reset(row_seeds(4, 3), asked(*[WorldSpec(**wanted)] * 3)).frames.float() / 255  # type: ignore[arg-type]

    noon, night = (views(scene="village", weather="sunny", hour=hour) for hour in (12.0, 23.0))
    assert noon.mean() > 2 * night.mean()
    deserts = [views(scene="desert", weather=weather, hour=12.0)[:, 60:] for weather in ("sunny", "snowy")]
    warmth = [float((some[..., 0] - some[..., 2]).mean()) for some in deserts]
    assert warmth[0] > 0.1  # sand
    assert warmth[1] < 0.05  # and snow upon it
    assert (noon[0] - noon[1]).abs().mean() > 0.03
    assert torch.equal(noon, views(scene="village", weather="sunny", hour=12.0))


def test_one_leaves_and_comes_back_to_the_same_picture(world):
    """Nobody walks about here, so that nothing else has moved."""
    place = world.places(world.reset(row_seeds(2, 1), asked(WorldSpec("medieval_town"))))[0]
    quiet = place.replace(things=tuple(thing for thing in place.things if thing.behaviour is None))
    state = world.reset(row_seeds(2, 1), Start(places=[quiet]))
    first = state.frames.clone()
    for key in [RIGHT] * 36 + [LEFT] * 36:
        state, _ = world.step(state, world.key_actions(state, torch.tensor([key])))
    assert (state.frames.float() - first.float()).abs().mean() < 2


def test_a_row_alone_is_the_row_among_others(world):
    specs = [WorldSpec("village"), WorldSpec("harbour", weather="rainy"), WorldSpec("forest", weather="foggy")]
    seeds, keys = row_seeds(3, 3), torch.tensor([FORWARD, LEFT, RIGHT])

    def play(rows: list[int]) -> torch.Tensor:
        state = world.reset(seeds[rows], asked(*(specs[row] for row in rows)))
        seen = [state.frames.clone()]
        for _ in range(12):
            state, _ = world.step(state, world.key_actions(state, keys[rows]))
            seen.append(state.frames.clone())
        return torch.stack(seen, 1)

    together = play([0, 1, 2])
    assert torch.equal(play([1]), together[1:2])
    assert torch.equal(play([2, 0]), together[[2, 0]])


def test_the_line_that_the_project_is_known_by():
    env = gym.make("Genie3-v0", prompt="a snowy village at dusk", render_mode="rgb_array")
    observation, _ = env.reset(seed=0)
    assert observation.shape == (90, 160, 3)
    assert env.action_space.shape == (32,)
    env.step(env.action_space.sample())
    place = env.unwrapped.place()
    assert place.scene == "village"
    again = gym.make(
        "Genie3-v0", place=Place.from_json(place.to_json()), obs=("rgb", "depth", "semantic", "instance", "pose")
    )
    seen, _ = again.reset(seed=0)
    assert seen["depth"].shape == (90, 160)
    assert np.isfinite(seen["pose"]).all()
    env.close()
    again.close()


def test_a_task_begins_far_from_its_goal():
    envs = gym.make_vec("Genie3-v0", num_envs=2, task="reach_beacon", action_mode="keyboard", prompt="a village at noon")
    envs.reset(seed=0)
    assert envs.unwrapped.instructions == ["reach the beacon"] * 2
    _, rewards, ended, _, _ = envs.step(np.full(2, FORWARD))
    assert not rewards.any()
    assert not ended.any()
    envs.close()
