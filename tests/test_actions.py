import numpy as np
import pytest
import torch

from genie_gym.actions import ContinuousActions, DiscreteActions, sticky_actions
from genie_gym.errors import GenieGymError

SPECS = [DiscreteActions(5), ContinuousActions(3)]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_what_is_drawn_lies_in_the_space_and_passes_the_check(spec):
    drawn = spec.sample(np.random.default_rng(0), 6, 4)
    assert drawn.shape[:2] == (6, 4)
    assert all(spec.space.contains(action.numpy()) for action in drawn.flatten(0, 1))
    for given in (drawn[0], drawn[0].numpy(), drawn[0].tolist()):
        assert torch.equal(spec.check(given, 4), drawn[0])
    assert torch.equal(drawn, spec.sample(np.random.default_rng(0), 6, 4))
    assert len({tuple(np.ravel(row)) for row in drawn.numpy()}) > 1


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_probes_are_different_actions_of_the_space(spec):
    probes = spec.probes()
    assert all(spec.space.contains(probe.numpy()) for probe in probes.values())
    assert len({tuple(np.ravel(probe)) for probe in probes.values()}) == len(probes)


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_equal_actions_embed_alike_and_different_ones_do_not(spec):
    embedded = spec.embed(torch.stack(list(spec.probes().values())))
    alike = torch.nn.functional.cosine_similarity(embedded[:, None], embedded[None], dim=-1)
    assert (alike.diagonal() <= 1.0001).all()
    assert (alike - torch.diag(alike.diagonal()) < 0.5).all()
    assert alike.diagonal()[1:].min() > 0.999


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_sticky_actions_last_as_long_as_is_said_on_average(spec):
    moves = sticky_actions(spec, np.random.default_rng(0), 4000, keep=0.75)
    kept = (moves[1:] == moves[:-1]).reshape(3999, -1).all(1).float().mean()
    by_chance = 1 / spec.count if isinstance(spec, DiscreteActions) else 0.0
    assert float(kept) == pytest.approx(0.75 + 0.25 * by_chance, abs=0.03)
    assert torch.equal(moves[:9], sticky_actions(spec, np.random.default_rng(0), 9, keep=0.75))
    assert sticky_actions(spec, np.random.default_rng(0), 0).shape == moves[:0].shape


def test_probes_cover_every_code_and_both_ends_of_every_axis():
    assert [int(probe) for probe in DiscreteActions(4).probes().values()] == [0, 1, 2, 3]
    ends = torch.stack(list(ContinuousActions(2).probes().values()))
    assert ends.tolist() == [[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]]


@pytest.mark.parametrize("bad", [[0, 5], [-1, 0], [0.0, 1.0], [True, False], [0], [[0], [1]]])
def test_codes_that_are_none(bad):
    with pytest.raises(GenieGymError, match="action"):
        DiscreteActions(5).check(bad, 2)


@pytest.mark.parametrize("bad", [np.zeros(3), np.zeros((1, 2)), [[np.inf, 0, 0]], [[0, np.nan, 0]], [[0, 0, -1.01]]])
def test_vectors_that_are_none(bad):
    with pytest.raises(GenieGymError, match="actions must"):
        ContinuousActions(3).check(bad, 1)


def test_rounding_at_a_bound_is_forgiven_and_clipped():
    checked = ContinuousActions(1).check(np.float32([[1.0000005]]), 1)
    assert checked.tolist() == [[1.0]]
