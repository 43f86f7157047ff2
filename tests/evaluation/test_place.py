"""The measures of places, on a room that is known exactly, and on worlds that are wrong in one way.

Legend: B rows, H W image.
"""

import copy
import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from place_world import CAMERA, KEYS, PlaceWorld, at, draw, room_video, walk

import genie_gym.evaluation.revisits as revisiting
from genie_gym.datasets.video import Episode, VideoDataset, VideoWriter
from genie_gym.errors import GenieGymError
from genie_gym.evaluation.ahead import ahead
from genie_gym.evaluation.drift import drift
from genie_gym.evaluation.fidelity import fidelity
from genie_gym.evaluation.keyboard import difference, keyboard, stillness
from genie_gym.evaluation.measure import NOTES, EvaluateConfig, Evaluation
from genie_gym.evaluation.place import Clips
from genie_gym.evaluation.revisits import revisits, score_walks
from genie_gym.evaluation.walks import SCRIPTS, walk_keys
from genie_gym.evaluation.walls import LAST, score_walls
from genie_gym.evaluation.walls import walls as walls_measure
from genie_gym.genie2.suite import MEASURES
from tests.tiny_world import TinyWorld

NUMBERS = {name: number for number, name in enumerate(KEYS)}


class Frozen(PlaceWorld):
    def step(self, state, actions):
        return super().step(state, torch.zeros_like(actions))


class Blurred(PlaceWorld):
    def show(self, place):
        frames, depth = draw(place)
        soft = F.avg_pool2d(frames.movedim(-1, 1).float(), 7, 1, 3, count_include_pad=False)
        return soft.to(torch.uint8).movedim(1, -1), depth


class Ghost(PlaceWorld):
    solid = False


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """Video of the room, and what `learn` was told of it."""
    teacher = PlaceWorld()
    return room_video(tmp_path_factory.mktemp("room") / "v.h5", teacher), teacher.places


def evaluation(room, kind=PlaceWorld, clips: int = 24) -> Evaluation:
    data, places = room
    world = kind()
    world.places = places
    return Evaluation(world, data, EvaluateConfig(clips=clips, batch_size=8), np.random.default_rng(0))


def test_a_perfect_world_is_perfect_where_it_has_seen_and_where_it_has_not(room):
    numbers = ahead(evaluation(room))
    for name in ("rollout_psnr_at_48", "rollout_psnr_covered_10", "rollout_psnr_uncovered_10", "rollout_psnr_uncovered_24"):
        assert numbers[name] > 50, name
    low, high = numbers["rollout_psnr_uncovered_10_interval"]
    assert low <= numbers["rollout_psnr_uncovered_10"] <= high
    assert numbers["copy_last_psnr_at_48"] < 20
    assert numbers["sharpness_uncovered"] == pytest.approx(1, abs=0.01)
    assert (
        numbers["patch_distance_uncovered"]
        < 0.2
        < numbers["patch_distance_uncovered_real"]
        < numbers["patch_distance_uncovered_mist"]
    )
    assert numbers["sharpness_uncovered_mist"] < 0.5
    assert numbers["depth_absrel"] < 1e-3
    assert numbers["depth_absrel_at_10"] < 2e-3
    assert numbers["depth_rmse_log"] < 1e-3
    assert numbers["notes"] == []


def test_a_frozen_world_is_as_good_as_copying(room):
    numbers = ahead(evaluation(room, Frozen))
    assert numbers["rollout_psnr_at_48"] == pytest.approx(numbers["copy_last_psnr_at_48"])
    assert numbers["depth_absrel"] < 1e-3
    assert numbers["depth_absrel_at_10"] > 0.02


def test_blur_shows_in_sharpness_and_patches(room):
    numbers = ahead(evaluation(room, Blurred))
    assert numbers["sharpness_uncovered"] < 0.5
    assert numbers["patch_distance_uncovered"] > numbers["patch_distance_uncovered_real"]
    assert any(note.startswith("what comes into view is blurred") for note in numbers["notes"])


def test_depth_that_is_wrong_by_a_tenth_is_told(room):
    class Deep(PlaceWorld):
        def show(self, place):
            frames, depth = draw(place)
            return frames, 1.1 * depth

    numbers = ahead(evaluation(room, Deep))
    assert numbers["depth_absrel"] == pytest.approx(0.1, abs=1e-3)
    assert numbers["depth_rmse_log"] == pytest.approx(np.log(1.1), abs=1e-3)


