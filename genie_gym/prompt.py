"""What scripts need to read text: `parse_prompt` gives a `WorldSpec`, `parse_event` an event, each with a `Report`."""

from __future__ import annotations

from genie_gym.envs.simulators import SIMULATORS
from genie_gym.text import reader
from genie_gym.text.spec import Event, WorldSpec
from genie_gym.text.tokens import Report
from genie_gym.text.vocabulary import Vocabulary

__all__ = ["Report", "Vocabulary", "WorldSpec", "parse_event", "parse_prompt"]


def parse_prompt(text: str, vocabulary: Vocabulary | None = None) -> tuple[WorldSpec, Report]:
    """The world that `text` describes, English or Chinese, in the words of a vocabulary (`World.vocabulary`, for one; Town's
    by default); see `genie_gym.text.reader`.

    spec, report = parse_prompt("a snowy village at dusk")
    """
    return reader.parse_prompt(text, vocabulary or _town())


def parse_event(text: str, now: WorldSpec | None = None, vocabulary: Vocabulary | None = None) -> tuple[Event, Report]:
    """The one event that `text` asks for: "it starts to rain", "two hours later", 「变成夜晚」. `now` is what the world is
    like, from which what is relative ("double the gravity") is counted; see `genie_gym.text.reader`."""
    return reader.parse_event(text, vocabulary or _town(), now)


def _town() -> Vocabulary:
    return SIMULATORS["GenieSim/Town-v0"].load_vocabulary()
