"""What users give environments, checked: each bad value is met with one sentence.

Legend: B rows, P frames, H W image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from torch import Tensor

from genie_gym.errors import GenieGymError, check_name


def positive(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise GenieGymError(f"{name} is a whole number of at least 1; got {value!r}.")
    return int(value)


def as_names(values: Any, what: str = "obs is a name, or") -> tuple[str, ...]:
    if not isinstance(values, Sequence) or not all(isinstance(value, str) for value in values):
        raise GenieGymError(f"{what} several of them; got {values!r}.")
    return tuple(values)


def as_autoreset_mode(value: Any) -> AutoresetMode:
    """Of a mode, or the name of one."""
    modes = {mode.name: mode for mode in AutoresetMode} | {mode.value: mode for mode in AutoresetMode}
    name = value.name if isinstance(value, AutoresetMode) else value
    check_name("autoreset_mode", name, modes)
    return modes[name]


def as_array(values: Any, name: str) -> np.ndarray:
    """As an array, of lists and tensors too."""
    try:
        return np.asarray(values.cpu() if isinstance(values, Tensor) else values)
    except ValueError as error:  # ragged lists
        raise GenieGymError(f"{name} is no array: {error}.") from error


def as_mask(values: Any, name: str, rows: int) -> np.ndarray:
    """bool [B]; None is all of them."""
    if values is None:
        return np.ones(rows, dtype=bool)
    mask = as_array(values, name)
    if mask.dtype != bool or mask.shape != (rows,):
        raise GenieGymError(f"{name} must be bool [{rows}]; given {mask.dtype} {list(mask.shape)}.")
    return mask


def as_frames(values: Any, name: str) -> np.ndarray:
    frames = as_array(values, name)
    if frames.dtype != np.uint8 or frames.ndim != 4:
        raise GenieGymError(f"{name} are frames, uint8 [P, H, W, 3]; given {frames.dtype} {list(frames.shape)}.")
    return frames
