"""Planned views, painted: cells become pixels.

Legend: B views, H W image.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from genie_gym.genie2.painting import painting_loss
from genie_gym.genie2.plans import CELL, coarse, fine
from genie_gym.models.unet import UNet, UNetConfig, places

SHIFTS = ((0, 0), (1, 2), (2, 1), (3, 3))  # pixels down and right: each place of a cell once, along both axes


class Painter(nn.Module):
    """Soft pictures of plans (`plans.fine`), and what is added to them. Starts by adding nothing."""

    def __init__(self, config: UNetConfig):
        super().__init__()
        self.unet = UNet(6, 4, config)

    def forward(self, soft: Float[Tensor, "B 4 H W"]) -> Float[Tensor, "B 4 H W"]:
        """Views, `rgbd.pack`ed as the plans are; not clamped, so that gradients reach everywhere."""
        return soft + self.unet(torch.cat([soft * 2 - 1, places(soft)], 1)).float()

    def paint(self, soft: Float[Tensor, "B 4 H W"]) -> Float[Tensor, "B 4 H W"]:
        """The mean of four paintings, each with its cells and the network's places elsewhere: what follows their grid, and
        not the view, goes (cycle spinning: Coifman and Donoho 1995)."""
        height, width = soft.shape[-2:]
        wide = F.pad(soft, (CELL,) * 4, mode="replicate")
        painted = [
            self(wide[..., CELL - down :, CELL - right :])[..., down : down + height, right : right + width]
            for down, right in SHIFTS
        ]
        return torch.stack(painted).mean(0)


def painter_loss(painter: Painter, views: Float[Tensor, "B 4 H W"], noise: float, patches: float) -> dict[str, Tensor]:
    """How far off views are that are painted after their own plans. Plans are noisy here: a planner errs (Ho et al. 2021,
    arXiv:2106.15282)."""
    plans = coarse(views)
    amount = noise * torch.rand(len(views), 1, 1, 1, device=views.device)
    painted = painter(fine((plans + amount * torch.randn_like(plans)).clamp(0, 1), views.shape[-2:]))
    nothing = torch.zeros_like(views[:, 0], dtype=torch.bool)
    return painting_loss(painted, views, nothing, patches)
