"""How far a long loop is: a bar in a terminal; in logs (CI, nohup) a plain line now and then, and one at the end."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

SECONDS = 30.0  # between two lines of a log


def progress(iterable: Iterable[Any] | None = None, **options: Any) -> Any:
    """`tqdm(iterable, **options)`, which also speaks where no terminal listens. Writes to standard error, or to `file`."""
    file = options.get("file") or sys.stderr
    return (tqdm if file is not None and file.isatty() else Lines)(iterable, **options)


class Lines(tqdm):
    """tqdm for files: each report is a line of its own, without a carriage return."""

    def __init__(self, iterable: Iterable[Any] | None = None, **options: Any):
        total = options.get("total", len(iterable) if hasattr(iterable, "__len__") else None)  # type: ignore[arg-type]
        count = "{n_fmt}" if total is None else "{n_fmt}/{total_fmt}"
        times = "{elapsed}" if total is None else "{elapsed}, {remaining} to go"
        style = {
            "desc": f"{options['desc']}: " if options.get("desc") else "",
            "bar_format": f"{{desc}}{count} ({times}, {{rate_fmt}}{{postfix}})",
            "mininterval": SECONDS,
            "miniters": 1,
        }
        self.disable = False
        self.quiet = True  # tqdm reports at once, before anything is done
        super().__init__(iterable, **options | style)
        self.quiet = False

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:
        if not self.quiet:
            self.fp.write(f"{self}\n")
            self.fp.flush()
        return True

    def set_postfix(self, ordered_dict: Any = None, refresh: bool = False, **values: Any) -> None:
        """As tqdm's, but shown with the next line."""
        super().set_postfix(ordered_dict, refresh=False, **values)

    def clear(self, nolock: bool = False) -> None:
        """Lines stay."""

    def close(self) -> None:
        if not self.disable:
            self._ema_dt = lambda: None  # the rate of all of it
            self.display()
            self.disable = True
            self._decr_instances(self)
