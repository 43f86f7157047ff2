"""Cuts are found, motion is not taken for one."""

import numpy as np
import pytest

from genie_gym.datasets.scenes import mark_cuts
from genie_gym.visual import resize


def landscape(seed: int) -> np.ndarray:
    """A wide picture of soft shapes, in colours of its own."""
    rng = np.random.default_rng(seed)
    return resize(rng.integers(0, 256, (6, 40, 3), dtype=np.uint8), (48, 1600))


def pan(seed: int, count: int, speed: int) -> list[np.ndarray]:
    """A camera that pans over a landscape, `speed` of 64 pixels a frame."""
    wide = landscape(seed)
    return [wide[:, (speed * t) % 1500 : (speed * t) % 1500 + 64].copy() for t in range(count)]


def cuts(frames: list[np.ndarray]) -> list[int]:
    seen = list(mark_cuts((0.04 * t, frame) for t, frame in enumerate(frames)))
    assert [time for _, time, _ in seen] == [0.04 * t for t in range(len(frames))]
    assert all(a is b for (_, _, a), b in zip(seen, frames, strict=True))
    return [t for t, (begins, _, _) in enumerate(seen) if begins]


@pytest.mark.parametrize("speed", [0, 1, 4])
def test_cuts_between_scenes_are_found(speed):
    frames = [frame for seed in range(5) for frame in pan(seed, 10 + seed, speed)]
    assert cuts(frames) == [10, 21, 33, 46]


def test_noise_hides_no_cut_and_makes_none():
    rng = np.random.default_rng(0)
    frames = [frame for seed in (3, 4) for frame in pan(seed, 12, 2)]
    noisy = [(frame + rng.normal(0, 20, frame.shape)).clip(0, 255).astype(np.uint8) for frame in frames]
    assert cuts(noisy) == [12]


@pytest.mark.parametrize("speed", [8, 24, 48])
def test_fast_motion_is_no_cut(speed):
    assert cuts(pan(7, 28, speed)) == []


def test_motion_that_begins_at_once_is_no_cut():
    assert cuts([pan(7, 1, 1)[0]] * 12 + pan(7, 14, 40)) == []


def test_animation_that_holds_each_drawing_is_no_cut():
    assert cuts([frame for frame in pan(7, 12, 30) for _ in range(3)])[2:] == []


def test_a_flash_is_no_cut():
    frames = pan(2, 20, 1)
    frames[10] = np.full_like(frames[10], 255)
    assert cuts(frames) == []


def test_a_film_may_be_one_frame_or_none():
    assert cuts(pan(0, 1, 0)) == []
    assert cuts([]) == []
