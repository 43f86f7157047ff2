import pytest
import torch

from genie_gym.models.transformer import Attention, rotation_of

DIM, HEADS = 32, 2


@pytest.mark.parametrize("begin", [0, 7, 100_000])
@torch.no_grad()
def test_attention_tells_how_long_ago_and_not_when(begin):
    """Far into an episode, too: a world sees the same frames in the same way at its beginning and a million steps on."""
    torch.manual_seed(0)
    attention, x = Attention(DIM, HEADS), torch.randn(1, 3, DIM)

    def scores(times: list[int]) -> torch.Tensor:
        q, k, _ = attention.project(x, rotation_of(torch.tensor([times]), DIM // HEADS)[:, None])
        return q @ k.transpose(-1, -2)

    assert torch.allclose(scores([begin, begin + 1, begin + 5]), scores([0, 1, 5]), atol=1e-5)
    assert not torch.allclose(scores([0, 1, 5]), scores([0, 1, 4]), atol=1e-2)
