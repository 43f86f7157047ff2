"""Worlds as folders: written, checked, read; what is refused, and how."""

import json
import warnings
from dataclasses import replace

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_world import TinyWorld
from town_words import TOWN

from genie_gym.errors import GenieGymError
from genie_gym.files import write_manifest
from genie_gym.judgement import Judgement
from genie_gym.pretrained import load_world, save_world
from genie_gym.text.spec import WorldSpec
from genie_gym.world import StartPool
from tests.conftest import make_debug_world


def test_saving_and_loading_gives_the_same_world(debug_world, world_folder):
    loaded = load_world(world_folder, "cpu")
    assert loaded.config == debug_world.config
    assert np.array_equal(loaded.starts.frames, debug_world.starts.frames)
    half = debug_world.state_dict()["dynamics.head.weight"].half().float()
    assert torch.equal(loaded.state_dict()["dynamics.head.weight"], half)


def test_a_wrong_checksum_is_refused(world_folder, tmp_path):
    copy = tmp_path / "world"
    copy.mkdir()
    for path in world_folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    weights = copy / "dynamics.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(GenieGymError, match="checksum"):
        load_world(copy, "cpu")
    weights.unlink()
    with pytest.raises(GenieGymError, match="missing"):
        load_world(copy, "cpu")
    (copy / "manifest.json").write_text(json.dumps({}))
    with pytest.raises(GenieGymError, match="does not list"):
        load_world(copy, "cpu")


def test_an_unknown_world_is_met_with_the_nearest_name():
    with pytest.raises(GenieGymError, match="Did you mean 'genie1'"):
        load_world("gennie1")


def test_a_hub_repository_that_cannot_be_had_is_one_clear_error(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(GenieGymError, match="nobody/nothing"):
        load_world("nobody/nothing")


def changed_copy(world_folder, path, change) -> None:
    """The world with another config file, whose manifest is in order."""
    path.mkdir()
    for file in world_folder.iterdir():
        (path / file.name).write_bytes(file.read_bytes())
    header = change(json.loads((path / "config.json").read_text()))
    (path / "config.json").write_text(json.dumps(header))
    write_manifest(path, [file.name for file in world_folder.iterdir() if file.name != "manifest.json"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: h["config"], "older version of genie_gym"),
        (lambda h: h | {"format_version": 1}, "of an older version"),
        (lambda h: h | {"format_version": 99}, "of a newer version"),
        (lambda h: h | {"family": "genie11"}, "Did you mean 'genie1'"),
        (lambda h: h | {"family": "dreamer"}, "unknown family of worlds 'dreamer'"),
    ],
)
def test_worlds_of_other_versions_and_families_are_refused_in_a_sentence(change, message, world_folder, tmp_path):
    changed_copy(world_folder, tmp_path / "world", change)
    with pytest.raises(GenieGymError, match=message):
        load_world(tmp_path / "world", "cpu")


def test_the_files_name_family_and_version(world_folder, debug_world):
    header = json.loads((world_folder / "config.json").read_text())
    assert (header["family"], header["format_version"]) == ("genie1", debug_world.format_version)
    assert {path.name for path in world_folder.iterdir()} == {
        "README.md", "config.json", "manifest.json", "starts.h5", *(f"{part}.safetensors" for part in debug_world.parts()),
    }  # fmt: skip


def test_a_loaded_world_is_ready_to_play(world_folder):
    """Nothing is left of training: what it says of the same frames is the same each time."""
    for world in (load_world(world_folder, "cpu"), load_world(make_debug_world().train(), "cpu")):
        assert not any(part.training for part in world.parts().values())
        frames = torch.randint(0, 256, (2, 2, 64, 64, 3), dtype=torch.uint8)
        assert torch.equal(world.outcome_chances(frames)[0], world.outcome_chances(frames)[0])


