"""Rules of games, English and Chinese; what is no rule that is known is refused."""

import pytest
from town_words import TOWN

from genie_gym.errors import GenieGymError
from genie_gym.prompt import parse_event
from genie_gym.text.pushing import is_about_pushing
from genie_gym.text.rules import is_rule, parse_rule
from genie_gym.text.spec import ObjectRemove, Pushable, Rule, WeatherChange, event_from_json, event_to_json


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("every coin you touch disappears", Rule("coin", removes=True)),
        ("every coin you touch disappears and gives 2 points", Rule("coin", removes=True, reward=2.0)),
        ("touching water ends the episode", Rule("water", ends=True)),
        ("touching water ends the game and you lose", Rule("water", reward=-1.0, ends=True)),
        ("if you touch a snowman, you get 3 points", Rule("snowman", reward=3.0)),
        ("bumping into a guard costs one point", Rule("guard", reward=-1.0)),
        ("walking into a cactus costs 5 points and the game is over", Rule("cactus", reward=-5.0, ends=True)),
        ("collect barrels for a point each", Rule("barrel", removes=True, reward=1.0)),
        ("reaching the well ends the episode with a reward of 10", Rule("well", reward=10.0, ends=True)),
        ("whoever hits a villager loses two points", Rule("villager", reward=-2.0)),
        ("hitting a barrel costs half a point", Rule("barrel", reward=-0.5)),
        ("when I touch the sheep they vanish", Rule("sheep", removes=True)),
        ("you win when you reach the castle", Rule("castle", reward=1.0, ends=True)),
        ("碰到水就结束", Rule("water", ends=True)),
        ("碰到的金币消失,得2分", Rule("coin", removes=True, reward=2.0)),
        ("每碰到一个雪人加三分", Rule("snowman", reward=3.0)),
        ("撞到守卫扣一分", Rule("guard", reward=-1.0)),
        ("到达城堡就胜利", Rule("castle", reward=1.0, ends=True)),
        ("the gate leads to a desert", Rule("gate", leads="desert")),
        ("walking through the gate takes you to the harbour", Rule("gate", leads="harbour")),
        ("if you touch the statue you are in a forest, and get 2 points", Rule("statue", reward=2.0, leads="forest")),
        ("大门通向沙漠", Rule("gate", leads="desert")),
        ("穿过大门就来到港口", Rule("gate", leads="harbour")),
    ],
)
def test_rules_are_read(text, rule):
    assert is_rule(text)
    found, report = parse_rule(text, TOWN)
    assert found == rule
    assert report.understood
    assert parse_event(text)[0] == rule
    assert event_from_json(event_to_json(rule)) == rule


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("every coin", "when something is touched"),
        ("touching a unicorn ends the game", "none that is known"),
        ("touching a tree and a rock gives a point", "one kind"),
        ("don't touch the water", "what does not"),
        ("touching a tree makes you fly", "not known"),
        ("touching water makes it disappear", "water does not go"),
        ("", "1 to"),
        ("touching a tree gives 1 point " * 100, "1 to"),
        ("touching a tree gives 5000 points", "reward must lie"),
        ("不碰水得一分", "what does not"),
        ("the gate leads to freedom", "leads to one scene"),
        ("the road leads to a desert", "none that is known"),
    ],
)
def test_what_is_no_rule_gets_a_sentence(text, said):
    with pytest.raises(GenieGymError, match=said):
        parse_rule(text, TOWN)


def test_events_are_no_rules():
    assert parse_event("remove the trees")[0] == ObjectRemove("tree")
    assert not is_rule("it starts to rain")
    assert not is_rule("go to the desert")
    assert not is_rule("take me to the desert")
    assert parse_event("snow slowly begins to fall")[0] == WeatherChange("snowy", 3.0)
    assert parse_event("慢慢下雪了")[0] == WeatherChange("snowy", 3.0)
    assert parse_event("it starts to snow")[0] == WeatherChange("snowy")
    with pytest.raises(GenieGymError, match="goes"):
        Rule("tree")


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ("barrels can be pushed", Pushable("barrel")),
        ("you can now push the barrels", Pushable("barrel")),
        ("the crates can no longer be pushed", Pushable("crate", can=False)),
        ("crates are too heavy to push", Pushable("crate", can=False)),
        ("everything can be pushed", Pushable("everything")),
        ("nothing can be pushed any more", Pushable("everything", can=False)),
        ("可以推桶", Pushable("barrel")),
        ("什么都推不动", Pushable("everything", can=False)),
    ],
)
def test_what_can_be_pushed_is_read(text, event):
    assert is_about_pushing(text)
    found, report = parse_event(text)
    assert found == event
    assert report.understood
    assert event_from_json(event_to_json(event)) == event


def test_pushing_names_one_kind_of_thing():
    with pytest.raises(GenieGymError, match="none that is known"):
        parse_event("unicorns can be pushed")
    with pytest.raises(GenieGymError, match="one kind"):
        parse_event("crates and barrels can be pushed")
