"""Prompts that choose among the start frames of a world that knows what each of them is like."""

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode
from tiny_world import TinyWorld

from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.envs.world_env import GenieEnv
from genie_gym.errors import GenieGymError
from genie_gym.text.spec import WorldSpec
from genie_gym.world import Start

SNOW = [2, 3]
CONDITIONS = (
    WorldSpec("village", "sunny", 12.0),
    WorldSpec("village", "foggy", 12.0),
    *[WorldSpec("snowfield", "snowy", hour) for hour in (11.0, 13.0)],
    WorldSpec("arena", "sunny", 23.0),
)


@pytest.fixture
def world() -> TinyWorld:
    """Its start frame k has the square at 4 + 8 k, in the middle's height; the weather of the condition colours it."""
    world = TinyWorld()
    world.starts = np.zeros((5, 48, 48, 3), np.uint8)
    for k in range(5):
        world.starts[k, 20:28, 8 * k : 8 * k + 8] = 250
    world.start_conditions = CONDITIONS
    return world


def chosen(envs: GenieVectorEnv) -> list[int]:
    """Which start frame each row began from."""
    return [round((across - 4) / 8) for across in envs.save_state().world.place[:, 0].tolist()]


def test_rows_begin_from_what_matches_best_as_their_seeds_choose(world):
    envs = GenieVectorEnv(32, world, prompt="snow")
    envs.reset(seed=0)
    assert set(chosen(envs)) == set(SNOW)
    few = GenieVectorEnv(3, world, prompt="snow")
    few.reset(seed=7)
    assert chosen(few) == chosen(envs)[7:10]  # whatever the other rows are
    envs.reset(seed=0, options={"prompt": ["snow", "a foggy village", *["the arena"] * 30]})
    assert chosen(envs)[0] in SNOW
    assert chosen(envs)[1:4] == [1, 4, 4]
    free = GenieVectorEnv(64, world)
    free.reset(seed=0)
    assert set(chosen(free)) == set(range(5))


@pytest.mark.parametrize("mode", [AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP])
def test_the_next_episodes_match_too(world, mode):
    envs = GenieVectorEnv(8, world, prompt="snow", max_episode_steps=1, autoreset_mode=mode)
    envs.reset(seed=0, options={"prompt": "the arena"})
    assert chosen(envs) == [4] * 8
    for _ in range(2 if mode == AutoresetMode.NEXT_STEP else 1):
        envs.step(np.zeros((8, 3), np.float32))
    assert set(chosen(envs)) == set(SNOW)


def test_the_report_says_what_no_start_frame_shows(world):
    envs = GenieVectorEnv(2, world, prompt="a snowy arena with a zeppelin")
    report = envs.reports[1]
    assert report.ignored == ["zeppelin", "weather snowy (no start frame is described with it and what counts more)"]
    assert report.assumed == ["time: as the start frame has it"]
    assert GenieEnv(world, prompt="a rainy village").report.ignored == [
        "weather rainy (no start frame is described with it)"
    ]
    assert GenieEnv(world).report is None


def test_a_reset_with_prompts_tells_what_became_of_each(world):
    envs = GenieVectorEnv(3, world, autoreset_mode="DISABLED")
    envs.reset(seed=0)
    options = {"prompt": ["a village", "a rainy village", "fog"], "reset_mask": np.array([False, True, True])}
    assert envs.reports == [None] * 3
    info = envs.reset(options=options)[1]
    assert envs.reports[0] is None
    assert [report.ignored for report in envs.reports[1:]] == [["weather rainy (no start frame is described with it)"], []]
    assert info.keys() == envs.step(np.zeros((3, 3), np.float32))[4].keys()
    env = GenieEnv(world, prompt="fog")
    env.reset(seed=0, options={"prompt": "a rainy village"})
    assert env.report.ignored == ["weather rainy (no start frame is described with it)"]
    others = GenieVectorEnv(2, TinyWorld())
    others.reset(options={"prompt": "fog and a zeppelin"})
    assert others.reports[0].ignored == ["zeppelin"]  # of worlds that make what is asked for, too


def test_a_prompt_that_chooses_stands_in_place_of_frames(world):
    mine = np.zeros((2, 48, 48, 3), np.uint8)
    mine[:, 20:28, 40:48] = 250
    refused = "a prompt chooses among this world's own start frames; give a prompt or frames"
    with pytest.raises(GenieGymError, match=refused):
        GenieVectorEnv(2, world, prompt="snow", start_frames=mine)
    prompted, framed = GenieVectorEnv(2, world, prompt="fog"), GenieVectorEnv(2, world, start_frames=mine)
    with pytest.raises(GenieGymError, match=refused):
        framed.reset(options={"prompt": "fog", "start_frames": mine})
    prompted.reset(options={"start_frames": mine})
    assert chosen(prompted) == [5, 5]
    framed.reset(options={"prompt": "fog"})
    assert chosen(framed) == [1, 1]
    framed.reset()
    assert chosen(framed) == [5, 5]


def test_worlds_are_asked_directly_too(world, as_users_call):
    seed = torch.arange(3)
    asked = [CONDITIONS[4], CONDITIONS[1], WorldSpec(weather="foggy")]
    frames = world.pick_matching(seed, asked, [(), (), ("scene", "hour")])
    assert np.array_equal(frames.numpy(), world.starts[[4, 1, 1]])
    assert np.array_equal(world.first_frames(seed, Start(conditions=asked)).numpy()[:2], frames.numpy()[:2])
    assert np.array_equal(world.first_frames(seed, Start()).numpy(), world.pick_starts(seed, world.starts).numpy())
    world.start_conditions = ()
    with pytest.raises(GenieGymError, match="does not know what its start frames are like"):
        world.pick_matching(seed, asked)
    with pytest.raises(GenieGymError, match="2 start left_open for 3 rows"):
        world.check_start(Start(conditions=asked, left_open=[(), ()]), 3)


def test_an_image_is_cut_to_the_worlds_aspect(world):
    wide = np.zeros((48, 144, 3), np.uint8)
    wide[20:28, 68:76] = 250  # in its middle
    envs = GenieVectorEnv(1, world, init_image=wide)
    envs.reset(seed=0)
    assert envs.save_state().world.place.tolist() == [[24, 24]]
    env = GenieEnv(world)
    env.reset(options={"init_image": wide.transpose(1, 0, 2)})
    assert env.save_state().world.place.tolist() == [[24, 24]]
