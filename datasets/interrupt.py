"""Ctrl-C that waits for a safe moment: an exception raised inside HDF5's clean-up would be swallowed, and the work go on."""

from __future__ import annotations

import signal
import threading
from typing import Any


class Interrupt:
    """Notes Ctrl-C while it is entered; `check()` raises the `KeyboardInterrupt` then. A second Ctrl-C raises at once."""

    def __enter__(self) -> Interrupt:
        self.asked = False
        self.previous = None
        if threading.current_thread() is threading.main_thread():  # signals are handled nowhere else
            self.previous = signal.signal(signal.SIGINT, self._note)
        return self

    def _note(self, *_: Any) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def check(self) -> None:
        if self.asked:
            raise KeyboardInterrupt

    def __exit__(self, *_: Any) -> None:
        if self.previous is not None:
            signal.signal(signal.SIGINT, self.previous)
