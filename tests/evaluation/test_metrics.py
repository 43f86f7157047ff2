import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genie_gym.evaluation.metrics import (
    PSNR_CAP,
    auc,
    calibration_error,
    explained_share,
    explained_variance,
    frame_statistics,
    interval,
    interval_of,
    largest_change,
    mutual_information_bits,
    perplexity,
    picture_shift,
    psnr,
    ssim,
    statistics_distance,
)


def test_psnr_of_known_errors():
    real = torch.full((2, 8, 8, 3), 100, dtype=torch.uint8)
    other = real.clone()
    other[1] += 10
    values = psnr(real, other)
    assert values[0] == PSNR_CAP
    assert abs(float(values[1]) - 20 * np.log10(255 / 10)) < 1e-4
    other[0, :4] += 20  # half of the picture is off by 20: squared, then averaged
    assert abs(float(psnr(real, other)[0]) - 10 * np.log10(255**2 / 200)) < 1e-4


def test_the_share_of_values_that_codes_explain():
    codes = np.array([0, 0, 1, 1])
    values = np.array([[1.0, 1.0, 7.0], [1.0, 3.0, 7.0], [5.0, 1.0, 7.0], [5.0, 3.0, 7.0]])
    assert explained_share(codes, values) == 0.5  # all of the first, none of the second; the third does not vary
    assert np.isnan(explained_share(codes, values[:, 2:]))


def test_ssim_is_one_for_equal_and_falls_with_noise():
    real = torch.randint(0, 256, (2, 32, 32, 3), dtype=torch.uint8)
    noisy = (real.int() + torch.randint(-60, 60, real.shape)).clamp(0, 255).to(torch.uint8)
    assert torch.allclose(ssim(real, real), torch.ones(2))
    assert (ssim(real, noisy) < 0.95).all()


def test_perplexity_counts_codes_in_use():
    assert abs(perplexity(np.repeat(np.arange(8), 10), 8) - 8) < 1e-9
    assert perplexity(np.zeros(50, int), 8) == 1
    assert abs(perplexity(np.arange(6).reshape(2, 3), 8) - 6) < 1e-9


