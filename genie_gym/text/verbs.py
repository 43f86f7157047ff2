"""The words, English and Chinese, by which a text changes what is there: add, remove, stop, more, half, later, not.

Beside them the words that carry nothing of their own (`FILLERS`), which are neither understood nor reported.
"""

from __future__ import annotations

# category: value: words
CHANGE_WORDS: dict[str, dict] = {
    "add": {
        None: "add, put, place, spawn, insert, throw in, plant, build, create, generate, appear, appears, "
        "show up, shows up, arrive, arrives, put in, put up, set up, bring in, bring, comes by, scatter, scattered, "
        "sprinkle, pitch, park, parks, parked, hang, erect, conjure up, conjure, deliver, install, lay out, drop off, "
        "moored, 停一辆, 停两辆, 停几辆, 停了一辆, 添加, 加入, 增添, 添, 搭, 搭起, 插, 插上, 立, 竖起, 停放, "
        "停着, 摆放, 栽, 变出, 冒出, "
        "放, 放上, 摆, 种, 建, 来, 出现, 创建, 生成, 多了",
    },
    "remove": {
        None: "跑了, 跑掉, 跑走, has to go, have to go, must go, needs to go, need to go, should go, kick, kicked, "
        "清理, remove, removed, take away, get rid of, delete, deleted, knock, tear, chop, knock down, tear down, "
        "pull down, take down, demolish, destroy, eliminate, erase, throw away, throw out, clear away, chop down, "
        "cut down, banish, dismiss, send away, send off, disappear, disappears, vanish, vanishes, away, gone, go away, "
        "goes away, lose, rid of, take out, 拿走, 拿掉, 拿开, 拆掉, 拆除, 拆了, 拆, 移走, 移除, 移开, 移掉, 删除, "
        "删掉, 去掉, 去除, 搬走, 搬开, 砍掉, 砍倒, 砍, 清除, 清走, 清掉, 清空, 撤走, 撤掉, 消失, 不见, 赶走, 带走, "
        "thin out, thin them out, whisk away, swallowed, packed up, carried away, carried off, swept away, "
        "washed away, 冲垮, 冲走, 不复存在, "
        "collapse, collapses, crumble, crumbles, "
        "走光, 走光了, 散场, 倒塌, 坍塌, 一个不留, 别留, 都别留, "
        "没了, 除掉, 除去, 丢掉, 扔掉, 弄走, 取走, 收走, 拆毁, 也没有, 都没有, 也不要, 都不要, 没有了, 不要了",
    },
    "depart": {
        None: "leave, leaves, go home, goes home, walk off, walks off, run away, runs away, walk away, walks away, "
        "离开, 离去, 走开, 走掉, 走远, 回家",
    },
    "ending": {
        None: "stop, stops, stopped, stopping, end, ends, ended, cease, ceases, finish, is over, are over, over now, "
        "lift, lifts, lifted, pass, passes, die down, dies down, melt, melts, fade, fades, dissolve, dissolves, "
        "dissipate, dissipates, blow over, blows over, let up, lets up, subside, subsides, ease off, "
        "eases off, ease up, eases up, pause, pauses, halt, halts, "
        "die out, dies out, die away, dies away, taper off, tapers off, peter out, peters out, dry up, dries up, abate, "
        "abates, wear off, wears off, call off, 暂停, 停歇, 歇, 平息, thaw, thaws, "
        "burn off, burns off, 停, 停了, 停下, 停下来, 停止, 停住, 散去, 散了, 散开, 散掉, 散, 消散, 化, 化了, 化掉, "
        "融化, 过去了, 结束, 退去, 不下了, 不刮了",
    },
    "slow": {
        None: "slowly, gradually, little by little, bit by bit, step by step, over time, 渐渐, 慢慢, 慢慢地, 逐渐, 缓缓, "
        "逐步",
    },
    "clear": {
        None: "clearing up, clear, clears, cleared, clear up, clears up",
    },
    "go": {
        None: "go, goes, go to, teleport, travel, move, moves, take, take me, head, visit, run, walk to, walk through, "
        "enter, find ourselves, find myself, wake up, 去, 带我去, 传送, 前往, 回到, 进入, 来到, 换到, 进到, 去到, 走进, "
        "置身, 置身于",
    },
    # What is named before "into" gives way to what is named after it; "becomes" is both in one.
    "turn": {
        None: "turn, turns, turned, turning, change, changes, changed, changing, switch, switches, switched, transition, "
        "transitions, transform, transforms, shift, shifts, replace, swap, exchange, 切换, 替换",
        "from": "从, 由",
        "into": "become, becomes, becoming, give way to, gives way to, make way for, makes way for, 变成, 变为, 变作, "
        "变, 化为, 化作, 转, 转为, 转成, 转变为, 换成, 改成, 改为, 切换成, 切换为",
    },
    "into": {
        None: "into, for",
    },
    "more": {
        None: "more, additional, extra, increase, increased, 增加, 更多",
    },
    "less": {
        None: "too many, too much, 太多, less, fewer, reduce, decrease, decreased, not so many, not as many, "
        "not so much, 少, 少几, 减少, 少一些, 少一点, 少点, 更少, 少些",
    },
    "stronger": {
        None: "stronger, higher, greater, heavier, bigger, raise, boost, intensify, thicker, denser, harder, 增大, "
        "加大, 提高, 更大, 大一点, 大一些, 大些, 大点, 加强, 增强, 更强, 强一点, 变大, 变强, 调高, 调大, 升高",
    },
    "weaker": {
        None: "weaker, lower, smaller, lighter, thinner, softer, gentler, 减小, 降低, 更小, 小一点, 小一些, 小些, "
        "小点, 减弱, 更弱, 弱一点, 变小, 变弱, 调低, 调小",
    },
    # Of an amount, or else what is done with things.
    "drop": {
        "weaker": "drop",
        "stronger": "加",
    },
    # Of an amount only: one also looks up, and tears down.
    "up": {
        "stronger": "up, rise, rises, climb, climbs, 升, 涨",
        "weaker": "down, falls, drops, sinks, cut, cuts, 降, 跌, 落, 减",
    },
    "factor": {
        0.5: "half, halve, halved, halves, half of, one half, fifty percent of, fifty percent, 一半, 减半, 半数",
        1 / 3: "a third, a third of, one third, one third of, 三分之一",
        0.25: "a quarter, a quarter of, one quarter, one quarter of, 四分之一",
        2.0: "double, doubled, doubles, twice, twofold, 加倍, 翻倍, 翻一倍, 翻番",
        3.0: "triple, tripled, triples, threefold, thrice",
        4.0: "quadruple, quadrupled, fourfold",
    },
    "bit": {
        None: "a bit, a little, slightly, a little bit, somewhat, 一点, 一点点, 稍微, 略微, 有点",
    },
    "times": {
        None: "times, 倍",
    },
    "to": {
        None: "to, 到, 至, 为",
    },
    "normal": {
        None: "normal, usual, back to normal, reset, restore, default, original, 正常, 恢复, 还原, 复原",
    },
    "off": {
        None: "put out, extinguish, 熄灭, off, turn off, switch off, disable, 取消, 关掉, 关闭",
    },
    "all": {
        None: "all, every, all of, all the, each, both, entire, 所有, 全部, 全, 都, 每",
    },
    "light": {
        "darker": "darker, dimmer, less light, gloomier, dim the light, dim the lights, darken, 暗一点, 暗一些, 暗点, "
        "变暗, 更暗, 调暗, 黑一点, 黑一些, 暗下来",
        "brighter": "brighter, more light, brighten, lighten up, lighten, 亮些, 亮一点, 亮一些, 亮点, 变亮, 更亮, "
        "调亮, 亮起来",
    },
    "not": {
        None: "dont, doesnt, enough with, enough of, tired of, sick of, fed up with, had enough of, done with, "
        "minus the, "
        "except for, no, not, without, never, none, except, excluding, lacking, free of, isn't, aren't, don't, "
        "doesn't, won't, shouldn't, wasn't, can't, neither, nor, no longer, instead of, rather than, do not, does not, "
        "没有, 无, 不要, 不带, 别, 别要, 除了, 没, 不, 不再, 不想要, 不想, 不需要, 不用, 并非, 不是, 而不是",
    },
    "near": {
        None: "边, next to, right next to, near, beside, by, close to, nearby, near to, 旁边, 附近, 旁, 边上, 周围, 前, "
        "门前, 门口, 跟前, 那儿, 那里",
    },
    # With what follows: a place that cannot be told from another. Alone, some are a place around the agent.
    "side": {
        "left": "left of, to the left of, on the left of, on the left side of",
        "right": "right of, to the right of, on the right of, on the right side of",
        "ahead": "in front of, ahead of",
        "behind": "behind, at the back of",
        "centre": "in the middle of, in the centre of, in the center of",
        None: "on top of, under, underneath, below, beneath, above, between, around, opposite, across from, beyond, "
        "inside, outside",
    },
    # After what they belong to: 「城堡里」.
    "after": {
        None: "里, 里面, 上, 上面, 下面, 中, 内, 外面, 之中, 之上, 当中",
    },
    "quantity": {
        "gravity": "gravity, 重力, 引力, 重力加速度, 重力值",
        "friction": "friction, grip, coefficient of friction, 摩擦, 摩擦力, 摩擦系数, 摩擦因数",
    },
    "clouds": {
        None: "cloud, clouds, cloudy, overcast, 云, 乌云, 多云, 阴天, 阴云",
    },
    "crowd": {
        "people": "everybody, everyone, anyone, anybody, humans, folks, crowd, crowds, 大家, 所有人, 人群",
        "animals": "animal, animals, livestock, 动物, 牲畜",
    },
    "nobody": {
        "people": "nobody, no one, 无人, 没人",
    },
    # "No cars in my city", 「没有人的城市」: after such a word the city is not negated.
    "attribute": {
        None: "in, on, at, from, over, across, throughout, 在",
    },
    "away": {
        None: "off the, out of",
    },
    "possessive": {
        None: "的, 之",
    },
    "minus": {
        None: "minus, negative, 负",
    },
    "of": {
        None: "of",
    },
    "break": {
        None: "but, with, then, 但, 但是, 只有, 然后",
    },
    "and": {
        None: "and, or, 和, 与, 及, 以及, 或",
    },
    "determiner": {
        True: "the, that, those, these, this, its, 那, 这, 那个, 这个, 那只, 这只, 那些, 这些, 那座, 那棵",
        False: "my, your, our",
    },
    # Words that carry nothing of their own: neither understood nor reported.
    "filler": {
        None: "flock, flock of, a flock of, herd, herd of, a herd of, straight, nothing else, 您, 垛, love, "
        "someone, somebody, everything, as it would, thanks, thank you, kindly, instead, ourselves, dead, "
        "谢谢, 多谢, 呗, 嘛, 样, 一样, 那样, 似的, 像, 像在, 如同, 正, 任何, 整, 整座, 已, 已经, 深, 时分, "
        "庄, 身边, 沉重, "
        "getting, would be nice, nice, everywhere, 飘, 飘起, 跳, 看到, 看, 叫, 咱, 咱们, "
        "马上, 立刻, 赶快, 赶紧, 掉, 拨, 调, 天色, 降临, much, already, far, could use, over here, over there, "
        "into the future, into the past, needs, those things, is, are, be, it, it's, there, has, keep, keeps, have, "
        "having, which, who, whose, me, i, we, you, please, world, scene, make, show, give, let, want, "
        "wants, would, like, where, as, very, really, also, full, lots, weather, time, set, fall, "
        "next, the following, now, s, "
        "start, starts, begin, begins, during, so, been, being, will, should, can, could, get, gets, let's, i'd, i'll, "
        "i'm, we're, out, come, comes, coming, break, breaks, here, any, longer, just, anymore, "
        "am, was, were, if, until, till, again, back, does, do, just, us, "
        "them, they, too, still, says, said, need, feel, feels, than, way, it'll, that's, there's, "
        "there're, around, as strong as, as strong, as much as, as much, as high as, any more, no more than, "
        "come out, comes out, i would like, i'd like, set in, sets in, would you, could you, 时间, 时候, 时, 天气, "
        "等到, 调到, 地, 出来, 起来, 下来, 下去, 一下, 希望, 想要, 想, 麻烦, 帮我, 可以, "
        "能不能, 带, 带我, 突然, 现在, 开始, 世界, 场景, 请, 给我, 要, 我, 你, 让, 把, 将, 使, 再, 多, 不停, 一场, "
        "一阵, 阵, 刮, 刮起, 下着, 刮着, 起, 原来的, 原来, 变得, 成, 天, "
        "天降, 片, 处, 间, 栋, 口, 件, 张, 盆, 朵, 顶, "
        "头, 群, 块, 根, 面, 座, 棵, 只, 条, 匹, 辆, 艘, 位, 名, 些, 们, 有, 了, 着, 过, 吧, 呢, 啊, 呀, 吗, 个, 下, "
        "是, 得, 会, 并, 还, 就, 出, 切, 传, 送, 点, 设, 设为, 设成, 场, 快, 被, 把它, 它, 它们, 走, 道, 堆, 幢, "
        "杯, 副, 尊, 盏, 排, 对, 束, 所, 枚, 株, 该",
        # More than grammar: of what the weather, the hour or a friction is.
        "ground": "ground, floor, surface, 地面, 地板, 地上",
        "sky": "sky, air",
        # Of events alone.
        "when": "rewind, skip, jump, clock, wait, fast, forward, tomorrow, today, send, 快进, "
        "跳到, 明天, 今天, 第二天, 次日, 翌日, 隔天",
    },
}  # fmt: skip
