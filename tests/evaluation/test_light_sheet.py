"""Sheets of first views under all weathers and hours."""

import numpy as np
import pytest
from PIL import Image
from tiny_world import TinyWorld
from town_words import TOWN

from genie_gym.cli import main
from genie_gym.errors import GenieGymError
from genie_gym.evaluation.light_sheet import draw_lights


def test_a_place_is_drawn_under_every_weather_and_at_every_hour(tmp_path):
    said = draw_lights("genie3", tmp_path / "lights.png", ["a desert"], seed=1, size=(32, 48))
    assert said == ["1: a desert"]
    sheet = np.asarray(Image.open(tmp_path / "lights.png"))
    columns = len(TOWN.weathers) + 3
    left, width = 15, 50
    views = [sheet[2:34, left + 2 + k * width : left + k * width + width - 2] for k in range(columns)]
    assert all(view.shape == (32, 46, 3) for view in views)
    brightness = [float(view.mean()) for view in views]
    assert min(brightness[: len(TOWN.weathers)]) > 1.5 * brightness[-1]  # the last is at night
    assert len({view.tobytes() for view in views}) == columns


@pytest.mark.parametrize(
    ("world", "out", "said"), [("genie3", "l.gif", "is a .png"), (TinyWorld(), "l.png", "does not make its first views")]
)
def test_what_cannot_be_drawn_is_said(world, out, said, tmp_path):
    with pytest.raises(GenieGymError, match=said):
        draw_lights(world, tmp_path / out, ["a desert"])


def test_lights_are_of_prompts(tmp_path, capsys):
    assert main(["sheet", "genie3", "--lights", "--out", str(tmp_path / "l.png")]) == 2
    assert "are for --prompts" in capsys.readouterr().err
