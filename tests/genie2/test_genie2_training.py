import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from room import CAMERA, CLASSES, SOURCE, record

from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError
from genie_gym.genie2.config import PRESETS, Genie2Config
from genie_gym.genie2.keys import key_table
from genie_gym.genie2.perception import UNLABELLED
from genie_gym.genie2.rgbd import pack
from genie_gym.genie2.training import PLAN, pick_starts
from genie_gym.genie2.views import NOTHING, RecordedViews, class_table
from genie_gym.genie2.world import Genie2World
from genie_gym.geometry.level import to_level
from genie_gym.models.tokenizer import as_float
from genie_gym.text.spec import SceneTransition, event_to_json
from genie_gym.training.trainer import Trainer


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> VideoDataset:
    return VideoDataset(record(tmp_path_factory.mktemp("room") / "room.h5", episodes=5, beacon=True))


def test_every_stage_trains_and_draws(data, tmp_path: Path):
    preset = PLAN.fitted("debug", {}, data, PLAN.stages)
    world = PLAN.build(preset, data)
    assert world.camera == CAMERA
    for name, make_stage in PLAN.stages.items():
        stage = make_stage(world, data, preset.recipe)
        before = {key: value.clone() for key, value in stage.checkpoint()[stage.parts[0]].items()}
        metrics = Trainer(stage, replace(getattr(preset.recipe, name), steps=3, warmup=1), tmp_path).run()
        assert all(np.isfinite(value) for value in metrics.values())
        after = stage.checkpoint()[stage.parts[0]]
        assert any(not torch.equal(before[key], after[key]) for key in before), name
        assert (tmp_path / f"{name}.png").exists() == (name not in ("keys", "tasks"))


def test_imagined_views_are_held_against_later_ones(data):
    """True ones agree, others do not; and the network learns from it."""
    preset = PLAN.fitted("debug", {"recipe.consistency": 1.0, "recipe.past.others": 2}, data, PLAN.stages)
    world = PLAN.build(preset, data)
    stage = PLAN.stages["imagination"](world, data, preset.recipe)
    batch = stage.sample(np.random.default_rng(0), 8)
    assert batch["frames"].shape[1] == 1 + 3 + 1
    numbers = np.array([0, 3, int(data.lengths[0]) - 2])
    assert RecordedViews.of(data).later(np.random.default_rng(0), numbers, (2, 3)).tolist() == [2, 5, data.lengths[0] - 1]
    seen = stage.look(batch)
    true = pack(as_float(batch["frames"][:, 0]), batch["inverse_depth"][:, 0])
    false = pack(as_float(batch["frames"][:, 0]).flip(2), batch["inverse_depth"][:, 0] * 1.3)
    agree, disagree = (float(stage._disagreement(painted, seen, batch)) for painted in (true, false))
    assert agree < 0.6 * disagree
    loss, metrics = stage(batch)
    assert "consistency" in metrics
    loss.backward()
    assert any(p.grad is not None and bool(p.grad.any()) for p in world.imagination.parameters())


def test_classes_are_those_of_the_simulator(data):
    named = [CLASSES[k] if k != UNLABELLED else None for k in class_table(data, 0)]
    assert named == ["ground", None, None, None, None, "beacon", "sky"]
    assert PLAN.build(PLAN.fitted("debug", {}, data, PLAN.stages), data).perception.classes == CLASSES
    semantic = RecordedViews.of(data).semantic(3)
    assert np.isin(semantic, [CLASSES.index("ground"), UNLABELLED]).all()


def test_the_world_says_how_many_labels_it_learned_from(data):
    preset = PLAN.fitted("debug", {"recipe.labelled_keys": 20}, data, PLAN.stages)
    world = PLAN.build(preset, data)
    assert world.tasks == ()  # it has not learned any
    for name in ("perception", "keys", "tasks"):
        PLAN.stages[name](world, data, preset.recipe)
    assert int(world.perception.label_count) == data.num_frames
    assert int(world.keys_to_motion.label_count) == 20
    assert world.task_head is not None
    assert int(world.task_head.label_count) == data.num_frames
    assert world.tasks == ("reach_beacon",)


def test_goals_are_looked_for_only_where_tasks_are_trained(tmp_path: Path, monkeypatch):
    fresh = VideoDataset(record(tmp_path / "room.h5", episodes=1))
    monkeypatch.setattr(VideoDataset, "truth", lambda *_: pytest.fail("it read ground truth"))
    preset = PLAN.fitted("debug", {}, fresh, ("perception", "keys"))
    assert PLAN.build(preset, fresh).config.goals == ()


def test_video_without_ground_truth_is_refused(video_path):
    with pytest.raises(GenieGymError, match="record one with"):
        PLAN.fitted("debug", {}, VideoDataset(video_path), PLAN.stages)


