"""A network tells composed views from real ones where something gives them away, and only there."""

import torch

from genie_gym.evaluation.told_apart import ToldApartConfig, blurred, told_apart

QUICK = ToldApartConfig(steps=60, batch_size=32, width=8)


def views(seed: int, grain: float) -> torch.Tensor:
    noise = torch.randn(12, 48, 64, 3, generator=torch.Generator().manual_seed(seed))
    return (128 + grain * noise).clamp(0, 255).to(torch.uint8)


def test_what_is_blurred_is_told_from_what_is_not():
    assert told_apart(views(0, 40.0), views(1, 8.0), QUICK).judged.mean() > 0.9


def test_what_is_alike_is_not():
    assert 0.35 < told_apart(views(0, 40.0), views(1, 40.0), QUICK).judged.mean() < 0.65


def test_what_was_learned_from_is_told_apart_from_what_was_not():
    found = told_apart(views(0, 40.0), views(1, 8.0), QUICK)
    assert found.judged.shape == found.learned.shape == (12,)
    assert found.learned.mean() > 0.9


def test_the_control_is_a_slight_blur():
    flat = torch.full((2, 48, 64, 3), 77, dtype=torch.uint8)
    assert (blurred(flat) == flat).all()
    sharp = views(0, 40.0)
    soft = blurred(sharp)
    assert soft.shape == sharp.shape
    assert soft.float().std() < 0.9 * sharp.float().std()
    assert (soft.float() - sharp.float()).abs().mean() < 0.7 * sharp.float().std()


def test_it_learns_where_nothing_else_does():
    with torch.no_grad():
        assert told_apart(views(0, 40.0), views(1, 8.0), QUICK).judged.mean() > 0.9
