"""Which rows of a batch are meant, and which seeds, as users say it.

Legend: B rows, R some of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Int

from genie_gym.errors import GenieGymError

Rows = Any
"""Some rows: their numbers, whole numbers [R], or a mask, bool [B]; a list, an array or a tensor."""


def row_numbers(rows: Rows | None, num_rows: int) -> Int[np.ndarray, " R"]:
    """The numbers of some of `num_rows` rows; None is all of them.

    Raises:
        GenieGymError: for what is neither numbers nor a mask, and for rows that there are not.
    """
    if rows is None:
        return np.arange(num_rows)
    refusal = f"rows are whole numbers [R], or a mask, bool [{num_rows}]; given {rows!r}."
    try:
        chosen = np.asarray(rows.cpu() if hasattr(rows, "cpu") else rows)  # tensors may lie on a GPU
    except ValueError as error:  # ragged lists
        raise GenieGymError(refusal) from error
    if chosen.dtype == bool and chosen.shape == (num_rows,):
        chosen = np.flatnonzero(chosen)
    if not chosen.size:
        return np.zeros(0, np.int64)
    if chosen.ndim != 1 or chosen.dtype.kind not in "iu":
        raise GenieGymError(refusal)
    for row in chosen[(chosen < 0) | (chosen >= num_rows)]:
        raise GenieGymError(f"there is no row {row}: the rows are 0 … {num_rows - 1}.")
    return chosen.astype(np.int64)


def repeats(times: Any) -> int:
    """How many times each row is to stand.

    Raises:
        GenieGymError: for another number than a whole one of at least 1.
    """
    if isinstance(times, bool) or not isinstance(times, int | np.integer) or times < 1:
        raise GenieGymError(f"rows are repeated a whole number of times, at least once; got {times!r}.")
    return int(times)


def check_fit(given: int, rows: Rows | None, num_rows: int) -> Int[np.ndarray, " R"]:
    """The numbers of the rows, all different, that a state of `given` rows goes to.

    Raises:
        GenieGymError: where there are more or fewer of them.
    """
    index = row_numbers(rows, num_rows)
    if given != len(index):
        place = f"this environment {num_rows}" if rows is None else f"`rows` names {len(index)}"
        advice = "choose with state.select(…) or state.repeat(…), or say where they go: load_state(state, rows=…)"
        raise GenieGymError(f"the state has {given} rows, {place}; {advice}.")
    if len(set(index.tolist())) != len(index):
        raise GenieGymError(f"a row takes one state; {rows!r} names a row twice.")
    return index


def as_seed(value: Any) -> int:
    """A seed.

    Raises:
        GenieGymError: for anything but a whole number from 0 to 2^63 - 1.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 0 <= value < 2**63:
        raise GenieGymError(f"a seed is a whole number from 0 to 2^63 - 1; got {value!r}.")
    return int(value)
