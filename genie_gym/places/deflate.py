"""Modules whose large buffers take less room in files: deflated, byte by byte of their numbers together (as HDF5 shuffles).

Legend: N bytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor, nn


class Deflated(nn.Module):
    """A module whose buffers named in `deflated` are one uint8 tensor [N] each in its state dict, whatever they are in
    memory. Nothing is lost. Their sizes are known beforehand, so that no file can make more of them than there is room for.
    """

    deflated: ClassVar[tuple[str, ...]] = ()

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        for name in self.deflated:
            destination[prefix + name] = deflate(destination[prefix + name])

    def _load_from_state_dict(
        self, state_dict: Mapping[str, Any], prefix: str, local_metadata: Any, strict: bool, missing_keys: list[str],
        unexpected_keys: list[str], error_msgs: list[str],
    ) -> None:  # fmt: skip
        whole = dict(state_dict)
        for name in self.deflated:
            if (key := prefix + name) in whole:
                try:
                    whole[key] = inflate(whole[key], getattr(self, name))
                except (ValueError, zlib.error) as error:
                    error_msgs.append(f"{key} is damaged, or of another size: {error}")
                    whole[key] = getattr(self, name)
        super()._load_from_state_dict(whole, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)


def deflate(values: Tensor) -> UInt8[Tensor, " N"]:
    """The bytes of a tensor, in few."""
    array = np.ascontiguousarray(values.detach().cpu().numpy())
    planes = array.reshape(len(array), -1).view(np.uint8).T if array.size else array
    return torch.from_numpy(np.frombuffer(zlib.compress(planes.tobytes(), 6), np.uint8).copy())


def inflate(packed: Tensor, like: Tensor) -> Tensor:
    """What was deflated, uint8 [N], of the shape and type of another tensor.

    Raises:
        ValueError, zlib.error: it is no such thing.
    """
    if packed.dtype != torch.uint8 or packed.ndim != 1:
        raise ValueError("not a row of bytes")
    size, stream = like.numel() * like.element_size(), zlib.decompressobj()
    held = stream.decompress(packed.cpu().numpy().tobytes(), size + 1)
    if len(held) == size and (not stream.eof or stream.unused_data):
        raise ValueError("cut off, or with something behind it")
    if len(held) != size:
        raise ValueError(f"{'more than ' if len(held) > size else ''}{min(len(held), size):,} bytes, not {size:,}")
    if not size:
        return torch.empty_like(like)
    planes = np.frombuffer(held, np.uint8).reshape(-1, len(like))
    array = planes.T.copy().view(torch.empty(0, dtype=like.dtype).numpy().dtype)
    return torch.from_numpy(array.reshape(tuple(like.shape)))
