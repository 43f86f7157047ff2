"""Which start frames a prompt chooses, and what is said of the wishes that none of them meets."""

import numpy as np
import pytest
from town_words import TOWN

from genie_gym.prompt import parse_prompt
from genie_gym.text.match import nearest, report_match
from genie_gym.text.spec import CharacterSpec, ObjectSpec, WorldSpec

WORLDS = [
    WorldSpec("village", "sunny", 12.0, landmarks=("well",)),
    WorldSpec("village", "rainy", 23.0, objects=(ObjectSpec("crate"),)),
    WorldSpec("village", "sunny", 18.0, characters=(CharacterSpec("dog"),)),
    WorldSpec("arena", "sunny", 2.0),
    WorldSpec("snowfield", "snowy", 12.0, landmarks=("well",), objects=(ObjectSpec("crate"),)),
]


@pytest.mark.parametrize(
    ("text", "best"),
    [
        ("a village", [0, 1, 2]),
        ("a sunny village", [0, 2]),
        ("an arena in the snow", [3]),  # the scene counts more than the weather
        ("snow", [4]),
        ("a rainy village at noon", [1]),  # the weather counts more than the hour
        ("a village at dusk", [2]),
        ("midnight", [1]),  # an hour off; the arena is two
        ("a village at 1 am", [1]),  # round midnight
        ("a village with a well", [0]),
        ("a village with a crate and a dog", [1, 2]),
        ("a village without a well", [1, 2]),
        ("a snowy village with a well and a crate", [0, 1]),  # one of two things each
        ("a well", [0, 4]),
    ],
)
def test_what_comes_nearest(text, best):
    asked, report = parse_prompt(text)
    assert nearest(asked, report.left_open, WORLDS) == best


def test_all_counts_where_nothing_is_left_open():
    assert nearest(WorldSpec("village", "sunny", 12.0), (), WORLDS) == [0]


def test_what_a_prompt_leaves_open_is_known():
    assert parse_prompt("a village")[1].left_open.keys() == {"weather", "hour"}
    assert parse_prompt("two crates at dusk")[1].left_open.keys() == {"scene", "weather"}
    report = parse_prompt("a sunny village at noon")[1]
    assert not report.left_open
    assert not report.assumed


def report_of(text: str):
    asked, report = parse_prompt(text)
    return report_match(report, asked, WORLDS)


def test_wishes_that_no_start_frame_meets_are_said():
    assert report_of("a snowy arena").ignored == ["weather snowy (no start frame is described with it and what counts more)"]
    assert report_of("a foggy arena").ignored == ["weather foggy (no start frame is described with it)"]
    assert report_of("a village with a crate and a castle, gravity 5").ignored == [
        "castle (no start frame is described with it)",
        "gravity 5 (no start frame is described with it)",
    ]
    assert "dog (only some of the start frames that fit best are described with it)" in report_of("a dog and a well").ignored
    assert report_of("a sunny village with a zeppelin and a well").ignored == ["zeppelin"]


def test_what_was_left_open_is_the_start_frames():
    assert report_of("a well").assumed == [f"{name}: as the start frame has it" for name in ("scene", "weather", "time")]
    assert report_of("crates in the village at noon").assumed == [
        "crates: 3 of them",
        "weather: as the start frame has it",
    ]


def test_a_nearer_hour_is_never_worse_and_scenes_outweigh_all_else():
    rng = np.random.default_rng(0)
    for _ in range(200):
        asked = TOWN.random(rng)
        near, far = asked.replace(hour=(asked.hour + 1.9) % 24), asked.replace(hour=(asked.hour + 11) % 24)
        assert nearest(asked, (), [far, near, asked]) == [1, 2]
        elsewhere = asked.replace(scene="village" if asked.scene != "village" else "arena")
        assert nearest(
            asked, (), [elsewhere, WorldSpec(asked.scene, "foggy" if asked.weather != "foggy" else "rainy", 0)]
        ) == [1]
