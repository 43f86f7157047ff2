"""How well the views of a clip agree on the surfaces that several of them show: a loss, differentiable throughout.

Each view's surfaces are looked up in other views, nearer and farther ones in time, as in Zhou et al. 2017 (SfMLearner,
arXiv:1704.07813) and Godard et al. 2019 (Monodepth2, arXiv:1806.01260). Three things must agree there:

- colours. Of small windows, because raindrops are single pixels; in units of the clip's own contrast, because a wall in fog
  differs from itself by little wherever one looks.
- contrast, on the whole of what earlier and later views share: coming nearer changes one surface's, melting changes all.
  These are two of the three comparisons of SSIM (Wang et al. 2004); the third, structure, is mostly noise in rain and snow.
- depth, by the measure of Bian et al. 2019 (arXiv:1908.10553), which also says how much a pixel counts: little, where depths
  disagree because something moved.

Legend: B clips, T frames a clip, F pairs of frames so far apart, P distances in time, H W image.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from genie_gym.errors import GenieGymError
from genie_gym.geometry.camera import Camera
from genie_gym.geometry.pose import invert
from genie_gym.geometry.reproject import NEAREST, in_view, project

HIDDEN = 0.25  # by what share something must be nearer to hide a surface: less is how far estimated depths err
FLATTEST = 0.005  # contrast (standard deviation in a window, of colours from 0 to 1) that rounding alone can look like
EVEN = 0.03**2  # SSIM's constant: variances far below it count as alike
TO_LATER = torch.tensor([1.0, -1.0, 1.0, 1.0, 1.0, 1.0, 1.0])  # sharper in the earlier view: less sharp later


@dataclass(frozen=True)
class ConsistencyConfig:
    apart: tuple[int, ...] = (1, 4, 8)
    """Views so many frames apart are compared: neighbours, and farther ones, which see what melts slowly."""
    contrast: float = 10.0
    depth: float = 2.0
    """What these count beside colours."""


@dataclass
class Disagreement:
    """Of each clip; 0 is perfect agreement."""

    colours: Float[Tensor, " B"]
    """Mean difference of a surface's colours between views, in units of the clip's contrast."""
    contrast: Float[Tensor, " B"]
    """How much sharper or less sharp surfaces become with time, from 0 to 1: difference over sum of variances, the mean over
    all pairs of views that are as far apart in time."""
    depth: Float[Tensor, " B"]
    """Difference over sum of a surface's inverse depths, from 0 to 1, mean over surfaces."""
    shared: Float[Tensor, " B"]
    """The share of the pixels that were compared."""


