"""One key of all that a user does at once."""

import pytest

from genie_gym.envs.sim.procgen import ACTION_MEANINGS
from genie_gym.runtime.pressed import one_key
from genie_gym.user_action import UserAction

TOWN = ("noop", "forward", "back", "turn left", "turn right", "strafe left", "strafe right", "jump", "look up", "look down")


@pytest.mark.parametrize(
    ("user", "name"),
    [
        (UserAction(), "noop"),
        (UserAction(["forward"]), "forward"),
        (UserAction(["w"]), "forward"),
        (UserAction(mouse=(3.0, 0.0)), "turn right"),
        (UserAction(mouse=(0.0, -3.0)), "look down"),
        (UserAction(axes={"forward": 0.9}), "forward"),
        (UserAction(axes={"forward": 0.1}), "noop"),
        (UserAction(["fly"]), "noop"),
        (UserAction(["7"]), "jump"),
    ],
)
def test_of_a_walker(user, name):
    assert TOWN[one_key(user, TOWN, 0)] == name


def test_keys_that_are_held_together_take_turns():
    user = UserAction(["forward", "turn left"])
    assert [TOWN[one_key(user, TOWN, time)] for time in range(4)] == ["forward", "turn left"] * 2


def test_a_key_may_stand_for_several():
    def pressed(*keys):
        return ACTION_MEANINGS[one_key(UserAction(keys), ACTION_MEANINGS, 0)]

    assert pressed() == "noop"
    assert pressed("turn right") == "right"
    assert pressed("turn right", "jump") == "right+up"
    assert pressed("strafe left") == "left"


def test_actions_that_were_named_by_what_they_do_are_found():
    names = ("view right 1", "view right 2", "still", "mixed", "view up right", "view up", "view right 4")
    assert names[one_key(UserAction(["turn right"]), names, 0)] == "view right 4"
    assert names[one_key(UserAction(["jump"]), names, 0)] == "view up"
    assert names[one_key(UserAction(["turn right", "jump"]), names, 0)] == "view up right"
    assert names[one_key(UserAction(["turn left"]), names, 0)] == "still"
