"""English and Chinese are read, names of other languages in them too; all else is refused in a sentence that says so."""

import pytest
from town_words import TOWN

from genie_gym.errors import GenieGymError
from genie_gym.prompt import parse_event, parse_prompt
from genie_gym.text.languages import check_language


@pytest.mark.parametrize(
    "text",
    ["un village sous la neige", "ein verschneites Dorf am Abend", "un pueblo nevado al atardecer", "une forêt la nuit",
     "il castello di notte", "een dorp in de sneeuw", "uma aldeia com neve", "karlı bir köy", "Schnee im Dorf",
     "снежная деревня", "雪の村", "さくらの城", "눈 덮인 마을", "قرية في الليل", "χιονισμένο χωριό", "हिमाच्छादित गाँव",
     "หมู่บ้านหิมะ", "כפר בלילה", "деревня village ночью"],
)  # fmt: skip
def test_other_languages_are_refused_in_a_sentence_that_names_those_that_are_read(text):
    for parse in (parse_prompt, parse_event):
        with pytest.raises(GenieGymError, match="is in a language that is not read; write in English and Chinese") as caught:
            parse(text)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "scene"),
    [
        ("a café in a village", "village"),
        ("El Paso desert town at night", "desert"),
        ("Rio de Janeiro harbour in the rain", "harbour"),
        ("a village called Москва", "village"),
        ("the Las Vegas desert", "desert"),
        ("an arena in Köln", "arena"),
        ("village de la Roche at dusk, with a well and two dogs", "village"),
        ("a village with さくら and three trees", "village"),
        ("一个叫 Los Angeles 的城市", "modern_street"),
        ("village 里有一口井", "village"),
        ("village", "village"),
        ("π in the desert", "desert"),
    ],
)
def test_names_of_other_languages_are_none(text, scene):
    assert parse_prompt(text)[0].scene == scene


def test_accents_make_no_difference():
    spec, report = parse_prompt("a château in a village")
    assert spec.landmarks == ("castle",)
    assert report.ignored == []


@pytest.mark.parametrize(
    ("traditional", "simplified"),
    [
        ("下雪的村莊,有教堂", "下雪的村庄,有教堂"),
        ("中世紀城鎮,有集市、城堡、森林", "中世纪城镇,有集市、城堡、森林"),
        ("黃昏的現代街道,五輛汽車", "黄昏的现代街道,五辆汽车"),
        ("兩隻狗跟著我,在沙漠裡", "两只狗跟着我,在沙漠里"),
        ("有霧的港口,沒有船,燈塔旁邊有風車", "有雾的港口,没有船,灯塔旁边有风车"),
    ],
)
def test_traditional_chinese_is_read_as_simplified(traditional, simplified):
    assert parse_prompt(traditional) == parse_prompt(simplified)
    assert parse_prompt(traditional)[1].ignored == []


def test_no_english_word_is_taken_for_a_foreign_one():
    for word in TOWN.lexicon.words:
        if word.isascii() and word.isalpha() and word not in ("y", "z"):
            check_language(word, TOWN.lexicon.words)
