"""What is said before a training begins, and the size that is chosen."""

import numpy as np
import pytest
import torch

from genie_gym.cli import main, parse_minutes
from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError
from genie_gym.genie1.training import PLAN
from genie_gym.training.forecast import Forecast, StageForecast, Timing
from genie_gym.training.train import share_out, train_world


@pytest.fixture(scope="module")
def data(video_path) -> VideoDataset:
    return VideoDataset(video_path)


def stage(seconds: float, minutes: float | None = 10.0, recipe_steps: int = 1000) -> StageForecast:
    return StageForecast("dynamics", seconds, recipe_steps, minutes)


def timing_of(data: VideoDataset, seconds: dict[str, float], monkeypatch) -> tuple[Timing, list[str]]:
    """A machine on which a step of each preset takes so long; and which presets were timed."""
    timed: list[str] = []

    def forecast(self: Timing, preset: str) -> Forecast:
        timed.append(preset)
        return Forecast(preset, (stage(seconds[preset]),))

    monkeypatch.setattr(Timing, "forecast", forecast)
    return Timing(PLAN, data, ["dynamics"], {}, {"dynamics": 10.0}), timed


def test_steps_follow_from_the_minutes():
    assert stage(0.6).steps == 1000
    assert stage(0.6).fits
    assert not stage(7.0).fits  # 85 of 1,000 steps
    assert stage(6.0, minutes=None).steps == 1000
    assert stage(6.0, minutes=None).fits  # without minutes all steps are made, however long it takes


@pytest.mark.parametrize(
    ("seconds", "chosen", "timed"),
    [
        ({"mini": 0.1, "tiny": 0.5, "base": 1.0}, "base", ["mini", "tiny", "base"]),
        ({"mini": 0.5, "tiny": 2.5, "base": 9.0}, "tiny", ["mini", "tiny", "base"]),
        ({"mini": 0.5, "tiny": 9.0}, "mini", ["mini", "tiny"]),  # what is larger still is not even timed
        ({"mini": 99.0}, "mini", ["mini"]),
    ],
)
def test_the_largest_size_that_fits_is_chosen(seconds, chosen, timed, data, monkeypatch, capsys):
    timing, found = timing_of(data, seconds, monkeypatch)
    assert timing.choose() == chosen
    assert found == timed
    said = capsys.readouterr().out
    assert ("few even for mini" in said) == (seconds["mini"] == 99.0)


def test_too_large_a_preset_is_warned_of_with_what_fits(data, monkeypatch, capsys):
    timing, _ = timing_of(data, {"mini": 0.5, "tiny": 9.0}, monkeypatch)
    timing.warn("tiny")
    said = capsys.readouterr().out
    assert "7% of its recipe" in said or "6% of its recipe" in said
    assert "no better than copying" in said
    assert "--preset mini gets more" in said
    timing.warn("mini")
    assert "too little" not in capsys.readouterr().out


def test_large_frames_are_named_as_what_costs(data, monkeypatch, capsys):
    timing, _ = timing_of(data, {"mini": 99.0}, monkeypatch)
    timing.choose()
    assert "--size" not in capsys.readouterr().out  # 64x64 are small enough
    monkeypatch.setattr(data, "height", 210)
    monkeypatch.setattr(data, "width", 160)
    timing.choose()
    assert "210x160 cost about 8 times as much" in capsys.readouterr().out


def test_what_takes_longer_than_two_hours_is_offered_smaller(data, monkeypatch, capsys):
    monkeypatch.setattr(Timing, "forecast", lambda self, preset: Forecast(preset, (stage(9.0, minutes=None),)))
    timing = Timing(PLAN, data, ["dynamics"], {}, {})
    timing.warn("tiny")
    said = capsys.readouterr().out
    assert "tiny on this machine: 2.5 h" in said
    assert "--minutes N alone" in said
    assert timing.is_worth_it("genie1-1b")
    assert not timing.is_worth_it("debug")  # over before it is timed


