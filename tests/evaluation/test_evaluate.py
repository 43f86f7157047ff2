import json
from dataclasses import replace

import av
import numpy as np
import pytest
import torch
from PIL import Image

from genie_gym.cli import main
from genie_gym.datasets.video import Episode, VideoDataset, VideoWriter
from genie_gym.errors import GenieGymError
from genie_gym.evaluation.evaluate import evaluate
from genie_gym.evaluation.measure import EvaluateConfig, generator_of
from genie_gym.evaluation.metrics import psnr
from genie_gym.evaluation.sheet import held_action_rows
from genie_gym.judgement import Judgement
from genie_gym.provenance import Provenance
from tests.conftest import moving_squares

KEYS = {
    "tokenizer_psnr", "tokenizer_ssim", "rollout_psnr_10", "rollout_ssim_10", "copy_last_psnr_10", "delta_psnr_4",
    "code_perplexity", "code_action_mi_bits", "code_readback", "prior_accuracy", "prior_nats",
    "drift_16", "drift_64", "drift_256",
}  # fmt: skip


@pytest.fixture(scope="module")
def long_video(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "long.h5"
    rng = np.random.default_rng(5)
    with VideoWriter(path, 64, 64, 15.0, {"kind": "test"}) as writer:
        for _ in range(4):
            writer.append(Episode(*moving_squares(rng, 40)))
    return path


def test_all_promised_numbers_are_there_and_finite(world_folder, long_video, tmp_path):
    out = tmp_path / "out.json"
    code = main(
        ["evaluate", str(world_folder), "--data", str(long_video), "--clips", "8", "--json", str(out), "--device", "cpu"]
    )
    assert code == 0
    results = json.loads(out.read_text())
    assert results.keys() >= KEYS
    assert all(np.isfinite(results[key]) for key in KEYS)
    assert results["delta_psnr_4_interval"][0] <= results["delta_psnr_4"] <= results["delta_psnr_4_interval"][1]


def test_copy_last_is_what_it_says(debug_world, long_video):
    data = VideoDataset(long_video)
    results = evaluate(debug_world, data, EvaluateConfig(clips=4, batch_size=4, seed=3)).numbers
    clips = torch.from_numpy(data.sample_clips(generator_of("fidelity", 3), 4, 16))
    expected = psnr(clips[:, 1:11], clips[:, :1].expand(-1, 10, -1, -1, -1)).mean()
    assert results["copy_last_psnr_10"] == pytest.approx(float(expected), rel=1e-5)


def test_measures_are_the_same_alone(debug_world, long_video):
    data, config = VideoDataset(long_video), EvaluateConfig(clips=4, batch_size=4, seed=3)
    both = evaluate(debug_world, data, replace(config, measures=("outcomes", "fidelity")))
    alone = evaluate(debug_world, data, replace(config, measures=("outcomes",)))
    assert both.seconds.keys() == {"fidelity", "outcomes"}
    assert alone.seconds.keys() == {"outcomes"}
    assert alone.numbers.items() <= both.numbers.items()
    assert "rollout_psnr_10" not in alone.numbers


def test_measures_that_there_are_not_are_refused(world_folder, long_video, capsys):
    assert main(["evaluate", str(world_folder), "--data", str(long_video), "--measures", "fidelty"]) == 2
    assert "Did you mean 'fidelity'?" in capsys.readouterr().err


def test_video_of_another_size_is_refused(debug_world, tmp_path):
    with VideoWriter(tmp_path / "v.h5", 32, 32, 15.0, {}) as writer:
        writer.append(Episode(np.zeros((20, 32, 32, 3), np.uint8)))
    with pytest.raises(GenieGymError, match="32x32, the world 64x64"):
        evaluate(debug_world, VideoDataset(tmp_path / "v.h5"))


def test_the_sheet_is_a_picture_of_every_action(world_folder, long_video, tmp_path):
    for data in ([], ["--data", str(long_video)]):
        out = tmp_path / "sheet.png"
        arguments = ["sheet", str(world_folder), "--out", str(out), "--frames", "4", "--scale", "1", "--starts", "1"]
        assert main([*arguments, *data, "--device", "cpu"]) == 0
        assert Image.open(out).height >= 8 * 66


def test_a_sheet_of_comparisons_alone_with_every_fourth_frame(world_folder, long_video, tmp_path, capsys):
    out = tmp_path / "sheet.png"
    arguments = ["sheet", str(world_folder), "--out", str(out), "--frames", "8", "--scale", "1", "--starts", "0"]
    assert main([*arguments, "--every", "4", "--data", str(long_video), "--device", "cpu"]) == 0
    size = Image.open(out).size
    assert 3 * 64 <= size[0] < 5 * 64  # frames 0, 4 and 8, and the labels
    assert size[1] < 14 * 66  # four clips; real, rebuilt, imagined
    assert main(arguments) == 2
    assert "starts is 1 or more, or 0 for a picture of --data alone; got 0." in capsys.readouterr().err


def test_what_is_wrong_is_printed_and_drawn(world_folder, long_video, tmp_path, capsys):
    """Random weights are worse than copying: evaluate says so after its numbers, sheet above its picture."""
    arguments = [str(world_folder), "--data", str(long_video), "--device", "cpu"]
    assert main(["evaluate", *arguments, "--clips", "3", "--json", str(tmp_path / "n.json")]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told.index("note: " + json.loads((tmp_path / "n.json").read_text())["notes"][0]) > 20
    assert any(line.startswith("note: worse than copying the first frame") for line in told)
    assert "clips                             3" in told
    out = tmp_path / "sheet.png"
    assert main(["sheet", *arguments, "--out", str(out), "--frames", "2", "--scale", "1", "--starts", "1"]) == 0
    assert "worse than copying" in capsys.readouterr().out
    rows = 4 * 3 + 8
    assert Image.open(out).height > rows * 66 + 2
    assert not (world_folder / "judgement.json").exists()


def test_rows_are_named_by_what_actions_do(debug_world, long_video, monkeypatch):
    start = debug_world.reset(torch.tensor([0]))
    assert held_action_rows(debug_world, start, 1)[1][3] == "action 3 held"
    effects = {"action 3": "view right"}
    judgement = Judgement(video="training video", clips=1, effects=effects)
    monkeypatch.setattr(debug_world, "provenance", Provenance(judgement=judgement))
    assert held_action_rows(debug_world, start, 1)[1][2:4] == ["action 2 held", "action 3: view right"]


def test_a_film_shows_real_beside_imagined_and_wants_real_video(world_folder, long_video, tmp_path, capsys):
    out = tmp_path / "sheet.gif"
    arguments = ["sheet", str(world_folder), "--frames", "4", "--starts", "2", "--device", "cpu", "--out"]
    assert main([*arguments, str(out), "--data", str(long_video)]) == 0
    assert Image.open(out).n_frames == 5
    assert main([*arguments, str(tmp_path / "sheet.mp4"), "--data", str(long_video)]) == 0
    with av.open(str(tmp_path / "sheet.mp4")) as film:
        assert len(list(film.decode(video=0))) == 5
    assert main([*arguments, str(tmp_path / "sheet.bmp")]) == 2
    assert "a clip is written as .mp4, .gif, .png; given" in capsys.readouterr().err
    assert main([*arguments, str(out)]) == 2
    assert "--data" in capsys.readouterr().err
