"""Nothing in a prompt is dropped without a word: what is not understood is said, so is a scene that nobody asked for."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from town_words import TOWN

from genie_gym.errors import GenieGymError
from genie_gym.prompt import parse_prompt
from genie_gym.text.match import report_match
from genie_gym.text.reader import scene_warning
from genie_gym.text.spec import WorldSpec
from genie_gym.text.tokens import tokens

# What needs no line: mere grammar; and verbs, where they do something.
GRAMMAR = {
    *("stop", "comma", "list", "of", "and", "break", "determiner", "attribute", "possessive", "after", "to", "into", "near"),
    *("not", "all", "bit", "away"),
}
VERBS = {"add", "remove", "depart", "ending", "clear", "go", "turn", "drop", "up", "off", "more"}
KNOWN = sorted(TOWN.lexicon.phrases)
UNKNOWN = ["zebra", "quietly", "huge", "Times", "base", "roof", "龙", "屋顶", "xylophones", "42"]


def _is_grammar(token) -> bool:
    concept = token.concept
    return concept.category in GRAMMAR or concept.category == "filler" or (concept.category, concept.value) == ("number", 1)


def test_a_word_in_another_script_is_one_word():
    assert parse_prompt("a village called Москва at night")[1].ignored == ["called", "москва"]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(KNOWN) | st.sampled_from(UNKNOWN), min_size=1, max_size=7).map(" ".join))
def test_every_word_is_in_one_list_of_the_report(text):
    try:
        _, report = parse_prompt(text)
    except GenieGymError:
        return
    lines = "\n".join([*report.understood, *report.ignored, *report.assumed])
    for token in tokens(text, TOWN):
        assert _is_grammar(token) or token.concept.category in VERBS or token.text in lines, (token, report)


@pytest.mark.parametrize(
    ("text", "ignored"),
    [
        ("the surface of Mars", ["surface"]),
        ("moon base", ["base"]),
        ("Times Square at night", ["times", "square"]),
        ("a village with plants", ["plants"]),
        ("a dog runs in a village", ["runs"]),
        ("a village with leaves", ["leaves"]),
        ("a village under a red sky", ["red", "sky", "under"]),
        ("a village tomorrow", ["tomorrow"]),
        ("a cloudy village", ["cloudy (the weather is one of sunny, rainy, snowy, foggy)"]),
        ("a village turned upside down", ["upside", "turned", "down"]),
    ],
)
def test_words_of_no_effect_are_ignored(text, ignored):
    assert sorted(parse_prompt(text)[1].ignored) == sorted(ignored)


@pytest.mark.parametrize(
    "text",
    ["create a village", "please show me a village", "go to a village", "night falls on a village", "a village, no trees",
     "the sky over a village at dusk", "snow on the ground of a village", "rain turns into snow in a village",
     "a few dogs in a village", "a village, remove the trees", "a village where the rain has stopped",
     "a village two hours later", "a dimmer village", "请给我看一个村庄", "村庄里有两只狗"],
)  # fmt: skip
def test_words_that_did_something_are_not_ignored(text):
    assert parse_prompt(text)[1].ignored == []


@pytest.mark.parametrize("text", ["the surface of Mars", "moon base", "Times Square at night", "a castle at dusk", "月球"])
def test_a_scene_that_nobody_asked_for_is_warned_of(text):
    _, report = parse_prompt(text)
    warning = scene_warning(text, report, TOWN)
    assert warning.startswith(f"no scene was understood in {text!r}: it is left open (scene: medieval town). There are: ")
    assert "village, forest" in warning
    assert "\n" not in warning
    any_scene = scene_warning(text, report.filled_in("any"), TOWN)
    assert "(scene: any)" in any_scene
    chosen = report_match(report, parse_prompt(text)[0], [WorldSpec("desert")])
    assert "(scene: as the start frame has it)" in scene_warning(text, chosen, TOWN)


@pytest.mark.parametrize("text", ["a village", "a beach at night", "冬天的村庄", "an icy street on the moon"])
def test_a_scene_that_was_asked_for_is_not(text):
    assert scene_warning(text, parse_prompt(text)[1], TOWN) is None


def test_what_was_left_open_is_told_as_the_world_fills_it_in():
    _, report = parse_prompt("snow")
    filled = report.filled_in("any")
    assert filled.assumed == list(filled.left_open.values()) == ["scene: any", "time: any"]
    assert report.assumed == ["scene: medieval town", "time: day"]  # as it was
    summer = parse_prompt("summer")[1].filled_in("any")
    assert summer.assumed == ["summer: shown as sunny weather", "scene: any", "time: any"]
