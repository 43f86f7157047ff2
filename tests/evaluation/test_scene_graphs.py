import numpy as np
import pytest
from block_scenes import CAMERA, CLASSES, Block, at, look

from genie_gym.datasets.video import Episode, VideoDataset, VideoWriter
from genie_gym.errors import GenieGymError
from genie_gym.evaluation.scene_graphs import score_recording, smooth_error, true_views
from genie_gym.geometry.level import TO_LEVEL

BLOCKS = [Block("crate", -2, 5), Block("tree", 1.5, 7, wide=0.6, high=3), Block("lamp", 3, 8, 0.3, 3)]
POSES = [at(0.1 * step, 0.1 * step, turned=4.0 * step) for step in range(12)]


@pytest.fixture
def recording(tmp_path):
    """A walk among blocks, as the simulator keeps it: z up, ids from 1; the crate can move, and has."""

    def record(*left_out: str) -> VideoDataset:
        views = [look(BLOCKS, pose) for pose in POSES]
        up = TO_LEVEL[:3, :3].T
        entities = np.zeros((len(POSES), 1, 8), np.float32)
        entities[:, 0] = [1, *up @ BLOCKS[0].centre, 1, 0, 0, 0]
        graph = [
            {
                "id": n + 1,
                "class": block.name,
                "centre": (up @ block.centre + (n == 0)).tolist(),
                "size": [block.wide, block.wide, block.high],
                "rotation": [1, 0, 0, 0],
            }
            for n, block in enumerate(BLOCKS)
        ]
        truth = {
            "depth": np.stack([depth for depth, _, _ in views]).astype(np.float16),
            "semantic": np.stack([kinds for _, kinds, _ in views]).astype(np.uint8),
            "instance": (np.stack([number for _, _, number in views]) + 1).astype(np.int16),
            "pose": np.stack([TO_LEVEL.T @ pose for pose in POSES]).astype(np.float32),
            "entities": entities,
        }
        intrinsics = [[CAMERA.focal, 0, CAMERA.width / 2], [0, CAMERA.focal, CAMERA.height / 2], [0, 0, 1]]
        frames = np.zeros((len(POSES), CAMERA.height, CAMERA.width, 3), np.uint8)
        with VideoWriter(tmp_path / "walk.h5", CAMERA.height, CAMERA.width, 24, {}) as writer:
            kept = {name: values for name, values in truth.items() if name not in left_out}
            writer.append(Episode(frames, truth=kept, description={"scene_graph": graph, "intrinsics": intrinsics}))
        return VideoDataset(tmp_path / "walk.h5")

    return record


def test_with_true_depth_all_is_found_and_keeps_its_id(recording):
    data = recording()
    score = score_recording(data, CLASSES)
    assert score.frames == len(POSES)
    assert (score.precision, score.recall, score.kept) == (1, 1, 1)
    assert score.metres < 0.3
    assert score_recording(data, CLASSES, stride=3).frames == 4


def test_wrong_depth_costs(recording):
    data = recording()
    assert score_recording(data, CLASSES, depth_error=0.1).metres > score_recording(data, CLASSES).metres
    assert score_recording(data, CLASSES, depth_error=1.0).recall < 0.7


def test_what_moves_is_where_it_is_now(recording):
    view = next(true_views(recording(), 0))
    crate = next(thing for thing in view.graph.objects if thing.name == "crate")
    assert crate.centre == pytest.approx(BLOCKS[0].centre, abs=1e-3)
    assert crate.pixels > 100
    tree = next(thing for thing in view.graph.objects if thing.name == "tree")
    assert tree.size == pytest.approx((0.6, 3, 0.6))


def test_a_recording_without_the_truth_is_refused(recording):
    with pytest.raises(GenieGymError, match="has no instance and no semantic"):
        score_recording(recording("instance", "semantic"), CLASSES)


def test_errors_of_depth_are_as_large_as_said_and_smooth():
    fields = smooth_error(np.random.default_rng(0), (90, 160))
    some = np.stack([next(fields) for _ in range(400)])
    assert some.std() == pytest.approx(1, abs=0.1)
    assert abs(some.mean()) < 0.2
    assert np.abs(np.diff(some, axis=2)).max() < 0.3
