import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from genie_gym.geometry.camera import Camera
from genie_gym.geometry.reproject import project


def test_the_field_of_view_ends_at_the_edges():
    camera = Camera.with_field_of_view(90, 160, 60.0)
    top = (45 / camera.focal, camera.rays(torch.device("cpu"))[1].min().item())
    assert math.degrees(math.atan(top[0])) == pytest.approx(30)
    assert -top[1] == pytest.approx(44.5 / camera.focal)  # the middle of the uppermost pixels


def test_a_camera_is_known_by_its_matrix():
    camera = Camera(90, 160, 78.0)
    for matrix in (camera.intrinsics(), torch.from_numpy(camera.intrinsics()), camera.intrinsics().tolist()):
        assert Camera.with_intrinsics(matrix, 90, 160) == camera


def test_rays_go_right_and_down_line_by_line():
    rays = Camera(2, 3, 1.0).rays(torch.device("cpu"))
    assert rays.tolist() == [[-1, 0, 1, -1, 0, 1], [-0.5, -0.5, -0.5, 0.5, 0.5, 0.5], [1] * 6]


@given(st.integers(1, 9), st.integers(1, 9), st.floats(0.5, 20), st.floats(0.1, 100))
def test_what_a_pixel_sees_is_projected_back_to_its_middle(height, width, focal, depth):
    camera = Camera(height, width, focal)
    place, z = project(torch.eye(4)[None, None], torch.full((1, 1, height, width), depth), camera)
    middles = (torch.arange(width) + 0.5) / width * 2 - 1
    assert torch.allclose(place[0, 0, :, :, 0], middles.expand(height, -1), atol=1e-4)
    assert torch.allclose(z, torch.full_like(z, depth))
