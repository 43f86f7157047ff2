"""What the weights that ship can do, by behaviour. The figures are in the world's card."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from town_words import LANDMARKS, TOWN

from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.genie2.world import Genie2World
from genie_gym.imagine import read_prompt
from genie_gym.pretrained import WORLDS_FOLDER, load_world
from genie_gym.rollout import row_seeds
from genie_gym.text.prompt import Prompt
from genie_gym.text.reader import scene_warning
from genie_gym.text.spec import WorldSpec
from genie_gym.world import Start

NOOP, FORWARD, LEFT, RIGHT = 0, 1, 3, 4


@pytest.fixture(scope="module")
def world() -> Genie2World:
    loaded = load_world("genie2", "cpu")
    assert isinstance(loaded, Genie2World)
    return loaded


def walk(world: Genie2World, starts: torch.Tensor, keys: list[int]):
    """The state after each step."""
    state = world.reset(row_seeds(0, len(starts)), Start(frames=starts))
    states = [state.clone()]
    for key in keys:
        state, _ = world.step(state, world.key_actions(state, torch.full((len(starts),), key)))
        states.append(state.clone())
    return states


def edges(frames: torch.Tensor) -> float:
    return float((frames.float().diff(dim=2) ** 2).mean())


def test_its_origin_is_recorded(world):
    assert world.config.source["env_id"] == "GenieSim/Town-v0"
    assert int(world.perception.label_count) > 50_000
    assert int(world.keys_to_motion.label_count) == 1000
    assert len(world.starts) == len(world.starts.conditions) == 160
    assert "Town" in (WORLDS_FOLDER / "genie2" / "README.md").read_text()


def test_it_understands_town(world):
    assert world.vocabulary == TOWN
    assert read_prompt(world, "a snowy village at dusk with a castle").report.assumed == []
    left_open = read_prompt(world, "a castle").report
    assert left_open.assumed == list(left_open.left_open.values())
    assert "scene" in scene_warning("a castle", left_open, world.vocabulary)


def test_it_says_of_itself_what_it_is_worth(world):
    assert world.provenance.judgement.sentences() == []
    assert world.provenance.judgement.video == "held-out video"


def test_turning_away_and_back_shows_the_place_again(world):
    states = walk(world, torch.from_numpy(world.starts.frames[:6]), [LEFT] * 18 + [RIGHT] * 18)
    first, away, back = states[0].frames.float(), states[18].frames.float(), states[36].frames.float()
    assert (back - first).abs().mean() < 0.25 * (away - first).abs().mean()


def test_keys_move_the_camera_as_they_say(world):
    starts = torch.from_numpy(world.starts.frames[:12])
    forward = walk(world, starts, [FORWARD] * 24)[-1].pose
    assert 1.5 < float(forward[:, 2, 3].median()) < 3.1  # three metres in a second, where nothing stands in the way
    assert float(forward[:, 2, 3].max()) < 3.2
    right = walk(world, starts[:2], [RIGHT] * 18)[-1].pose
    assert torch.allclose(right[:, :3, 2], torch.tensor([1.0, 0.0, 0.0]), atol=0.2)  # a quarter of a turn


def test_what_it_imagines_has_edges(world):
    """After turning by 45 degrees most of what is seen is imagined; mist would have a fiftieth of the edges."""
    states = walk(world, torch.from_numpy(world.starts.frames[:6]), [LEFT] * 9)
    assert 0.15 < edges(states[-1].frames) / edges(states[0].frames) < 1.5


def test_standing_still_nothing_changes(world):
    states = walk(world, torch.from_numpy(world.starts.frames[:4]), [FORWARD] * 3 + [NOOP] * 30)
    still = (states[-1].frames == states[-2].frames).flatten(1).all(1)
    assert still.float().mean() >= 0.5  # where nobody walks by


def test_depth_of_start_frames_is_in_metres(world):
    depth = 1 / world.reset(row_seeds(0, 32), Start(frames=torch.from_numpy(world.starts.frames[:32]))).inverse_depth
    ground = depth[:, -3:, 60:100].mean((1, 2))  # below one's feet it is 2.9 m away, if nothing stands there
    assert 2.2 < float(ground.median()) < 3.4


def test_it_knows_the_beacon_and_towns_landmarks(world):
    assert world.tasks == ("reach_beacon", *(f"find:{name}" for name in LANDMARKS))
    assert set(world.starts.tasks) == set(world.tasks)


@pytest.mark.parametrize(
    ("task", "instruction"),
    [("reach_beacon", "reach the beacon"), ("find:well", "find the well"), ("find:castle", "find the castle")],
)
def test_seeing_a_goal_from_afar_pays_nothing(task, instruction):
    """Its own start frames of a task show its goal ahead."""
    envs = gym.make_vec("Genie2-v0", num_envs=6, task=task, action_mode="keyboard", autoreset_mode="DISABLED")
    envs.reset(seed=0)
    assert envs.unwrapped.instructions == [instruction] * 6
    _, rewards, ended, _, _ = envs.step(np.full(6, NOOP))
    assert not rewards.any()
    assert not ended.any()
    envs.close()


def test_a_prompt_says_where_to_begin():
    env = gym.make("Genie2-v0", prompt="a snowy village", action_mode="keyboard", obs=("rgb", "depth"))
    observation, info = env.reset(seed=0)
    assert observation["depth"].shape == (90, 160)
    assert info["pose"].shape == (4, 4)
    observation, *_ = env.step(FORWARD)
    assert isinstance(observation["rgb"], np.ndarray)
    report = env.unwrapped.report
    assert report is not None
    assert not [wish for wish in report.ignored if "snowy" in wish]
    env.close()


def test_first_views_are_as_was_asked(world):
    """Light and weather, by what anyone would look for; another view for each seed, the same for the same."""

    def views(**asked: object) -> torch.Tensor:
        start = Start(prompts=[Prompt(WorldSpec(**asked))] * 3)
        return world.reset(row_seeds(4, 3), start).frames.float() / 255

    noon, night = (views(scene="village", weather="sunny", hour=hour) for hour in (12.0, 23.0))
    assert noon.mean() > 2 * night.mean()
    ground = {weather: views(scene="desert", weather=weather, hour=12.0)[:, 60:] for weather in ("sunny", "snowy")}
    warmth = {weather: float((pixels[..., 0] - pixels[..., 2]).mean()) for weather, pixels in ground.items()}
    assert warmth["sunny"] > 0.1 > abs(warmth["snowy"])  # sand, and snow upon it
    assert (noon[0] - noon[1]).abs().mean() > 0.03
    assert torch.equal(noon, views(scene="village", weather="sunny", hour=12.0))


@pytest.mark.parametrize(("prompt", "steps"), [(None, 200), ("a snowy village with a church and two dogs at dusk", 12)])
def test_what_a_row_sees_does_not_depend_on_how_many_others_there_are(world, prompt, steps):
    """Alone, as one of two and as one of eight, to the bit: over walks, views that are imagined, and new episodes."""
    keys = np.repeat(np.random.default_rng(0).choice([FORWARD, LEFT, RIGHT], (steps // 8 + 1, 8)), 8, 0)[:steps]

    def play(rows: list[int]) -> np.ndarray:
        envs = GenieVectorEnv(len(rows), world, action_mode="keyboard", prompt=prompt, max_episode_steps=3 * steps // 4)
        return np.stack([envs.reset(seed=rows)[0], *(envs.step(key[rows])[0] for key in keys)])

    together = play(list(range(8)))
    for rows in ([7], [2, 7]):
        assert np.array_equal(play(rows), together[:, rows]), rows
