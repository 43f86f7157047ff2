"""Does it know what it sees? A world that stands before three blocks, with a perception that knows them, or errs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from block_scenes import CAMERA, CLASSES, Block, at, look
from torch import nn

from genie_gym.datasets.video import Episode, VideoDataset, VideoWriter
from genie_gym.evaluation.measure import NOTES, EvaluateConfig, Evaluation
from genie_gym.genie2.config import PRESETS
from genie_gym.genie2.seen import NEEDED, STEPS, graphs, mean_iou, semantics
from genie_gym.genie2.world import Genie2World
from genie_gym.geometry.level import TO_LEVEL
from genie_gym.geometry.percept import Percept

BLOCKS = [Block("crate", -2, 5), Block("tree", 1.5, 7, wide=0.6, high=3)]
DEPTH, KINDS, NUMBER = look(BLOCKS, at())
POSE = at(3.0, -2.0, turned=40.0)  # where all this is, in the simulator's world


class Knows(nn.Module):
    """Perception that sees this one view, with its trees taken for lamps where `confused`, and all of it `farther`."""

    def __init__(self, confused: bool = False, farther: float = 1.0):
        super().__init__()
        kinds = np.where(CLASSES.index("tree") == KINDS, CLASSES.index("lamp"), KINDS) if confused else KINDS
        self.semantic, self.depth = torch.from_numpy(kinds), torch.from_numpy(DEPTH).float() * farther
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, frames: torch.Tensor) -> Percept:
        rows = (len(frames), -1, -1)
        nothing = torch.zeros(len(frames), *KINDS.shape, dtype=torch.bool)
        velocity, pitch = torch.zeros(len(frames), 3, *KINDS.shape), torch.zeros(len(frames))
        return Percept(1 / self.depth.expand(rows), nothing, nothing, velocity, pitch, self.semantic.expand(rows))


def stand(path: Path, hidden: str | None = None) -> VideoDataset:
    """Stands there for a while; a thing may be hidden at first."""
    steps, up = STEPS + 2, TO_LEVEL.T
    centres = [(POSE[:3, :3] @ np.array(block.centre) + POSE[:3, 3]) for block in BLOCKS]
    graph = [
        {
            "id": n + 1,
            "class": block.name,
            "behaviour": None,
            "centre": (up[:3, :3] @ centre).tolist(),
            "size": [block.wide, block.wide, block.high],
            "rotation": [1, 0, 0, 0],
        }
        for n, (block, centre) in enumerate(zip(BLOCKS, centres, strict=True))
    ]
    seen = {
        "instance": np.where(DEPTH > 500, -1, NUMBER + 1).astype(np.int16),
        "pose": (up @ POSE).astype(np.float32),
        "entities": np.zeros((0, 8), np.float32),
    }
    with VideoWriter(path, CAMERA.height, CAMERA.width, 24, {"classes": CLASSES}) as writer:
        none = np.zeros(steps - 1)
        truth = {name: np.stack([value] * steps) for name, value in seen.items()}
        for number, block in enumerate(BLOCKS):
            if block.name == hidden:
                truth["instance"][:2] = np.where(truth["instance"][:2] == number + 1, 0, truth["instance"][:2])
        frames = np.full((steps, CAMERA.height, CAMERA.width, 3), 90, np.uint8)
        classes = [CLASSES.index(name) for name in ("ground", *(block.name for block in BLOCKS), "sky")]
        about = {"scene_graph": graph, "instance_classes": classes}
        writer.append(Episode(frames, none.astype(int), none.astype(np.float32), none.astype(bool), "", truth, about))
    return VideoDataset(path)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return stand(tmp_path_factory.mktemp("seen") / "v.h5")


def evaluation(data: VideoDataset, perception: nn.Module) -> Evaluation:
    world = Genie2World(replace(PRESETS["debug"].world, camera=CAMERA, classes=CLASSES))
    world.perception = perception
    for weight in world.keys_to_motion.parameters():  # keys do nothing: it stands
        nn.init.zeros_(weight)
    return Evaluation(world.eval(), data, EvaluateConfig(clips=8), np.random.default_rng(0))


def test_who_knows_the_classes_and_the_depth_finds_everything(data):
    given = evaluation(data, Knows())
    classes = semantics(given)
    assert (classes["semantic_miou"], classes["semantic_accuracy"], classes["semantic_classes"]) == (1, 1, 4)
    found = graphs(given)
    for when in ("", "_at_24"):
        assert (found[f"graph_precision{when}"], found[f"graph_recall{when}"]) == (1, 1), when
        assert found[f"graph_recall{when}_interval"] == (1, 1)
    assert (found["graph_seen_at_24"], found["graph_recall_at_24_of_seen"]) == (1, 1)


def test_a_class_taken_for_another_costs_both(data):
    given = evaluation(data, Knows(confused=True))
    classes = semantics(given)
    assert classes["semantic_miou"] == pytest.approx(3 / 4, abs=1e-3)
    assert classes["semantic_accuracy"] == pytest.approx((CLASSES.index("tree") != KINDS).mean())
    found = graphs(given)
    assert (found["graph_precision"], found["graph_recall_at_24"]) == (0.5, 0.5)


def test_what_the_first_frame_does_not_show_is_told_apart(tmp_path):
    given = evaluation(stand(tmp_path / "v.h5", hidden="tree"), Knows(confused=True))
    found = graphs(given)
    assert (found["graph_seen_at_24"], found["graph_recall_at_24"], found["graph_recall_at_24_of_seen"]) == (0.5, 0.5, 1)


def test_things_that_are_seen_too_far_away_are_not_found(data):
    assert graphs(evaluation(data, Knows(farther=1.6)))["graph_recall"] == 0


def test_classes_that_occur_count_alike_whatever_their_size():
    real, told = np.array([[100, 4, 0], [100, 4, 0]]), np.array([[100, 0, 4], [100, 4, 0]])
    both = np.array([[100, 0, 0], [100, 4, 0]])
    assert mean_iou(both, real, told) == (1 + 0.5) / 2


def test_video_without_the_truth_is_not_measured_and_that_is_said(data, tmp_path):
    with VideoWriter(tmp_path / "v.h5", CAMERA.height, CAMERA.width, 24, {}) as writer:
        writer.append(Episode(data.frames(0)))
    given = evaluation(VideoDataset(tmp_path / "v.h5"), Knows())
    assert semantics(given)[NOTES] == [
        "classes were not measured: the video lacks instance; record it with --truth instance"
    ]
    assert f"record it with --truth {' '.join(NEEDED)}" in graphs(given)[NOTES][0]
