"""Kernels: functions that numba compiles when they are first called, and keeps compiled where it can write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """The function, compiled, without Python's lock; its results are those of IEEE arithmetic in the order as written.

    Write `@no_type_check` below it: what tests check types with must not stand between."""
    try:
        compiled: Any = numba.njit(nogil=True, cache=True, error_model="numpy")(function)
    except RuntimeError:  # nowhere to keep it: it is compiled again in each process
        compiled = numba.njit(nogil=True, error_model="numpy")(function)
    return compiled  # type: ignore[no-any-return]
