"""How observations are seen as frames: which of them are images, and every kind of image as uint8 [H, W, 3].

Legend: C channels (1 or 3), K copies of an environment, T time, H W image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode

from genie_gym.errors import GenieGymError, did_you_mean
from genie_gym.visual import resize

RENDER = "render"  # the image key that means: not what is observed, but what is rendered
CHANNELS = (1, 3)
MOST_CHANNELS = 32  # of a stack of frames
IMAGE_TYPES = (np.uint8, np.float16, np.float32, np.float64)


def is_image(space: gym.Space) -> bool:
    """Whether observations of a space are images: uint8 from 0 to 255, [H, W], [H, W, C] or [C, H, W], or floats from 0 to
    1, [H, W, C] or [C, H, W]. Stacks of frames and boards of a few values are none."""
    return _spans(space) and _is_image_shape(space.shape or (), space.dtype == np.uint8)


def _spans(space: gym.Space) -> bool:
    """Whether values go from black to white."""
    if not isinstance(space, gym.spaces.Box) or 0 in space.shape or space.dtype not in IMAGE_TYPES:
        return False
    return bool((space.low == 0).all() and (space.high == (255 if space.dtype == np.uint8 else 1)).all())


def _is_image_shape(shape: tuple[int, ...], may_be_flat: bool) -> bool:
    has_channels = len(shape) == 3 and (shape[2] in CHANNELS or shape[0] in CHANNELS)
    return has_channels or (may_be_flat and len(shape) == 2)


def newest_image(space: gym.Space) -> tuple[Any, ...] | None:
    """What of observations [T, …] of a space `as_frame` makes pictures of, as an index: all of an image, the last frame of a
    stack, which begins with its frames ([4, H, W, 3], [4, H, W]) or has them among its channels ([H, W, 12], [12, H, W]: in
    threes, where that comes out). None where there is no picture."""
    shape, may_be_flat = space.shape or (), space.dtype == np.uint8
    if not _spans(space):
        return None
    if _is_image_shape(shape, may_be_flat):
        return ()
    if len(shape) == 4 and _is_image_shape(shape[1:], may_be_flat):
        return slice(None), -1
    if len(shape) != 3 or min(shape[0], shape[2]) > MOST_CHANNELS:
        return None
    is_last = shape[2] <= shape[0]
    newest = slice(-3 if (shape[2] if is_last else shape[0]) % 3 == 0 else -1, None)
    return (..., newest) if is_last else (slice(None), newest)


def observations_in(space: gym.Space, name: str = "") -> Iterator[tuple[str, gym.Space]]:
    """The observations in a space by their names, of dicts within dicts as "outer/inner"; "" is what is no dict."""
    if not isinstance(space, gym.spaces.Dict):
        yield name, space
        return
    for inner, part in space.spaces.items():
        yield from observations_in(part, f"{name}/{inner}".lstrip("/"))


def images_in(space: gym.Space) -> Iterator[str]:
    """The names of the images in a dict of observations."""
    return (name for name, part in observations_in(space) if name and is_image(part))


def as_frame(image: Any) -> np.ndarray:
    """An image of any kind that `is_image` lists as uint8 [H, W, 3]: grey becomes three channels, floats from 0 to 1 become
    0 to 255, channels go last.

    Raises:
        GenieGymError: it is something else.
    """
    image = np.asarray(image)
    if image.ndim == 3 and image.shape[2] not in CHANNELS and image.shape[0] in CHANNELS:
        image = image.transpose(1, 2, 0)
    if image.ndim == 2:
        image = image[..., None]
    is_float = np.issubdtype(image.dtype, np.floating)
    if image.ndim != 3 or image.shape[2] not in CHANNELS or 0 in image.shape or not (is_float or image.dtype == np.uint8):
        raise GenieGymError(
            f"frames are uint8 [H, W, 3], [H, W] or [3, H, W], or floats from 0 to 1; the source gives {image.dtype} "
            f"{list(image.shape)}."
        )
    if is_float:
        image = (image.clip(0, 1) * 255).round().astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(image, (*image.shape[:2], 3)))


def choose_image(space: gym.Space, image_key: str | None) -> str | None:
    """Which observation is recorded: its name in the dict, "" where the whole observation is the image, or None for what is
    rendered.

    Args:
        image_key: a name of the dict, "render", or None: the observation where it is an image, or the dict's `rgb`; else
            what is rendered.

    Raises:
        GenieGymError: for a name that holds no image; says which do.
    """
    found = list(images_in(space))
    if image_key in found:
        return image_key
    if image_key == RENDER:
        return None
    if image_key is not None:
        if not found:
            raise GenieGymError(
                f"no image {image_key!r} in the observations, which are no dict with images; leave --image-key out."
            )
        near = did_you_mean(image_key, found)
        raise GenieGymError(f"no image {image_key!r} in the observations; {', '.join(found)} hold images." + near)
    if is_image(space):
        return ""
    return "rgb" if "rgb" in found else None


def frames_of(
    envs: gym.vector.VectorEnv, size: tuple[int, int] | None, image_key: str | None = None
) -> Callable[[Any], np.ndarray]:
    """How observations are seen as frames, uint8 [K, H, W, 3], resized to `size` (height, width) where given.

    Args:
        image_key: see `choose_image`.

    Raises:
        GenieGymError: for a key that holds no image. What is returned raises it where there are no images.
    """
    key = choose_image(envs.single_observation_space, image_key)
    if key is None and envs.metadata.get("autoreset_mode") == AutoresetMode.SAME_STEP:
        raise GenieGymError("an environment that resets in the same step must observe images: what it renders is reset too.")

    def view(observations: Any) -> np.ndarray:
        images: Any = observations if key is not None else envs.render()
        for name in key.split("/") if key else ():
            images = images[name]
        if images is None or any(image is None for image in images):
            raise GenieGymError("the environment gives no images: neither image observations nor render_mode='rgb_array'.")
        frames = [as_frame(image) for image in images]
        if size:
            frames = [frame if frame.shape[:2] == size else resize(frame, size) for frame in frames]
        if len(shapes := {frame.shape[:2] for frame in frames}) > 1:
            raise GenieGymError(
                f"the environment gives frames of several sizes, {sorted(shapes)}; pass --size to make them one."
            )
        return np.stack(frames)

    return view