def test_what_needs_more_memory_than_there_is_does_not_fit(data, monkeypatch):
    settings = {"recipe.dynamics.device": "cpu"}

    def no_memory(*_) -> float:
        raise torch.OutOfMemoryError("too large")

    monkeypatch.setattr("genie_gym.training.trainer.Trainer.time_step", no_memory)
    found = Timing(PLAN, data, ["dynamics"], settings, {"dynamics": 5.0}).forecast("debug")
    assert not found.fits
    assert "no memory" in str(found)


def test_stages_are_really_timed(data):
    settings = {f"recipe.{name}.device": "cpu" for name in PLAN.stages}
    found = Timing(PLAN, data, list(PLAN.stages), settings, {}).forecast("debug")
    assert [s.name for s in found.stages] == list(PLAN.stages)
    assert all(s.seconds > 0 for s in found.stages)
    assert found.seconds == pytest.approx(sum(s.seconds * s.steps for s in found.stages))
    assert "debug on this machine" in str(found)


def test_a_total_of_minutes_is_shared_out(data):
    shared = share_out(20.0, PLAN, list(PLAN.stages), data)
    assert sum(shared.values()) == pytest.approx(20.0)
    assert shared["dynamics"] > shared["tokenizer"] > shared["latent_actions"] > shared["heads"] > 0
    assert share_out(20.0, PLAN, ["tokenizer"], data) == {"tokenizer": pytest.approx(20.0)}
    assert share_out({"heads": 3.0}, PLAN, list(PLAN.stages), data) == {"heads": 3.0}
    assert share_out(None, PLAN, list(PLAN.stages), data) == {}
    with pytest.raises(GenieGymError, match="more than 0"):
        share_out(0.0, PLAN, list(PLAN.stages), data)
    with pytest.raises(GenieGymError, match="Did you mean 'tokenizer'"):
        share_out({"tokeniser": 3.0}, PLAN, list(PLAN.stages), data)


def test_minutes_as_they_are_typed():
    assert parse_minutes(None) is None
    assert parse_minutes(["20"]) == 20.0
    assert parse_minutes(["tokenizer", "8", "dynamics", "12.5"]) == {"tokenizer": 8.0, "dynamics": 12.5}
    for bad in ([], ["tokenizer"], ["8", "tokenizer"], ["tokenizer", "8", "dynamics"], ["many"]):
        with pytest.raises(GenieGymError, match="--minutes takes"):
            parse_minutes(bad)


def test_minutes_and_steps_of_one_stage_exclude_each_other(video_path, tmp_path, capsys):
    arguments = [
        "train",
        "--data",
        str(video_path),
        "--out",
        str(tmp_path),
        "--preset",
        "debug",
        "--steps",
        "tokenizer",
        "2",
    ]
    assert main([*arguments, "--minutes", "tokenizer", "1"]) == 2
    assert main([*arguments, "--minutes", "1"]) == 2
    assert "give one of them" in capsys.readouterr().err


def test_a_folder_goes_on_with_the_preset_that_it_was_begun_with(data, tmp_path):
    settings = {"recipe.tokenizer.steps": 1, "recipe.tokenizer.device": "cpu"}
    world = train_world(data, tmp_path, "debug", ["tokenizer"], settings)
    again = train_world(data, tmp_path, None, ["tokenizer"], settings)
    assert again.config == world.config
    for name, value in world.tokenizer.state_dict().items():
        assert np.array_equal(value.numpy(), again.tokenizer.state_dict()[name].numpy())
    with pytest.raises(GenieGymError, match="begun with the preset debug, not tiny"):
        train_world(data, tmp_path, "tiny", ["tokenizer"], settings)


def test_sizes_that_need_longer_episodes_do_not_fit(data, monkeypatch):
    timing, _ = timing_of(data, {"mini": 0.1}, monkeypatch)
    known = Timing.forecast

    def forecast(self: Timing, preset: str) -> Forecast:
        if preset == "tiny":
            raise GenieGymError("no episode has 6 frames")
        return known(self, preset)

    monkeypatch.setattr(Timing, "forecast", forecast)
    assert timing.choose() == "mini"
