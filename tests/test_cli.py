import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import genie_gym
from genie_gym.cli import main
from genie_gym.datasets.video import VideoDataset

COMMANDS = {  # those that take an environment or a world, with what they need
    "record": ["--out", "a.h5"],
    "train": ["--data", "a.h5", "--out", "run"],
    "evaluate": ["genie1"],
    "sheet": ["genie1"],
    "imagine": [],
    "generate": ["--out", "set"],
    "export-scene": ["--out", "a.glb"],
    "bench": [],
    "benchmark": [],
}


def test_bad_input_is_one_line_and_exit_code_2(tmp_path, capsys, world_folder):
    (tmp_path / "empty").mkdir()
    truncated = tmp_path / "cut.h5"
    truncated.write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 100)
    cases = [
        ["record", "--source", "GenieSim/CoinRum-v0", "--out", str(tmp_path / "a.h5")],
        ["record", "--source", str(tmp_path / "empty"), "--out", str(tmp_path / "a.h5")],
        ["record", "--source", str(tmp_path / "missing.mp4"), "--out", str(tmp_path / "a.h5")],
        ["record", "--source", "CartPole-v1", "--import", "nothing_to_import", "--out", str(tmp_path / "a.h5")],
        ["record", "--source", "nothing_to_import:Maze-v0", "--out", str(tmp_path / "a.h5")],
        ["record", "--source", "CartPole-v1", "--mix", "sticky=lots", "--out", str(tmp_path / "a.h5")],
        ["record", "--source", "town", "--mix", "expret", "--out", str(tmp_path / "a.h5")],
        ["record", "--source", "town", "--option", "prompt", "zzzz", "--out", str(tmp_path / "a.h5")],
        ["bench", "--env", "GenieSim/Town-v0", "--option", "scene", "moon"],
        ["train", "--data", str(truncated), "--out", str(tmp_path / "run")],
        ["train", "--data", str(tmp_path / "missing.h5"), "--out", str(tmp_path / "run")],
        ["train", "--data", str(truncated), "--out", str(tmp_path / "run"), "--steps", "tokeniser", "3"],
        ["evaluate", "gennie1"],
        ["evaluate", str(world_folder)],
        ["evaluate", str(world_folder), "--data", str(truncated)],
        ["sheet", str(world_folder), "--frames", "0"],
        ["generate", "--env", "Genie7-v0", "--out", str(tmp_path / "set")],
        ["generate", "--episodes", "0", "--out", str(tmp_path / "set")],
        ["generate", "--option", "world", "nowhere", "--out", str(tmp_path / "set")],
        ["export-scene", "--env", "town", "--out", str(tmp_path / "scene.obj")],
        ["export-scene", "--env", "town", "--out", str(tmp_path / "a.glb"), "--steps", "0"],
        ["export-scene", "--env", "GenieSim/CoinRun-v0", "--out", str(tmp_path / "a.glb")],
        ["export-scene", "--env", "Genie1-v0", "--out", str(tmp_path / "a.glb")],
        ["bench", "--env", "Genie7-v0"],
        ["benchmark", "--agents", "nobody"],
        ["benchmark", "--env", "Genie7-v0"],
        *([command, "--import", "nothing_to_import", *rest] for command, rest in COMMANDS.items()),
    ]
    for case in cases:
        assert main(case) == 2, case
        error = capsys.readouterr().err.strip().splitlines()
        assert len(error) == 1, (case, error)
        assert error[0].startswith("genie-gym: ")
    assert not (tmp_path / "a.h5").exists()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("imagine --world nowhere --prompt snow --image a.png", "give a prompt or an image to begin from, not both"),
        ("imagine --world nowhere --actions w*3 --steps 3", "leave it out where you give actions"),
        ("imagine --world nowhere --actions missing.json", "cannot read moves from 'missing.json'"),
        ("imagine --world nowhere --actions w*many", "many"),
        ("imagine --world nowhere --image missing.png", "cannot read the image 'missing.png'"),
        ("imagine --world nowhere --overlay graf", "unknown overlay 'graf'. Did you mean 'graph'?"),
        ("imagine --world nowhere --steps -1", "the number of actions is a whole number from 0"),
        ("imagine --world nowhere --seed -1", "seed"),
        ("imagine --world nowhere --scale 0", "scale is a whole number from 1"),
        ("imagine --world nowhere --out clip.avi", "a clip is written as .mp4, .gif, .png"),
        ("imagine --world nowhere --out a_file/clip.mp4", "it is a folder, or lies below a file"),
        ("sheet nowhere --prompts snow --out a.jpg", "a clip is written as .mp4, .gif, .png"),
        ("sheet nowhere --prompts snow --data a.h5", "give one of them"),
        ("sheet nowhere --prompts snow --frames 0", "prompts are walked for 1 to"),
        ("sheet nowhere --out a.txt", "a clip is written as"),
        ("sheet nowhere --out a.gif", "a film compares with real video"),
        ("sheet nowhere --frames 0", "frames, scale and every are 1 or more"),
        ("sheet nowhere --data missing.h5", "missing.h5"),
        ("evaluate nowhere --data missing.h5", "missing.h5"),
        ("evaluate nowhere --clips 0", "clips and batch_size must be at least 1"),
        ("evaluate nowhere --json .", "cannot write to '.'"),
        ("bench --env nowhere --json .", "cannot write to '.'"),
        ("generate --env nowhere --out set --policy stiky", "unknown policy 'stiky'"),
        ("generate --env nowhere --out set --policy missing.zip", "no policy at missing.zip"),
        ("generate --env nowhere --out full-v0", "full-v0 is not empty and holds no dataset"),
        ("export-scene --out a.glb --policy stiky --option world nowhere", "unknown policy 'stiky'"),
        ("benchmark --option world nowhere --agents missing.zip", "no policy at missing.zip"),
        ("benchmark --option world nowhere --agents ppo --ppo-from missing.zip", "no policy at missing.zip"),
        ("benchmark --option world nowhere --ppo-from a_policy.zip --agents random", "none of the agents"),
        ("benchmark --option world nowhere --agents clone", "go together; give both"),
        ("benchmark --option world nowhere --agents clone --imitate missing.h5", "missing.h5"),
        ("benchmark --option world nowhere --agents random --imitate missing.h5", "go together; give both"),
        ("benchmark --option world nowhere --episodes 0", "episodes and num_envs are at least 1"),
        ("train --data missing.h5 --out run --init-from nowhere", "missing.h5"),
    ],
)
def test_what_can_be_checked_first_is_said_before_a_world_is_loaded(command, words, tmp_path, monkeypatch, capsys):
    """There is no such world: that would be said as soon as one is asked for."""
    monkeypatch.chdir(tmp_path)
    for name in ("a_file", "a_policy.zip"):
        Path(name).touch()
    Path("full-v0").mkdir()
    (Path("full-v0") / "else.txt").touch()
    before = sorted(Path().rglob("*"))
    assert main(command.split()) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "nowhere" not in error
    assert sorted(Path().rglob("*")) == before


