"""Batched state as a value: rows are copied, taken out and put back, and each part knows its own batch axis.

Legend: B rows, R some of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from jaxtyping import Int
from torch import Tensor

Self = TypeVar("Self", bound="State")  # typing.Self is more than the type checks of the tests understand


def batch_axis(axis: int) -> Any:
    """A field of a `State` whose tensors have their rows along `axis`; without it, along axis 0."""
    return field(metadata={"batch_axis": axis})


@dataclass(kw_only=True)
class State:
    """Dataclasses of tensors, of other states, and of dictionaries of these, all batched over the same B rows.

    Subclasses are dataclasses (`kw_only=True`); a field whose rows lie elsewhere than along axis 0 is declared with
    `batch_axis`.
    """

    def map(self: Self, function: Callable[[Tensor, int], Tensor]) -> Self:
        """A state of `function(tensor, batch axis)` of every tensor."""
        return type(self)(
            **{f.name: _map(getattr(self, f.name), function, f.metadata.get("batch_axis", 0)) for f in fields(self)}
        )

    def clone(self: Self) -> Self:
        """A copy that shares no memory."""
        return self.map(lambda x, _: x.clone())

    def select(self: Self, rows: Int[Tensor, " R"]) -> Self:
        """A copy of some rows, in this order; a row may be taken several times."""
        return self.map(lambda x, axis: x.index_select(axis, rows.to(x.device)))

    def put(self: Self, rows: Int[Tensor, " R"], other: Self) -> None:
        """Overwrites these rows, in place, with those of `other`."""
        sources = iter(other.tensors())
        self.map(lambda x, axis: x.index_copy_(axis, rows.to(x.device), next(sources)))

    def tensors(self) -> list[Tensor]:
        """All tensors, in the order in which `map` meets them."""
        found: list[Tensor] = []
        self.map(lambda x, _: found.append(x) or x)  # type: ignore[func-returns-value]
        return found

    @property
    def num_rows(self) -> int:
        sizes: list[int] = []
        self.map(lambda x, axis: sizes.append(x.shape[axis]) or x)  # type: ignore[func-returns-value]
        return sizes[0]


def _map(value: Any, function: Callable[[Tensor, int], Tensor], axis: int) -> Any:
    if isinstance(value, State):
        return value.map(function)
    if isinstance(value, dict):
        return {name: _map(part, function, axis) for name, part in value.items()}
    return function(value, axis)
