"""What one frame says of the place it shows: metric depth, what each pixel shows, which pixels show things that can move and
how they go, and how far the camera looks up.

Trained on a simulator's labels: metres cannot be read off unlabelled frames, only proportions. Scale comes from the ground,
which a camera at a known height sees at known places.

Legend: B frames, C classes, H W image, h w the same in places of `UNetConfig.patch` pixels a side, padded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor, nn

from genie_gym.errors import GenieGymError
from genie_gym.geometry.percept import SKY, Percept
from genie_gym.models.unet import UNet, UNetConfig, places, shared_out

SKY_FROM = 1 / 300.0  # what is farther away is sky
NEAREST = 0.05  # metres
SKY_SURE = 3.0  # the logit from which a pixel counts as sky: at edges, what stands before it is the lesser mistake
BOUNDED = 1 / 60  # what is farther away than 60 m does not count for the relative error
LOG_DEPTH = 2.0  # of what training begins with
MOTION_UNIT, PITCH_UNIT = 0.05, 0.3  # metres a step, radians
AREAS = ("sky", "ground", "water", "boundary", "building")  # classes that fill most of most frames
THINGS_WEIGH = 4.0  # so much more than a pixel of an area does a pixel of any other class count
UNLABELLED = 255


@dataclass(frozen=True)
class PerceptionConfig:
    unet: UNetConfig = field(default_factory=lambda: UNetConfig((24, 48, 96, 160, 192)))


@dataclass
class Reading:
    """What the network says: logits and numbers a pixel."""

    log_depth: Float[Tensor, "B H W"]
    sky: Float[Tensor, "B H W"]
    kinds: Float[Tensor, "B 3 H W"]
    """Logits of nothing that moves, of pushable, of being."""
    velocity: Float[Tensor, "B 2 H W"]
    """To the right and forward, in `MOTION_UNIT`s."""
    pitch: Float[Tensor, "B H W"]
    """In `PITCH_UNIT`s; every pixel says it."""
    levels: list[Tensor]
    """The U-Net's features, which `DepthEstimator.classify` takes."""


