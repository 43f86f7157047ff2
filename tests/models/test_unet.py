import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genie_gym.errors import GenieGymError
from genie_gym.models import unet
from genie_gym.models.unet import UNet, UNetConfig

SMALL = UNetConfig(widths=(8, 16, 16))


def awake(config: UNetConfig = SMALL) -> UNet:
    """One that does not say 0."""
    torch.manual_seed(0)
    net = UNet(4, 3, config).eval()
    torch.nn.init.normal_(net.leave.weight)
    return net


def test_it_starts_by_saying_0():
    assert not UNet(4, 3, SMALL)(torch.randn(2, 4, 18, 32)).any()


@settings(max_examples=10, deadline=None)
@given(st.integers(3, 40), st.integers(3, 40), st.sampled_from([1, 2, 4]))
def test_images_of_any_size_come_out_as_large(height, width, patch):
    out = awake(UNetConfig(widths=(8, 16, 16), patch=patch))(torch.randn(1, 4, height, width))
    assert out.shape == (1, 3, height, width)
    assert out.isfinite().all()


def test_rows_do_not_mix():
    net, images = awake(), torch.randn(3, 4, 18, 32)
    together = net(images)
    for row in range(3):
        assert torch.allclose(net(images[row : row + 1])[0], together[row], atol=1e-5)


@pytest.mark.parametrize("place", [(9, 16), (0, 0), (17, 31)])
def test_a_pixel_is_heard_at_its_place(place):
    net, images = awake(), torch.zeros(1, 4, 18, 32)
    other = images.clone()
    other[:, :, *place] = 3.0
    changed = (net(other) - net(images)).abs().sum(1)[0]
    assert changed[place] > 0.1 * changed.max()


def test_it_learns_to_copy():
    torch.manual_seed(0)
    net, images = UNet(3, 3, SMALL), torch.rand(4, 3, 16, 16)
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    losses = []
    for _ in range(40):
        loss = (net(images) - images).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


@torch.no_grad()
@pytest.mark.parametrize("widths", [(8, 16, 16), (8, 48, 32), (16, 32, 64)])
def test_a_wider_one_begins_with_what_a_narrower_one_says(widths, monkeypatch):
    """Exactly, where copies are alike; and nearly, where they are to part."""
    narrow, images = awake(), torch.randn(2, 4, 18, 32)
    for bias in (parameter for name, parameter in narrow.named_parameters() if name.endswith("bias")):
        torch.nn.init.normal_(bias)
    apart, said = unet.APART, narrow(images)
    monkeypatch.setattr(unet, "APART", 0.0)
    wide = awake(UNetConfig(widths))
    levels = wide.widen(narrow)
    assert torch.allclose(wide(images), said, atol=1e-4)
    assert [len(copied) for copied in levels] == list(widths)
    monkeypatch.setattr(unet, "APART", apart)
    wide.widen(narrow)
    off = (wide(images) - said).norm() / said.norm()
    assert (off < 1e-5) if widths == narrow.widths else (1e-4 < off < 0.2)
    for level, down in enumerate(wide.down):
        assert len(down[0][0].weight.flatten(1).unique(dim=0)) == widths[level + 1]


@pytest.mark.parametrize("config", [UNetConfig((8, 16, 8)), UNetConfig((8, 16)), UNetConfig((8, 16, 16), patch=4)])
def test_what_is_narrower_or_another_is_refused(config):
    with pytest.raises(GenieGymError, match=r"cannot begin with one of \(8, 16, 16\)"):
        UNet(4, 3, config).widen(awake())