@pytest.mark.parametrize("other", [{"source": SOURCE | {"action_meanings": []}}, {"vectors": True}])
def test_actions_that_are_no_keys_of_town_are_refused(other, tmp_path: Path):
    """The robot arm's, and Town's own when they are continuous."""
    with pytest.raises(GenieGymError, match=r"other actions, or keys without names: record one with"):
        PLAN.fitted("debug", {}, VideoDataset(record(tmp_path / "other.h5", episodes=1, steps=4, **other)), PLAN.stages)


def test_poses_are_level_and_forward_is_forward(data):
    views = RecordedViews.of(data)
    keys = data.episode(0).actions
    assert keys is not None
    motion = to_level(torch.from_numpy(views.poses[:23]), torch.from_numpy(views.poses[1:24]))
    walked = motion[torch.from_numpy(keys == 1)]
    assert torch.allclose(walked[:, :2], torch.zeros(()), atol=1e-4)
    assert float(walked[:, 2].max()) == pytest.approx(0.12, abs=1e-4)
    right = motion[torch.from_numpy(keys == 4)]
    assert len(right) == 0 or torch.allclose(right[:, 3], torch.tensor(np.radians(5.0)).float(), atol=1e-4)


def test_what_moves_is_known_a_pixel(data):
    """A thing of number 7 stands at the left; it moves by 10 cm to the camera's right."""
    views = RecordedViews(data)
    views.instance[0, 20:30, 10:20] = 7
    here = views.poses[0, :3, 3]
    right = views.poses[0, :3, 0] * 0.1
    back = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], np.float32)  # level to z up
    entities = np.zeros((24, 1, 8), np.float32)
    entities[:, 0, 0] = 7
    entities[0, 0, 1:4], entities[1, 0, 1:4] = back @ here, back @ (here + right)
    views.entities[0], views.beings[0] = entities, {7}
    kinds, motion = views.kinds(0), views.motion(0)
    assert set(np.unique(kinds)) == {NOTHING, 2}
    assert (kinds[20:30, 10:20] == 2).all()
    assert np.allclose(motion[25, 15], [0.1, 0, 0], atol=1e-4)
    assert np.allclose(motion[0, 0], 0)


def test_looking_back_stays_in_the_episode(data):
    views = RecordedViews.of(data)
    numbers = views.looks_back(np.random.default_rng(0), 200, (1, 4), (4, 30), 3)
    assert (views.episode_of[numbers] == views.episode_of[numbers[:, :1]]).all()
    assert (numbers[:, 1:] < numbers[:, :1]).all()


def test_a_survey_teaches_what_frames_show_and_no_steps(data, tmp_path: Path):
    survey = record(tmp_path / "survey.h5", episodes=1, behaviour="survey")
    both = VideoDataset([data.paths[0], survey])
    views, rng = RecordedViews.of(both), np.random.default_rng(0)
    assert views.windows(rng, 300, 2).max() < data.num_frames
    assert views.looks_back(rng, 300, (1, 4), (4, 30), 3).max() < data.num_frames
    preset = PLAN.fitted("debug", {}, both, PLAN.stages)
    seen = PLAN.stages["perception"](PLAN.build(preset, both), both, preset.recipe)
    assert int(seen.world.perception.label_count) == both.num_frames
    alone = VideoDataset(survey)
    with pytest.raises(GenieGymError, match="no walk in"):
        RecordedViews.of(alone).windows(rng, 1, 2)
    with pytest.raises(GenieGymError, match="no walk in"):
        PLAN.stages["keys"](PLAN.build(preset, alone), alone, preset.recipe)


def test_nothing_is_learned_across_an_event(tmp_path: Path):
    """After six frames each walk is said to be in another place."""
    transition = event_to_json(SceneTransition("desert"))
    data = VideoDataset(record(tmp_path / "events.h5", episodes=8, events=[(6, transition), (9, transition)]))
    views, rng = RecordedViews.of(data), np.random.default_rng(0)
    for numbers in (views.windows(rng, 300, 2), views.looks_back(rng, 300, (1, 4), (4, 30), 3), views.known):
        assert (numbers - data.offsets[views.episode_of[numbers]]).max() == 5
    assert len(key_table(views, 1000)["keys"]) == 8 * 4  # five steps of each walk, from the second on
    before = np.concatenate([data.frames(i, slice(6)) for i in range(8)])
    assert all((before == start).all((1, 2, 3)).any() for start in pick_starts(data)[0])


def test_genie2_10b_has_its_size():
    with torch.device("meta"):
        world = Genie2World(PRESETS["genie2-10b"].world)
    assert 0.9e10 < sum(p.numel() for p in world.parameters()) < 1.1e10


@pytest.mark.parametrize("preset", PRESETS)
def test_configurations_come_back_from_json(preset):
    config = PRESETS[preset].world
    assert Genie2Config.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize("change", [{"memory": {"slots": 10**9}}, {"memory": {"slots": 1}}, {"camera": {"height": 10**6}}])
def test_sizes_from_elsewhere_are_bounded(change):
    config = PRESETS["debug"].world.to_dict()
    for part, values in change.items():
        config[part] |= values
    with pytest.raises(GenieGymError, match=r"at most|slots"):
        Genie2Config.from_dict(config)
