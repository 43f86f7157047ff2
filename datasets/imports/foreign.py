"""What importers have in common: episodes of another library, cut and written as a recording.

Legend: T frames, H W image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from genie_gym.datasets.interrupt import Interrupt
from genie_gym.datasets.record_videos import EPISODE_BYTES, MAX_FRAMES
from genie_gym.datasets.video import Episode, VideoWriter
from genie_gym.errors import GenieGymError
from genie_gym.progress import progress
from genie_gym.visual import fit

FASTEST = 1000.0  # frames a second


@dataclass
class Found:
    """An episode of another library.

    Attributes:
        name: by which messages call it. blocks: its `count` frames, uint8 [T, H, W, 3] some at a time.
        actions, rewards, terminated: one a step, None where nobody says. Of as many steps as frames, what the last action
            led to was not kept. instruction: what was to be done, in words.
    """

    name: str
    blocks: Iterator[np.ndarray]
    count: int
    actions: np.ndarray | None = None
    rewards: np.ndarray | None = None
    terminated: np.ndarray | None = None
    instruction: str = ""


@dataclass
class Foreign:
    """A dataset of another library: its episodes, in order, and what a recording says of its source."""

    kind: str
    name: str
    fps: float
    episodes: Iterator[Found]
    about: dict[str, Any] = field(default_factory=dict)

    def record(
        self,
        out: str | Path,
        size: tuple[int, int] | None = None,
        num_frames: int | None = None,
        max_frames: int | None = None,
        resume: bool = False,
    ) -> VideoWriter:
        """Writes a recording, with a bar. On Ctrl-C the file is finished with the episodes it has.

        Args:
            size: (height, width): the centre is cut out at this aspect and scaled; None keeps the size.
            num_frames: stop after so many; None takes all.
            max_frames: episodes are split after so many, 512 by default. Both parts have the frame in between.
            resume: skips the episodes that are there already.

        Raises:
            GenieGymError: no two frames follow each other; a rate that is none; a dataset that is damaged.
        """
        if not 0 < self.fps <= FASTEST:
            raise GenieGymError(
                f"{self.name} says {self.fps:g} frames a second; a number above 0, at most {FASTEST:g}, is needed."
            )
        if max_frames is not None and max_frames < 2:
            raise GenieGymError(f"max_frames is at least 2, so that something happens in between; got {max_frames}.")
        parts = (part for found in self.episodes for part in split(found, size, max_frames or MAX_FRAMES))
        first = next(parts, None)
        if first is None:
            raise GenieGymError(f"{self.name} holds no two frames that follow each other; there is nothing to record.")
        height, width = first.frames.shape[1:3]
        about = {"kind": self.kind, "name": self.name, "fps": self.fps, "size": size, **self.about}
        bar = progress(chain([first], parts), unit="episode", desc=f"import {self.kind}")
        with VideoWriter(out, height, width, self.fps, about, resume) as writer, Interrupt() as interrupt:
            there = writer.num_episodes
            for index, episode in enumerate(bar):
                interrupt.check()
                if num_frames is not None and writer.num_frames >= num_frames:
                    break
                if index >= there:
                    writer.append(episode)
        return writer


def split(found: Found, size: tuple[int, int] | None, max_frames: int) -> Iterator[Episode]:
    """An episode in parts of 2 to `max_frames` frames."""
    labels = _labels(found)
    description = {"instruction": found.instruction} if found.instruction else {}
    frames: list[np.ndarray] = []
    begin = seen = 0

    def part() -> Episode:
        steps = slice(begin, begin + len(frames) - 1)
        actions, rewards, terminated = (None if values is None else values[steps] for values in labels)
        return Episode(np.stack(frames), actions, rewards, terminated, found.name, description=description)

    for image in chain.from_iterable(found.blocks):
        seen += 1
        frames.append(fit(image, size) if size else image)
        if frames[-1].shape != frames[0].shape:
            raise GenieGymError(f"{found.name} has frames of several sizes; pass --size to make them one.")
        if len(frames) == min(max_frames, max(2, EPISODE_BYTES // frames[0].nbytes)):
            yield part()
            begin += len(frames) - 1
            frames = frames[-1:]
    if seen != found.count:
        raise GenieGymError(f"{found.name} holds {seen} frames where it says {found.count}; it is damaged.")
    if len(frames) > 1:
        yield part()


def _labels(found: Found) -> list[np.ndarray | None]:
    """Actions, rewards and ends of the steps whose both frames are there. What a last one brought that is not shown counts
    for the one before."""
    labels = [found.actions, found.rewards, found.terminated]
    lengths = {len(values) for values in labels if values is not None}
    if lengths - {found.count, found.count - 1} or len(lengths) > 1:
        raise GenieGymError(f"{found.name} has {found.count} frames and labels for {sorted(lengths)} steps; it is damaged.")
    if found.count - 1 in lengths or found.count < 2:
        return labels
    joins: tuple[Callable[..., Any], ...] = (lambda one, _: one, np.add, np.logical_or)
    return [None if values is None else _shorter(values, join) for values, join in zip(labels, joins, strict=True)]


def _shorter(values: np.ndarray, join: Callable[..., Any]) -> np.ndarray:
    return np.concatenate([values[:-2], join(values[-2:-1], values[-1:])]).astype(values.dtype)


def plain_actions(values: np.ndarray) -> np.ndarray:
    """As recordings have them: int64 codes [T], or float32 vectors."""
    if values.dtype.kind in "iub":
        return values.astype(np.int64)
    return values.astype(np.float32)
