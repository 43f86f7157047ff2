import pytest
import torch
from panels import CAMERA, CPU, WALL, Panel, draw, looking, numbered

from genie_gym.geometry.camera import Camera
from genie_gym.geometry.memory import KeyframeMemory
from genie_gym.geometry.reproject import reproject

ROOM = (WALL, Panel(0, 5.0), Panel(0, -5.0), Panel(2, -6.0))


def empty(rows: int = 1, slots: int = 8, device: torch.device = CPU) -> KeyframeMemory:
    return KeyframeMemory.empty(rows, slots, CAMERA, device)


def remember(memory: KeyframeMemory, pose: torch.Tensor, penalty: float = 0.0, rows: tuple[int, ...] = (0,)) -> None:
    device = memory.count.device
    colours, inverse_depth = draw(pose, *ROOM)
    copies = (len(rows), 1, 1)
    memory.write(
        torch.tensor(rows, device=device),
        (colours * 255).byte().repeat(len(rows), 1, 1, 1).to(device),
        inverse_depth.repeat(copies).to(device),
        pose.repeat(copies).to(device),
        penalty,
    )


def headings(memory: KeyframeMemory, heading: float, count: int) -> list[float]:
    """Where the keyframes look that are recalled for a view: radians to the right."""
    found = memory.recall(looking(heading)[None].to(memory.count.device), CAMERA, count)
    return [round(float(torch.atan2(pose[0, 2], pose[2, 2])), 2) for pose in found.poses[0]]


def size(memory: KeyframeMemory) -> int:
    return sum(x.numel() * x.element_size() for x in memory.tensors())


def test_the_first_keyframe_stays_and_of_the_others_the_last_and_it_never_grows(device):
    memory = empty(rows=2, slots=3, device=device)
    before = size(memory)
    for turn in range(6):
        remember(memory, looking(turn * 0.5), penalty=float(1 + turn), rows=(0, 1) if turn < 2 else (0,))
    assert memory.penalty.tolist() == [[1, 6, 5], [1, 2, 0]]
    assert memory.count.tolist() == [6, 2]
    assert size(memory) == before


def test_a_keyframe_of_160_by_90_takes_72_kilobytes():
    sizes = [size(KeyframeMemory.empty(1, n, Camera(90, 160, 78.0), torch.device("cpu"))) for n in (10, 11)]
    assert sizes[1] - sizes[0] == 90 * 160 * 5 + 4 * 17


def test_rows_are_written_one_by_one():
    memory = empty(rows=3)
    remember(memory, looking(0.3), rows=(0, 2))
    remember(memory, looking(0.6), rows=(2,))
    assert memory.count.tolist() == [1, 0, 2]
    assert not memory.inverse_depth[1].any()
    assert torch.equal(memory.colours[0, 0], memory.colours[2, 0])


def test_it_is_a_state():
    memory = empty(rows=2)
    remember(memory, looking(0.3), rows=(1,))
    copy, taken = memory.clone(), memory.select([1, 1])
    remember(memory, looking(0.9), rows=(0, 1))
    assert copy.count.tolist() == [0, 1]
    assert taken.count.tolist() == [1, 1]
    memory.put(torch.tensor([0]), copy.select([1]))
    assert memory.count.tolist() == [1, 2]
    assert torch.equal(memory.poses[0, 0], looking(0.3))


def test_recalled_is_what_shows_most_and_then_what_adds_most(device):
    memory = empty(device=device)
    for heading in (2.5, 0.0, 0.02, 0.04, 0.9, -1.5):
        remember(memory, looking(heading))
    first, second, *_ = headings(memory, 0.35, 4)
    assert first in (0.0, 0.02, 0.04)
    assert second == 0.9  # not another view of the same wall
    assert headings(memory, 2.5, 1) == [2.5]


def test_a_near_look_is_recalled_before_a_far_one():
    memory = empty()
    remember(memory, looking(place=(0.0, 0.0, -5.0)))
    remember(memory, looking(place=(0.2, 0.0, 0.0)))
    assert memory.recall(looking()[None], CAMERA, 1).poses[0, 0, 0, 3] == pytest.approx(0.2)


def test_what_is_trusted_less_is_recalled_and_shown_less():
    memory = empty()
    remember(memory, looking(), penalty=1.5)
    remember(memory, looking(0.01), penalty=0.0)
    assert headings(memory, 0.0, 1) == [0.01]
    known = memory.recall(looking()[None], CAMERA, 2)
    seen = reproject(numbered(known), looking()[None], CAMERA)
    trusted = known.penalty[0].argmin()
    assert (seen.colours[0, 0, 4:-4, 4:-4].round() == trusted).all()


def test_empty_slots_show_nothing(device):
    memory = empty(device=device)
    pose = looking(0.1)[None].to(device)
    assert not reproject(memory.recall(pose, CAMERA, 4), pose, CAMERA).covered.any()
    remember(memory, looking())
    one, four = (reproject(memory.recall(pose, CAMERA, count), pose, CAMERA) for count in (1, 4))
    assert one.covered.float().mean() > 0.8
    assert torch.equal(one.covered, four.covered)
    assert torch.allclose(one.colours, four.colours, atol=1e-3)


def test_rows_recall_alone_what_they_recall_together(device):
    memory = empty(rows=3, device=device)
    for row in range(3):
        for turn in range(6):
            remember(memory, looking(turn * (0.3 + 0.1 * row)), rows=(row,))
    poses = torch.stack([looking(0.2), looking(0.9), looking(1.7)]).to(device)
    together = memory.recall(poses, CAMERA, 3)
    for row in range(3):
        alone = memory.select([row]).recall(poses[row : row + 1], CAMERA, 3)
        assert torch.equal(alone.poses[0], together.poses[row])
        assert torch.equal(alone.colours[0], together.colours[row])