def test_weights_lie_in_half_precision_counts_as_they_are_and_all_can_read_them(world_folder):
    for path in world_folder.glob("*.safetensors"):
        kinds = {value.dtype for value in load_file(path).values()}
        assert kinds <= {torch.float16, torch.int64, torch.bool}
        assert path.stat().st_mode & 0o777 == 0o644
    assert load_file(world_folder / "outcome_head.safetensors")["label_count"].dtype == torch.int64


def test_weights_that_do_not_fit_are_refused(world_folder, tmp_path):
    wider = json.loads((world_folder / "config.json").read_text())
    wider["config"]["dynamics"]["model_dim"] = 64
    changed_copy(world_folder, tmp_path / "wider", lambda _: wider)
    with pytest.raises(GenieGymError, match="does not fit config"):
        load_world(tmp_path / "wider", "cpu")
    weights = load_file(world_folder / "dynamics.safetensors")
    del weights["head.bias"]
    changed_copy(world_folder, tmp_path / "fewer", lambda header: header)
    save_file(weights, tmp_path / "fewer" / "dynamics.safetensors")
    write_manifest(tmp_path / "fewer", [path.name for path in world_folder.iterdir() if path.name != "manifest.json"])
    with pytest.raises(GenieGymError, match="does not fit config"):
        load_world(tmp_path / "fewer", "cpu")


@pytest.mark.parametrize("name", ["config.json", "dynamics.safetensors"])
def test_files_that_the_manifest_does_not_vouch_for_are_not_read(name, world_folder, tmp_path):
    changed_copy(world_folder, tmp_path / "world", lambda header: header)
    listed = {path.name for path in world_folder.iterdir()} - {"manifest.json", "README.md"}
    assert set(json.loads((world_folder / "manifest.json").read_text())) == listed
    write_manifest(tmp_path / "world", listed - {name})
    with pytest.raises(GenieGymError, match=f"does not list {name}"):
        load_world(tmp_path / "world", "cpu")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", "[1, 2]", "must hold a JSON object"),
        ("config.json", "{", "cannot read"),
        ("config.json", json.dumps({"family": "genie1", "format_version": 2, "config": {}}), "does not describe"),
        (
            "config.json",
            json.dumps({"family": "genie1", "format_version": 2, "config": {}, "made": []}),
            "how a world was made",
        ),
        (
            "config.json",
            json.dumps(
                {"family": "genie1", "format_version": 2, "config": {}, "made": {"stages": {"a": {"steps": "many"}}}}
            ),
            "has steps and minutes",
        ),
        ("config.json", json.dumps({"family": ["x"], "format_version": None, "config": 3}), "older version"),
        ("manifest.json", "3", "must hold a JSON object"),
        ("dynamics.safetensors", "rubbish", "does not fit"),
        ("starts.h5", "rubbish", "holds no start frames"),
    ],
)
def test_files_that_are_something_else_get_one_sentence(name, content, message, world_folder, tmp_path):
    path = tmp_path / "world"
    changed_copy(world_folder, path, lambda header: header)
    (path / name).write_text(content)
    if name != "manifest.json":
        write_manifest(path, [file.name for file in path.iterdir() if file.name != "manifest.json"])
    with pytest.raises(GenieGymError, match=message):
        load_world(path, "cpu")


def described_world() -> TinyWorld:
    world = TinyWorld()
    frames = np.arange(3 * 48 * 48 * 3, dtype=np.uint8).reshape(3, 48, 48, 3)
    world.starts = StartPool(frames, tuple(TOWN.random(np.random.default_rng(k)) for k in range(3)))
    return world


