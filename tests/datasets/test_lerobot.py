"""What is exported to LeRobot: its files by pyarrow and PyAV alone (docs/check_lerobot.sh reads them with LeRobot itself),
and that they come back as recordings."""

import json
import shutil
from fractions import Fraction

import gymnasium as gym
import h5py
import numpy as np
import pytest
from hand_made import make_dataset, psnr

from genie_gym.datasets.exports.contents import Contents
from genie_gym.datasets.exports.lerobot import export_lerobot
from genie_gym.datasets.exports.lerobot_stats import joined, stats_of_levels, stats_of_values
from genie_gym.datasets.exports.lerobot_videos import Colours, Depths, VideoFiles
from genie_gym.datasets.imports.lerobot import film, import_lerobot
from genie_gym.datasets.minari_reader import MinariFolder
from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError

parquet = pytest.importorskip("pyarrow.parquet", reason="pip install 'genie-gym[lerobot]'")
DATA, EPISODES = "data/chunk-000/file-000.parquet", "meta/episodes/chunk-000/file-000.parquet"
RGB, DEPTH = "observation.images.rgb", "observation.images.depth"
MP4 = "videos/{}/chunk-000/file-000.mp4"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    with make_dataset(tmp_path_factory.mktemp("minari") / "walks") as dataset:
        yield dataset


@pytest.fixture(scope="module")
def exported(source, tmp_path_factory):
    out = tmp_path_factory.mktemp("lerobot") / "out"
    return out, export_lerobot(source, out)


@pytest.fixture
def copied(exported, tmp_path):
    """The exported dataset, for a test that damages it."""
    shutil.copytree(exported[0], tmp_path / "copy")
    return tmp_path / "copy"


def rows_of(folder):
    return parquet.read_table(folder / DATA).to_pydict()


def read(dataset, key):
    """Of all episodes, of each as many as it has actions."""
    return np.concatenate([dataset.read(n, key, 0, int(dataset.lengths[n])) for n in range(len(dataset))])


def test_rows_are_the_same(source, exported):
    rows = rows_of(exported[0])
    lengths = source.lengths.tolist()
    assert rows["action"] == read(source, "actions").tolist()
    assert rows["next.reward"] == read(source, "rewards").astype(np.float32).tolist()
    assert np.array_equal(rows["next.done"], read(source, "terminations") | read(source, "truncations"))
    assert np.array_equal(rows["next.truncated"], read(source, "truncations"))
    assert np.array_equal(np.array(rows["observation.state"]), read(source, "observations/pose").reshape(-1, 16))
    assert rows["frame_index"] == [step for length in lengths for step in range(length)]
    assert rows["episode_index"] == np.repeat(range(len(lengths)), lengths).tolist()
    assert rows["index"] == list(range(sum(lengths)))
    assert np.array_equal(np.float32(rows["timestamp"]), (np.array(rows["frame_index"]) / 15).astype(np.float32))
    assert np.flatnonzero(rows["next.success"]).tolist() == [lengths[0] - 1]


def test_what_describes_it(source, exported):
    folder, said = exported
    info = json.loads((folder / "meta" / "info.json").read_text())
    lengths = source.lengths.tolist()
    assert (info["codebase_version"], info["fps"], info["total_episodes"]) == ("v3.0", 15, 3)
    assert (info["total_frames"], info["splits"]) == (sum(lengths), {"train": "0:3"})
    features = info["features"]
    assert features[RGB]["shape"] == [48, 64, 3]
    assert features[DEPTH]["info"]["is_depth_map"]
    assert not features[RGB]["info"]["is_depth_map"]
    assert features["action"]["info"] == {
        "keys": 4, "first": 0, "one_hot": False, "meanings": ["noop", "left", "right", "up"],
    }  # fmt: skip
    tasks = parquet.read_table(folder / "meta" / "tasks.parquet")
    assert tasks.to_pydict() == {"task_index": [0, 1, 2], "task": ["reach beacon: a meadow", "a meadow", "play Walks-v0"]}
    assert json.loads(tasks.schema.metadata[b"pandas"])["index_columns"] == ["task"]
    assert rows_of(folder)["task_index"] == np.repeat(range(3), lengths).tolist()
    episodes = parquet.read_table(folder / EPISODES).to_pylist()
    assert [one["tasks"] for one in episodes] == [["reach beacon: a meadow"], ["a meadow"], ["play Walks-v0"]]
    ends = np.cumsum(lengths)
    assert [one["dataset_to_index"] for one in episodes] == ends.tolist()
    assert [one[f"videos/{RGB}/from_timestamp"] for one in episodes] == pytest.approx([0, *ends[:-1] / 15])
    assert "PSNR" in said
    assert "3 episodes, 21 frames, 15 a second" in said
    assert set(features) == {*rows_of(folder), RGB, DEPTH}


