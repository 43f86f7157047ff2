from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from genie_gym.errors import GenieGymError
from genie_gym.models.sampling import SamplingConfig, draw_tokens, hidden_after, keep_hidden, sample_frame


@given(st.integers(1, 16), st.integers(1, 200))
def test_the_schedule_hides_less_and_less_and_ends_with_nothing(passes, tokens):
    counts = [hidden_after(done, passes, tokens) for done in range(passes + 1)]
    assert counts[0] == tokens
    assert counts[-1] == 0
    assert all(later <= earlier for earlier, later in pairwise(counts))


def test_tokens_are_drawn_in_proportion():
    logits = torch.tensor([0.1, 0.2, 0.7]).log().expand(1, 30_000, 3)
    noise = (torch.arange(30_000) + 0.5) / 30_000
    tokens, log_probability = draw_tokens(logits, 1.0, noise[None])
    assert torch.allclose(torch.bincount(tokens[0]) / 30_000, torch.tensor([0.1, 0.2, 0.7]), atol=1e-3)
    assert torch.allclose(log_probability.exp()[0, -1], torch.tensor(0.7), atol=1e-5)


def test_temperature_zero_takes_the_likeliest():
    logits = torch.randn(2, 5, 7)
    assert torch.equal(draw_tokens(logits, 0.0, torch.rand(2, 5))[0], logits.argmax(-1))


def test_the_least_confident_stay_hidden():
    confidence = torch.tensor([[0.0, -3.0, -1.0, -2.0]])
    hidden = torch.tensor([[True, True, True, False]])
    assert keep_hidden(confidence, hidden, 2).tolist() == [[False, True, True, False]]


@pytest.mark.parametrize("passes", [1, 2, 5])
def test_every_token_is_filled_and_kept(passes):
    seen: list[torch.Tensor] = []

    def logits_of(tokens: torch.Tensor) -> torch.Tensor:
        seen.append(tokens.clone())
        return torch.nn.functional.one_hot(torch.arange(12) % 9, 9).float().expand(3, 12, 9) * 50

    rows = torch.arange(3)
    tokens = sample_frame(logits_of, 12, 9, SamplingConfig(passes=passes), rows, rows * 0)
    assert len(seen) == passes
    assert (seen[0] == 9).all()
    assert torch.equal(tokens, (torch.arange(12) % 9).expand(3, 12))


def test_bad_settings_are_refused():
    with pytest.raises(GenieGymError, match="passes"):
        SamplingConfig(passes=0)
