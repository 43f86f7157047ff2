import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from genie_gym.datasets.video import Episode, VideoDataset, VideoWriter
from genie_gym.errors import GenieGymError
from genie_gym.genie1.config import PRESETS, MaskingConfig
from genie_gym.genie1.losses import corrupt, dynamics_loss, mask_targets
from genie_gym.genie1.stages import outcome_index
from genie_gym.genie1.training import PLAN, pick_starts
from genie_gym.genie1.world import Genie1World
from genie_gym.models.tokenizer import as_float
from genie_gym.pretrained import load_world
from genie_gym.training.plan import TrainerConfig
from genie_gym.training.train import train_world
from genie_gym.training.trainer import Trainer, learning_rate

CONFIG = TrainerConfig(steps=6, batch_size=2, warmup=2, device="cpu", precision="float32", log_every=1)


def fresh_world() -> Genie1World:
    torch.manual_seed(0)
    return Genie1World(PRESETS["debug"].world)


def make_stage(name: str, world: Genie1World, data: VideoDataset):
    return PLAN.stages[name](world, data, PRESETS["debug"].recipe)


@pytest.fixture(scope="module")
def data(video_path) -> VideoDataset:
    return VideoDataset(video_path)


@pytest.mark.parametrize("stage", ["latent_actions", "tokenizer", "dynamics"])
def test_a_killed_run_goes_on_to_the_same_loss(stage, data, tmp_path):
    whole = Trainer(make_stage(stage, fresh_world(), data), CONFIG, tmp_path / "whole").run()
    half = Trainer(make_stage(stage, fresh_world(), data), CONFIG, tmp_path / "half")
    for _ in range(3):
        half._train_step()
        half.step += 1
    half.save()
    torch.manual_seed(99)
    resumed = Trainer(make_stage(stage, fresh_world(), data), CONFIG, tmp_path / "half")
    assert resumed.step == 3
    assert resumed.run() == pytest.approx(whole, rel=1e-5)


