"""Prompts that choose among the start frames of a world that knows what each of them is like."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode
from tiny_world import TinyWorld

from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.envs.world_env import GenieEnv
from genie_gym.errors import GenieGymError
from genie_gym.imagine import read_prompt
from genie_gym.prompt import Report
from genie_gym.text.prompt import Prompt
from genie_gym.text.spec import WorldSpec
from genie_gym.world import Start, StartPool

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
    world.starts = StartPool(np.zeros((5, 48, 48, 3), np.uint8))
    for k in range(5):
        world.starts.frames[k, 20:28, 8 * k : 8 * k + 8] = 250
    world.starts = replace(world.starts, conditions=CONDITIONS)
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
def test_the_next_episodes_match_too_and_what_a_reset_asks_for_stands(world, mode):
    envs = GenieVectorEnv(8, world, prompt="snow", max_episode_steps=1, autoreset_mode=mode)

    def next_episodes() -> list[int]:
        for _ in range(2 if mode == AutoresetMode.NEXT_STEP else 1):
            envs.step(np.zeros((8, 3), np.float32))
        return chosen(envs)

    envs.reset(seed=0)
    assert set(next_episodes()) == set(SNOW)
    envs.reset(options={"prompt": "the arena", "reset_mask": np.arange(8) < 2})
    for _ in range(2):
        arena, snow = chosen(envs)[:2], chosen(envs)[2:]
        assert arena == [4, 4]
        assert set(snow) <= set(SNOW)
        next_episodes()
    envs.reset()  # without a word about prompts
    assert chosen(envs)[:2] == [4, 4]
    envs.reset(options={"prompt": ["fog", *[None] * 7]})
    assert next_episodes()[0] == 1
    assert len(set(chosen(envs)[1:])) > 1


def test_each_row_may_have_a_prompt_of_its_own(world, as_users_call):
    envs = GenieVectorEnv(3, world, prompt=["fog", None, "the arena"])
    envs.reset(seed=0)
    assert chosen(envs)[::2] == [1, 4]
    assert [report is None for report in envs.reports] == [False, True, False]
    with pytest.raises(GenieGymError, match="2 prompts for 3 rows; give one a row, or one for all"):
        GenieVectorEnv(3, world, prompt=["fog", "snow"])
    for odd in (3, ["fog", 3, "snow"], {"fog": 1}):
        with pytest.raises(GenieGymError, match="a prompt is text or a WorldSpec, or a list"):
            GenieVectorEnv(3, world, prompt=odd)


def test_a_reset_that_is_refused_changes_nothing(world):
    envs = GenieVectorEnv(2, world, prompt="fog")
    envs.reset(seed=0)
    with pytest.raises(GenieGymError, match="give a prompt or frames, not both"):
        envs.reset(options={"prompt": "snow", "start_frames": world.starts.frames[:2]})
    with pytest.raises(GenieGymError, match="knows no tasks"):
        envs.reset(options={"prompt": "snow", "task": "find:well"})
    with pytest.raises(GenieGymError, match="3 seeds for 2 rows"):
        envs.reset(seed=[1, 2, 3], options={"prompt": "snow"})
    envs.reset()
    assert chosen(envs) == [1, 1]
    assert "task" not in envs.step(np.zeros((2, 3), np.float32))[4]


def test_the_report_says_what_no_start_frame_shows(world):
    report = GenieVectorEnv(2, world, prompt="a snowy arena with a zeppelin").reports[1]
    assert report.ignored == ["zeppelin", "weather snowy (no start frame is described with it and what counts more)"]
    assert report.assumed == ["time: as the start frame has it"]
    assert GenieEnv(world, prompt="a rainy village").report.ignored == [
        "weather rainy (no start frame is described with it)"
    ]
    assert GenieEnv(world).report is None


def test_rows_without_a_prompt_begin_in_the_environments_own_frames_whoever_has_one(world):
    mine = np.zeros((1, 48, 48, 3), np.uint8)
    mine[:, 20:28, 40:48] = 250
    envs = GenieVectorEnv(3, world, start_frames=mine, autoreset_mode="DISABLED")
    envs.reset(seed=0, options={"prompt": ["fog", None, "the arena"]})
    assert chosen(envs) == [1, 5, 4]
    envs.reset(options={"reset_mask": np.array([True, True, False])})
    assert chosen(envs) == [1, 5, 4]


def test_a_masked_reset_asks_nothing_of_the_other_rows(world):
    envs = GenieVectorEnv(2, world, prompt="fog", autoreset_mode="DISABLED")
    envs.reset(seed=0)
    frames, mask = world.starts.frames[[3, 3]], np.array([True, False])
    envs.reset(options={"prompt": [None, ""], "start_frames": frames, "reset_mask": mask})
    assert chosen(envs) == [3, 1]
    assert [report is None for report in envs.reports] == [True, False]


def test_what_became_of_each_rows_prompt_is_told_until_it_is_changed(world):
    envs = GenieVectorEnv(3, world, autoreset_mode="DISABLED", prompt="fog")
    envs.reset(seed=0)
    options = {"prompt": ["a village", "a rainy village", "snow"], "reset_mask": np.array([False, True, True])}
    assert "report" not in envs.reset(options=options)[1]
    assert [report.understood[0] for report in envs.reports] == [
        "fog: weather foggy",
        "rainy: weather rainy",
        "snow: weather snowy",
    ]
    env = GenieEnv(world)
    env.reset(seed=0, options={"prompt": "a rainy village"})
    env.step(np.zeros(3, np.float32))
    assert isinstance(env.report, Report)
    assert env.report.ignored == ["weather rainy (no start frame is described with it)"]
    tiny = GenieEnv(TinyWorld(), prompt="fog and a zeppelin")
    assert tiny.report.ignored == ["zeppelin"]  # of worlds that make what is asked for, too


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
    assert chosen(framed) == [1, 1]
    framed.reset(options={"prompt": None})
    assert chosen(framed) == [5, 5]


def test_start_pools_are_asked_directly_too(world):
    seed = torch.arange(3)
    prompts = [Prompt(CONDITIONS[4]), Prompt(CONDITIONS[1]), read_prompt(world, "fog")]
    frames = world.starts.first_frames(seed, Start(prompts=prompts))
    assert np.array_equal(frames.numpy(), world.starts.frames[[4, 1, 1]])
    mixed = world.starts.first_frames(seed, Start(prompts=[None, prompts[0], None]))
    free = world.starts.first_frames(seed, Start())
    assert np.array_equal(mixed.numpy()[::2], free.numpy()[::2])
    assert np.array_equal(mixed.numpy()[1], world.starts.frames[4])
    with pytest.raises(GenieGymError, match="does not know what its start frames are like"):
        StartPool(world.starts.frames).first_frames(seed, Start(prompts=prompts))
    with pytest.raises(GenieGymError, match="3 start prompts for 2 rows"):
        world.check_start(Start(prompts=prompts), 2)


def test_an_image_is_cut_to_the_worlds_aspect(world):
    wide = np.zeros((48, 144, 3), np.uint8)
    wide[20:28, 68:76] = 250  # in its middle
    envs = GenieVectorEnv(1, world, init_image=wide)
    envs.reset(seed=0)
    assert envs.save_state().world.place.tolist() == [[24, 24]]
    env = GenieEnv(world)
    env.reset(options={"init_image": wide.transpose(1, 0, 2)})
    assert env.save_state().world.place.tolist() == [[24, 24]]
