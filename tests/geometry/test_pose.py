import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from genie_gym.geometry.level import from_level, heading_of, level_pose, pitch_of, to_level
from genie_gym.geometry.pose import invert, motion_to_pose, pose_to_motion

metres = st.floats(-20, 20)
turns = st.floats(-1.7, 1.7)  # three of them are less than half a circle
motions = st.tuples(metres, metres, metres, turns, turns, turns).map(lambda m: torch.tensor([m]))
headings = st.floats(-3.1, 3.1)
pitches = st.floats(-1.4, 1.4)


@given(motions)
def test_motions_come_back_from_poses(motion):
    assert torch.allclose(pose_to_motion(motion_to_pose(motion)), motion, atol=2e-4)


@given(motions)
def test_there_and_back_is_nowhere(motion):
    pose = motion_to_pose(motion)
    assert torch.allclose(pose @ invert(pose), torch.eye(4), atol=1e-4)


def test_a_turn_above_zero_is_to_the_right_and_upwards():
    ahead = torch.tensor([0.0, 0.0, 1.0, 1.0])
    right = motion_to_pose(torch.tensor([0.0, 0, 0, 0, 0.2, 0])) @ ahead
    up = motion_to_pose(torch.tensor([0.0, 0, 0, 0.2, 0, 0])) @ ahead
    assert right[:2].tolist() == pytest.approx([math.sin(0.2), 0])
    assert up[:2].tolist() == pytest.approx([0, -math.sin(0.2)])


@pytest.mark.parametrize("size", [0.0, 1e-8, 1e-4, 1e-3, 0.1])
def test_the_way_there_and_back_has_the_slope_of_one_at_rest_too(size):
    motion = torch.full((6,), size)
    slope = torch.autograd.functional.jacobian(lambda m: pose_to_motion(motion_to_pose(m)), motion)
    assert torch.allclose(slope, torch.eye(6), atol=2e-3)


@given(headings, pitches)
def test_level_poses_head_and_look_as_they_were_told(heading, pitch):
    pose = level_pose(torch.tensor([heading]), torch.tensor([pitch]), torch.zeros(1, 3))
    assert heading_of(pose).item() == pytest.approx(heading, abs=1e-4)
    assert pitch_of(pose).item() == pytest.approx(pitch, abs=2e-3)


@given(headings, st.floats(-0.7, 0.7), st.tuples(metres, metres, metres, turns, st.floats(-0.6, 0.6)))
def test_level_motions_come_back(heading, pitch, motion):
    before = level_pose(torch.tensor([heading]), torch.tensor([pitch]), torch.tensor([[1.0, 2.0, 3.0]]))
    after = before @ motion_to_pose(from_level(before, torch.tensor([motion])))
    assert torch.allclose(to_level(before, after), torch.tensor([motion]), atol=5e-4)


def test_a_walk_goes_where_one_heads_and_stays_level_when_one_looks_up():
    pose = level_pose(torch.tensor([math.pi / 2]), torch.tensor([0.5]), torch.zeros(1, 3))
    after = pose @ motion_to_pose(from_level(pose, torch.tensor([[0.0, 0, 2, 0, 0]])))
    assert torch.allclose(after[0, :3, 3], torch.tensor([2.0, 0, 0]), atol=1e-5)


def test_turning_past_half_a_circle_is_a_small_turn():
    first, second = (level_pose(torch.tensor([h]), torch.zeros(1), torch.zeros(1, 3)) for h in (3.1, -3.1))
    assert to_level(first, second)[0, 3].item() == pytest.approx(2 * math.pi - 6.2, abs=1e-4)


def test_level_motions_have_a_slope_at_rest():
    pose = level_pose(torch.tensor([0.4]), torch.tensor([0.2]), torch.zeros(1, 3))
    slope = torch.autograd.functional.jacobian(lambda m: from_level(pose, m[None])[0], torch.zeros(5))
    assert slope.isfinite().all()
    assert torch.linalg.matrix_rank(slope) == 5


def test_a_pose_comes_to_the_same_motion_in_any_batch():
    motions = torch.randn(256, 6, generator=torch.Generator().manual_seed(0)) * 0.1
    poses = motion_to_pose(motions)
    together = pose_to_motion(poses)
    alone = torch.cat([pose_to_motion(poses[k : k + 1]) for k in range(len(poses))])
    assert torch.equal(together, alone)
