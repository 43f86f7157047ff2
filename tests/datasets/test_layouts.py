"""Places in video files: of episodes, and of worlds that were never filmed."""

import dataclasses

import h5py
import numpy as np
import pytest

from genie_gym.cli import main
from genie_gym.datasets.record import record
from genie_gym.datasets.recording import Recording
from genie_gym.datasets.video import Episode, VideoDataset, VideoWriter
from genie_gym.errors import GenieGymError
from genie_gym.files import part_of
from genie_gym.places.place import Area, Place, Road, Thing, Water

PLACE = Place(
    half=20.0,
    base="grass",
    heights=np.linspace(0, 1, 9, dtype=np.float32).reshape(3, 3),
    roads=(Road(((-20.0, 0.0), (20.0, 1.0)), 3.0, "dirt", 0.5),),
    areas=(Area("crops", 1.0, 2.0, (3.0, 2.0), round=True),),
    waters=(Water(-1.0, (-50.0, -50.0, 50.0, -20.0)),),
    things=tuple(Thing("tree", (x, 1.0, 2.0), (2.0, 2.0, 4.0), 0.5, id=k + 1) for k, x in enumerate((1.0, 5.0, 9.0))),
    scene="meadow",
)
TOWN = Recording(
    env_id="GenieSim/Town-v0", env_kwargs={"scene": "desert"}, mix={"random": 1.0}, truth=("instance",), num_envs=1,
    max_episode_steps=3, size=(24, 32), seed=5,
)  # fmt: skip


def writer_of(path, resume=False):
    return VideoWriter(path, 8, 8, 10, {"kind": "test"}, resume)


def frames_of(length=3):
    return np.zeros((length, 8, 8, 3), np.uint8)


def same(one, other):
    return one.to_dict() == other.to_dict()


def test_places_come_back_as_they_were_beside_old_episodes_that_have_none(tmp_path):
    path = tmp_path / "video.h5"
    with writer_of(path) as writer:
        writer.append(Episode(frames_of()))
        writer.append(
            Episode(frames_of(), truth={"pose": np.zeros((3, 4, 4))}, description={"spec": {"scene": "a"}}, place=PLACE)
        )
        writer.append_layout({"scene": "b"}, PLACE.replace(scene="b"))
        writer.append_layout(None, PLACE)
    data = VideoDataset(path)
    assert data.place(0) is None
    assert same(data.place(1), PLACE)
    assert data.place(1).heights.dtype == np.float32
    assert set(data.episode(1).truth) == {"pose"}  # a place is no value a frame
    assert same(data.episode(1).place, PLACE)
    assert [spec for spec, _ in data.layouts] == [{"scene": "a"}, {"scene": "b"}, None]
    assert [place.scene for _, place in data.layouts[1:]] == ["b", "meadow"]
    assert same(data.layouts[-1][1], PLACE)
    with pytest.raises(IndexError):
        data.layouts[3]


def test_layouts_alone_make_a_file_and_several_files_read_as_one(tmp_path):
    for name in ("a", "b"):
        with writer_of(tmp_path / f"{name}.h5") as writer:
            for k in range(3):
                writer.append_layout({"name": name, "number": k}, PLACE)
    data = VideoDataset([tmp_path / "a.h5", tmp_path / "b.h5"])
    assert len(data) == data.num_frames == 0
    assert [(spec["name"], spec["number"]) for spec, _ in data.layouts] == [(name, k) for name in "ab" for k in range(3)]
    with pytest.raises(GenieGymError, match="layouts alone"):
        data.sample_clips(np.random.default_rng(0), 2, 2)


def test_a_writer_goes_on_and_cuts_off_what_a_crash_left_half_written(tmp_path):
    path = tmp_path / "video.h5"
    with writer_of(path) as writer:
        writer.append_layout({"number": 0}, PLACE)
        writer.append(Episode(frames_of()))
    path.rename(part_of(path))
    with h5py.File(part_of(path), "r+") as file:
        kept = file["layouts/bytes"]
        kept.resize((len(kept) + 100,))
    with writer_of(path, resume=True) as writer:
        assert (writer.num_layouts, writer.num_episodes, writer.num_frames) == (1, 1, 3)
        writer.append_layout({"number": 1}, PLACE)
        writer.append(Episode(frames_of(2)))
    data = VideoDataset(path)
    assert [spec["number"] for spec, _ in data.layouts] == [0, 1]
    assert list(data.lengths) == [3, 2]
    assert same(data.layouts[1][1], PLACE)


def test_a_damaged_place_gets_a_sentence(tmp_path):
    path = tmp_path / "video.h5"
    with writer_of(path) as writer:
        writer.append(Episode(frames_of(), place=PLACE))
    with h5py.File(path, "r+") as file:
        file["episode_000000/truth/place"][5:] = 7
    with pytest.raises(GenieGymError, match="place in this recording is damaged"):
        VideoDataset(path).place(0)


def test_town_is_laid_out_without_being_filmed_and_the_recording_goes_on(tmp_path):
    out = tmp_path / "town.h5"
    record(TOWN, out, 0, num_layouts=2)
    first = [spec for spec, _ in VideoDataset(out).layouts]
    writer = record(dataclasses.replace(TOWN, num_envs=2), out, 8, resume=True, num_layouts=3)
    assert (writer.num_episodes, writer.num_frames, writer.num_layouts) == (2, 8, 3)
    data = VideoDataset(out)
    specs = [spec for spec, _ in data.layouts]
    assert specs[2:4] == first
    assert {spec["scene"] for spec in specs} == {"desert"}
    assert len({spec["seed"] for spec in specs}) == 5
    for index in range(2):
        graph = {facts["id"]: facts for facts in data.description(index)["scene_graph"]}
        things = [thing for thing in data.place(index).things if thing.name != "boundary"]
        assert {thing.id for thing in things} == graph.keys()
        assert all(np.allclose(thing.centre, graph[thing.id]["centre"], atol=2e-3) for thing in things)


def test_the_command_records_arm_as_it_records_town(tmp_path, capsys):
    out = tmp_path / "arm.h5"
    arguments = ["record", "--source", "arm", "--out", str(out), "--layouts", "2", "--num-envs", "1", "--size", "24", "32"]
    arguments += ["--max-episode-steps", "9"]
    assert main(arguments) == 0
    assert "0 frames, 2 layouts without frames" in capsys.readouterr().out
    assert main([*arguments, "--frames", "10", "--resume"]) == 0
    data = VideoDataset(out)
    assert len(data) == 1
    assert len(data.layouts) == 3
    assert {"table", "wall", "arm"} < {thing.name for thing in data.place(0).things}
    assert len({place.things[-1].centre for _, place in data.layouts}) == 3


def test_where_nobody_knows_what_stands_where_layouts_are_refused(tmp_path, capsys):
    arguments = ["record", "--out", str(tmp_path / "out.h5"), "--layouts", "2"]
    assert main([*arguments, "--source", "CartPole-v1"]) == 2
    assert "leave --layouts out" in capsys.readouterr().err
    assert main(["record", "--source", "town", "--out", str(tmp_path / "out.h5"), "--layouts", "-1"]) == 2
    assert not list(tmp_path.iterdir())
