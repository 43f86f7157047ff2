"""Datasets of other libraries as recordings. LeRobot's are in test_lerobot.py."""

import json
import signal

import gymnasium as gym
import h5py
import minari
import numpy as np
import pytest
from hand_made import LENGTHS, make_dataset, pictures, psnr
from minari.data_collector import EpisodeBuffer

from genie_gym.datasets.imports import minari as from_minari
from genie_gym.datasets.imports.foreign import Foreign, Found
from genie_gym.datasets.imports.minari import import_minari
from genie_gym.datasets.imports.robomimic import import_robomimic
from genie_gym.datasets.imports.sources import parse_source, record_dataset
from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    with make_dataset(tmp_path_factory.mktemp("minari") / "walks") as dataset:
        yield dataset


# Minari


def test_minari_is_the_same(source, tmp_path):
    writer = import_minari(source.folder, tmp_path / "out.h5")
    assert (writer.num_episodes, writer.num_frames) == (3, sum(LENGTHS) + 3)
    found = VideoDataset(tmp_path / "out.h5")
    assert found.source == {
        "kind": "minari", "name": "walks-v0", "fps": 15.0, "size": None, "image_key": "rgb",
        "action_meanings": ["noop", "left", "right", "up"],
    }  # fmt: skip
    for number, episode in enumerate(found):
        assert np.array_equal(episode.frames, source.read(number, "observations/rgb"))
        assert np.array_equal(episode.actions, source.read(number, "actions"))
        assert np.array_equal(episode.rewards, source.read(number, "rewards").astype(np.float32))
        assert np.array_equal(episode.terminated, source.read(number, "terminations"))
        assert episode.behaviour == f"walks-v0 episode {number}"
    assert [found.description(n).get("instruction") for n in range(3)] == ["reach beacon: a meadow", "a meadow", None]
    assert found.has_labels()


def test_minari_by_its_id(source, tmp_path, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(source.folder.parent))
    assert record_dataset(*parse_source("minari:walks-v0"), tmp_path / "out.h5").num_episodes == 3
    with pytest.raises(GenieGymError, match="no Minari dataset"):
        import_minari("../walks-v0", tmp_path / "other.h5")


