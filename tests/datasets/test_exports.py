"""Every format, read back as those who use it do: with the library itself where it is installed, else value by value."""

import io
import json
import os
import signal
import tarfile

import av
import gymnasium as gym
import h5py
import numpy as np
import pytest
from minari.serialization import serialize_space
from PIL import Image

from genie_gym.datasets.exports import formats
from genie_gym.datasets.exports.formats import FORMATS, export
from genie_gym.datasets.exports.mp4 import export_mp4
from genie_gym.datasets.exports.rlds import export_rlds
from genie_gym.datasets.exports.robomimic import as_vectors, export_robomimic
from genie_gym.datasets.exports.webdataset import export_webdataset
from genie_gym.datasets.generate import GenerateConfig, generate
from genie_gym.datasets.minari_format import MinariWriter, Trajectory, shard_name, write_shard
from genie_gym.datasets.minari_reader import MinariFolder
from genie_gym.errors import GenieGymError
from genie_gym.files import read_json

HEIGHT, WIDTH = 25, 34
PICTURE = gym.spaces.Box(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
EVERYTHING = gym.spaces.Dict(
    {
        "rgb": PICTURE,
        "depth": gym.spaces.Box(0, np.inf, (HEIGHT, WIDTH), np.float32),
        "pose": gym.spaces.Box(-np.inf, np.inf, (4, 4), np.float32),
        "hand": gym.spaces.Dict({"open": gym.spaces.Discrete(2)}),
    }
)
KINDS = {
    "everything": (EVERYTHING, gym.spaces.Box(-1, 1, (3,), np.float32)),
    "picture": (PICTURE, gym.spaces.Discrete(5, start=2)),
    "vector": (gym.spaces.Box(-1, 1, (6,), np.float64), gym.spaces.MultiDiscrete([3, 2])),
}
LENGTHS = (7, 70, 1, 3)  # one is longer than a block
ENDED = 1  # the episode that ends by itself; time runs out in the others
WRITERS = {"robomimic": export_robomimic, "webdataset": export_webdataset, "mp4": export_mp4, "rlds": export_rlds}


def smooth_pictures(count: int) -> np.ndarray:
    """Waves that wander."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] / 12
    waves = [np.sin(rows + columns * shade + t / 9) for t in range(count) for shade in (0.5, 0.6, 0.7)]
    return (127 + 100 * np.stack(waves).reshape(count, 3, HEIGHT, WIDTH)).astype(np.uint8).transpose(0, 2, 3, 1)


def observed(space: gym.Space, count: int, rng: np.random.Generator):
    if isinstance(space, gym.spaces.Dict):
        return {name: observed(part, count, rng) for name, part in space.items()}
    if space == PICTURE:
        return smooth_pictures(count)
    if isinstance(space, gym.spaces.Discrete):
        return rng.integers(space.n, size=count)
    return rng.normal(size=(count, *space.shape)).astype(space.dtype)


def make_dataset(folder, kind: str):
    space, actions = KINDS[kind]
    rng = np.random.default_rng(0)
    episodes = []
    for number, steps in enumerate(LENGTHS):
        ends = np.zeros((2, steps), bool)
        ends[0 if number == ENDED else 1, -1] = True
        infos = {"speed": rng.normal(size=steps + 1), "box": rng.normal(size=(steps + 1, 2, 2)).astype(np.float32)}
        if number == ENDED:
            infos["events"] = ["", '[{"kind": "fog"}]', *[""] * (steps - 1)]
        about = {
            "reached": number == ENDED,
            "prompt": f"a wood, №{number}",
            "task": "find the red house",
            "drift": float("nan"),
        }
        acted = np.stack([actions.sample() for _ in range(steps)])
        rewards = rng.normal(size=steps)
        episodes.append(
            Trajectory(
                number, 100 + number, observed(space, steps + 1, rng), acted, rewards, *ends, infos, about, b"\0state\0"
            )
        )
    writer = MinariWriter(folder, {})
    writer.begin()
    for number in range(2):
        together = episodes[2 * number : 2 * number + 2]
        writer.note_shard(number, write_shard(writer.data / shard_name(number), together))
    spec = {"id": "CartPole-v1", "kwargs": {"render_mode": "rgb_array"}}
    spaces = {"observation_space": serialize_space(space), "action_space": serialize_space(actions)}
    writer.finish(spaces | {"data_format": "hdf5", "env_spec": json.dumps(spec), "render_fps": 12.0, "license": "cc0-1.0"})
    return writer.folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("datasets")
    return {kind: make_dataset(root / f"{kind}-v0", kind) for kind in KINDS}


@pytest.fixture(params=KINDS)
def dataset(request, folders):
    with MinariFolder(folders[request.param]) as opened:
        yield opened


@pytest.fixture
def everything(folders):
    with MinariFolder(folders["everything"]) as opened:
        yield opened


def observations_of(dataset: MinariFolder, number: int) -> dict[str, np.ndarray]:
    """By the names that they are exported under."""
    names = {
        "observations": "rgb" if dataset.image_keys() else "state",
        "observations/hand/open": "hand_open",
    }
    keys = [key for key in dataset.keys(number) if key.startswith("observations")]
    return {names.get(key, key.split("/")[-1]): dataset.read(number, key) for key in keys}


def same(first, second) -> bool:
    return first.dtype == second.dtype and np.array_equal(first, second)


# robomimic


def test_robomimic(dataset, tmp_path):
    out = tmp_path / "set.hdf5"
    export_robomimic(dataset, out)
    with h5py.File(out) as file:
        data = file["data"]
        assert data.attrs["total"] == sum(LENGTHS) == sum(demo.attrs["num_samples"] for demo in data.values())
        assert json.loads(data.attrs["env_args"]) == {
            "env_name": "CartPole-v1",
            "type": 2,
            "env_kwargs": {"render_mode": "rgb_array"},
        }
        assert json.loads(data.attrs["minari"])["license"] == "cc0-1.0"
        assert data.attrs["action_encoding"] == ("as they are" if dataset.action_space.dtype == np.float32 else "one-hot")
        assert len(data) == len(LENGTHS)
        for number, steps in enumerate(LENGTHS):
            demo = data[f"demo_{number}"]
            assert demo["actions"].dtype == np.float32
            assert [gym.spaces.unflatten(dataset.action_space, one).tolist() for one in demo["actions"][:]] == dataset.read(
                number, "actions"
            ).tolist()
            assert same(demo["rewards"][:], dataset.read(number, "rewards"))
            assert demo["dones"][:].tolist() == [0] * (steps - 1) + [int(number == ENDED)]
            assert same(demo["truncations"][:], dataset.read(number, "truncations"))
            seen = observations_of(dataset, number)
            assert demo["obs"].keys() == demo["next_obs"].keys() == seen.keys()
            for name, values in seen.items():
                values = values[..., None] if name == "depth" else values
                assert same(demo[f"obs/{name}"][:], values[:-1])
                assert same(demo[f"next_obs/{name}"][:], values[1:])
            for name in ("speed", "box"):
                assert same(demo[f"infos/{name}"][:], dataset.read(number, f"infos/{name}"))
            assert ("events" in demo["infos"]) == (number == ENDED)
            assert demo["state"][:].tobytes() == b"\0state\0"
            assert (demo.attrs["prompt"], demo.attrs["seed"]) == (f"a wood, №{number}", 100 + number)
        events = data[f"demo_{ENDED}/infos/events"].asstr()[:].tolist()
        assert events == dataset.read(ENDED, "infos/events").tolist()
        train, valid = ({name.decode() for name in file[f"mask/{part}"][:]} for part in ("train", "valid"))
        assert train | valid == data.keys()
        assert len(valid) == 1
        assert not train & valid


def test_robomimic_reads_it_itself(dataset, tmp_path):
    FileUtils = pytest.importorskip("robomimic.utils.file_utils", exc_type=ImportError)  # it may lack torchvision
    import robomimic.utils.obs_utils as ObsUtils
    from robomimic.utils.dataset import SequenceDataset

    out = tmp_path / "set.hdf5"
    export_robomimic(dataset, out)
    seen = observations_of(dataset, 0)
    kinds = {name: name if name in ("rgb", "depth") else "low_dim" for name in seen}
    modalities = {kind: [name for name in seen if kinds[name] == kind] for kind in {*kinds.values()}}
    ObsUtils.initialize_obs_utils_with_obs_specs({"obs": modalities})
    with h5py.File(out) as file:
        width = file["data/demo_0/actions"].shape[1]
    pictures = [name for name in seen if name in ("rgb", "depth", "pose", "state")]
    shapes = FileUtils.get_shape_metadata_from_dataset(str(out), pictures)
    assert shapes["ac_dim"] == width
    if "rgb" in seen:
        assert list(shapes["all_shapes"]["rgb"]) == [3, HEIGHT, WIDTH]
    if "depth" in seen:
        assert list(shapes["all_shapes"]["depth"]) == [1, HEIGHT, WIDTH]
    assert FileUtils.get_env_metadata_from_dataset(str(out))["env_name"] == "CartPole-v1"
    keys = {"obs_keys": list(seen), "dataset_keys": ["actions", "rewards", "dones"]}
    for cache in (None, "low_dim", "all"):
        whole = SequenceDataset(str(out), **keys, seq_length=2, hdf5_cache_mode=cache)
        assert len(whole) == sum(LENGTHS)
        item = whole[3]
        vectors = as_vectors(dataset.read(0, "actions"), dataset.action_space)
        assert np.array_equal(item["actions"], vectors[3:5])
        assert np.allclose(item["rewards"], dataset.read(0, "rewards")[3:5])
        for name, values in seen.items():
            values = values[..., None] if name == "depth" else values
            assert np.array_equal(item["obs"][name], values[3:5]), name
            assert np.array_equal(item["next_obs"][name], values[4:6]), name
    counts = {part: len(SequenceDataset(str(out), **keys, filter_by_attribute=part)) for part in ("train", "valid")}
    assert sum(counts.values()) == sum(LENGTHS)
    assert min(counts.values()) > 0


def test_the_split_is_of_episodes_and_fixed_by_its_seed(everything, tmp_path):
    def valid(name, **options):
        export_robomimic(everything, tmp_path / name, **options)
        with h5py.File(tmp_path / name) as file:
            return file["mask/valid"][:].tolist()

    assert valid("a.hdf5", split=0.5, seed=1) == valid("b.hdf5", split=0.5, seed=1)
    assert len(valid("c.hdf5", split=0.5)) == 2
    assert len(valid("d.hdf5", split=0.99)) == 3
    assert valid("e.hdf5", split=0.0) == []
    for split in (1.0, -0.1, float("nan")):
        with pytest.raises(GenieGymError, match="split"):
            export_robomimic(everything, tmp_path / "f.hdf5", split=split)
    with pytest.raises(GenieGymError, match=r"ends in \.hdf5"):
        export_robomimic(everything, tmp_path / "folder")
    assert not (tmp_path / "f.hdf5").exists()


def test_actions_that_are_none_of_the_space_are_told():
    with pytest.raises(GenieGymError, match="5 actions"):
        as_vectors(np.array([0, 7]), gym.spaces.Discrete(5))
    assert as_vectors(np.array([[0, 1]], np.int8), gym.spaces.MultiBinary(2)).tolist() == [[0.0, 1.0]]


# WebDataset


def samples_in(out) -> dict[str, dict[str, bytes]]:
    """Every sample of every tar, by its key."""
    found: dict[str, dict[str, bytes]] = {}
    for path in sorted(out.glob("*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                key, _, name = member.name.partition(".")
                assert name not in found.setdefault(key, {})
                found[key][name] = tar.extractfile(member).read()
                assert (member.mtime, member.uid, member.gid, member.uname) == (0, 0, 0, "")
    return found


def test_webdataset(dataset, tmp_path):
    out = tmp_path / "out"
    export_webdataset(dataset, out, episodes_per_tar=3)
    assert sorted(path.name for path in out.glob("*.tar")) == ["shard-000000.tar", "shard-000001.tar"]
    samples = samples_in(out)
    assert len(samples) == sum(LENGTHS) + len(LENGTHS)
    assert list(samples) == sorted(samples)
    for number, steps in enumerate(LENGTHS):
        seen = observations_of(dataset, number)
        acted = {key: dataset.read(number, key) for key in ("actions", "rewards", "terminations", "truncations")}
        for step in range(steps + 1):
            sample = samples[f"{number:06d}-{step:06d}"]
            said = json.loads(sample["json"])
            assert (said["episode"], said["step"], said["is_last"]) == (number, step, step == steps)
            assert (said["prompt"], said["task"]) == (f"a wood, №{number}", "find the red house")
            ends = [said[name] for name in ("action", "reward", "terminated", "truncated")]
            assert ends == ([None] * 4 if step == steps else [values[step].tolist() for values in acted.values()])
            for name, values in seen.items():
                if name == "rgb":
                    assert same(np.asarray(Image.open(io.BytesIO(sample["rgb.png"]))), values[step])
                elif values.ndim == 1:
                    assert said["observations"][name] == values[step]
                else:
                    assert same(np.load(io.BytesIO(sample[f"{name}.npy"]), allow_pickle=False), values[step])
            assert said["infos"]["speed"] == dataset.read(number, "infos/speed")[step]
            assert same(np.load(io.BytesIO(sample["info.box.npy"])), dataset.read(number, "infos/box")[step])
            assert said["infos"].get("events", "") == ('[{"kind": "fog"}]' if (number, step) == (ENDED, 1) else "")
    lines = [json.loads(line) for line in (out / "index.jsonl").read_text().splitlines()]
    assert [(line["episode"], line["steps"], line["seed"]) for line in lines] == [
        (number, steps, 100 + number) for number, steps in enumerate(LENGTHS)
    ]
    assert lines[0]["drift"] is None  # JSON knows no NaN
    assert [line["shard"] for line in lines] == ["shard-000000.tar"] * 3 + ["shard-000001.tar"]
    info = read_json(out / "dataset_info.json")
    assert (info["shards"], info["episodes"], info["samples"]) == (2, 4, len(samples))


def test_webdataset_reads_it_itself(everything, tmp_path):
    wds = pytest.importorskip("webdataset")
    export_webdataset(everything, tmp_path / "out", episodes_per_tar=2)
    urls = str(tmp_path / "out" / "shard-{000000..000001}.tar")
    whole = list(wds.WebDataset(urls, shardshuffle=False).decode("rgb8"))
    assert len(whole) == sum(LENGTHS) + len(LENGTHS)
    number, step = whole[10]["json"]["episode"], whole[10]["json"]["step"]
    assert same(whole[10]["rgb.png"], everything.read(number, "observations/rgb")[step])
    assert same(whole[10]["depth.npy"], everything.read(number, "observations/depth")[step])
    assert same(whole[10]["info.box.npy"], everything.read(number, "infos/box")[step])
    learned = wds.WebDataset(urls, shardshuffle=False).decode("rgb8").select(lambda one: not one["json"]["is_last"])
    assert len(list(learned.to_tuple("rgb.png", "json"))) == sum(LENGTHS)


def test_the_same_dataset_makes_the_same_bytes(dataset, tmp_path):
    for name in ("webdataset", "rlds", "robomimic"):
        end = ".hdf5" if name == "robomimic" else ""
        for copy in "ab":
            WRITERS[name](dataset, tmp_path / f"{name}{copy}{end}")
        first, second = tmp_path / f"{name}a{end}", tmp_path / f"{name}b{end}"
        for path in first.iterdir() if first.is_dir() else [first]:
            other = second / path.name if first.is_dir() else second
            assert path.read_bytes() == other.read_bytes(), path


def test_a_tar_holds_at_least_an_episode(everything, tmp_path):
    with pytest.raises(GenieGymError, match="at least 1"):
        export_webdataset(everything, tmp_path / "out", episodes_per_tar=0)


# mp4


@pytest.mark.parametrize("kind", ["everything", "picture"])
def test_mp4(folders, kind, tmp_path):
    out = tmp_path / "out"
    with MinariFolder(folders[kind]) as dataset:
        export_mp4(dataset, out)
        lines = [json.loads(line) for line in (out / "index.jsonl").read_text().splitlines()]
        assert len(lines) == len(LENGTHS)
        for number, line in enumerate(lines):
            assert (line["episode"], line["steps"], line["prompt"]) == (number, LENGTHS[number], f"a wood, №{number}")
            assert line["videos"].keys() == {"rgb"}
            video = line["videos"]["rgb"]
            assert (video["height"], video["width"], video["fps"]) == (HEIGHT, WIDTH, 12)
            with av.open(str(out / video["file"])) as container:
                assert container.streams.video[0].average_rate == 12
                played = [frame.to_ndarray(format="rgb24")[:HEIGHT, :WIDTH] for frame in container.decode(video=0)]
            frames = observations_of(dataset, number)["rgb"]
            errors = ((np.stack(played).astype(float) - frames) ** 2).mean((1, 2, 3))
            assert video["psnr"] == pytest.approx(np.mean(10 * np.log10(255**2 / errors)), abs=0.01)
            assert video["psnr"] >= 30
            with np.load(out / line["arrays"], allow_pickle=False) as arrays:
                for key in ("actions", "rewards", "terminations", "truncations", "infos/speed", "infos/box"):
                    assert same(arrays[key], dataset.read(number, key))
                seen = {name: values for name, values in observations_of(dataset, number).items() if name != "rgb"}
                assert all(same(arrays[f"observations/{name}"], values) for name, values in seen.items())
                assert ("infos/events" in arrays) == (number == ENDED)
                if number == ENDED:
                    assert arrays["infos/events"].tolist() == dataset.read(number, "infos/events").tolist()
                assert arrays["state"].tobytes() == b"\0state\0"
        assert read_json(out / "dataset_info.json")["minari"]["license"] == "cc0-1.0"


def test_what_shows_no_pictures_makes_no_videos(folders, tmp_path):
    with MinariFolder(folders["vector"]) as dataset, pytest.raises(GenieGymError, match="no pictures"):
        export_mp4(dataset, tmp_path / "out")
    assert not list(tmp_path.iterdir())


# RLDS


def test_rlds(dataset, tmp_path):
    out = tmp_path / "out"
    export_rlds(dataset, out)
    info = read_json(out / "dataset_info.json")
    assert (info["episodes"], info["steps"]) == (len(LENGTHS), sum(LENGTHS) + len(LENGTHS))
    for number, steps in enumerate(LENGTHS):
        with np.load(out / f"episode_{number:06d}.npz", allow_pickle=False) as file:
            found = dict(file)
        assert found.keys() == info["features"].keys()
        for name, values in found.items():
            feature, is_text = info["features"][name], values.dtype.kind == "U"
            assert feature["dtype"] == ("str" if is_text else values.dtype.name)
            if not name.startswith("episode_metadata/"):
                assert values.shape == (steps + 1, *feature["shape"]), name
        for name, key in (("action", "actions"), ("reward", "rewards")):
            assert same(found[name][:-1], dataset.read(number, key))
            assert not found[name][-1].any()
        ended = float(number == ENDED)
        assert found["discount"].tolist() == [1.0] * (steps - 1) + [1 - ended, 0.0]
        assert found["is_first"].tolist() == [True] + [False] * steps
        assert found["is_last"].tolist() == [False] * steps + [True]
        assert found["is_terminal"].tolist() == [False] * steps + [bool(ended)]
        assert found["language_instruction"].tolist() == [f"a wood, №{number}"] * (steps + 1)
        for name, values in observations_of(dataset, number).items():
            assert same(found[f"observation/{name}"], values)
        for name in ("speed", "box"):
            assert same(found[f"info/{name}"], dataset.read(number, f"infos/{name}"))
        happened = dataset.read(number, "infos/events").tolist() if number == ENDED else [""] * (steps + 1)
        assert found["info/events"].tolist() == happened
        assert found["episode_metadata/seed"] == 100 + number
        assert found["episode_metadata/task"] == "find the red house"
        assert np.isnan(found["episode_metadata/drift"])
        assert found["episode_metadata/state"].tobytes() == b"\0state\0"


# All of them


def out_of(name: str, folder):
    return folder / ("out.hdf5" if name == "robomimic" else "out")


@pytest.mark.parametrize("name", WRITERS)
def test_what_was_written_is_said(everything, name, tmp_path, capsys):
    out = out_of(name, tmp_path)
    if name != "robomimic":
        out.mkdir()  # empty folders will do
    said = export(everything, name, out)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert said == f"{out}: 4 episodes, 81 steps, {sum(p.stat().st_size for p in files):,} bytes, in the format {name}."
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    assert f"export {name}: 4/4" in capsys.readouterr().err


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("through", ["export", "itself"])
def test_nothing_is_written_over(everything, name, through, tmp_path):
    out = out_of(name, tmp_path)
    if name == "robomimic":
        out.write_text("mine")
    else:
        out.mkdir()
        (out / "notes.txt").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(GenieGymError, match="exists already"):
        export(everything, name, out) if through == "export" else WRITERS[name](everything, out)
    assert sorted(tmp_path.rglob("*")) == before
    assert (out if out.is_file() else out / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", WRITERS)
def test_stopped_it_leaves_nothing_behind(everything, name, tmp_path, monkeypatch):
    asked, read = [], MinariFolder.read

    def interrupted(self, number, *args):
        if number == 1 and not asked:
            asked.append(number)
            os.kill(os.getpid(), signal.SIGINT)
        return read(self, number, *args)

    monkeypatch.setattr(MinariFolder, "read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export(everything, name, out_of(name, tmp_path))
    assert asked
    assert not list(tmp_path.iterdir())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_is_told_and_leaves_nothing_behind(everything, name, tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"genie_gym.datasets.exports.{name}.plain", full)
    with pytest.raises(GenieGymError, match="disk full"):
        export(everything, name, out_of(name, tmp_path))
    assert not list(tmp_path.iterdir())


def test_unknown_formats(everything, tmp_path):
    with pytest.raises(GenieGymError, match="Did you mean 'webdataset'"):
        export(everything, "web_dataset", tmp_path / "out")
    assert set(WRITERS) <= FORMATS.keys()
    assert formats.__doc__


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda group: group["rewards"].resize((3,)), "7 actions, so 7 rewards; it holds 3"),
        (lambda group: group["observations/rgb"].resize((7, HEIGHT, WIDTH, 3)), "so 8 observations/rgb; it holds 7"),
        (lambda group: group.pop("terminations"), "no terminations"),
        (lambda group: group["observations"].create_dataset("hand_open", data=np.zeros(8)), "both be called 'hand_open'"),
    ],
)
def test_damage_is_told(damage, message, tmp_path):
    folder = make_dataset(tmp_path / "set-v0", "everything")
    with h5py.File(folder / "data" / shard_name(0), "r+") as file:
        damage(file["episode_0"])
    with MinariFolder(folder) as dataset:
        for name, write in WRITERS.items():
            with pytest.raises(GenieGymError, match=message):
                write(dataset, out_of(name, tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["set-v0"]


@pytest.mark.parametrize("several_sizes", [True, False])
def test_pictures_as_jpeg_are_told(several_sizes, tmp_path):
    folder = make_dataset(tmp_path / "set-v0", "picture")
    with h5py.File(folder / "data" / shard_name(0), "r+") as file:
        del file["episode_0/observations"]
        if several_sizes:
            file.create_dataset("episode_0/observations", (8,), h5py.vlen_dtype(np.uint8))
        else:
            file["episode_0/observations"] = np.zeros((8, 900), np.uint8)
    with MinariFolder(folder) as dataset, pytest.raises(GenieGymError, match="jpeg_encoding=False"):
        export_rlds(dataset, tmp_path / "out")


def test_a_dataset_of_nothing_is_told(tmp_path):
    folder = make_dataset(tmp_path / "set-v0", "vector")
    path = folder / "data" / "metadata.json"
    path.write_text(json.dumps(read_json(path) | {"total_episodes": 0}))
    with MinariFolder(folder) as dataset, pytest.raises(GenieGymError, match="no episodes"):
        export_rlds(dataset, tmp_path / "out")


def test_what_generate_writes(world_folder, tmp_path):
    kwargs = {"world": str(world_folder), "device": "cpu"}
    config = GenerateConfig(episodes=3, seed=3, max_episode_steps=5, episodes_per_shard=2, env_kwargs=kwargs)
    generate(config, 3, tmp_path / "set-v0")
    with MinariFolder(tmp_path / "set-v0") as dataset:
        for name in WRITERS:
            assert "3 episodes" in export(dataset, name, out_of(name, tmp_path / name))
        with h5py.File(tmp_path / "robomimic" / "out.hdf5") as file:
            assert same(file["data/demo_1/obs/rgb"][:], dataset.read(1, "observations")[:-1])
            assert np.array_equal(file["data/demo_1/actions"][:].argmax(1), dataset.read(1, "actions"))
