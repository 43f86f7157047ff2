"""What was done is remembered, what comes next is predicted, and a user's keys, mouse and gamepad come to latent actions."""

import math

import numpy as np
import pytest
import torch
from small_place import FORWARD, LEFT, empty_place, small_config, small_place, small_world, thing

from genie_gym.datasets.behaviours import make_behaviour
from genie_gym.datasets.video import VideoDataset
from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.errors import GenieGymError
from genie_gym.genie3 import stages
from genie_gym.genie3.memory import ActionMemory
from genie_gym.genie3.predictor import ActionPredictor, PredictorConfig, seen_from
from genie_gym.genie3.presets import PRESETS
from genie_gym.genie3.world import Genie3World
from genie_gym.models.motion.latent_code import LatentCodeConfig
from genie_gym.user_action import UserAction
from genie_gym.world import ACTION_PRIOR, Start

RECIPE = PRESETS["debug"].recipe
SMALL = PredictorConfig(hidden_dim=24, num_layers=1, past=4, grid=(2, 4), ways=4)


@pytest.fixture(scope="module")
def world() -> Genie3World:
    return small_world(predictor=SMALL, memory=8)


def enter(world, *things, rows: int = 1):
    return world.reset(torch.arange(rows), Start(places=[empty_place(20.0, *things)] * rows))


def test_a_memory_is_a_ring_of_the_latest_actions():
    memory = ActionMemory.empty(2, capacity=3, dim=4)
    for k in range(5):
        memory.store(torch.full((2, 4), float(k)))
        told = memory.last(3)[:, :, 0]
        assert told.tolist() == [[float(max(k - 2 + n, 0)) if k - 2 + n >= 0 else 0.0 for n in range(3)]] * 2
    assert memory.count.tolist() == [5, 5]
    assert ActionMemory.empty(1).actions.shape == (1, 2560, 32)


def test_each_row_remembers_what_it_did(world):
    state = enter(world, rows=2)
    done = []
    for k in range(11):
        actions = torch.full((2, 32), 0.01 * k) * torch.tensor([[1.0], [-1.0]])
        state, _ = world.step(state, actions)
        done.append(actions)
    assert torch.equal(state.memory.last(8), torch.stack(done[-8:], 1))
    assert world.reset(torch.arange(2), Start(places=[empty_place()] * 2)).memory.count.tolist() == [0, 0]
    assert torch.equal(state.select([1]).memory.last(2)[0], torch.stack(done[-2:])[:, 1])


def test_a_predictor_learns_what_is_held_and_says_so_in_nats():
    """Walkers of two kinds, who go on or turn as something is near or not."""
    torch.manual_seed(0)
    predictor = ActionPredictor(SMALL, LatentCodeConfig())
    near = torch.rand(2000) > 0.5
    seen = torch.zeros(2000, 9)
    seen[:, :8] = torch.where(near, 1.0, 0.1)[:, None]
    on, turn = torch.randn(2, 32).clamp(-1, 1) * 0.3
    following = torch.where(near[:, None], turn, on) + 0.01 * torch.randn(2000, 32)
    past = torch.zeros(2000, 4, 32)
    predictor.begin(following)
    before = float(predictor.log_prob(seen, past, following).mean().detach())
    optimizer = torch.optim.Adam(predictor.parameters(), 1e-2)
    for _ in range(150):
        optimizer.zero_grad()
        loss = -predictor.log_prob(seen, past, following).mean()
        loss.backward()
        optimizer.step()
    predictor.eval()
    assert float(predictor.log_prob(seen, past, following).mean().detach()) > before + 2
    drawn = predictor.draw(seen[:64], past[:64], torch.arange(64), torch.zeros(64, dtype=torch.int64))
    along = predictor.motions(drawn) @ (predictor.motions(turn) - predictor.motions(on))
    middle = float((predictor.motions(turn) + predictor.motions(on)) @ (predictor.motions(turn) - predictor.motions(on)) / 2)
    assert ((along > middle) == near[:64]).float().mean() > 0.9
    one = predictor.draw(seen[7:8], past[7:8], torch.tensor([7]), torch.tensor([0]))
    assert torch.equal(one[0], drawn[7])


def test_one_sees_what_is_near_and_where():
    depth = torch.full((1, 8, 16), 100.0)
    depth[:, 4:, :4] = 2.0
    seen = seen_from(depth, torch.tensor([0.3]), SMALL)
    assert seen.shape == (1, 9)
    assert seen[0, :4].tolist() == pytest.approx([0.01] * 4)
    assert seen[0, 4:8].tolist() == pytest.approx([0.5, 0.01, 0.01, 0.01])
    assert float(seen[0, 8]) == pytest.approx(0.3)


