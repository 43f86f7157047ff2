"""Places in a video file: of each episode that has one, and of worlds that were laid out and never filmed.

A place is kept as the JSON of `Place`, zlib-compressed; a layout that was recorded alone as that of {"spec", "place"}.
Layouts stand one after the other in layouts/bytes; layouts/ends says where each ends.

Legend: P bytes.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from typing import Any, overload

import h5py
import numpy as np
from jaxtyping import UInt8

from genie_gym.errors import GenieGymError
from genie_gym.places.place import MAX_BYTES, Place

GROUP = "layouts"
CHUNK = 1 << 16  # bytes

Layout = tuple[dict[str, Any] | None, Place]
"""A spec as JSON values, where it is known, and the place that was made of it."""


def pack(values: dict[str, Any]) -> UInt8[np.ndarray, " P"]:
    """JSON values, compressed."""
    return np.frombuffer(zlib.compress(json.dumps(values, separators=(",", ":")).encode()), np.uint8)


def unpack(packed: UInt8[np.ndarray, " P"]) -> Any:
    """What was packed.

    Raises:
        GenieGymError: for what is damaged, or larger than any place.
    """
    try:
        opened = zlib.decompressobj()
        text = opened.decompress(packed.tobytes(), 2 * MAX_BYTES)
        if opened.unconsumed_tail:
            raise ValueError("it is too large")
        return json.loads(text)
    except (zlib.error, ValueError, RecursionError) as error:
        raise GenieGymError(f"a place in this recording is damaged ({error!s:.200}); record it again.") from None


class LayoutLog:
    """Appends layouts to an open video file. What a run that died left half-written is cut off."""

    def __init__(self, file: h5py.File):
        self.file = file
        self.count = 0
        if GROUP in file:
            group = file[GROUP]
            self.count = len(group["ends"])
            group["bytes"].resize((int(group["ends"][-1]) if self.count else 0,))

    def append(self, spec: dict[str, Any] | None, place: Place) -> None:
        packed = pack({"spec": spec, "place": place.to_dict()})
        if GROUP not in self.file:
            group = self.file.create_group(GROUP)
            checked = {"maxshape": (None,), "fletcher32": True}
            group.create_dataset("bytes", (0,), np.uint8, chunks=(CHUNK,), **checked)
            group.create_dataset("ends", (0,), np.int64, chunks=(CHUNK // 64,), **checked)
        group = self.file[GROUP]
        begin = len(group["bytes"])
        group["bytes"].resize((begin + len(packed),))
        group["bytes"][begin:] = packed
        group["ends"].resize((self.count + 1,))
        group["ends"][self.count] = begin + len(packed)
        self.count += 1


class Layouts(Sequence[Layout]):
    """Layouts of a recording in their order, read when they are asked for."""

    def __init__(self, readers: Sequence[Callable[[], Layout]]):
        self._readers = readers

    def __len__(self) -> int:
        return len(self._readers)

    @overload
    def __getitem__(self, index: int) -> Layout: ...

    @overload
    def __getitem__(self, index: slice) -> Layouts: ...

    def __getitem__(self, index: int | slice) -> Layout | Layouts:
        if isinstance(index, slice):
            return Layouts(self._readers[index])
        return self._readers[index]()


def count_of(file: h5py.File) -> int:
    """How many layouts were recorded alone."""
    return len(file[GROUP]["ends"]) if GROUP in file else 0


def layout_at(file: h5py.File, number: int) -> Layout:
    """One of the layouts that were recorded alone."""
    ends = file[GROUP]["ends"]
    begin = int(ends[number - 1]) if number else 0
    values = unpack(file[GROUP]["bytes"][begin : int(ends[number])])
    return values["spec"], Place.from_dict(values["place"])
