"""Six hundred sentences that were written without a look at the reader: half Chinese, a third negations, removals and
relative amounts. How many are read, or refused, as they are meant; the reader may not get worse at it.

The first two hundred taught it words, and the second; of the third it had seen none when it read 0.895 of them.
"""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from genie_gym.errors import GenieGymError
from genie_gym.prompt import parse_event
from genie_gym.text.spec import Event, WorldSpec

SENTENCES = [json.loads(line) for line in (Path(__file__).parent / "fresh_sentences.jsonl").read_text().splitlines()]
SHARES = {1: 0.91, 2: 0.88, 3: 0.89}
HOURS, OTHERS = 0.51, 0.02  # how far numbers may be off


def fits(event: Event, expected: dict) -> bool:
    """Whether an event is as a person would mean it; what is a matter of taste ("any", or not said) counts nothing."""
    given = asdict(event) | {"type": event.type}
    for name, value in expected.items():
        if value == "any" or (name == "position" and value is None):
            continue
        if isinstance(value, str | bool) or value is None or not isinstance(given.get(name), int | float):
            if given.get(name) != value:
                return False
        elif abs(given[name] - value) > (HOURS if name == "hour" else OTHERS):
            return False
    return True


def is_right(sentence: dict) -> bool:
    now = WorldSpec(**{"weather": "sunny", "hour": 12.0} | sentence.get("now", {}))
    try:
        event, _ = parse_event(sentence["text"], now)
    except GenieGymError:
        return sentence["expect"] == "refuse"
    return sentence["expect"] != "refuse" and fits(event, sentence["expect"])


@pytest.mark.parametrize("number", SHARES)
def test_most_sentences_are_read_or_refused_as_they_are_meant(number):
    some = [sentence for sentence in SENTENCES if sentence["set"] == number]
    assert len(some) == 200
    wrong = [sentence["text"] for sentence in some if not is_right(sentence)]
    assert 1 - len(wrong) / len(some) >= SHARES[number], wrong


def test_what_is_to_be_refused_is():
    some = [sentence for sentence in SENTENCES if sentence["expect"] == "refuse"]
    wrong = [sentence["text"] for sentence in some if not is_right(sentence)]
    assert len(wrong) <= 3, wrong
