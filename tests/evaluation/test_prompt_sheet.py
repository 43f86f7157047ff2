"""Sheets of prompts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genie_gym.errors import GenieGymError
from genie_gym.evaluation.prompt_sheet import draw_prompts
from genie_gym.pretrained import load_world

PROMPTS = ["a sunny village", "a foggy harbour on the moon", "雪中的森林"]


def test_each_prompt_is_a_row_and_what_is_not_followed_is_said(tmp_path: Path) -> None:
    world = load_world("genie2", "cpu")
    said = draw_prompts(world, tmp_path / "p.png", PROMPTS, frames=4, every=2, scale=1, seed=3)
    assert [sentence.split(":")[0] for sentence in said] == ["1", "2", "3"]
    assert all(prompt in sentence for prompt, sentence in zip(PROMPTS, said, strict=True))
    picture = np.asarray(Image.open(tmp_path / "p.png"))
    assert picture.shape[0] > 3 * 90
    assert picture.shape[1] > 3 * 160
    draw_prompts(world, tmp_path / "again.png", PROMPTS, frames=4, every=2, scale=1, seed=3)
    assert (np.asarray(Image.open(tmp_path / "again.png")) == picture).all()


@pytest.mark.parametrize(
    ("out", "frames", "every", "said"),
    [("p.jpg", 4, 2, "as .mp4, .gif, .png"), ("p.png", 301, 1, "1 to 300 steps"), ("p.png", 4, 0, "1 or more")],
)
def test_what_cannot_be_drawn_is_refused(tmp_path: Path, out: str, frames: int, every: int, said: str) -> None:
    with pytest.raises(GenieGymError, match=said):
        draw_prompts(load_world("genie2", "cpu"), tmp_path / out, PROMPTS, frames, every, scale=1)


def test_walks_side_by_side_are_a_film(tmp_path: Path) -> None:
    draw_prompts(load_world("genie2", "cpu"), tmp_path / "p.gif", [*PROMPTS, "a desert"], frames=2, every=1, scale=1)
    with Image.open(tmp_path / "p.gif") as film:
        assert getattr(film, "n_frames", 1) == 3
        assert film.size[0] > 3 * 160  # three of them abreast, the fourth below
        assert 2 * 90 < film.size[1] < 3 * 90


def test_a_size_is_refused_where_there_is_one_alone(tmp_path: Path) -> None:
    with pytest.raises(GenieGymError, match="frames of one size"):
        draw_prompts(load_world("genie2", "cpu"), tmp_path / "p.png", PROMPTS, 2, 1, scale=1, size=(32, 64))


def test_a_world_that_takes_no_prompts_says_so(tmp_path: Path) -> None:
    with pytest.raises(GenieGymError, match="prompt"):
        draw_prompts(load_world("genie1", "cpu"), tmp_path / "p.png", PROMPTS, frames=2, every=1, scale=1)
