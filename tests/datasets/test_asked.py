"""What episodes are asked to be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genie_gym.datasets.asked import Asked, read_prompts, read_ranges
from genie_gym.envs.simulators import find_simulator
from genie_gym.errors import GenieGymError

TOWN = find_simulator("town").load_vocabulary()


@given(st.integers(0, 2**40))
def test_what_is_drawn_lies_in_its_ranges(seed):
    ranges = read_ranges(
        ["scene=village,desert", "weather=rainy", "hour=22..4", "objects=1..3", "characters=0", "count=2..4",
         "landmarks=1", "kinds=cart,ball,well,dog", "gravity=1.6..3", "friction=0.5"]
    )  # fmt: skip
    ranges.check(TOWN)
    spec = ranges.draw(TOWN, np.random.default_rng(seed))
    assert spec.scene in ("village", "desert")
    assert spec.weather == "rainy"
    assert spec.hour >= 22 or spec.hour <= 4
    assert 1 <= len(spec.objects) <= 2  # there are two kinds to choose from
    assert all(thing.kind in ("cart", "ball") and 2 <= thing.count <= 4 for thing in spec.objects)
    assert spec.landmarks == ("well",)
    assert not spec.characters
    assert 1.6 <= spec.gravity <= 3
    assert spec.friction == 0.5


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["scene=atlantis"], "atlantis"), (["colour=red"], "colour"), (["hour=late"], "no range of numbers"),
        (["objects=3..1"], "0 to 5"), (["objects=0..99"], "0 to 5"), (["gravity=900"], "gravity"),
        (["scene="], "names nothing"), (["hour=nan"], "no range"), (["objects=1.5"], "0 to 5"),
    ],
)  # fmt: skip
def test_ranges_that_hold_nothing_are_refused(given, said):
    with pytest.raises(GenieGymError, match=said):
        read_ranges(given).check(TOWN)


def test_prompts_are_lines(tmp_path):
    file = tmp_path / "prompts.txt"
    file.write_text("# towns\na village\n\n雪地里的教堂\n", encoding="utf-8")
    asked = Asked(read_prompts(file))
    assert [asked.options(0, number)["prompt"] for number in range(3)] == ["a village", "雪地里的教堂", "a village"]
    file.write_text("# none\n")
    with pytest.raises(GenieGymError, match="0 prompts"):
        read_prompts(file)
    with pytest.raises(GenieGymError, match="cannot read prompts"):
        read_prompts(tmp_path / "missing.txt")


def test_an_episode_is_asked_the_same_by_its_number_alone():
    asked = Asked((), read_ranges([]), ("reach_beacon", "collect_coins"), TOWN)
    assert [asked.options(5, number) for number in (3, 1, 2)] == [asked.options(5, number) for number in (3, 1, 2)]
    assert len({asked.options(5, number)["task"] for number in range(20)}) == 2
    assert len({asked.options(5, number)["prompt"] for number in range(20)}) == 20
