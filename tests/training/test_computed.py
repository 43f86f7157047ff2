"""Stages that are computed in one go, and recordings of several frame sizes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from genie_gym.datasets.video import Episode, VideoDataset, VideoWriter
from genie_gym.errors import GenieGymError
from genie_gym.genie1.training import PLAN
from genie_gym.places.place import Place
from genie_gym.training.computed import Computation
from genie_gym.training.plan import TrainerConfig
from genie_gym.training.recordings import Joined, Recordings, parts_of
from genie_gym.training.stage import ComputedStage
from genie_gym.training.train import refuse_computed, share_out

CONFIG = TrainerConfig(steps=1)


class MeanColour(ComputedStage):
    """The mean colour of all frames."""

    name = "mean_colour"

    def __init__(self, data: VideoDataset):
        super().__init__()
        self.data, self.times = data, 0
        self.register_buffer("mean", torch.zeros(3))

    def compute(self, work: Path) -> dict[str, float]:
        self.times += 1
        work.mkdir(parents=True)
        self.mean.copy_(torch.from_numpy(self.data.frames(0).mean((0, 1, 2))))
        return {"red": float(self.mean[0])}

    def checkpoint(self):
        return {"mean": self.mean}

    def restore(self, saved):
        self.mean.copy_(saved["mean"])

    def pictures(self, rng):
        return np.zeros((8, 8, 3), np.uint8)


def video(path: Path, height: int, width: int, value: int) -> Path:
    with VideoWriter(path, height, width, 24.0, {"kind": "test"}) as writer:
        for _ in range(2):
            writer.append(Episode(np.full((3, height, width, 3), value, np.uint8)))
    return path


def test_it_is_computed_once_and_loaded_after(tmp_path, capsys):
    data = VideoDataset(video(tmp_path / "a.h5", 16, 16, 7))
    first = Computation(MeanColour(data), CONFIG, tmp_path / "out")
    assert first.run() == {"red": 7}
    assert first.step == 1
    assert "mean_colour: computed in 0.0 min; red 7" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["mean_colour.png", "mean_colour.pt"]
    again = Computation(MeanColour(data), CONFIG, tmp_path / "out")
    assert again.run() == {}
    assert again.step == 1
    assert again.stage.mean.tolist() == [7, 7, 7]
    assert again.stage.times == 0
    torch.save({"stage": {"another": 1}, "step": 1, "minutes": 0.0}, tmp_path / "out" / "mean_colour.pt")
    with pytest.raises(GenieGymError, match="another version"):
        Computation(MeanColour(data), CONFIG, tmp_path / "out")


def test_it_takes_neither_minutes_nor_steps(video_path):
    data = VideoDataset(video_path)
    plan = replace(PLAN, stages={"mean_colour": MeanColour, **PLAN.stages})
    assert plan.computes("mean_colour")
    assert not plan.computes("tokenizer")
    assert sum(share_out(10.0, plan, list(plan.stages), data).values()) == pytest.approx(10)
    assert share_out(10.0, plan, ["mean_colour"], data) == {}
    with pytest.raises(GenieGymError, match="give it no minutes"):
        share_out({"mean_colour": 2.0}, plan, list(plan.stages), data)
    with pytest.raises(GenieGymError, match="give it no steps"):
        refuse_computed(plan, "mean_colour", "steps")


def test_recordings_are_as_large_as_the_first_file(tmp_path):
    paths = [video(tmp_path / f"{k}.h5", 16 * size, 32, k) for k, size in enumerate((1, 2, 1, 2))]
    data = Recordings(paths)
    assert (data.height, len(data)) == (16, 4)
    assert parts_of(data) == data.parts
    assert [(part.height, part.paths) for part in data.parts] == [(16, paths[::2]), (32, paths[1::2])]
    assert data.parts[1].frames(2).max() == 3
    whole = Joined(data.parts)
    assert [whole.frames(index).shape[1] for index in range(len(whole))] == [16] * 4 + [32] * 4
    assert whole.num_frames == 24
    with pytest.raises(GenieGymError, match="differ in frame size"):
        VideoDataset(paths)
    one = VideoDataset(paths[0])
    assert parts_of(one) == (one,)


def test_files_of_layouts_alone_decide_no_size(tmp_path):
    with VideoWriter(tmp_path / "layouts.h5", 90, 160, 24.0, {"kind": "test"}) as writer:
        writer.append_layout(None, Place())
    data = Recordings([tmp_path / "layouts.h5", video(tmp_path / "a.h5", 16, 16, 7)])
    assert (data.height, len(data)) == (16, 2)
    assert [len(part.layouts) for part in data.parts] == [0, 1]
