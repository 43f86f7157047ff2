"""The words, English and Chinese, of prompts and events about any world: times, seasons, places, behaviours, physics, numbers.
What a simulator's worlds can hold has names of its own (`vocabulary`).

Each table maps a concept to its words; English plurals follow by rule. A phrase belongs to one concept only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from genie_gym.text.spec import EARTH_GRAVITY, FRICTION_RANGE, GRAVITY_RANGE, TIMES
from genie_gym.text.verbs import CHANGE_WORDS

TIME_WORDS = {
    TIMES[
        "dawn"
    ]: "dawn, sunrise, early morning, daybreak, first light, sun rises, sun comes up, sun is up, 黎明, 清晨, 日出, 拂晓, 破晓, "
    "天亮, 天快亮, 太阳升起, 凌晨",
    9.0: "morning, 早上, 早晨, 上午, 早",
    TIMES["day"]: "day, daytime, noon, midday, daylight, 白天, 中午, 正午, 日间, 白昼",
    16.5: "late afternoon",
    21.0: "late evening",
    15.0: "afternoon, early afternoon, 下午, 午后",
    TIMES[
        "dusk"
    ]: "dusk, early evening, sunset, sundown, evening, twilight, sun goes down, sun sets, 黄昏, 傍晚, 日落, 夕阳, 晚霞, "
    "太阳下山, 太阳快下山, 太阳落山",
    TIMES[
        "night"
    ]: "night, late at night, late night, 夜幕, nighttime, nightfall, dark, tonight, 夜晚, 晚上, 夜里, 黑夜, 夜间, 深夜, 入夜, 天黑, 夜色, "
    "今晚, 夜深, 夜",
    0.0: "midnight, 午夜, 半夜",
}
SEASON_WORDS: dict[str | None, str] = {
    "sunny": "summer, summery, summertime, midsummer, 夏天, 夏季, 夏日, 夏, 盛夏, 初夏",
    "snowy": "winter, wintertime, midwinter, 冬天, 冬季, 冬日, 冬, 寒冬, 隆冬",
    None: "spring, springtime, autumn, autumnal, autumn leaves, fall colours, fall colors, fall foliage, 春天, 春季, 春日, 春, 初春, "
    "早春, 秋天, 秋季, 秋日, 秋, 深秋, 初秋, 金秋",
}
BEHAVIOUR_WORDS = {
    "stand": "standing, stand, stands, stands guard, standing guard, stand guard, stand watch, stands watch, doesn't move, does not move, "
    "motionless, stays put, waiting, waits, idle, still, 站立, 站着, "
    "站在, 站岗, 等待, 不动, 一动不动",
    "wander": "wandering, wander, wanders, wandering about, walking, walk, walks, stroll, stroll about, strolling, strolls, roaming, roams, "
    "running about, running around, milling about, 闲逛, 走动, 散步, 徘徊, 行走, 游荡, 晃悠, 溜达, 转悠, 走来, 跑来跑去",
    "follow": "following me, following, follow me, follows me, follow, follows, chasing me, tags along, tag along, "
    "tagging along, tags along behind us, trails behind me, 跟着我, 跟随我, 跟随, 跟着, 追我, 跟在我身边, 跟在, 跟在我后面, 跟在我后头, 跟在我后头走",
    "patrol": "patrolling, patrol, patrols, 巡逻",
}
PLACE_WORDS = {
    "centre": "right in the middle, in the middle, in the centre, in the center, middle, centre, center, 中央, 正中央, 中间, 正中间, 中心, "
    "正中心",
    "ahead": "in front of me, in front of you, ahead, in front, before me, before you, 前面, 前方, 面前",
    "behind": "behind me, behind you, 后面, 身后, 后方",
    "left": "on the left, to the left, to my left, on my left, to your left, on your left, left, 左边, 左侧, 左面, 左手边, 左手",
    "right": "on the right, to the right, to my right, on my right, to your right, on your right, right, 右边, 右侧, 右面, 右手边, 右手",
}
PHYSICS_WORDS = {
    "gravity": {
        1.62: "moon gravity, lunar gravity, gravity of the moon, moon, 月球重力, 月球引力, 月球",
        3.71: "mars gravity, gravity of mars, martian gravity, mars, 火星重力, 火星引力, 火星",
        24.8: "jupiter gravity, gravity of jupiter, jupiter, 木星重力, 木星",
        EARTH_GRAVITY: "earth gravity, normal gravity, usual gravity, normal earth gravity, earth, 正常重力, 地球重力, 地球",
        3.0: "low gravity, weak gravity, reduced gravity, light gravity, 低重力, 弱重力",
        20.0: "high gravity, strong gravity, heavy gravity, 高重力, 强重力",
    },
    "friction": {
        0.1: "slippery, icy, low friction, slick, ice, 打滑, 湿滑, 结冰, 很滑, 滑溜, 滑, 低摩擦",
        2.0: "sticky, high friction, rough ground, 高摩擦, 粗糙",
        1.0: "normal friction, usual friction, 正常摩擦",
    },
}
VAGUE = (3.0, 20.0, 0.1, 2.0)  # those that say a direction and no amount
NUMBER_WORDS = {
    0: "zero, 零, 〇",
    1: "one, a, an, single, another, 一, 1个",
    2: "俩, two, a pair of, couple, a couple of, pair, 两, 二, 双",
    3: "仨, a handful of, three, few, a few, some, a few more, some more, 三, 一些, 几, 几个",
    4: "four, several, 四, 若干",
    5: "five, 五",
    6: "six, half a dozen, 六",
    7: "seven, 七",
    8: "eight, many, lots of, a lot of, plenty of, numerous, 八, 许多, 很多, 大量, 好多",
    9: "nine, 九",
    10: "ten, 十",
    12: "dozen, a dozen",
}
# What no world has, and the nearest to it: category, value, what becomes of it, words.
NEAREST: tuple[tuple[str, Any, str, str], ...] = (
    ("shift", 1.0, "by one hour",
     "later, a bit later, a little later, later on, 晚一点, 晚点, 晚些, 过一会儿, 过会儿, 一会儿后"),
    ("shift", -1.0, "by one hour",
     "earlier, a bit earlier, a little earlier, 早一点, 早点, 早些"),
    ("time", TIMES["night"], "shown as night",
     "moonlight, moonlit, starlight, starlit, starry, starry night, full moon, moonrise, 月光, 月色, 月夜, 月亮, 星光, "
     "星空, 繁星"),
    ("time", TIMES["dusk"], "shown as dusk",
     "golden hour, warm light, warmer light, golden light, warmer lighting, 暖光, 暖色, 金色阳光, 暖一点, 更暖"),
    ("physics", ("gravity", GRAVITY_RANGE[0]), f"gravity {GRAVITY_RANGE[0]:g}, the least there is",
     "zero gravity, zero g, weightless, weightlessness, no gravity, without gravity, 失重, 零重力, 无重力, 没有重力"),
    ("physics", ("friction", FRICTION_RANGE[0]), f"friction {FRICTION_RANGE[0]:g}, the least there is",
     "frictionless, zero friction, no friction, without friction, 零摩擦, 无摩擦, 没有摩擦, 没有摩擦力"),
)  # fmt: skip
PLURAL = 3  # what "boats" or 「孩子们」 mean without a number
PLURALS = frozenset("people men women children cacti snowmen 人们".split())  # those that do not end in s


@dataclass(frozen=True)
class Concept:
    """What a phrase means: a category ("scene", "weather", "number", "not" …), its value, and what becomes of it where the
    simulator has only something near."""

    category: str
    value: Any = None
    note: str = ""


_TABLES: dict[str, dict] = {
    "time": TIME_WORDS,
    "behaviour": BEHAVIOUR_WORDS,
    "place": PLACE_WORDS,
    "physics": {(name, value): words for name, table in PHYSICS_WORDS.items() for value, words in table.items()},
    "number": NUMBER_WORDS,
}
_UNNAMED = (*CHANGE_WORDS, "shift", "number")  # categories of words that name nothing: no typo is mended into one


@dataclass(frozen=True)
class Lexicon:
    """All phrases that are read, and what each means. `names` are those that name something."""

    phrases: Mapping[str, Concept]

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(phrase for phrase, concept in self.phrases.items() if concept.category not in _UNNAMED)

    @cached_property
    def words(self) -> frozenset[str]:
        """The single words of all phrases."""
        return frozenset(word for phrase in self.phrases for word in phrase.split())


def make_lexicon(
    weathers: Collection[str], groups: Collection[str], words: Iterable[tuple[str, str, str, Iterable[str]]]
) -> Lexicon:
    """The words of any world, and those of a vocabulary: rows of category, value, what becomes of it, words. Names go before
    what is only near one, that before what any world has, and last come words of change."""
    entries: list[tuple[Concept, Iterable[str]]] = [
        (Concept(category, value), text.split(","))
        for category, table in CHANGE_WORDS.items()
        for value, text in table.items()
        if category not in ("crowd", "nobody") or value in groups
    ]
    entries += [(Concept(category, value, note), text.split(",")) for category, value, note, text in NEAREST]
    entries += [(Concept("season", w if w in weathers else None), text.split(",")) for w, text in SEASON_WORDS.items()]
    entries += [(Concept(c, value), text.split(",")) for c, table in _TABLES.items() for value, text in table.items()]
    own = [(Concept(category, value, note), phrases) for category, value, note, phrases in words]
    entries += sorted(own, key=lambda entry: not entry[0].note)
    return Lexicon({word.strip(): concept for concept, phrases in entries for word in phrases if word.strip()})
