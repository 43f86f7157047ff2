"""Worlds and simulators in real time."""

import json

import numpy as np
import pytest
from small_place import small_world

from genie_gym.cli import main
from genie_gym.errors import GenieGymError
from genie_gym.pretrained import load_world
from genie_gym.runtime import Beginning, RealtimeSession
from genie_gym.runtime.bench import bench_realtime
from genie_gym.runtime.fitting import HEIGHTS, fitted
from genie_gym.runtime.learned import LearnedEngine


@pytest.mark.parametrize("name", ["genie1", "genie2", "genie3"])
def test_every_shipped_world_plays(name):
    session = RealtimeSession(name, size=None, output_size=(360, 640), upscaler="bicubic", seed=1)
    first = session.next_frame().drawn
    session.press("forward" if "forward" in session.engine.keys else "turn right")
    frames = [session.next_frame() for _ in range(6)]
    assert frames[-1].number == 7
    assert np.abs(frames[-1].drawn.astype(int) - first).mean() > 1
    assert session.rendering.upscaler == ("nearest" if name == "genie1" else "bicubic")
    saved = session.save()
    ahead = session.next_frame().drawn
    session.load(saved)
    assert np.array_equal(session.next_frame().drawn, ahead)


def test_who_presses_nothing_may_be_walked_by_the_prior():
    session = RealtimeSession("genie3", size=(36, 64), output_size=(36, 64), prompt="a desert", seed=2)
    session.by_itself()
    before = session.engine.pose(0).copy()
    for _ in range(48):
        session.next_frame()
    assert np.abs(session.engine.pose(0) - before).max() > 0.2
    with pytest.raises(GenieGymError, match="no prior"):
        RealtimeSession("genie1", size=None).by_itself()


def test_a_place_is_seen_from_above_and_things_have_names():
    engine = LearnedEngine(load_world("genie3", "cpu"))
    engine.join(Beginning("a village with a well", None, 3))
    seen = engine.map(0)
    assert max(map(abs, seen.player[:2])) <= seen.half
    assert {"well", "building"} <= {thing[0] for thing in seen.things}
    scene = engine.scene(0)
    assert scene.things
    assert all(0 <= one.x <= 1 and 0 <= one.y <= 1 for one in scene.things)
    assert [one.metres for one in scene.things] == sorted(one.metres for one in scene.things)
    assert scene.relations
    assert all(first < second < len(scene.things) for first, _, second in scene.relations)
    assert engine.look(0, "semantic").shape == engine.look(0, "depth").shape == engine.frame_shape


@pytest.mark.parametrize("name", ["genie1", "genie2", "genie3"])
def test_every_world_offers_starts_that_it_begins_in(name):
    engine = LearnedEngine(load_world(name, "cpu"))
    starts = engine.starts()
    assert len({start.name for start in starts}) == len(starts) >= 10
    for start in starts if name == "genie1" else (starts[0], starts[-1]):
        engine.join(start.beginning)
        if start.picture is not None:
            assert np.array_equal(engine.look(engine.num_rows - 1), start.picture)
    assert all((start.picture is None) == bool(start.beginning.prompt) for start in starts)


def test_a_size_is_found_for_worlds_that_draw_any():
    assert fitted(small_world(), (90, 160), "bicubic").frame_shape[0] in HEIGHTS
    own = load_world("genie1", "cpu")
    assert fitted(own, (720, 1280), "learned") is own


def test_a_simulator_plays_prompts_and_obeys():
    session = RealtimeSession(
        "town", size=(36, 64), output_size=(72, 128), upscaler="bicubic", prompt="a sunny village", seed=3
    )
    before = session.next_frame().drawn
    session.press("turn left")
    for _ in range(6):
        after = session.next_frame().drawn
    assert np.abs(after.astype(int) - before).mean() > 3
    assert session.event("night falls").understood
    assert session.next_frame().drawn.mean() < 0.9 * after.mean()
    assert session.engine.read("a desert", 0, False).understood
    session.prompt("a snowy forest")
    session.join(Beginning("a village", None, 5))
    session.pause(True, 1)
    still = session.engine.look(1).copy()
    assert session.next_frames()[0] is not None
    session.next_frames()
    assert np.array_equal(session.engine.look(1), still)
    with pytest.raises(GenieGymError, match="cannot be saved"):
        session.save()
    session.close()


def test_a_game_plays_with_keys_together():
    pytest.importorskip("gym3")
    session = RealtimeSession("GenieSim/CoinRun-v0", output_size=(256, 256), seed=1)
    assert session.rendering.upscaler == "nearest"
    session.press("turn right", "jump")
    first = session.next_frame().drawn
    for _ in range(10):
        frame = session.next_frame()
    assert frame.image.shape == (256, 256, 3)
    assert np.abs(frame.drawn.astype(int) - first).mean() > 1
    session.close()


def test_what_cannot_be_played_gets_a_sentence():
    for name, said in (("genie9", "unknown world"), ("Nothing-v0", "unknown environment"), ("arm", "no keys")):
        with pytest.raises(GenieGymError, match=said):
            RealtimeSession(name)
    with pytest.raises(GenieGymError, match="auto"):
        RealtimeSession("genie3", size="huge")
    with pytest.raises(GenieGymError, match="understood nothing"):
        RealtimeSession("genie3", size=(36, 64), prompt="blorp")


def test_the_bench_says_what_a_frame_takes(tmp_path):
    found = bench_realtime(LearnedEngine(small_world()), frames=12, output_size=(90, 160), upscaler="bicubic")
    assert {
        "fps",
        "frame_p95_ms",
        "input_p95_ms",
        "generation_p95_ms",
        "rendering_p95_ms",
        "late",
        "dropped",
    } <= found.keys()
    assert found["output_size"] == [90, 160]
    path = tmp_path / "speed.json"
    assert (
        main(["bench", "--realtime", "--world", "genie3", "--frames", "6", "--size", "36", "64", "--json", str(path)]) == 0
    )
    assert json.loads(path.read_text())["model_size"] == [36, 64]
