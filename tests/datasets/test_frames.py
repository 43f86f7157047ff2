"""Which observations are images, and every kind of image as a frame."""

import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete

from genie_gym.datasets.frames import as_frame, choose_image, images_in, is_image, newest_image
from genie_gym.errors import GenieGymError


def picture(*shape, dtype=np.uint8, high=255):
    return Box(0, high, shape, dtype)


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        (picture(20, 30, 3), True),
        (picture(20, 30, 1), True),
        (picture(20, 30), True),
        (picture(3, 20, 30), True),
        (picture(20, 30, 3, dtype=np.float32, high=1), True),
        (picture(20, 30, dtype=np.float32, high=1), False),  # a matrix
        (picture(6, 7, high=2), False),  # a board
        (picture(4, 20, 30), False),  # a stack of frames
        (picture(20, 30, 4), False),
        (picture(4, 20, 30, 3), False),
        (Box(-np.inf, np.inf, (5, 5), np.float32), False),
        (Box(0, 255, (20, 30, 3), np.int32), False),
        (Discrete(3), False),
    ],
)
def test_what_is_an_image(space, expected):
    assert is_image(space) == expected


def test_images_of_every_kind_become_frames():
    colour = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    assert np.array_equal(as_frame(colour), colour)
    assert np.array_equal(as_frame(colour.transpose(2, 0, 1)), colour)
    assert np.array_equal(as_frame(colour.astype(np.float32) / 255), colour)
    for grey in (colour[..., 0], colour[..., :1], colour[..., 0][None]):
        assert np.array_equal(as_frame(grey), colour[..., :1].repeat(3, 2))


@pytest.mark.parametrize("image", [np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3), np.int64), np.zeros(5, np.uint8)])
def test_other_arrays_are_refused(image):
    with pytest.raises(GenieGymError, match=r"frames are uint8 \[H, W, 3\]"):
        as_frame(image)


def test_the_default_is_the_image_else_what_is_rendered():
    several = Dict({"screen": picture(4, 4, 3), "depth": picture(4, 4), "health": Discrete(3)})
    assert list(images_in(several)) == ["depth", "screen"]
    assert choose_image(several, None) is None
    assert choose_image(several, "screen") == "screen"
    assert choose_image(Dict({"rgb": picture(4, 4, 3), "depth": picture(4, 4)}), None) == "rgb"
    assert choose_image(picture(4, 4, 3), None) == ""
    assert choose_image(picture(4, 4, 3), "render") is None


RAMP = np.arange(2 * 4 * 20 * 30 * 3, dtype=np.uint32).astype(np.uint8).reshape(2, 4, 20, 30, 3)  # two stacks of four


@pytest.mark.parametrize(
    ("stacks", "newest"),
    [
        (RAMP, RAMP[:, -1]),
        (RAMP.transpose(0, 1, 4, 2, 3), RAMP[:, -1]),
        (np.concatenate([RAMP[:, k] for k in range(4)], -1), RAMP[:, -1]),  # [H, W, 12]
        (np.concatenate([RAMP[:, k].transpose(0, 3, 1, 2) for k in range(4)], 1), RAMP[:, -1]),  # [12, H, W]
        (RAMP[..., 0], RAMP[:, -1, ..., :1]),
        (RAMP[..., 0].transpose(0, 2, 3, 1), RAMP[:, -1, ..., :1]),
        (RAMP[..., :1], RAMP[:, -1, ..., :1]),
        (RAMP[:, 0], RAMP[:, 0]),
        (RAMP[:, 0].transpose(0, 3, 1, 2), RAMP[:, 0]),
        (RAMP[:, 0, ..., 0], RAMP[:, 0, ..., :1]),
        (RAMP[:, 0, ..., :1], RAMP[:, 0, ..., :1]),
    ],
)
def test_the_newest_frame_of_a_stack_is_its_picture(stacks, newest):
    space = picture(*stacks.shape[1:])
    frames = np.stack([as_frame(image) for image in stacks[newest_image(space)]])
    assert np.array_equal(frames, np.broadcast_to(newest, frames.shape))


@pytest.mark.parametrize(
    "space",
    [picture(6, 7, high=2), picture(5), picture(40, 50, 60), picture(2, 3, 20, 30, 3), picture(4, 20, 30, high=7),
     picture(20, 30, dtype=np.float32, high=1), Box(-1, 1, (4, 20, 30), np.float32), Discrete(3)],
)  # fmt: skip
def test_what_is_no_image_has_no_picture(space):
    assert newest_image(space) is None
