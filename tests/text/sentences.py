"""Sentences as people write them, and how each is to be read: `EVENTS` change a world, `PROMPTS` describe one.

They were written before the reader was made to read them, from how one asks for weather, time, things, places and rules.
"""

from dataclasses import dataclass, field
from typing import Any

REFUSED = None


@dataclass(frozen=True)
class Sentence:
    """A text, its reading and what the report must say.

    `reading` are the fields of the event (with its type) or of the world that the text names, `REFUSED` for a text that
    is to be refused. A pair of numbers is a range. `now` is what the world is like when an event is asked for. Each of
    `ignored` is to be in what the report ignores, which is to be empty otherwise; `assumed`: it must say what it took.
    """

    text: str
    reading: dict[str, Any] | None
    now: dict[str, Any] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    assumed: bool = False


def weather(text: str, name: str, now: str = "sunny", **more: Any) -> Sentence:
    return Sentence(text, {"type": "weather_change", "weather": name}, {"weather": now}, **more)


def hour(text: str, low: float, high: float | None = None, now: float = 12.0, **more: Any) -> Sentence:
    return Sentence(text, {"type": "time_of_day", "hour": (low, low if high is None else high)}, {"hour": now}, **more)


def remove(text: str, kind: str, count: int | str = "all", position: str | None = None, **more: Any) -> Sentence:
    return Sentence(text, {"type": "object_remove", "kind": kind, "count": count, "position": position}, **more)


def add(text: str, kind: str, count: Any = 1, position: str = "ahead", **more: Any) -> Sentence:
    return Sentence(text, {"type": "object_add", "kind": kind, "count": count, "position": position}, **more)


def character(
    text: str, kind: str, behaviour: str = "wander", count: int = 1, position: str = "ahead", **more: Any
) -> Sentence:
    values = {"kind": kind, "behaviour": behaviour, "count": count, "position": position}
    return Sentence(text, {"type": "character_add", **values}, **more)


def scene(text: str, name: str, **more: Any) -> Sentence:
    return Sentence(text, {"type": "scene_transition", "scene": name}, **more)


def gravity(text: str, low: float, high: float | None = None, now: float = 9.81, **more: Any) -> Sentence:
    values = {"type": "physics_modifier", "gravity": (low, low if high is None else high)}
    return Sentence(text, values, {"gravity": now}, **more)


def friction(text: str, low: float, high: float | None = None, now: float = 1.0, **more: Any) -> Sentence:
    values = {"type": "physics_modifier", "friction": (low, low if high is None else high)}
    return Sentence(text, values, {"friction": now}, **more)


def refused(text: str, **now: Any) -> Sentence:
    return Sentence(text, REFUSED, now)


