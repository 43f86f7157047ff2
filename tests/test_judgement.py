"""What a judgement says in plain words, and when it says nothing."""

from dataclasses import replace

import pytest

from genie_gym.errors import GenieGymError
from genie_gym.judgement import Judgement

GOOD = Judgement(
    video="its training video", clips=32, frames=10, rollout_psnr=25.2, copy_psnr=17.5, over_copy_interval=(6.0, 9.0),
    delta_psnr=11.4, delta_psnr_interval=(9.4, 13.6), codes=8, code_perplexity=5.6, tokenizer_psnr=37.3, difference=0.2,
    effects={f"action {k}": "view right" for k in range(8)},
)  # fmt: skip


def test_a_good_world_has_nothing_said_against_it():
    assert GOOD.sentences() == []
    assert GOOD.summary() == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rollout_psnr": 12.0, "copy_psnr": 36.1, "over_copy_interval": (-25, -23)},
         "worse than copying the first frame: 12.0 dB where copying has 36.1"),
        ({"rollout_psnr": 17.6, "over_copy_interval": (-0.4, 0.6)}, "no better than copying the first frame: 17.6"),
        ({"copy_psnr": 40.0, "over_copy_interval": (-16, -13)}, "gives back real frames with 37.3 dB"),
        ({"delta_psnr": 0.02, "delta_psnr_interval": (0.01, 0.03)}, "do nothing that can be measured (delta PSNR 0.02 dB"),
        ({"delta_psnr": 0.5, "delta_psnr_interval": (-0.3, 1.4)}, "its actions do nothing that can be measured"),
        ({"code_perplexity": 1.2}, "it uses 1.2 of 8 codes"),
        ({"codes": None, "code_perplexity": None, "action_spread": 0.001}, "all actions that it reads off video are"),
        ({"rollout_psnr": None, "delta_psnr": None, "difference": 0.0}, "pictures that differ in 0.00% of the pixels"),
    ],
)  # fmt: skip
def test_each_fault_has_its_sentence(change, words):
    sentences = replace(GOOD, **change).sentences()
    assert len(sentences) == 1
    assert words in sentences[0]
    assert "measured on its training video" in replace(GOOD, **change).summary()


def test_worlds_that_read_no_actions_are_blamed_for_nothing_they_cannot_show():
    assert Judgement(video="its training video", clips=0, difference=0.3).sentences() == []
    assert "reads no actions" in Judgement(video="its training video", clips=0, difference=0.3).report()[0]


def test_a_file_holds_all_of_it():
    assert Judgement.from_dict(GOOD.to_dict()) == GOOD
    assert Judgement.from_dict(GOOD.to_dict() | {"what a later version adds": 3}) == GOOD
    with pytest.raises(GenieGymError, match="no judgement"):
        Judgement.from_dict({"video": "its training video"})
    with pytest.raises(GenieGymError, match="no judgement"):
        Judgement.from_dict(GOOD.to_dict() | {"effects": {str(k): "up" for k in range(5000)}})


def test_meanings_are_one_a_code_or_none():
    assert GOOD.action_meanings() == ["view right"] * 8
    assert replace(GOOD, codes=16).action_meanings() is None
    assert replace(GOOD, codes=None).action_meanings() is None
