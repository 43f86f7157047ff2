"""Prompts in two languages: the same world for the same words, an honest report, a clear refusal, never a crash."""

import contextlib
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from town_words import TOWN, words_of

from genie_gym.errors import GenieGymError
from genie_gym.prompt import parse_event, parse_prompt
from genie_gym.text.lexicon import SEASON_WORDS, TIME_WORDS
from genie_gym.text.spec import (
    CharacterAdd,
    CharacterSpec,
    ObjectAdd,
    ObjectRemove,
    ObjectSpec,
    PhysicsModifier,
    SceneTransition,
    TimeOfDay,
    WeatherChange,
    WorldSpec,
)


def _words(text):
    return [word.strip() for word in text.split(",")]


TIMES = {hour: tuple(_words(text)) for hour, text in TIME_WORDS.items()}


def town(**changes):
    """A spec, with Town's first scene and weather where it leaves them open."""
    return TOWN.complete(WorldSpec(**changes))


def test_the_promised_prompt_is_one_world_in_both_languages():
    chinese, report = parse_prompt("中世纪城镇,有集市、城堡、森林")
    english, _ = parse_prompt("a medieval town with a market, a castle and a forest")
    assert chinese == english == town(scene="medieval_town", landmarks=("castle", "forest", "market"))
    assert len(report.understood) == 4
    assert report.ignored == []
    assert report.assumed == ["weather: sunny", "time: day"]


def _unordered(spec):
    """Order of words differs between the languages; the world does not."""
    return spec.replace(objects=tuple(sorted(spec.objects, key=str)), characters=tuple(sorted(spec.characters, key=str)))


PAIRS = [
    ("a rainy village with a well and three trees", "下雨的村庄,有一口井和三棵树"),
    ("a foggy harbour at night, no boats", "有雾的夜晚港口,没有船"),
    ("two dogs following me in a snowfield", "雪原里两只狗跟着我"),
    ("a desert with a pyramid, low gravity", "低重力的沙漠,有金字塔"),
    ("modern street at dusk with five cars", "黄昏的现代街道,五辆汽车"),
    ("a Roman arena", "罗马竞技场"),
    ("a street in a flood", "洪水中的街道"),
    ("four crates next to the well in a medieval town", "中世纪城镇,井旁边有四个木箱"),
    ("a patrolling guard and a standing knight in an arena", "竞技场里有巡逻的卫兵和站着的骑士"),
    ("indoor rooms with a ball in front of me", "室内房间,我前面有一个球"),
]


@pytest.mark.parametrize(("english", "chinese"), PAIRS)
def test_both_languages_mean_the_same(english, chinese):
    first, report = parse_prompt(english)
    second, _ = parse_prompt(chinese)
    assert report.ignored == []
    if "four" in english:  # counted "several" has no counterpart here
        assert first.objects == second.objects == (ObjectSpec("crate", 4, "well"),)
    assert _unordered(first) == _unordered(second)


SINGLE = [
    ("scene", words_of("scene"), lambda spec, value: spec.scene == value),
    ("weather", words_of("weather"), lambda spec, value: spec.weather == value),
    ("time", TIMES, lambda spec, value: spec.hour == value),
    ("landmark", words_of("landmark"), lambda spec, value: value in spec.landmarks),
    ("object", words_of("object"), lambda spec, value: [o.kind for o in spec.objects] == [value]),
    ("character", words_of("character"), lambda spec, value: [c.kind for c in spec.characters] == [value]),
]
EVERY_WORD = [
    pytest.param(word, value, holds, id=f"{name}-{word}")
    for name, table, holds in SINGLE
    for value, words in table.items()
    for word in words
]


@pytest.mark.parametrize(("word", "value", "holds"), EVERY_WORD)
def test_every_word_of_the_lexicon_is_understood_alone_and_in_a_sentence(word, value, holds):
    """More than 450 phrasings in two languages."""
    assert holds(parse_prompt(word)[0], value)
    sentence = f"please show me {word} !" if word.isascii() else f"请给我看{word}。"
    assert holds(parse_prompt(sentence)[0], value)