def test_ctrl_c_saves_a_checkpoint_first(data, tmp_path, monkeypatch):
    trainer = Trainer(make_stage("tokenizer", fresh_world(), data), CONFIG, tmp_path)
    step = trainer._train_step
    monkeypatch.setattr(
        trainer, "_train_step", lambda: step() if trainer.step < 2 else (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(KeyboardInterrupt):
        trainer.run()
    assert torch.load(tmp_path / "tokenizer.pt", weights_only=True)["step"] == 2


def test_each_stage_trains_its_own_parts_and_nothing_else(data, tmp_path):
    world = fresh_world()
    before = {name: value.clone() for name, value in world.state_dict().items()}
    Trainer(make_stage("dynamics", world, data), CONFIG, tmp_path).run()
    changed = {name.split(".")[0] for name, value in world.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"dynamics", "action_head"}  # the codebooks, too, stood still


def test_the_loss_is_the_sum_of_its_named_parts(data):
    world = fresh_world().eval()
    video = as_float(torch.from_numpy(data.sample_clips(np.random.default_rng(0), 2, 5)))
    parts = dynamics_loss(world, video, MaskingConfig())
    assert torch.allclose(parts["total"], parts["dynamics"] + 0.1 * parts["action"])
    assert 0 < parts["dynamics"].item() < np.log(32) + 1.5  # an untrained model knows nothing of 32 codes, but to keep them


def test_masking_and_corruption_keep_to_their_rates():
    torch.manual_seed(0)
    tokens = torch.zeros(400, 6, 64, dtype=torch.int64)
    hidden = mask_targets(tokens, MaskingConfig()).float().mean(2)
    assert float(hidden.min()) > 0.25
    assert 0.35 < float((hidden == 1).all(1).float().mean()) < 0.5
    changed = (corrupt(tokens, None, 1000, MaskingConfig())[0] != 0).float().mean((1, 2))
    assert 0.4 < float((changed == 0).float().mean()) < 0.6
    assert float(changed.max()) < 0.25


def test_the_learning_rate_warms_up_and_falls():
    config = TrainerConfig(steps=100, warmup=10, learning_rate=1.0)
    rates = [learning_rate(config, step) for step in range(101)]
    assert rates[0] == 0.1
    assert max(rates) == pytest.approx(1.0)
    assert rates[-1] == pytest.approx(0.05)


def test_minutes_end_a_stage_and_its_learning_rate(data, tmp_path):
    config = replace(CONFIG, steps=1, minutes=0.02, learning_rate=1.0, warmup=0)
    assert learning_rate(config, 5, 0.01) == pytest.approx(0.525)
    assert learning_rate(config, 5, 0.02) == pytest.approx(0.05)
    trainer = Trainer(make_stage("tokenizer", fresh_world(), data), replace(config, learning_rate=1e-3), tmp_path)
    trainer.run()
    assert trainer.step > 1  # the recipe's steps no longer count
    resumed = Trainer(make_stage("tokenizer", fresh_world(), data), config, tmp_path)
    assert resumed.finished


def test_settings_reach_world_and_recipe_and_wrong_ones_are_refused(data, tmp_path):
    settings = {"world.tokenizer.codebook_size": 48, "world.dynamics.window": 2, "recipe.tokenizer.steps": 2}
    settings |= {"recipe.tokenizer.device": "cpu", "recipe.tokenizer.batch_size": 2}
    world = train_world(data, tmp_path, "debug", ["tokenizer"], settings)
    assert world.config.tokenizer.codebook_size == world.dynamics.codebook_size == 48
    assert world.config.dynamics.window == 2
    with pytest.raises(GenieGymError, match="Did you mean 'window'"):
        train_world(data, tmp_path, "debug", settings={"world.dynamics.windows": 2})
    with pytest.raises(GenieGymError, match="no setting 'dynamics'"):
        train_world(data, tmp_path, "debug", settings={"dynamics.window": 2})


def test_a_trained_world_judges_itself_and_has_a_card(data, tmp_path, capsys):
    settings = {f"recipe.{stage}.{key}": value for stage in PLAN.stages for key, value in (("steps", 1), ("device", "cpu"))}
    train_world(data, tmp_path, "debug", settings=settings)
    assert "the world as it is now:" in (told := capsys.readouterr().out)
    assert "action 0: " in told
    saved = json.loads((tmp_path / "world" / "judgement.json").read_text())
    assert saved["video"] == "its training video"
    assert saved["rollout_psnr"] > 0
    assert len(saved["effects"]) == saved["codes"]
    card = (tmp_path / "world" / "README.md").read_text()
    for stage in PLAN.stages:
        assert f"| {stage} | 1 |" in card
    assert "- preset: debug" in card


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("world", 5, "a group of settings"),
        ("recipe.tokenizer", 5, "a group of settings"),
        ("recipe.tokenizer.steps", "many", "is a number"),
        ("world.tokenizer.height", 32, "leave the size of frames"),
    ],
)
def test_settings_keep_their_kind(path, value, message, data, tmp_path):
    with pytest.raises(GenieGymError, match=message):
        train_world(data, tmp_path, "debug", settings={path: value})


@pytest.mark.parametrize(
    ("size", "grid", "merge"),
    [((64, 64), (8, 8), 2), ((48, 24), (6, 4), 2), ((90, 160), (12, 20), 2), ((210, 160), (28, 20), 4)],
)
def test_frames_of_any_size_are_few_positions(size, grid, merge):
    """The token grid is padded until its tokens merge, and of larger frames more are merged."""
    fitted = PRESETS["tiny"].for_video(*size, 10.0, {}).world
    assert (fitted.tokenizer.grid, fitted.dynamics.merge) == (grid, merge)
    with torch.device("meta"):
        assert Genie1World(fitted).dynamics.positions <= 65


def test_pictures_are_drawn_of_the_shortest_episodes_too(tmp_path):
    path = tmp_path / "short.h5"
    with VideoWriter(path, 64, 64, 15.0, {"kind": "test"}) as writer:
        for length in (4, 5, 6):
            writer.append(Episode(np.random.default_rng(length).integers(256, size=(length, 64, 64, 3), dtype=np.uint8)))
    stage = make_stage("latent_actions", fresh_world(), VideoDataset(path))
    for seed in range(5):
        assert stage.pictures(np.random.default_rng(seed)).std() > 0


def test_a_checkpoint_of_other_networks_is_refused_in_a_sentence(data, tmp_path):
    trainer = Trainer(make_stage("dynamics", fresh_world(), data), CONFIG, tmp_path)
    trainer.save()
    smaller = Genie1World(replace(PRESETS["debug"].world, dynamics=replace(PRESETS["debug"].world.dynamics, model_dim=16)))
    with pytest.raises(GenieGymError, match="other networks"):
        Trainer(make_stage("dynamics", smaller, data), CONFIG, tmp_path)