# Plain requests.
PLAIN_EVENTS = (
    weather("could you make it rain?", "rainy"),
    weather("I want snow", "snowy"),
    weather("let the sun come out", "sunny", now="rainy"),
    weather("a thunderstorm breaks out", "rainy", assumed=True),
    weather("a sandstorm is coming", "foggy", assumed=True),
    weather("it starts hailing", "rainy", assumed=True),
    weather("clear skies", "sunny", now="foggy"),
    weather("a light drizzle", "rainy"),
    weather("天晴了", "sunny", now="rainy"),
    weather("开始下雪", "snowy"),
    weather("来一场暴风雨", "rainy", assumed=True),
    weather("刮起了沙尘暴", "foggy", assumed=True),
    hour("in the afternoon", 13, 17, now=9.0),
    hour("half past six", 6.5),
    hour("quarter to nine in the evening", 20.75),
    hour("set the clock to 3pm", 15),
    hour("it gets dark", 18, 24),
    hour("the sun goes down", 17, 20.5),
    hour("fast forward to midnight", 23, 24),
    hour("the sun rises", 5, 8),
    hour("at noon", 12, now=20.0),
    hour("moonlight", 20, 24, assumed=True),
    hour("天黑了", 18, 24),
    hour("六点半", 6.5),
    hour("差一刻九点", 8.75),
    hour("下午三点", 15),
    hour("晚上八点一刻", 20.25),
    hour("天亮了", 5, 9, now=23.0),
    add("add three oak trees near the well", "tree", 3, "well"),
    add("put a barrel behind me", "barrel", 1, "behind"),
    add("place a bench left of the tower", "bench", 1, "tower", ignored=("left",)),
    add("throw in a couple of balls", "ball", 2),
    add("drop a crate at the market", "crate", 1, "market"),
    add("在井旁边放三棵树", "tree", 3, "well"),
    add("在塔的左边放一张长椅", "bench", 1, "tower", ignored=("左",)),
    character("a robot follows me", "robot", "follow"),
    character("spawn a knight patrolling in front of me", "knight", "patrol"),
    character("我后面来一只狗", "dog", position="behind"),
    scene("take me to the desert", "desert"),
    scene("let's go to the beach", "harbour", assumed=True),
    scene("teleport to a jungle", "forest", assumed=True),
    scene("go indoors", "indoor_rooms"),
    scene("I'd like to be in a fishing village", "harbour", assumed=True),
    scene("去沙漠", "desert"),
    scene("带我去海边", "harbour", assumed=True),
    friction("make the ground slippery", 0.02, 0.6),
    friction("地面变滑", 0.02, 0.6),
    gravity("gravity like on the moon", 1.62),
    gravity("月球重力", 1.62),
    weather("起雾了", "foggy"),
    weather("下点雨吧", "rainy"),
    weather("让太阳出来", "sunny", now="rainy"),
    weather("打雷了", "rainy", assumed=True),
    hour("快进到傍晚", 17, 20),
    hour("把时间调到早上七点", 7),
    hour("等到明天早上", 6, 10, now=20.0),
    hour("正午", 12, now=20.0),
    add("多放两把椅子", "chair", 2),
    add("在我右边放个雪人", "snowman", 1, "right"),
    add("城堡前面放两个木桶", "barrel", 2, "castle", ignored=("前",)),
    character("一个骑士在巡逻", "knight", "patrol"),
    # What cannot be, or is no event.
    refused("爆炸吧"),
    refused("把城堡变大"),
    refused("二十五点"),
    refused("坐下"),
    refused("twenty-five o'clock"),
    refused("gravity -3"),
    refused("gravity at 50"),
    refused("-3 crates"),
    refused("add 0 crates"),
    refused("负三个箱子"),
    refused("add a dragon"),
    refused("add 500 trees"),
    refused("paint the castle red"),
    refused("把塔涂成红色"),
    refused("explode the tower"),
    refused("爬上高塔"),
    refused("make the castle bigger"),
    refused("sit on the bench"),
    refused("replace the crates with barrels"),
)
# Negations, stops, removals, relative amounts.
TURNED_EVENTS = (
    weather("make it stop snowing", "sunny", now="snowy"),
    weather("no more fog please", "sunny", now="foggy"),
    weather("the rain is over", "sunny", now="rainy"),
    weather("the fog lifts", "sunny", now="foggy"),
    weather("the snow melts away", "sunny", now="snowy"),
    weather("it isn't raining any more", "sunny", now="rainy"),
    weather("please don't let it rain", "sunny", now="rainy"),
    weather("the storm passes", "sunny", now="rainy"),
    weather("the clouds clear", "sunny", now="rainy"),
    weather("rain instead of snow", "rainy", now="snowy"),
    weather("别下雨了", "sunny", now="rainy"),
    weather("雨停了", "sunny", now="rainy"),
    weather("雪停了吧", "sunny", now="snowy"),
    weather("把雾散去", "sunny", now="foggy"),
    weather("不要再下雪了", "sunny", now="snowy"),
    weather("没有雾了", "sunny", now="foggy"),
    weather("把雨停下来", "sunny", now="rainy"),
    weather("雾散了", "sunny", now="foggy"),
    weather("外面不下雪了", "sunny", now="snowy"),
    weather("雪化了", "sunny", now="snowy"),
    weather("我不想要雾", "sunny", now="foggy"),
    weather("别再刮沙尘暴了", "sunny", now="foggy"),
    refused("stop the rain", weather="snowy"),
    refused("heavier rain", weather="rainy"),
    refused("雨小一点", weather="rainy"),
    hour("an hour earlier", 11),
    hour("two hours later", 14),
    hour("turn the clock back half an hour", 11.5),
    hour("skip ahead ten hours", 6, now=20.0),
    hour("make it a bit darker", 17, 20),
    hour("make it brighter", 5, 13, now=23.0),
    hour("warmer light", 17, 20, assumed=True),
    hour("再暗一点", 17, 20.5),
    hour("再过两个小时", 14),
    hour("提前一小时", 11),
    hour("早一个半小时", 10.5),
    hour("一小时以前", 11),
    hour("时间倒退三小时", 9),
    hour("亮一点", 5, 13, now=23.0),
    remove("get rid of the crates", "crate"),
    remove("remove the castle", "castle", 1),
    remove("fewer trees", "tree", "half", assumed=True),
    remove("take away two barrels", "barrel", 2),
    remove("delete the lamp on the left", "lamp", 1, "left"),
    remove("half of the trees disappear", "tree", "half"),
    remove("the guards leave", "guard"),
    remove("send the dog away", "dog", 1),
    remove("no more sheep", "sheep"),
    remove("I don't want any benches here", "bench"),
    remove("knock down the tower", "tower", 1),
    remove("把箱子拿走", "crate"),
    remove("把城堡拆掉", "castle"),
    remove("去掉一半的树", "tree", "half"),
    remove("少一些灯", "lamp", "half", assumed=True),
    remove("让守卫离开", "guard"),
    remove("移走左边的两个木桶", "barrel", 2, "left"),
    remove("别要那些桶了", "barrel"),
    remove("砍掉三棵树", "tree", 3),
    remove("让那只狗走开", "dog", 1),
    remove("把灯都去掉", "lamp"),
    remove("村民少一点", "villager", "half", assumed=True),
    remove("桥消失了", "bridge"),
    add("a few more lamps", "lamp", (2, 5)),
    add("再来几个箱子", "crate", (2, 5)),
    refused("leave the forest"),
    gravity("half the gravity", 4.905),
    gravity("double the gravity", 19.62),
    gravity("gravity back to normal", 9.81, now=1.62),
    gravity("less gravity", 1, 9.5, assumed=True),
    gravity("turn off gravity", 0.5, assumed=True),
    gravity("increase gravity by 2", 11.81),
    gravity("20% less gravity", 7.848),
    gravity("重力减半", 4.905),
    gravity("把重力加倍", 19.62),
    gravity("重力恢复正常", 9.81, now=3.0),
    friction("the floor should not be slippery any more", 0.9, 1.1, now=0.2),
    friction("three times the friction", 1.5, now=0.5),
    gravity("重力小一点", 1, 9.5, assumed=True),
    gravity("重力变为原来的三分之一", 3.27),
    gravity("取消重力", 0.5, assumed=True),
    friction("摩擦力翻倍", 2.0),
    friction("地不滑了", 0.9, 1.1, now=0.2),
)
EVENTS = PLAIN_EVENTS + TURNED_EVENTS


