from dataclasses import replace

import numpy as np
import pytest
import torch
from room import GOALS, PINK, SMALL, KnowsTheRoom, draw, pose_at, record
from town_words import TOWN

from genie_gym.datasets.video import Episode, VideoDataset
from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.envs.world_env import GenieEnv
from genie_gym.errors import GenieGymError
from genie_gym.evaluation.goals import recorded_goals
from genie_gym.evaluation.measure import EvaluateConfig, Evaluation
from genie_gym.evaluation.tasks import score_ways, task_outcomes
from genie_gym.genie2.goals import learnable_goals, pick_task_starts
from genie_gym.genie2.tasks import Reading, TaskHead, TaskHeadConfig, describe, task_loss
from genie_gym.genie2.world import Genie2World
from genie_gym.pretrained import load_world, save_world
from genie_gym.text.spec import WorldSpec
from genie_gym.world import StartPool

START = pose_at(0.0, 0.0)
TASKS = ("reach_beacon", "find:well")
CLASSES = ("sky", "ground", "beacon", "well")
DEBUG = replace(SMALL, goals=GOALS, classes=CLASSES, source={"vocabulary": TOWN.to_dict()})
FORWARD, TURN = 1, 3


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> VideoDataset:
    return VideoDataset(record(tmp_path_factory.mktemp("room") / "beacon.h5", episodes=5, beacon=True))


def made_world() -> Genie2World:
    """The room; what is nearer than two metres counts as the beacon. The wall ahead is three metres away."""
    torch.manual_seed(0)
    world = Genie2World(DEBUG)
    assert world.task_head is not None
    world.perception, world.starts = KnowsTheRoom(START), StartPool(draw(START)[0][None])
    world.starts = replace(world.starts, tasks={"reach_beacon": 255 - world.starts.frames})
    world.task_head.label_count.fill_(1)
    near = lambda _, inverse_depth: (inverse_depth[:, 45:46, 80] > 0.5).float() * torch.tensor([1.0, 0.0])  # noqa: E731
    world.task_head.chances = near  # type: ignore[method-assign]
    world.key_actions = lambda _, keys: world.latent_actions.action(  # type: ignore[method-assign]
        torch.tensor([[0, 0, 0.1, 0, 0, 0], [0, 0, 0, 0, 0.1, 0]])[(keys != FORWARD).long()]
    )
    return world.eval()


@pytest.fixture(scope="module")
def world() -> Genie2World:
    return made_world()


def test_the_goal_brings_one_reward_and_the_end(world):
    envs = GenieVectorEnv(2, world, action_mode="keyboard", task="reach_beacon", autoreset_mode="DISABLED")
    envs.reset(seed=0)
    keys, brought, steps = np.array([FORWARD, TURN]), np.zeros(2), 0
    terminated = np.zeros(2, bool)
    while not terminated.any() and steps < 16:
        _, rewards, terminated, _, _ = envs.step(keys)
        brought += rewards
        steps += 1
        assert (terminated == rewards.astype(bool)).all()
    assert brought.tolist() == [1, 0]
    assert 9 <= steps <= 13  # a metre away, at ten centimetres a step
    state = envs.save_state().world
    for _ in range(3):  # no second one, of a row that goes on though it is done
        state, prediction = world.step(state, world.key_actions(state, torch.from_numpy(keys)))
        assert not prediction.rewards.any()


def test_without_a_task_nothing_is_rewarded_and_nobody_looks(world, monkeypatch):
    monkeypatch.setattr(world.task_head, "chances", lambda *_: pytest.fail("it looked"))
    envs = GenieVectorEnv(1, world, action_mode="keyboard")
    envs.reset(seed=0)
    assert envs.instructions == [""]
    assert not any(envs.step(np.array([FORWARD]))[1].any() for _ in range(14))


