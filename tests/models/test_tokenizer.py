from dataclasses import replace

import pytest
import torch

from genie_gym.genie1.config import PRESETS
from genie_gym.models.tokenizer import CausalMix, CausalVideoTokenizer, TokenizerConfig, as_float, as_uint8


@pytest.fixture(scope="module")
def tokenizer() -> CausalVideoTokenizer:
    torch.manual_seed(0)
    model = CausalVideoTokenizer(PRESETS["debug"].world.tokenizer).eval()
    torch.nn.init.normal_(model.encoder.mix.taps)
    torch.nn.init.normal_(model.decoder.mix.taps)
    return model


@torch.no_grad()
def test_later_frames_never_change_earlier_tokens(tokenizer):
    video = torch.rand(2, 5, 3, 64, 64)
    changed = video.clone()
    changed[:, 3:] = torch.rand(2, 2, 3, 64, 64)
    before, after = tokenizer.encode(video)[1], tokenizer.encode(changed)[1]
    assert torch.equal(before[:, :3], after[:, :3])
    assert not torch.equal(before[:, 3:], after[:, 3:])
    assert torch.allclose(tokenizer.decode(before)[:, :3], tokenizer.decode(after)[:, :3], atol=1e-6)


@torch.no_grad()
def test_the_past_matters(tokenizer):
    video = torch.rand(1, 3, 3, 64, 64)
    alone, in_clip = tokenizer.encode(video[:, 2:])[1], tokenizer.encode(video)[1][:, 2:]
    assert not torch.equal(alone, in_clip)


@torch.no_grad()
def test_frame_by_frame_equals_the_clip(tokenizer):
    video = torch.rand(2, 6, 3, 64, 64)
    whole = tokenizer.encode(video)[1]
    rebuilt = tokenizer.decode(whole)
    seen = drawn = None
    for t in range(6):
        encoded, seen = tokenizer.quantize(video[:, t : t + 1], seen)
        assert torch.equal(encoded.indices[:, 0], whole[:, t])
        frame, drawn = tokenizer.decode_vectors(tokenizer.lookup(whole[:, t : t + 1]), drawn)
        assert torch.allclose(frame[:, 0].clamp(0, 1), rebuilt[:, t], atol=1e-5)


@torch.no_grad()
def test_sizes_that_are_no_multiple_of_the_patch_are_padded_and_cropped():
    config = TokenizerConfig(height=135, width=240, channels=16, encoder_blocks=1, decoder_blocks=1, codebook_size=64)
    tokenizer = CausalVideoTokenizer(config).eval()
    quantized, indices = tokenizer.encode(torch.rand(1, 2, 3, 135, 240))
    assert indices.shape == (1, 2, 9 * 15)
    assert quantized.shape == (1, 2, 9 * 15, 32)
    assert tokenizer.decode(indices).shape == (1, 2, 3, 135, 240)


@torch.no_grad()
def test_quantized_vectors_are_those_of_the_indices(tokenizer):
    quantized, indices = tokenizer.encode(torch.rand(2, 3, 3, 64, 64))
    assert torch.allclose(tokenizer.lookup(indices), quantized, atol=1e-6)


def test_the_defaults_are_the_papers():
    config = TokenizerConfig()
    assert (config.codebook_size, config.code_dim, config.patch_size) == (8192, 32, 16)
    assert (config.height, config.width) == (135, 240)


def test_frames_survive_the_way_to_float_and_back():
    frames = torch.randint(0, 256, (2, 3, 8, 8, 3), dtype=torch.uint8)
    assert torch.equal(as_uint8(as_float(frames)), frames)


@torch.no_grad()
def test_each_frame_is_mixed_with_the_two_before_it():
    mix = CausalMix(1)
    mix.taps.copy_(torch.tensor([[0.5], [0.25]]))
    x = torch.tensor([1.0, 10.0, 100.0]).view(1, 3, 1, 1, 1)
    mixed, past = mix(x, torch.zeros(1, 2, 1, 1, 1))
    assert mixed.flatten().tolist() == [1.0, 10.5, 105.25]
    assert past.flatten().tolist() == [10.0, 100.0]


@torch.no_grad()
def test_padding_repeats_the_border_and_is_cut_off_again(tokenizer):
    small = CausalVideoTokenizer(replace(tokenizer.config, height=60, width=59)).eval()
    small.load_state_dict(tokenizer.state_dict())
    video = torch.rand(1, 2, 3, 60, 59)
    padded = torch.cat([video, video[..., -1:].expand(-1, -1, -1, -1, 5)], -1)
    padded = torch.cat([padded, padded[..., -1:, :].expand(-1, -1, -1, 4, -1)], -2)
    assert torch.equal(small.encode(video)[1], tokenizer.encode(padded)[1])
    indices = tokenizer.encode(padded)[1]
    assert torch.equal(small.decode(indices), tokenizer.decode(indices)[..., :60, :59])


def test_colours_are_rounded_and_kept_in_range():
    frames = torch.tensor([-0.5, 0.0, 99.6 / 255, 100.4 / 255, 1.0, 1.5]).view(6, 1, 1, 1).expand(6, 3, 1, 1)
    assert as_uint8(frames)[:, 0, 0, 0].tolist() == [0, 0, 100, 100, 255, 255]
