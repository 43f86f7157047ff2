"""What evaluation measures of worlds that begin in places. The recordings here are the small world's own, so that it is
perfect, and worlds that are wrong in one way are found out.

Legend: T frames, H W image.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from small_place import FORWARD, KEYS, LEFT, NOOP, RIGHT, empty_place, small_place, small_world, thing

from genie_gym.datasets.layouts import pack
from genie_gym.datasets.video import Episode, VideoDataset, VideoWriter
from genie_gym.evaluation import drift as drifting
from genie_gym.evaluation import returns as returning
from genie_gym.evaluation import task_episodes as playing
from genie_gym.evaluation.drift import drift
from genie_gym.evaluation.fidelity import fidelity
from genie_gym.evaluation.first_views import first_views
from genie_gym.evaluation.flicker import flicker
from genie_gym.evaluation.keyboard import keyboard
from genie_gym.evaluation.layouts import layouts
from genie_gym.evaluation.light import light
from genie_gym.evaluation.measure import NOTES, EvaluateConfig, Evaluation, name_of
from genie_gym.evaluation.moments import Moment, begin_at, recorded
from genie_gym.evaluation.prompts import landmarks_in
from genie_gym.evaluation.returns import returns
from genie_gym.evaluation.task_episodes import task_episodes
from genie_gym.evaluation.walls import HELD, LAST, score_walls
from genie_gym.genie3.expert import Expert, can_solve
from genie_gym.genie3.suite import MEASURES, enter
from genie_gym.genie3.world import Genie3World
from genie_gym.places.place import Place
from genie_gym.text.prompt import Prompt
from genie_gym.text.spec import WorldSpec
from genie_gym.world import Start, steps

STEPS = 40
SPECS = [WorldSpec(scene="village", weather=weather, hour=hour) for weather, hour in (("sunny", 12.0), ("foggy", 23.0))]


@pytest.fixture(scope="module")
def world() -> Genie3World:
    return small_world()


def quiet(seed: int) -> Place:
    """A village in which nothing moves."""
    place = small_place(seed)
    things = [one for one in place.things if not one.movable and one.behaviour is None]
    return place.replace(things=tuple(things))


def played(world: Genie3World, place: Place, spec: WorldSpec, keys: Sequence[int], seed: int) -> Episode:
    """A recording of the world itself."""
    nothing = np.zeros(world.frame_shape, np.uint8)
    state = enter(world, [Moment(nothing, None, place, spec)], torch.tensor([seed]))
    seen = [state, *(step.state for step in steps(world, state.clone(), torch.tensor([keys]), by_keys=True))]
    truth = {name: np.concatenate([one.extras[name].numpy() for one in seen]) for name in ("depth", "pose", "instance")}
    truth["entities"] = np.zeros((len(seen), 1, 8), np.float32)  # nothing can move
    none = np.zeros(len(keys))
    return Episode(
        np.concatenate([one.frames.numpy() for one in seen]), np.array(keys), none.astype(np.float32), none.astype(bool),
        truth=truth, description={"spec": json.loads(spec.to_json())}, place=place,
    )  # fmt: skip


@pytest.fixture(scope="module")
def video(world, tmp_path_factory) -> VideoDataset:
    path = tmp_path_factory.mktemp("genie3") / "v.h5"
    source = {"kind": "test", "vocabulary": world.vocabulary.to_dict()}
    height, width, _ = world.frame_shape
    with VideoWriter(path, height, width, world.fps, source) as writer:
        for seed in range(4):
            rng = np.random.default_rng(seed)
            keys = [NOOP] * 4 + rng.choice([NOOP, FORWARD, LEFT, RIGHT], STEPS // 4 - 1).repeat(4).tolist()
            writer.append(played(world, quiet(seed), SPECS[seed % 2], keys, seed))
        for seed in range(66):
            scene, landmarks = ("village", "desert")[seed % 2], ("well",) if seed % 3 == 0 else ()
            spec = WorldSpec(scene=scene, weather="sunny", landmarks=landmarks)
            writer.append_layout(json.loads(spec.to_json()), small_place(100 + seed, scene=scene, landmarks=landmarks))
    return VideoDataset(path)


def evaluation(world, video: VideoDataset, clips: int = 8) -> Evaluation:
    return Evaluation(world, video, EvaluateConfig(clips=clips), np.random.default_rng(0))


def test_rows_begin_where_the_camera_was_and_under_the_light_of_then(world, video):
    moment = recorded(video, 1, 12)
    state = begin_at(world, [moment], 0, enter)
    np.testing.assert_allclose(state.extras["pose"][0], moment.pose, atol=1e-5)
    assert world.library.config.weathers[state.condition.weather[0]] == "foggy"
    assert float(state.condition.hour[0]) == 23.0
    plain = begin_at(world, [moment], 0)  # as a family does that says nothing of its own
    np.testing.assert_allclose(plain.extras["pose"][0], moment.pose, atol=1e-5)
    assert float(plain.condition.hour[0]) == 12.0


def test_keys_that_do_as_recorded_lead_to_the_same_pose(world, video):
    numbers = keyboard(evaluation(world, video), enter=enter)
    assert numbers["pose_error_m_24_p90"] < 0.05  # one may walk already where one stands still for a step
    assert numbers["pose_error_deg_24_p90"] < 0.1
    assert numbers["keyboard_rollout_psnr_10"] > 30
    assert "keyboard_readback" not in numbers
    assert numbers[NOTES] == []


def test_keys_that_turn_twice_as_far_are_found_out(video):
    dizzy = small_world()
    with torch.no_grad():
        dizzy.motion.stride.wanted[[LEFT, RIGHT], 3] *= 2
    assert keyboard(evaluation(dizzy, video), enter=enter)["pose_error_deg_24"] > 5


def wall_case(world: Genie3World) -> Episode:
    """A house that is 1.5 m ahead, and a free way."""
    ahead = empty_place(20.0, thing("building", 5.0, 0.0)).replace(spawn=(0.0, 0.0, 0.0))
    free = empty_place().replace(spawn=(-8.0, 0.0, 0.0))
    seen = [played(world, place, SPECS[0], [NOOP], 0) for place in (ahead, free)]
    packed = [pack({"spec": json.loads(SPECS[0].to_json()), "place": place.to_dict()}) for place in (ahead, free)]
    longest = max(map(len, packed))
    truth = {
        "pose": np.stack([one.truth["pose"][0] for one in seen]),
        "layout": np.stack([np.pad(one, (0, longest - len(one))) for one in packed]),
    }
    went = LAST * KEYS["forward"][2]
    told = {"free_motion": [went, went], "key": FORWARD}
    return Episode(np.stack([one.frames[0] for one in seen]), truth=truth, description=told)


def test_walls_stop_and_ways_do_not(world, video):
    numbers = score_walls(evaluation(world, video), [wall_case(world)] * 2, enter)
    assert (numbers["wall_stop_rate"], numbers["free_way_stop_rate"], numbers["wall_cases"]) == (1, 0, 2)
    assert numbers["wall_stop_rate_interval"] == (1, 1)


def test_houses_that_one_walks_through_are_found_out(video):
    ghost = small_world()
    ghost.library.occupancy.zero_()
    numbers = score_walls(evaluation(ghost, video), [wall_case(ghost)], enter)
    assert HELD > 2 * LAST
    assert numbers["wall_stop_rate"] == 0
    assert numbers[NOTES][0].startswith("one can walk through walls")


def test_cases_in_places_that_the_world_never_saw_are_left_out_and_that_is_said(world, video):
    case = wall_case(world)
    strange = empty_place(20.0, thing("building", 5.0, 0.0)).replace(base="lava").to_dict()
    layout = pack({"spec": None, "place": strange})
    other = replace(case, truth=case.truth | {"layout": np.stack([layout] * 2)})
    numbers = score_walls(evaluation(world, video), [case, other], enter)
    assert numbers["wall_cases"] == 1
    assert numbers[NOTES] == ["walls were measured on 1 of 2 cases: of the others the place is not known, or not drawn"]
    assert score_walls(evaluation(world, video), [other], enter).keys() == {NOTES}


def test_places_stay_as_they_are(world, video, monkeypatch):
    monkeypatch.setattr(returning, "SECONDS", 8)
    numbers = returns(evaluation(world, video), enter=enter)
    assert numbers["revisit_psnr_8s"] > 50 > numbers["revisit_psnr_8s_copy"]
    assert numbers["revisit_walks_8s"] == 2
    assert numbers[NOTES] == []


def test_a_place_that_changes_while_one_is_away_is_found_out(video, monkeypatch):
    class Fading(Genie3World):
        def step(self, state, actions):
            state.things.tint *= 0.99
            return super().step(state, actions)

    fading = small_world()
    fading.__class__ = Fading
    monkeypatch.setattr(returning, "SECONDS", 8)
    numbers = returns(evaluation(fading, video), enter=enter)
    assert numbers["revisit_psnr_8s"] < 40
    assert numbers[NOTES][0].startswith("places do not stay as they are")


def test_from_recorded_places_on_a_perfect_world_shows_what_was_recorded(world, video):
    numbers = fidelity(evaluation(world, video), enter=enter)
    assert numbers["rollout_psnr_10"] > numbers["copy_last_psnr_10"] + 5
    assert numbers["delta_psnr_4"] > 2
    assert (numbers["clips"], numbers[NOTES]) == (8, [])


def test_who_walks_already_goes_on_as_fast(world, video):
    keys = [video.clip_labels([(episode, 0)], STEPS)["actions"][0] for episode in range(len(video))]
    runs = [(e, t) for e, held in enumerate(keys) for t in range(9, len(held)) if (held[t - 6 : t + 1] == FORWARD).all()]
    episode, frame = runs[0]
    state = begin_at(world, [recorded(video, episode, frame)], 0, enter)
    *_, last = steps(world, state, torch.full((1, 1), FORWARD), by_keys=True)
    np.testing.assert_allclose(last.state.extras["pose"][0], video.truth(episode, "pose")[frame + 1], atol=2e-3)


def test_a_place_does_not_drift_and_a_fading_one_does(world, video, monkeypatch):
    class Fading(Genie3World):
        def step(self, state, actions):
            state.things.tint *= 0.9
            return super().step(state, actions)

    monkeypatch.setattr(drifting, "EVERY", 4)
    numbers = drift(evaluation(world, video), at=(16, 32), enter=enter)
    assert {"drift", "drift_first", "drift_frozen", "drift_16", "drift_32"} <= numbers.keys()
    fading = small_world()
    fading.__class__ = Fading
    assert drift(evaluation(fading, video), at=(16, 32), enter=enter)["drift"] > numbers["drift"]


def test_surfaces_flicker_as_recorded_ones_or_more(world, video):
    numbers = flicker(evaluation(world, video, clips=16), enter=enter)
    assert numbers["flicker_standing"] == pytest.approx(numbers["flicker_standing_real"], abs=0.2)
    assert numbers["flicker_turning"] == pytest.approx(numbers["flicker_turning_real"], abs=0.5)

    class Noisy(Genie3World):
        def drawn(self, state):
            state = super().drawn(state)
            noise = torch.randint(
                -20, 21, state.frames.shape, generator=torch.Generator().manual_seed(int(state.position[0]))
            )
            return replace(state, frames=(state.frames + noise).clamp(0, 255).to(torch.uint8))

    noisy = small_world()
    noisy.__class__ = Noisy
    assert flicker(evaluation(noisy, video, clips=16), enter=enter)["flicker"] > numbers["flicker"] + 5


def test_an_expert_solves_tasks_that_random_keys_do_not(world, video, monkeypatch):
    monkeypatch.setattr(playing, "STEPS", 140)
    near = lambda _, task: task == "reach_beacon:near"  # noqa: E731
    numbers = task_episodes(evaluation(world, video, clips=16), Expert, near)
    assert numbers["task_expert_success"] >= 0.75 > numbers["task_random_success"]
    assert numbers["task_episodes"] == 4
    assert [task for task in world.tasks if not can_solve(world, task)] == ["collect_coins", "push_crate"]


def test_light_is_compared_view_by_view(world, video):
    numbers = light(evaluation(world, video), enter=enter)
    assert numbers["light_psnr"] > 30 > numbers["light_psnr_other"] + 5
    assert numbers["light_psnr_sunny"] == numbers["light_psnr_day"]
    assert numbers["light_psnr_foggy"] == numbers["light_psnr_night"]
    assert numbers["light_views"] == 8
    dark = small_world()
    dark.library.light.gain.mul_(0.5)
    assert light(evaluation(dark, video), enter=enter)["light_psnr_sunny"] < numbers["light_psnr_sunny"] - 5


def test_first_views_are_as_sharp_as_real_ones_or_not(world, video):
    numbers = first_views(evaluation(world, video))
    assert 0.5 < numbers["sharpness"] < 2
    assert numbers["first_views"] == 4
    assert np.isfinite([numbers["patch_distance"], numbers["patch_distance_real"]]).all()
    plain = small_world()
    plain.library.albedo.fill_(128)
    plain.library.tiles.fill_(128)
    assert first_views(evaluation(plain, video))["sharpness"] < numbers["sharpness"]


def test_layouts_are_held_against_recorded_ones(world, video):
    given = evaluation(world, video, clips=12)
    given.learned_from = video
    numbers = layouts(given)
    for name in ("layout_scene_accuracy", "layout_overlap_rate", "layout_reachable"):
        assert 0 <= numbers[name] <= 1
        assert 0 <= numbers[f"{name}_real"] <= 1
    assert numbers["layout_asked_for"] == 1
    assert numbers["layout_cases"] == 12
    assert numbers["nearest_training_layout"] > 0
    few = Evaluation(world, video, EvaluateConfig(clips=12), np.random.default_rng(0))
    without = layouts(few)
    assert "nearest_training_layout" not in without
    assert any("copies was not measured" in note for note in without[NOTES])


def test_landmarks_are_counted_in_the_places_themselves(world):
    specs = [WorldSpec(scene="village", landmarks=("well",)), WorldSpec(scene="village")]
    state = world.reset(torch.arange(2), Start(prompts=[Prompt(spec) for spec in specs]))
    assert landmarks_in(world, state, specs) == [True]
    assert landmarks_in(world, state, specs[::-1]) == [False]


def test_what_cannot_be_measured_is_said(world, video, tmp_path, monkeypatch):
    """Without a simulator no walls and no prompts; and of video without places nothing that begins in them."""
    monkeypatch.setattr(returning, "SECONDS", 8)
    monkeypatch.setattr(playing, "STEPS", 4)
    monkeypatch.setattr(drifting, "EVERY", 4)
    notes, found = list[str](), {}
    quick = {"drift": partial(drift, at=(16,), enter=enter)}
    for measure in MEASURES:
        measure = quick.get(name_of(measure), measure)
        numbers = measure(evaluation(world, video, clips=2))
        notes += numbers.pop(NOTES, [])
        found |= numbers
    json.dumps(found)
    names = {
        "rollout_psnr_10",
        "flicker",
        "drift",
        "task_expert_success",
        "pose_error_m_24",
        "revisit_psnr_8s",
        "light_psnr",
        "sharpness",
        "patch_distance",
        "layout_scene_accuracy",
    }
    assert found.keys() >= names
    said = {note.partition(" w")[0] for note in notes}
    assert {"what comes into view", "walls", "whether layouts are copies", "prompts"} <= said
    height, width, _ = world.frame_shape
    with VideoWriter(tmp_path / "v.h5", height, width, world.fps, {"kind": "test"}) as writer:
        writer.append(Episode(np.zeros((30, height, width, 3), np.uint8)))
    bare = evaluation(world, VideoDataset(tmp_path / "v.h5"))
    for measure in MEASURES:
        if name_of(measure) != "task_episodes":  # which needs no video
            assert measure(bare).keys() == {NOTES}
