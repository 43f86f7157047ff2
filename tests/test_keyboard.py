import pytest

from genie_gym.errors import GenieGymError
from genie_gym.keyboard import LETTERS, key_numbers, parse_moves

NAMES = ("noop", "forward", "back", "turn left", "turn right", "strafe left", "strafe right", "jump", "look up", "look down",
         "interact")  # fmt: skip


def test_moves_in_one_line_are_read():
    assert parse_moves("w*2 a*1 d") == ["w", "w", "a", "d"]
    assert parse_moves("forward * 2, turn left*1") == ["forward", "forward", "turn left"]
    assert parse_moves("w * 3") == ["w"] * 3
    assert parse_moves("3*2 0") == ["3", "3", "0"]
    assert parse_moves("") == []


def test_keys_have_names_letters_and_numbers():
    assert key_numbers(["forward", "W", "1", 1, "turn_left", "a"], NAMES).tolist() == [1, 1, 1, 1, 3, 3]
    assert sorted(LETTERS.values()) == sorted(NAMES)  # each key of the shipped world has a letter


@pytest.mark.parametrize("text", ["w*", "w*-3", "*3", "w**2", "w*2 , ,a", "w*99999", "w*5000 a*5001", "a*99999999999"])
def test_what_is_no_line_of_moves_gets_one_sentence(text):
    with pytest.raises(GenieGymError, match=r"moves are keys, each with how often|more than 10,000 moves"):
        parse_moves(text)


@pytest.mark.parametrize("key", ["z", 11, -1, "forwart", 1.5, None, "x" * 10_000])
def test_unknown_keys_get_one_sentence(key):
    with pytest.raises(GenieGymError, match="there is no key") as error:
        key_numbers(["w", key], NAMES)
    assert len(str(error.value)) < 300
