"""A vocabulary is data: it survives JSON, checks names, and texts are read in its words, whatever the simulator."""

import json
from dataclasses import replace

import numpy as np
import pytest
from town_words import SCENES, TOWN, WEATHERS

from genie_gym.errors import GenieGymError
from genie_gym.prompt import parse_event, parse_prompt
from genie_gym.text.spec import (
    CharacterAdd,
    CharacterSpec,
    ObjectAdd,
    ObjectRemove,
    ObjectSpec,
    SceneTransition,
    TimeOfDay,
    WeatherChange,
    WorldSpec,
)
from genie_gym.text.vocabulary import Vocabulary

KITCHEN = Vocabulary(
    scenes=("kitchen", "farm_kitchen", "moon"),
    weathers=("bright", "steamy"),
    landmarks=("oven",),
    objects=("cup", "plate"),
    characters=("cook",),
    groups=(("dishes", ("cup", "plate")),),
    words=(
        ("scene", "kitchen", "", ("kitchen", "厨房")),
        ("scene", "farm_kitchen", "", ("farm kitchen",)),
        ("scene", "moon", "", ("moon base", "moon")),
        ("scene", "kitchen", "shown as a kitchen", ("pantry",)),
        ("weather", "bright", "", ("bright",)),
        ("weather", "steamy", "", ("steamy", "steam", "蒸汽")),
        ("landmark", "oven", "", ("oven", "炉子")),
        ("object", "cup", "", ("cup", "mug", "杯子")),
        ("object", "plate", "", ("plate",)),
        ("character", "cook", "", ("cook", "chef")),
    ),
)


@pytest.mark.parametrize("vocabulary", [TOWN, KITCHEN])
def test_a_vocabulary_survives_json_whatever_is_sorted(vocabulary):
    text = json.dumps(vocabulary.to_dict(), sort_keys=True)
    again = Vocabulary.from_dict(json.loads(text))
    assert again == vocabulary
    assert again.to_dict() == json.loads(text)


def test_texts_are_read_in_the_words_of_another_simulator():
    spec, report = parse_prompt("a steamy farm kitchen with an oven, two mugs next to the oven and a chef", KITCHEN)
    assert spec == WorldSpec(
        "farm_kitchen", "steamy", landmarks=("oven",),
        objects=(ObjectSpec("cup", 2, "oven"),), characters=(CharacterSpec("cook"),),
    )  # fmt: skip
    assert (report.ignored, report.assumed) == ([], ["time: day"])
    assert parse_prompt("厨房里有三个杯子", KITCHEN)[0] == WorldSpec("kitchen", "bright", objects=(ObjectSpec("cup", 3),))
    assert parse_prompt("a farm kitchen, a kitchen", KITCHEN)[0].scene == "farm_kitchen"  # a kind of kitchen
    assert parse_prompt("the moon", KITCHEN)[0] == WorldSpec("moon", "bright")  # a scene here, and no gravity
    assert parse_prompt("a pantry", KITCHEN)[1].assumed[0] == "pantry: shown as a kitchen"
    assert parse_prompt("a kitchn with a cup", KITCHEN)[0].scene == "kitchen"
    report = parse_prompt("a kitchen in summer with a castle and everybody", KITCHEN)[1]
    assert report.ignored == ["summer (no seasons: summer is not shown)", "castle", "everybody"]


def test_events_are_read_in_the_words_of_another_simulator():
    assert parse_event("add two mugs", vocabulary=KITCHEN)[0] == ObjectAdd("cup", 2)
    assert parse_event("go to the farm kitchen", vocabulary=KITCHEN)[0] == SceneTransition("farm_kitchen")
    assert parse_event("the steam stops", vocabulary=KITCHEN)[0] == WeatherChange("bright")
    with pytest.raises(GenieGymError, match=r"add a cup.*a cook appears.*remove an oven.*go to the moon base"):
        parse_event("add a castle", vocabulary=KITCHEN)
    with pytest.raises(GenieGymError, match=r"understood nothing in 'castle'.*for example 'a steamy kitchen with an oven"):
        parse_prompt("castle", KITCHEN)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (WorldSpec("forrest"), "unknown scene 'forrest'. Did you mean 'forest'"),
        (WorldSpec(weather="windy"), "unknown weather"),
        (WorldSpec(landmarks=("castel",)), "Did you mean 'castle'"),
        (WorldSpec(without=("dragons",)), "unknown thing to leave out"),
        (WorldSpec(objects=(ObjectSpec("crat"),)), "unknown object 'crat'. Did you mean 'crate'"),
        (WorldSpec(objects=(ObjectSpec("crate", 1, "nowhere"),)), "unknown place"),
        (WorldSpec(characters=(CharacterSpec("crate"),)), "unknown character"),
        (WorldSpec(characters=(CharacterSpec("dog", "follow", 1, "nowhere"),)), "unknown place"),
    ],
)
def test_unknown_names_of_a_world_are_refused(spec, message):
    with pytest.raises(GenieGymError, match=message):
        TOWN.check(spec)
    with pytest.raises(GenieGymError, match=message):
        TOWN.complete(spec)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (WeatherChange("windy"), "unknown weather"),
        (SceneTransition("forrest"), "Did you mean 'forest'"),
        (ObjectAdd("crat"), "Did you mean 'crate'"),
        (ObjectAdd("crate", 1, "nowhere"), "unknown place"),
        (CharacterAdd("dragon"), "unknown character"),
        (ObjectRemove("castel"), "unknown thing to remove 'castel'. Did you mean 'castle'"),
        (ObjectRemove("crate", 1, "nowhere"), "unknown place"),
    ],
)
def test_unknown_names_of_an_event_are_refused(event, message):
    with pytest.raises(GenieGymError, match=message):
        TOWN.check_event(event)


