"""What was never seen, imagined: a whole coming view at a time, of material that memory offers.

A view is continued past the edges of what is known (`geometry.surroundings`): as mist, which is right on average, and folded
over, which is as crisp as the world is. A network says where the one holds and where the other, and corrects both. The
fold's stretch is drawn for each view from the row's seed, so that other seeds imagine other places.

Legend: B views, H W image.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from genie_gym.genie2.rgbd import pack, unpack
from genie_gym.geometry.reproject import Seen
from genie_gym.geometry.surroundings import mirror, spread
from genie_gym.models.chunks import in_chunks
from genie_gym.models.row_random import uniform
from genie_gym.models.unet import UNet, UNetConfig, places

STREAM = 1  # of the rows' random numbers
TRUST = 1.0  # the logit of the crisp material's share that training begins with


@dataclass(frozen=True)
class ImaginationConfig:
    unet: UNetConfig = field(default_factory=lambda: UNetConfig((24, 48, 96, 160, 192)))
    stretch: tuple[float, float] = (0.7, 1.3)
    """Between these the fold's stretch is drawn."""
    firmness: float = 3.0
    """In play, colours are chosen so much more firmly than in training (where 1 is the blend that the network was taught):
    half mist, half fold is as blurred as mist. What both cost and give: docs/experiments.md."""
    lean: float = 2.0
    """In play, so much is added to the logit of the crisp material."""


class Imagination(nn.Module):
    """`forward(seen, seed, position)` fills what is not covered."""

    def __init__(self, config: ImaginationConfig):
        super().__init__()
        self.config = config
        self.unet = UNet(12, 5, config.unet)  # two materials, what is known, what is folded, place; share, correction

    def forward(
        self, seen: Seen, seed: Int[Tensor, " B"], position: Int[Tensor, " B"]
    ) -> tuple[Float[Tensor, "B 3 H W"], Float[Tensor, "B H W"]]:
        """Colours and inverse depth of the whole view, covered pixels as they are."""
        low, high = self.config.stretch
        stretch = low + (high - low) * uniform(seed, position, STREAM, 1)[:, 0]

        def paint(stretch: Tensor, *seen: Tensor) -> Tensor:
            return self.paint(Seen(*seen), stretch, self.config.firmness, self.config.lean)

        painted = in_chunks(paint, stretch, seen.colours, seen.inverse_depth, seen.covered)
        colours, inverse_depth = unpack(painted)
        covered = seen.covered
        return (
            torch.where(covered[:, None], seen.colours, colours),
            torch.where(covered, seen.inverse_depth, inverse_depth),
        )

    def paint(
        self, seen: Seen, stretch: Float[Tensor, " B"], firmness: float = 1.0, lean: float = 0.0
    ) -> Float[Tensor, "B 4 H W"]:
        """The whole view as the network would have it, `rgbd.pack`ed; `firmness` and `lean` as in `ImaginationConfig`. Depth
        is blended as it was taught: where materials meet, a step of depth would stand in the way."""
        known = pack(seen.colours, seen.inverse_depth)
        mist = spread(known, seen.covered)
        folded, found = mirror(known, seen.inverse_depth, seen.covered, stretch)
        crisp = torch.where(found[:, None], folded, mist)
        masks = torch.stack([seen.covered, found], 1).float()
        out = self.unet(torch.cat([mist * 2 - 1, crisp * 2 - 1, masks, places(masks)], 1)).float()
        share = out[:, :1] + TRUST
        shares = torch.sigmoid(torch.cat([(firmness * (share + lean)).expand(-1, 3, -1, -1), share], 1))
        return torch.lerp(mist, crisp, shares) + out[:, 1:]
