import av
import numpy as np
import pytest
from PIL import Image

from genie_gym.visual import action_label, grid, save_mp4, save_png


def test_a_grid_holds_every_frame_where_it_belongs():
    rows = np.random.default_rng(0).integers(0, 255, (2, 3, 8, 10, 3), dtype=np.uint8)
    sheet = grid(rows, scale=2, gap=1)
    assert sheet.shape == (2 * 17 + 1, 3 * 21 + 1, 3)
    assert np.array_equal(sheet[18:34:2, 22:42:2], rows[1, 1])
    assert np.array_equal(grid(rows, scale=2, gap=1, labels=["a", "b"])[18:34:2, -42:-22:2], rows[1, 1])
    assert grid(rows, captions=[["a=1"] * 3] * 2).shape[0] > grid(rows).shape[0]


def test_a_title_stands_above_in_as_many_lines_as_it_takes():
    rows = np.random.default_rng(0).integers(0, 255, (2, 9, 8, 20, 3), dtype=np.uint8)
    plain = grid(rows, labels=["a", "b"])
    short, long = (grid(rows, labels=["a", "b"], title=title) for title in ("worse", "worse than copying; " * 6))
    assert np.array_equal(short[-len(plain) :], plain)
    assert len(plain) < len(short) < len(long)
    assert (long[: len(long) - len(plain)] < 150).any(axis=(1, 2)).sum() > 20  # letters, in several lines


def test_captions_name_the_action():
    assert action_label(np.int64(5)) == "a=5"
    assert action_label(np.array([0.25, -1.0])) == "a=0.2 -1.0"


@pytest.mark.parametrize("shape", [(16, 24), (15, 23)])
def test_mp4_plays_back(tmp_path, shape):
    frames = np.zeros((6, *shape, 3), np.uint8)
    frames[3:] = 200
    save_mp4(tmp_path / "a.mp4", frames, 15.0)
    with av.open(str(tmp_path / "a.mp4")) as container:
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(decoded) == 6
    assert abs(int(decoded[5].mean()) - 200) < 5
    assert decoded[0].mean() < 5
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_png_is_what_was_drawn(tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (5, 7, 3), dtype=np.uint8)
    save_png(tmp_path / "a.png", image)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "a.png")), image)
