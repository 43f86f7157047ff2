"""Recordings of several frame sizes, given together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from genie_gym.datasets.video import VideoDataset, episodes_in, open_video


class Recordings(VideoDataset):
    """The video files whose frames are as large as those of the first one that has frames, with the others beside them.

    `parts` are all of them, a dataset a frame size, in the order in which sizes are named first: itself, and those of the
    other sizes, whose frames are read as they are asked for. Worlds are as large as the first part, and walk as it does;
    what is mined is mined from all."""

    def __init__(self, paths: Sequence[str | Path]):
        by_size: dict[tuple[int, int], list[str | Path]] = {}
        without_frames = []
        for path in paths:
            with open_video(path) as file:
                size, filmed = (int(file.attrs["height"]), int(file.attrs["width"])), bool(episodes_in(file))
            if filmed:
                by_size.setdefault(size, []).append(path)
            else:
                without_frames.append((size, path))
        for size, path in without_frames:  # after the others, so that they decide nothing
            by_size.setdefault(size, []).append(path)
        first, *others = by_size.values() or ([],)
        super().__init__(first)
        self.parts = (self, *(VideoDataset(some, preload_bytes=0) for some in others))

    def close(self) -> None:
        super().close()
        for part in self.parts[1:]:
            part.close()


def parts_of(data: VideoDataset) -> tuple[VideoDataset, ...]:
    """Datasets of one frame size each: of `Recordings` its parts, else the dataset itself."""
    return data.parts if isinstance(data, Recordings) else (data,)


class Joined(VideoDataset):
    """All episodes of several datasets, in their order, to be read one by one: each has frames of its own size, and no clips
    are to be drawn. Everything else is as the first part says."""

    def __init__(self, parts: Sequence[VideoDataset]):
        self.files = [file for part in parts for file in part.files]
        self.paths = [path for part in parts for path in part.paths]
        self.height, self.width, self.fps, self.source = parts[0].height, parts[0].width, parts[0].fps, parts[0].source
        self._groups = [group for part in parts for group in part._groups]
        self.lengths = np.concatenate([part.lengths for part in parts])
        self.offsets = np.cumsum(self.lengths) - self.lengths
        self.flat = None
