"""The page "Bring your own environment or video": each block runs as a user would type it, in an empty folder."""

import contextlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import minari
import pytest

from genie_gym.datasets.video import VideoDataset

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "bring_your_own.md"
BLOCKS = re.findall(r"## ([^\n]+)\n(?:(?!\n## ).)*?```sh\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
NEEDS = {"Atari": "ale_py", "ViZDoom": "vizdoom", "MiniGrid": "minigrid", "MuJoCo": "imageio", "A video": "skvideo"}


def run(block: str, folder: Path, environment: dict[str, str]) -> tuple[int | None, str]:
    """The exit status (None: it was still at it after seven minutes) and what was said. Nothing that the block started
    outlives it: a process that hangs would keep its output open, and whoever reads that waiting."""
    command = ["bash", "-e", "-c", block]
    with (folder / "said.txt").open("w+") as said:
        shell = subprocess.Popen(command, cwd=folder, env=environment, stdout=said, stderr=said, start_new_session=True)
        try:
            returned: int | None = shell.wait(timeout=420)
        except subprocess.TimeoutExpired:
            returned = None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
            shell.wait()
        said.seek(0)
        return returned, said.read()


def test_every_source_has_its_block():
    assert [name for name, _ in BLOCKS] == list(NEEDS)
    for _, block in BLOCKS:
        assert [line.split()[1] for line in block.splitlines() if "other.mp4" not in line] == [
            "record", "train", "evaluate", "sheet", "generate",
        ]  # fmt: skip


@pytest.mark.parametrize(("name", "block"), BLOCKS, ids=[name for name, _ in BLOCKS])
def test_from_record_to_generate_by_the_commands_alone(name, block, tmp_path, monkeypatch):
    package = importlib.util.find_spec(NEEDS[name])
    if package is None:
        pytest.skip(f"{NEEDS[name]} is not installed: pip install -e '.[test]'")
    if name == "A video":  # real clips, which that wheel carries
        clips = Path(package.origin).parent / "datasets" / "data"
        shutil.copy(clips / "carphone_pristine.mp4", tmp_path / "clip.mp4")
        shutil.copy(clips / "bikes.mp4", tmp_path / "other.mp4")
    command = tmp_path / "bin" / "genie-gym"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m genie_gym "$@"\n')
    command.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    for unset in ("MUJOCO_GL", "PYOPENGL_PLATFORM", "DISPLAY"):
        environment.pop(unset, None)
    returned, said = run(block, tmp_path, environment)
    if returned is None and name == "ViZDoom":  # its engine, a process of its own, was seen to hang once in some twenty runs
        shutil.rmtree(tmp_path / "runs", ignore_errors=True)
        for left in tmp_path.glob("*.h5*"):
            left.unlink()
        returned, said = run(block, tmp_path, environment)
    assert returned == 0, said[-6000:]
    assert "Traceback" not in said
    (picture,) = tmp_path.glob("*.png")
    assert picture.stat().st_size > 1000
    video = VideoDataset(tmp_path / f"{picture.stem}.h5")
    assert (video.height, video.width) == (64, 64)
    assert video.frames(0).std() > 5  # something is to be seen
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "data"))
    (dataset,) = [
        path.parent.parent.relative_to(tmp_path / "data") for path in (tmp_path / "data").rglob("data/metadata.json")
    ]
    assert minari.load_dataset(str(dataset)).total_episodes == 4
