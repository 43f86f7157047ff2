"""What single frames say."""

import torch

from genie_gym.genie2.perception import DepthEstimator, PerceptionConfig
from genie_gym.models.unet import UNetConfig


@torch.no_grad()
def test_a_mirror_image_shows_the_mirrored_place():
    """Of a network that never learned it, too."""
    torch.manual_seed(0)
    estimator = DepthEstimator(PerceptionConfig(UNetConfig((8, 16, 16))), ("sky", "ground", "tree")).eval()
    torch.nn.init.normal_(estimator.unet.leave.weight, std=0.5)
    frames = torch.rand(2, 3, 18, 32)
    seen, mirrored = estimator(frames), estimator(frames.flip(3))
    assert torch.allclose(mirrored.inverse_depth, seen.inverse_depth.flip(2))
    assert torch.equal(mirrored.pushable, seen.pushable.flip(2))
    assert torch.equal(mirrored.semantic, seen.semantic.flip(2))
    assert torch.allclose(mirrored.velocity[:, 0], -seen.velocity[:, 0].flip(2), atol=1e-7)
    assert torch.allclose(mirrored.velocity[:, 2], seen.velocity[:, 2].flip(2), atol=1e-7)
    assert torch.allclose(mirrored.pitch, seen.pitch)
    assert not torch.allclose(seen.inverse_depth, seen.inverse_depth.flip(2))


@torch.no_grad()
def test_chances_of_classes_are_of_the_places_that_there_are():
    torch.manual_seed(0)
    estimator = DepthEstimator(PerceptionConfig(UNetConfig((8, 16, 16))), ("sky", "ground", "tree")).eval()
    frames = torch.rand(2, 3, 18, 34)  # of which the network sees more, padded
    chances = estimator.chances(frames)
    assert chances.shape == (2, 3, 9, 17)
    assert torch.allclose(chances.sum(1), torch.ones(2, 9, 17))
    told = estimator.classify(estimator.read(frames).levels).argmax(1)[:, :9, :17]
    assert torch.equal(chances.argmax(1), told)