def test_a_task_begins_where_its_goal_shows_and_goes_on_after_the_end(world):
    envs = GenieVectorEnv(1, world, action_mode="keyboard", task="reach_beacon")
    first, _ = envs.reset(seed=0)
    assert (first[0] == world.starts.tasks["reach_beacon"][0]).all()
    assert (envs.tasks, envs.instructions) == (["reach_beacon"], ["reach the beacon"])
    ends = [bool(envs.step(np.array([FORWARD]))[2][0]) for _ in range(30)]
    assert sum(ends) == 2
    other, _ = GenieVectorEnv(1, world, task="find:well").reset(seed=0)  # of which it ships no frames
    assert (other[0] == world.starts.frames[0]).all()
    given, _ = GenieVectorEnv(1, world, task="reach_beacon", start_frames=world.starts.frames).reset(seed=0)
    assert (given[0] == world.starts.frames[0]).all()


def test_a_saved_state_keeps_its_task_and_whether_it_was_done(world):
    env = GenieEnv(world, action_mode="keyboard", task="reach_beacon")
    env.reset(seed=0)
    assert env.world.tasks == TASKS
    assert env.instruction == "reach the beacon"
    for _ in range(7):
        env.step(FORWARD)
    saved = env.save_state()
    futures = []
    for _ in range(2):
        env.load_state(saved)
        rewards, over = [], False
        while not over and len(rewards) < 6:
            _, reward, over, *_ = env.step(FORWARD)
            rewards.append(reward)
        futures.append(rewards)
    assert futures[0] == futures[1]
    assert sum(futures[0]) == 1


def test_unknown_tasks_are_refused_in_a_sentence(world):
    with pytest.raises(GenieGymError, match=r"unknown task 'reach_bacon'\. Did you mean 'reach_beacon'\?"):
        GenieVectorEnv(1, world, task="reach_bacon")
    with pytest.raises(GenieGymError, match="give a row a task or a prompt, not both"):
        GenieVectorEnv(1, world, task="reach_beacon", prompt="a village")
    with pytest.raises(GenieGymError, match="knows no tasks"):
        GenieVectorEnv(1, Genie2World(SMALL), task="reach_beacon")


def test_a_reset_is_refused_if_the_next_episodes_could_not_begin(world):
    """With frames, a task and a prompt may stand together; without them, not."""
    world.vocabulary, conditions = TOWN, world.starts.conditions
    world.starts = replace(world.starts, conditions=(WorldSpec("village"),))
    envs = GenieVectorEnv(1, world, prompt="a village")
    options = {"start_frames": world.starts.frames, "task": "reach_beacon"}
    with pytest.raises(GenieGymError, match=r"not both \(None takes back one that stands\)"):
        envs.reset(seed=0, options=options)
    envs.reset(seed=0, options=options | {"prompt": None})
    assert (envs.tasks, envs.reports) == (["reach_beacon"], [None])
    world.starts = replace(world.starts, conditions=conditions)


def test_goals_are_classes_that_the_world_knows():
    with pytest.raises(GenieGymError, match=r"the goal of 'find:well' is none of the classes"):
        Genie2World(replace(DEBUG, classes=("sky", "ground", "beacon")))


def test_tasks_and_their_start_frames_are_saved_and_loaded(tmp_path):
    made = Genie2World(DEBUG)
    made.starts = StartPool(np.zeros((1, 90, 160, 3), np.uint8))
    made.starts = replace(made.starts, tasks={"find:well": np.full((2, 90, 160, 3), 7, np.uint8)})
    assert made.tasks == ()
    made.task_head.label_count.fill_(9)
    save_world(made, tmp_path)
    again = load_world(tmp_path, "cpu")
    assert again.tasks == TASKS
    assert {task: frames.tolist() for task, frames in again.starts.tasks.items()} == {
        task: frames.tolist() for task, frames in made.starts.tasks.items()
    }


def test_a_recording_teaches_what_it_shows_from_near(data):
    assert learnable_goals(data) == GOALS[:1]
    goals = recorded_goals(data, GOALS[:1])
    reached, shows = goals.reached(GOALS[:1])[:, 0], (data.flat == PINK).all(3).any((1, 2))
    assert 0 < reached.sum() < shows.sum()
    assert not reached[~shows].any()


def test_tasks_begin_where_the_goal_shows_some_metres_away(data, monkeypatch):
    assert pick_task_starts(data, GOALS[:1]) == {}, "the room is too small for that"
    monkeypatch.setattr("genie_gym.genie2.goals.NEAR", 1.0)
    starts = pick_task_starts(data, GOALS[:1])["reach_beacon"]
    assert (starts == PINK).all(3).any((1, 2)).all()


