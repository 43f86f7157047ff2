import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from genie_gym.geometry.obstacles import SKIN, Body, blocked, free_walk

BODY = Body()


def wall(z: float = 1.0, low: float = -1.0, high: float = 1.6, half: float = 2.0) -> torch.Tensor:
    """Points of a wall ahead, from `low` to `high` metres below the camera."""
    xs, ys = torch.meshgrid(torch.arange(-half, half + 0.01, 0.1), torch.arange(low, high, 0.1), indexing="ij")
    return torch.stack([xs.flatten(), ys.flatten(), torch.full_like(xs.flatten(), z)], -1)[None]


def walk(points: torch.Tensor, *to: float, body: Body = BODY) -> list[float]:
    known = torch.ones(points.shape[:2], dtype=torch.bool, device=points.device)
    return free_walk(points, known, torch.tensor([to], device=points.device), body)[0].tolist()


def test_a_wall_stops(device):
    assert walk(wall().to(device), 0.0, 2.0) == pytest.approx([0, 1 - BODY.radius], abs=0.01)
    assert walk(wall().to(device), 0.0, 0.5) == pytest.approx([0, 0.5])


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_one_slides_along_a_wall_and_not_through_it(noise):
    points = wall(half=5.0)
    points[..., 2] += noise * torch.randn(points.shape[:2], generator=torch.Generator().manual_seed(0))
    right, forward = 0.0, 0.0
    for _ in range(40):
        x, z = walk(points - torch.tensor([right, 0.0, forward]), 0.05, 0.05)
        right, forward = right + x, forward + z
    assert right == pytest.approx(2.0, abs=0.1)
    assert forward == pytest.approx(1 - BODY.radius, abs=0.05)


@pytest.mark.parametrize(("degrees", "slides"), [(0, False), (15, False), (22, False), (26, True), (60, True)])
def test_who_goes_almost_straight_at_a_wall_stops(degrees, slides):
    angle = math.radians(degrees)
    right, _ = walk(wall(z=BODY.radius, half=5.0), 0.5 * math.sin(angle), 0.5 * math.cos(angle))
    assert (right > 0.1) == slides


def test_a_corner_stops_the_slide():
    side = wall(half=5.0)[..., [2, 1, 0]]  # at 1 m to the right
    right, forward = walk(torch.cat([wall(half=5.0), side], 1), 1.5, 1.6)
    assert right == pytest.approx(1 - BODY.radius, abs=0.06)
    assert forward == pytest.approx(1 - BODY.radius, abs=0.06)


def test_low_steps_are_walked_over_and_beams_are_walked_under():
    assert walk(wall(low=BODY.eye - BODY.step + 0.01), 0.0, 2.0) == pytest.approx([0, 2])
    assert walk(wall(low=-2.0, high=-BODY.head - 0.01), 0.0, 2.0) == pytest.approx([0, 2])
    assert walk(wall(low=BODY.eye - BODY.step - 0.1, high=BODY.eye), 0.0, 2.0)[1] < 0.75


def test_a_post_of_enough_points_stops_and_a_single_error_does_not():
    post = torch.tensor([[[0.0, 0.1 * k, 1.0] for k in range(BODY.witnesses)]])
    assert walk(post, 0.0, 2.0)[1] == pytest.approx(1 - BODY.radius, abs=0.01)
    far = torch.tensor([[[9.0, 0.0, 9.0]]])
    assert walk(torch.cat([post[:, 1:], far], 1), 0.0, 2.0) == pytest.approx([0, 2])


def test_unknown_points_stop_nobody():
    points = wall()
    known = torch.zeros(points.shape[:2], dtype=torch.bool)
    assert free_walk(points, known, torch.tensor([[0.0, 2.0]]), BODY).tolist() == [[0, 2]]


def test_from_a_wall_that_one_touches_the_way_back_is_free():
    assert walk(wall(z=0.2), 0.0, -1.0) == pytest.approx([0, -1])
    assert walk(wall(z=0.2), 0.0, 1.0) == pytest.approx([0, 0], abs=1e-6)


def test_the_way_out_leads_away_from_what_is_in_the_way():
    points = wall()
    share, away = blocked(points, torch.ones(points.shape[:2], dtype=torch.bool), torch.tensor([[0.0, 2.0]]), BODY)
    assert share.item() == pytest.approx((1 - BODY.radius) / 2, abs=0.01)
    assert away[0, 1] < -0.9


@given(st.integers(0, 100_000))
def test_nobody_ends_up_nearer_to_a_post_than_he_was_or_may_be(seed):
    """And nobody walks farther than he wanted."""
    generator = torch.Generator().manual_seed(seed)
    posts = (torch.rand(1, 4, 2, generator=generator) - 0.5) * 4
    points = torch.stack([posts[..., 0], torch.zeros(1, 4), posts[..., 1]], -1).repeat_interleave(BODY.witnesses, 1)
    wanted = (torch.rand(2, generator=generator) - 0.5) * 4
    moved = torch.tensor(walk(points, *wanted.tolist()))
    assert moved.norm() <= wanted.norm() + 1e-4
    before, after = posts[0].norm(dim=-1), (posts[0] - moved).norm(dim=-1)
    assert (after >= before.clamp(max=(1 - SKIN) * BODY.radius) - 1e-3).all()
