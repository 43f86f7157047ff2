import pytest
import torch

from genie_gym.genie2.config import PRESETS
from genie_gym.genie2.imagination import Imagination
from genie_gym.genie2.painting import painting_loss
from genie_gym.genie2.rgbd import pack
from genie_gym.geometry.reproject import Seen
from genie_gym.geometry.surroundings import mirror, spread


@pytest.fixture(scope="module")
def seen() -> Seen:
    """The left half of a chequered view."""
    torch.manual_seed(0)
    colours = torch.rand(2, 3, 12, 20).repeat_interleave(4, 2).repeat_interleave(4, 3)
    covered = torch.zeros(2, 48, 80, dtype=torch.bool)
    covered[:, :, :40] = True
    inverse_depth = torch.linspace(0.1, 0.4, 48)[:, None].expand(2, 48, 80)
    return Seen(colours * covered[:, None], inverse_depth * covered, covered)


@torch.no_grad()
def test_in_play_colours_are_crisp_and_depth_is_as_it_was_taught(seen):
    model = Imagination(PRESETS["debug"].world.imagination)  # fresh: corrects nothing
    stretch = torch.ones(2)
    known = pack(seen.colours, seen.inverse_depth)
    folded, found = mirror(known, seen.inverse_depth, seen.covered, stretch)
    mist = spread(known, seen.covered)
    taught, played = model.paint(seen, stretch), model.paint(seen, stretch, 3.0, 1.0)
    there = found[:, None].expand(-1, 3, -1, -1)
    assert there.any()
    assert (played[:, :3] - folded[:, :3])[there].abs().max() < 0.01
    blend = (taught[:, :3] - mist[:, :3])[there].norm() / (folded[:, :3] - mist[:, :3])[there].norm()
    assert 0.6 < float(blend) < 0.8
    assert torch.equal(played[:, 3], taught[:, 3])


@torch.no_grad()
def test_what_is_covered_stays_as_it_is(seen):
    model = Imagination(PRESETS["debug"].world.imagination)
    colours, inverse_depth = model(seen, torch.tensor([1, 2]), torch.tensor([3, 3]))
    assert torch.equal(colours[:, :, seen.covered[0]], seen.colours[:, :, seen.covered[0]])
    assert torch.equal(inverse_depth[seen.covered], seen.inverse_depth[seen.covered])
    assert not torch.equal(colours[0, :, :, 41:], colours[1, :, :, 41:])


def test_the_loss_prefers_the_crisp_of_two_guesses(seen):
    """A perfect guess costs nothing; what is as crisp, but elsewhere, costs less than what is grey."""
    target = pack(torch.rand(2, 3, 12, 20).repeat_interleave(4, 2).repeat_interleave(4, 3), torch.full((2, 48, 80), 0.2))
    shifted, grey = target.roll((8, 8), (2, 3)), target.mean((2, 3), keepdim=True).expand_as(target)
    losses = [painting_loss(painted, target, seen.covered, 4.0) for painted in (target, shifted, grey)]
    true, crisp, mist = (float(loss["patches"]) for loss in losses)
    assert true == pytest.approx(0, abs=1e-6)
    assert crisp < 0.5 * mist
