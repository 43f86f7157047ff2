"""Some three hundred sentences are read as people mean them, and nothing in them is dropped without a word."""

import pytest
from sentences import (
    ASKED_PROMPTS,
    BECOMING_EVENTS,
    BECOMING_PROMPTS,
    EVENTS,
    LATER_EVENTS,
    LATER_PROMPTS,
    PROMPTS,
    REFUSED,
    TURNED_EVENTS,
    TURNED_PROMPTS,
    UNREAD,
    Sentence,
)

from genie_gym.errors import GenieGymError
from genie_gym.prompt import Report, parse_event, parse_prompt
from genie_gym.text.spec import WorldSpec

NOTHING = {"objects": (), "characters": (), "landmarks": (), "without": (), "gravity": 9.81, "friction": 1.0}


def _holds(value, wanted) -> bool:
    if isinstance(wanted, tuple) and len(wanted) == 2 and isinstance(wanted[0], int | float):
        return wanted[0] - 1e-2 <= value <= wanted[1] + 1e-2
    return value == wanted


def _hour(value) -> float:
    return 24.0 if value == 0 else value  # midnight ends the day


def _check_report(report: Report, sentence: Sentence) -> None:
    assert bool(report.ignored) == bool(sentence.ignored), report
    for part in sentence.ignored:
        assert any(part in item for item in report.ignored), report
    assert report.assumed or not sentence.assumed, report


def _each(sentences: tuple[Sentence, ...]) -> list:
    unread = pytest.mark.xfail(strict=True, reason="not read yet")
    return [pytest.param(s, id=s.text, marks=unread if s.text in UNREAD else ()) for s in sentences]


@pytest.mark.parametrize("sentence", _each(EVENTS + LATER_EVENTS + BECOMING_EVENTS))
def test_an_event_is_read_as_it_is_meant(sentence):
    now = WorldSpec(**sentence.now)
    if sentence.reading is REFUSED:
        with pytest.raises(GenieGymError) as caught:
            parse_event(sentence.text, now)
        assert len(str(caught.value)) < 700
        assert "\n" not in str(caught.value)
        return
    event, report = parse_event(sentence.text, now)
    wanted = dict(sentence.reading)
    assert event.type == wanted.pop("type"), event
    for name, value in wanted.items():
        given = getattr(event, name)
        assert _holds(_hour(given) if name == "hour" else given, value), event
    _check_report(report, sentence)


@pytest.mark.parametrize("sentence", _each(PROMPTS + LATER_PROMPTS + BECOMING_PROMPTS + ASKED_PROMPTS))
def test_a_prompt_is_read_as_it_is_meant(sentence):
    spec, report = parse_prompt(sentence.text)
    for name, value in (NOTHING | sentence.reading).items():
        given = getattr(spec, name)
        if name in ("objects", "characters"):
            assert sorted((item.kind, item.count) for item in given) == sorted(value), spec
        elif name == "without":
            assert set(value) <= set(given), spec
            assert bool(value) == bool(given), spec
        elif name == "landmarks":
            assert sorted(given) == sorted(value), spec
        else:
            assert _holds(_hour(given) if name == "hour" else given, value), spec
    _check_report(report, sentence)


def test_the_sentences_are_of_many_kinds():
    every = EVENTS + PROMPTS + LATER_EVENTS + LATER_PROMPTS + BECOMING_EVENTS + BECOMING_PROMPTS
    assert {sentence.text for sentence in every} >= UNREAD
    assert len({sentence.text for sentence in every}) == len(every) >= 200
    assert len(TURNED_EVENTS + TURNED_PROMPTS + BECOMING_EVENTS + BECOMING_PROMPTS) > len(every) / 3
    chinese = sum(not sentence.text.isascii() for sentence in every)
    assert 0.4 < chinese / len(every) < 0.6
