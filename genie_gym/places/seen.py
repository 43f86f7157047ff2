"""Buffers that drawing fills: what CPUs' and GPUs' ways of drawing have in common.

Legend: B rows, H W image.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Int, UInt8
from torch import Tensor

FAR = 900.0  # metres: what the sky reads, as in recordings
GROUND, SKY = 0, -1  # instances


@dataclass(frozen=True, eq=False)
class Buffers:
    """Args:
    colours, normal, depth: as in `draw.Seen`.
    line: of the table of things, which thing is shown; -1: none. kind: what of the ground lies there, or behind the thing
        (`terrain.NOTHING`, `LAND`, `OUTSIDE`, `WATER` and its number).
    """

    colours: UInt8[Tensor, "B H W 3"]
    normal: Float[Tensor, "B H W 3"]
    depth: Float[Tensor, "B H W"]
    line: Int[Tensor, "B H W"]
    kind: Int[Tensor, "B H W"]