def test_video_without_truth_is_not_measured_and_that_is_said(tmp_path):
    with VideoWriter(tmp_path / "v.h5", CAMERA.height, CAMERA.width, 24.0, {}) as writer:
        writer.append(Episode(np.zeros((60, CAMERA.height, CAMERA.width, 3), np.uint8)))
    given = evaluation((VideoDataset(tmp_path / "v.h5"), {}))
    for measure in (ahead, keyboard):
        numbers = measure(given)
        assert numbers.keys() == {"notes"}
        assert "record it with --truth depth pose" in numbers["notes"][0]


def test_clips_end_before_anything_happens(room):
    given = evaluation(room)
    given.data = copy.copy(given.data)
    given.data.calm = np.full(len(given.data), 10)
    for drawn in (Clips.draw(given, 50, 8), Clips.draw_standing(given, 20, 8)):
        assert max(start for _, start in drawn.windows) == 2


@pytest.mark.parametrize("measure", [ahead, keyboard, walls_measure, revisits])
def test_a_world_that_is_no_place_is_refused_before_anything_is_played(room, measure):
    with pytest.raises(GenieGymError, match="a tiny world has no camera"):
        measure(Evaluation(TinyWorld(), room[0], EvaluateConfig(), np.random.default_rng(0)))


def test_video_that_is_too_short_is_refused_before_anything_is_played(tmp_path):
    class Untouched(PlaceWorld):
        def reset(self, seed, start=None):
            raise AssertionError("it is played")

    given = evaluation((room_video(tmp_path / "v.h5", PlaceWorld(), steps=30), {}), Untouched)
    with pytest.raises(GenieGymError, match="has 49 frames; the longest has 31: record longer ones"):
        MEASURES[0](given)


def test_keys_that_do_as_in_reality_lead_to_the_same_place(room):
    numbers = keyboard(evaluation(room))
    assert numbers["keyboard_rollout_psnr_10"] > 50 > numbers["keyboard_copy_psnr_10"] + 20
    assert numbers["pose_error_m_24_p90"] < 1e-3
    assert numbers["pose_error_deg_24_p90"] < 0.01
    assert numbers["notes"] == []


def test_keys_that_turn_twice_as_far_are_found_out(room):
    class Dizzy(PlaceWorld):
        def key_actions(self, state, keys):
            return super().key_actions(state, keys) * torch.tensor([1, 1, 1, 1, 2, 1])

    numbers = keyboard(evaluation(room, Dizzy))
    assert numbers["pose_error_deg_24"] > 5
    assert numbers["notes"][0].startswith("keys lead elsewhere")


def test_standing_still_changes_nothing_or_says_by_how_much(room):
    class Flickering(PlaceWorld):
        def step(self, state, actions):
            following, prediction = super().step(state, actions)
            if int(following.position[0]) == 30:
                following.frames[0, 0, 0, 0] ^= 4
            return following, prediction

    assert stillness(evaluation(room)) == {"still_change": 0, "notes": []}
    numbers = stillness(evaluation(room, Flickering))
    assert numbers["still_change"] == 4
    assert "up to 4 grey levels" in numbers["notes"][0]


def test_what_all_worlds_share_works_for_vectors_of_motion(room):
    numbers = fidelity(evaluation(room))
    assert numbers["rollout_psnr_10"] > 50
    assert numbers["delta_psnr_4"] > 5
    numbers = drift(evaluation(room), share=1 / 16)
    assert numbers.keys() >= {"drift_16", "drift_64", "drift_256", "still_share_64"}


def wall_cases(world: PlaceWorld) -> list[Episode]:
    """The wall at z = 10 from 1 m before where one stops, and free ways towards it."""
    cases = []
    for x in (-3.0, 0.0, 3.0):
        poses = torch.stack([at(x, 8.5, 0), at(x - 1.5, -5, 0)])
        frames, _ = draw(poses)
        world.learn(frames.numpy(), poses)
        free = LAST * 0.125
        cases.append(Episode(frames.numpy(), description={"free_motion": [free, free], "key": NUMBERS["forward"]}))
    return cases


@pytest.mark.parametrize(("kind", "stops"), [(PlaceWorld, 1.0), (Ghost, 0.0)])
def test_walls_stop_bodies_and_no_ghosts(room, kind, stops):
    given = evaluation(room, kind)
    numbers = score_walls(given, wall_cases(given.world))
    assert (numbers["wall_stop_rate"], numbers["free_way_stop_rate"], numbers["wall_cases"]) == (stops, 0, 3)
    assert bool(numbers["notes"]) == (stops == 0)


def test_a_world_that_never_moves_stops_where_it_must_not(room):
    given = evaluation(room, Frozen)
    numbers = score_walls(given, wall_cases(given.world))
    assert numbers["free_way_stop_rate"] == 1
    assert numbers["notes"][0].startswith("it stops where nothing is in the way")


