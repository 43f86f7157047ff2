"""Keys and latent actions as motions, learned from walks."""

import numpy as np
import pytest
import torch

from genie_gym.errors import GenieGymError
from genie_gym.geometry.level import level_pose
from genie_gym.models.motion.latent_code import LatentCode, LatentCodeConfig, described
from genie_gym.models.motion.stride import Stride, StrideConfig, slid, stride_loss, stride_steps

FORWARD, LEFT, JUMP = 1, 2, 3
WANTED = torch.tensor([[0.0, 0.0, 0.0, 0.0, 0.0], [0, 0, 0.125, 0, 0], [0, 0, 0, -0.09, 0], [0, -0.16, 0, 0, 0]])
GRIP = torch.tensor([0.012, 0.005])


def walk(keys: np.ndarray, weather: int) -> torch.Tensor:
    """Level poses of one who slides."""
    heading, place, velocity, poses = 0.0, torch.zeros(3), torch.zeros(2), []
    for key in [*keys, 0]:
        poses.append(level_pose(torch.tensor([heading]), torch.zeros(1), place[None])[0])
        wanted = WANTED[key]
        ahead = torch.tensor([np.sin(heading), np.cos(heading)], dtype=torch.float32) * wanted[2]
        velocity = slid(velocity[None], ahead[None], GRIP[weather : weather + 1])[0]
        place = place + torch.tensor([velocity[0], 0.0, velocity[1]])
        heading += float(wanted[3])
    return torch.stack(poses)


def recorded_motions(count: int = 4000) -> torch.Tensor:
    rng = np.random.default_rng(0)
    motion = np.zeros((count, 6), np.float32)
    kind = rng.integers(3, size=count)
    motion[kind == 1, 2] = 0.12
    motion[kind == 2, 4] = rng.choice([-0.09, 0.09], (kind == 2).sum())
    return torch.from_numpy(motion + rng.normal(0, 1e-3, motion.shape).astype(np.float32))


def test_strides_are_learned_from_a_few_hundred_steps():
    rng, tables = np.random.default_rng(0), []
    for episode in range(6):
        keys = rng.choice([0, FORWARD, LEFT], 6).repeat(30)
        table = stride_steps(walk(keys, episode % 2), torch.from_numpy(keys))
        count = len(table["keys"])
        flat = {"weather": torch.full((count,), episode % 2), "wading": torch.zeros(count, dtype=torch.bool)}
        tables.append(table | flat)
    whole = {name: torch.cat([table[name] for table in tables]) for name in tables[0]}
    torch.manual_seed(0)
    stride = Stride(StrideConfig(("noop", "forward", "turn left", "jump"), ("sunny", "snowy")))
    stride.begin(whole)
    optimiser = torch.optim.Adam(stride.parameters(), 2e-2)
    for step in range(100):
        optimiser.param_groups[0]["lr"] = 1e-2 * (1 - step / 100)
        optimiser.zero_grad()
        stride_loss(stride, whole)["total"].backward()
        optimiser.step()
    assert float(stride.wanted[FORWARD, 2]) == pytest.approx(0.125, abs=0.01)
    assert float(stride.wanted[LEFT, 3]) == pytest.approx(-0.09, abs=0.01)
    assert float(stride.wanted[0].abs().max()) < 0.05  # nobody rests for long here
    assert torch.allclose(stride.log_grip.exp(), GRIP, rtol=0.1)


def test_friction_limits_how_a_walk_changes():
    wanted, grip = torch.tensor([[0.0, 0.12], [0.0, 0.12]]), torch.tensor([0.5, 0.01])
    now = slid(torch.zeros(2, 2), wanted, grip)
    assert torch.allclose(now, torch.tensor([[0.0, 0.12], [0.0, 0.01]]))
    assert torch.equal(slid(wanted, wanted, grip), wanted)


def test_a_motion_is_an_action_and_back():
    code = LatentCode(LatentCodeConfig())
    motions = recorded_motions()
    code.learn(motions)
    actions = code.encode(motions)
    assert actions.shape == (4000, 32)
    assert float(actions.abs().max()) <= 1
    assert torch.allclose(code.decode(actions), motions, atol=1e-6)
    assert not code.encode(torch.zeros(1, 6)).any()
    assert not code.decode(torch.zeros(1, 32)).any()
    fast = code.encode(torch.tensor([[0.0, 0.0, 9.0, 0.0, 0.0, 0.0]]))
    assert float(fast.abs().max()) == pytest.approx(1)
    slower = code.decode(fast)[0]
    assert float(slower[2]) > 0.1
    assert float(slower[[0, 1, 3, 4, 5]].abs().max()) < 1e-5


def test_random_actions_are_as_recorded_motions():
    code = LatentCode(LatentCodeConfig())
    motions = recorded_motions()
    code.learn(motions)
    drawn = code.decode(torch.from_numpy(np.random.default_rng(1).uniform(-1, 1, (4000, 32)).astype(np.float32)))
    spread, recorded = drawn.square().mean(0).sqrt(), motions.square().mean(0).sqrt()
    assert recorded[2] < spread[2] < 3 * recorded[2]
    assert recorded[4] < spread[4] < 3 * recorded[4]
    assert spread[5] < 0.5 * spread[4]


def test_prototypes_are_what_was_recorded():
    code = LatentCode(LatentCodeConfig(prototypes=4))
    code.learn(recorded_motions())
    assert sorted(code.prototype_names()) == ["forward 0.12 m", "rest", "turn left 5.2°", "turn right 5.2°"]
    assert code.prototype_names()[0] == "rest"
    assert described([0.0, 0.1, -0.2, 0, 0, 0]) == "back 0.20 m, down 0.10 m"


def test_motions_that_were_read_wrongly_are_left_out():
    motions = recorded_motions()
    wrong = torch.from_numpy(np.random.default_rng(2).uniform(-10, 10, (80, 6)).astype(np.float32))
    codes = [LatentCode(LatentCodeConfig(prototypes=4)) for _ in range(2)]
    codes[0].learn(motions)
    codes[1].learn(torch.cat([motions, wrong]))
    assert int(codes[1].motion_count) == 4000
    assert torch.allclose(codes[0].axes.abs(), codes[1].axes.abs(), atol=1e-6)
    assert codes[0].prototype_names() == codes[1].prototype_names()


@pytest.mark.parametrize("motions", [torch.zeros(3, 6), torch.full((100, 6), torch.nan)])
def test_what_cannot_be_learned_from_is_refused(motions):
    with pytest.raises(GenieGymError, match="are learned from at least 8 finite motions"):
        LatentCode(LatentCodeConfig()).learn(motions)


def test_sizes_that_cannot_be_are_refused():
    with pytest.raises(GenieGymError, match="power of two"):
        LatentCodeConfig(size=30)