@pytest.mark.filterwarnings("ignore::UserWarning:minari")
def test_minari_that_others_wrote(tmp_path, monkeypatch):
    """Pictures are JPEG there, unless told otherwise, and nobody says how fast they follow each other."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    actions, rewards = np.random.default_rng(0).uniform(-1, 1, (4, 2)).astype(np.float32), np.arange(4.0)
    ends = np.arange(4) == 3
    buffer = EpisodeBuffer(0, 0, None, pictures(5, 48, 64), actions, rewards, ends, ~(ends | True), None)
    minari.create_dataset_from_buffers(
        "waves-v0",
        buffer=[buffer],
        observation_space=gym.spaces.Box(0, 255, (48, 64, 3), np.uint8),
        action_space=gym.spaces.Box(-1, 1, (2,), np.float32),
    )
    import_minari("waves-v0", tmp_path / "out.h5")
    episode = VideoDataset(tmp_path / "out.h5").episode(0)
    assert not np.array_equal(episode.frames, pictures(5, 48, 64))
    assert psnr(episode.frames, pictures(5, 48, 64)) > 30
    assert np.array_equal(episode.actions, actions)
    assert episode.rewards.tolist() == rewards.tolist()
    assert episode.terminated.tolist() == ends.tolist()


def test_parts_share_a_frame_and_no_step_is_lost(source, tmp_path):
    import_minari(source.folder, tmp_path / "out.h5", max_frames=4)
    found = list(VideoDataset(tmp_path / "out.h5"))
    assert [len(episode.frames) for episode in found] == [4, 4, 2, 4, 3, 4, 4, 4]
    assert np.array_equal(found[0].frames[-1], found[1].frames[0])
    whole = np.concatenate([source.read(number, "rewards") for number in range(3)])
    assert np.array_equal(np.concatenate([episode.rewards for episode in found]), whole.astype(np.float32))


def test_size_and_frames(source, tmp_path):
    writer = import_minari(source.folder, tmp_path / "out.h5", size=(16, 16), num_frames=9)
    assert (writer.num_episodes, writer.num_frames) == (2, 14)
    assert VideoDataset(tmp_path / "out.h5").episode(0).frames.shape == (8, 16, 16, 3)


def test_resume_goes_on(source, tmp_path):
    import_minari(source.folder, tmp_path / "whole.h5")
    first = import_minari(source.folder, tmp_path / "out.h5", num_frames=2)
    assert first.num_episodes == 1
    with pytest.raises(GenieGymError, match="exists already"):
        import_minari(source.folder, tmp_path / "out.h5")
    writer = import_minari(source.folder, tmp_path / "out.h5", resume=True)
    assert (writer.num_episodes, writer.num_new_frames) == (3, sum(LENGTHS[1:]) + 2)
    for one, other in zip(VideoDataset(tmp_path / "out.h5"), VideoDataset(tmp_path / "whole.h5"), strict=True):
        assert np.array_equal(one.frames, other.frames)
        assert np.array_equal(one.actions, other.actions)


def test_ctrl_c_keeps_what_there_is(source, tmp_path, monkeypatch):
    steps_of = from_minari.steps_of

    def interrupted(dataset, number):
        if number == 2:
            signal.raise_signal(signal.SIGINT)
        return steps_of(dataset, number)

    monkeypatch.setattr(from_minari, "steps_of", interrupted)
    with pytest.raises(KeyboardInterrupt):
        import_minari(source.folder, tmp_path / "out.h5")
    assert len(VideoDataset(tmp_path / "out.h5")) == 2


def test_minari_without_pictures(tmp_path):
    with make_dataset(tmp_path / "numbers", space=gym.spaces.Box(-1, 1, (2,), np.float32)) as dataset:
        with pytest.raises(GenieGymError, match="observes no pictures"):
            import_minari(dataset.folder, tmp_path / "out.h5")
        with pytest.raises(GenieGymError, match="no image"):
            import_minari(dataset.folder, tmp_path / "out.h5", "top")


# robomimic


def write_robomimic(path, after=True, **attributes):
    """Two demonstrations of five and three steps; the tenth comes last, not second."""
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        data.attrs.update({"env_args": json.dumps({"env_name": "Lift", "env_kwargs": {"control_freq": 10}})} | attributes)
        for name, steps in (("demo_10", 3), ("demo_2", 5)):
            demo, shown = data.create_group(name), pictures(steps + 1, 48, 64)
            demo["actions"] = rng.uniform(-1, 1, (steps, 7))
            demo["rewards"] = rng.random(steps)
            demo["dones"] = np.arange(steps) == steps - 1
            demo["obs/agentview_image"], demo["obs/eef"] = shown[:-1], rng.random((steps, 3))
            if after:
                demo["next_obs/agentview_image"] = shown[1:]
    return path


def test_robomimic_is_the_same(tmp_path):
    path = write_robomimic(tmp_path / "lift.hdf5", problem_info=json.dumps({"language_instruction": "lift the cube"}))
    import_robomimic(path, tmp_path / "out.h5")
    found = VideoDataset(tmp_path / "out.h5")
    assert found.fps == 10
    assert [found.behaviour(n) for n in range(2)] == ["lift.hdf5 demo_2", "lift.hdf5 demo_10"]
    assert found.description(0) == {"instruction": "lift the cube"}
    with h5py.File(path) as file:
        for episode, demo in zip(found, (file["data/demo_2"], file["data/demo_10"]), strict=True):
            steps = len(demo["actions"])
            assert np.array_equal(episode.frames, pictures(steps + 1, 48, 64))
            assert np.array_equal(episode.actions, demo["actions"][()].astype(np.float32))
            assert np.array_equal(episode.rewards, demo["rewards"][()].astype(np.float32))
            assert np.array_equal(episode.terminated, demo["dones"])


def test_robomimic_without_what_came_after(tmp_path):
    path = write_robomimic(tmp_path / "lift.hdf5", after=False)
    import_robomimic(path, tmp_path / "out.h5")
    episode = VideoDataset(tmp_path / "out.h5").episode(0)
    with h5py.File(path) as file:
        rewards = file["data/demo_2/rewards"][()]
    assert np.array_equal(episode.frames, pictures(6, 48, 64)[:5])
    assert episode.rewards == pytest.approx([*rewards[:3], rewards[3] + rewards[4]])
    assert episode.terminated.tolist() == [False, False, False, True]


def test_robomimic_of_keys_as_vectors(tmp_path):
    path = write_robomimic(tmp_path / "keys.hdf5", action_encoding="one-hot")
    with h5py.File(path, "r+") as file:
        del file["data/demo_2/actions"]
        file["data/demo_2/actions"] = np.eye(4, dtype=np.float32)[[0, 3, 1, 1, 2]]
    import_robomimic(path, tmp_path / "out.h5")
    assert VideoDataset(tmp_path / "out.h5").episode(0).actions.tolist() == [0, 3, 1, 1, 2]


def changed(path, what):
    with h5py.File(path, "r+") as file:
        what(file)


def no_demos(file):
    del file["data/demo_2"], file["data/demo_10"]


def no_pictures(file):
    del file["data/demo_2/obs/agentview_image"]


def elsewhere(file):
    del file["data/demo_2/obs/agentview_image"]
    file["data/demo_2/obs/agentview_image"] = h5py.ExternalLink("/tmp/elsewhere.h5", "/x")


def no_numbers(file):
    del file["data/demo_2/actions"]
    file["data/demo_2/actions"] = [b"a", b"b", b"c", b"d", b"e"]


def too_few(file):
    rewards = file["data/demo_2/rewards"][:3]
    del file["data/demo_2/rewards"]
    file["data/demo_2/rewards"] = rewards


def too_large(file):
    del file["data/demo_2/actions"]
    file["data/demo_2"].create_dataset("actions", (5, 1 << 40), np.float32, chunks=(1, 64))


def two_pictures(file):
    file["data/demo_2/obs/wrist_image"] = pictures(5, 48, 64)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (no_demos, "no demonstrations"),
        (no_pictures, "no pictures"),
        (elsewhere, "link to elsewhere"),
        (no_numbers, "not one of numbers"),
        (too_few, "not one of numbers"),
        (too_large, "at most"),
        (two_pictures, "choose one with --image-key: agentview_image, wrist_image"),
    ],
)
def test_robomimic_that_is_none(tmp_path, what, said):
    path = write_robomimic(tmp_path / "lift.hdf5")
    changed(path, what)
    with pytest.raises(GenieGymError, match=said):
        import_robomimic(path, tmp_path / "out.h5")


def test_files_that_are_none_of_robomimics(tmp_path):
    with pytest.raises(GenieGymError, match="no file"):
        import_robomimic(tmp_path / "none.hdf5", tmp_path / "out.h5")
    (tmp_path / "text.hdf5").write_text("no HDF5")
    with pytest.raises(GenieGymError, match="damaged or no HDF5"):
        import_robomimic(tmp_path / "text.hdf5", tmp_path / "out.h5")
    with h5py.File(tmp_path / "other.hdf5", "w") as file:
        file["x"] = 1
    with pytest.raises(GenieGymError, match="no group 'data'"):
        import_robomimic(tmp_path / "other.hdf5", tmp_path / "out.h5")


# All of them


def foreign(count=3, labels=None, fps=10.0, steps=2):
    found = Found("x", iter([pictures(count, 16, 16)]), 3, labels, np.zeros(steps, np.float32))
    return Foreign("x", "x", fps, iter([found]))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (foreign(count=2), "holds 2 frames where it says 3"),
        (foreign(labels=np.zeros(3)), "labels for"),
        (foreign(steps=7), "labels for"),
        (foreign(fps=0.0), "frames a second"),
        (Foreign("x", "x", 10.0, iter([])), "no two frames"),
    ],
)
def test_what_does_not_fit(given, said, tmp_path):
    with pytest.raises(GenieGymError, match=said):
        given.record(tmp_path / "out.h5")
    assert not (tmp_path / "out.h5").exists()


def test_parts_of_one_frame_show_nothing(source, tmp_path):
    with pytest.raises(GenieGymError, match="max_frames is at least 2"):
        import_minari(source.folder, tmp_path / "out.h5", max_frames=1)


def test_sources():
    assert parse_source("lerobot:data/pusht") == ("lerobot", "data/pusht")
    assert parse_source("minari:atari/breakout-v0") == ("minari", "atari/breakout-v0")
    assert parse_source("robomimic:C:/lift.hdf5") == ("robomimic", "C:/lift.hdf5")
    assert parse_source("coinrun") is parse_source("mine:Maze-v0") is parse_source("video.mp4") is None
    with pytest.raises(GenieGymError, match="says no place; after lerobot: comes a folder"):
        parse_source("lerobot:")
    with pytest.raises(GenieGymError, match="Did you mean 'lerobot'"):
        record_dataset("lerobt", "x", "out.h5")
