import pytest
import torch
import torch.nn.functional as F
from panels import BLUE, CAMERA, GREEN, WALL, Panel, looking, views

from genie_gym.errors import GenieGymError
from genie_gym.geometry.consistency import ConsistencyConfig, MultiViewConsistencyLoss
from genie_gym.geometry.pose import motion_to_pose

BOX = Panel(2, 2.5, (-0.5, -0.5), (0.5, 0.5), GREEN)
FLOOR = Panel(1, 1.6, colour=BLUE)
Clip = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


@pytest.fixture(scope="module")
def loss() -> MultiViewConsistencyLoss:
    return MultiViewConsistencyLoss(CAMERA)


def walk(*panels: Panel, steps: int = 9) -> Clip:
    """Past a place, turning: one clip of frames, inverse depth and poses."""
    known = views([looking(0.03 * t, 0.0, (0.1 * t, 0.0, 0.05 * t)) for t in range(steps)], *panels)
    return known.colours, known.inverse_depth, known.poses


def noisy(frames: torch.Tensor) -> torch.Tensor:
    """With rain: one pixel in 30 is bright."""
    rain = torch.rand(frames[:, :, :1].shape, generator=torch.Generator().manual_seed(0)) < 1 / 30
    return torch.where(rain, 0.9, frames)


def melting(frames: torch.Tensor) -> torch.Tensor:
    """Less sharp from frame to frame."""
    out = frames.clone()
    for t in range(1, frames.shape[1]):
        soft = F.avg_pool2d(F.pad(out[:, t:].flatten(0, 1), (1, 1, 1, 1), mode="replicate"), 3, 1)
        out[:, t:] = soft.unflatten(0, out[:, t:].shape[:2])
    return out


def test_views_of_one_place_agree_though_things_hide_each_other_and_leave_the_image(device, loss):
    clip = [x.to(device) for x in walk(WALL, FLOOR, BOX)]
    found = loss.disagreement(*clip)
    assert found.depth < 0.01
    assert found.contrast < 0.02
    assert 0.5 < found.shared < 0.95
    shuffled = clip[0][:, [4, 0, 7, 2, 8, 5, 1, 6, 3]]
    assert float(loss(shuffled, *clip[1:])) > 5 * float(loss(*clip))


def test_what_is_wrong_with_frames_depth_or_poses_shows(loss):
    frames, near, poses = walk(WALL, FLOOR, BOX)
    fine = loss.disagreement(frames, near, poses)
    assert loss.disagreement(melting(noisy(frames)), near, poses).contrast > 10 * fine.contrast
    assert loss.disagreement(noisy(frames), near, poses).contrast < 0.05
    depth_off = loss.disagreement(frames, near * (1 + 0.2 * (torch.arange(9.0) % 2))[:, None, None], poses)
    assert depth_off.depth > 5 * fine.depth
    turned = poses @ motion_to_pose(torch.tensor([[0.0, 0, 0, 0, 0.1 * (t % 3), 0] for t in range(9)]))
    assert loss.disagreement(frames, near, turned).colours > 2 * fine.colours


def test_what_is_said_to_move_does_not_count(loss):
    frames, near, poses = walk(WALL, FLOOR)
    passing = frames.clone()
    for t in range(9):
        passing[:, t, :, 20:32, 4 * t : 4 * t + 12] = 0.9
    masked = torch.where((passing != frames).any(2), 0.0, near)
    bare, blind, told = (
        loss.disagreement(f, d, poses).colours for f, d in ((frames, near), (passing, near), (passing, masked))
    )
    assert blind > 2 * bare
    assert told - bare < 0.25 * (blind - bare)  # windows at its edge are left


def test_clips_come_out_alone_as_they_do_together(loss):
    first, second = walk(WALL, FLOOR), walk(WALL, BOX)
    together = loss.disagreement(*(torch.cat(pair) for pair in zip(first, second, strict=True)))
    for row, clip in enumerate((first, second)):
        alone = loss.disagreement(*clip)
        assert torch.allclose(alone.colours, together.colours[row : row + 1], rtol=1e-4)
        assert torch.allclose(alone.contrast, together.contrast[row : row + 1], atol=1e-5)


@pytest.mark.parametrize("part", ["frames", "inverse depth", "poses"])
def test_gradients_point_where_the_loss_grows(part):
    """Along one direction, against finite differences. Which surfaces are compared, and how much each counts, changes with
    depth and poses but is no part of the gradient: there the two agree in direction alone."""
    loss = MultiViewConsistencyLoss(CAMERA, ConsistencyConfig(apart=(1, 2)))
    frames, near, poses = walk(WALL, steps=4)
    signs, t = torch.tensor([1.0, -1, 1, -1])[:, None, None], torch.arange(4.0)[:, None, None]
    frames, near = frames * (1 - 0.1 * t[..., None]), near * (1 + 0.02 * t)  # away from zero, where the loss has kinks
    ways = {
        "frames": lambda by: (frames + by * signs[..., None], near, poses),
        "inverse depth": lambda by: (frames, near * (1 + by * signs), poses),
        "poses": lambda by: (
            frames,
            near,
            poses @ motion_to_pose(by * torch.tensor([[0.0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1, 0]]).repeat(2, 1)),
        ),
    }
    by = torch.zeros((), requires_grad=True)
    (slope,) = torch.autograd.grad(loss(*ways[part](by)), by)
    step = 1e-3
    found = (loss(*ways[part](torch.tensor(step))) - loss(*ways[part](torch.tensor(-step)))) / (2 * step)
    assert abs(float(slope)) > 1e-3
    assert float(slope) * float(found) > 0
    if part == "frames":
        assert float(slope) == pytest.approx(float(found), rel=0.1)


def test_a_single_frame_and_other_sizes_are_refused(loss):
    frames, near, poses = walk(WALL, steps=2)
    with pytest.raises(GenieGymError, match="clips of 2 frames or more, of the camera's 48x64"):
        loss(frames[:, :1], near[:, :1], poses[:, :1])
    with pytest.raises(GenieGymError, match="given 2 of 24x64"):
        loss(frames[..., ::2, :], near[..., ::2, :], poses)