def test_the_head_learns_when_it_is_reached():
    """Of a bar as wide as it is near, on frames hardly any of which shows the goal reached."""
    torch.manual_seed(0)
    head = TaskHead(TaskHeadConfig(), GOALS[:1])
    optimizer = torch.optim.Adam(head.parameters(), 1e-2)

    def batch(distance: torch.Tensor, shown: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        width = torch.where(shown, 16 / distance, 0.0)
        bar = ((torch.arange(32) - 15.5).abs() < width[:, None]).float()
        return bar[:, None, None].expand(-1, 1, 32, -1), torch.full((len(distance), 64, 64), 0.1)

    for _ in range(200):
        distance, shown = 1.4 + 6 * torch.rand(16), torch.rand(16) < 0.7
        loss = task_loss(head(*batch(distance, shown)), shown[:, None], distance[:, None], torch.ones(16))["total"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    distance, shown = torch.tensor([1.4, 3.0, 1.4]), torch.tensor([True, True, False])
    near, far, hidden = head.chances(*batch(distance, shown))[:, 0].tolist()
    assert near > 2 * max(far, hidden)


def test_a_thing_is_described_by_how_much_where_and_how_far():
    """The same mirrored; farther by as much as its depth; of nothing, nothing but a finite number."""
    torch.manual_seed(0)
    shown, log_depth = torch.zeros(2, 1, 8, 12), torch.full((2, 1, 8, 12), 1.2) + 0.1 * torch.rand(2, 1, 8, 12)
    shown[0, 0, 2:6, 9:] = 0.9
    numbers, near = describe(shown, log_depth)
    mirrored, _ = describe(shown.flip(3), log_depth.flip(3))
    _, far = describe(shown, log_depth + 0.5)
    assert torch.allclose(mirrored, numbers, atol=1e-5)
    assert float(near[0, 0]) == pytest.approx(1.25, abs=0.06)
    assert float(far[0, 0] - near[0, 0]) == pytest.approx(0.5, abs=0.01)
    assert torch.isfinite(numbers).all()
    assert numbers[0, 0, 0] > numbers[1, 0, 0]
    assert numbers[0, 0, 2] > 0.5 > numbers[1, 0, 2]


def test_chances_are_both_in_view_and_near():
    head = TaskHead(TaskHeadConfig(), GOALS)
    reading = Reading(torch.tensor([[9.0, 9.0]]), torch.tensor([[1.0, 3.0]]).log(), torch.tensor([[-2.0, -2.0]]))
    head.forward = lambda *_: reading  # type: ignore[method-assign]
    nothing = torch.zeros(1, 2, 4, 4), torch.ones(1, 8, 8)
    assert head.chances(*nothing)[0].tolist() == pytest.approx([0.95, 0.5], abs=0.01)


def test_rewards_are_measured_on_real_frames(data, world, monkeypatch):
    pink = lambda frames: (frames == torch.tensor(PINK)).all(3).float().mean((1, 2))  # noqa: E731
    monkeypatch.setattr(world, "task_chances", lambda frames: pink(frames)[:, None] * torch.tensor([1.0, 0.0]))
    found = task_outcomes(Evaluation(world, data, EvaluateConfig(clips=16), np.random.default_rng(0)))
    assert found["reward_auc"] > 0.95
    assert 0.5 < found["reward_auc_in_view"] < found["reward_auc"]  # at the edge of view, what is near shows little
    assert 0 < found["reward_rate_real"] < 1
    untaught = Genie2World(SMALL)
    assert task_outcomes(Evaluation(untaught, data, EvaluateConfig(), np.random.default_rng(0))) == {}


def test_who_knows_the_way_is_compared_with_chance(data, world):
    cases = [Episode(world.starts.frames, description={"keys": [FORWARD] * 12}) for _ in range(3)]
    evaluation = Evaluation(world, data, EvaluateConfig(), np.random.default_rng(0))
    found = score_ways(evaluation, cases, ["reach_beacon"] * 3)
    assert found["task_expert_success"] == 1.0 > found["task_random_success"]
    assert found["task_cases"] == 3
