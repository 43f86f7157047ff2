"""What happens in generated episodes is kept with its step, as Minari reads it."""

import json

import minari
import pytest
from small_place import empty_place, small_world

from genie_gym.datasets.generate import GenerateConfig, generate
from genie_gym.pretrained import save_world
from genie_gym.text.spec import TimeOfDay, event_from_json


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("world")
    save_world(small_world(), path)
    return str(path)


def made(folder, out, num_envs=2, **options):
    config = GenerateConfig(
        "Genie3-v0", 4, "sticky", max_episode_steps=6,
        env_kwargs={"world": folder, "place": empty_place().to_json()} | options,
    )  # fmt: skip
    return generate(config, num_envs, out)


def told(out, monkeypatch):
    """By episode, the events of each observation."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(out.parent))
    episodes = minari.load_dataset(out.name).iterate_episodes()
    return [None if not episode.infos else [text.decode() for text in episode.infos["events"]] for episode in episodes]


def test_events_are_kept_with_the_step_in_which_they_show(folder, tmp_path, monkeypatch):
    out = tmp_path / "night-v0"
    made(folder, out, events=[(3, "it becomes night")])
    for texts in told(out, monkeypatch):
        assert len(texts) == 7  # as many as observations
        (event,) = json.loads(texts[3])
        assert event_from_json(json.dumps(event)) == TimeOfDay(23.0)
        assert [bool(text) for text in texts] == [False, False, False, True, False, False, False]


def test_random_events_are_the_same_whatever_the_batch(folder, tmp_path, monkeypatch):
    one, other = tmp_path / "one-v0", tmp_path / "other-v0"
    made(folder, one, num_envs=1, event_rate=500)
    made(folder, other, num_envs=3, event_rate=500)
    assert told(one, monkeypatch) == told(other, monkeypatch)
    assert any(text for texts in told(one, monkeypatch) for text in texts or ())


def test_where_nothing_happens_nothing_is_kept(folder, tmp_path, monkeypatch):
    made(folder, tmp_path / "calm-v0")
    assert told(tmp_path / "calm-v0", monkeypatch) == [None] * 4