def test_unknown_words_exit_with_2_too():
    done = subprocess.run([sys.executable, "-m", "genie_gym", "fly"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "command",
    ["record", "train", "evaluate", "sheet", "imagine", "generate", "export-scene", "gallery", "bench", "benchmark"],
)
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert len(capsys.readouterr().out) > 300


def test_the_version_is_told_without_importing_torch():
    code = "import sys; from genie_gym.cli import main; assert main(['--version']) == 0; assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"genie-gym {genie_gym.__version__} (Python {sys.version_info.major}.")
    assert f"torch {metadata.version('torch')}" in done.stdout


def test_record_by_the_command(tmp_path):
    pytest.importorskip("gym3")
    out = tmp_path / "v.h5"
    arguments = ["record", "--out", str(out), "--frames", "300", "--num-envs", "4", "--max-episode-steps", "40"]
    assert main([*arguments, "--option", "num_levels", "5", "use_backgrounds", "False", "restrict_themes", "True"]) == 0
    data = VideoDataset(out)
    assert data.num_frames >= 300
    assert data.source["env_kwargs"] == {"num_levels": 5, "use_backgrounds": False, "restrict_themes": True}
    assert np.ptp(data.frames(0)) > 100


def test_what_set_says_has_the_last_word(video_path, tmp_path, capsys):
    arguments = ["train", "--data", str(video_path), "--out", str(tmp_path), "--preset", "debug", "--stages", "tokenizer"]
    arguments += ["--steps", "tokenizer", "1", "--precision", "float32", "--device", "cpu"]
    assert main([*arguments, "--set", "recipe.tokenizer.precision", "float16"]) == 2
    assert "unknown precision 'float16'" in capsys.readouterr().err
    assert main([*arguments, "--stages", "tokenizer", "heads", "--set", "recipe.heads.precision", "float16"]) == 2
    assert "unknown precision 'float16'" in capsys.readouterr().err
    assert not (tmp_path / "tokenizer.pt").exists()
    for wrong in (["--stages", "tokeniser"], ["--preset", "huge"]):
        assert main([*arguments, *wrong, "--init-from", "nowhere"]) == 2
        assert f"unknown {wrong[0].strip('-').rstrip('s')} '{wrong[1]}'" in capsys.readouterr().err
    assert main([*arguments, "--set", "world.tokenizer.codebook", "64"]) == 2
    assert "Did you mean 'codebook_size'?" in capsys.readouterr().err


def test_a_world_of_ones_own_is_imported_by_the_commands(tmp_path):
    page = Path(__file__).parent.parent / "docs" / "your_own_world.md"
    (tmp_path / "scrolling.py").write_text("".join(re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.DOTALL)))

    def run(*arguments):
        command = [sys.executable, "-m", "genie_gym", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": root}, capture_output=True, text=True)

    root = str(page.parent.parent)
    size = ["--episodes", "2", "--num-envs", "2", "--max-episode-steps", "4", "--out", "scrolled-v0"]
    done = run("generate", "--import", "scrolling", "--env", "Scroll-v0", *size)
    assert done.returncode == 0, done.stderr
    assert "2 episodes, 8 steps" in done.stdout
    done = run("sheet", "worlds/scroll")  # without: the sentence says what to do
    assert done.returncode == 2
    assert "--import MODULE" in done.stderr
