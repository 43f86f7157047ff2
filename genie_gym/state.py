"""Batched state as a value: rows are copied, taken out and put back, and each part knows its own batch axis.

Legend: B rows, R some of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from jaxtyping import Int
from torch import Tensor

from genie_gym.errors import GenieGymError

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
        """Overwrites these rows, in place, with those of `other`.

        Raises:
            GenieGymError: `other` is not of the same parts.
        """
        targets, sources = self._named(), other._named()
        if targets.keys() != sources.keys():
            raise GenieGymError(f"these states differ in {', '.join(sorted(targets.keys() ^ sources.keys()))}.")
        for name, (tensor, axis) in targets.items():
            tensor.index_copy_(axis, rows.to(tensor.device), sources[name][0])

    def fits(self, other: State) -> bool:
        """Whether `other` is of the same kind, with tensors of the same sizes."""
        mine, others = self._named(), other._named()
        return type(self) is type(other) and {k: v.shape for k, (v, _) in mine.items()} == {
            k: v.shape for k, (v, _) in others.items()
        }

    def tensors(self) -> list[Tensor]:
        """All tensors, in the order of their names."""
        return [tensor for _, (tensor, _) in sorted(self._named().items())]

    def _named(self) -> dict[str, tuple[Tensor, int]]:
        """Each tensor with its batch axis, by its path."""
        found: dict[str, tuple[Tensor, int]] = {}
        for part in fields(self):
            _name(getattr(self, part.name), part.name, part.metadata.get("batch_axis", 0), found)
        return found

    @property
    def num_rows(self) -> int:
        tensor, axis = next(iter(self._named().values()))
        return tensor.shape[axis]


def _name(value: Any, path: str, axis: int, found: dict[str, tuple[Tensor, int]]) -> None:
    if isinstance(value, State):
        for name, named in value._named().items():
            found[f"{path}.{name}"] = named
    elif isinstance(value, dict):
        for name, part in value.items():
            _name(part, f"{path}.{name}", axis, found)
    else:
        found[path] = value, axis


def _map(value: Any, function: Callable[[Tensor, int], Tensor], axis: int) -> Any:
    if isinstance(value, State):
        return value.map(function)
    if isinstance(value, dict):
        return {name: _map(part, function, axis) for name, part in value.items()}
    return function(value, axis)
