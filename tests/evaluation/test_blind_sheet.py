"""Blind sheets: recorded first views among composed ones."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_world import TinyWorld

from genie_gym.datasets.video import Episode, VideoWriter
from genie_gym.errors import GenieGymError
from genie_gym.evaluation.blind_sheet import draw_blind

VIEWS, SIDE = 8, 48


class Composes(TinyWorld):
    """Its first views are all white; the recorded ones below are all black."""

    imagines_starts = True

    def _show(self, seed, position, place, brightness):
        state = super()._show(seed, position, place, brightness)
        state.frames = torch.full_like(state.frames, 255)
        return state


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "v.h5"
    with VideoWriter(path, SIDE, SIDE, 10.0, {}) as writer:
        for _ in range(VIEWS + 2):
            about = {"spec": {"scene": "village", "weather": "sunny"}}
            writer.append(Episode(np.zeros((3, SIDE, SIDE, 3), np.uint8), description=about))
    return path


def test_the_key_says_of_each_number_what_it_is(video, tmp_path):
    out = tmp_path / "blind.png"
    (said,) = draw_blind(Composes(), out, video, VIEWS, scale=1, seed=3)
    assert "blind.json" in said
    kinds = json.loads((tmp_path / "blind.json").read_text())["views"]
    assert sorted(kinds) == ["composed"] * VIEWS + ["real"] * VIEWS
    assert kinds != sorted(kinds)
    sheet = np.asarray(Image.open(out))
    row, column = SIDE + 2 + 12, SIDE + 2  # pixels from view to view: a gap, and a caption below
    for number, kind in enumerate(kinds):
        middle = sheet[2 + number // 6 * row + SIDE // 2, 2 + number % 6 * column + SIDE // 2]
        assert (middle == (255 if kind == "composed" else 0)).all(), number


@pytest.mark.parametrize(
    ("world", "out", "views", "said"),
    [
        (Composes(), "b.gif", 4, "is a .png"),
        (Composes(), "b.png", 0, "1 to 96 views"),
        (Composes(), "b.png", 11, "the video shows 10 worlds"),
        (TinyWorld(), "b.png", 4, "a world that composes them"),
    ],
)
def test_what_cannot_be_drawn_is_refused(video, tmp_path, world, out, views, said):
    with pytest.raises(GenieGymError, match=said):
        draw_blind(world, tmp_path / out, video, views)
    assert not list(tmp_path.glob("b*.json"))
