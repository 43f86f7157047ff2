"""What the observations of a Minari dataset are, by kind, and their pictures a few at a time.

Sizes come from files: they are held against what there can be before anything is read.

Legend: T frames, H W image.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gymnasium as gym
import h5py
import numpy as np
from jaxtyping import Float, UInt8

from genie_gym.datasets.frames import as_frame, is_image, observations_in
from genie_gym.datasets.minari_reader import MinariFolder
from genie_gym.errors import GenieGymError
from genie_gym.visual import read_image

DEPTH = "depth"  # the name of depths among observations, in metres
MOST_STEPS = 10_000_000  # of an episode
MOST_BYTES = 1 << 30  # of what one episode holds of one thing that is no picture
PICTURE_BYTES = 1 << 28  # of one picture
BLOCK_BYTES = 1 << 25  # of pictures that are read together
BLOCK_FRAMES = 64
WIDEST = 4096  # numbers of an observation that is no picture


@dataclass(frozen=True)
class Contents:
    """The names of the observations of a space ("" is all of it, where it is no dict; "outer/inner" in dicts within dicts).

    Attributes:
        pictures: that are images. depths: that are depths. vectors: other numbers, with how many they are. left_out: what is
            neither, such as texts and stacks of frames.
    """

    pictures: tuple[str, ...]
    depths: tuple[str, ...]
    vectors: dict[str, int]
    left_out: tuple[str, ...]

    @classmethod
    def of(cls, space: gym.Space) -> Contents:
        pictures, depths, left_out = [], [], []
        vectors: dict[str, int] = {}
        for name, part in observations_in(space):
            size = math.prod(part.shape or ())
            is_number = isinstance(
                part, gym.spaces.Box | gym.spaces.Discrete | gym.spaces.MultiDiscrete | gym.spaces.MultiBinary
            )
            if is_image(part):
                pictures.append(name)
            elif name.rpartition("/")[2] == DEPTH and _is_depth(part):
                depths.append(name)
            elif is_number and 0 < size <= WIDEST:
                vectors[name] = size
            else:
                left_out.append(name or "the observation")
        return cls(tuple(pictures), tuple(depths), vectors, tuple(left_out))


def _is_depth(part: gym.Space) -> bool:
    shape = part.shape or ()
    is_float = part.dtype is not None and np.issubdtype(part.dtype, np.floating)
    return is_float and (len(shape) == 2 or (len(shape) == 3 and shape[2] == 1))


def key_of(name: str) -> str:
    """Where an observation lies in an episode."""
    return f"observations/{name}" if name else "observations"


def steps_of(dataset: MinariFolder, number: int) -> int:
    """How many actions an episode has.

    Raises:
        GenieGymError: it has none, or more than there can be.
    """
    steps = _item(dataset, number, "actions").shape[0]
    if not 0 < steps <= MOST_STEPS:
        raise GenieGymError(f"episode {number} of {dataset.folder} has {steps} steps; between 1 and {MOST_STEPS} are read.")
    return int(steps)


def instruction_of(dataset: MinariFolder, number: int) -> str:
    """What is to be done in an episode and in what world, as far as it is known: "reach beacon: a snowy town"."""
    about = dataset.about(number)
    told = [str(about.get("task") or "").replace("_", " "), str(about.get("prompt") or "")]
    return ": ".join(text for text in told if text)


def read_values(dataset: MinariFolder, number: int, key: str, count: int) -> np.ndarray:
    """The first `count` values of what an episode holds of `key`.

    Raises:
        GenieGymError: it has fewer, or they are too large.
    """
    item = _item(dataset, number, key)
    _check_count(dataset, number, key, item, count)
    size = count * math.prod(item.shape[1:]) * max(item.dtype.itemsize, 8)
    if size > MOST_BYTES:
        raise GenieGymError(
            f"{key} of episode {number} of {dataset.folder} would take {size} bytes, more than {MOST_BYTES}."
        )
    return dataset.read(number, key, 0, count)


def read_pictures(dataset: MinariFolder, number: int, name: str, count: int) -> Iterator[UInt8[np.ndarray, "T H W 3"]]:
    """The first `count` pictures of an episode, some at a time: as arrays, or as Minari keeps them by default, JPEG.

    Raises:
        GenieGymError: it has fewer, or one is no picture.
    """
    for block in _blocks(dataset, number, key_of(name), count):
        yield np.stack([as_frame(read_image(bytes(one)) if block.dtype == object else one) for one in block])


def read_depths(dataset: MinariFolder, number: int, name: str, count: int) -> Iterator[Float[np.ndarray, "T H W"]]:
    """The first `count` depths of an episode, some at a time.

    Raises:
        GenieGymError: it has fewer, or they are none.
    """
    for block in _blocks(dataset, number, key_of(name), count):
        if block.dtype.kind != "f" or block.ndim not in (3, 4):
            raise GenieGymError(f"{key_of(name)} of episode {number} of {dataset.folder} is no depth in metres [T, H, W].")
        yield block.reshape(block.shape[:3]).astype(np.float32)


def _blocks(dataset: MinariFolder, number: int, key: str, count: int) -> Iterator[np.ndarray]:
    item = _item(dataset, number, key)
    _check_count(dataset, number, key, item, count)
    for begin, end in block_bounds(item, count, f"{key} of episode {number} of {dataset.folder}"):
        yield dataset.read(number, key, begin, end)


def block_bounds(item: h5py.Dataset, count: int, what: str) -> Iterator[tuple[int, int]]:
    """Where pictures are cut, so that little of them is in memory.

    Raises:
        GenieGymError: one alone is too large.
    """
    size = math.prod(item.shape[1:]) * item.dtype.itemsize
    if size > PICTURE_BYTES:
        raise GenieGymError(f"{what} has pictures of {size} bytes; at most {PICTURE_BYTES} are read.")
    step = min(BLOCK_FRAMES, max(1, BLOCK_BYTES // max(size, 1)))
    return ((begin, min(count, begin + step)) for begin in range(0, count, step))


def _item(dataset: MinariFolder, number: int, key: str) -> h5py.Dataset:
    group = dataset.group(number)
    where = f"of episode {number} of {dataset.folder}"
    if Path(group.file.filename).resolve().parent != dataset.data.resolve():
        raise GenieGymError(f"{key} {where} lies outside of the dataset, which is refused.")
    item = inside(group, key, where)
    if not isinstance(item, h5py.Dataset):
        raise GenieGymError(
            f"episode {number} of {dataset.folder} holds no {key}; it holds {', '.join(dataset.keys(number))}."
        )
    return item


def inside(group: h5py.Group, key: str, where: str) -> h5py.Group | h5py.Dataset | None:
    """What lies there, if anything.

    Raises:
        GenieGymError: it lies elsewhere, a link leads there; or it is a single value.
    """
    item: h5py.Group | h5py.Dataset = group
    for name in key.split("/"):
        link = item.get(name, getlink=True) if isinstance(item, h5py.Group) else None
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise GenieGymError(f"{key} {where} is a link to elsewhere, which is refused.")
        item = item[name]
    if isinstance(item, h5py.Dataset) and (item.external or item.is_virtual):
        raise GenieGymError(f"{key} {where} lies in another file, which is refused.")
    if isinstance(item, h5py.Dataset) and not item.shape:
        raise GenieGymError(f"{key} {where} is a single value, not one a step.")
    return item


def _check_count(dataset: MinariFolder, number: int, key: str, item: h5py.Dataset, count: int) -> None:
    if item.shape[0] < count:
        raise GenieGymError(
            f"episode {number} of {dataset.folder} holds {item.shape[0]} values of {key} for {count} steps; it is damaged."
        )
