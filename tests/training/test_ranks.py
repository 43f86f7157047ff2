"""Several processes, which share out a batch, or the networks too; and those that go on from what others saved."""

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from training import ranks_at_work
from training.ranks_at_work import CONFIG, STAGES, Shared, losses

from genie_gym.datasets.video import VideoDataset
from genie_gym.devices import Ranks
from genie_gym.errors import GenieGymError
from genie_gym.genie1.config import PRESETS as GENIE1
from genie_gym.genie1.training import PLAN
from genie_gym.genie1.world import Genie1World
from genie_gym.genie2.config import PRESETS as GENIE2
from genie_gym.genie2.world import Genie2World
from genie_gym.pretrained import load_world
from genie_gym.training import checkpoint, train
from genie_gym.training.checkpoint import find_checkpoint, load_checkpoint, save_shards
from genie_gym.training.train import train_world
from genie_gym.training.trainer import Trainer

ALONE = Ranks()


@pytest.fixture(scope="module")
def alone(video_path, tmp_path_factory) -> tuple[Path, list[float]]:
    """A folder with what one process saved after four steps, as shares and as a file; and its losses of six steps."""
    out = tmp_path_factory.mktemp("ranks")
    losses(str(video_path), str(out / "one"), True, 0, 4)
    first = losses(str(video_path), str(out / "file"), False, 0, 4)
    shutil.copytree(out / "file", out / "further")
    return out, first + losses(str(video_path), str(out / "further"), False, 4, 6)


@pytest.fixture(scope="module")
def together(alone, video_path) -> tuple[Path, dict[str, list[float]]]:
    """The same folder once two processes have trained there, and what they said."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2",
               ranks_at_work.__file__, str(video_path), str(alone[0])]  # fmt: skip
    found = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **found})
    assert done.returncode == 0, done.stderr[-3000:]
    return alone[0], json.loads((alone[0] / "said.json").read_text())


@pytest.mark.parametrize("how", ["copies", "shares"])
def test_two_processes_learn_what_one_does(how, alone, together):
    assert together[1][how] == pytest.approx(alone[1][:4], rel=1e-5)


@pytest.mark.parametrize("begun", ["after shares", "after a file"])
def test_two_processes_go_on_from_what_one_saved(begun, alone, together):
    assert together[1][begun] == pytest.approx(alone[1][4:], rel=1e-5)
    assert not (together[0] / "file" / "dynamics.pt").exists()  # one checkpoint of a stage


@pytest.mark.parametrize(("shard", "kept"), [(True, "dynamics.shards/6"), (False, "dynamics.pt")])
def test_one_process_goes_on_from_what_two_saved(shard, kept, alone, together, video_path, tmp_path):
    shutil.copytree(together[0] / "shares", tmp_path / "out")
    files = [path.suffix for path in (tmp_path / "out" / "dynamics.shards" / "4").iterdir()]
    assert files == [".safetensors"] * 2  # one of each process, and nothing to unpickle
    assert losses(str(video_path), str(tmp_path / "out"), shard, 4, 6) == pytest.approx(alone[1][4:], rel=1e-5)
    assert find_checkpoint(tmp_path / "out", "dynamics") == tmp_path / "out" / kept


def test_a_world_that_was_trained_shared_out_is_whole(together, video_path, monkeypatch):
    monkeypatch.setattr(train, "_judge", lambda *_: None)
    world = load_world(together[0] / "world" / "world", "cpu")
    settings = {f"recipe.{stage}.{key}": value for stage in STAGES for key, value in (("steps", 2), ("device", "cpu"))}
    again = train_world(VideoDataset(video_path), together[0] / "world", None, STAGES, settings)  # nothing left to do
    for name, value in world.tokenizer.state_dict().items():  # files are in half precision
        assert torch.allclose(value, again.tokenizer.state_dict()[name], rtol=1e-2, atol=1e-2), name
    assert (together[0] / "world" / "tokenizer.png").exists()


def test_a_kill_while_shares_are_written_leaves_those_before(alone, video_path, tmp_path, monkeypatch):
    shutil.copytree(alone[0] / "one", tmp_path / "out")
    before = find_checkpoint(tmp_path / "out", "dynamics")
    trainer = Trainer(Shared(VideoDataset(video_path)), CONFIG, tmp_path / "out")

    def killed(*_, storage_writer, **__):
        (storage_writer.path / "shard-00001-model-00001-of-00001.safetensors").write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint.dcp, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        save_shards(trainer.out, trainer.stage, trainer.optimizer, 99, 1.0, ALONE)
    monkeypatch.undo()
    assert find_checkpoint(tmp_path / "out", "dynamics") == before
    save_shards(trainer.out, trainer.stage, trainer.optimizer, 100, 1.0, ALONE)
    assert [path.name for path in (tmp_path / "out" / "dynamics.shards").iterdir()] == ["100"]


def test_shares_of_other_networks_are_refused_in_a_sentence(alone, video_path):
    world = Genie1World(GENIE1["debug"].world)
    stage = PLAN.stages["tokenizer"](world, VideoDataset(video_path), GENIE1["debug"].recipe)
    with pytest.raises(GenieGymError, match="other networks"):
        load_checkpoint(find_checkpoint(alone[0] / "one", "dynamics"), stage, None, ALONE)


def test_interrupted_training_is_undisturbed_training_to_the_bit(video_path, tmp_path, monkeypatch):
    monkeypatch.setattr(train, "_judge", lambda *_: None)
    data, stages = VideoDataset(video_path), ["latent_actions", "tokenizer", "dynamics"]
    common = {"steps": 4, "device": "cpu", "sheet_minutes": math.inf}
    settings = {f"recipe.{stage}.{key}": value for stage in stages for key, value in common.items()}
    whole = train_world(data, tmp_path / "whole", "debug", stages, settings)
    step = Trainer._train_step

    def killed(self):
        if (self.stage.name, self.step) == ("dynamics", 2):
            raise KeyboardInterrupt
        return step(self)

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "_train_step", killed)
        with pytest.raises(KeyboardInterrupt):
            train_world(data, tmp_path / "half", "debug", stages, settings)
    again = train_world(data, tmp_path / "half", "debug", stages, settings)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


@pytest.mark.parametrize(
    ("world", "preset", "numbers"), [(Genie1World, GENIE1["genie1-1b"], 1e9), (Genie2World, GENIE2["genie2-10b"], 1e10)]
)
def test_large_presets_have_their_size(world, preset, numbers):
    with torch.device("meta"):
        networks = world(preset.world).parts().values()
    assert sum(p.numel() for part in networks for p in part.parameters()) == pytest.approx(numbers, rel=0.1)


def test_ranks_are_as_the_environment_says(monkeypatch):
    assert Ranks.here() == Ranks(0, 1, 0)
    for name, value in (("RANK", "3"), ("WORLD_SIZE", "4"), ("LOCAL_RANK", "1")):
        monkeypatch.setenv(name, value)
    assert Ranks.here() == Ranks(3, 4, 1)
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(GenieGymError, match="RANK up to WORLD_SIZE"):
        Ranks.here()
    monkeypatch.setenv("RANK", "first")
    with pytest.raises(GenieGymError, match="are whole numbers, as torchrun sets them"):
        Ranks.here()
