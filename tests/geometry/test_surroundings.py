import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genie_gym.geometry.surroundings import mirror, spread

ONE = torch.ones(1)


def picture(seed: int = 0, rows: int = 1, height: int = 18, width: int = 30) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    images, chances = torch.rand(rows, 4, height, width, generator=generator).split((3, 1), 1)
    return images, chances[:, 0] > 0.4


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_what_is_known_is_not_touched(seed):
    images, known = picture(seed)
    folded, found = mirror(images, torch.ones(1, 18, 30), known, ONE)
    for shown in (spread(images, known), folded):
        assert torch.equal(shown.movedim(1, -1)[known], images.movedim(1, -1)[known])
    assert found[known].all()


def test_mist_is_what_is_around():
    images = torch.zeros(1, 1, 40, 80)
    images[..., 40:] = 1
    known = torch.zeros(1, 40, 80, dtype=torch.bool)
    known[..., :10] = known[..., 70:] = True
    line = spread(images, known)[0, 0, 20]
    assert line[:34].tolist() == [0] * 34
    assert torch.allclose(line[46:], torch.ones(34), atol=1e-6)
    assert (line.diff() >= -1e-6).all()


def test_mist_fills_a_frame_of_which_one_pixel_is_known_and_nothing_comes_of_nothing(device):
    images = torch.full((2, 3, 90, 160), 0.3, device=device)
    known = torch.zeros(2, 90, 160, dtype=torch.bool, device=device)
    known[0, 2, 3] = True
    mist = spread(images, known)
    assert torch.allclose(mist[0], images[0], atol=1e-5)
    assert not mist[1].any()


@pytest.mark.parametrize(("stretch", "shown"), [(1.0, [9, 8, 7]), (2.0, [8, 6, 4])])
def test_a_picture_is_folded_over_at_its_edge(stretch, shown):
    images = torch.arange(14.0).expand(1, 1, 14, 14)
    known = (torch.arange(14) < 11).expand(1, 14, 14)
    folded, found = mirror(images, torch.ones(1, 14, 14), known, torch.tensor([stretch]))
    assert folded[0, 0, 5, 11:].tolist() == shown
    assert found.all()
    upright, _ = mirror(images.mT, torch.ones(1, 14, 14), known.mT, torch.tensor([stretch]))
    assert torch.equal(upright.mT, folded)


def test_what_comes_out_from_behind_a_near_thing_is_the_background():
    images = torch.arange(20.0).expand(1, 1, 1, 20)
    known = ((torch.arange(20) < 8) | (torch.arange(20) >= 14)).expand(1, 1, 20)
    inverse_depth = torch.where(torch.arange(20) < 8, 1.0, 0.1).expand(1, 1, 20)
    folded, _ = mirror(images, inverse_depth, known, ONE)
    assert folded[0, 0, 0, 8:14].tolist() == [19, 19, 18, 17, 16, 15]
    alike, _ = mirror(images, torch.ones(1, 1, 20), known, ONE)
    assert alike[0, 0, 0, 8:14].tolist() == [6, 5, 4, 17, 16, 15]  # the nearest edge


def test_where_there_is_nothing_to_fold_it_says_so():
    images, known = torch.rand(1, 1, 4, 12), torch.zeros(1, 4, 12, dtype=torch.bool)
    known[:, :, 4:6] = True
    _, found = mirror(images, torch.ones(1, 4, 12), known, ONE)
    assert found[0, 0].tolist() == [False] * 3 + [True] * 4 + [False] * 5
    assert not mirror(images, torch.ones(1, 4, 12), known & False, ONE)[1].any()


def test_rows_are_independent_to_the_bit(device):
    images, known = picture(3, rows=4)
    inverse_depth, stretch = images[:, 0] + 0.1, torch.tensor([0.7, 1.0, 1.3, 2.0])
    parts = [x.to(device) for x in (images, inverse_depth, known, stretch)]
    together, mist = mirror(*parts)[0], spread(parts[0], parts[2])
    for row in range(4):
        one = [x[row : row + 1] for x in parts]
        assert torch.equal(mirror(*one)[0][0], together[row])
        assert torch.equal(spread(one[0], one[2])[0], mist[row])