def test_no_word_means_two_things():
    words = [word for _, table, _ in SINGLE for words in table.values() for word in words]
    assert len(words) == len(set(words))
    assert set(words) <= set(TOWN.lexicon.phrases)


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("three trees in a desert", {"scene": "desert", "objects": (ObjectSpec("tree", 3),)}),
        ("3 trees, desert", {"scene": "desert", "objects": (ObjectSpec("tree", 3),)}),
        ("沙漠里有两棵树", {"scene": "desert", "objects": (ObjectSpec("tree", 2),)}),
        ("forest without rocks or bushes", {"scene": "forest", "without": ("bush", "rock")}),
        ("森林,没有石头和灌木", {"scene": "forest", "without": ("bush", "rock")}),
        ("snowfield, no trees", {"scene": "snowfield", "without": ("pine", "tree")}),
        ("没有人的竞技场", {"scene": "arena", "without": ("child", "guard", "knight", "merchant", "villager")}),
        ("没有雾的沙漠,没有红色的树", {"scene": "desert", "without": ("pine", "tree")}),
        ("a desert with tents", {"scene": "desert", "objects": (ObjectSpec("tent", 3),)}),
        ("孩子们在村庄里", {"scene": "village", "characters": (CharacterSpec("child", "wander", 3),)}),
        ("I don't want any cars in my city", {"scene": "modern_street", "without": ("car",)}),
        ("an arena, a ball on the left", {"scene": "arena", "objects": (ObjectSpec("ball", 1, "left"),)}),
        ("a barrel at (3, -4.5)", {"objects": (ObjectSpec("barrel", 1, (3.0, -4.5)),)}),
        ("village at 17:30", {"scene": "village", "hour": 17.5}),
        ("village at 5 pm", {"scene": "village", "hour": 17.0}),
        ("下午3点的村庄", {"scene": "village", "hour": 15.0}),
        ("arena with gravity 3.7 and friction of 0.3", {"scene": "arena", "gravity": 3.7, "friction": 0.3}),
        ("月球重力的沙漠", {"scene": "desert", "gravity": 1.62}),
        ("a dog, following me, in a village", {"scene": "village", "characters": (CharacterSpec("dog", "follow"),)}),
        (
            "a guard near the castle",
            {"landmarks": ("castle",), "characters": (CharacterSpec("guard", "wander", 1, "castle"),)},
        ),
        ("MEDIEVAL TOWN!!! SNOW", {"weather": "snowy"}),
        ("medieval-town, foggy", {"weather": "foggy"}),
        ("ｄｅｓｅｒｔ，ｎｉｇｈｔ", {"scene": "desert", "hour": 23.0}),
        ("a city street flooded by a flood", {"scene": "flooded_street"}),
        ("a mediveal twon with a catsle", {"landmarks": ("castle",)}),
    ],
)
def test_counts_places_negations_and_typos(text, changes):
    assert parse_prompt(text)[0] == town(**changes)


@pytest.mark.parametrize(
    ("text", "ignored"),
    [
        ("a village with a dragon", "dragon"),
        ("sunny and rainy desert", "rainy (the weather is sunny already)"),
        ("a desert and a harbour", "harbour (a world has one scene: desert)"),
        ("two castles in a desert", "two castles (a landmark stands once)"),
        ("500 trees in a desert", "500 trees (a count from 1 to 20)"),
        ("a desert with no trees and then a tree", "tree (excluded before)"),
        ("trees, but no trees, in a desert", "no trees (asked for before)"),
        ("desert, gravity 500", "gravity 500 (must lie between 0.5 and 30)"),
        ("desert with gravity", "gravity (without a value"),
        ("desert at 27:99", "27:99 (no time of day)"),
        ("a ball at (300, 2) in an arena", "outside the world"),
        ("a crate near the tree, arena", "is no landmark"),
        ("<script>alert(1)</script> forest", "<script>"),
        ("沙漠里有一条龙", "龙"),
    ],
)
def test_what_is_not_understood_is_said(text, ignored):
    _, report = parse_prompt(text)
    assert any(ignored in item for item in report.ignored), report.ignored


def test_typos_are_reported_as_such():
    assert any("catsle (read as castle)" in item for item in parse_prompt("a catsle")[1].understood)
    assert parse_prompt("a village with houses")[1].ignored == ["houses"]  # one letter from horses, and no typo


@pytest.mark.parametrize(
    "text", ["", "   ", "\n\t", "asdf qwer", "12345", "!!!", "龍", "<b></b>", "🙂🙂", "the of and", "no", "x" * 2001]
)
def test_nothing_to_understand_is_refused_in_one_sentence(text):
    for parse in (parse_prompt, parse_event):
        with pytest.raises(GenieGymError) as caught:
            parse(text)
        assert "\n" not in str(caught.value).replace(repr(text), "")
        assert len(str(caught.value)) < 400