def world(text: str, ignored: tuple[str, ...] = (), assumed: bool = False, **reading: Any) -> Sentence:
    return Sentence(text, reading, ignored=ignored, assumed=assumed)


PLAIN_PROMPTS = (
    world("a snowy village at dusk", scene="village", weather="snowy", hour=(17, 20)),
    world("a beach at sunset", scene="harbour", hour=(17, 20), assumed=True),
    world("a forest in autumn", scene="forest", ignored=("autumn",)),
    world("on the moon with low gravity", gravity=(1.62, 1.62)),
    world("a stormy night in a harbour", scene="harbour", weather="rainy", hour=(20, 24)),
    world("three oak trees and two pines in a snowfield", scene="snowfield", objects=(("tree", 3), ("pine", 2))),
    world("a street at half past six", scene="modern_street", hour=(6.5, 6.5)),
    world("a village with -3 crates", scene="village", ignored=("-3",)),
    world("moonlit beach", scene="harbour", hour=(20, 24), assumed=True),
    world("a sandstorm in the desert", scene="desert", weather="foggy", assumed=True),
    world(
        "winter village, two children and a snowman",
        scene="village", weather="snowy", objects=(("snowman", 1),), characters=(("child", 2),),
    ),
    world("a dog to the right of the church", characters=(("dog", 1),), landmarks=("church",), ignored=("right",)),
    world("a castle that burns", landmarks=("castle",), ignored=("burns",)),
    world("暴风雨之夜的港口", scene="harbour", weather="rainy", hour=(20, 24), assumed=True),
    world("渔村的早晨", scene="harbour", hour=(6, 10), assumed=True),
    world("黄昏的雪村", scene="village", weather="snowy", hour=(17, 20)),
    world("日落时的沙漠", scene="desert", hour=(17, 20)),
    world("月光下的沙滩", scene="harbour", hour=(20, 24), assumed=True),
    world("秋天的森林", scene="forest", ignored=("秋",)),
    world("清晨六点半的街道", scene="modern_street", hour=(6.5, 6.5)),
    world("雾蒙蒙的森林,两只羊跟着我", scene="forest", weather="foggy", characters=(("sheep", 2),)),
    world("塔的右边有一口井的村庄", scene="village", landmarks=("tower", "well"), ignored=("右",)),
    world("夜里的雪原,只有一盏灯", scene="snowfield", hour=(20, 24), objects=(("lamp", 1),)),
    world("热带雨林", scene="forest", weather="sunny", assumed=True),
    world("下着冰雹的港口", scene="harbour", weather="rainy", assumed=True),
    world("春天的村庄", scene="village", ignored=("春",)),
    world("半夜的竞技场,地面很滑", scene="arena", hour=(22, 24), friction=(0.02, 0.6)),
)  # fmt: skip
TURNED_PROMPTS = (
    world("a village without any trees", scene="village", without=("tree",)),
    world("a medieval town, no rain", scene="medieval_town", weather="sunny"),
    world("a desert with a pyramid but no cacti", scene="desert", landmarks=("pyramid",), without=("cactus",)),
    world("a castle, not a tower", landmarks=("castle",), without=("tower",)),
    world("an arena with 0 crates", scene="arena", without=("crate",)),
    world("rain-free evening in the village", scene="village", weather="sunny", hour=(17, 21)),
    world("a town that is not snowy", scene="medieval_town", weather="sunny"),
    world(
        "a harbour where it never rains, with a lighthouse and four boats",
        scene="harbour", weather="sunny", landmarks=("lighthouse",), objects=(("boat", 4),),
    ),
    world("gravity twice as strong as on earth, in an arena", scene="arena", gravity=(19.62, 19.62)),
    world("a rainy street with half the usual friction", scene="modern_street", weather="rainy", friction=(0.5, 0.5)),
    world(
        "neither rain nor fog, just a sunny forest with two tents",
        scene="forest", weather="sunny", objects=(("tent", 2),),
    ),
    world("没有树的村庄", scene="village", without=("tree",)),
    world("没有雪的村庄", scene="village", weather="sunny"),
    world("城堡小镇,一个守卫也没有", scene="medieval_town", landmarks=("castle",), without=("guard",)),
    world("重力是地球两倍的沙漠", scene="desert", gravity=(19.62, 19.62)),
    world("不下雨的小镇,有三个箱子", scene="medieval_town", weather="sunny", objects=(("crate", 3),)),
    world("沙漠里的金字塔,不要仙人掌", scene="desert", landmarks=("pyramid",), without=("cactus",)),
    world("重力是地球的一半的竞技场", scene="arena", gravity=(4.905, 4.905)),
    world("有城堡但没有集市的中世纪城镇", scene="medieval_town", landmarks=("castle",), without=("market",)),
    world("晴天,没有雾,村子里有五个木桶", scene="village", weather="sunny", objects=(("barrel", 5),)),
)  # fmt: skip
PROMPTS = PLAIN_PROMPTS + TURNED_PROMPTS
# Written after the reader could read all of the above, and read by it once before it learnt from them: 41 of 86 at first.
LATER_EVENTS = (
    weather("can we get some sunshine?", "sunny", now="foggy"),
    weather("enough with the rain already", "sunny", now="rainy"),
    weather("I'm tired of this snow, turn it off", "sunny", now="snowy"),
    weather("bring on the fog", "foggy"),
    weather("blizzard time!", "snowy", assumed=True),
    weather("make the rain go away", "sunny", now="rainy"),
    weather("雨别下了", "sunny", now="rainy"),
    weather("雾气慢慢散开了", "sunny", now="foggy"),
    weather("换成大雪天", "snowy"),
    weather("马上给我停雪", "sunny", now="snowy"),
    hour("jump three hours into the future", 15),
    hour("go back in time by one hour", 11),
    hour("let's make it early evening", 17, 20),
    hour("ten to five in the afternoon", 16 + 50 / 60),
    hour("it should be much darker", 17, 24),
    hour("一个钟头以后", 13),
    hour("现在是凌晨三点", 3),
    hour("往后拨半小时", 12.5),
    hour("天色再亮些", 5, 13, now=23.0),
    remove("clear out all the barrels", "barrel"),
    remove("that tree on the right has to go", "tree", 1, "right"),
    remove("nobody needs those chairs, delete them", "chair"),
    remove("kick the robots out", "robot"),
    remove("get the cars off the street", "car"),
    remove("remove half the lamps", "lamp", "half"),
    remove("教堂拆了吧", "church"),
    remove("前面的石头全部清理掉", "rock", "all", "ahead"),
    remove("把那两只羊牵走", "sheep", 2),
    add("I could use a tent over here", "tent"),
    add("another two benches please", "bench", 2),
    add("来五个水桶放我左边", "bucket", 5, "left"),
    gravity("cut gravity to a quarter", 9.81 / 4),
    gravity("make things twice as heavy", 19.62),
    friction("摩擦力减少一半", 0.5),
    gravity("引力调到3", 3),
    scene("whisk me off to the harbour", "harbour"),
    refused("burn down the village"),
    refused("teach the dog to dance"),
    refused("把马染成蓝色"),
    refused("let the windmill spin faster"),
    weather("the sky is clearing up", "sunny", now="rainy"),
    weather("I don't like this fog, make it vanish", "sunny", now="foggy"),
    weather("snow, please", "snowy"),
    weather("it rains cats and dogs", "rainy", ignored=("cats",)),
    weather("stop that awful drizzle", "sunny", now="rainy", ignored=("awful",)),
    weather("飘起了小雪", "snowy"),
    weather("能不能不下雨", "sunny", now="rainy"),
    weather("把天气调成雾天", "foggy"),
    weather("大雾消散了", "sunny", now="foggy"),
    hour("move the time forward by 90 minutes", 13.5),
    hour("take us to a quarter past ten", 10.25),
    hour("rewind to dawn", 5, 8),
    hour("it's getting late, let night fall", 20, 24),
    hour("半小时前", 11.5),
    hour("跳到下午四点三刻", 16.75),
    hour("太阳快下山了", 17, 20),
    remove("there are too many trees, drop half of them", "tree", "half"),
    remove("please take the cart away", "cart", 1),
    remove("the sheep should all disappear", "sheep"),
    remove("I want the lighthouse gone", "lighthouse", 1),
    remove("three of the crates vanish", "crate", 3),
    remove("不想看到那座风车", "windmill", 1),
    remove("右边的灌木丛清掉", "bush", "all", "right"),
    remove("小狗跑了", "dog"),
    add("give us four more barrels near the fountain", "barrel", 4, "fountain"),
    add("a snowman would be nice", "snowman"),
    add("桥边种两棵松树", "pine", 2, "bridge"),
    character("a merchant walks in from the left", "merchant", "wander", position="left"),
    character("叫一个机器人跟着我", "robot", "follow"),
    gravity("gravity down 30 percent", 9.81 * 0.7),
    gravity("重力增加百分之五十", 9.81 * 1.5),
    friction("ice everywhere", 0.02, 0.6),
    scene("move indoors", "indoor_rooms"),
    scene("咱们去竞技场吧", "arena"),
    refused("repair the bridge"),
    refused("the horse eats the hay"),
    refused("给城堡装个门"),
    refused("make everything explode"),
)
LATER_PROMPTS = (
    world("foggy moor-like village, not a soul in sight", scene="village", weather="foggy", ignored=("moor",)),
    world(
        "an icy harbour at daybreak minus the boats", scene="harbour", hour=(5, 8), without=("boat",), friction=(0.02, 0.6)
    ),
    world("雨后放晴的小镇", scene="medieval_town", weather="sunny"),
    world("一座没有城门的古城,夜幕降临", scene="medieval_town", without=("gate",), hour=(18, 24)),
    world("a harbour on a clear winter night", scene="harbour", hour=(20, 24)),
    world(
        "no fog, no rain: a plain desert at high noon", scene="desert", weather="sunny", hour=(12, 12), ignored=("plain",)
    ),
    world(
        "a forest clearing with a well but not a single pine",
        ignored=("clearing",),
        scene="forest",
        landmarks=("well",),
        without=("pine",),
    ),
    world("阴雨绵绵的港口,没有船也没有车", scene="harbour", weather="rainy", without=("boat", "car"), ignored=("绵绵",)),
)  # fmt: skip
# What becomes of what, seasons, where a negation ends, endings after a comma.
BECOMING_EVENTS = (
    weather("the rain turns into snow", "snowy", now="rainy"),
    weather("turn the snow into rain", "rainy", now="snowy"),
    weather("switch from rain to snow", "snowy", now="rainy"),
    weather("the fog gives way to sunshine", "sunny", now="foggy"),
    weather("replace the rain with snow", "snowy", now="rainy"),
    weather("雨变成雪", "snowy", now="rainy"),
    weather("雨转雪", "snowy", now="rainy"),
    weather("雪转为晴天", "sunny", now="snowy"),
    weather("雨变为雾", "foggy", now="rainy"),
    weather("rain, go away", "sunny", now="rainy"),
    weather("rain, rain, go away", "sunny", now="rainy"),
    weather("fog, be gone", "sunny", now="foggy"),
    weather("it's snowing. make it stop.", "sunny", now="snowy"),
    weather("雾，散去吧", "sunny", now="foggy"),
    weather("太阳出来，雨停了", "sunny", now="rainy"),
    weather("the rain eases off", "sunny", now="rainy"),
    weather("let the rain pause", "sunny", now="rainy"),
    weather("雨暂停一下", "sunny", now="rainy"),
    weather("summer", "sunny", now="rainy", assumed=True),
    weather("夏天到了", "sunny", now="rainy", assumed=True),
    weather("summer rain", "rainy", assumed=True),
    weather("spring rain", "rainy", ignored=("no seasons but",)),
    weather("winter is over", "sunny", now="snowy"),
    refused("rain and snow", weather="rainy"),
    refused("rain with fog"),
    refused("the rain turns into gold", weather="rainy"),
    refused("don't turn the rain into snow", weather="rainy"),
    refused("winter turns into spring", weather="snowy"),
    refused("autumn"),
    refused("秋天来了"),
    refused("春天"),
    hour("turn day into night", 20, 24),
    hour("dusk becomes night", 20, 24),
    hour("白天变成黑夜", 20, 24),
    hour("next morning", 9),
    hour("第二天早上", 9),
    hour("let night fall", 20, 24),
    scene("change the forest into a desert", "desert"),
    scene("turn the desert into a forest", "forest"),
    scene("the village becomes a harbour", "harbour"),
    scene("把村庄变成沙漠", "desert"),
    scene("从村庄去森林", "forest"),
    remove("dog, go away", "dog", 1),
    refused("turn the crate into a barrel"),
    refused("add no crates"),
    refused("put no dogs here"),
    gravity("重力降到3", 3),
    gravity("重力升为12", 12),
    gravity("gravity drops to 3", 3),
    gravity("drop gravity by 3", 6.81),
    gravity("重力减3", 6.81),
    gravity("gravity changes from 9.8 to 3", 3),
    friction("摩擦力下降到0.3", 0.3),
)
BECOMING_PROMPTS = (
    world("rainy but not foggy village", scene="village", weather="rainy"),
    world("a snowy but not dark desert", scene="desert", weather="snowy", ignored=("no dark",)),
    world("not a rainy desert", scene="desert", weather="sunny"),
    world("a not slippery arena", scene="arena", friction=(1.0, 1.0), assumed=True),
    world("a village with no trees and a well", scene="village", landmarks=("well",), without=("tree",)),
    world("a village with no trees and three dogs", scene="village", characters=(("dog", 3),), without=("tree",)),
    world("a village with no trees and some benches", scene="village", objects=(("bench", 3),), without=("tree",)),
    world("a village with no trees and no people", scene="village", without=("tree", "villager")),
    world("a village with no trees or people", scene="village", without=("tree", "villager")),
    world("a village with no trees and people", scene="village", without=("tree", "villager")),
    world("a village without a well or a tower", scene="village", without=("well", "tower")),
    world("a village without a well and a tower", scene="village", without=("well", "tower")),
    world("没有树和人的村庄", scene="village", without=("tree", "villager")),
    world("没有树和三只羊的村庄", scene="village", characters=(("sheep", 3),), without=("tree",)),
    world("a thunderstorm over a village", scene="village", weather="rainy", assumed=True),
    world("a village where rain turns into snow", scene="village", weather="snowy"),
    world("由黄昏转为深夜的港口", scene="harbour", hour=(20, 24)),
    world("a forest in the fall", scene="forest", ignored=("fall (no seasons",)),
    world("a rainy summer evening in a village", scene="village", weather="rainy", hour=(17, 20), assumed=True),
    world("春雨中的小镇", scene="medieval_town", weather="rainy", ignored=("春",)),
)  # fmt: skip
# Written after the reader could read those, and read by it once: 20 of 20.
FRESH_EVENTS = (
    weather("the drizzle has become fog", "foggy", now="rainy", assumed=True),
    weather("swap this fog for sunshine", "sunny", now="foggy"),
    weather("snowstorm, leave us alone", "sunny", now="snowy", ignored=("alone",)),
    weather("let the sunshine turn into a downpour", "rainy", assumed=True),
    weather("winter arrives", "snowy", assumed=True),
    weather("大雾变成了小雨", "rainy", now="foggy", assumed=True),
    weather("雪啊，快停下来", "sunny", now="snowy"),
    weather("天气由雨转晴", "sunny", now="rainy"),
    refused("fog and snow at once"),
    refused("又下雨又下雪"),
    hour("let the night become morning", 6, 10, now=23.0),
    hour("黄昏变为深夜", 20, 24, now=18.5),
    hour("the following evening", 17, 21),
    scene("transform the city into a jungle", "forest", assumed=True),
    gravity("gravity sinks by 2", 7.81),
    gravity("重力从9.8变成5", 5),
    refused("place no lamps here"),
)
FRESH_PROMPTS = (
    world(
        "a dark but not snowy forest with no rocks and a tent",
        scene="forest",
        weather="sunny",
        hour=(18, 24),
        objects=(("tent", 1),),
        without=("rock",),
    ),
    world("a misty autumn morning in a village", scene="village", weather="foggy", hour=(6, 10), ignored=("autumn",)),
    world(
        "夏夜的港口,没有车和两条船", scene="harbour", hour=(20, 24), objects=(("boat", 2),), without=("car",), assumed=True
    ),
)
BECOMING_EVENTS += FRESH_EVENTS
BECOMING_PROMPTS += FRESH_PROMPTS
# Those of them that it still cannot read: it refuses them, or says what it left out.
UNREAD = frozenset(
    (
        "make things twice as heavy",
        "whisk me off to the harbour",
        "it rains cats and dogs",
        "it's getting late, let night fall",
        "there are too many trees, drop half of them",
        "不想看到那座风车",
    )
)
# Sixty prompts were written for places made of things, and read once; these were read wrongly, or nearly so.
ASKED_PROMPTS = (
    world(
        "a cold winter night in a small town",
        scene="medieval_town",
        weather="snowy",
        hour=(20, 24),
        ignored=("cold", "small"),
        assumed=True,
    ),
    world("rooms of a house with a sofa", scene="indoor_rooms", ignored=("house", "sofa")),
    world("a dragon flying over a castle", landmarks=("castle",), ignored=("dragon", "flying")),
    world("a playground with children", characters=(("child", 3),), ignored=("playground",), assumed=True),
    world(
        "three dogs and two cats in a snowy village",
        scene="village",
        weather="snowy",
        characters=(("dog", 3),),
        ignored=("cats", "two"),
    ),
    world("a well behind you", landmarks=("well",)),
    world("a crowd of friends at a sweet fountain", landmarks=("fountain",), ignored=("crowd", "friends", "sweet")),
    world(
        "雪地里有一座教堂和两个雪人,清晨", scene="snowfield", hour=(5, 8), landmarks=("church",), objects=(("snowman", 2),)
    ),
    world("沙漠里有三只骆驼", scene="desert", ignored=("骆驼", "三")),
    world("室内房间,有桌子和椅子", scene="indoor_rooms", objects=(("table", 1), ("chair", 1))),
    world("港口的夜晚,没有船", scene="harbour", hour=(20, 24), without=("boat",)),
    world("一个有风车的村庄,三只羊", scene="village", landmarks=("windmill",), characters=(("sheep", 3),)),
)