def test_videos_are_near(source, exported):
    folder, said = exported
    begin = 0
    for number, length in enumerate(source.lengths.tolist()):
        colours = np.concatenate(list(film(folder / MP4.format(RGB), begin / 15, 15, length)))
        assert psnr(colours, source.read(number, "observations/rgb", 0, length)) > 35
        begin += length
    shown = float(said.split("PSNR ")[1].split(" dB")[0])
    everything = np.concatenate(list(film(folder / MP4.format(RGB), 0, 15, begin)))
    assert psnr(everything, read(source, "observations/rgb")) == pytest.approx(shown, abs=0.1)


def test_depths_are_within_what_was_said(source, exported):
    import av

    folder, said = exported
    info = json.loads((folder / "meta" / "info.json").read_text())["features"][DEPTH]["info"]
    low, high = info["video.depth_min"], info["video.depth_max"]
    assert info["video.shift"] == 0
    with av.open(str(folder / MP4.format(DEPTH))) as container:
        codes = [np.frombuffer(bytes(frame.planes[0]), "<u2").reshape(48, -1)[:, :64] for frame in container.decode(video=0)]
    metres = np.exp(np.array(codes) / 4095 * np.log(high / low)) * low  # as LeRobot's dequantize_depth has it
    known = read(source, "observations/depth")
    finite = np.isfinite(known)
    worst = (np.abs(metres - known)[finite] / known[finite]).max()
    assert worst < 0.001
    assert metres[~finite] == pytest.approx(high)
    assert f"within {100 * worst:.2g} %" in said


def test_keys_as_vectors_at_another_rate(source, tmp_path):
    said = export_lerobot(source, tmp_path / "out", fps=29.97, one_hot=True)
    rows = rows_of(tmp_path / "out")
    assert np.array_equal(rows["action"], np.eye(4)[read(source, "actions")])
    assert np.array_equal(np.float32(rows["timestamp"]), (np.array(rows["frame_index"]) / 29.97).astype(np.float32))
    features = json.loads((tmp_path / "out" / "meta" / "info.json").read_text())["features"]
    assert features["action"]["names"] == ["noop", "left", "right", "up"]
    assert "29.97 a second" in said
    import_lerobot(tmp_path / "out", tmp_path / "back.h5")
    back = VideoDataset(tmp_path / "back.h5")
    assert back.episode(1).actions.tolist() == source.read(1, "actions")[:-1].tolist()


def test_depths_may_be_left_out(source, tmp_path):
    said = export_lerobot(source, tmp_path / "out", depth=False)
    assert "depth:" not in said
    assert DEPTH not in json.loads((tmp_path / "out" / "meta" / "info.json").read_text())["features"]
    assert not (tmp_path / "out" / "videos" / DEPTH).exists()


def test_vectors_and_odd_sizes(tmp_path):
    with make_dataset(tmp_path / "odd", 33, 35, discrete=False) as source:
        export_lerobot(source, tmp_path / "out")
        rows = rows_of(tmp_path / "out")
        assert np.array_equal(np.float32(rows["action"]), read(source, "actions"))
        frames = next(film(tmp_path / "out" / MP4.format(RGB), 0, 15, 7))
        assert frames.shape == (7, 33, 35, 3)
        assert psnr(frames, source.read(0, "observations/rgb", 0, 7)) > 35


def test_observations_without_a_dictionary(tmp_path):
    """A picture alone has no state; numbers alone have no videos."""
    picture = gym.spaces.Box(0, 255, (32, 32, 3), np.uint8)
    with make_dataset(tmp_path / "bare", space=picture) as source:
        export_lerobot(source, tmp_path / "pictures")
    assert "observation.state" not in rows_of(tmp_path / "pictures")
    assert (tmp_path / "pictures" / MP4.format(RGB)).is_file()
    with make_dataset(tmp_path / "numbers", space=gym.spaces.Box(-1, 1, (2,), np.float32)) as source:
        export_lerobot(source, tmp_path / "vectors")
    info = json.loads((tmp_path / "vectors" / "meta" / "info.json").read_text())
    assert info["video_path"] is None
    assert info["features"]["observation.state"]["names"] == ["state_0", "state_1"]


