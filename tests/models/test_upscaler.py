"""Frames enlarged by a network."""

import numpy as np
import pytest
import torch

from genie_gym.datasets.video import Episode, VideoDataset, VideoWriter
from genie_gym.errors import GenieGymError
from genie_gym.models.upscaler import Upscaler, UpscalerConfig, load_upscaler, save_upscaler, shipped_upscaler
from genie_gym.runtime.rendering import RenderingStage
from genie_gym.training.upscaler import UpscalerRecipe, train_upscaler


def test_it_begins_as_interpolation_and_survives_its_file(tmp_path):
    network = Upscaler(UpscalerConfig(factor=3, width=4))
    frames = torch.rand(2, 3, 8, 10)
    wanted = torch.nn.functional.interpolate(frames, scale_factor=3, mode="bilinear")
    assert torch.allclose(network(frames), wanted)
    torch.nn.init.normal_(network.layers[-1].weight, std=0.1)
    save_upscaler(network, tmp_path / "u.safetensors")
    assert torch.allclose(load_upscaler(tmp_path / "u.safetensors")(frames), network(frames), atol=1e-2)
    (tmp_path / "no.safetensors").write_bytes(b"nonsense")
    with pytest.raises(GenieGymError, match="no upscaler"):
        load_upscaler(tmp_path / "no.safetensors")


def test_the_shipped_one_keeps_flat_colours_and_edges_where_they_are():
    picture = np.zeros((90, 160, 3), np.uint8)
    picture[:, 80:] = (200, 120, 40)
    shown = RenderingStage((90, 160), (720, 1280)).render(picture)
    assert shown.shape == (720, 1280, 3)
    assert np.abs(shown[100:600, 100:600].astype(int)).max() < 8
    assert np.abs(shown[100:600, 700:1200].astype(int) - (200, 120, 40)).max() < 12
    assert shipped_upscaler().config.factor == 4


@pytest.mark.parametrize(
    ("size", "largest", "how", "output", "used"),
    [
        ((64, 64), (720, 1280), "nearest", (704, 704), "nearest"),
        ((90, 160), (90, 160), "learned", (90, 160), "none"),
        ((360, 640), (180, 320), "learned", (180, 320), "bicubic"),
        ((180, 320), (720, 1280), "learned", (720, 1280), "learned"),
    ],
)
def test_it_is_said_how_frames_are_enlarged(size, largest, how, output, used):
    stage = RenderingStage(size, largest, how)
    assert (stage.output_size, stage.upscaler) == (output, used)
    assert stage.render(np.zeros((*size, 3), np.uint8)).shape == (*output, 3)


def test_training_learns_and_tells_what_it_is_worth(tmp_path):
    rng = np.random.default_rng(0)
    with VideoWriter(tmp_path / "v.h5", 64, 64, 24.0, {}) as writer:
        for _ in range(3):
            frames = rng.integers(0, 255, (4, 64, 64, 3), dtype=np.uint8)
            writer.append(Episode(frames))
    data = VideoDataset(tmp_path / "v.h5")
    recipe = UpscalerRecipe(minutes=0.02, crop=8, batch=4)
    told = train_upscaler(data, tmp_path / "u.safetensors", UpscalerConfig(4, 4, 0), recipe, "cpu")
    assert told["steps"] > 0
    assert {"psnr_learned", "psnr_bicubic", "psnr_bilinear"} <= told.keys()
    assert load_upscaler(tmp_path / "u.safetensors").config.width == 4
    with pytest.raises(GenieGymError, match="at least two episodes"):
        train_upscaler(data, tmp_path / "u.safetensors", recipe=UpscalerRecipe(crop=100))
