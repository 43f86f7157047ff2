"""What one does with datasets that are there: verify, merge, split, filter, count, look at; and windows for training."""

import itertools
import json
import os
import shutil
from pathlib import Path

import h5py
import minari
import numpy as np
import pytest
import torch
from hand_made import make_dataset
from torch.utils.data import DataLoader

from genie_gym.cli import main
from genie_gym.datasets.edit import Wanted, filtered, merge, split
from genie_gym.datasets.minari_reader import MinariFolder
from genie_gym.datasets.statistics import statistics
from genie_gym.datasets.verify import verify
from genie_gym.datasets.windows import InShards, Windows
from genie_gym.errors import GenieGymError


@pytest.fixture
def folder(tmp_path) -> Path:
    made = make_dataset(tmp_path / "walks-v0").folder
    about = json.loads((made / "data" / "metadata.json").read_text())
    del about["env_spec"]  # of an environment that there is not
    (made / "data" / "metadata.json").write_text(json.dumps(about))
    return made


def values(folder: Path) -> list[dict[str, np.ndarray]]:
    with MinariFolder(folder) as dataset:
        return [{key: dataset.read(number, key) for key in dataset.keys(number)} for number in range(len(dataset))]


def same(first: list[dict[str, np.ndarray]], second: list[dict[str, np.ndarray]]) -> bool:
    return len(first) == len(second) and all(
        a.keys() == b.keys() and all(np.array_equal(a[key], b[key]) for key in a) for a, b in zip(first, second, strict=True)
    )


def test_what_is_whole_is_verified(folder, capsys):
    assert verify(folder) == []
    assert main(["data", "verify", str(folder)]) == 0
    assert "all is well" in capsys.readouterr().out


def change(path: Path, what) -> None:
    with h5py.File(path, "r+") as file:
        what(file["episode_1"])


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda data: (data / "shard-00000.hdf5").unlink(), "is missing"),
        (lambda data: os.truncate(data / "shard-00000.hdf5", 9000), "another checksum"),
        (lambda data: (data / "shard-00007.hdf5").write_bytes(b""), "belongs to no dataset"),
        (lambda data: (data / "metadata.json").write_text("{"), "cannot read"),
        (lambda data: (data.parent / "manifest.json").write_text('{"shards": 5}'), "damaged"),
        (lambda data: (data / "main_data.hdf5").write_bytes(b"nothing"), "cannot read"),
        (lambda data: change(data / "shard-00000.hdf5", lambda e: e.pop("rewards")), "lacks rewards"),
        (lambda data: change(data / "shard-00000.hdf5", lambda e: e["rewards"].resize(3, axis=0)), "3 rewards for 5 steps"),
        (lambda data: change(data / "shard-00000.hdf5", lambda e: e["rewards"].__setitem__(0, np.nan)), "no numbers"),
        (lambda data: change(data / "shard-00000.hdf5", lambda e: e["actions"].__setitem__(0, 99)), "none of Discrete"),
        (lambda data: change(data / "shard-00000.hdf5", lambda e: e["terminations"].__setitem__(0, True)), "after its end"),
    ],
)  # fmt: skip
def test_every_damage_is_named(folder, harm, said, capsys):
    harm(folder / "data")
    assert any(said in sentence for sentence in verify(folder)), verify(folder)
    assert main(["data", "verify", str(folder)]) == 2