def test_contents_by_kind():
    space = gym.spaces.Dict(
        {
            "top": gym.spaces.Box(0, 255, (32, 32), np.uint8),
            "depth": gym.spaces.Box(0, np.inf, (32, 32, 1), np.float32),
            "stack": gym.spaces.Box(0, 255, (4, 84, 84), np.uint8),
            "inner": gym.spaces.Dict({"goal": gym.spaces.Box(-1, 1, (3,)), "said": gym.spaces.Text(9)}),
            "door": gym.spaces.Discrete(3),
        }
    )
    found = Contents.of(space)
    assert (found.pictures, found.depths) == (("top",), ("depth",))
    assert found.vectors == {"inner/goal": 3, "door": 1}
    assert set(found.left_out) == {"stack", "inner/said"}


def test_statistics():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(40, 3)), rng.normal(2, 5, size=(7, 3))
    both, all_at_once = (
        joined({"x": stats_of_values(first)}, {"x": stats_of_values(second)})["x"],
        stats_of_values(np.concatenate([first, second])),
    )
    for name in ("min", "max", "mean", "std", "count"):
        assert both[name] == pytest.approx(all_at_once[name]), name
    picture = rng.integers(256, size=(5, 20, 30, 3))
    histogram = np.stack([np.bincount(picture[..., c].ravel(), minlength=256) for c in range(3)])
    found = stats_of_levels(histogram, np.arange(256) / 255, 5)
    known = stats_of_values(picture.reshape(-1, 3) / 255)
    for name in ("min", "max", "mean", "std", "q01", "q50", "q99"):
        assert found[name].shape == (3, 1, 1)
        assert found[name][:, 0, 0] == pytest.approx(known[name], abs=0.005), name


def test_files_are_begun_anew_when_they_are_large(tmp_path, monkeypatch):
    monkeypatch.setattr("genie_gym.datasets.exports.lerobot_videos.FILE_MEGABYTES", -1)
    files = VideoFiles(tmp_path, RGB, Colours(), (32, 32), Fraction(10))
    frames = np.random.default_rng(0).integers(256, size=(3, 32, 32, 3), dtype=np.uint8)
    places = [files.append(lambda: iter([frames]))[0] for _ in range(3)]
    files.close()
    assert [place["file_index"] for place in places] == [0, 1, 2]
    assert [place["from_timestamp"] for place in places] == [0, 0, 0]
    assert len(list(tmp_path.rglob("*.mp4"))) == 3
    assert len(files.coding.errors) == 9


def test_depths_without_any_that_are_known():
    coding = Depths.between([np.full((2, 4, 4), np.nan, np.float32)])
    frame = np.array([[0.0, np.nan], [np.inf, 1.0]], np.float32)
    assert coding.codes(frame)[..., 0].tolist() == [[0, 4095], [4095, 0]]


def test_back_as_a_recording(source, exported, tmp_path):
    import_lerobot(exported[0], tmp_path / "back.h5")
    back = VideoDataset(tmp_path / "back.h5")
    assert back.source["action_meanings"] == ["noop", "left", "right", "up"]
    assert (back.fps, len(back)) == (15, 3)
    for number, episode in enumerate(back):
        length = int(source.lengths[number])
        rewards = source.read(number, "rewards").astype(np.float32)
        assert episode.frames.shape == (length, 48, 64, 3)
        assert psnr(episode.frames, source.read(number, "observations/rgb", 0, length)) > 35
        assert episode.actions.tolist() == source.read(number, "actions")[:-1].tolist()
        assert episode.rewards == pytest.approx([*rewards[:-2], rewards[-2] + rewards[-1]])  # what the last action brought
        assert episode.terminated.tolist() == [False] * (length - 2) + [bool(source.read(number, "terminations")[-1])]
    assert back.description(0) == {"instruction": "reach beacon: a meadow"}


# Bad input


def test_there_is_something_already(source, exported):
    with pytest.raises(GenieGymError, match="exists already"):
        export_lerobot(source, exported[0])


