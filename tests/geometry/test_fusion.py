"""Fusion of views of a room whose geometry is known exactly, and of what is in it only some of the time."""

import numpy as np
import pytest
import torch
from genie2.room import CAMERA, CEILING, EYE, HALF, draw, pose_at
from torch import Tensor

from genie_gym.geometry.fusion import Surface, fuse

PLACES = [(x, z, np.radians(angle)) for x, z in ((0.0, 0.0), (0.8, -0.6)) for angle in range(0, 360, 45)]


def seen_from(places: list[tuple[float, float, float]]) -> tuple[Tensor, Tensor]:
    """Inverse depth, poses."""
    poses = np.stack([pose_at(*place) for place in places])
    return torch.from_numpy(np.stack([1 / draw(pose)[1] for pose in poses])).float(), torch.from_numpy(poses).float()


def area(surface: Surface) -> float:
    a, b, c = surface.points[surface.triangles].unbind(1)
    return float(torch.linalg.cross(b - a, c - a).norm(dim=1).sum() / 2)


@pytest.fixture(scope="module")
def room() -> Surface:
    return fuse(*seen_from(PLACES), CAMERA)


def test_all_lies_on_the_walls(room):
    x, y, z = room.points.T
    off = torch.stack([(x.abs() - HALF).abs(), (z.abs() - HALF).abs(), (y - EYE).abs(), (y + CEILING).abs()]).amin(0)
    assert off.max() < 1e-3
    assert torch.allclose(room.points.amax(0), torch.tensor([HALF, EYE, HALF]), atol=0.05)
    assert torch.allclose(room.points.amin(0), torch.tensor([-HALF, -CEILING, -HALF]), atol=0.05)


def test_what_many_views_show_is_there_once(room):
    """Walls whole, each once but for a seam; floor and ceiling from where they come into view."""
    walls = 4 * 2 * HALF * (EYE + CEILING)
    whole = walls + 2 * (2 * HALF) ** 2
    assert walls < area(room) < 1.1 * whole
    inverse_depth, _ = seen_from(PLACES)
    assert len(room.triangles) < 0.7 * 2 * inverse_depth.numel()


def test_triangles_face_whoever_saw_them(room):
    """All of the room is seen from within."""
    a, b, c = room.points[room.triangles].unbind(1)
    faces = torch.linalg.cross(b - a, c - a)
    assert ((faces * a).sum(1) < 0).float().mean() > 0.999


def test_a_surface_is_taken_from_the_view_that_shows_it_largest():
    surface = fuse(*seen_from([(0.0, -2.0, 0.0), (0.0, 1.0, 0.0)]), CAMERA)  # from 5 m, and from 2 m
    ahead = (surface.points[:, :2].abs() < 0.8).all(1) & (surface.points[:, 2] > HALF - 0.01)
    views = surface.pixels[ahead] // (CAMERA.height * CAMERA.width)
    assert len(views) > 100
    assert (views == 1).all()


def test_what_has_gone_is_left_out():
    """A board a metre ahead that one view of three shows."""
    places = [(0.0, 0.0, 0.0), (0.2, 0.0, 0.0), (-0.2, 0.0, 0.0)]
    inverse_depth, poses = seen_from(places)
    still = fuse(inverse_depth, poses, CAMERA)
    inverse_depth[1, 20:60, 50:100] = 1.0
    assert fuse(inverse_depth[:2], poses[:2], CAMERA).points[:, 2].min() < 1.01  # one against one: it stays
    gone = fuse(inverse_depth, poses, CAMERA)
    assert gone.points[:, 2].min() > still.points[:, 2].min() - 0.01
    assert area(gone) > 0.99 * area(still)


def test_depth_that_jumps_is_cut_and_the_sky_left_out():
    inverse_depth = torch.full((1, 90, 160), 0.1)
    inverse_depth[:, 30:60, 40:120] = 0.5
    inverse_depth[:, :20] = 0.0
    surface = fuse(inverse_depth, torch.eye(4)[None], CAMERA)
    depths = surface.points[surface.triangles][..., 2]
    assert torch.equal(depths.amax(1), depths.amin(1))
    assert sorted(depths.unique().round().tolist()) == [2.0, 10.0]
    assert surface.pixels.min() >= 20 * 160


def test_an_empty_sky_is_no_surface():
    surface = fuse(torch.zeros(2, 90, 160), torch.eye(4).repeat(2, 1, 1), CAMERA)
    assert surface.triangles.shape == (0, 3)
    assert surface.points.shape == (0, 3)
