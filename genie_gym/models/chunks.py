"""Networks that say the same of a row whatever the others are, to the bit.

Libraries choose how to convolve and multiply by the size of what they are given, and each way rounds otherwise: what a
network says of a row of eight differs, in the last bits, from what it says of the row alone, and a decision may tip on
that. So rows go through it in chunks of one size.

Legend: B rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor

from genie_gym.state import State

Said = TypeVar("Said")
ON_A_GPU = 32  # rows: there, one costs as much as some tens; on CPUs, where one keeps the cores busy, chunks hold one


def in_chunks(network: Callable[..., Said], *inputs: Tensor) -> Said:
    """`network(*inputs)` of tensors [B, …], B ≥ 1, computed so many rows at a time, and always as many: the last chunk is
    filled up with copies of its last row. It returns a tensor [B, …], a state, or a dataclass of tensors."""
    rows, size = len(inputs[0]), 1 if _is_cpu(inputs[0]) else ON_A_GPU
    parts = [network(*(_filled_up(x[k : k + size], size) for x in inputs)) for k in range(0, rows, size)]
    return _joined(parts, rows)


def _is_cpu(tensor: Tensor) -> bool:
    return tensor.device.type == "cpu"


def _filled_up(rows: Tensor, size: int) -> Tensor:
    missing = size - len(rows)
    return torch.cat([rows, rows[-1:].expand(missing, *rows.shape[1:])]) if missing else rows


def _joined(parts: list[Any], rows: int) -> Any:
    """The first `rows` rows of all parts together."""
    first = parts[0]
    if isinstance(first, State):
        joined = first.joined(*parts[1:])
        return joined if joined.num_rows == rows else joined.select(range(rows))
    if is_dataclass(first) and not isinstance(first, type):
        return type(first)(**{f.name: _joined([getattr(part, f.name) for part in parts], rows) for f in fields(first)})
    return torch.cat(parts)[:rows]
