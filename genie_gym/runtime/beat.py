"""A steady rate, whose late and left out frames are counted."""

from __future__ import annotations

import time


class Beat:
    """When frames are due, `fps` a second.

    Attributes:
        late: frames that were begun more than half a period after they were due. dropped: frames that were never made, since
            the ones before took too long.
    """

    def __init__(self, fps: float):
        self.period = 1 / fps
        self.late = self.dropped = 0
        self._due: float | None = None

    def wait(self) -> None:
        """Returns when the next frame is due: at once where it already is. Whole periods that have passed meanwhile are left
        out, so that a slow moment is not made up for by haste."""
        now = time.perf_counter()
        if self._due is None:
            self._due = now
        elif now < self._due:
            time.sleep(self._due - now)
        else:
            behind = now - self._due
            missed = int(behind / self.period)
            self.dropped += missed
            self.late += behind - missed * self.period > self.period / 2
            self._due += missed * self.period
        self._due += self.period

    def restart(self) -> None:
        """Begins to count from the next `wait` on, as after a pause."""
        self._due = None
