import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from panels import BLUE, CAMERA, CPU, FAR, GREEN, RED, WALL, Panel, draw, looking, moved, numbered, views

from genie_gym.geometry.reproject import Seen, Views, reproject

PARTS = ("colours", "inverse_depth", "covered")


def look(known: Views, pose: torch.Tensor, device: torch.device = CPU) -> Seen:
    """From one pose, one row; back on the CPU."""
    seen = reproject(moved(known, device), pose[None].to(device), CAMERA)
    return Seen(*(getattr(seen, part).cpu() for part in PARTS))


def taken_from(known: Views, pose: torch.Tensor, device: torch.device = CPU) -> torch.Tensor:
    """The number of the view that each pixel was taken from; -1 where nothing is covered."""
    seen = look(numbered(known), pose, device)
    return torch.where(seen.covered, seen.colours[:, 0].round(), -1.0)


def missed(seen: Seen, true: torch.Tensor) -> float:
    """The largest mean difference of covered pixels over any colour."""
    return float(((seen.colours[0] - true).abs() * seen.covered).sum((1, 2)).max() / seen.covered.sum())


@pytest.mark.parametrize(
    ("pose", "share"),
    [
        (looking(), 1.0),
        (looking(0.2), 0.75),
        (looking(0.0, 0.15), 0.75),
        (looking(place=(0.7, 0.0, 0.0)), 0.85),
        (looking(place=(0.0, 0.0, 2.0)), 0.999),
        (looking(-0.3, 0.1, (1.0, 0.2, 1.0)), 0.65),
    ],
    ids=["there", "turned", "up", "aside", "nearer", "all"],
)
def test_a_wall_is_seen_as_it_is_from_elsewhere(device, pose, share):
    seen = look(views([looking()], WALL), pose, device)
    colours, inverse_depth = draw(pose, WALL)
    assert seen.covered.float().mean() >= share
    assert missed(seen, colours) < 0.01
    covered = seen.covered[0]
    assert torch.allclose(seen.inverse_depth[0][covered], inverse_depth[covered], rtol=0.03)


def test_from_the_same_place_nothing_changes(device):
    panels = (WALL, Panel(2, 3.0, (-1, -1), (1, 1), GREEN), Panel(1, 1.6, colour=BLUE))
    seen = look(views([looking()], *panels), looking(), device)
    assert seen.covered.all()
    assert torch.allclose(seen.colours[0], draw(looking(), *panels)[0], atol=1e-3)


def test_what_a_near_thing_hid_is_not_known():
    box = Panel(2, 2.0, (-0.4, -0.4), (0.4, 0.4), GREEN)
    pose = looking(place=(0.8, 0.0, 0.0))
    seen = look(views([looking()], WALL, box), pose)
    shadow = (draw(pose, WALL, box)[1] < 0.2) & (draw(pose, WALL)[1] > 0.1)
    points = draw(pose, WALL)[1]
    rays = pose[:3, :3] @ CAMERA.rays(CPU)
    at = (pose[:3, 3:] + rays / points.flatten()).unflatten(1, points.shape)
    hidden = shadow & (at[0].abs() < 1.0) & (at[1].abs() < 1.0)  # what the box at 2 m hid of the wall at 6 m
    assert hidden.sum() > 20
    assert not seen.covered[0][hidden].any()
    assert missed(seen, draw(pose, WALL, box)[0]) < 0.02


def test_a_near_thing_hides_the_wall_that_another_view_saw_whole():
    box = Panel(2, 2.0, (-0.6, -0.6), (0.6, 0.6), GREEN)
    behind = looking(place=(0.0, 0.0, 3.0))  # sees the wall alone
    for order in (1, -1):
        seen = look(views([looking(), behind][::order], WALL, box), looking(0.05, 0.0, (0.2, 0.0, 0.0)))
        assert missed(seen, draw(looking(0.05, 0.0, (0.2, 0.0, 0.0)), WALL, box)[0]) < 0.02


def test_nothing_is_seen_through_a_wall():
    """One view saw the room behind a partition, the other the partition."""
    partition, room = Panel(2, 3.0, colour=GREEN), Panel(2, 8.0, colour=BLUE)
    known = views([looking(place=(0.0, 0.0, 4.0)), looking()], partition, room)
    seen = look(known, looking(0.1, 0.0, (0.3, 0.0, -0.5)))
    assert seen.covered.float().mean() > 0.65
    assert (taken_from(known, looking(0.1, 0.0, (0.3, 0.0, -0.5)))[seen.covered] == 1).all()
    assert (seen.colours[0, 1] > seen.colours[0, 2])[seen.covered[0]].all()