def test_a_flipped_byte_among_frames_is_noticed_by_readers_too(folder):
    path = folder / "data" / "shard-00000.hdf5"
    with h5py.File(path) as file:
        place = file["episode_0/observations/rgb"].id.get_chunk_info(0)
    raw = bytearray(path.read_bytes())
    raw[place.byte_offset + place.size // 2] ^= 0x10
    path.write_bytes(raw)
    assert any("rgb is damaged" in sentence for sentence in verify(folder))
    with pytest.raises(GenieGymError, match="damaged"):
        Windows(folder, 4, ["observations/rgb"])[0]
    with MinariFolder(folder) as dataset, pytest.raises(GenieGymError, match="damaged"):
        dataset.read(0, "observations/rgb")


def test_what_lies_elsewhere_is_not_read(folder, tmp_path):
    secret = tmp_path / "secret.bin"
    secret.write_bytes(bytes(5 * 8))

    def outside(episode):
        del episode["rewards"]
        episode.create_dataset("rewards", (5,), np.float64, external=[(str(secret), 0, 40)])
        episode["actions_too"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "actions")

    change(folder / "data" / "shard-00000.hdf5", outside)
    with MinariFolder(folder) as dataset:
        with pytest.raises(GenieGymError, match="refused"):
            dataset.read(1, "rewards")
        with pytest.raises(GenieGymError, match="holds no 'actions_too'"):
            dataset.read(1, "actions_too")


def test_datasets_are_merged_split_and_filtered_without_loss(folder, tmp_path, monkeypatch):
    twice = merge([folder, folder], tmp_path / "twice-v0")
    assert same(values(twice.folder), values(folder) * 2)
    first, second = split(twice.folder, tmp_path / "first-v0", tmp_path / "second-v0", 0.5, seed=3)
    assert (first.num_episodes, second.num_episodes) == (3, 3)
    assert first.num_steps + second.num_steps == twice.num_steps
    meadow = filtered(folder, tmp_path / "meadow-v0", Wanted(text="MEADOW", min_steps=6))
    assert same(values(meadow.folder), values(folder)[:1])
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    assert [episode.id for episode in minari.load_dataset("twice-v0").iterate_episodes()] == list(range(6))
    for made in ("twice", "first", "second", "meadow"):
        assert verify(tmp_path / f"{made}-v0") == []
        assert (tmp_path / f"{made}-v0" / "contact_sheet.png").is_file()
    other = make_dataset(tmp_path / "other-v0", discrete=False).folder
    with pytest.raises(GenieGymError, match="another action space"):
        merge([folder, other], tmp_path / "mixed-v0")
    with pytest.raises(GenieGymError, match="none of the 3 episodes"):
        filtered(folder, tmp_path / "none-v0", Wanted(min_return=1e9))
    with pytest.raises(GenieGymError, match="share"):
        split(folder, tmp_path / "a-v0", tmp_path / "b-v0", 0.01)
    assert not any((tmp_path / f"{name}-v0").exists() for name in ("mixed", "none", "a", "b"))


def test_numbers_and_a_page(folder, tmp_path):
    with MinariFolder(folder) as dataset:
        numbers = statistics(dataset)
    assert (numbers["episodes"], numbers["steps"]) == (3, 21)
    assert numbers["reached"] == pytest.approx(1 / 3)
    assert sum(numbers["actions"].values()) == 21
    assert set(numbers["actions"]) <= {"noop", "left", "right", "up"}
    assert numbers["prompts"]["commonest"] == {"a meadow": 2}
    merge([folder, folder], tmp_path / "twice-v0")
    assert main(["data", "view", str(tmp_path / "twice-v0"), "--out", str(tmp_path / "page")]) == 0
    page = (tmp_path / "page" / "index.html").read_text()
    assert "twice-v0" in page
    assert page.count("data:image/png") == 2
    assert json.loads((tmp_path / "page" / "statistics.json").read_text())["episodes"] == 6
    assert (tmp_path / "page" / "episodes.mp4").is_file()


@pytest.mark.parametrize("cache", [0, 10**9])
def test_windows_hold_what_episodes_hold(folder, tmp_path, cache):
    merge([folder, folder], tmp_path / "twice-v0")
    windows = Windows([folder, tmp_path / "twice-v0"], 4, ["observations", "actions", "rewards"], stride=2, cache=cache)
    episodes = values(folder) * 3
    assert len(windows) == 3 * (3 + 2 + 4)
    for index in range(len(windows)):
        episode, begin = windows.where(index)
        item = windows[index]
        assert item.keys() == {
            "observations/rgb", "observations/depth", "observations/pose", "actions", "rewards"
        }  # fmt: skip
        for key, value in item.items():
            length = 4 if key.startswith("observations") else 3
            assert np.array_equal(value.numpy(), episodes[episode][key][begin : begin + length])
    loader = DataLoader(windows, batch_size=5, num_workers=2, sampler=InShards(windows, at_once=2))
    batches = list(loader)
    assert sum(len(batch["actions"]) for batch in batches) == len(windows)
    assert batches[0]["observations/rgb"].shape == (5, 4, 48, 64, 3)
    assert batches[0]["observations/rgb"].dtype == torch.uint8


def test_an_order_takes_each_window_once_and_episodes_together(folder):
    windows = Windows(folder, 2)
    order = InShards(windows, at_once=1, seed=4)
    first, second = list(order), list(order)
    assert sorted(first) == sorted(second) == list(range(len(windows)))
    assert first != second
    episodes = [windows.where(index)[0] for index in first]
    assert len([a for a, b in itertools.pairwise(episodes) if a != b]) == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"frames": 0}, "at least one frame"), ({"frames": 50}, "no episode has 50 frames; the longest has 10"),
        ({"keys": ["colours"]}, "holds no 'colours'"), ({"folders": "nowhere"}, "no Minari dataset"),
        ({"stride": 0}, "stride"),
    ],
)  # fmt: skip
def test_windows_that_there_are_not(folder, changes, said):
    with pytest.raises(GenieGymError, match=said):
        Windows(**{"folders": folder, "frames": 4} | changes)


def test_a_copy_elsewhere_reads_the_same(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "moved" / "walks-v0")
    assert same(values(folder), values(tmp_path / "moved" / "walks-v0"))
