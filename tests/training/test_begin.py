from pathlib import Path

import pytest
import torch
from genie2.room import record

from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError
from genie_gym.pretrained import load_world
from genie_gym.training.begin import begin_with
from genie_gym.training.train import train_world
from genie_gym.world import World

SHORT = {"recipe.perception.steps": 1, "recipe.perception.warmup": 1, "recipe.perception.learning_rate": 1e-9}
WIDER = {"world.perception.unet.widths": (8, 32, 48)}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> VideoDataset:
    return VideoDataset(record(tmp_path_factory.mktemp("room") / "room.h5", episodes=3))


@pytest.fixture(scope="module")
def world(data, tmp_path_factory: pytest.TempPathFactory) -> World:
    return train_world(data, tmp_path_factory.mktemp("first"), "debug", ["perception"], family="genie2")


@pytest.mark.parametrize("settings", [{}, WIDER])
def test_training_goes_on_from_another_world(data, world, settings, tmp_path: Path):
    """As wide, or wider: what it sees first is what that one sees."""
    frames = torch.from_numpy(world.starts[:4]).movedim(3, 1) / 255
    other = train_world(data, tmp_path, "debug", ["perception"], SHORT | settings, "genie2", init_from=world)
    fresh = train_world(data, tmp_path / "fresh", "debug", ["perception"], SHORT | settings, "genie2")
    with torch.no_grad():
        told, again, unlike = (some.parts()["perception"].read(frames).log_depth for some in (world, other, fresh))
    assert (again - told).abs().mean() < 0.1 * (unlike - told).abs().mean()
    latent_actions = [some.parts()["latent_actions"].state_dict() for some in (world, other)]
    assert all(torch.equal(value, latent_actions[1][name]) for name, value in latent_actions[0].items())


def test_checkpoints_go_before_it(data, world, tmp_path: Path):
    first = train_world(data, tmp_path, "debug", ["perception"], SHORT, "genie2")
    again = train_world(data, tmp_path, "debug", ["perception"], SHORT, "genie2", init_from=world)
    one, other = (some.parts()["perception"].state_dict() for some in (first, again))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_worlds_that_are_too_different_are_refused(data, world, tmp_path: Path):
    with pytest.raises(GenieGymError, match="family genie2 cannot begin with one of genie1"):
        begin_with(world, load_world("genie1", "cpu"))
    wide = {"world.imagination.unet.widths": (16, 16, 16)}
    with pytest.raises(GenieGymError, match="imagination cannot begin with that world's"):
        train_world(data, tmp_path, "debug", ["perception"], SHORT | wide, "genie2", init_from=world)
