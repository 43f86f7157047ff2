import json
import re
from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from town_words import CHARACTERS, OBJECTS, TOWN

import genie_gym  # noqa: F401
from genie_gym.cli import main
from genie_gym.datasets.record_simulator import play_episode, record_simulator
from genie_gym.datasets.recording import Recording
from genie_gym.datasets.video import VideoDataset
from genie_gym.envs.sim.town.keys import FORWARD
from genie_gym.errors import GenieGymError
from genie_gym.text.spec import WorldSpec, event_from_json
from genie_gym.text.vocabulary import Vocabulary

SIZE = (24, 32)
PAGE = Path(__file__).parents[2] / "docs" / "datasets.md"
SMALL = {"width": 32, "height": 24}
EMPTY = WorldSpec(scene="arena", without=(*OBJECTS, *CHARACTERS))


def test_town_by_the_command_with_everything_beside_the_frames(tmp_path, monkeypatch):
    """And the documentation's Python reads it."""
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
    arguments += ["--size", "24", "32", "--option", "event_rate", "240", "--twins"]
    assert main(arguments) == 0
    data = VideoDataset(out)
    assert data.num_frames >= 150
    assert data.fps == 24
    assert data.frames(0).shape[1:] == (24, 32, 3)
    assert data.source["env_id"] == "GenieSim/Town-v0"
    assert "sky" in data.source["classes"]
    assert Vocabulary.from_dict(data.source["vocabulary"]) == TOWN
    events = 0
    for index, episode in enumerate(data):
        length = len(episode.frames)
        assert len(episode.actions) == len(episode.rewards) == len(episode.terminated) == length - 1
        assert {name: values.dtype for name, values in episode.truth.items()} == {
            "depth": np.float16, "instance": np.int16, "semantic": np.uint8, "pose": np.float32, "agent": np.float32,
            "entities": np.float32, "twin": np.uint8,
        }  # fmt: skip
        assert all(len(values) == length for values in episode.truth.values())
        assert np.array_equal(data.truth(index, "pose", slice(3, 6)), episode.truth["pose"][3:6])
        assert episode.truth["entities"].shape[2:] == (8,)
        assert episode.truth["twin"].shape == episode.frames.shape
        about = episode.description
        assert about["twin_spec"]["weather"] != about["spec"]["weather"]
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
    monkeypatch.chdir(tmp_path)
    exec(re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)[-1], read := {})
    assert read["there"].any()


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


def test_twins_are_beside_the_same_frames_and_differ_from_episode_to_episode():
    recording = Recording(env_id="GenieSim/Town-v0", mix={"sticky": 1.0}, truth=("depth", "entities"), seed=3)
    twinned = replace(recording, twins=True)
    env = gym.make("GenieSim/Town-v0", obs=("rgb", "depth", "entities"), max_episode_steps=10, **SMALL)
    episodes = [play_episode(twinned, env, number) for number in range(3)]
    alone = play_episode(recording, env, 0)
    env.close()
    for name in ("depth", "entities"):
        assert np.array_equal(episodes[0].truth[name], alone.truth[name])
    assert np.array_equal(episodes[0].frames, alone.frames)
    assert "twin" not in alone.truth
    conditions = {(e.description["twin_spec"]["weather"], e.description["twin_spec"]["hour"]) for e in episodes}
    assert len(conditions) == 3
    for episode in episodes:
        assert (episode.truth["twin"] != episode.frames).mean() > 0.3


class WalksEast:
    """Holds one key, forward."""

    def __init__(self, env: gym.Env):
        self.agent = env.unwrapped.world.agent

    def begin(self) -> None:
        self.agent.yaw = 0.0

    def act(self, observation, info) -> int:
        return FORWARD


def test_a_key_held_against_a_wall_is_recorded_and_the_pose_stays(monkeypatch):
    """Actions are what was intended; what came of it is in the pose."""
    monkeypatch.setattr("genie_gym.datasets.record_simulator.make_driver", lambda env, *_: WalksEast(env))
    recording = Recording(env_id="GenieSim/Town-v0", truth=("pose",), mix={"random": 1.0})
    env = gym.make("GenieSim/Town-v0", scene="indoor_rooms", obs=("rgb", "pose"), max_episode_steps=240, **SMALL)
    episode = play_episode(recording, env, 0)
    env.close()
    assert (episode.actions == FORWARD).all()
    walked = np.linalg.norm(np.diff(episode.truth["pose"][:, :2, 3], axis=0), axis=1)
    assert walked.sum() > 1
    assert walked[-24:].sum() < 0.01


def test_a_world_where_nothing_moves_is_written_and_read(tmp_path):
    options = {"spec": EMPTY.to_json(), "width": 32, "height": 24}
    recording = Recording(
        env_id="GenieSim/Town-v0",
        env_kwargs=options,
        truth=("entities",),
        mix={"random": 1.0},
        num_envs=1,
        max_episode_steps=6,
    )
    record_simulator(recording, tmp_path / "empty.h5", 7)
    data = VideoDataset(tmp_path / "empty.h5")
    assert data.truth(0, "entities").shape == (7, 0, 8)
    assert data.truth(0, "entities", slice(2, 5)).shape == (3, 0, 8)


def test_another_recording_of_a_source_has_twins_where_it_had():
    recording = Recording(env_id="GenieSim/Town-v0", twins=True)
    assert Recording.like(recording.source, seed=1, held_out=True).twins
    assert not Recording.like({"env_id": "GenieSim/Town-v0"}).twins  # of a file from before there were any


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
        ({"env_id": "GenieSim/Arm-v0", "twins": True}, "no weather"),
        ({"truth": ("dept",)}, "Did you mean 'depth'"),
        ({"mix": {"wandr": 1.0}}, "Did you mean 'wander'"),
        ({"env_kwargs": {"scene": "dessert"}}, "Did you mean 'desert'"),
        ({"env_kwargs": {"obs": ("rgb",)}}, "--truth"),
        ({"env_kwargs": {"speed": 3}}, "does not take these options"),
    ],
)
def test_bad_recordings_are_refused_and_leave_nothing(changes, message, tmp_path):
    with pytest.raises(GenieGymError, match=message):
        record_simulator(Recording(**{"env_id": "GenieSim/Town-v0", "num_envs": 1} | changes), tmp_path / "v.h5", 10)
    assert not list(tmp_path.iterdir())


def test_files_without_ground_truth_say_so(video_path):
    data = VideoDataset(video_path)
    assert data.description(0) == {}
    assert data.episode(0).truth == {}
    with pytest.raises(GenieGymError, match="truth/depth"):
        data.truth(0, "depth")
