import pytest
import torch
from panels import CAMERA, CPU, FAR, looking

from genie_gym.geometry.obstacles import Body
from genie_gym.geometry.things import MOST, SLOWING, SMALLEST, Things

Box = tuple[slice, slice]
LEFT: Box = (slice(20, 30), slice(10, 22))
RIGHT: Box = (slice(18, 34), slice(40, 56))


def cut(
    *boxes: tuple[Box, float],
    pushable: bool = False,
    velocity: tuple[float, float, float] = (0.0, 0.0, 0.0),
    pose: torch.Tensor | None = None,
    device: torch.device = CPU,
) -> Things:
    """Things that fill boxes of the image at some depth; the n-th has grey level 50·(n+1)."""
    size = (1, CAMERA.height, CAMERA.width)
    colours, inverse_depth = torch.zeros(1, 3, *size[1:], dtype=torch.uint8), torch.full(size, 1 / FAR)
    mask = torch.zeros(size, dtype=torch.bool)
    for number, (box, depth) in enumerate(boxes):
        colours[:, :, *box], inverse_depth[:, *box], mask[:, *box] = 50 * (number % 5 + 1), 1 / depth, True
    moving = torch.tensor(velocity)[None, :, None, None].expand(1, 3, *size[1:])
    at = (looking() if pose is None else pose)[None]
    parts = (colours, inverse_depth, mask & pushable, mask & (not pushable), at, moving)
    return Things.cut_out(*(x.to(device) for x in parts))


def drawn(things: Things, pose: torch.Tensor) -> list[torch.Tensor]:
    """Colours, inverse depth and numbers of the only row."""
    return [part[0].cpu() for part in things.draw(pose[None].to(things.pose.device), CAMERA)]


def test_from_the_same_place_they_look_as_they_did(device):
    colours, near, number = drawn(cut((LEFT, 3.0), (RIGHT, 2.0), device=device), looking())
    shown = number >= 0
    expected = torch.zeros_like(shown)
    expected[LEFT], expected[RIGHT] = True, True
    assert torch.equal(shown, expected)
    assert (colours[:, *LEFT] == 50 / 255).all()
    assert (colours[:, *RIGHT] == 100 / 255).all()
    assert torch.allclose(near[LEFT], torch.tensor(1 / 3.0), rtol=1e-3)
    assert not near[~shown].any()
    assert number[RIGHT].unique().tolist() == [0]  # the largest comes first
    assert number[LEFT].unique().tolist() == [1]


def test_a_thing_moves_whole_by_its_velocity_and_slows_down():
    things = cut((LEFT, 4.0), velocity=(0.5, 0.0, 0.0))
    later = things.go_on(torch.tensor([[0.0, 0.0, -50.0]]), CAMERA, Body())
    assert later.shift[0, 0].tolist() == pytest.approx([0.5, 0, 0])
    assert later.velocity[0, 0].tolist() == pytest.approx([0.5 * SLOWING, 0, 0])
    _, _, number = drawn(later, looking())
    pixels = 0.5 / 4.0 * CAMERA.focal
    columns = (number >= 0).any(0).nonzero()[:, 0]
    assert columns[0].item() == pytest.approx(LEFT[1].start + pixels, abs=1)
    assert (number >= 0).sum() == 10 * 12
    assert not things.shift.any()


def test_velocities_are_of_the_heading():
    """A camera that heads right sees a thing go to its right: towards the back of the world."""
    things = cut((LEFT, 4.0), velocity=(0.3, 0.0, 0.0), pose=looking(torch.pi / 2))
    assert things.velocity[0, 0].tolist() == pytest.approx([0, 0, -0.3], abs=1e-6)


def test_what_is_nearer_is_drawn_in_front(device):
    things = cut((LEFT, 4.0), (RIGHT, 2.0), device=device)
    # What stood to the left goes to the right, beyond the other.
    things.shift[0, 1, 0] = (16 + 16) * 4.0 / CAMERA.focal
    _, near, number = drawn(things, looking())
    assert (number[RIGHT] == 0).all()
    assert (near[RIGHT] > 0.4).all()
    things.shift[0, 1, 2] = -3.0  # and now it is nearer
    things.shift[0, 1, 0] = (16 * 1.0 + 16 * 4.0) / CAMERA.focal
    _, near, number = drawn(things, looking())
    assert (number == 1).any()
    assert (near[number == 1] > 0.9).all()


@pytest.mark.parametrize("times", [1.3, 2.0, 3.5, 6.0])
def test_a_thing_that_is_nearer_is_larger_and_has_no_holes(times):
    middle: Box = (slice(22, 26), slice(29, 35))
    _, _, number = drawn(cut((middle, 4.0)), looking(place=(0.0, 0.0, 4.0 - 4.0 / times)))
    rows, columns = (number >= 0).nonzero().unbind(1)
    height, width = rows.max() - rows.min() + 1, columns.max() - columns.min() + 1
    assert height == pytest.approx(4 * times, abs=1.1)
    assert width == pytest.approx(6 * times, abs=1.1)
    assert len(rows) == height * width


def test_what_gives_way_is_pushed_out_of_the_body_and_what_does_not_stays():
    place = torch.tensor([[0.2, 0.0, 1.9]])
    low: Box = (slice(24, 40), slice(28, 44))
    pushed = cut((low, 2.0), pushable=True).go_on(place, CAMERA, Body())
    points, label = pushed.surface(CAMERA)
    offset = (points - place[:, None])[0, label[0] >= 0]
    tall = offset[:, 1] < Body().eye - Body().step
    assert offset[tall][:, 0::2].norm(dim=-1).min() > Body().radius - 0.06
    assert pushed.shift[0, 0, 2] > 0.05  # ahead
    assert pushed.shift[0, 0, 1] == 0
    assert not cut((low, 2.0)).go_on(place, CAMERA, Body()).shift.any()


def test_specks_are_no_things_and_of_many_the_largest_are_kept():
    grid = [(slice(y, y + 3), slice(x, x + 3 + (y > 20))) for y in (2, 10, 30) for x in range(2, 62, 8)]
    things = cut(*((box, 3.0) for box in grid))
    assert things.label.max() == MOST - 1
    kept = [things.label[0][box].max() >= 0 for box in grid]
    assert all(kept[16:])
    assert sum(kept) == MOST
    speck = (slice(5, 6), slice(5, 5 + SMALLEST - 1))
    assert (cut((speck, 3.0)).label == -1).all()


def test_where_there_are_no_things_nothing_is_drawn(device):
    things = cut(device=device).go_on(torch.zeros(1, 3, device=device), CAMERA, Body())
    colours, near, number = drawn(things, looking())
    assert not colours.any()
    assert not near.any()
    assert (number == -1).all()


def test_rows_are_independent_to_the_bit(device):
    rows = [
        cut((LEFT, 3.0), (RIGHT, 2.0), device=device),
        cut(device=device),
        cut((LEFT, 5.0), velocity=(0.1, 0, 0.2), device=device),
    ]
    together = rows[0].select([0, 0, 0])
    for row, one in enumerate(rows):
        together.put(torch.tensor([row], device=device), one)
    pose, place = looking(0.1, 0.0, (0.1, 0.0, 0.3))[None].to(device), torch.tensor([[0.0, 0.0, 1.5]], device=device)
    shown = together.go_on(place.repeat(3, 1), CAMERA, Body()).draw(pose.repeat(3, 1, 1), CAMERA)
    for row, one in enumerate(rows):
        alone = one.go_on(place, CAMERA, Body()).draw(pose, CAMERA)
        assert all(torch.equal(a[row], b[0]) for a, b in zip(shown, alone, strict=True))
