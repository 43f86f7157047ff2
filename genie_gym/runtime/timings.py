"""How long each stage takes: the last durations, and their percentiles."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np

INPUT, GENERATION, RENDERING, FRAME = "input", "generation", "rendering", "frame"
STAGES = (INPUT, GENERATION, RENDERING)
BUDGETS_MS: Mapping[str, float] = {INPUT: 10.0, GENERATION: 30.0, RENDERING: 10.0}
"""What each stage may take, so that a frame is there within 50 ms."""
PERCENTILES = (50, 95, 99)


class Timings:
    """Durations by name, the last `window` of each."""

    def __init__(self, window: int = 1440):
        self.window = window
        self._seconds: dict[str, deque[float]] = {}

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Notes how long what happens inside takes."""
        begin = time.perf_counter()
        yield
        self.note(name, time.perf_counter() - begin)

    def note(self, name: str, seconds: float) -> None:
        self._seconds.setdefault(name, deque(maxlen=self.window)).append(seconds)

    def clear(self) -> None:
        self._seconds.clear()

    def last_ms(self, name: str) -> float:
        """The latest; NaN where there is none."""
        values = self._seconds.get(name)
        return values[-1] * 1e3 if values else float("nan")

    def percentiles_ms(self, name: str) -> dict[str, float]:
        """p50, p95 and p99; NaN where nothing was noted."""
        values = list(self._seconds.get(name, ()))
        found = np.percentile(values, PERCENTILES) * 1e3 if values else [float("nan")] * len(PERCENTILES)
        return {f"p{which}": float(value) for which, value in zip(PERCENTILES, found, strict=True)}