@settings(max_examples=30)
@given(st.integers(2, 6), st.integers(0, 1000))
def test_mutual_information_of_copies_and_of_strangers(values, seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(values, size=20_000)
    assert abs(mutual_information_bits(x, x * 3 + 1) - np.log2(values)) < 0.01
    assert mutual_information_bits(x, rng.integers(values, size=20_000)) < 0.01


def test_drift_is_measured_in_standard_deviations():
    rng = np.random.default_rng(0)
    real = rng.normal(5, 2, (5000, 3))
    assert statistics_distance(real, rng.normal(5, 2, (5000, 3))) < 0.05
    assert abs(statistics_distance(real, rng.normal(5, 2, (5000, 3)) + 4) - 2) < 0.1


def test_the_interval_holds_the_mean():
    values = np.random.default_rng(0).normal(1, 1, 400)
    low, high = interval(values)
    assert low < values.mean() < high < low + 0.3


def test_auc_counts_pairs_in_order_and_their_weights():
    scores, positive = np.array([0.9, 0.4, 0.6, 0.1]), np.array([True, True, False, False])
    assert auc(scores, positive, np.ones(4)) == 0.75
    assert auc(scores, positive, np.array([1.0, 0.0, 1.0, 1.0])) == 1.0
    assert np.isnan(auc(scores, np.zeros(4, bool), np.ones(4)))


def test_calibration_error_tells_honest_chances_from_boasts():
    rng = np.random.default_rng(0)
    chances = rng.random(20_000)
    happened, weights = rng.random(20_000) < chances, np.ones(20_000)
    assert calibration_error(chances, happened, weights) < 0.02
    assert abs(calibration_error(np.clip(chances + 0.3, 0, 1), happened, weights) - 0.255) < 0.02


@given(st.integers(-6, 6), st.integers(-6, 6))
def test_a_scroll_is_found_to_the_pixel(x, y):
    torch.manual_seed(0)
    large = torch.randint(0, 256, (2, 80, 80, 3), dtype=torch.uint8)
    before, after = large[:, 8:72, 8:72], large[:, 8 - y : 72 - y, 8 - x : 72 - x]
    assert picture_shift(before, after).tolist() == [[x, y]] * 2


def test_explained_variance_of_actions_that_mean_all_or_nothing():
    rng = np.random.default_rng(0)
    same = np.broadcast_to(rng.normal(size=(1, 8, 2)), (30, 8, 2))
    assert abs(explained_variance(same) - 1) < 1e-9
    assert explained_variance(rng.normal(size=(30, 8, 2))) < 0.1
    assert np.isnan(explained_variance(np.zeros((30, 8, 2))))


def test_frame_statistics_of_a_known_picture():
    frames = torch.zeros(2, 4, 5, 3, dtype=torch.uint8)
    frames[0, :, 2:] = 255  # an upright edge
    frames[1] = 51
    brightness, contrast, edges = frame_statistics(frames).T
    assert np.allclose(brightness, [0.6, 0.2])
    assert np.allclose(contrast, [np.std([0] * 8 + [1] * 12, ddof=1), 0])
    assert np.allclose(edges, [0.25, 0])  # one of four columns of neighbours
    turned = frame_statistics(frames.transpose(1, 2))[:, 2]
    assert np.allclose(turned, [0.25, 0])


def test_drift_does_not_cancel_out_and_is_measured_in_the_real_spread():
    real = np.array([[-1.0, 9.0], [1.0, 11.0]])
    assert abs(statistics_distance(real, np.array([[3.0, 7.0]] * 2)) - 3) < 1e-6


def test_ties_count_half_and_negatives_have_weights_too():
    scores, positive = np.array([0.5, 0.5, 0.9]), np.array([True, False, False])
    assert auc(scores, positive, np.ones(3)) == 0.25
    assert auc(scores, positive, np.array([1.0, 3.0, 1.0])) == 0.375


def test_calibration_counts_by_weight():
    chances, happened = np.array([0.2, 0.2, 0.8, 0.8]), np.array([True, False, True, True])
    assert abs(calibration_error(chances, happened, np.ones(4), bins=2) - 0.25) < 1e-9
    assert abs(calibration_error(chances, happened, np.array([0.5, 1.5, 1.0, 1.0]), bins=2) - 0.125) < 1e-9


def test_boasts_and_understatements_do_not_cancel_out():
    chances, happened = np.repeat([0.25, 0.75], 500), np.tile([True, False], 500)
    assert abs(calibration_error(chances, happened, np.ones(1000)) - 0.25) < 0.01


def test_ssim_of_plain_pictures_is_the_papers():
    first, second = (torch.full((1, 32, 32, 3), level, dtype=torch.uint8) for level in (51, 102))
    expected = (2 * 0.2 * 0.4 + 0.01**2) / (0.2**2 + 0.4**2 + 0.01**2)
    assert abs(float(ssim(first, second)[0]) - expected) < 1e-4


def test_the_interval_is_that_of_the_mean_at_95_percent():
    values = np.random.default_rng(0).normal(0, 1, 400)
    low, high = interval(values)
    assert abs((high - low) - 2 * 1.96 * values.std() / 20) < 0.02


def test_mutual_information_of_known_frequencies():
    first, second = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])
    expected = 0.5 * np.log2(0.5 / 0.375) + 0.25 * np.log2(0.25 / 0.375) + 0.25 * np.log2(0.25 / 0.125)
    assert abs(mutual_information_bits(first, second) - expected) < 1e-9


def test_a_sample_counts_in_the_bin_in_which_it_stands():
    chances = np.array([0.1] * 5 + [0.9] * 5)
    happened = np.array([True] * 5 + [False] * 5)
    assert abs(calibration_error(chances, happened, np.ones(10), bins=2) - 0.9) < 1e-9
    assert abs(calibration_error(np.arange(10) / 10, np.arange(10) >= 5, np.ones(10), bins=10) - 0.25) < 1e-9


def test_the_largest_change_sees_what_a_mean_overlooks():
    before = torch.zeros(3, 64, 62, 3, dtype=torch.uint8)
    after = before.clone()
    after[1, 63, 61] = 160  # one pixel, in a cell that is cut off by the edge
    after[2] = 1
    assert largest_change(before, after).tolist() == [0, 20, 1]
    assert largest_change(after, before).tolist() == [0, 20, 1]


def test_the_interval_of_a_ratio_resamples_both_of_its_parts_together():
    whole = np.array([1.0, 4.0, 0.0, 10.0, 2.0] * 20)
    low, high = interval_of(lambda part, of: part.sum() / of.sum(), 0.5 * whole, whole)
    assert low == high == 0.5
    values = np.arange(30.0)
    np.testing.assert_allclose(interval_of(lambda some: some.mean(), values, resamples=2000), interval(values), atol=0.5)
    assert np.isnan(interval_of(lambda part: float("nan"), values)).all()
