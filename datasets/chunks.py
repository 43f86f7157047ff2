"""Arrays of one value a frame as HDF5 keeps them here: in chunks of a few frames, deflated.

Chunks are deflated (and inflated) outside of HDF5's pipeline, by ISA-L in threads: five times as fast as zlib, and read by
every HDF5 library as ordinary gzip. Each deflated chunk ends in a checksum (Adler-32), which readers check.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import h5py
import numpy as np

from genie_gym.errors import GenieGymError, check_name

try:
    from isal import isal_zlib

    _deflate: Callable[[bytes, int], bytes] = isal_zlib.compress
    inflate: Callable[[bytes], bytes] = isal_zlib.decompress
except ImportError:  # on machines that there is no wheel for
    _deflate, inflate = (lambda raw, level: zlib.compress(raw, level + 1)), zlib.decompress

LEVEL = 0  # of ISA-L, which is its fastest; its level 1 gives other bytes for the same values once in some hundred processes
CHUNK_FRAMES = 8  # more make single frames slow to read
THREADS = 2
AHEAD = 16  # chunks that wait to be written
GZIP, NONE = COMPRESSIONS = ("gzip", "none")
CHECKSUM = 4  # bytes behind a chunk that is not deflated: Fletcher-32


def write_frames(group: h5py.Group, name: str, values: np.ndarray, compression: str = GZIP) -> None:
    """One value a frame.

    Args:
        compression: "gzip", or "none", which is larger and several times as fast to read.
    """
    check_name("compression", compression, COMPRESSIONS)
    if values.size == 0:  # nothing to cut into chunks
        group.create_dataset(name, data=values)
        return
    chunk = (min(CHUNK_FRAMES, len(values)), *values.shape[1:])
    options = {"chunks": chunk, "maxshape": (None, *values.shape[1:])}
    if compression == NONE:
        group.create_dataset(name, data=values, fletcher32=True, **options)
        return
    shuffle = values.dtype.itemsize > 1
    dataset = group.create_dataset(
        name, values.shape, values.dtype, compression="gzip", compression_opts=1, shuffle=shuffle, **options
    )
    for first, raw in _deflated(np.ascontiguousarray(values), chunk[0], shuffle):
        dataset.id.write_direct_chunk((first, *[0] * (values.ndim - 1)), raw)


def _deflated(values: np.ndarray, size: int, shuffle: bool) -> Iterator[tuple[int, bytes]]:
    """Chunks of `size` values, deflated side by side: the number of the first value, and the chunk."""
    firsts = range(0, len(values), size)

    def deflate(first: int) -> bytes:
        part = values[first : first + size]
        if len(part) < size:  # the last one is as large as all others
            part = np.concatenate([part, np.zeros((size - len(part), *values.shape[1:]), values.dtype)])
        return _deflate(shuffled(part) if shuffle else part.tobytes(), LEVEL)

    for k in range(0, len(firsts), AHEAD):
        yield from zip(firsts[k : k + AHEAD], _threads_of(os.getpid()).map(deflate, firsts[k : k + AHEAD]), strict=True)


@cache
def _threads_of(process: int) -> ThreadPoolExecutor:
    """Those of this process: threads do not survive a fork."""
    return ThreadPoolExecutor(THREADS, thread_name_prefix="deflate")


def shuffled(values: np.ndarray) -> bytes:
    """All first bytes, then all second ones …, as HDF5's filter has them."""
    return np.ascontiguousarray(values.reshape(-1).view(np.uint8).reshape(-1, values.itemsize).T).tobytes()


def unshuffled(raw: bytes, dtype: np.dtype) -> np.ndarray:
    """What `shuffled` was given, flat."""
    return np.ascontiguousarray(np.frombuffer(raw, np.uint8).reshape(dtype.itemsize, -1).T).view(dtype).reshape(-1)


def chunk_values(raw: bytes, dtype: np.dtype, shape: tuple[int, ...], gzip: bool, shuffle: bool) -> np.ndarray:
    """The values of a chunk of this shape, out of its bytes in the file.

    Raises:
        GenieGymError: it is damaged.
    """
    try:
        plain = inflate(raw) if gzip else raw
        flat = unshuffled(plain, dtype) if shuffle else np.frombuffer(plain, dtype)
        return flat.reshape(shape)
    except Exception as error:  # of zlib or ISA-L, or what does not fit
        raise GenieGymError(f"a chunk is damaged: {error}.") from error