@pytest.mark.parametrize("steps", [120, 480])
@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_leave_and_come_back_in_time(script, steps):
    for seed in range(5):
        keys = walk_keys(script, steps, NUMBERS, np.random.default_rng(seed))
        poses = walk(at(0, 0, 0), keys)
        assert len(keys) == steps
        metres, degrees = difference(poses[:1], poses[-1:])
        assert metres < 0.01
        assert 4 < degrees < 16
        looks = (poses[:, :3, 2] @ poses[0, :3, 2]).numpy()
        assert (looks < -0.99).any()  # the other way
        assert (looks[int(0.4 * steps) : int(0.6 * steps)] < 0.01).all()  # and for a while


def walks(world: PlaceWorld) -> list[Episode]:
    """Turns away and back, in the room; a thing that moves stands in the picture on return."""
    out = []
    for k in range(4):
        keys = walk_keys(SCRIPTS[k % 3], 120, NUMBERS, np.random.default_rng(k))
        poses = walk(at(-2.0 + k, -3, 10.0 * k), keys)[[0, -1, -1]]
        frames, depth = draw(poses)
        world.learn(frames[:1].numpy(), poses[:1])
        instance = np.zeros(depth.shape, np.int16)
        instance[1, 10:20, 10:20], frames[1, 10:20, 10:20] = 7, 255
        frames[2, 20:30] = 0  # the second run
        truth = {"depth": depth.numpy(), "pose": poses.numpy(), "instance": instance}
        out.append(Episode(frames.numpy(), truth=truth, description={"keys": keys.tolist(), "moving": [7]}))
    return out


class Forgetful(PlaceWorld):
    def without_memory(self):
        world = Blurred()
        world.places = self.places
        return world


def test_a_place_that_stays_is_the_same_on_return(room):
    given = evaluation(room, Forgetful)
    numbers = score_walks(given, walks(given.world), "5s")
    assert numbers["revisit_psnr_5s"] > 35  # the mover does not count
    assert numbers["revisit_ssim_5s"] > 0.95
    assert numbers["revisit_psnr_5s_copy"] < 25
    assert numbers["revisit_psnr_5s_simulator"] < 20
    gain = numbers["revisit_psnr_5s"] - numbers["revisit_psnr_5s_no_memory"]
    assert gain == pytest.approx(numbers["revisit_psnr_5s_over_no_memory"], abs=1e-3)
    assert numbers["revisit_psnr_5s_over_no_memory_interval"][0] > 5
    assert numbers["revisit_pose_error_m_5s"] < 0.01
    assert (numbers["revisit_walks_5s"], numbers["revisit_off_way_5s"], numbers["revisit_unseen_5s"]) == (4, 0, 0)


def test_walks_that_end_elsewhere_are_counted(room):
    given = evaluation(room)
    cases = walks(given.world)
    away = torch.stack([at(0, -3, 0), at(0, -3, 180), at(0, -3, 180)])
    cases[0].truth["pose"], cases[0].truth["depth"] = away.numpy(), draw(away)[1].numpy()
    numbers = score_walks(given, cases, "5s")
    assert (numbers["revisit_off_way_5s"], numbers["revisit_unseen_5s"]) == (1, 1)
    assert np.isfinite(numbers["revisit_psnr_5s"])


@pytest.mark.parametrize(("kind", "notes"), [(Forgetful, []), (PlaceWorld, ["places are not remembered"])])
def test_short_and_long_walks_are_measured_and_memory_must_help(room, monkeypatch, kind, notes):
    given, asked = evaluation(room, kind, clips=96), []
    cases = walks(given.world)

    def made(world, name, count, play, cache):
        asked.append((name, count))
        return cases

    monkeypatch.setattr(revisiting, "can_script", lambda world: True)
    monkeypatch.setattr(revisiting, "scripted_cases", made)
    numbers = revisits(given)
    assert asked == [("walks-120", 24), ("walks-480", 6), ("walks-1440", 2)]
    assert [note.partition(":")[0] for note in numbers["notes"]] == notes
    assert numbers["revisit_psnr_60s"] == numbers["revisit_psnr_20s"] == numbers["revisit_psnr_5s"] > 35


def test_what_the_family_measures_is_said_to_be_missing_where_it_is(room):
    """No walks and walls without a simulator; everything else is there, as numbers that JSON can hold."""
    given, results, notes = evaluation(room), {}, []
    for measure in MEASURES:
        found = measure(given)
        notes += found.pop(NOTES, [])
        results |= found
    assert [note.partition(" were not measured")[0].partition(" was not measured")[0] for note in notes] == [
        "walls",
        "coming back",
        "flicker",
        "classes",
        "scene graphs",
        "prompts",
    ]
    json.dumps(results)
    assert results.keys() >= {"rollout_psnr_10", "action_spread", "pose_error_m_24", "still_change", "drift_256"}
