"""Clips of what a world imagines, with overlays."""

import json
from dataclasses import replace

import av
import numpy as np
import pytest
import torch
from genie2.room import SMALL
from PIL import Image
from town_words import TOWN

from genie_gym.cli import main
from genie_gym.evaluation.imagined import ClipConfig, imagine_clip
from genie_gym.evaluation.overlays import draw_depth
from genie_gym.genie2.world import Genie2World
from genie_gym.pretrained import save_world
from genie_gym.text.spec import WorldSpec
from genie_gym.world import StartPool


@pytest.fixture(scope="module")
def place() -> Genie2World:
    torch.manual_seed(0)
    made = Genie2World(replace(SMALL, source={"vocabulary": TOWN.to_dict()}))
    made.starts = StartPool(np.random.default_rng(0).integers(0, 255, (2, 90, 160, 3), dtype=np.uint8))
    made.starts = replace(made.starts, conditions=(WorldSpec("village"), WorldSpec("arena")))
    return made.eval()


@pytest.fixture(scope="module")
def place_folder(place, tmp_path_factory):
    folder = tmp_path_factory.mktemp("worlds") / "place"
    save_world(place, folder)
    return folder


def test_a_clip_shows_the_walk_and_what_the_world_knows(place, tmp_path):
    plain = imagine_clip(place, ClipConfig(prompt="a snowy arena", actions="w*2, turn left*1", scale=2), tmp_path / "a.mp4")
    assert plain[0].startswith("understood: ")
    assert plain[1].startswith("ignored: weather snowy")
    assert plain[-1] == "played: forward*2, turn left*1"
    sizes = {}
    for name, overlay in {"a": (), "depth": ("depth",), "graph": ("graph",), "both": ("depth", "graph")}.items():
        config = ClipConfig(prompt="a snowy arena", actions="w*2 a", scale=2, overlay=overlay)
        imagine_clip(place, config, tmp_path / f"{name}.mp4")
        with av.open(str(tmp_path / f"{name}.mp4")) as container:
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert len(frames) == 4
        sizes[name] = frames[0].shape[1]
        if not overlay:
            assert frames[0].shape == (180, 320, 3)
    assert sizes["a"] < sizes["graph"] < sizes["depth"] < sizes["both"]


def test_depth_is_near_red_and_far_blue_with_metres_beside_it():
    depth = np.full((45, 80), 1.0)
    depth[:, 40:] = 100.0
    picture = draw_depth(depth, 4).astype(int)
    assert picture.shape[0] == 180
    near, far = picture[90, 40], picture[90, 280]
    assert near[0] > near[2]
    assert near[0] > far[0]
    assert np.array_equal(picture[0, 320], near)  # the legend begins with 1 m …
    assert np.array_equal(picture[-1, 320], far)  # … and ends with 100
    assert (picture[:, 331:] < 128).any()  # numbers


def test_the_command_writes_clips_and_pictures(place_folder, tmp_path, capsys):
    Image.fromarray(np.full((300, 200, 3), 90, np.uint8)).save(tmp_path / "start.jpg")
    (tmp_path / "moves.json").write_text(json.dumps(["w", "w", "turn right"]))
    np.save(tmp_path / "moves.npy", np.zeros((2, 6), np.float32))
    common = ["imagine", "--world", str(place_folder), "--device", "cpu", "--scale", "1"]
    start = ["--image", str(tmp_path / "start.jpg")]
    for out, arguments in {
        "a.png": ["--prompt", "a village", "--steps", "3", "--overlay", "depth", "graph"],
        "b.gif": [*start, "--actions", str(tmp_path / "moves.json")],
        "c.mp4": [*start, "--actions", str(tmp_path / "moves.npy")],
    }.items():
        assert main([*common, *arguments, "--out", str(tmp_path / out)]) == 0
        assert (tmp_path / out).stat().st_size > 0
    said = capsys.readouterr().out
    assert "understood: village: scene village" in said
    assert "played: forward*2, turn right*1" in said
    assert "played: 2 actions of the world's own" in said
    assert Image.open(tmp_path / "b.gif").n_frames >= 1


def test_what_cannot_be_is_one_line_and_exit_code_2(place_folder, world_folder, tmp_path, capsys):
    (tmp_path / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "moves.json").write_text("{")
    out = tmp_path / "out.mp4"
    for arguments, sentence in (
        (["--prompt", ""], "the text is empty"),
        (["--prompt", "zzzz"], "understood nothing"),
        (["--prompt", "x" * 10_000], "10,000 characters"),
        (["--prompt", "a village", "--image", "a.png"], "a prompt or an image"),
        (["--image", str(tmp_path / "cut.png")], "cannot read the image"),
        (["--actions", "z*3"], "there is no key 'z'"),
        (["--actions", str(tmp_path / "moves.json")], "cannot read moves from"),
        (["--actions", str(tmp_path / "missing.npy")], "cannot read moves from"),
        (["--actions", "w*3", "--steps", "3"], "leave it out"),
        (["--steps", "-3"], "from 0 to 10,000; got -3"),
        (["--steps", "9999", "--scale", "16"], "too large a clip"),
        (["--scale", "0"], "scale is a whole number"),
        (["--seed", "-1"], "a seed is a whole number"),
        (["--overlay", "dept"], "Did you mean 'depth'?"),
        (["--out", str(tmp_path / "a.avi")], "a clip is written as .mp4, .gif, .png"),
        (["--world", str(world_folder), "--overlay", "depth"], "knows no depth"),
        (["--world", str(world_folder), "--overlay", "graph"], "does not tell what it shows"),
        (["--world", str(world_folder), "--prompt", "a village"], "takes no prompt"),
        (["--world", "nowhere"], "nowhere"),
    ):
        assert main(["imagine", "--world", str(place_folder), "--out", str(out), "--device", "cpu", *arguments]) == 2
        error = capsys.readouterr().err.strip().splitlines()
        assert sentence in error[-1], (arguments, error)
        assert len(error) == 1, error
    assert not out.exists()
