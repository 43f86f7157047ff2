"""The words, English and Chinese, by which prompts and events name what a world can hold.

Each table maps a concept to its words; English plurals follow by rule. A phrase belongs to one concept only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from genie_gym.text.spec import EARTH_GRAVITY, FRICTION_RANGE, GRAVITY_RANGE, TIMES
from genie_gym.text.verbs import CHANGE_WORDS

SCENE_WORDS = {
    "medieval_town": "medieval town, town, medieval city, mediaeval town, old town, medieval, middle ages, 中世纪城镇, 中世纪小镇, "
    "中世纪城市, 中世纪, 城镇, 小镇, 镇子, 古镇, 古城, 老城",
    "modern_street": "modern street, modern city, city street, city, downtown, street, avenue, urban, 现代街道, 现代城市, 城市, "
    "街道, 大街, 市区, 马路, 都市",
    "village": "village, hamlet, farm, countryside, 村庄, 村子, 乡村, 农村, 小村, 农场, 田园, 村",
    "forest": "forest, wood, woodland, woods, grove, 森林, 树林, 林子, 林地",
    "desert": "desert, dune, sand dune, sahara, 沙漠, 沙丘, 荒漠, 戈壁",
    "snowfield": "snowfield, snow field, snowy field, tundra, arctic, ice field, 雪原, 雪地, 冰原, 雪野, 极地",
    "arena": "arena, colosseum, coliseum, amphitheatre, amphitheater, roman arena, stadium, 竞技场, 斗兽场, 角斗场, 罗马竞技场, "
    "体育场",
    "harbour": "harbour, harbor, port, dock, quay, pier, marina, 港口, 码头, 海港, 港湾",
    "flooded_street": "flooded street, flooded city, flooded town, street in a flood, flood, flooding, 被淹的街道, 洪水中的街道, "
    "淹水的街道, 水淹的街道, 洪水街道, 洪水, 水灾, 淹水",
    "indoor_rooms": "indoor rooms, indoor room, indoors, indoor, room, house interior, interior, apartment, office, 室内房间, 室内, "
    "房间, 屋内, 公寓, 办公室",
}
WEATHER_WORDS = {
    "sunny": "after the rain, after rain, after the storm, after the snow, 雨后, 雪后, 雨过天晴, sunny, clear sky, clear night, clear day, sunshine, clear weather, fine weather, cloudless, sun, 晴天, 晴朗, 阳光, 放晴, 天晴, "
    "太阳出来, 出太阳, 太阳, 晴",
    "rainy": "阴雨, 降雨, rainy, rain, rains, raining, rainfall, wet, 下雨, 雨天, 雨",
    "snowy": "snowy, snow, snows, snowing, snowfall, wintry, 降雪, 下雪, 雪天, 积雪, 雪",
    "foggy": "foggy, fog, mist, misty, 起雾, 大雾, 有雾, 雾天, 雾气, 薄雾, 浓雾, 雾蒙蒙, 雾",
}
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
    "今晚, 夜",
    0.0: "midnight, 午夜, 半夜",
}
LANDMARK_WORDS = {
    "castle": "castle, fortress, citadel, 城堡, 要塞, 堡垒",
    "market": "market, bazaar, marketplace, market place, market square, stall, 集市, 市场, 市集, 集贸市场, 摊位",
    "church": "church, cathedral, chapel, 教堂, 大教堂, 礼拜堂",
    "tower": "tower, watchtower, watch tower, 塔楼, 瞭望塔, 高塔, 塔",
    "bridge": "bridge, 桥梁, 石桥, 木桥, 小桥, 桥",
    "well": "well, water well, 水井, 古井, 井",
    "fountain": "fountain, 喷泉, 喷水池",
    "windmill": "windmill, mill, 风车, 磨坊",
    "lighthouse": "lighthouse, light house, 灯塔",
    "statue": "statue, monument, sculpture, 雕像, 塑像, 纪念碑, 雕塑",
    "gate": "gate, archway, arch, city gate, 城门, 大门, 拱门, 牌坊",
    "pyramid": "pyramid, 金字塔",
}
OBJECT_WORDS = {
    "crate": "crate, wooden crate, box, wooden box, 木箱, 箱子, 板条箱, 盒子",
    "barrel": "barrel, cask, keg, 木桶, 酒桶, 圆桶, 桶",
    "ball": "ball, football, soccer ball, 足球, 皮球, 球",
    "pot": "pot, vase, jar, urn, flowerpot, 花盆, 花瓶, 罐子, 陶罐, 坛子",
    "chair": "chair, stool, seat, 椅子, 凳子, 座椅",
    "log": "log, tree trunk, timber, 原木, 圆木, 木头",
    "cone": "traffic cone, cone, 路锥, 锥桶, 交通锥",
    "bucket": "bucket, pail, 水桶, 铁桶",
    "tree": "tree, oak, maple, oak tree, maple tree, 大树, 树木, 橡树, 枫树, 树",
    "pine": "pine, pine tree, fir, fir tree, christmas tree, 松树, 杉树, 圣诞树",
    "bush": "bush, shrub, hedge, 灌木, 灌木丛, 树丛",
    "rock": "rock, stone, boulder, 石头, 岩石, 巨石, 石块",
    "lamp": "lamp, street lamp, streetlight, street light, lantern, lamp post, 路灯, 灯笼, 街灯, 灯",
    "bench": "bench, park bench, 长椅, 长凳",
    "cactus": "cactus, cacti, 仙人掌",
    "flower": "flower, flower bed, rose, 花朵, 鲜花, 花坛, 花",
    "car": "car, automobile, vehicle, taxi, 汽车, 轿车, 小车, 车",
    "boat": "boat, ship, rowing boat, sailboat, 小船, 船只, 帆船, 轮船, 船",
    "cart": "cart, wagon, handcart, 马车, 推车, 手推车",
    "tent": "tent, 帐篷",
    "snowman": "snowman, snowmen, 雪人",
    "table": "table, desk, 桌子, 书桌",
    "haystack": "haystack, hay bale, hay, 干草堆, 草垛, 稻草堆",
    "flag": "flag, banner, 旗帜, 旗子, 国旗",
}
CHARACTER_WORDS = {
    "villager": "villager, person, people, man, woman, men, women, human, pedestrian, citizen, townsfolk, walker, 村民, 行人, 居民, "
    "路人, 人们, 男人, 女人, 人",
    "guard": "guard, soldier, policeman, police officer, sentry, 卫兵, 士兵, 守卫, 警察, 警卫, 哨兵",
    "knight": "knight, gladiator, warrior, 骑士, 武士, 角斗士, 战士",
    "merchant": "merchant, trader, seller, vendor, shopkeeper, 商人, 小贩, 摊贩, 店主",
    "child": "child, kid, children, boy, girl, 孩子, 小孩, 儿童, 男孩, 女孩",
    "robot": "robot, android, 机器人",
    "dog": "dog, puppy, wolf, 小狗, 狗, 狼",
    "sheep": "sheep, lamb, goat, 绵羊, 山羊, 羊",
    "horse": "horse, pony, 马匹, 小马, 马",
}
SEASON_WORDS: dict[str | None, str] = {
    "sunny": "summer, summery, summertime, midsummer, 夏天, 夏季, 夏日, 夏, 盛夏, 初夏",
    "snowy": "winter, wintertime, midwinter, 冬天, 冬季, 冬日, 冬, 寒冬, 隆冬",
    None: "spring, springtime, autumn, autumnal, autumn leaves, fall colours, fall colors, fall foliage, 春天, 春季, 春日, 春, 初春, "
    "早春, 秋天, 秋季, 秋日, 秋, 深秋, 初秋, 金秋",
}
BEHAVIOUR_WORDS = {
    "stand": "standing, stand, stands, waiting, waits, idle, still, 站立, 站着, 站在, 等待, 不动",
    "wander": "wandering, wander, wanders, walking, walk, walks, strolling, roaming, 闲逛, 走动, 散步, 徘徊, 行走, 游荡",
    "follow": "following me, following, follow me, follows me, follow, follows, chasing me, 跟着我, 跟随我, 跟随, "
    "跟着, 追我",
    "patrol": "patrolling, patrol, patrols, 巡逻",
}
PLACE_WORDS = {
    "centre": "in the middle, in the centre, in the center, middle, centre, center, 中央, 中间, 中心",
    "ahead": "in front of me, ahead, in front, before me, 前面, 前方, 面前",
    "behind": "behind me, 后面, 身后, 后方",
    "left": "on the left, to the left, to my left, on my left, left, 左边, 左侧, 左面",
    "right": "on the right, to the right, to my right, on my right, right, 右边, 右侧, 右面",
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
    2: "two, a pair of, couple, a couple of, pair, 两, 二, 双",
    3: "three, few, a few, some, a few more, some more, 三, 一些, 几, 几个",
    4: "four, several, 四, 若干",
    5: "five, 五",
    6: "six, half a dozen, 六",
    7: "seven, 七",
    8: "eight, many, lots of, a lot of, plenty of, numerous, 八, 许多, 很多, 大量, 好多",
    9: "nine, 九",
    10: "ten, 十",
    12: "dozen, a dozen",
}
# What the simulator has not, and the nearest that it has: category, value, what becomes of it, words.
NEAREST: tuple[tuple[str, Any, str, str], ...] = (
    ("shift", 1.0, "by one hour",
     "later, a bit later, a little later, later on, 晚一点, 晚点, 晚些, 过一会儿, 过会儿, 一会儿后"),
    ("shift", -1.0, "by one hour",
     "earlier, a bit earlier, a little earlier, 早一点, 早点, 早些"),
    ("weather", "rainy", "shown as rain, without thunder and wind",
     "thunderstorm, thunder, lightning, storm, stormy, rainstorm, hurricane, typhoon, cyclone, tempest, monsoon, "
     "暴风雨, 雷雨, 雷阵雨, 雷暴, 打雷, 闪电, 风暴, 台风, 飓风, 季风, 风雨"),
    ("weather", "rainy", "shown as rain, which has one strength",
     "drizzle, downpour, light rain, heavy rain, light drizzle, pouring, heavy rainfall, shower, 暴雨, 大雨, 小雨, "
     "细雨, 毛毛雨, 阵雨, 倾盆大雨, 梅雨"),
    ("weather", "rainy", "shown as rain",
     "hail, hailing, hails, hailstorm, sleet, sleeting, 冰雹, 下冰雹, 雨夹雪, 冻雨"),
    ("weather", "snowy", "shown as snow, which has one strength",
     "blizzard, snowstorm, heavy snow, light snow, heavy snowfall, 暴雪, 大雪, 小雪, 暴风雪, 风雪"),
    ("weather", "foggy", "shown as fog",
     "sandstorm, sand storm, dust storm, dust, smoke, smog, haze, hazy, thick fog, dense fog, heavy fog, light fog, "
     "沙尘暴, 沙暴, 扬沙, 沙尘, 尘暴, 烟雾, 浓烟, 雾霾, 霾"),
    ("time", TIMES["night"], "shown as night",
     "moonlight, moonlit, starlight, starlit, starry, starry night, full moon, moonrise, 月光, 月色, 月夜, 月亮, 星光, "
     "星空, 繁星"),
    ("time", TIMES["dusk"], "shown as dusk",
     "golden hour, warm light, warmer light, golden light, warmer lighting, 暖光, 暖色, 金色阳光, 暖一点, 更暖"),
    ("scene", "harbour", "shown as a harbour",
     "beach, coast, coastline, shore, seashore, seaside, sea, ocean, waterfront, fishing village, fishing town, "
     "fishing port, 沙滩, 海滩, 海岸, 海边, 海滨, 大海, 渔村, 渔港"),
    ("scene", "forest", "shown as a forest",
     "jungle, rainforest, rain forest, tropical forest, 丛林, 热带雨林, 雨林, 密林"),
    ("scene", "snowfield", "shown as a snowfield",
     "glacier, antarctica, north pole, south pole, 冰川, 南极, 北极"),
    ("scene", "village", "shown as a village",
     "countryside village, fields, meadow, meadows, 田野, 草地"),
    ("scene", "desert", "shown as a desert",
     "oasis, wasteland, badlands, 绿洲, 荒野"),
    ("landmark", "castle", "shown as a castle",
     "palace, fort, chateau, 宫殿, 皇宫, 王宫"),
    ("landmark", "church", "shown as a church",
     "temple, abbey, monastery, 寺庙, 庙, 修道院"),
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
    "season": SEASON_WORDS,
    "scene": SCENE_WORDS,
    "weather": WEATHER_WORDS,
    "time": TIME_WORDS,
    "landmark": LANDMARK_WORDS,
    "object": OBJECT_WORDS,
    "character": CHARACTER_WORDS,
    "behaviour": BEHAVIOUR_WORDS,
    "place": PLACE_WORDS,
    "physics": {(name, value): words for name, table in PHYSICS_WORDS.items() for value, words in table.items()},
    "number": NUMBER_WORDS,
}


def _lexicon() -> dict[str, Concept]:
    """Phrases and what they mean; names of things go before words of change."""
    entries = [(Concept(c, v), words) for c, table in CHANGE_WORDS.items() for v, words in table.items()]
    entries += [(Concept(category, value, note), words) for category, value, note, words in NEAREST]
    entries += [(Concept(c, v), words) for c, table in _TABLES.items() for v, words in table.items()]
    return {word.strip(): concept for concept, words in entries for word in words.split(",") if word.strip()}


LEXICON = _lexicon()
NAMES = {phrase for phrase, concept in LEXICON.items() if concept.category in _TABLES and concept.category != "number"}
SCENE_NAMES = {scene: words.split(",")[0] for scene, words in SCENE_WORDS.items()}  # what reports call them
# Ordinary words that are a letter or two from a known one and yet no typos of it.
NOT_TYPOS = frozenset("house houses mouse plane train truck cattle bread beach block paths place light lights birds bears "
                      "stairs stars store shops cloud clouds beast lakes river course north south stage crane sleep sleeps steep "
                      "sheet sheets barren create crave carts table cable chain chill choir towel bride marker cellar dessert "
                      "villain villains fiction fraction mourning moving mooring winner waiter writer wonder wonders petrol fellow "
                      "streak showman solder stove stall stalls spill skill stack start statue state status tablet tents taste "
                      "burns burn turns earns horns drown crown clown brown grown flows flown flame frame grave gravy grate great "
                      "sings swims jumps dance dances paint paints party grass glass class clean clock smash swap sweep string "
                      "strings sprint wind windy winds mountain mountains dragon wagons lion tiger bird cow pig cat eats fight fights "
                      "bigger taller older roof roofs walls wall doors door windows window".split())  # fmt: skip
