"""Which pixels were seen before, and what is measured on some pixels alone. Legend: B frames, H W image."""

import numpy as np
import pytest
import torch
from place_world import CAMERA, at, draw

from genie_gym.evaluation.covered import edge_energy, eroded, masked_psnr, masked_ssim, seen_before
from genie_gym.evaluation.metrics import psnr, ssim
from genie_gym.evaluation.patches import mist, patch_distance, patches


def seen(first, second, change=lambda depth: depth):
    before, pose = first[None], second[None]
    return seen_before(change(draw(pose)[1]), pose, draw(before)[1], before, CAMERA)[0]


def test_all_is_seen_before_from_the_same_place():
    assert seen(at(0, -2, 10), at(0, -2, 10)).all()


def test_a_turn_uncovers_the_side_that_it_turns_to():
    """91 degrees are seen across; of 20 more to the right, the share that tangents say."""
    half = np.arctan(CAMERA.width / 2 / CAMERA.focal)
    covered = seen(at(0, -2, 0), at(0, -2, 20))
    middle = covered[CAMERA.height // 2].float()
    share = (np.tan(half - np.radians(20)) + np.tan(half)) / (2 * np.tan(half))
    assert float(middle.mean()) == pytest.approx(share, abs=0.02)
    assert middle[0]
    assert not middle[-1]


def test_what_stood_behind_something_is_uncovered():
    """Seen past the pillar's left side, the wall behind it comes into view; the floor in front of it was in view before."""
    covered = seen(at(0, 0, 0), at(-2.5, 0, 0))
    line = covered[CAMERA.height // 2]
    depth = draw(at(-2.5, 0, 0)[None])[1][0, CAMERA.height // 2]
    points = (torch.arange(CAMERA.width) + 0.5 - CAMERA.width / 2) / CAMERA.focal * depth - 2.5
    behind = (depth > 9) & (points.abs() < 1.2)  # of the wall at z = 10: hidden from the middle, less than 0.7 / 4 · 10
    assert behind.sum() > 3
    assert not line[behind].any()
    assert covered[-4:, 30:50].all()


def test_what_came_since_is_uncovered():
    def nearer(depth):
        depth = depth.clone()
        depth[:, 10:20, 30:40] = 1.0
        return depth

    covered = seen(at(0, -2, 0), at(0, -2, 0), nearer)
    assert not covered[10:20, 30:40].any()
    assert covered[:, :28].all()


def test_only_the_pixels_of_the_mask_count():
    rng = np.random.default_rng(0)
    real = torch.from_numpy(rng.integers(0, 256, (2, 36, 64, 3), dtype=np.uint8))
    other, whole = real.clone(), torch.ones(2, 36, 64, dtype=torch.bool)
    other[:, :, 32:] = 255 - other[:, :, 32:]
    left = whole.clone()
    left[:, :, 32:] = False
    assert (masked_psnr(real, other, left) == 60).all()
    torch.testing.assert_close(masked_psnr(real, other, whole), psnr(real, other))
    torch.testing.assert_close(masked_psnr(real, other, ~left), psnr(real[:, :, 32:], other[:, :, 32:]))
    torch.testing.assert_close(masked_ssim(real, other, whole), ssim(real, other), atol=0.02, rtol=0)
    assert (masked_ssim(real, other, left) > masked_ssim(real, other, ~left) + 0.5).all()
    assert masked_psnr(real, other, ~whole).isnan().all()
    assert masked_ssim(real, other, ~whole).isnan().all()


def test_edges_of_the_mask_are_no_edges():
    mask = torch.zeros(1, 20, 20, dtype=torch.bool)
    mask[:, 5:15, 5:15] = True
    assert int(eroded(mask).sum()) == 64
    frames = torch.where(mask[..., None], 200, 0).to(torch.uint8).expand(-1, -1, -1, 3)
    assert float(edge_energy(frames, mask)) == 0
    frames = frames.clone()
    frames[:, :, 10] = 0
    assert float(edge_energy(frames, mask)) == pytest.approx(2 * 8 * 3 * (200 / 255) ** 2, rel=1e-4)


def noise(rng, sigma: float) -> torch.Tensor:
    return torch.from_numpy((128 + sigma * rng.standard_normal((8, 40, 64, 3))).clip(0, 255).astype(np.uint8))


def test_patches_lie_in_the_mask_and_distances_grow_with_the_difference():
    rng, mask = np.random.default_rng(0), torch.zeros(8, 40, 64, dtype=torch.bool)
    mask[:, :, :33] = True
    fine, alike, coarse = noise(rng, 10), noise(rng, 10), noise(rng, 20)
    fine[:, :, 34:] = 0  # outside
    sets = [patches(frames, mask) for frames in (fine, alike, coarse)]
    assert all(len(found) == 8 * 9 * 7 for found in sets)
    near, far = patch_distance(sets[0], sets[1]), patch_distance(sets[0], sets[2])
    assert near < 1
    assert far == pytest.approx(10 * (2 / np.pi) ** 0.5, rel=0.1)  # between two normal distributions
    assert patch_distance(sets[0], sets[0]) < near
    assert patch_distance(patches(fine, mask), patches(fine + 20, mask)) < near  # colour is another matter
    assert np.isnan(patch_distance(sets[0][:10], sets[1]))


def test_mist_joins_what_is_around_and_keeps_what_is_known():
    frames = torch.linspace(0, 248, 63).to(torch.uint8)[None, None, :, None].expand(1, 37, -1, 3)
    holes = torch.zeros(1, 37, 63, dtype=torch.bool)
    holes[:, 8:24, 20:40] = True
    filled = mist(torch.where(holes[..., None], 255, frames).to(torch.uint8), holes)
    assert (filled[~holes] == frames[~holes]).all()
    assert (filled.float() - frames.float())[holes].abs().max() < 30  # the ramp goes on through it
