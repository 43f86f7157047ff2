"""Held-out video is another recording of a world's own source."""

import json
import sys
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from tiny_world import TinyWorld

from genie_gym.cli import main
from genie_gym.datasets.recording import HELD_OUT_SEED, Recording
from genie_gym.datasets.video import VideoDataset
from genie_gym.envs.packages import import_modules
from genie_gym.errors import GenieGymError
from genie_gym.evaluation import held_out
from genie_gym.evaluation.held_out import held_out_video
from genie_gym.provenance import Provenance


def world_of(recording: Recording, height: int, width: int) -> TinyWorld:
    world = TinyWorld()
    world.provenance, world.frame_shape = Provenance(recording.source), (height, width, 3)
    return world


def test_held_out_levels_are_none_of_the_training_levels(tmp_path):
    pytest.importorskip("gym3")
    options = {"start_level": 0, "num_levels": 10_000, "use_backgrounds": False, "restrict_themes": True}
    trained = Recording(env_id="GenieSim/CoinRun-v0", env_kwargs=options, max_episode_steps=50, mix={"random": 1.0})
    path = held_out_video(world_of(trained, 64, 64), 400, tmp_path)
    source = VideoDataset(path).source
    assert source["env_kwargs"] == options | {"start_level": 500_000_000, "num_levels": 1000}
    assert (source["mix"], source["max_episode_steps"], source["held_out"]) == ({"random": 1.0}, 50, True)
    assert VideoDataset(path).lengths.max() <= 51
    written = path.stat().st_mtime_ns
    assert held_out_video(world_of(trained, 64, 64), 400, tmp_path).stat().st_mtime_ns == written  # once is enough


@pytest.mark.parametrize("env_id", ["GenieSim/Town-v0", "GenieSim/Arm-v0", "GenieSim/BigFish-v0", "CartPole-v1"])
def test_any_source_is_held_out_at_the_size_and_cut_off_it_was_recorded_at(env_id, tmp_path):
    if env_id == "GenieSim/BigFish-v0":
        pytest.importorskip("gym3")
    trained = Recording(env_id=env_id, size=(32, 48), max_episode_steps=12, num_envs=2, mix={"sticky": 1.0})
    data = VideoDataset(held_out_video(world_of(trained, 32, 48), 30, tmp_path))
    assert (data.height, data.width) == (32, 48)
    assert data.lengths.max() <= 13
    assert {episode.behaviour for episode in data} == {"sticky"}
    if env_id == "GenieSim/Town-v0":
        assert all(data.description(k)["seed"] >= 0 for k in range(len(data)))


def test_ground_truth_that_a_world_is_evaluated_on_is_recorded_with_it(tmp_path, monkeypatch):
    recorded = []

    def record(recording, path, *_, **__):
        recorded.append(recording.truth)
        path.touch()

    monkeypatch.setattr(held_out, "record", record)
    world = world_of(Recording(env_id="GenieSim/Town-v0"), 32, 48)
    plain = held_out_video(world, 8, tmp_path)
    world.truth = ("depth", "pose")
    with_truth = held_out_video(world, 8, tmp_path)
    assert recorded == [(), ("depth", "pose")]
    assert with_truth != plain
    world.truth = ("deep",)
    with pytest.raises(GenieGymError, match="Did you mean 'depth'"):
        held_out_video(world, 8, tmp_path)


def test_worlds_that_begin_in_places_are_evaluated_in_many_of_them(tmp_path, monkeypatch):
    monkeypatch.setattr(held_out, "PLACE_STEPS", 3)
    monkeypatch.setattr(held_out, "FRAMES_A_LAYOUT", 5)
    world = world_of(Recording(env_id="GenieSim/Town-v0", num_envs=1, size=(18, 32), mix={"sticky": 1.0}), 18, 32)
    world.takes_places, world.takes_frames = True, False
    world.infer_actions = None  # nothing is read off frames that it does not take
    data = VideoDataset(held_out_video(world, 10, tmp_path))
    assert data.lengths.tolist() == [4, 4, 4]
    assert len(data.layouts) == 3 + 2


def test_seeds_are_held_out_where_there_are_no_levels():
    held_out = Recording(env_id="CartPole-v1", held_out=True)
    assert held_out.first_seed == HELD_OUT_SEED > 2**31 - 1 >= Recording(env_id="CartPole-v1").first_seed
    coinrun = Recording(env_id="GenieSim/CoinRun-v0", held_out=True)
    assert (coinrun.first_seed, coinrun.options["start_level"]) == (0, 500_000_000)


