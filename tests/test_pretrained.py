"""Worlds as folders: written, checked, read; what is refused, and how."""

import json

import numpy as np
import pytest
import torch

from genie_gym.errors import GenieGymError
from genie_gym.files import write_manifest
from genie_gym.pretrained import load_world


def test_saving_and_loading_gives_the_same_world(debug_world, world_folder):
    loaded = load_world(world_folder, "cpu")
    assert loaded.config == debug_world.config
    assert np.array_equal(loaded.starts, debug_world.starts)
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
        "config.json", "manifest.json", "starts.h5", *(f"{part}.safetensors" for part in debug_world.parts()),
    }  # fmt: skip