class MultiViewConsistencyLoss(nn.Module):
    """Frames in [0, 1], inverse depth (1/m; 0 where nothing is to be compared, as of things that move) and poses (camera to
    world) to a loss of 0 or more. Surfaces that are hidden in the other view, or outside of it, do not count.

    Differentiable in all three; which surfaces are compared, how much each counts, and the unit of colours are taken as
    given. Nothing is compared between views that share no surface: two views that look away from each other agree.
    """

    def __init__(self, camera: Camera, config: ConsistencyConfig | None = None):
        super().__init__()
        self.camera, self.config = camera, config or ConsistencyConfig()

    def forward(
        self,
        frames: Float[Tensor, "B T 3 H W"],
        inverse_depth: Float[Tensor, "B T H W"],
        poses: Float[Tensor, "B T 4 4"],
    ) -> Float[Tensor, ""]:
        found = self.disagreement(frames, inverse_depth, poses)
        return (found.colours + self.config.contrast * found.contrast + self.config.depth * found.depth).mean()

    def disagreement(
        self,
        frames: Float[Tensor, "B T 3 H W"],
        inverse_depth: Float[Tensor, "B T H W"],
        poses: Float[Tensor, "B T 4 4"],
    ) -> Disagreement:
        """The terms of the loss, clip by clip.

        Raises:
            GenieGymError: see `check`.
        """
        length = frames.shape[1]
        self.check(length, *frames.shape[-2:])
        mean, variance = windows(frames)
        known = (inverse_depth > 0).to(frames.dtype)
        packed = torch.cat([mean, torch.stack([variance, inverse_depth, known], 2)], 2)  # [B, T, 6, H, W]
        sums: list[Tensor] = []
        for apart in self.config.apart:
            if apart < length:
                first, second = slice(None, -apart), slice(apart, None)
                forth = self._compare(packed[:, first], packed[:, second], poses[:, first], poses[:, second])
                back = self._compare(packed[:, second], packed[:, first], poses[:, second], poses[:, first])
                sums.append(forth + TO_LATER.to(forth) * back)
        colours, sharper, depth, contrast, weight, shared, pixels = torch.stack(sums).unbind(2)  # each [P, B]
        total = weight.sum(0).clamp(min=1e-6)
        unit = contrast.sum(0) / total.detach() + FLATTEST  # not differentiated: nothing is gained by more contrast
        return Disagreement(
            colours=colours.sum(0) / total / unit,
            contrast=sharper.abs().sum(0) / total,
            depth=depth.sum(0) / shared.sum(0).clamp(min=1),
            shared=shared.sum(0) / pixels.sum(0),
        )

    def check(self, length: int, height: int, width: int) -> None:
        """Raises `GenieGymError` for clips too short for two views to be compared, or of another size than the camera's."""
        least = min(self.config.apart) + 1
        if length < least or (height, width) != (self.camera.height, self.camera.width):
            raise GenieGymError(
                f"views are compared in clips of {least} frames or more, of the camera's "
                f"{self.camera.height}x{self.camera.width} (height x width); given {length} of {height}x{width}."
            )

    def _compare(
        self,
        view: Float[Tensor, "B F 6 H W"],
        other: Float[Tensor, "B F 6 H W"],
        pose: Float[Tensor, "B F 4 4"],
        other_pose: Float[Tensor, "B F 4 4"],
    ) -> Float[Tensor, "B 7"]:
        """Sums over the surfaces of all views, each looked up in another one: of the differences of colours, of contrast
        (the other's less its own) and of depth; of contrast; of weights; of surfaces compared; of all pixels."""
        mean, (variance, near, known) = view[:, :, :3], view[:, :, 3:].unbind(2)
        place, expected = project(invert(other_pose) @ pose, 1 / near.clamp(min=1e-4), self.camera)
        looked_up = F.grid_sample(other.flatten(0, 1), place.flatten(0, 1), padding_mode="border", align_corners=False)
        looked_up = looked_up.unflatten(0, near.shape[:2])
        other_mean, (other_variance, other_near, other_known) = looked_up[:, :, :3], looked_up[:, :, 3:].unbind(2)
        wanted = 1 / expected.clamp(min=NEAREST)
        visible = in_view(place, expected) & (known > 0) & (other_known > 0.99)
        visible &= other_near < (1 + HIDDEN) * wanted
        apart = (other_near - wanted).abs() / (other_near + wanted).clamp(min=1e-6)
        shared = visible.to(near.dtype)
        weight = (1 - apart.detach()) * shared
        colours = (mean - other_mean).abs().mean(2)
        sharper = (other_variance - variance) / (other_variance + variance + EVEN)
        deviation = variance.detach().sqrt()
        parts = (
            weight * colours,
            weight * sharper,
            shared * apart,
            weight * deviation,
            weight,
            shared,
            torch.ones_like(near),
        )
        return torch.stack([part.sum((1, 2, 3)) for part in parts], 1)


def windows(frames: Float[Tensor, "B T 3 H W"]) -> tuple[Float[Tensor, "B T 3 H W"], Float[Tensor, "B T H W"]]:
    """Mean colour in the window of 3×3 pixels around each, and the colours' variance in it."""
    padded = F.pad(frames.flatten(0, 1), (1, 1, 1, 1), mode="replicate")
    mean, square = F.avg_pool2d(padded, 3, 1), F.avg_pool2d(padded * padded, 3, 1)
    variance = (square - mean * mean).mean(1).clamp(min=0)
    return mean.unflatten(0, frames.shape[:2]), variance.unflatten(0, frames.shape[:2])
