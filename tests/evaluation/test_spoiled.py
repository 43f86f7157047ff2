"""Clips that are wrong on purpose, and how well a world's score of consistency tells them from real ones.

Legend: B clips, T frames, H W image.
"""

import numpy as np
import pytest
import torch
from place_world import PlaceWorld, room_video

from genie_gym.datasets.video import VideoDataset
from genie_gym.evaluation.consistency import consistency
from genie_gym.evaluation.measure import NOTES, EvaluateConfig, Evaluation
from genie_gym.evaluation.spoiled import SPOILED


@pytest.fixture(scope="module")
def room(tmp_path_factory) -> tuple[VideoDataset, dict]:
    teacher = PlaceWorld()
    return room_video(tmp_path_factory.mktemp("room") / "v.h5", teacher), teacher.places


@pytest.fixture(scope="module")
def clips(room) -> torch.Tensor:
    return torch.from_numpy(room[0].sample_clips(np.random.default_rng(0), 2, 8))


@pytest.mark.parametrize("name", SPOILED)
def test_spoiling_leaves_size_and_depends_on_its_seed_alone(clips, name):
    before = clips.clone()
    first, again = (SPOILED[name](clips, np.random.default_rng(1)) for _ in range(2))
    assert first.shape == clips.shape
    assert first.dtype == torch.uint8
    assert torch.equal(first, again)
    assert torch.equal(clips, before)
    assert not torch.equal(first, clips)


def test_shuffling_keeps_every_frame(clips):
    for clip, real in zip(SPOILED["shuffled"](clips, np.random.default_rng(0)), clips, strict=True):
        assert sorted(frame.numpy().tobytes() for frame in clip) == sorted(frame.numpy().tobytes() for frame in real)


@pytest.mark.parametrize("name", ["drifting", "blurred", "resampled"])
def test_melting_begins_at_the_real_frame_and_grows(name):
    """Of a picture that stands still, so that all change is melting's."""
    frame = torch.from_numpy(np.random.default_rng(0).integers(0, 255, (9, 16, 3), np.uint8)).repeat_interleave(4, 0)
    still = frame.repeat_interleave(4, 1).expand(1, 8, -1, -1, -1)
    change = (SPOILED[name](still, np.random.default_rng(0)).float() - still.float()).abs().mean((0, 2, 3, 4))
    assert change[0] == 0
    assert (change.diff() >= 0).all()
    assert change[-1] > 1


def test_warps_are_as_large_as_they_are_said_to_be():
    """Seen on a picture that says of each pixel where it is."""
    columns = torch.linspace(0, 255, 160).to(torch.uint8).expand(90, 160)
    lines = torch.linspace(0, 255, 90).to(torch.uint8)[:, None].expand(90, 160)
    ramp = torch.stack([columns, lines, torch.zeros_like(lines)], -1).expand(1, 16, -1, -1, -1)
    moved = (SPOILED["warped"](ramp, np.random.default_rng(0)).float() - ramp.float())[:, :, 8:-8, 8:-8]
    pixels = torch.stack([moved[..., 0] * 159 / 255, moved[..., 1] * 89 / 255])
    assert float(pixels.square().sum(0).mean().sqrt()) == pytest.approx(2, rel=0.3)


class Knows(PlaceWorld):
    """Counts the frames that it has seen: every way of spoiling but another order is seen through."""

    def ensure_consistency(self, frames: torch.Tensor) -> torch.Tensor:
        return torch.tensor([np.mean([frame.numpy().tobytes() in self.places for frame in clip]) for clip in frames])


class Blind(PlaceWorld):
    def ensure_consistency(self, frames: torch.Tensor) -> torch.Tensor:
        return torch.full((len(frames),), 0.5)


def evaluation(room, kind: type[PlaceWorld]) -> Evaluation:
    world = kind()
    world.places = room[1]
    return Evaluation(world, room[0], EvaluateConfig(clips=8), np.random.default_rng(0))


def test_areas_say_which_ways_of_spoiling_a_score_sees(room):
    numbers = consistency(evaluation(room, Knows))
    assert numbers["consistency_auc_shuffled"] == 0.5
    assert all(numbers[f"consistency_auc_{name}"] == 1 for name in SPOILED if name != "shuffled")
    assert numbers["consistency_auc"] == pytest.approx(0.9)
    assert numbers["consistency_real"] == 1 > numbers["consistency_spoiled"]
    assert numbers[NOTES] == []


def test_a_score_that_sees_nothing_is_found_out(room):
    numbers = consistency(evaluation(room, Blind))
    assert numbers["consistency_auc"] == 0.5
    assert "hardly tells" in numbers[NOTES][0]


def test_a_world_that_judges_nothing_is_asked_nothing(room):
    assert consistency(evaluation(room, PlaceWorld)) == {}
