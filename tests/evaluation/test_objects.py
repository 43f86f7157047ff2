import numpy as np
import pytest
import torch

from genie_gym.envs.simulators import SIMULATORS, ColourKey
from genie_gym.evaluation.objects import kept, mask

RED = ColourKey((200, 0, 0), (255, 60, 60))


def frame_with(colour, rows, columns) -> torch.Tensor:
    frame = torch.zeros(1, 32, 32, 3, dtype=torch.uint8)
    frame[:, rows, columns] = torch.tensor(colour, dtype=torch.uint8)
    return frame


def test_a_thing_is_kept_where_it_was_or_one_pixel_beside():
    real = frame_with((220, 10, 10), slice(10, 14), slice(10, 14))
    assert [int(n) for n in kept(RED, real, real)] == [16, 16]
    assert [int(n) for n in kept(RED, real, real.roll(1, 2))] == [16, 16]
    assert [int(n) for n in kept(RED, real, real.roll(6, 2))] == [0, 16]
    assert [int(n) for n in kept(RED, real, torch.zeros_like(real))] == [0, 16]


def test_thin_lines_of_a_solid_things_colour_do_not_count():
    line, block = (frame_with((220, 10, 10), slice(10, 10 + size), slice(4, 28)) for size in (2, 6))
    solid = ColourKey(RED.low, RED.high, solid=True)
    assert not mask(solid, line).any()
    assert mask(solid, block).any()


def test_coins_and_boxes_of_the_real_game_are_found():
    pytest.importorskip("gym3")
    import gymnasium as gym

    import genie_gym  # noqa: F401

    envs = gym.make_vec("GenieSim/CoinRun-v0", num_envs=32)
    frames = [envs.reset(seed=0)[0]] + [envs.step(np.full(32, 7))[0] for _ in range(10)]
    envs.close()
    seen = torch.from_numpy(np.concatenate(frames))
    for key in SIMULATORS["GenieSim/CoinRun-v0"].objects.values():
        share = float(mask(key, seen).float().mean())
        assert 0.0001 < share < 0.05  # there, and small