PIECES = st.sampled_from(
    [
        *TOWN.lexicon.phrases,
        "no",
        "with",
        "but",
        ",",
        "、",
        "。",
        ";",
        "(3, 4)",
        "7",
        "999999999999",
        "0.5",
        "12:30",
        "gravity",
        "<i>",
        "zzz",
        "的",
        "🙂",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=25).map(" ".join) | st.lists(PIECES, max_size=25).map("".join) | st.text(max_size=200))
def test_any_text_gives_a_valid_world_or_a_refusal(text):
    try:
        spec, report = parse_prompt(text)
    except GenieGymError:
        return
    assert WorldSpec.from_json(spec.to_json()) == spec
    assert report.understood


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=8).map(" ".join) | st.text(max_size=80))
def test_any_text_gives_an_event_or_a_refusal(text):
    with contextlib.suppress(GenieGymError):
        assert parse_event(text)[0].type


EVENTS = [
    (("it starts to rain", "make it rainy", "下雨了", "天气变成雨天"), WeatherChange("rainy")),
    (("let it snow", "snowfall", "开始下雪"), WeatherChange("snowy")),
    (("fog", "起雾了"), WeatherChange("foggy")),
    (("the sun comes out", "天晴了"), WeatherChange("sunny")),
    (("night falls", "turn to night", "变成夜晚", "天黑了"), TimeOfDay(23.0)),
    (("sunset", "it is dusk now", "现在是黄昏"), TimeOfDay(18.5)),
    (("set the time to 7:30",), TimeOfDay(7.5)),
    (("add a crate", "a crate appears", "添加一个木箱", "出现一个箱子"), ObjectAdd("crate")),
    (("add two barrels on the left", "在左边放两个木桶"), ObjectAdd("barrel", 2, "left")),
    (("put a ball at (2, 3)",), ObjectAdd("ball", 1, (2.0, 3.0))),
    (("add a dog", "a dog appears", "来一只狗"), CharacterAdd("dog")),
    (("add a guard patrolling", "加入一个巡逻的卫兵"), CharacterAdd("guard", "patrol")),
    (("a robot follows me",), CharacterAdd("robot", "follow")),
    (("go to the desert", "teleport to the desert", "传送到沙漠", "切换到沙漠场景"), SceneTransition("desert")),
    (("go to the forest", "去森林"), SceneTransition("forest")),
    (("the streets flood", "洪水来了"), SceneTransition("flooded_street")),
    (("remove everyone", "everybody leaves", "大家都走开"), ObjectRemove("people")),
    (("remove all animals", "the animals disappear"), ObjectRemove("animals")),
    (("low gravity", "reduced gravity"), PhysicsModifier(gravity=3.0)),
    (("moon gravity", "变成月球重力"), PhysicsModifier(gravity=1.62)),
    (("set gravity to 5", "重力变成5"), PhysicsModifier(gravity=5.0)),
    (("the ground is slippery", "地面打滑"), PhysicsModifier(friction=0.1)),
]


@pytest.mark.parametrize(("text", "event"), [(text, event) for texts, event in EVENTS for text in texts])
def test_events_in_words(text, event):
    assert parse_event(text)[0] == event


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rain and night", "give one event"),
        ("add a castle", "is a landmark"),
        ("sing a song", "no event in"),
        ("add a drgon", "no event in"),
        ("add a bareel and a dog", "give one event"),
    ],
)
def test_events_that_are_none_or_several(text, message):
    with pytest.raises(GenieGymError, match=message):
        parse_event(text)


@pytest.mark.parametrize("text", ["double the gravity", "two hours later", "darker", "再亮一点", "摩擦力减半"])
def test_what_is_relative_needs_to_know_what_is_now(text):
    with pytest.raises(GenieGymError, match="is not known here; say what it is to be"):
        parse_event(text)
    assert parse_event(text, WorldSpec(hour=19.0))[0].type in ("time_of_day", "physics_modifier")


@pytest.mark.parametrize(
    ("text", "friction"),
    [
        ("more slippery", 0.5),
        ("less slippery", 2.0),
        ("twice as slippery", 0.5),
        ("slippery", 0.1),
        ("increase the friction by half", 1.5),
        ("reduce friction by 20%", 0.8),
        ("reduce friction to 0.2", 0.2),
        ("摩擦力增加一倍", 2.0),
        ("摩擦力提高到两倍", 2.0),
        ("摩擦力减少百分之十", 0.9),
        ("no longer slippery", 1.0),
    ],
)
def test_more_and_less_of_a_quantity(text, friction):
    assert parse_event(text, WorldSpec())[0].friction == pytest.approx(friction)


