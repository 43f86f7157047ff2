"""One who looks at the page: what is to be sent, and what was.

Legend: H W image.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import UInt8

UNSEEN = 2  # frames on their way at most: more would only delay keys
MOST_WAITING = 64  # messages
CLIP_SECONDS, CLIP_BYTES = 20, 48_000_000  # of the last frames, for clips


@dataclass(frozen=True)
class Shot:
    """A frame to be sent, and what is said beside it."""

    image: UInt8[np.ndarray, "H W 3"]
    header: dict[str, Any]


class Visitor:
    """Belongs to the event loop; `offer` and `tell` may be called from the thread in which the world runs.

    There is one slot for the latest frame and never a queue of frames: what a slow line cannot take is left out, so that
    what one sees is never old.

    Attributes:
        token: by which clips and recordings of this visitor are fetched. left_out: frames that were replaced unsent.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, fps: float):
        self.loop, self.token = loop, secrets.token_urlsafe(16)
        self.acted = time.monotonic()
        self.left_out = self.sent = 0
        self.over = False  # whether the page, or its row, is gone
        self._slot: Shot | None = None
        self._beside: Shot | None = None
        self._words: deque[str] = deque(maxlen=MOST_WAITING)
        self._wake = asyncio.Event()
        self._seen = 0
        self.clip: deque[tuple[int, bytes]] = deque(maxlen=round(CLIP_SECONDS * fps))
        self._clip_bytes = 0

    # From the world's thread

    def offer(self, shot: Shot, beside: Shot | None = None) -> None:
        """The newest frame, in place of one that was not sent yet."""
        if self._slot is not None:
            self.left_out += 1
        self._slot, self._beside = shot, beside
        self._rouse()

    def tell(self, kind: str, **values: Any) -> None:
        """Says something; the oldest words go where nobody listens."""
        self._words.append(json.dumps({"type": kind, **values}))
        self._rouse()

    def _rouse(self) -> None:
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._wake.set)

    # From the event loop

    def has_seen(self, number: int) -> None:
        """The page has shown so many frames."""
        self._seen = max(self._seen, min(number, self.sent))
        self._wake.set()

    async def next(self) -> tuple[list[str], Shot | None, Shot | None]:
        """Waits for words or a frame that may be sent, and takes them."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            words = [self._words.popleft() for _ in range(len(self._words))]
            shot = beside = None
            if self._slot is not None and self.sent - self._seen < UNSEEN:
                (shot, self._slot), (beside, self._beside) = (self._slot, None), (self._beside, None)
                self.sent += 1
            if words or shot is not None or self.over:
                return words, shot, beside

    def keep(self, number: int, jpeg: bytes) -> None:
        """Keeps a frame, and its number, for clips, as far as there is room."""
        if len(self.clip) == self.clip.maxlen:
            self._clip_bytes -= len(self.clip[0][1])
        self.clip.append((number, jpeg))
        self._clip_bytes += len(jpeg)
        while self._clip_bytes > CLIP_BYTES:
            self._clip_bytes -= len(self.clip.popleft()[1])
