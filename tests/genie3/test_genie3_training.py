"""Genie 3 is trained by the commands that train every world, from small recordings of Town."""

from pathlib import Path

import numpy as np
import pytest
import torch

from genie_gym.cli import main
from genie_gym.datasets.video import VideoDataset
from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.errors import GenieGymError
from genie_gym.genie3.recorded import labelled_steps, recorded_layouts, wades, walks
from genie_gym.genie3.training import PLAN
from genie_gym.judgement import Judgement
from genie_gym.places.place import Place, Water
from genie_gym.pretrained import load_world
from genie_gym.training import train
from genie_gym.training.train import train_world

OBSERVED = ("rgb", "depth", "semantic", "instance", "pose")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Holds walks.h5 (48x80), near.h5 (60x100) and the world that was made of both, world/."""
    folder = tmp_path_factory.mktemp("genie3")
    record = ["record", "--source", "town", "--num-envs", "1", "--max-episode-steps", "20", "--option", "scene", "village"]
    walking = ["--frames", "42", "--size", "48", "80", "--mix", "wander=1", "--layouts", "8", "--twins"]
    assert main([*record, *walking, "--out", str(folder / "walks.h5")]) == 0
    near = ["--frames", "20", "--size", "60", "100", "--mix", "survey=1", "--seed", "5"]
    assert main([*record, *near, "--out", str(folder / "near.h5")]) == 0
    training = ["train", "--family", "genie3", "--preset", "debug", "--device", "cpu", "--out", str(folder)]
    assert main([*training, "--data", str(folder / "walks.h5"), str(folder / "near.h5")]) == 0
    return folder


def test_a_prompt_is_walked_in(folder):
    world = load_world(folder / "world", "cpu")
    assert world.frame_shape == (48, 80, 3)
    assert "forward" in world.key_names
    envs = GenieVectorEnv(2, world, prompt="a snowy village at dusk with a well", obs=OBSERVED, action_mode="keyboard")
    seen, _ = envs.reset(seed=0)
    assert seen["rgb"].shape == (2, 48, 80, 3)
    assert envs.reports[0].ignored == []
    assert all("well" in [thing.name for thing in place.things] for place in envs.place())
    before, known = seen["pose"], world.motion.stride.wanted.abs().amax(1)  # a few steps do not show all keys
    for _ in range(6):
        seen, *_ = envs.step(np.array([int(known.argmax())] * 2))
    assert np.isfinite(seen["depth"]).all()
    assert np.abs(seen["pose"] - before).max() > 0.05


def test_who_looks_is_as_tall_as_in_recordings(folder):
    assert load_world(folder / "world", "cpu").config.eye == pytest.approx(1.6, abs=0.02)


def test_it_says_what_it_was_made_of(folder):
    made = load_world(folder / "world", "cpu").provenance.made
    assert set(made["stages"]) == set(PLAN.stages)
    assert made["stages"]["assets"]["steps"] == 1
    sizes = [VideoDataset(folder / name) for name in ("walks.h5", "near.h5")]
    assert made["episodes"] == sum(map(len, sizes))
    card = (folder / "world" / "README.md").read_text()
    assert "| assets | 1 |" in card
    assert "told by what stands where" in card
    assert (folder / "assets.png").exists()
    assert not (folder / "assets.unfinished").exists()


def test_what_is_computed_is_not_computed_again(folder, capsys, monkeypatch):
    monkeypatch.setattr(train, "judge", lambda *_: Judgement(video="none", clips=0))
    before = load_world(folder / "world", "cpu")
    data = VideoDataset(folder / "walks.h5")
    world = train_world(data, folder, stages=["keys"], settings={"recipe.keys.steps": 1}, family="genie3")
    assert "assets: computed" not in capsys.readouterr().out
    assert world.library.config == before.library.config
    assert torch.equal(world.library.position, before.library.position)
    assert torch.equal(world.layout.mined_records.half(), before.layout.mined_records.half())
    with pytest.raises(GenieGymError, match="give it no minutes"):
        train_world(data, folder, minutes={"assets": 1.0}, family="genie3")


def test_the_library_is_shown(folder, tmp_path, capsys):
    assert main(["sheet", str(folder / "world"), "--assets", "--out", str(tmp_path / "assets.png")]) == 0
    assert "assets of" in capsys.readouterr().out
    assert main(["sheet", str(folder / "world"), "--assets", "--prompts", "a village"]) == 2


def test_recordings_that_do_not_say_enough_are_refused(video_path, tmp_path):
    with pytest.raises(GenieGymError, match="what stands where"):
        train_world(VideoDataset(video_path), tmp_path, "debug", family="genie3")


def test_what_is_read_of_recordings(folder):
    data = VideoDataset(folder / "walks.h5")
    assert len(recorded_layouts(data, 1000)) == len(data) + 8
    assert len(recorded_layouts(data, 5)) == 5
    assert walks(data).tolist() == list(range(len(data)))
    with pytest.raises(GenieGymError, match="nobody walks"):
        walks(VideoDataset(folder / "near.h5"))
    steps = labelled_steps(data, data.source["vocabulary"]["weathers"], 30)
    assert {name: len(values) for name, values in steps.items()} == dict.fromkeys(
        ("keys", "walk", "aloft", "motion", "weather", "wading"), 30
    )


def test_one_wades_where_water_is_shallow_and_covers_the_ground():
    waters = (Water(0.3, (-8.0, -8.0, 0.0, 8.0), shallow=True), Water(0.3, (0.0, -8.0, 8.0, 8.0)))
    rising = np.array([[0.0, 0.0], [1.0, 1.0]], np.float32)  # to the north
    points = np.array([[-4.0, -6.0], [-4.0, 6.0], [4.0, -6.0]])
    assert wades(Place(half=8.0, heights=rising, waters=waters), points).tolist() == [True, False, False]
    assert not wades(None, points).any()


def test_another_simulators_place_is_entered(tmp_path):
    """A table with an arm: no weather, no keys with names, no words."""
    record = ["record", "--source", "arm", "--num-envs", "1", "--max-episode-steps", "12", "--frames", "39"]
    assert main([*record, "--size", "48", "80", "--out", str(tmp_path / "arm.h5")]) == 0
    training = ["train", "--family", "genie3", "--preset", "debug", "--device", "cpu", "--out", str(tmp_path)]
    assert main([*training, "--data", str(tmp_path / "arm.h5")]) == 0
    world, data = load_world(tmp_path / "world", "cpu"), VideoDataset(tmp_path / "arm.h5")
    assert "table" in world.library.config.names
    assert world.vocabulary is None
    assert set(world.provenance.made["stages"]) == set(PLAN.stages) - {"keys"}
    envs = GenieVectorEnv(2, world, place=[data.place(0), None], obs=OBSERVED)
    envs.reset(seed=0)
    envs.step(np.zeros((2, 32), np.float32))
    given, laid = envs.place()
    assert len(given.things) == len(data.place(0).things)
    assert "arm" in [thing.name for thing in laid.things]
    with pytest.raises(GenieGymError, match="prompt"):
        GenieVectorEnv(1, world, prompt="a table")
