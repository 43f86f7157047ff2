"""Worlds in real time, for code."""

import time

import numpy as np
import pytest
import torch
from small_place import empty_place, small_world, thing

from genie_gym.errors import GenieGymError
from genie_gym.runtime import Beginning, RealtimeSession
from genie_gym.runtime.beat import Beat
from genie_gym.runtime.learned import LearnedEngine
from genie_gym.runtime.session import KEPT
from genie_gym.runtime.timings import Timings
from genie_gym.text.spec import Rule, WeatherChange
from genie_gym.world import Start

OUTPUT = (180, 320)


@pytest.fixture
def session():
    return RealtimeSession(LearnedEngine(small_world()), output_size=OUTPUT, upscaler="bicubic", prompt="a village", seed=3)


def test_frames_come_in_the_size_that_was_asked_for_and_say_how(session):
    frame = session.next_frame()
    assert frame.image.shape == (*OUTPUT, 3)
    assert frame.image.dtype == np.uint8
    assert frame.drawn.shape == session.engine.frame_shape
    told = session.told()
    assert (told["output_size"], told["model_size"]) == (list(OUTPUT), list(session.model_size))
    assert told["upscaler"] == "bicubic"
    assert all(told["stages_ms"][name]["p95"] > 0 for name in ("input", "generation", "rendering", "frame"))


def test_what_is_pressed_moves_and_its_stamp_comes_back(session):
    before = session.engine.pose(0)[:3, 3].copy()
    session.press("forward", stamp=12.5)
    session.press("forward", mouse=(0.1, 0.0), stamp=14.0)  # later, and seen in the same frame
    frames = [session.next_frame() for _ in range(12)]
    assert [frame.stamp for frame in frames[:3]] == [12.5, None, None]
    assert np.linalg.norm(session.engine.pose(0)[:2, 3] - before[:2]) > 0.2
    session.press()
    for _ in range(12):
        session.next_frame()
    stood = session.engine.pose(0)[:3, 3].copy()
    session.next_frame()
    assert np.allclose(session.engine.pose(0)[:3, 3], stood, atol=1e-3)


def test_the_mouse_turns_once_and_adds_up(session):
    def heading():
        forward = session.engine.pose(0)[:2, 2]
        return np.degrees(np.arctan2(forward[1], forward[0]))

    before = heading()
    session.press(mouse=(4.0, 0.0))
    session.press(mouse=(3.0, 0.0))
    session.next_frame()
    turned = (before - heading() + 180) % 360 - 180
    assert turned == pytest.approx(7.0, abs=1.0)
    after = heading()
    session.next_frame()
    assert heading() == pytest.approx(after, abs=1e-2)


def test_what_a_start_schedules_happens_in_its_step_and_again_after_going_back(session):
    session.begin(Beginning("a sunny village", events=((3, "night falls"), (5, WeatherChange("snowy")))))
    frames = [session.next_frame() for _ in range(6)]
    assert [frame.number for frame in frames if frame.events] == [3, 5]
    assert frames[2].drawn.mean() < 0.8 * frames[1].drawn.mean()
    session.rewind(0)
    again = [session.next_frame() for _ in range(6)]
    assert [frame.number for frame in again if frame.events] == [3, 5]
    calm = RealtimeSession("genie1", size=None)
    with pytest.raises(GenieGymError, match="nothing happens in genie1"):
        calm.begin(Beginning(events=((3, "night falls"),)))


def test_going_back_brings_the_same_and_other_keys_another_branch(session):
    for _ in range(48):
        session.next_frame()
    saved = session.save()
    session.press("forward")
    first = [session.next_frame().drawn for _ in range(5)]
    session.load(saved)
    again = [session.next_frame().drawn for _ in range(5)]
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
    session.load(saved)
    session.press("turn left")
    assert not np.array_equal(session.next_frame().drawn, first[0])
    assert session.rewind(30) == 24
    assert session.next_frame().number == 25
    assert session.moments() == [0, 24]
    with pytest.raises(GenieGymError, match="no moment"):
        session.rewind(-1)


def test_moments_stay_few_and_reach_to_the_beginning(session):
    for _ in range(24 * (KEPT + 30)):
        session.players[0].number += 1
        if session.players[0].number % 24 == 0:
            session._remember(0)
    kept = session.moments()
    assert len(kept) <= KEPT
    assert kept[0] == 0
    assert kept[-1] == 24 * (KEPT + 30)
    assert max(b - a for a, b in zip(kept[-6:], kept[-5:], strict=False)) <= 48  # finer near now