def test_the_prior_walks_and_what_it_draws_is_its_rows_own(world):
    places = [small_place(seed) for seed in range(3)]
    together = world.reset(torch.arange(3), Start(places=places))
    alone = world.reset(torch.tensor([2]), Start(places=places[2:]))
    for _ in range(12):
        assert torch.equal(together.extras[ACTION_PRIOR][2], alone.extras[ACTION_PRIOR][0])
        together, alone = (world.step(state, state.extras[ACTION_PRIOR])[0] for state in (together, alone))
    memory = ActionMemory.empty(3, 8)
    features = world.video_features(together)
    drawn = world.predict_and_store(features, memory, together.seed)
    assert torch.equal(memory.last(1)[:, 0], drawn)
    assert drawn.abs().max() <= 1


def test_the_policy_prior_plays_it_in_latent_actions_alone(world):
    envs = GenieVectorEnv(1, world, place=empty_place())
    _, info = envs.reset(seed=1)
    rng = np.random.default_rng(0)
    policy = make_behaviour("prior", envs.single_observation_space, envs.single_action_space, rng)
    action = policy.act(None, {ACTION_PRIOR: info[ACTION_PRIOR][0]})
    assert envs.single_action_space.contains(action)
    envs.step(action[None])
    keys = GenieVectorEnv(1, world, place=empty_place(), action_mode="keyboard")
    policy = make_behaviour("prior", keys.single_observation_space, keys.single_action_space, rng)
    with pytest.raises(GenieGymError, match="own actions"):
        policy.act(None, {ACTION_PRIOR: info[ACTION_PRIOR][0]})


def test_who_gives_nothing_is_walked_by_the_prior(world):
    envs, told = (GenieVectorEnv(2, world, place=empty_place()) for _ in range(2))
    _, info = envs.reset(seed=1)
    told.reset(seed=1)
    for _ in range(5):
        seen, *_, following = envs.step(None)
        also, *_ = told.step(info[ACTION_PRIOR])
        assert np.array_equal(seen, also)
        info = following
    plain = GenieVectorEnv(1, small_world(), place=empty_place())
    plain.reset(seed=0)
    with pytest.raises(GenieGymError, match="no prior"):
        plain.step(None)


def test_a_world_without_a_prior_says_so():
    plain = small_world()
    assert ACTION_PRIOR not in plain.extras
    with pytest.raises(GenieGymError, match="no prior"):
        plain.video_features(enter(plain))
    with pytest.raises(GenieGymError, match="remembers"):
        small_config(predictor=SMALL, memory=2)


def test_keys_mouse_and_gamepad_add_up(world):
    state = enter(world, thing("tree", 8, 3), rows=3)
    by_key = world.key_actions(state, torch.tensor([FORWARD, LEFT, FORWARD]))
    by_user = world.get_controllable_action(
        state, [UserAction("w"), UserAction(["turn left"]), UserAction(axes={"forward": 1.0})]
    )
    assert torch.equal(by_key, by_user)
    turned = world.get_controllable_action(state, UserAction(mouse=(10.0, 5.0)))
    after, _ = world.step(state.clone(), turned)
    assert float(after.walker.yaw[0]) == pytest.approx(-math.radians(10), abs=1e-3)
    assert float(after.walker.pitch[0]) == pytest.approx(math.radians(5), abs=1e-3)
    both = world.get_controllable_action(state, UserAction(["forward", "turn left"]))
    after, _ = world.step(state.clone(), both)
    assert float(after.walker.yaw[0]) > 0.05
    assert float(after.walker.feet[0, 0]) > 0.005


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"keys": ["fly"]}, "no key"),
        ({"mouse": (float("nan"), 0.0)}, "mouse"),
        ({"axes": {"forward": 2.0}}, "axes"),
        ({"axes": {"up": 0.5}}, "axes"),
        ({"keys": ["w"] * 40}, "at most"),
    ],
)
def test_what_no_user_does_is_refused(world, given, said):
    with pytest.raises(GenieGymError, match=said):
        world.get_controllable_action(enter(world), UserAction(**given))


def test_one_user_a_row(world):
    with pytest.raises(GenieGymError, match="2 actions of users for 3 rows"):
        world.get_controllable_action(enter(world, rows=3), [UserAction(), UserAction()])


def test_a_prior_whose_training_goes_on_keeps_what_it_learned(monkeypatch):
    generator = torch.Generator().manual_seed(0)
    actions = torch.randn(60, 32, generator=generator).clamp(-1, 1)
    table = {"seen": torch.zeros(60, 9), "past": torch.zeros(60, SMALL.past, 32), "following": actions}
    monkeypatch.setattr(stages, "walked_steps", lambda *about: table)

    def begun() -> stages.PriorStage:
        stage = stages.PriorStage(small_world(predictor=SMALL, memory=8), VideoDataset.__new__(VideoDataset), RECIPE)
        stage.settle(torch.device("cpu"))
        return stage

    first, again = begun(), begun()
    with torch.no_grad():
        first.network.towards += 1  # as training does
    again.restore({name: value.clone() for name, value in first.checkpoint().items()})
    again.sample(np.random.default_rng(0), 4)
    assert torch.equal(again.network.towards, first.network.towards)
    assert torch.equal(again.network.deviation, first.network.deviation)