@pytest.mark.parametrize("text", ["the rain stops", "no more rain", "雨停了", "别下雨了"])
def test_weather_that_stops_must_be_there(text):
    assert parse_event(text)[0] == WeatherChange("sunny")
    assert parse_event(text, WorldSpec(weather="rainy"))[0] == WeatherChange("sunny")
    with pytest.raises(GenieGymError, match="it is snowy already"):
        parse_event(text, WorldSpec(weather="snowy"))


@pytest.mark.parametrize(
    "text", ["two hours", "explode the tower", "add a dragon", "quux", "sing a song", "remove the roof"]
)
def test_a_hint_is_near_or_there_is_none(text):
    with pytest.raises(GenieGymError, match="events change the weather") as caught:
        parse_event(text)
    assert "Did you mean" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "don't stop the rain",
        "the rain never stops",
        "don't remove the castle",
        "remove the roof of the castle",
        "拆掉城堡的屋顶",
        "move the crate to the left",
        "turn off the lamps",
        "把灯关掉",
        "the dog barks",
        "add half a crate",
        "2.5 crates",
        "the sun disappears",
        "dance in the rain",
    ],
)
def test_what_sounds_like_an_event_and_is_none_is_refused(text):
    with pytest.raises(GenieGymError):
        parse_event(text, WorldSpec(weather="rainy"))


@pytest.mark.parametrize(("season", "weather"), [(s, w) for w, words in SEASON_WORDS.items() for s in _words(words)])
def test_a_season_is_its_weather_or_is_said_to_be_none(season, weather):
    beside = f"{season}, castle" if season.isascii() else f"{season}的城堡"
    spec, report = parse_prompt(beside)
    assert (spec.weather, spec.landmarks) == (weather or "sunny", ("castle",))
    if weather:
        assert parse_event(season)[0] == WeatherChange(weather)
        assert (report.assumed[0], report.ignored) == (f"{season}: shown as {weather} weather", [])
    else:
        assert report.ignored == [f"{season} (no seasons but winter and summer: {season} is not shown)"]
        with pytest.raises(GenieGymError, match="no seasons but winter and summer"):
            parse_event(season)


@pytest.mark.parametrize(
    ("text", "ignored"), [("the rain turns into snow", []), ("the dreadful rain becomes snow", ["dreadful"])]
)
def test_what_turns_into_something_is_what_was_before(text, ignored):
    event, report = parse_event(text, WorldSpec(weather="rainy"))
    assert event == WeatherChange("snowy")
    assert report.understood == ["rain: what was before", "snow: weather snowy"]
    assert report.ignored == ignored


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("rain and snow", "asks for several things"),
        ("add no crates", "to add no crates changes nothing"),
        ("the rain becomes", "say what 'rain' is to become"),
        ("dog, stop", "things do not stop"),
    ],
)
def test_a_refusal_says_why(text, reason):
    with pytest.raises(GenieGymError, match=reason):
        parse_event(text, WorldSpec(weather="rainy"))


def test_an_article_before_weather_is_not_counted_with_what_follows():
    assert parse_prompt("a thunderstorm over a village")[1].ignored == []


def test_a_phrase_is_understood_once():
    assert parse_prompt("three oak trees")[0].objects == (ObjectSpec("tree", 3),)
    spec, report = parse_prompt("on the moon with low gravity")
    assert spec.gravity == 1.62
    assert sum("gravity" in item for item in report.understood) == 1
    assert parse_prompt("low gravity on the moon")[0].gravity == 1.62
    assert parse_prompt("an icy street")[0].friction == 0.1  # an article is no number
    assert any("given already" in item for item in parse_prompt("moon gravity and high gravity")[1].ignored)


def test_an_event_says_what_it_ignored():
    _, report = parse_event("add a huge red ball")
    assert report.ignored == ["huge", "red"]


def test_three_hundred_phrasings_of_one_kind_or_another():
    """Combinations that nobody wrote down: scene x weather x time x thing, in both languages."""
    english = [words[0] for words in words_of("scene").values()]
    count = 0
    for scene, weather, time in itertools.product(english, ("rainy", "snowy", "foggy"), ("dawn", "dusk", "night")):
        for thing in ("a well", "two crates", "no trees", "a dog following me"):
            spec, report = parse_prompt(f"{weather} {scene} at {time} with {thing}")
            assert report.ignored == [], (scene, weather, time, thing)
            assert (spec.weather, spec.time_of_day) == (weather, time)
            count += 1
    assert count == 360
