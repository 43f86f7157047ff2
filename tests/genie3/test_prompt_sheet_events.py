"""Sheets of prompts in which something happens."""

import numpy as np
import pytest
from PIL import Image
from small_place import small_world

from genie_gym.errors import GenieGymError
from genie_gym.evaluation.prompt_sheet import draw_prompts


def test_what_happens_is_seen_from_its_step_on(tmp_path):
    world = small_world()
    out = tmp_path / "sheet.png"
    shown = {"frames": 6, "every": 2, "scale": 1, "seed": 1}
    draw_prompts(world, out, ["a village"], **shown, actions="n*6")
    calm = np.asarray(Image.open(out)).astype(int)
    draw_prompts(world, out, ["a village"], **shown, events={3: "night falls"}, actions="n*6")
    night = np.asarray(Image.open(out)).astype(int)
    off = np.abs(calm - night).sum((0, 2))
    assert calm.shape == night.shape
    assert not off[: calm.shape[1] // 2 - 10].any(), "steps 0 and 2"
    assert off[calm.shape[1] // 2 + 10 :].any()


def test_what_cannot_happen_is_said(tmp_path):
    with pytest.raises(GenieGymError, match="no event"):
        draw_prompts(small_world(), tmp_path / "a.png", ["a village"], 4, 2, 1, events={2: "paint the town red"})