def test_start_frames_are_kept_with_what_they_are_like(tiny_folder, tmp_path):
    world = described_world()
    save_world(world, tmp_path / "a")
    loaded = load_world(tmp_path / "a", "cpu")
    assert np.array_equal(loaded.starts.frames, world.starts.frames)
    assert loaded.starts.conditions == world.starts.conditions
    world.starts = replace(world.starts, conditions=())
    save_world(world, tmp_path / "b")  # as files of before are
    assert load_world(tmp_path / "b", "cpu").starts.conditions == ()
    world.starts = replace(world.starts, conditions=(WorldSpec(),))
    with pytest.raises(GenieGymError, match="given 3 frames and 1 conditions"):
        save_world(world, tmp_path / "c")


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("conditions", ["{}"], "3 texts"),
        ("conditions", [1, 2, 3], "holds no start frames"),
        ("conditions", ["{}", "{}", "[]"], "is an object"),
        ("conditions", ["{}", "{}", '{"scene": "moon"}'], "unknown scene"),
        ("conditions", ["{}", "{}", '{"hour": ' + "1" * 5000 + "}"], "holds no start frames"),
        ("conditions", ["{}", "{}", " " * 30_000], "at most 20,000 characters"),
        ("conditions", None, "holds no start frames"),
        ("frames", np.zeros((3, 48, 48, 4), np.uint8), "must be at most"),
        ("frames", np.zeros((3, 48, 48, 3), np.float32), "must be at most"),
        ("frames", np.zeros((), np.uint8), "must be at most"),
        ("frames", None, "holds no start frames"),
    ],
)
def test_start_frames_that_are_something_else_get_one_sentence(name, values, words, tiny_folder, tmp_path):
    save_world(described_world(), tmp_path)
    with h5py.File(tmp_path / "starts.h5", "r+") as file:
        del file[name]
        if values is None:
            file.create_group(name)
        else:
            file[name] = values
    write_manifest(tmp_path, ["config.json", "starts.h5"])
    with pytest.raises(GenieGymError, match=words):
        load_world(tmp_path, "cpu")


BAD = Judgement(
    video="training video", clips=8, frames=10, rollout_psnr=12.0, copy_psnr=36.1, over_copy_interval=(-25.0, -23.0),
    codes=2, code_perplexity=1.2, effects={"action 0": "still", "action 1": "view right"},
)  # fmt: skip


def test_a_bad_world_says_so_once_when_it_is_loaded(tmp_path):
    world = make_debug_world()
    world.provenance = replace(world.provenance, judgement=BAD)
    save_world(world, tmp_path / "bad")
    with pytest.warns(UserWarning, match="worse than copying the first frame: 12.0 dB where copying has 36.1; it uses 1.2"):
        loaded = load_world(tmp_path / "bad", "cpu")
    assert loaded.provenance.judgement == BAD
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_world(tmp_path / "bad", "cpu")
        save_world(make_debug_world(), tmp_path / "unjudged")
        assert load_world(tmp_path / "unjudged", "cpu").provenance.judgement is None


def test_a_judgement_that_is_something_else_is_refused(tmp_path):
    world = make_debug_world()
    world.provenance = replace(world.provenance, judgement=BAD)
    save_world(world, tmp_path)
    names = [path.name for path in tmp_path.iterdir() if path.name not in ("manifest.json", "README.md")]
    for change in ({"copy_psnr": "36"}, {"effects": {"action 0": "\x1b[2J"}}, {"over_copy_interval": 3}, {"clips": None}):
        (tmp_path / "judgement.json").write_text(json.dumps(BAD.to_dict() | change))
        write_manifest(tmp_path, names)
        with pytest.raises(GenieGymError, match="is no judgement"):
            load_world(tmp_path, "cpu")


def test_how_a_world_was_made_is_kept_with_it(tmp_path):
    world = make_debug_world()
    world.provenance = replace(
        world.provenance, made={"command": "genie-gym train …", "stages": {"tokenizer": {"steps": 3, "minutes": 0.5}}}
    )
    save_world(world, tmp_path / "a")
    save_world(load_world(tmp_path / "a", "cpu"), tmp_path / "b")
    assert load_world(tmp_path / "b", "cpu").provenance.made == world.provenance.made
    assert "| tokenizer | 3 | 0.5 |" in (tmp_path / "b" / "README.md").read_text()
