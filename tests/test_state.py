import pickle
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from genie_gym.errors import GenieGymError
from genie_gym.state import State, batch_axis


@dataclass(kw_only=True)
class Inner(State):
    late: Tensor = batch_axis(1)


@dataclass(kw_only=True)
class Outer(State):
    plain: Tensor
    inner: Inner
    named: dict[str, Tensor] = field(default_factory=dict)


def make(rows: int, seed: int = 0) -> Outer:
    generator = torch.Generator().manual_seed(seed)
    return Outer(
        plain=torch.rand(rows, 3, generator=generator),
        inner=Inner(late=torch.rand(2, rows, 4, generator=generator)),
        named={"depth": torch.rand(rows, generator=generator)},
    )


def test_a_clone_shares_nothing():
    state = make(4)
    copy = state.clone()
    for tensor in state.tensors():
        tensor.zero_()
    assert all(bool(tensor.any()) for tensor in copy.tensors())


@given(st.lists(st.integers(0, 4), min_size=1, max_size=8))
def test_rows_are_taken_along_each_parts_own_axis(rows):
    state = make(5)
    taken = state.select(torch.tensor(rows))
    assert taken.num_rows == len(rows)
    assert torch.equal(taken.plain, state.plain[rows])
    assert torch.equal(taken.inner.late, state.inner.late[:, rows])
    assert torch.equal(taken.named["depth"], state.named["depth"][rows])


@given(st.permutations(range(6)), st.integers(1, 6))
def test_rows_are_put_where_they_belong_and_the_others_stay(order, count):
    rows, others = list(order[:count]), list(order[count:])
    state, before, new = make(6), make(6), make(count, seed=1)
    state.put(torch.tensor(rows), new)
    for after, taken in zip(state.select(torch.tensor(rows)).tensors(), new.tensors(), strict=True):
        assert torch.equal(after, taken)
    if others:
        kept, was = state.select(torch.tensor(others)), before.select(torch.tensor(others))
        assert all(torch.equal(a, b) for a, b in zip(kept.tensors(), was.tensors(), strict=True))


def test_the_number_of_rows_is_that_of_the_batch_axis():
    assert make(7).num_rows == 7
    assert make(7).inner.num_rows == 7


def test_a_part_with_too_few_rows_is_an_error():
    with pytest.raises((RuntimeError, IndexError)):
        make(4).put(torch.tensor([0, 1]), make(1))


@given(st.integers(1, 4), st.integers(1, 5))
def test_each_row_is_repeated_along_each_parts_own_axis(rows, times):
    state = make(rows)
    copies = state.repeat(times)
    assert copies.num_rows == rows * times
    assert torch.equal(copies.plain, state.plain.repeat_interleave(times, 0))
    assert torch.equal(copies.inner.late, state.inner.late.repeat_interleave(times, 1))
    copies.plain.zero_()
    assert bool(state.plain.any())


@pytest.mark.parametrize("rows", [[2, 0], (2, 0), np.array([2, 0]), torch.tensor([2, 0])])
def test_rows_are_numbers_in_any_form(rows):
    state = make(3)
    assert torch.equal(state.select(rows).plain, state.plain[[2, 0]])


def test_rows_are_a_mask(as_users_call):
    state = make(3)
    assert torch.equal(state.select([True, False, True]).plain, state.plain[[0, 2]])
    assert torch.equal(state.select(torch.tensor([False, True, False])).plain, state.plain[[1]])
    assert state.select([]).num_rows == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state: state.select([3]), "no row 3"),
        (lambda state: state.select([-1]), "no row -1"),
        (lambda state: state.select([True]), "rows are whole numbers"),
        (lambda state: state.select([0.5]), "rows are whole numbers"),
        (lambda state: state.select([[0], [1, 2]]), "rows are whole numbers"),
        (lambda state: state.repeat(0), "at least once; got 0"),
        (lambda state: state.repeat(2.5), "at least once; got 2.5"),
    ],
)
def test_rows_that_there_are_not_get_a_sentence(change, words, as_users_call):
    with pytest.raises(GenieGymError, match=words):
        change(make(3))


def test_states_fit_whatever_their_number_of_rows():
    assert make(2).fits(make(5))
    other = make(2)
    other.plain = other.plain[:, :2]
    assert not make(2).fits(other)
    assert not make(2).fits(other.inner)


def test_states_are_pickled_and_moved():
    state = make(2)
    again = pickle.loads(pickle.dumps(state))
    assert all(torch.equal(a, b) for a, b in zip(again.tensors(), state.tensors(), strict=True))
    assert {tensor.device.type for tensor in state.to("meta").tensors()} == {"meta"}


def test_a_copy_in_the_types_of_another():
    state, other = make(2), make(3)
    other.inner.late = other.inner.late.double()
    copy = state.like(other)
    assert copy.inner.late.dtype == torch.float64
    assert torch.equal(copy.inner.late.float(), state.inner.late)
    copy.plain.zero_()
    assert bool(state.plain.any())
