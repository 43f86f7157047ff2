"""A network tells composed views from real ones where something gives them away, and only there."""

import torch

from genie_gym.evaluation.told_apart import ToldApartConfig, told_apart

QUICK = ToldApartConfig(steps=60, batch_size=32, width=8)


def views(seed: int, grain: float) -> torch.Tensor:
    noise = torch.randn(12, 48, 64, 3, generator=torch.Generator().manual_seed(seed))
    return (128 + grain * noise).clamp(0, 255).to(torch.uint8)


def test_what_is_blurred_is_told_from_what_is_not():
    assert told_apart(views(0, 40.0), views(1, 8.0), QUICK).mean() > 0.9


def test_what_is_alike_is_not():
    assert 0.35 < told_apart(views(0, 40.0), views(1, 40.0), QUICK).mean() < 0.65


def test_it_learns_where_nothing_else_does():
    with torch.no_grad():
        assert told_apart(views(0, 40.0), views(1, 8.0), QUICK).mean() > 0.9
