"""Descriptions in words."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genie_gym.envs.simulators import find_simulator
from genie_gym.prompt import parse_prompt
from genie_gym.text.described import in_words, plural
from genie_gym.text.spec import CharacterSpec, ObjectSpec, WorldSpec

TOWN = find_simulator("town").load_vocabulary()


def heard(spec: WorldSpec) -> tuple:
    things = sorted(map(str, (*spec.objects, *spec.characters)))
    return spec.scene, spec.weather, round(spec.hour, 1), sorted(spec.landmarks), things, spec.gravity, spec.friction


@given(st.integers(0, 2**40))
def test_what_is_said_of_a_world_reads_as_that_world(seed):
    spec = TOWN.random(np.random.default_rng(seed))
    if spec.scene == "forest" and "forest" in spec.landmarks:
        return  # "a forest with a forest" is one
    found, report = parse_prompt(in_words(spec, TOWN))
    assert heard(found) == heard(spec), in_words(spec, TOWN)
    assert not report.ignored


@pytest.mark.parametrize(
    "spec",
    [
        WorldSpec("village", "foggy", 6.5, without=("well",)),
        WorldSpec("desert", "sunny", 12.0, gravity=1.62, friction=0.3),
        WorldSpec("village", "sunny", 0.0, objects=(ObjectSpec("cart", 1, "left"), ObjectSpec("bush", 2, "behind"))),
        WorldSpec("village", "sunny", 23.99, landmarks=("well",), characters=(CharacterSpec("sheep", "stand", 3, "well"),)),
    ],
)
def test_so_does_what_is_said_of_places_gravity_and_what_there_is_not(spec):
    found, _ = parse_prompt(in_words(spec, TOWN))
    assert (found.without, found.gravity, found.friction) == (spec.without, spec.gravity, spec.friction)
    assert [thing.position for thing in (*found.objects, *found.characters)] == [
        thing.position for thing in (*spec.objects, *spec.characters)
    ]


def test_plurals():
    assert [plural(noun) for noun in ("cart", "bush", "snowman", "sheep", "fly", "toy")] == [
        "carts", "bushes", "snowmen", "sheep", "flies", "toys"
    ]  # fmt: skip