def test_rows_come_and_go_and_do_not_mind_each_other(session):
    alone = RealtimeSession(LearnedEngine(small_world()), output_size=OUTPUT, upscaler="bicubic", prompt="a village", seed=3)
    first, second = session.join(Beginning("a desert", None, 5)), session.join(Beginning("a village", None, 9))
    assert (first, second) == (1, 2)
    session.press("turn left", row=1)
    for one in (session, alone):
        one.press("forward")
    for _ in range(4):
        together, own = session.next_frames(), alone.next_frame()
        assert np.array_equal(together[0].drawn, own.drawn)
    session.leave(1)
    assert len(session.next_frames()) == 2
    assert session.players[1].beginning.seed == 9
    with pytest.raises(GenieGymError, match="row 2"):
        session.press("forward", row=2)


def test_a_tap_shorter_than_a_frame_counts(session):
    before = session.engine.pose(0)[:3, 3].copy()
    session.press("forward")
    session.press()
    session.next_frame()
    assert np.linalg.norm(session.engine.pose(0)[:3, 3] - before) > 0.01


def test_what_changes_while_a_row_stands_still_shows(session):
    for _ in range(30):
        session.next_frame()
    session.pause()
    assert session.next_frames() == [None]
    session.look_at("depth")
    shown = session.next_frame()
    assert (shown.number, shown.action) == (30, None)
    assert not np.array_equal(shown.image, session.rendering.render(shown.drawn))
    session.look_at("rgb")
    assert session.rewind(25) == 24
    assert session.next_frame().number == 24
    session.reset()
    assert session.next_frame().number == 0
    assert session.players[0].paused
    assert session.next_frames() == [None]


def test_a_kept_moment_brings_back_the_world_it_is_of(session):
    saved = session.save()
    session.prompt("a desert", seed=9)
    for _ in range(30):
        session.next_frame()
    session.load(saved)
    assert session.players[0].beginning.prompt == "a village"
    assert session.moments() == [0]


def test_a_row_can_stand_still_and_go_on(session):
    session.join(Beginning("a village", None, 4))
    session.pause(True, 1)
    session.press("forward", row=1)
    before = session.engine.pose(1).copy()
    frames = session.next_frames()
    assert frames[0] is not None
    assert frames[1] is None
    assert np.array_equal(session.engine.pose(1), before)
    session.pause(True, 1, steps=1)
    assert [session.next_frames()[1] is None for _ in range(2)] == [False, True]
    session.pause(True, 0)
    assert session.next_frames() == [None, None]


def test_prompts_events_and_views(session):
    report = session.prompt("a snowy desert")
    assert report.understood
    report = session.event("it starts to rain")
    assert report.understood
    session.look_at("depth")
    depth = session.next_frame()
    session.look_at("rgb")
    assert np.abs(depth.image.astype(int) - session.next_frame().image).mean() > 5
    for wrong in (lambda: session.event("blorp"), lambda: session.prompt("blorp"), lambda: session.look_at("x-rays")):
        before = session.players[0].number
        with pytest.raises(GenieGymError):
            wrong()
        assert session.next_frame().number == before + 1
    with pytest.raises(GenieGymError, match="no key"):
        session.press("fly")


def test_an_episode_that_ends_begins_anew(session):
    world = session.engine.world
    begun = world.reset(torch.tensor([0]), Start(places=[empty_place(20.0, thing("tree", 2.5, 0))]))
    session.engine.load(0, world.apply_events(begun, [Rule("tree", reward=1.0, ends=True)]))
    session.press("forward")
    frames = []
    while not (frames and frames[-1].over):
        frames.append(session.next_frame())
        assert len(frames) < 60
    assert (frames[-1].reward, frames[-1].score) == (1.0, 1.0)
    assert frames[-1].action is not None
    assert session.next_frame().number == 1
    assert session.players[0].beginning.seed == 4


def test_the_beat_is_steady_and_counts_what_it_leaves_out():
    beat = Beat(100.0)
    begin = time.perf_counter()
    for _ in range(10):
        beat.wait()
    assert time.perf_counter() - begin >= 0.089
    time.sleep(0.055)
    beat.wait()
    assert beat.dropped >= 4


def test_timings_are_percentiles_of_the_last():
    timings = Timings(window=100)
    for number in range(1000):
        timings.note("x", number / 1e3)
    found = timings.percentiles_ms("x")
    assert found["p50"] == pytest.approx(949.5)
    assert found["p99"] <= 999
    assert np.isnan(timings.percentiles_ms("nothing")["p50"])
