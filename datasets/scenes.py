"""Where a film is cut: a frame that differs from the one before far more than frames around it do.

Legend: H W image.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from genie_gym.visual import resize

THUMBNAIL = (24, 32)  # height, width: small motions, noise and film grain vanish
LEAST = 10.0  # of 255: the mean difference of thumbnails that a cut makes at least
RATIO = 2.5  # how many times the differences around it
BEFORE, AFTER = 6, 3  # how many of them: with fast motion those on both sides are large; after a flash all is as before


@dataclass
class _Seen:
    """A frame that is not handed over yet: how much it differs from the one before, and from the likest of a few before."""

    time: float
    image: np.ndarray
    change: float
    news: float


def mark_cuts(frames: Iterable[tuple[float, np.ndarray]]) -> Iterator[tuple[bool, float, np.ndarray]]:
    """Frames (time in seconds, uint8 [H, W, 3]) as they come, each with whether a scene begins with it. Holds `AFTER` frames
    at a time."""
    waiting: deque[_Seen] = deque()
    before: deque[float] = deque(maxlen=BEFORE)
    thumbnails: deque[np.ndarray] = deque(maxlen=AFTER)
    for time, image in frames:
        thumbnail = resize(image, THUMBNAIL).astype(np.float32)
        changes = [float(np.abs(thumbnail - other).mean()) for other in thumbnails] or [0.0]
        thumbnails.append(thumbnail)
        waiting.append(_Seen(time, image, changes[-1], min(changes)))
        if len(waiting) > AFTER:
            yield _hand_over(waiting, before)
    while waiting:
        yield _hand_over(waiting, before)


def _hand_over(waiting: deque[_Seen], before: deque[float]) -> tuple[bool, float, np.ndarray]:
    seen = waiting.popleft()
    # Before it, the second largest counts: one more cut just before does not hide this one.
    usual = max([*sorted(before)[-2:-1], *(later.change for later in waiting)], default=0.0)
    is_cut = seen.news >= LEAST and seen.change >= RATIO * usual
    before.append(seen.change)
    return is_cut, seen.time, seen.image