def test_what_is_known_passes_and_what_is_open_is_filled_in():
    for event in (
        WeatherChange("rainy"),
        ObjectRemove("people", "half", "well"),
        ObjectAdd("crate", 1, "ahead"),
        TimeOfDay(3),
    ):
        TOWN.check_event(event)
    assert TOWN.complete(WorldSpec()) == WorldSpec("medieval_town", "sunny")
    assert TOWN.complete(WorldSpec("desert", "rainy")) == WorldSpec("desert", "rainy")
    assert (TOWN.kinds("people"), TOWN.kinds("crate")) == (("villager", "guard", "knight", "merchant", "child"), ("crate",))


def test_random_worlds_are_valid_and_varied():
    rng = np.random.default_rng(0)
    drawn = [TOWN.random(rng) for _ in range(300)]
    assert {spec.scene for spec in drawn} == set(SCENES)
    assert {spec.weather for spec in drawn} == set(WEATHERS)
    assert {spec.time_of_day for spec in drawn} == {"dawn", "day", "dusk", "night"}
    assert all(WorldSpec.from_json(spec.to_json()) == TOWN.complete(spec) for spec in drawn)
    assert all(json.loads(spec.to_json())["gravity"] == 9.81 for spec in drawn)
    bare = Vocabulary(scenes=("room",), weathers=("clear",))
    assert all(bare.random(rng).replace(hour=12.0) == WorldSpec("room", "clear") for _ in range(20))


def test_the_same_random_worlds_as_ever():
    rng = np.random.default_rng(3)
    first, second = TOWN.random(rng), TOWN.random(rng, scene="desert")
    assert (first.scene, first.weather, first.hour) == ("arena", "sunny", 12.72)
    assert first.landmarks == ("tower", "church", "castle")
    assert first.objects == (ObjectSpec("bench"), ObjectSpec("ball"), ObjectSpec("bush", 2), ObjectSpec("rock"))
    assert (second.weather, second.hour, second.landmarks) == ("foggy", 7.54, ("well", "forest"))
    assert second.characters[1] == CharacterSpec("robot", "follow", 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scenes": ()}, "has 1 to 200 scenes, each once; got 0"),
        ({"weathers": ()}, "has 1 to 200 weathers"),
        ({"objects": ("cup", "cup")}, "objects, each once"),
        ({"scenes": tuple(f"s{k}" for k in range(201)), "words": ()}, "1 to 200 scenes"),
        ({"scenes": ("",)}, "the scene's name"),
        ({"objects": ("x" * 61,)}, "the object's name"),
        ({"objects": ("cup", "oven"), "landmarks": ("oven",)}, "names of their own"),
        ({"words": (("scene", "kitchen", "", ("room",)), ("scene", "moon", "", ("room",)))}, "it can mean one"),
        ({"groups": (("dishes", ("fork",)),)}, "unknown kind in the group 'dishes'"),
        ({"words": (("planet", "moon", "", ("moon",)),)}, "unknown category of words 'planet'"),
        ({"words": (("object", "fork", "", ("fork",)),)}, "unknown object 'fork'"),
        ({"words": (("object", "cup", "", ("cup",) * 201),)}, "has at most 200 words and a note of at most 200 characters"),
        ({"words": (("object", "cup", "", ("",)),)}, "the word of the object cup's name"),
        ({"words": (("object", "cup", "", ("cup",)),) * 2001}, "at most 200 groups and 2,000 rows"),
    ],
)
def test_what_is_no_vocabulary_is_refused_in_one_sentence(changes, message):
    with pytest.raises(GenieGymError, match=message) as caught:
        replace(KITCHEN, **changes)
    assert "\n" not in str(caught.value)
    values = json.loads(json.dumps(KITCHEN.to_dict() | changes))
    with pytest.raises(GenieGymError, match=message):
        Vocabulary.from_dict(values)


LEAST = {"scenes": ["a"], "weathers": ["b"]}


@pytest.mark.parametrize(
    "values",
    [
        {}, None, [], "town", {"scenes": ["a"]}, {"scenes": "kitchen", "weathers": ["b"]}, {"scenes": 3, "weathers": ["b"]},
        LEAST | {"colours": []}, LEAST | {"scenes": [["a"]]}, LEAST | {"scenes": [[[[["a"]]]]]}, LEAST | {"groups": [3]},
        LEAST | {"words": [[]]}, LEAST | {"words": [["scene", "a"]]}, LEAST | {"words": [["scene", "a", "", "a"]]},
        LEAST | {"words": [[{}, "a", "", []]]}, LEAST | {"words": [["scene", "a", None, []]]},
    ],
)  # fmt: skip
def test_json_of_another_kind_is_refused_in_one_sentence(values):
    with pytest.raises(GenieGymError) as caught:
        Vocabulary.from_dict(values)
    assert "\n" not in str(caught.value)
