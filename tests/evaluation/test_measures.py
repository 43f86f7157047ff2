"""The measures of `genie-gym evaluate`, on worlds that are known to be right, or wrong in one way.

Legend: B rows, T time, H W image.
"""

import numpy as np
import pytest
import torch
from tiny_world import TinyWorld, centre

from genie_gym.actions import DiscreteActions
from genie_gym.datasets.video import Episode, VideoDataset, VideoWriter
from genie_gym.evaluation.control import held_actions, inferred_actions
from genie_gym.evaluation.drift import drift
from genie_gym.evaluation.fidelity import fidelity
from genie_gym.evaluation.measure import EvaluateConfig, Evaluation
from genie_gym.evaluation.metrics import PSNR_CAP, frame_statistics, statistics_distance
from genie_gym.evaluation.outcomes import outcomes
from genie_gym.provenance import Provenance

MOVES = torch.tensor([[-1.0, 0.0], [1.0, 0.0], [0.0, -1.0], [0.0, 1.0]])


class Oracle(TinyWorld):
    """Moves the square by one pixel: left, right, up or down. It reads its own moves without error."""

    actions = DiscreteActions(4)

    def step(self, state, actions):
        vectors = torch.cat([MOVES[actions] / 4, torch.zeros(len(actions), 1)], 1)
        return super().step(state, vectors)

    def infer_actions(self, frames):
        places = torch.stack([centre(frames[:, t]) for t in range(frames.shape[1])], 1)
        return (places.diff(dim=1) @ MOVES.T).argmax(-1)


class Blind(Oracle):
    """Shows a black picture whatever happens."""

    def _show(self, seed, position, place, brightness):
        state = super()._show(seed, position, place, brightness)
        state.frames = torch.zeros_like(state.frames)
        return state


class Deaf(Oracle):
    """Takes no notice of actions."""

    def step(self, state, actions):
        following, prediction = super().step(state, actions)
        following = self._show(state.seed, following.position, state.place, state.brightness)
        prediction.frames = following.frames
        return following, prediction


def square_at(place: np.ndarray, level: int = 250) -> np.ndarray:
    frame = np.zeros((48, 48, 3), np.uint8)
    x, y = place
    frame[y - 4 : y + 4, x - 4 : x + 4] = level
    return frame


def walks(path, steps: int = 24, episodes: int = 4, labels=lambda actions, rng: actions, darker: int = 0) -> VideoDataset:
    """The square's walks around the middle, so that it meets no border. Each episode may be darker than the one before."""
    rng = np.random.default_rng(0)
    with VideoWriter(path, 48, 48, 10.0, {"kind": "test"}) as writer:
        for k in range(episodes):
            actions, place, level = rng.integers(4, size=steps), np.array([24, 24]), 250 - k * darker
            frames = [square_at(place, level)]
            for t, action in enumerate(actions):
                move = MOVES[action].numpy().astype(int)
                if np.abs(place + move - 24).max() > 5:
                    actions[t], move = action ^ 1, -move
                place = place + move
                frames.append(square_at(place, level))
            writer.append(Episode(np.stack(frames), labels(actions, rng)))
    return VideoDataset(path)


def evaluation(world, data, clips: int = 8) -> Evaluation:
    return Evaluation(world, data, EvaluateConfig(clips=clips, batch_size=4), np.random.default_rng(0))


def test_a_perfect_world_is_perfectly_faithful(tmp_path):
    numbers = fidelity(evaluation(Oracle(), walks(tmp_path / "v.h5")))
    assert numbers["rollout_psnr_10"] == numbers["rollout_psnr_at_10"] == PSNR_CAP
    assert numbers["rollout_ssim_10"] == pytest.approx(1)
    assert numbers["copy_last_psnr_at_10"] < numbers["copy_last_psnr_10"] < PSNR_CAP
    assert numbers["delta_psnr_4"] > 10
    low, high = numbers["rollout_over_copy_last_interval"]
    assert 0 < low <= PSNR_CAP - numbers["copy_last_psnr_10"] <= high
    assert numbers["clips"] == 8


