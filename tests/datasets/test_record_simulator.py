import json
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest

import genie_gym  # noqa: F401
from genie_gym.cli import main
from genie_gym.datasets.record_simulator import play_episode, record_simulator
from genie_gym.datasets.recording import Recording
from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError
from genie_gym.text.spec import WorldSpec, event_from_json

SIZE = (24, 32)
SMALL = {"width": 32, "height": 24}


def test_town_by_the_command_with_everything_beside_the_frames(tmp_path):
    out = tmp_path / "town.h5"
    arguments = [
        "record",
        "--source",
        "town",
        "--out",
        str(out),
        "--frames",
        "150",
        "--max-episode-steps",
        "40",
        "--num-envs",
        "2",
    ]
    arguments += ["--size", "24", "32", "--option", "event_rate", "240"]
    assert main(arguments) == 0
    data = VideoDataset(out)
    assert data.num_frames >= 150
    assert data.fps == 24
    assert data.frames(0).shape[1:] == (24, 32, 3)
    assert data.source["env_id"] == "GenieSim/Town-v0"
    assert "sky" in data.source["classes"]
    events = 0
    for index, episode in enumerate(data):
        length = len(episode.frames)
        assert len(episode.actions) == len(episode.rewards) == len(episode.terminated) == length - 1
        assert {name: values.dtype for name, values in episode.truth.items()} == {
            "depth": np.float16, "instance": np.int16, "semantic": np.uint8, "pose": np.float32, "agent": np.float32,
        }  # fmt: skip
        assert all(len(values) == length for values in episode.truth.values())
        assert np.array_equal(data.truth(index, "pose", slice(3, 6)), episode.truth["pose"][3:6])
        about = episode.description
        assert WorldSpec.from_json(json.dumps(about["spec"])).seed == about["seed"]
        assert np.array(about["intrinsics"]).shape == (3, 3)
        assert {"id", "class", "centre", "size", "rotation"} <= set(about["scene_graph"][0])
        for step, text in about["events"]:
            assert 0 < step <= length
            event_from_json(text)
            events += 1
        assert episode.behaviour in ("sticky", "wander", "expert")
    assert events > 3
    data.close()
    assert main([*arguments, "--resume"]) == 0  # there is enough already
    assert main([*arguments, "--resume", "--held-out"]) == 2  # the file would say one thing and hold another
    assert VideoDataset(out).num_frames == data.num_frames


def test_the_recording_does_not_depend_on_the_number_of_workers(tmp_path):
    recording = Recording(
        env_id="GenieSim/Arm-v0",
        mix={"wander": 0.5, "random": 0.5},
        truth=("depth", "agent"),
        max_episode_steps=12,
        seed=4,
        size=SIZE,
    )
    for workers in (1, 2):
        record_simulator(replace(recording, num_envs=workers), tmp_path / f"{workers}.h5", 50)
    one, two = (list(VideoDataset(tmp_path / f"{workers}.h5")) for workers in (1, 2))
    assert len(one) == len(two) == 4
    for a, b in zip(one, two, strict=True):
        assert np.array_equal(a.frames, b.frames)
        assert np.array_equal(a.actions, b.actions)
        assert np.array_equal(a.truth["depth"], b.truth["depth"])
    record_simulator(replace(recording, num_envs=1), tmp_path / "2.h5", 100, resume=True)
    longer = list(VideoDataset(tmp_path / "2.h5"))
    assert len(longer) == 8
    assert np.array_equal(longer[3].frames, one[3].frames)
    assert not np.array_equal(longer[4].frames, one[0].frames)


def test_actions_lead_to_the_frame_after_them():
    recording = Recording(env_id="GenieSim/Town-v0", mix={"random": 1.0}, truth=("agent",))
    env = gym.make("GenieSim/Town-v0", obs=("rgb", "agent"), max_episode_steps=30, scene="arena", **SMALL)
    episode = play_episode(recording, env, 0)
    env.close()
    turned = np.diff(np.unwrap(episode.truth["agent"][:, 3]))
    assert np.array_equal(turned > 0.01, episode.actions == 3)  # turn left
    assert np.array_equal(turned < -0.01, episode.actions == 4)


def test_an_expert_without_a_task_gets_one():
    recording = Recording(env_id="GenieSim/Town-v0", mix={"expert": 1.0}, truth=())
    env = gym.make("GenieSim/Town-v0", obs=("rgb", "agent"), max_episode_steps=20, **SMALL)
    tasks = {play_episode(recording, env, k).description["instruction"] for k in range(5)}
    env.close()
    assert "" not in tasks
    assert len(tasks) >= 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"truth": ("dept",)}, "Did you mean 'depth'"),
        ({"mix": {"wandr": 1.0}}, "Did you mean 'wander'"),
        ({"env_kwargs": {"scene": "dessert"}}, "Did you mean 'desert'"),
        ({"env_kwargs": {"obs": ("rgb",)}}, "--truth"),
        ({"env_kwargs": {"speed": 3}}, "does not take these options"),
    ],
)
def test_bad_recordings_are_refused_and_leave_nothing(changes, message, tmp_path):
    with pytest.raises(GenieGymError, match=message):
        record_simulator(Recording(env_id="GenieSim/Town-v0", num_envs=1, **changes), tmp_path / "v.h5", 10)
    assert not list(tmp_path.iterdir())


def test_files_without_ground_truth_say_so(video_path):
    data = VideoDataset(video_path)
    assert data.description(0) == {}
    assert data.episode(0).truth == {}
    with pytest.raises(GenieGymError, match="truth/depth"):
        data.truth(0, "depth")
