import numpy as np
import pytest
import torch
from room import CAMERA, draw, pose_at
from torch import nn

from genie_gym.errors import GenieGymError
from genie_gym.evaluation.spoiled import SPOILED
from genie_gym.genie2.config import PRESETS
from genie_gym.genie2.world import Genie2World
from genie_gym.geometry.percept import Percept
from genie_gym.models.tokenizer import as_float


class Recognizes(nn.Module):
    """Perception that knows some views, and takes every frame for the one that it looks most like."""

    def __init__(self, frames: np.ndarray, depths: np.ndarray):
        super().__init__()
        self.known = as_float(torch.from_numpy(frames))
        self.inverse_depth = torch.from_numpy(1 / depths).float()

    def forward(self, frames: torch.Tensor) -> Percept:
        likest = torch.stack([(self.known - frame).abs().mean((1, 2, 3)).argmin() for frame in frames])
        nothing = torch.zeros(len(frames), CAMERA.height, CAMERA.width, dtype=torch.bool)
        velocity = torch.zeros(len(frames), 3, CAMERA.height, CAMERA.width)
        return Percept(self.inverse_depth[likest], nothing, nothing, velocity, torch.zeros(len(frames)), nothing.long())


@pytest.fixture(scope="module")
def walk() -> tuple[np.ndarray, np.ndarray]:
    """Through the room: frames and depths."""
    frames, depths = zip(*(draw(pose_at(-0.6 + 0.06 * t, -1 + 0.08 * t, 0.04 * t)) for t in range(12)), strict=True)
    return np.stack(frames), np.stack(depths)


@pytest.fixture(scope="module")
def world(walk) -> Genie2World:
    made = Genie2World(PRESETS["debug"].world)
    made.perception = Recognizes(*walk)
    made.latent_actions.log_units.data = torch.tensor([0.1, 0.1, 0.1, 0.06, 0.06, 0.06]).log()
    return made.eval()


def test_a_walk_scores_high_and_every_way_of_spoiling_it_lower(world, walk):
    real = torch.from_numpy(walk[0])[None]
    clips = torch.cat([real, *(spoil(real, np.random.default_rng(0)) for spoil in SPOILED.values())])
    scores = dict(zip(["real", *SPOILED], world.ensure_consistency(clips).tolist(), strict=True))
    assert scores["real"] > 0.5  # the room's hard edges are not the world's that the score was fixed on
    assert all(0 <= scores[name] < scores["real"] for name in SPOILED), scores
    assert scores["shuffled"] < 0.5 > scores["warped"]


def test_a_frozen_clip_is_consistent(world, walk):
    """What never moves cannot disagree: the score says nothing of it."""
    frozen = torch.from_numpy(walk[0][:1]).expand(6, -1, -1, -1)[None]
    assert float(world.ensure_consistency(frozen)) > 0.95


def test_single_frames_and_other_sizes_are_refused(world, walk):
    frames = torch.from_numpy(walk[0])[None]
    for wrong in (frames[:, :1], frames[:, :, ::2]):
        with pytest.raises(GenieGymError, match="clips of 2 frames or more"):
            world.ensure_consistency(wrong)
