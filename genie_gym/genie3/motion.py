"""The networks of motion: what keys ask for and what feet grip, and motions as latent actions.

Legend: B rows, A size of an action, T time, F = T - 1.
"""

from __future__ import annotations

from torch import nn

from genie_gym.models.motion.latent_code import LatentCode, LatentCodeConfig
from genie_gym.models.motion.stride import Stride, StrideConfig


class Motion(nn.Module):
    """`stride` and `latent`, kept in one file."""

    def __init__(self, stride: StrideConfig, latent: LatentCodeConfig):
        super().__init__()
        self.stride, self.latent = Stride(stride), LatentCode(latent)
