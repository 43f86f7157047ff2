"""The simulators' bench and gallery, on a few worlds."""

import json

import numpy as np
import pytest
from PIL import Image

from genie_gym.cli import main
from genie_gym.envs import gallery
from genie_gym.errors import GenieGymError
from genie_gym.evaluation import bench_simulator as bench_module
from genie_gym.evaluation.bench_simulator import bench_simulator


@pytest.mark.parametrize("env_id", ["GenieSim/Town-v0", "GenieSim/Arm-v0"])
def test_bench_writes_its_numbers(env_id, tmp_path, monkeypatch):
    for name, value in (("WORLDS", 4), ("STEPS", 5), ("REBUILDS", 2), ("WARM_UP", 1)):
        monkeypatch.setattr(bench_module, name, value)
    assert main(["bench", "--env", env_id, "--json", str(tmp_path / "b.json")]) == 0
    numbers = json.loads((tmp_path / "b.json").read_text())
    assert numbers["frames_per_second"] > numbers["frames_per_second_with_masks"] * 0.5 > 0
    assert numbers["slowest_world_fps"] <= numbers["frames_per_second"] * 1.01
    assert numbers["rebuilds"] == 2
    assert numbers["reset_ms"] > 0


def test_bench_refuses_options_that_are_none():
    with pytest.raises(GenieGymError, match="does not take"):
        bench_simulator("GenieSim/Town-v0", env_kwargs={"wings": 2})
    with pytest.raises(GenieGymError, match="by itself"):
        bench_simulator("GenieSim/Town-v0", env_kwargs={"obs": ("rgb",)})


def test_the_gallery_shows_scenes_events_landmarks_and_the_arm(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "SCENES", ("village", "arena"))
    monkeypatch.setattr(gallery, "LANDMARKS", ("well",))
    monkeypatch.setattr(gallery, "EVENT_ROWS", gallery.EVENT_ROWS[:2] + gallery.EVENT_ROWS[-1:])
    monkeypatch.setattr(gallery, "WALK_STEPS", 6)
    paths = gallery.gallery(tmp_path, samples=0)
    assert {path.stem for path in paths} == {
        "town_sunny", "town_rainy", "town_snowy", "town_foggy", "town_events", "town_landmarks", "arm", "town_walk",
    }  # fmt: skip
    sheets = {path.stem: np.asarray(Image.open(path)).astype(int) for path in paths if path.suffix == ".png"}
    assert Image.open(paths[-1]).n_frames == 2 * len(gallery.WALK)
    assert np.abs(sheets["town_sunny"] - sheets["town_foggy"]).mean() > 10
    rows = sheets["town_events"][:, 2:322], sheets["town_events"][:, 324:644]
    for k in range(3):  # each event changes its row: the last one by the height of a jump
        before, after = (side[2 + 194 * k : 182 + 194 * k] for side in rows)
        assert np.abs(before - after).mean() > 2, k
