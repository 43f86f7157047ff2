"""Who plays: where one stands and looks, and what a motion comes to under gravity and friction, among things.

The world is as in recordings: x east, y north, z up, in metres; headings counter-clockwise from east, in radians.

Legend: B rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from genie_gym.genie3.config import Genie3Config
from genie_gym.geometry.pose import invert, motion_to_pose, pose_to_motion
from genie_gym.models.motion.stride import slid
from genie_gym.places import collision
from genie_gym.places.ground import Ground
from genie_gym.places.library import AssetLibrary
from genie_gym.places.table import Things
from genie_gym.state import State

REST = 1e-3  # metres and radians a step: less is no motion at all


@dataclass(kw_only=True)
class Walker(State):
    """`feet` (x, y, z), `yaw`, `pitch` (above 0 looks up), `velocity` (metres a second, x, y, z); `stands` is false in the
    air."""

    feet: Float[Tensor, "B 3"]
    yaw: Float[Tensor, " B"]
    pitch: Float[Tensor, " B"]
    velocity: Float[Tensor, "B 3"]
    stands: Bool[Tensor, " B"]

    @classmethod
    def at(cls, feet: Float[Tensor, "B 3"], yaw: Float[Tensor, " B"]) -> Walker:
        """At rest, looking straight ahead."""
        return cls(
            feet=feet, yaw=yaw, pitch=torch.zeros_like(yaw), velocity=torch.zeros_like(feet),
            stands=torch.ones_like(yaw, dtype=torch.bool),
        )  # fmt: skip

    def pose(self, eye: float) -> Float[Tensor, "B 4 4"]:
        """Of the camera: camera to world, x right, y down, z forward."""
        return camera_pose(self.feet + self.feet.new_tensor([0.0, 0.0, eye]), self.yaw, self.pitch)


@dataclass(frozen=True, eq=False)
class Wanted:
    """What a motion asks for: a walk (x, y) and a rise in metres, and where one looks then."""

    walk: Float[Tensor, "B 2"]
    rise: Float[Tensor, " B"]
    yaw: Float[Tensor, " B"]
    pitch: Float[Tensor, " B"]


def camera_pose(eye: Float[Tensor, "B 3"], yaw: Float[Tensor, " B"], pitch: Float[Tensor, " B"]) -> Float[Tensor, "B 4 4"]:
    """Of a camera that does not roll."""
    (sin, cos), (up, level), none = (yaw.sin(), yaw.cos()), (pitch.sin(), pitch.cos()), torch.zeros_like(yaw)
    right = torch.stack([sin, -cos, none], -1)
    forward = torch.stack([cos * level, sin * level, up], -1)
    down = torch.stack([cos * up, sin * up, -level], -1)
    pose = torch.zeros(len(yaw), 4, 4, device=yaw.device)
    pose[:, :3, 0], pose[:, :3, 1], pose[:, :3, 2], pose[:, :3, 3], pose[:, 3, 3] = right, down, forward, eye, 1.0
    return pose


def wanted(walker: Walker, motion: Float[Tensor, "B 6"], config: Genie3Config) -> Wanted:
    """What a camera's motion (`geometry.pose`) asks for. A camera does not roll."""
    motion = torch.where(motion.abs().amax(1, keepdim=True) < REST, 0.0, motion)
    before = walker.pose(config.eye)
    after = before @ motion_to_pose(motion)
    gone, ahead = after[:, :3, 3] - before[:, :3, 3], after[:, :3, 2]
    turns = motion[:, 3:].abs().amax(1) > 0
    exact = ahead.double()  # else these are rounded as the number of rows has it
    yaw = torch.where(turns, torch.atan2(exact[:, 1], exact[:, 0]).float(), walker.yaw)
    pitch = torch.where(turns, torch.asin(exact[:, 2].clamp(-1, 1)).float(), walker.pitch)
    return Wanted(gone[:, :2], gone[:, 2], yaw, pitch.clamp(-config.pitch, config.pitch))


def gripping(
    walker: Walker, level: Float[Tensor, "B 5"], grip: Float[Tensor, " B"], config: Genie3Config
) -> Float[Tensor, "B 5"]:
    """What comes of asking for a level motion (`geometry.level`): a walk changes by no more than feet grip.

    Args:
        grip: metres a step by which a walk may change.
    """
    sin, cos = walker.yaw.sin(), walker.yaw.cos()
    x, y = (walker.velocity[:, :2] / config.fps).unbind(1)
    now = torch.stack([sin * x - cos * y, cos * x + sin * y], 1)
    right, forward = slid(now, level[:, 0:3:2], grip).unbind(1)
    return torch.stack([right, level[:, 1], forward, level[:, 3], level[:, 4]], 1)


def motion_of(walker: Walker, level: Float[Tensor, "B 5"], config: Genie3Config) -> Float[Tensor, "B 6"]:
    """The camera's motion that is this level motion (right, down, forward, yaw to the right, pitch; `geometry.level`)."""
    sin, cos = walker.yaw.sin(), walker.yaw.cos()
    right, down, forward, turn, look = level.unbind(1)
    walk = torch.stack([cos * forward + sin * right, sin * forward - cos * right, -down], 1)
    before = walker.pose(config.eye)
    pitch = (walker.pitch + look).clamp(-config.pitch, config.pitch)
    after = camera_pose(before[:, :3, 3] + walk, walker.yaw - turn, pitch)
    return pose_to_motion(invert(before) @ after)


def go(
    walker: Walker,
    asked: Wanted,
    things: Things,
    ground: Ground,
    library: AssetLibrary,
    gravity: Float[Tensor, " B"],
    config: Genie3Config,
) -> Walker:
    """Where one is a step later. Walls stop a walk, things that can be pushed give way (in `things`, in place), the floor
    carries, and who jumps falls again.

    Args:
        gravity: m/s².
    """
    dt = 1 / config.fps
    jumps = walker.stands & (asked.rise > config.jump)
    falls = walker.velocity[:, 2] * dt - gravity * dt**2 / 2
    rise = torch.where(jumps, asked.rise, torch.where(walker.stands, 0.0, falls))
    there, _ = collision.move(things, ground, library, walker.feet, asked.walk, config.body)
    across = there[:, :2] - walker.feet[:, :2]
    height = walker.feet[:, 2] + rise
    reach = torch.cat([there[:, :2], torch.maximum(height, walker.feet[:, 2])[:, None]], 1)
    floor = collision.floor(things, ground, library, reach, config.body)
    lands = torch.where(walker.stands & ~jumps, height - floor <= config.body.step, height <= floor) & ~jumps
    up = torch.where(
        jumps, asked.rise / dt - gravity * dt / 2, torch.where(walker.stands, 0.0, walker.velocity[:, 2] - gravity * dt)
    )
    return Walker(
        feet=torch.cat([there[:, :2], torch.where(lands, floor, height)[:, None]], 1),
        yaw=asked.yaw,
        pitch=asked.pitch,
        velocity=torch.cat([across / dt, torch.where(lands, 0.0, up)[:, None]], 1),
        stands=lands,
    )