def test_starts_stand_in_the_middle_too(data):
    starts = pick_starts(data)
    first = [np.array_equal(start, data.frames(i)[0]) for i, start in enumerate(starts)]
    assert all(first[::2])
    assert not all(first)


def test_the_dynamics_teach_the_latent_actions_nothing(data):
    """Codes are learned from motion alone, as in Genie: the dynamics' gradient stops at them."""
    world = fresh_world().train()
    video = as_float(torch.from_numpy(data.sample_clips(np.random.default_rng(0), 2, 5)))
    dynamics_loss(world, video, MaskingConfig())["total"].backward()
    assert all(p.grad is None or not p.grad.any() for p in world.latent_actions.parameters())
    assert world.dynamics.action_in.weight.grad is not None


def test_a_world_is_trained_resumed_and_saved(data, video_path, tmp_path):
    settings = {f"recipe.{n}.{k}": v for n in PLAN.stages for k, v in {"device": "cpu", "steps": 3}.items()}
    world = train_world(data, tmp_path, "debug", settings=settings)
    assert {(o.reward, o.terminated) for o in world.config.outcomes} == {(0.0, False), (1.0, True), (0.0, True)}
    assert int(world.outcome_head.label_count) == int((data.lengths - 1).sum())
    assert (tmp_path / "dynamics.png").exists()
    loaded = load_world(tmp_path / "world", "cpu")
    assert len(loaded.starts) == len(data)
    again = train_world(data, tmp_path, "debug", settings=settings)  # nothing left to do
    for name, value in world.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    shutil.rmtree(tmp_path)


def test_outcomes_are_matched_by_ending_first(debug_world):
    found = outcome_index(debug_world, np.array([0.0, 0.9, 0.2]), np.array([False, True, False]))
    assert found.tolist() == [0, 1, 0]


def test_unknown_presets_and_stages_are_refused(data):
    with pytest.raises(GenieGymError, match="Did you mean 'tiny'"):
        train_world(data, "unused", "tinny")
    with pytest.raises(GenieGymError, match="Did you mean 'dynamics'"):
        train_world(data, "unused", "debug", stages=["dynamic"])


def test_two_processes_train_one_world(video_path, tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2",
               "-m", "genie_gym", "train", "--data", str(video_path), "--out", str(tmp_path), "--preset", "debug",
               "--device", "cpu", "--steps", "latent_actions", "3", "tokenizer", "3", "dynamics", "3",
               "heads", "3"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr[-2000:]
    assert load_world(tmp_path / "world", "cpu").actions.count == 8


def short_video(path, length: int, labels: bool = True) -> VideoDataset:
    rng = np.random.default_rng(0)
    with VideoWriter(path, 64, 64, 15.0, {"kind": "test"}) as writer:
        for _ in range(4):
            frames = rng.integers(0, 255, (length, 64, 64, 3), dtype=np.uint8)
            steps = np.zeros(length - 1)
            told = (steps.astype(np.int64), steps.astype(np.float32), steps.astype(bool)) if labels else ()
            writer.append(Episode(frames, *told))
    return VideoDataset(path)


@pytest.mark.parametrize(("length", "settings", "needed"), [(4, {}, 5), (5, {"world.dynamics.window": 6}, 6)])
def test_what_a_later_stage_lacks_is_said_before_the_first_begins(length, settings, needed, tmp_path):
    """Of dynamics a clip is five frames long, of the heads as long as what dynamics sees."""
    data = short_video(tmp_path / "short.h5", length)
    with pytest.raises(GenieGymError, match=rf"no episode .* has {needed} frames; the longest has {length}"):
        train_world(data, tmp_path / "run", "debug", settings=settings)
    assert not list((tmp_path / "run").glob("*.pt"))


def test_a_stage_that_is_asked_for_and_has_no_labels_is_refused(tmp_path):
    data = short_video(tmp_path / "plain.h5", 8, labels=False)
    with pytest.raises(GenieGymError, match="has not what the stage heads learns from"):
        train_world(data, tmp_path / "run", "debug", ["tokenizer", "heads"])