@pytest.mark.parametrize("fps", [0, -3, 1e9, float("nan")])
def test_rates_that_are_none(source, tmp_path, fps):
    with pytest.raises(GenieGymError, match="fps is a number"):
        export_lerobot(source, tmp_path / "out", fps)
    assert not (tmp_path / "out").exists()


def test_vectors_have_no_keys(tmp_path):
    with make_dataset(tmp_path / "plain", discrete=False) as source, pytest.raises(GenieGymError, match="no keys"):
        export_lerobot(source, tmp_path / "out", one_hot=True)


def test_without_pyarrow(source, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(GenieGymError, match=r"genie-gym\[lerobot\]"):
        export_lerobot(source, tmp_path / "out")


def change(folder, number, what):
    """Changes an episode of a dataset in its shard."""
    with h5py.File(folder / "data" / "shard-00000.hdf5", "r+") as file:
        what(file[f"episode_{number}"])


def without(key):
    return lambda episode: episode.__delitem__(key)


def shorter(key):
    def cut(episode):
        values = episode[key][:-3]
        del episode[key]
        episode[key] = values

    return cut


def linked(key):
    def link(episode):
        del episode[key]
        episode[key] = h5py.ExternalLink("/tmp/elsewhere.h5", "/x")

    return link


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (without("rewards"), "holds no rewards"),
        (without("observations/rgb"), "holds no observations/rgb"),
        (shorter("observations/rgb"), "it is damaged"),
        (shorter("terminations"), "it is damaged"),
        (linked("actions"), "link to elsewhere"),
        (linked("observations/rgb"), "link to elsewhere"),
    ],
)
def test_damaged_datasets_leave_nothing_behind(source, tmp_path, what, said):
    shutil.copytree(source.folder, tmp_path / "copy-v0")
    change(tmp_path / "copy-v0", 1, what)
    with MinariFolder(tmp_path / "copy-v0") as damaged, pytest.raises(GenieGymError, match=said):
        export_lerobot(damaged, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["copy-v0"]


def rewritten(folder, **changes):
    path = folder / "meta" / "info.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"codebase_version": "v2.1"}, "convert it with"),
        ({"fps": "15"}, "fps"),
        ({"fps": 0}, "frames a second"),
        ({"features": []}, "features"),
        ({"features": {"action": {"dtype": "float32", "shape": [1]}}}, "no pictures"),
        ({"features": {"../../x": {"dtype": "video"}, "action": {"shape": [1]}}}, "no column|outside"),
    ],
)
def test_descriptions_that_are_none(copied, tmp_path, changes, said):
    rewritten(copied, **changes)
    with pytest.raises(GenieGymError, match=said):
        import_lerobot(copied, tmp_path / "out.h5")


def test_there_is_no_dataset(tmp_path):
    with pytest.raises(GenieGymError, match="no LeRobot dataset"):
        import_lerobot(tmp_path, tmp_path / "out.h5")


@pytest.mark.parametrize("file", [DATA, EPISODES, MP4.format(RGB)])
def test_files_that_are_damaged_missing_or_elsewhere(copied, tmp_path, file):
    path = copied / file
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(GenieGymError, match="damaged"):
        import_lerobot(copied, tmp_path / "out.h5", resume=True)
    (tmp_path / "elsewhere").write_bytes(data)
    path.unlink()
    with pytest.raises(GenieGymError, match=r"missing|not whole"):
        import_lerobot(copied, tmp_path / "out.h5", resume=True)
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(GenieGymError, match="outside of the dataset"):
        import_lerobot(copied, tmp_path / "out.h5", resume=True)


def test_actions_of_another_width(copied, tmp_path):
    features = json.loads((copied / "meta" / "info.json").read_text())["features"]
    features["action"]["shape"] = [3]
    rewritten(copied, features=features)
    with pytest.raises(GenieGymError, match="another length"):
        import_lerobot(copied, tmp_path / "out.h5")


def test_pictures_are_chosen(copied, tmp_path):
    with pytest.raises(GenieGymError, match=r"Did you mean 'observation.images.rgb'"):
        import_lerobot(copied, tmp_path / "out.h5", "observation.images.rbg")
    assert import_lerobot(copied, tmp_path / "out.h5", "rgb").num_episodes == 3
