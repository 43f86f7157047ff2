"""Rows go through networks in chunks of one size, so that a row's numbers are its own."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

import genie_gym.models.chunks as module
from genie_gym.models.chunks import in_chunks
from genie_gym.state import State, batch_axis


@dataclass
class Pair:
    one: Tensor
    two: Tensor


@dataclass(kw_only=True)
class Kept(State):
    late: Tensor = batch_axis(1)


def test_a_row_is_the_same_to_the_bit_whatever_the_others_are():
    """Of a convolution and a linear layer that round otherwise with every size of a batch."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(256, 256, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 192))
    rows = torch.randn(9, 256, 6, 10)
    with torch.no_grad():
        alone = torch.cat([in_chunks(network, row[None]) for row in rows])
        for count in (2, 3, 8, 9):
            assert torch.equal(in_chunks(network, rows[:count]), alone[:count])


@pytest.mark.parametrize("rows", [1, 3, 4, 7])
def test_on_a_gpu_every_chunk_is_as_large(monkeypatch, rows):
    monkeypatch.setattr(module, "ON_A_GPU", 3)
    sizes = []

    def network(x: Tensor, y: Tensor) -> Pair:
        sizes.append(len(x))
        return Pair(x + y, 2 * x)

    x = torch.arange(rows)
    with monkeypatch.context() as on_a_gpu:
        on_a_gpu.setattr(module, "_is_cpu", lambda _: False)
        found = in_chunks(network, x, 10 * x)
    assert sizes == [3] * -(-rows // 3)
    assert found.one.tolist() == [11 * k for k in range(rows)]
    assert found.two.tolist() == [2 * k for k in range(rows)]


def test_states_are_joined_along_their_own_axes():
    late = torch.arange(12).view(2, 6)
    found = in_chunks(lambda x: Kept(late=x.T), late.T)
    assert torch.equal(found.late, late)
