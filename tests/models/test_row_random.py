import torch
from hypothesis import given
from hypothesis import strategies as st

from genie_gym.models.row_random import hash64, integers, uniform


def splitmix64(state: int) -> int:
    """The published algorithm, in Python's own integers."""
    z = (state + 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


@given(st.integers(-(2**63), 2**63 - 1))
def test_the_hash_is_splitmix64(x):
    assert int(hash64(torch.tensor([x]))[0]) % 2**64 == splitmix64(x % 2**64)


@given(st.integers(-(2**63), 2**63 - 1), st.integers(0, 10**9))
def test_a_row_is_the_same_in_any_batch(seed, counter):
    alone = uniform(torch.tensor([seed]), torch.tensor([counter]), 3, 5)
    among = uniform(torch.tensor([1, seed, 2]), torch.tensor([9, counter, 7]), 3, 5)
    assert torch.equal(alone[0], among[1])
    assert ((alone > 0) & (alone < 1)).all()


def test_numbers_are_uniform_and_streams_differ():
    rows = torch.arange(500)
    first, second = uniform(rows, rows * 0, 0, 200), uniform(rows, rows * 0, 1, 200)
    assert abs(first.mean() - 0.5) < 0.005
    assert abs(first.var() - 1 / 12) < 0.002
    assert abs(torch.corrcoef(torch.stack([first.flatten(), second.flatten()]))[0, 1]) < 0.01


def test_the_ends_are_never_reached():
    """Rows whose random bits are all zeros and all ones: logarithms are taken of these numbers."""
    seeds = torch.tensor([7263, 19747])
    least, greatest = uniform(seeds, seeds * 0, 0, 256)[[0, 1], [47, 255]].tolist()
    assert 0 < least < 1e-7
    assert 1 - 1e-7 < greatest < 1


def test_integers_reach_all_values_evenly():
    rows = torch.arange(8000)
    counts = torch.bincount(integers(rows, rows * 0, 0, 8), minlength=8)
    assert counts.min() > 850


def test_no_two_of_seed_counter_and_stream_share_their_numbers():
    """Neighbouring rows, steps and uses above all: these are what worlds ask for."""
    seed, counter = (x.flatten() for x in torch.meshgrid(torch.arange(20), torch.arange(20), indexing="ij"))
    numbers = torch.cat([uniform(seed, counter, stream, 3) for stream in range(5)])
    assert len(numbers.unique(dim=0)) == 20 * 20 * 5
    picks = torch.cat([integers(seed, counter, stream, 2**60) for stream in range(5)])
    assert len(picks.unique()) == 20 * 20 * 5
