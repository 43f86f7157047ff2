from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from genie_gym.errors import GenieGymError
from genie_gym.models.sampling import (
    SamplingConfig,
    draw_tokens,
    hidden_after,
    inverse_transform,
    keep_hidden,
    sample_frame,
)


@given(st.integers(1, 16), st.integers(1, 200))
def test_the_schedule_hides_less_and_less_and_ends_with_nothing(passes, tokens):
    counts = [hidden_after(done, passes, tokens) for done in range(passes + 1)]
    assert counts[0] == tokens
    assert counts[-1] == 0
    assert all(later <= earlier for earlier, later in pairwise(counts))


def test_the_schedule_is_a_cosine():
    assert [hidden_after(done, 3, 1000) for done in range(4)] == [1000, 866, 500, 0]


def test_tokens_are_drawn_in_proportion():
    logits = torch.tensor([0.1, 0.2, 0.7]).log().expand(1, 30_000, 3)
    noise = (torch.arange(30_000) + 0.5) / 30_000
    tokens, log_probability = draw_tokens(logits, 1.0, noise[None])
    assert torch.allclose(torch.bincount(tokens[0]) / 30_000, torch.tensor([0.1, 0.2, 0.7]), atol=1e-3)
    assert torch.allclose(log_probability.exp()[0, -1], torch.tensor(0.7), atol=1e-5)


@pytest.mark.parametrize("count", [7, 20, 64, 96])
def test_entries_are_found_as_by_one_running_sum(count):
    weights = torch.rand(2, 500, count, generator=torch.Generator().manual_seed(0)).double()
    noise = (torch.arange(500) + 0.5).expand(2, -1).double() / 500
    entries, total = inverse_transform(weights, noise)
    running = weights.cumsum(-1)
    assert torch.equal(entries, (running <= noise[..., None] * running[..., -1:]).sum(-1))
    assert torch.allclose(total, weights.sum(-1))


def test_only_entries_with_weight_are_drawn_whatever_the_noise():
    weights = torch.tensor([0.0, 2.0]).repeat(32).expand(1, 5, 64)  # half of the weight ends where a block ends
    entries, _ = inverse_transform(weights, torch.tensor([[2.0**-25, 0.25, 0.5, 0.75, 1 - 2.0**-24]]))
    assert (entries % 2 == 1).all()
    weights = torch.rand(1, 2000, 96, generator=torch.Generator().manual_seed(0))
    assert (inverse_transform(weights, torch.full((1, 2000), 1 - 2.0**-24))[0] < 96).all()


def test_a_low_temperature_sharpens_the_draw():
    logits = torch.tensor([0.25, 0.75]).log().expand(1, 10_000, 2)
    noise = (torch.arange(10_000) + 0.5)[None] / 10_000
    assert draw_tokens(logits, 0.5, noise)[0].float().mean() == pytest.approx(0.9, abs=1e-3)  # 9 to 1, not 3 to 1
    assert draw_tokens(logits, 1.0, noise)[0].float().mean() == pytest.approx(0.75, abs=1e-3)


def test_temperature_zero_takes_the_likeliest():
    logits = torch.randn(2, 5, 7)
    assert torch.equal(draw_tokens(logits, 0.0, torch.rand(2, 5))[0], logits.argmax(-1))


def test_the_least_confident_stay_hidden():
    confidence = torch.tensor([[0.0, -3.0, -1.0, -2.0]])
    hidden = torch.tensor([[True, True, True, False]])
    assert keep_hidden(confidence, hidden, 2).tolist() == [[False, True, True, False]]
    assert keep_hidden(confidence, hidden, 4).tolist() == hidden.tolist()  # what is shown is never hidden again


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


def passes_of(logits: torch.Tensor, config: SamplingConfig, rows: int = 200) -> list[torch.Tensor]:
    """What each pass was shown, then the finished tokens; `logits` [passes, N, K], K is the mask."""
    seen: list[torch.Tensor] = []

    def logits_of(tokens: torch.Tensor) -> torch.Tensor:
        seen.append(tokens.clone())
        return logits[len(seen) - 1].expand(rows, -1, -1)

    count, mask_token = logits.shape[1:]
    seeds = torch.arange(rows)
    finished = sample_frame(logits_of, count, mask_token, config, seeds, seeds * 0)
    return [*seen, finished]


def test_what_a_pass_keeps_stays_and_the_rest_is_drawn_again():
    opinions = torch.nn.functional.one_hot(torch.arange(3), 3)[:, None].expand(-1, 40, -1) * 50.0  # pass k says k
    *shown, finished = passes_of(opinions, SamplingConfig(passes=3))
    for done, tokens in enumerate(shown):
        assert ((tokens == 3).sum(1) == hidden_after(done, 3, 40)).all()
    assert all(((later == earlier) | (earlier == 3)).all() for earlier, later in pairwise([*shown, finished]))
    assert ((shown[2] == 1) <= (shown[1] == 3)).all()
    assert torch.equal(finished == 2, shown[2] == 3)


def test_draws_and_choices_have_noise_of_their_own():
    alike = torch.zeros(2, 64, 32)
    _, kept, finished = passes_of(alike, SamplingConfig(passes=2, choice_noise=1.0))
    _, first = passes_of(alike, SamplingConfig(passes=1))
    again = kept == 32
    assert float((finished == first)[again].float().mean()) < 0.06  # one in 32 is drawn twice
    assert torch.equal(finished[~again], first[~again])
    assert abs(float(kept[~again].float().mean()) - 15.5) < 0.5  # a place is not kept for what was drawn there


@pytest.mark.parametrize(("noise", "low", "high"), [(0.0, 0.0, 0.0), (1.0, 0.1, 0.4)])
def test_noise_lets_the_first_choices_fall_on_less_likely_tokens(noise, low, high):
    """Half of the places are surer than the others by one nat."""
    likely = torch.full((64, 4), -50.0)
    likely[:32, 0] = 0.0
    likely[32:, :3] = 0.0
    _, kept, *_ = passes_of(likely.expand(8, -1, -1), SamplingConfig(passes=8, temperature=1.0, choice_noise=noise))
    share = float((kept[:, 32:] != 4).sum() / (kept != 4).sum())
    assert low <= share <= high


def test_bad_settings_are_refused():
    with pytest.raises(GenieGymError, match="passes"):
        SamplingConfig(passes=0)
