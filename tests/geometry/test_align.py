import pytest
import torch
from panels import BLUE, GREEN, WALL, Panel, draw, looking

from genie_gym.geometry.align import align
from genie_gym.geometry.camera import Camera
from genie_gym.geometry.pose import invert, motion_to_pose, pose_to_motion
from genie_gym.geometry.reproject import project

CAMERA = Camera.with_field_of_view(90, 160, 60.0)
PLACE = (WALL, Panel(1, 1.6, colour=BLUE), Panel(2, 3.5, (-2.0, -0.6), (-0.5, 1.6), GREEN), Panel(0, 4.0))


def pixels_off(motion: torch.Tensor, true: torch.Tensor, depth: torch.Tensor) -> float:
    """How far apart, on average, two motions put what the second camera sees."""
    first, second = (project(motion_to_pose(m)[:, None], depth[:, None], CAMERA)[0] for m in (motion, true))
    return float(((first - second) * torch.tensor([80.0, 45.0])).norm(dim=-1).mean())


@pytest.mark.parametrize(
    "pose",
    [
        looking(place=(0.15, 0.0, 0.0)),
        looking(place=(0.0, 0.0, 0.25)),
        looking(-0.06, 0.02),
        looking(0.05, 0.01, (0.1, 0.0, 0.2)),
    ],
    ids=["aside", "forward", "turned", "all"],
)
def test_motion_is_found_to_a_fraction_of_a_pixel(device, pose):
    poses = [looking(), pose]
    (before, _), (after, inverse_depth) = (draw(pose, *PLACE, camera=CAMERA) for pose in poses)
    true = pose_to_motion(invert(poses[0]) @ poses[1])[None]
    assert pixels_off(torch.zeros(1, 6), true, 1 / inverse_depth[None]) > 1
    parts = (x[None].to(device) for x in (before, after, inverse_depth))
    found = align(*parts, CAMERA).cpu()
    assert pixels_off(found, true, 1 / inverse_depth[None]) < 0.2


def test_rows_come_out_alone_as_they_do_together():
    poses = [looking(), looking(0.02, 0.0, (0.1, 0.0, 0.1)), looking(-0.03, 0.01)]
    drawn = [draw(pose, *PLACE, camera=CAMERA) for pose in poses]
    before = drawn[0][0].expand(2, -1, -1, -1)
    after, near = torch.stack([drawn[1][0], drawn[2][0]]), torch.stack([drawn[1][1], drawn[2][1]])
    together = align(before, after, near, CAMERA)
    for row in range(2):
        parts = (x[row : row + 1] for x in (before, after, near))
        assert torch.allclose(align(*parts, CAMERA)[0], together[row], atol=1e-4)