def test_a_wall_is_not_shown_from_the_side_that_was_not_seen(device):
    """It was seen from behind, and still hides what is there."""
    partition, room = Panel(2, 3.0, colour=GREEN), Panel(2, -2.0, colour=BLUE)
    from_behind = looking(3.14159, 0.0, (0.0, 0.0, 6.0))
    seen = look(views([from_behind], partition), looking(), device)
    assert not seen.covered.any()
    beyond = looking(3.14159, 0.0, (0.0, 0.0, 2.0))  # on the near side, looking away from it
    both = views([from_behind, beyond], partition, room)
    assert (taken_from(both, looking(3.14159, 0.0, (0.0, 0.0, 1.5)), device) == 1).all()


def test_cracks_of_a_wall_three_times_as_near_are_closed(device):
    """What another view saw behind it does not show through."""
    room = Panel(2, 9.0, colour=BLUE)
    known = views([looking(), looking(place=(0.0, 0.0, 7.0))], WALL, room)
    pose = looking(place=(0.1, 0.0, 4.0))
    seen = look(known, pose, device)
    assert seen.covered.float().mean() > 0.99
    assert (taken_from(known, pose, device)[seen.covered] == 0).all()
    assert torch.allclose(seen.inverse_depth, draw(pose, WALL)[1][None] * seen.covered, rtol=0.05)


def test_inverse_depth_of_zero_shows_nothing():
    known = views([looking()], WALL)
    known.inverse_depth[..., 10:30, 10:30] = 0
    seen = look(known, looking())
    assert not seen.covered[0, 11:29, 11:29].any()
    assert seen.covered[0, :9].all()
    known.inverse_depth[:] = 0
    seen = look(known, looking())
    assert not any(getattr(seen, part).any() for part in PARTS)


def test_the_sky_stands_still_when_one_walks_and_turns_when_one_turns():
    known = views([looking()])
    for pose, share in ((looking(place=(3.0, 0.0, 3.0)), 0.98), (looking(0.2, 0.1), 0.6)):
        seen = look(known, pose)
        assert seen.covered.float().mean() > share
        assert missed(seen, draw(pose)[0]) < 0.01
        assert (1 / seen.inverse_depth[seen.covered]).min() > 0.7 * FAR


def test_of_two_views_the_one_from_as_far_is_taken_and_the_one_less_trusted_is_not():
    known = views([looking(place=(0.0, 0.0, -6.0)), looking(place=(0.1, 0.0, 0.0))], WALL)
    inner = (slice(None), slice(8, 40), slice(8, 56))
    for penalty, source in ((0.0, 1), (1.5, 1), (2.5, 0)):  # a look from twice as far is worse by 2
        known.penalty[0, 1] = penalty
        assert (taken_from(known, looking())[inner] == source).all()


def test_a_floor_that_was_seen_at_a_slant_gives_way_to_a_look_from_above():
    floor = Panel(1, 1.6)
    slanting, above = looking(place=(0.0, 0.0, -2.5)), looking(0.0, -1.2, (0.0, -1.4, 1.2))
    target = looking(0.0, -1.2, (0.0, 0.0, 1.5))
    assert (taken_from(views([slanting, above], floor), target)[0, 12:36, 16:48] == 1).all()


def room_of(seed: int, count: int) -> tuple[Views, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    heading, pitch, *place = ((torch.rand(5, count + 1, generator=generator) - 0.5) * 1.5).tolist()
    poses = [looking(h, p * 0.5, at) for h, p, *at in zip(heading, pitch, *place, strict=True)]
    box = Panel(2, 3.0, (-0.5, -0.5), (0.8, 0.8), GREEN)
    return views(poses[1:], WALL, box, Panel(1, 1.6, colour=BLUE), Panel(0, 4.0, colour=RED)), poses[0]


def test_rows_are_independent_to_the_bit(device):
    rooms = [room_of(seed, 3) for seed in range(4)]
    names = ("colours", "inverse_depth", "poses", "penalty")
    together = moved(Views(*(torch.cat([getattr(known, name) for known, _ in rooms]) for name in names)), device)
    seen = reproject(together, torch.stack([pose for _, pose in rooms]).to(device), CAMERA)
    for row, (known, pose) in enumerate(rooms):
        alone = look(known, pose, device)
        for part in PARTS:
            assert torch.equal(getattr(seen, part)[row].cpu(), getattr(alone, part)[0]), part


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_from_anywhere_it_is_finite_and_zero_where_nothing_is_known(seed, count):
    seen = look(*room_of(seed, count))
    assert seen.colours.isfinite().all()
    assert (seen.colours >= 0).all()
    assert (seen.colours <= 1.001).all()
    unknown = ~seen.covered
    assert not seen.colours.movedim(1, -1)[unknown].any()
    assert not seen.inverse_depth[unknown].any()
    assert (seen.inverse_depth[seen.covered] > 0).all()
