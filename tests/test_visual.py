from contextlib import suppress

import av
import numpy as np
import pytest
from PIL import Image

from genie_gym.errors import GenieGymError
from genie_gym.visual import action_label, fit, grid, read_image, save_mp4, save_png


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


@pytest.mark.parametrize("shape", [(40, 160), (160, 40), (90, 160), (1, 1), (1, 3000), (7, 5)])
def test_images_of_any_size_fit_by_their_centre_and_are_not_squeezed(shape):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    image = np.zeros((*shape, 3), np.uint8)
    radius = min(shape[0] / 9, shape[1] / 16) * 4
    image[np.hypot(rows - (shape[0] - 1) / 2, columns - (shape[1] - 1) / 2) < radius] = 255  # a disc in the middle
    seen = fit(image, (36, 64))
    assert seen.shape == (36, 64, 3)
    if min(shape) > 30:
        across, down = (seen[18, :, 0] > 127).sum(), (seen[:, 32, 0] > 127).sum()
        assert abs(int(across) - int(down)) <= 2
        assert abs(int(across) - 32) <= 2


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "I;16"])
def test_every_kind_of_image_file_shows_what_is_in_it(mode, tmp_path):
    grey = np.linspace(0, 255, 12 * 20).astype(np.uint8).reshape(12, 20)
    if mode == "I;16":
        picture = Image.fromarray(grey.astype(np.uint16) * 257)
    else:
        picture = Image.fromarray(grey).convert("RGB" if mode == "P" else "L").convert(mode)
    picture.save(tmp_path / "a.png")
    seen = read_image(tmp_path / "a.png")
    assert (seen.dtype, seen.shape) == (np.uint8, (12, 20, 3))
    assert np.abs(seen.astype(int) - grey[..., None]).max() <= (60 if mode == "P" else 0)
    if mode == "RGB":
        picture.save(tmp_path / "a.jpg", quality=95)
        assert np.abs(read_image(str(tmp_path / "a.jpg")).astype(int) - grey[..., None]).max() < 20


def test_photographs_stand_upright_and_what_is_transparent_is_white(tmp_path):
    grey = np.linspace(0, 255, 12 * 20).astype(np.uint8).reshape(12, 20)
    turned = Image.Exif()
    turned[0x0112] = 6  # Orientation: a quarter turn to the right
    Image.fromarray(grey).save(tmp_path / "phone.png", exif=turned)
    assert np.array_equal(read_image(tmp_path / "phone.png")[..., 0], np.rot90(grey, -1))
    drawing = np.zeros((6, 8, 4), np.uint8)
    drawing[2, :, 3] = 255  # a black line on nothing
    Image.fromarray(drawing).save(tmp_path / "drawing.png")
    seen = read_image(tmp_path / "drawing.png")
    assert seen[2].max() == 0
    assert seen[[0, 1, 3, 4, 5]].min() == 255


def test_damaged_images_are_refused_or_read_but_break_nothing(tmp_path):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (40, 40, 3), dtype=np.uint8)).save(tmp_path / "whole.png")
    Image.open(tmp_path / "whole.png").save(tmp_path / "whole.jpg")
    for name in ("whole.png", "whole.jpg"):
        whole = (tmp_path / name).read_bytes()
        for _ in range(60):
            damaged = bytearray(whole[: rng.integers(len(whole))] if rng.random() < 0.3 else whole)
            for place in rng.integers(max(len(damaged), 1), size=4):
                damaged[place : place + 1] = bytes([rng.integers(256)])
            (tmp_path / "damaged").write_bytes(damaged)
            with suppress(GenieGymError):
                assert read_image(tmp_path / "damaged").dtype == np.uint8


def test_what_is_no_image_gets_one_sentence(tmp_path, as_users_call):
    save_png(tmp_path / "whole.png", np.full((40, 40, 3), 9, np.uint8))
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:60])
    (tmp_path / "empty.jpg").write_bytes(b"")
    for path in ("cut.png", "empty.jpg", "missing.png", "."):
        with pytest.raises(GenieGymError, match="cannot read the image"):
            read_image(tmp_path / path)
    for array in (
        np.full((4, 4, 3), np.nan), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8), [[1], [2, 3]], None, 7,
    ):  # fmt: skip
        with pytest.raises(GenieGymError, match=r"an image is uint8 \[H, W, 3\]"):
            read_image(array)
