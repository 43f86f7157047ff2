"""Worlds as folders: written, checked, read; what is refused, and how."""

import json

import numpy as np
import pytest
import torch

from genie_gym.errors import GenieGymError
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
