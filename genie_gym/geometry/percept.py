"""What eyes say of single frames.

Legend: B frames, H W image.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float, Int
from torch import Tensor

SKY = 1 / 900.0  # the inverse depth that stands for the sky


@dataclass
class Percept:
    """`inverse_depth` in 1/m (the sky at `SKY`). `pushable` and `being` are pixels of things that can be moved, and that
    move by themselves; `velocity` is how these go, in metres a step to the right, down and forward of the camera's heading.
    `pitch` is how far the camera looks up, in radians."""

    inverse_depth: Float[Tensor, "B H W"]
    pushable: Bool[Tensor, "B H W"]
    being: Bool[Tensor, "B H W"]
    velocity: Float[Tensor, "B 3 H W"]
    pitch: Float[Tensor, " B"]
    semantic: Int[Tensor, "B H W"]
    """The class of what each pixel shows, a number in `classes`; told a place, not a pixel, at a time."""
