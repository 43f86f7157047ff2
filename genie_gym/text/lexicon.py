"""The words, English and Chinese, by which prompts and events name what a world can hold.

Each table maps a concept to its words; English plurals follow by rule. A phrase belongs to one concept only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from genie_gym.text.spec import TIMES

SCENE_WORDS = {
    "medieval_town": "medieval town, town, medieval city, mediaeval town, old town, medieval, middle ages, 中世纪城镇, 中世纪小镇, "
    "中世纪城市, 中世纪, 城镇, 小镇, 镇子, 古镇, 古城, 老城",
    "modern_street": "modern street, modern city, city street, city, downtown, street, avenue, urban, 现代街道, 现代城市, 城市, "
    "街道, 大街, 市区, 马路, 都市",
    "village": "village, hamlet, farm, countryside, 村庄, 村子, 乡村, 农村, 小村, 农场, 田园",
    "forest": "forest, wood, woodland, woods, jungle, grove, 森林, 树林, 林子, 丛林, 林地",
    "desert": "desert, dune, sand dune, sahara, 沙漠, 沙丘, 荒漠, 戈壁",
    "snowfield": "snowfield, snow field, snowy field, tundra, arctic, ice field, 雪原, 雪地, 冰原, 雪野, 极地",
    "arena": "arena, colosseum, coliseum, amphitheatre, amphitheater, roman arena, stadium, 竞技场, 斗兽场, 角斗场, 罗马竞技场, "
    "体育场",
    "harbour": "harbour, harbor, port, dock, quay, pier, marina, seaside, 港口, 码头, 海港, 港湾, 海边",
    "flooded_street": "flooded street, flooded city, flooded town, street in a flood, flood, flooding, 被淹的街道, 洪水中的街道, "
    "淹水的街道, 水淹的街道, 洪水街道, 洪水, 水灾, 淹水",
    "indoor_rooms": "indoor rooms, indoor room, indoors, indoor, room, house interior, interior, apartment, office, 室内房间, 室内, "
    "房间, 屋内, 公寓, 办公室",
}
WEATHER_WORDS = {
    "sunny": "sunny, clear sky, sunshine, clear weather, cloudless, sun, 晴天, 晴朗, 阳光, 放晴, 天晴, 出太阳, 晴",
    "rainy": "rainy, rain, raining, rainfall, storm, stormy, drizzle, downpour, wet, 下雨, 雨天, 暴雨, 大雨, 小雨, 雨",
    "snowy": "snowy, snow, snowing, snowfall, blizzard, winter, wintry, 冬天, 冬季, 下雪, 雪天, 大雪, 暴雪, 小雪, 雪",
    "foggy": "foggy, fog, mist, misty, haze, hazy, 起雾, 大雾, 有雾, 雾天, 雾气, 薄雾, 浓雾, 雾",
}
TIME_WORDS = {
    TIMES["dawn"]: "dawn, sunrise, early morning, daybreak, 黎明, 清晨, 日出, 拂晓, 破晓",
    9.0: "morning, 早上, 早晨, 上午",
    TIMES["day"]: "day, daytime, noon, midday, daylight, 白天, 中午, 正午, 日间, 白昼",
    15.0: "afternoon, 下午, 午后",
    TIMES["dusk"]: "dusk, sunset, evening, twilight, 黄昏, 傍晚, 日落, 夕阳, 晚霞",
    TIMES["night"]: "night, nighttime, nightfall, dark, 夜晚, 晚上, 夜里, 黑夜, 夜间, 深夜, 入夜, 天黑",
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
    "tree": "tree, oak, maple, 大树, 树木, 树",
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
BEHAVIOUR_WORDS = {
    "stand": "standing, stand, stands, waiting, wait, idle, still, 站立, 站着, 站在, 等待, 不动",
    "wander": "wandering, wander, wanders, walking, walk, walks, strolling, roaming, 闲逛, 走动, 散步, 徘徊, 行走, 游荡",
    "follow": "following me, following, follow me, follows me, follow, follows, chasing me, 跟着我, 跟随我, 跟随, 跟着, 追我",
    "patrol": "patrolling, patrol, patrols, 巡逻",
}
PLACE_WORDS = {
    "centre": "in the middle, in the centre, in the center, middle, centre, center, 中央, 中间, 中心",
    "ahead": "in front of me, ahead, in front, before me, 前面, 前方, 面前",
    "behind": "behind me, behind, 后面, 身后, 后方",
    "left": "on the left, to the left, to my left, on my left, left, 左边, 左侧, 左面",
    "right": "on the right, to the right, to my right, on my right, right, 右边, 右侧, 右面",
}
PHYSICS_WORDS = {
    "gravity": {
        1.62: "moon gravity, lunar gravity, gravity of the moon, moon, 月球重力, 月球引力, 月球",
        3.71: "mars gravity, gravity of mars, martian gravity, mars, 火星重力, 火星引力, 火星",
        24.8: "jupiter gravity, gravity of jupiter, jupiter, 木星重力, 木星",
        9.81: "earth gravity, normal gravity, usual gravity, 正常重力, 地球重力",
        3.0: "low gravity, weak gravity, reduced gravity, less gravity, light gravity, 低重力, 弱重力, 重力减小, 减小重力, 失重",
        20.0: "high gravity, strong gravity, heavy gravity, more gravity, 高重力, 强重力, 重力增大, 增大重力",
    },
    "friction": {
        0.1: "slippery, icy, low friction, slick, frictionless, less friction, ice, 打滑, 湿滑, 结冰, 很滑, 滑溜, 低摩擦, 减小摩擦",
        2.0: "sticky, high friction, rough ground, more friction, 高摩擦, 增大摩擦, 粗糙",
        1.0: "normal friction, usual friction, 正常摩擦",
    },
}
NUMBER_WORDS = {
    1: "one, a, an, single, 一, 1个",
    2: "two, a pair of, couple, a couple of, pair, 两, 二, 双",
    3: "three, few, a few, some, 三, 一些, 几",
    4: "four, several, 四, 若干",
    5: "five, 五",
    6: "six, half a dozen, 六",
    7: "seven, 七",
    8: "eight, many, lots of, a lot of, plenty of, numerous, 八, 许多, 很多, 大量, 好多",
    9: "nine, 九",
    10: "ten, 十",
    12: "twelve, dozen, a dozen, 十二",
    15: "fifteen, 十五",
    20: "twenty, 二十",
}
PLURAL = 3  # what "boats" or 「孩子们」 mean without a number
PLURALS = frozenset("people men women children cacti snowmen 人们".split())  # those that do not end in s
# Words that carry no content of their own: neither understood nor reported.
STOP_WORDS = frozenset(
    "the of in on at with and or is are be it its it's there has have having that which who this to for from into me my i we "
    "you please world scene place create make generate build show give let want would like where as very really also but "
    "then around some over under between up down full lots weather time sky turn become becomes change changes set add put spawn "
    "insert appear appears fall falls teleport move travel now go s start starts get gets bring during so just been being will should can could".split()
)
STOP_CHARACTERS = frozenset("们的有在和与及以及了着过吧呢啊请给我要一个座棵只条匹辆艘位名些把让变成为到里上下中是地得会并还也就这那天片"
                            "处间栋口件张盆朵顶头群块根面创建生成添加加入增加放来去现在突然开始世界场景出切换传送")  # fmt: skip


@dataclass(frozen=True)
class Concept:
    """What a phrase means: a category ("scene", "weather", "number", "not" …) and its value."""

    category: str
    value: Any = None


_TABLES: dict[str, dict] = {
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
    "not": {
        None: "no, not, without, never, none, any, remove, except, excluding, lacking, free of, isn't, don't, 没有, 无, 不要, 不带, 别, 除了, 没, 不, 去掉"
    },
    "near": {None: "next to, near, beside, by, close to, nearby, 旁边, 附近, 旁, 边上, 周围"},
    "gravity": {None: "gravity, 重力, 引力"},
    "friction": {None: "friction, 摩擦, 摩擦力"},
}
LEXICON = {
    word.strip(): Concept(category, value)
    for category, table in _TABLES.items()
    for value, words in table.items()
    for word in words.split(",")
}
SCENE_NAMES = {scene: words.split(",")[0] for scene, words in SCENE_WORDS.items()}  # what reports call them
# Ordinary words that are one letter from a known one and yet no typos of it.
NOT_TYPOS = frozenset("house houses mouse plane train truck cattle bread beach block paths place light lights birds bears "
                      "stairs stars store shops cloud clouds beast lakes river course north south stage crane".split())  # fmt: skip