def test_the_tenth_frame_alone_shows_that_errors_grow(tmp_path):
    class Fading(Oracle):
        def step(self, state, actions):
            state.brightness = state.brightness - 15
            return super().step(state, actions)

    numbers = fidelity(evaluation(Fading(), walks(tmp_path / "v.h5")))
    assert numbers["rollout_psnr_at_10"] < numbers["rollout_psnr_10"] - 3


def test_a_world_that_imagines_no_things_recalls_none_of_them(tmp_path):
    class BlindGame(Blind):
        provenance = Provenance({"env_id": "GenieSim/CoinRun-v0"})

        def rebuild(self, frames):
            return frames

    gold = np.array([220, 180, 40], np.uint8)
    with VideoWriter(tmp_path / "v.h5", 48, 48, 10.0, {}) as writer:
        frames = np.stack([square_at(np.array([24, 24]))] * 20)
        writer.append(Episode(np.where(frames > 0, gold, 0).astype(np.uint8)))
    numbers = fidelity(evaluation(BlindGame(), VideoDataset(tmp_path / "v.h5")))
    assert numbers["coin_recall_10"] == 0
    assert np.isnan(numbers["coin_precision_10"])
    assert numbers["coin_recall_rebuilt"] == 1
    assert numbers["tokenizer_psnr"] == PSNR_CAP


def test_codes_that_name_the_true_actions_say_all_of_them(tmp_path):
    numbers = inferred_actions(evaluation(Oracle(), walks(tmp_path / "v.h5", 200, labels=lambda a, _: 3 - a)))
    assert numbers["code_action_mi_bits"] == pytest.approx(np.log2(numbers["code_perplexity"]), abs=1e-6)
    assert numbers["code_perplexity"] > 3.5
    assert numbers["codes_above_1_percent"] == 4


def test_codes_say_nothing_of_actions_that_had_no_effect(tmp_path):
    strangers = walks(tmp_path / "v.h5", 400, labels=lambda a, rng: rng.integers(4, size=len(a)))
    assert inferred_actions(evaluation(Oracle(), strangers))["code_action_mi_bits"] < 0.05


def test_of_true_vectors_codes_tell_a_share(tmp_path):
    vectors = walks(tmp_path / "v.h5", 200, labels=lambda a, rng: MOVES[a].numpy() + rng.normal(0, 0.5, (len(a), 2)))
    numbers = inferred_actions(evaluation(Oracle(), vectors))
    assert numbers["code_action_share"] == pytest.approx(0.5 / (0.5 + 0.25), abs=0.05)  # moves vary by 0.5, noise by 0.25
    assert "code_action_mi_bits" not in numbers


def test_held_actions_do_the_same_from_everywhere_where_they_mean_something(tmp_path):
    data = walks(tmp_path / "v.h5")
    numbers = held_actions(evaluation(Oracle(), data))
    assert numbers["code_readback"] == 1
    assert numbers["code_effect_agreement"] == pytest.approx(1)
    numbers = held_actions(evaluation(Deaf(), data))
    assert numbers["code_readback"] < 0.5  # a guess is right one time in four
    assert np.isnan(numbers["code_effect_agreement"])


def test_effects_count_over_all_the_time_that_an_action_is_held(tmp_path):
    class Late(Oracle):
        def step(self, state, actions):
            following, prediction = super().step(state, actions)
            if not state.position.any():
                following = self._show(state.seed, following.position, state.place, state.brightness)
                prediction.frames = following.frames
            return following, prediction

    assert held_actions(evaluation(Late(), walks(tmp_path / "v.h5")))["code_effect_agreement"] == pytest.approx(1)


