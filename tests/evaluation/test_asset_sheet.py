import numpy as np
import pytest
from PIL import Image
from places.things import COLOURS, small_library
from tiny_world import TinyWorld

from genie_gym.errors import GenieGymError
from genie_gym.evaluation.asset_sheet import SIDE, asset_pictures, draw_assets


class WithAssets(TinyWorld):
    library = small_library()


def test_each_asset_is_shown_whole_from_two_sides():
    library = small_library()
    pictures = asset_pictures(library, [0, 4])
    assert pictures.shape == (2, 2, SIDE, SIDE, 3)
    for shown, name in zip(pictures, ("house", "beacon"), strict=True):
        colour = shown / np.maximum(shown.sum(-1, keepdims=True), 1)
        share = np.abs(colour - np.array(COLOURS[name]) / sum(COLOURS[name])).max(-1) < 0.08
        assert (share.mean((1, 2)) > 0.03).all(), name
        assert not share[:, [0, -1]].any()
        assert not share[:, :, [0, -1]].any()


def test_a_sheet_says_what_there_is(tmp_path):
    said = draw_assets(WithAssets(), tmp_path / "assets.png")
    assert said[0].startswith("5 assets of 4 classes")
    assert "grass, cobble, water" in said[0]
    image = np.asarray(Image.open(tmp_path / "assets.png"))
    assert image.shape[1] > 10 * SIDE


def test_other_worlds_have_none(tmp_path):
    with pytest.raises(GenieGymError, match="has no assets"):
        draw_assets(TinyWorld(), tmp_path / "assets.png")
    with pytest.raises(GenieGymError, match="assets are shown as"):
        draw_assets(WithAssets(), tmp_path / "assets.gif")
