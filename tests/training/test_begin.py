from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from genie2.room import GOALS, record

from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError
from genie_gym.genie2.training import PLAN
from genie_gym.genie2.world import Genie2World
from genie_gym.pretrained import load_world, save_world
from genie_gym.training.begin import begin_with
from genie_gym.training.train import _begun_with, train_world

WIDER = {"world.perception.unet.widths": (8, 32, 48)}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> VideoDataset:
    return VideoDataset(record(tmp_path_factory.mktemp("room") / "room.h5", episodes=3))


def built(data: VideoDataset, settings: dict[str, Any]) -> Genie2World:
    """An untrained world that does not say the same of all pixels."""
    world: Genie2World = PLAN.build(PLAN.fitted("debug", settings, data, ["perception"]), data)
    torch.nn.init.normal_(world.perception.unet.leave.weight, generator=torch.Generator().manual_seed(len(settings)))
    return world


@torch.no_grad()
@pytest.mark.parametrize("settings", [{}, WIDER])
def test_a_world_begins_with_what_another_sees(data, settings):
    """As wide, or wider."""
    world, other, unlike = built(data, {}), built(data, settings), built(data, WIDER)
    begin_with(other, world)
    frames = torch.from_numpy(world.starts.frames[:4]).movedim(3, 1) / 255
    told, again, fresh = (some.perception.read(frames) for some in (world, other, unlike))
    assert (again.log_depth - told.log_depth).abs().mean() < 0.1 * (fresh.log_depth - told.log_depth).abs().mean()
    one, two = (some.perception.classify(read.levels) for some, read in ((world, told), (other, again)))
    assert (one - two).norm() < 0.2 * one.norm()
    latent_actions = [some.latent_actions.state_dict() for some in (world, other)]
    assert all(torch.equal(value, latent_actions[1][name]) for name, value in latent_actions[0].items())


def test_what_is_not_trained_stays(data, tmp_path: Path):
    """Its sizes, networks and tasks, where these begin, and who composes its places; of recordings that teach none of it."""
    first = built(data, {"world.goals": GOALS[:1], "world.composer": "genie3"} | WIDER)
    first.starts = replace(first.starts, tasks={"reach_beacon": first.starts.frames[:2]})
    assert first.task_head is not None
    first.task_head.label_count.fill_(10)
    first.keys_to_motion.label_count.fill_(100)
    short = {"recipe.keys.steps": 1, "recipe.keys.warmup": 1}
    save_world(first, tmp_path / "first")
    again = train_world(data, tmp_path / "out", "debug", ["keys"], short, "genie2", init_from=tmp_path / "first")
    assert isinstance(again, Genie2World)
    assert again.config.goals == GOALS[:1]
    assert again.config.composer == "genie3"
    assert again.provenance.made["begun_with"] == first.provenance.made
    assert (
        int(again.keys_to_motion.label_count) == PLAN.presets["debug"].recipe.labelled_keys + 100
    )  # what it began with counts
    assert _begun_with(tmp_path / "out", None) == str(tmp_path / "first")  # who goes on need not say so again
    with pytest.raises(GenieGymError, match=r"was begun with .*first, not genie2"):
        _begun_with(tmp_path / "out", "genie2")
    assert PLAN.fitted("debug", {}, data, PLAN.stages).world.goals == ()
    assert PLAN.like(first).fitted("debug", {}, data, PLAN.stages).world.goals == GOALS[:1]  # it shows none
    assert again.config.perception == first.config.perception
    assert (again.starts.tasks["reach_beacon"] == first.starts.frames[:2]).all()
    before, after = load_world(tmp_path / "first", "cpu").parts(), again.parts()  # files are in half precision
    assert set(before) == set(after)
    for name, part in before.items():
        pairs = zip(part.state_dict().values(), after[name].state_dict().values(), strict=True)
        assert all(torch.equal(*pair) for pair in pairs) == (name != "keys_to_motion"), name


def test_worlds_that_are_too_different_are_refused(data, tmp_path: Path):
    with pytest.raises(GenieGymError, match="family genie2 cannot begin with one of genie1"):
        train_world(data, tmp_path, "debug", ["perception"], family="genie2", init_from="genie1")
    with pytest.raises(GenieGymError, match="imagination cannot begin with that world's"):
        begin_with(built(data, {"world.imagination.unet.widths": (16, 16, 16)}), built(data, {}))
    with pytest.raises(GenieGymError, match=r"cannot begin with one of \(8, 32, 48\)"):
        begin_with(built(data, {}), built(data, WIDER))
