"""What a page may say."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genie_gym.errors import GenieGymError
from genie_gym.web.messages import AT_ONCE, MOST_BYTES, Allowance, Message, read_message

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
KINDS = st.sampled_from(["hello", "input", "prompt", "event", "read", "command", "seen", "other"])
FIELDS = st.sampled_from(["keys", "mouse", "axes", "stamp", "text", "value", "name", "seed", "token"])


def test_what_pages_say_is_read():
    said = {"type": "input", "keys": ["forward"], "mouse": [3, -900.5], "axes": {"turn": 0.5}, "stamp": 12.5}
    assert read_message(json.dumps(said)) == Message(
        "input", keys=("forward",), mouse=(3.0, -180.0), axes={"turn": 0.5}, stamp=12.5
    )
    assert read_message('{"type": "prompt", "text": "雾中的港口", "seed": 4}') == Message("prompt", "雾中的港口", 4)
    assert read_message('{"type": "command", "name": "rewind", "value": 48}') == Message("command", "rewind", 48)


@given(KINDS, st.dictionaries(FIELDS, VALUES, max_size=5))
def test_whatever_is_said_is_read_or_refused_in_a_sentence(kind, fields):
    try:
        message = read_message(json.dumps({"type": kind, **fields}))
    except GenieGymError as error:
        said = str(error)
        assert 5 < len(said) < 400
        return
    assert message.kind == kind
    assert all(abs(value) <= 180 for value in message.mouse)


@pytest.mark.parametrize(
    "raw", ["", "nonsense", "[1]", '{"type": 5}', "[" * 3000, '{"type":"event","text":"' + "x" * MOST_BYTES + '"}']
)
def test_nonsense_is_refused(raw):
    with pytest.raises(GenieGymError):
        read_message(raw)


def test_who_talks_too_much_is_stopped():
    allowed = Allowance()
    assert sum(allowed.take() for _ in range(3 * AT_ONCE)) < 1.5 * AT_ONCE