def test_worlds_of_video_files_ask_for_data():
    world = TinyWorld()
    world.provenance = replace(world.provenance, source={"kind": "videos"})
    with pytest.raises(GenieGymError, match="pass --data"):
        held_out_video(world)


@pytest.mark.parametrize("source", ["CartPole-v1", "arm"])
def test_from_recording_to_evaluation_without_data(source, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    video, run, numbers = tmp_path / "v.h5", tmp_path / "run", tmp_path / "numbers.json"
    size = ["--size", "32", "40", "--num-envs", "2", "--max-episode-steps", "30"]
    assert main(["record", "--source", source, "--out", str(video), "--frames", "150", *size, "--mix", "sticky"]) == 0
    steps = ["--steps", "tokenizer", "2", "dynamics", "2", "heads", "2", "--device", "cpu"]
    assert main(["train", "--data", str(video), "--out", str(run), "--preset", "debug", *steps]) == 0
    arguments = ["evaluate", str(run / "world"), "--held-out-frames", "200", "--clips", "8", "--json", str(numbers)]
    assert main([*arguments, "--device", "cpu"]) == 0
    assert np.isfinite(json.loads(numbers.read_text())["rollout_psnr_10"])


MINE = """
import pathlib
import gymnasium as gym
import numpy as np

pathlib.Path({trace!r}).touch()


class Mine(gym.Env):
    metadata = {{"render_modes": ["rgb_array"]}}
    observation_space = gym.spaces.Dict({{"eye": gym.spaces.Box(0, 255, (16, 16), np.uint8)}})
    action_space = gym.spaces.Discrete(2)
    render_mode = None

    def __init__(self, render_mode=None):
        self.render_mode = render_mode

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return {{"eye": np.zeros((16, 16), np.uint8)}}, {{}}

    def step(self, action):
        self.steps += 1
        return {{"eye": np.full((16, 16), self.steps, np.uint8)}}, 0.0, self.steps == 5, False, {{}}

    def render(self):
        return np.full((8, 8, 3), 200, np.uint8)


gym.register("Mine-v0", entry_point=Mine)
"""


@pytest.mark.parametrize("how", ["--import", "module:id"])
def test_what_was_imported_is_stored_and_imported_again_only_when_asked_to(how, tmp_path, monkeypatch, capsys):
    module, trace = f"mine_{how.strip('-').replace(':', '_')}", tmp_path / "imported"
    (tmp_path / f"{module}.py").write_text(MINE.format(trace=str(trace)))
    monkeypatch.chdir(tmp_path)
    source = ["--source", "Mine-v0", "--import", module] if how == "--import" else ["--source", f"{module}:Mine-v0"]
    arguments = ["--out", "v.h5", "--frames", "20", "--num-envs", "2", "--image-key", "eye"]
    assert main(["record", *source, *arguments]) == 0
    stored = VideoDataset("v.h5").source
    assert (stored["env_id"], stored["imports"], stored["image_key"]) == ("Mine-v0", [module], "eye")
    # Another day, another process: nothing is imported yet.
    trace.unlink()
    monkeypatch.delitem(sys.modules, module)
    monkeypatch.delitem(gym.registry, "Mine-v0")
    world = TinyWorld()
    world.frame_shape = (16, 16, 3)
    for told in (stored, {**stored, "imports": [], "env_id": f"{module}:Mine-v0"}):  # the second: written by hand, to trick
        world.provenance = replace(world.provenance, source=told)
        with pytest.raises(GenieGymError, match=f"pass --import {module}"):
            held_out_video(world, 20, tmp_path)
        assert not trace.exists()
    import_modules([module])
    data = VideoDataset(held_out_video(world, 20, tmp_path))
    assert data.frames(0)[:, 0, 0].tolist() == [[k] * 3 for k in range(6)]


def test_packages_that_are_well_known_need_no_telling(tmp_path):
    pytest.importorskip("minigrid")
    trained = Recording(env_id="MiniGrid-Empty-5x5-v0", num_envs=1, mix={"random": 1.0}, size=(16, 16))
    assert trained.source["imports"] == ["minigrid"]
    data = VideoDataset(held_out_video(world_of(trained, 16, 16), 20, tmp_path))
    assert data.source["held_out"]