class DepthEstimator(nn.Module):
    """Frames in [0, 1] to a `Percept`."""

    label_count: Tensor

    def __init__(self, config: PerceptionConfig, classes: Sequence[str]):
        super().__init__()
        self.unet = UNet(5, 8, config.unet)  # colours and the pixel's place
        self.classes = tuple(classes)
        fine, coarse = config.unet.widths[:2]
        self.fine_classes = nn.Conv2d(fine, len(self.classes), 1)
        self.coarse_classes = nn.Conv2d(coarse, len(self.classes), 1, bias=False)
        self.register_buffer("label_count", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def widen(self, other: DepthEstimator) -> None:
        """Takes over what one with a narrower U-Net has learned, or one as wide (`UNet.widen`).

        Raises:
            GenieGymError: it tells other classes, or its U-Net is another.
        """
        if self.classes != other.classes:
            raise GenieGymError(
                f"what is begun with tells the classes {', '.join(other.classes)}; here there are {', '.join(self.classes)}."
            )
        fine, coarse, *_ = self.unet.widen(other.unet)
        self.fine_classes.weight.copy_(shared_out(other.fine_classes.weight, fine))
        self.fine_classes.bias.copy_(other.fine_classes.bias)  # type: ignore[union-attr, arg-type]
        self.coarse_classes.weight.copy_(shared_out(other.coarse_classes.weight, coarse))
        self.label_count.copy_(other.label_count)

    def read(self, frames: Float[Tensor, "B 3 H W"]) -> Reading:
        levels = self._levels(frames)
        out = self.unet.draw(levels[0], frames).float()
        return Reading(out[:, 0] + LOG_DEPTH, out[:, 1], out[:, 2:5], out[:, 5:7], out[:, 7], levels)

    def _levels(self, frames: Float[Tensor, "B 3 H W"]) -> list[Tensor]:
        return self.unet.features(torch.cat([frames * 2 - 1, places(frames)], 1))

    def classify(self, levels: list[Tensor], phase: tuple[int, int] | None = None) -> Float[Tensor, "B C h w"]:
        """Logits of the classes of all places; or of every other place down and across, from `phase` (each 0 or 1) on."""
        fine, coarse = levels[0], self.coarse_classes(levels[1])
        if phase is None:
            return (self.fine_classes(fine) + F.interpolate(coarse, scale_factor=2.0, mode="nearest")).float()
        return (self.fine_classes(fine[..., phase[0] :: 2, phase[1] :: 2]) + coarse).float()

    def chances(self, frames: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B C h w"]:
        """How likely each place shows each class; without the padding."""
        logits = self.classify(self._levels(frames))
        height, width = (-(-side // self.unet.patch) for side in frames.shape[2:])
        return logits[..., :height, :width].softmax(1)

    def forward(self, frames: Float[Tensor, "B 3 H W"]) -> Percept:
        """What is read of a frame and of its mirror image, both together: less wrong than one (docs/experiments.md)."""
        read, other = self.read(frames), self.read(frames.flip(3))
        log_depth = (read.log_depth + other.log_depth.flip(2)) / 2
        sky = (read.sky + other.sky.flip(2)) / 2
        kinds = (read.kinds + other.kinds.flip(3)).argmax(1)
        right, forward = ((read.velocity + other.velocity.flip(3) * frames.new_tensor([-1, 1])[:, None, None]) / 2).unbind(1)
        pitches = torch.cat([read.pitch.flatten(1), other.pitch.flatten(1)], 1)
        columns = -(-frames.shape[3] // self.unet.patch)
        here, there = (self.classify(levels)[..., :columns] for levels in (read.levels, other.levels))
        return Percept(
            inverse_depth=torch.where(sky > SKY_SURE, SKY, torch.exp(-log_depth).clamp(SKY_FROM, 1 / NEAREST)),
            pushable=kinds == 1,
            being=kinds == 2,
            velocity=torch.stack([right, torch.zeros_like(right), forward], 1) * MOTION_UNIT,
            pitch=pitches.median(1).values * PITCH_UNIT,
            semantic=_by_pixel((here + there.flip(3)).argmax(1), self.unet.patch, frames),
        )


def perception_loss(
    model: DepthEstimator,
    frames: Float[Tensor, "B 3 H W"],
    inverse_depth: Float[Tensor, "B H W"],
    kinds: Int[Tensor, "B H W"],
    motion: Float[Tensor, "B H W 3"],
    pitch: Float[Tensor, " B"],
    semantic: UInt8[Tensor, "B H W"],
) -> dict[str, Tensor]:
    """Errors of depth and of its differences between neighbours, which keep edges where they are (gradient matching of
    MiDaS, Ranftl et al. 2020, arXiv:1907.01341), and of all else that is read. `UNLABELLED` pixels teach no class."""
    read = model.read(frames)
    sky = inverse_depth < SKY_FROM
    error = (read.log_depth + inverse_depth.clamp(min=1e-4).log()).masked_fill(sky, 0.0)
    before_sky = (~sky).sum().clamp(min=1)
    parts = {
        "depth": (error.abs() + _relative(error)).sum() / (2 * before_sky),
        "gradient": torch.stack([_gradient(error[:, ::step, ::step], sky[:, ::step, ::step]) for step in (1, 2, 4)]).sum(),
        "sky": F.binary_cross_entropy_with_logits(read.sky, sky.float()),
        "kinds": F.cross_entropy(read.kinds, kinds),
        "pitch": (read.pitch - pitch[:, None, None] / PITCH_UNIT).abs().mean(),
    }
    being = (kinds == 2).float()
    missed = (read.velocity.movedim(1, -1) - motion[..., 0::2] / MOTION_UNIT).abs().mean(-1)
    parts["velocity"] = (missed * being).sum() / being.sum().clamp(min=1)
    parts["classes"] = _class_loss(model, read.levels, semantic)
    weights = {"depth": 1.0, "gradient": 0.5, "sky": 0.5, "kinds": 0.5, "pitch": 0.5, "velocity": 0.05, "classes": 0.2}
    total = torch.stack([weight * parts[name] for name, weight in weights.items()]).sum()
    near = ~sky & (inverse_depth > BOUNDED)
    relative = (torch.expm1(error.detach()).abs() * near).sum() / near.sum().clamp(min=1)
    return {"total": total, "absrel": relative, **parts}


def _relative(error: Float[Tensor, "B H W"]) -> Float[Tensor, "B H W"]:
    """The relative error |estimate / truth - 1| of an error of log depth, straight on from where the estimate is e times too
    far. Where a frame leaves two depths possible, the nearer one is the lesser mistake: what is taken to be far is walked
    into."""
    steep = error.clamp(max=1.0)
    return torch.expm1(steep).abs() + math.e * (error - steep)


def _class_loss(model: DepthEstimator, levels: list[Tensor], semantic: UInt8[Tensor, "B H W"]) -> Tensor:
    """Cross-entropy of the classes, at a quarter of the places: of so many classes, logits cost as much as the network.
    Areas would drown what stands in them, so that things weigh more."""
    down, right = torch.randint(2, (2,)).tolist()
    patch = model.unet.patch
    logits = model.classify(levels, (down, right))
    labels = semantic[:, patch * down :: 2 * patch, patch * right :: 2 * patch].long()
    weight = logits.new_tensor([1.0 if name in AREAS else THINGS_WEIGH for name in model.classes])
    return F.cross_entropy(logits[..., : labels.shape[1], : labels.shape[2]], labels, weight, ignore_index=UNLABELLED)


def _by_pixel(grid: Int[Tensor, "B h w"], patch: int, like: Float[Tensor, "B 3 H W"]) -> Int[Tensor, "B H W"]:
    """The same for each pixel of a place, without the padding."""
    return grid.repeat_interleave(patch, 1).repeat_interleave(patch, 2)[:, : like.shape[2], : like.shape[3]]


def _gradient(error: Float[Tensor, "B H W"], sky: Bool[Tensor, "B H W"]) -> Tensor:
    """The mean difference between the errors of neighbours that both lie before the sky."""
    across = (error[:, :, 1:] - error[:, :, :-1]).abs() * ~(sky[:, :, 1:] | sky[:, :, :-1])
    down = (error[:, 1:] - error[:, :-1]).abs() * ~(sky[:, 1:] | sky[:, :-1])
    return across.mean() + down.mean()