def test_where_the_camera_stands_still_it_is_the_thing_that_counts(tmp_path):
    wall = torch.randint(0, 200, (48, 48, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    wall[..., 0] = 0  # by which the square is found

    class OnAWall(Oracle):
        def _show(self, seed, position, place, brightness):
            state = super()._show(seed, position, place, brightness)
            state.frames = torch.where(state.frames > 0, state.frames, wall)
            return state

    assert held_actions(evaluation(OnAWall(), walks(tmp_path / "v.h5")))["code_effect_agreement"] > 0.9


def test_effects_that_depend_on_the_place_alone_do_not_speak_for_the_actions(tmp_path):
    class Currents(Oracle):
        def step(self, state, actions):
            return super().step(state, state.seed % 4)

        def reset(self, seed, start=None):
            state = super().reset(seed, start)
            state.seed = state.place.sum(1).long()  # where it begins says where it goes
            return state

    numbers = held_actions(evaluation(Currents(), walks(tmp_path / "v.h5")))
    assert numbers["code_effect_agreement"] == pytest.approx(0, abs=1e-6)


def test_actions_that_change_nothing_make_no_difference(tmp_path):
    assert fidelity(evaluation(Deaf(), walks(tmp_path / "v.h5")))["delta_psnr_4"] == 0


def test_drift_compares_real_frames_with_those_imagined_so_far_ahead(tmp_path):
    """Measured again from outside, on the frames that the world showed at those times."""
    real: list[torch.Tensor] = []
    shown: dict[int, torch.Tensor] = {}

    def brightest(world, frames):
        real.append(frames)

        def of_state(state):
            shown[int(state.position[0])] = state.frames
            return state.frames.float().amax((1, 2, 3)) / 2

        return frames.float().amax((1, 2, 3)), of_state

    class Fading(Oracle):
        def step(self, state, actions):
            state.brightness = state.brightness * 0.995
            return super().step(state, actions)

    numbers = drift(evaluation(Fading(), walks(tmp_path / "v.h5", darker=20)), brightest)
    assert shown.keys() == {0, 16, 24, 48, 64, 216, 240, 256}  # and of its first and last quarter

    def statistics(frames, share):
        return np.concatenate([frame_statistics(frames), frames.float().amax((1, 2, 3))[:, None].numpy() * share], 1)

    for t in (0, 16, 64, 256):
        expected = statistics_distance(statistics(real[0], 1.0), statistics(shown[t], 0.5))
        assert numbers[f"drift_{t or 'frozen'}"] == pytest.approx(expected, rel=1e-5)


def test_drift_is_led_by_the_actions_of_real_episodes(tmp_path):
    data, played = walks(tmp_path / "v.h5"), []

    class Noting(Oracle):
        def step(self, state, actions):
            played.append(actions)
            return super().step(state, actions)

    drift(evaluation(Noting(), data))
    real = [tuple(data.episode(k).actions) for k in range(len(data))]
    rows = torch.stack(played, 1)
    assert rows.shape == (8, 256)
    for row in rows.tolist():
        assert all(tuple(row[t : t + 24]) in real for t in range(0, 240, 24))


def test_long_rollouts_are_compared_at_both_ends(tmp_path):
    """One that fades is as real as ever in its first part, not in its last; a frozen one never is less."""

    class Fading(Oracle):
        def step(self, state, actions):
            state.brightness = state.brightness * 0.999
            return super().step(state, actions)

    data = walks(tmp_path / "v.h5", darker=20)
    numbers = drift(evaluation(Fading(), data), at=(16, 600))
    assert numbers["drift"] > 2 * numbers["drift_first"]
    assert {"drift_16", "drift_600", "drift_frozen"} <= numbers.keys()
    still = drift(evaluation(Deaf(), data))
    assert still["drift_256"] == pytest.approx(still["drift_frozen"])
    assert still["drift"] == pytest.approx(still["drift_first"])


def test_worlds_that_stand_still_are_told_from_those_that_move(tmp_path):
    moving = walks(tmp_path / "moving.h5")
    with VideoWriter(tmp_path / "still.h5", 48, 48, 10.0, {}) as writer:  # but for the faintest flicker
        frames = np.stack([square_at(np.array([24, 24]))] * 20)
        frames[::2, :16] += 1
        writer.append(Episode(frames))
    still = VideoDataset(tmp_path / "still.h5")
    lively, frozen = drift(evaluation(Oracle(), moving)), drift(evaluation(Deaf(), still))
    assert (lively["still_share_64"], lively["real_still_share"]) == (0, 0)
    assert (frozen["still_share_64"], frozen["real_still_share"]) == (1, 1)


def test_a_small_ball_that_moves_is_not_still(tmp_path):
    with VideoWriter(tmp_path / "v.h5", 48, 48, 10.0, {}) as writer:
        frames = np.zeros((20, 48, 48, 3), np.uint8)
        for t in range(20):
            frames[t, 10 + t : 12 + t, 20:22] = 200
        writer.append(Episode(frames))
    assert np.abs(np.diff(frames[..., 0].astype(int), axis=0)).mean((1, 2)).max() < 0.5  # over the whole picture
    assert drift(evaluation(Deaf(), VideoDataset(tmp_path / "v.h5")))["real_still_share"] == 0


@pytest.mark.parametrize("clips", [1, 6, 8])
def test_as_many_clips_as_asked_for(clips, tmp_path):
    drawn = []

    class Counting(Oracle):
        def infer_actions(self, frames):
            drawn.append(len(frames))
            return super().infer_actions(frames)

    assert fidelity(evaluation(Counting(), walks(tmp_path / "v.h5"), clips))["clips"] == clips
    assert sum(drawn) == clips
    assert max(drawn) <= 4


def test_a_world_that_freezes_after_a_while_stands_still(tmp_path):
    class Freezing(Oracle):
        def step(self, state, actions):
            following, prediction = super().step(state, actions)
            if int(state.position[0]) > 50:
                following = self._show(state.seed, following.position, state.place, state.brightness)
            return following, prediction

    assert drift(evaluation(Freezing(), walks(tmp_path / "v.h5")))["still_share_64"] == 1


class Judge(TinyWorld):
    """Reads reward off the first pixel, and the end of the episode off the second."""

    window = 3

    def outcome_chances(self, frames):
        marks = frames[:, -1, 0, :2, 0].double() / 200
        return marks[:, 0], marks[:, 1]


def test_a_judge_who_sees_all_is_right_about_reward_and_end(tmp_path):
    rng = np.random.default_rng(0)
    with VideoWriter(tmp_path / "v.h5", 48, 48, 10.0, {}) as writer:
        for _ in range(20):
            frames, rewards, ends = np.zeros((60, 48, 48, 3), np.uint8), rng.random(59) < 0.2, np.arange(59) == 58
            frames[1:, 0, 0], frames[1:, 0, 1] = 200 * rewards[:, None], 200 * ends[:, None]
            writer.append(Episode(frames, np.zeros(59, int), rewards.astype(np.float32), ends))
    numbers = outcomes(evaluation(Judge(), VideoDataset(tmp_path / "v.h5")))
    assert numbers["reward_auc"] == numbers["termination_auc"] == 1
    assert numbers["termination_calibration_error"] == 0
    assert numbers["termination_rate_predicted"] == pytest.approx(numbers["termination_rate_real"])
    assert numbers["termination_rate_real"] == pytest.approx(1 / 58, abs=0.008)  # ends are drawn often, and weighted down


def test_what_cannot_be_measured_is_explained(tmp_path):
    with VideoWriter(tmp_path / "v.h5", 48, 48, 10.0, {}) as writer:
        for _ in range(3):
            ends = np.arange(19) == 18
            writer.append(Episode(np.zeros((20, 48, 48, 3), np.uint8), np.zeros(19, int), np.zeros(19, np.float32), ends))
    numbers = outcomes(evaluation(Judge(), VideoDataset(tmp_path / "v.h5")))
    assert np.isnan(numbers["reward_auc"])
    assert numbers["notes"] == [
        "reward_auc is nan: none of the 768 real clips ends with a reward, so there is nothing to tell apart"
    ]


def test_outcomes_are_left_out_where_world_or_video_have_none(tmp_path, video_path):
    assert outcomes(evaluation(Judge(), walks(tmp_path / "v.h5"))) == {}
    assert outcomes(evaluation(TinyWorld(), VideoDataset(video_path))) == {}
