"""Are rows sound after a while in which things happen, and what they are alone?"""

import numpy as np
import pytest
import torch
from small_place import small_world

from genie_gym.datasets.video import VideoDataset
from genie_gym.evaluation import sound as sounding
from genie_gym.evaluation.measure import NOTES, EvaluateConfig, Evaluation
from genie_gym.evaluation.sound import sound
from genie_gym.pretrained import load_world
from genie_gym.world import WorldState


@pytest.fixture
def evaluation(video_path):
    data, config = VideoDataset(video_path), EvaluateConfig(clips=8)
    return Evaluation(load_world("genie3", "cpu"), data, config, np.random.default_rng(0))


def test_rows_are_sound_and_the_same_alone(evaluation, monkeypatch):
    monkeypatch.setattr(sounding, "SECONDS", 2)
    monkeypatch.setattr(sounding, "A_MINUTE", 60.0)
    monkeypatch.setattr(sounding, "ALONE", 1)
    found = sound(evaluation)
    assert found["sound_events"] > 0
    assert found["rows_alone_equal"] == 1.0
    assert {found["sound_share_1440"], found["sound_share_first"]} <= {0.0, 0.5, 1.0}
    assert 0.9 < found["sound_share_real"] <= 1.0


def test_what_is_unsound_is_found(video_path):
    real = torch.from_numpy(VideoDataset(video_path).sample_clips(np.random.default_rng(0), 64, 1)[:, 0])
    usual = sounding._Usual(real)

    def is_sound(frames=real[:1], depth=5.0, pose=0.0):
        extras = {"depth": torch.full((1, 4, 4), depth), "pose": torch.full((1, 4, 4), pose)}
        number = torch.zeros(1, dtype=torch.int64)
        return bool(usual.sound(WorldState(frames=frames, position=number, seed=number, extras=extras))[0])

    assert is_sound()
    assert not is_sound(frames=torch.full_like(real[:1], 255))
    assert not is_sound(depth=0.1)
    assert not is_sound(depth=float("nan"))
    assert not is_sound(pose=float("inf"))


def test_worlds_without_a_prior_are_left_out(evaluation):
    evaluation.world = small_world()
    assert "needs" in sound(evaluation)[NOTES][0]
