"""Batched state as a value: rows are copied, taken out, repeated and put back; each part knows its own batch axis.

Legend: B rows, R some of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

import torch
from jaxtyping import Int
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from genie_gym.errors import GenieGymError
from genie_gym.rows import Rows, repeats, row_numbers

Self = TypeVar("Self", bound="State")  # typing.Self is more than the type checks of the tests understand


def batch_axis(axis: int) -> Any:
    """A field of a `State` whose tensors have their rows along `axis`; without it, along axis 0."""
    return field(metadata={"batch_axis": axis})


@dataclass(kw_only=True)
class State:
    """Dataclasses of tensors, of other states, and of dictionaries of these, all batched over the same B rows.

    Subclasses are dataclasses (`kw_only=True`); a field whose rows lie elsewhere than along axis 0 is declared with
    `batch_axis`. A state is a value: it can be pickled, and `torch.save` keeps it in a file.
    """

    def map(self: Self, function: Callable[[Tensor, int], Tensor]) -> Self:
        """A state of `function(tensor, batch axis)` of every tensor."""
        return type(self)(
            **{f.name: _map(getattr(self, f.name), function, f.metadata.get("batch_axis", 0)) for f in fields(self)}
        )

    def clone(self: Self) -> Self:
        """A copy that shares no memory."""
        return self.map(lambda x, _: x.clone())

    def to(self: Self, device: str | torch.device) -> Self:
        """The same on another device; what is there already is not copied."""
        return self.map(lambda x, _: x.to(device))

    def select(self: Self, rows: Rows) -> Self:
        """A copy of some rows, in this order; a row may be taken several times.

        Raises:
            GenieGymError: for rows that there are not.
        """
        index = torch.from_numpy(row_numbers(rows, self.num_rows))
        return self.map(lambda x, axis: x.index_select(axis, index.to(x.device)))

    def repeat(self: Self, times: int) -> Self:
        """A copy in which each row stands `times` times, one after another: rows 0, 0, …, 1, 1, … (as in `numpy.repeat` and
        `torch.repeat_interleave`).

        Raises:
            GenieGymError: for another number than a whole one of at least 1.
        """
        return self.map(lambda x, axis: x.repeat_interleave(repeats(times), axis))

    def joined(self: Self, *others: Self) -> Self:
        """These rows and then those of `others`, which are of the same parts."""
        named = [state._named() for state in (self, *others)]
        several = {id(x): [parts[name][0] for parts in named] for name, (x, _) in named[0].items()}
        return self.map(lambda x, axis: torch.cat(several[id(x)], axis))

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

    def like(self: Self, other: Self) -> Self:
        """A copy in the types and on the devices that the same parts of `other` have."""
        others = other._named()
        wanted = {id(tensor): others[name][0] for name, (tensor, _) in self._named().items()}
        return self.map(lambda x, _: x.to(wanted[id(x)], copy=True))

    def fits(self, other: State) -> bool:
        """Whether `other` is of the same kind, with rows of the same sizes; the number of rows may differ."""
        return type(self) is type(other) and self._row_shapes() == other._row_shapes()

    def to_bytes(self) -> bytes:
        """All of it, as safetensors; `filled` reads it."""
        return save({name: tensor.detach().cpu().contiguous() for name, (tensor, _) in self._named().items()})

    def filled(self: Self, raw: bytes) -> Self:
        """What `to_bytes` wrote, on the devices of this state, which is of the same kind; the number of rows may differ.

        Raises:
            GenieGymError: it was no such state.
        """
        try:
            loaded = load(raw)
        except (SafetensorError, ValueError, KeyError) as error:
            raise GenieGymError(f"this is no saved state: {error}.") from error
        named = self._named()
        rows = {tensor.shape[named[name][1]] for name, tensor in loaded.items() if name in named}
        if loaded.keys() != named.keys() or len(rows) != 1:
            raise GenieGymError("this state was saved of another world.")
        new = {id(tensor): loaded[name].to(tensor.device) for name, (tensor, _) in named.items()}
        filled = self.map(lambda x, _: new[id(x)])
        if not self.fits(filled) or any(a.dtype != b.dtype for a, b in zip(self.tensors(), filled.tensors(), strict=True)):
            raise GenieGymError("this state was saved of another world.")
        return filled

    def tensors(self) -> list[Tensor]:
        """All tensors, in the order of their names."""
        return [tensor for _, (tensor, _) in sorted(self._named().items())]

    def _named(self) -> dict[str, tuple[Tensor, int]]:
        """Each tensor with its batch axis, by its path."""
        found: dict[str, tuple[Tensor, int]] = {}
        for part in fields(self):
            _name(getattr(self, part.name), part.name, part.metadata.get("batch_axis", 0), found)
        return found

    def _row_shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: (*x.shape[:axis], *x.shape[axis + 1 :]) for name, (x, axis) in self._named().items()}

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
