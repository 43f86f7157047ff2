"""The card of a world's folder: filled in, and left alone once a person has edited it."""

import re
from dataclasses import replace
from pathlib import Path

from genie_gym.card import card, made_by_training
from genie_gym.devices import hardware
from genie_gym.genie2.config import PRESETS
from genie_gym.genie2.world import Genie2World
from genie_gym.judgement import Judgement
from genie_gym.pretrained import save_world
from tests.conftest import make_debug_world
from tests.test_pretrained import BAD
from tests.tiny_world import TinyWorld


def test_a_card_says_what_is_known(monkeypatch):
    world = make_debug_world()
    world.provenance = replace(
        world.provenance,
        source={"kind": "gymnasium", "env_id": "ALE/Pong-v5", "env_kwargs": {"difficulty": 1}, "size": None},
    )
    monkeypatch.setattr("sys.argv", ["/usr/bin/genie-gym", "train", "--data", "my video.h5"])
    world.provenance = replace(
        world.provenance, made=made_by_training("tiny", 40, 12_345, {"tokenizer": {"steps": 2100, "minutes": 7.25}})
    )
    world.provenance = replace(world.provenance, judgement=BAD)
    text = card(world, Path("pong"))
    for words in (
        "# pong", "`ALE/Pong-v5`, 12,345 frames in 40 episodes", '- env_kwargs: `{"difficulty": 1}`', "- preset: tiny",
        "genie-gym train --data 'my video.h5'", "| tokenizer | 2,100 | 7.2 |", hardware(), "12.00 dB", "36.10 dB",
        "**Worse than copying the first frame", "| action 1 | view right |", "8 discrete actions",
        "training video (8 clips)",
    ):  # fmt: skip
        assert words in text, words
    assert "size" not in text.split("## How it was trained")[0].split("## What it was learned from")[1]
    assert not re.search(r"None|nan|\{\}|More Information", text)


def test_a_card_of_which_little_is_known_is_short():
    world = make_debug_world()
    world.provenance = replace(world.provenance, source={})
    text = card(world, Path("debug"))
    assert re.findall(r"^## (.+)", text, re.MULTILINE) == ["How to use it", "License"]
    world.provenance = replace(world.provenance, judgement=Judgement(video="held-out video", clips=0, difference=0.25))
    assert "| pixels by which two held actions differ | 25.0% |" in card(world, Path("debug"))


def test_a_card_shows_how_the_folder_is_used(tmp_path, monkeypatch):
    """In the family's own id, or in one that the example registers; the example of the card runs."""
    monkeypatch.chdir(tmp_path)
    for world, line in (
        (make_debug_world(), 'gym.make("Genie1-v0", world="runs/mine/world", render_mode="rgb_array")'),
        (Genie2World(PRESETS["debug"].world), 'gym.make("Genie2-v0", world="runs/mine/world", render_mode="rgb_array")'),
        (TinyWorld(), 'genie_gym.register_world("Tiny-v0", "runs/mine/world")'),
    ):
        assert line in card(world, Path("runs/mine/world"))
    world = make_debug_world()
    save_world(world, "runs/mine/world")
    example = Path("runs/mine/world/README.md").read_text().partition("```python")[2].partition("```")[0]
    names: dict = {}
    exec(example, names)
    assert names["observation"].shape == world.frame_shape


def test_an_edited_card_is_left_alone_and_another_is_renewed(tmp_path):
    world, path = make_debug_world(), tmp_path / "README.md"
    save_world(world, tmp_path)
    first = path.read_text()
    world.provenance = replace(world.provenance, judgement=BAD)
    save_world(world, tmp_path)
    assert "Worse than copying" in path.read_text()
    mine = first.replace("Not stated yet.", "CC BY 4.0.")
    for text in (mine, "# My own words\n", ""):
        path.write_text(text)
        save_world(world, tmp_path)
        assert path.read_text() == text
