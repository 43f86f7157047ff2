"""The world's level axes: which way is down, which way a camera heads, and motions as one who walks thinks of them.

World coordinates are level: x right and z forward of the first camera, y down. A camera does not roll.

A level motion is (right, down, forward, yaw, pitch): metres along the level axes of the heading, radians to the right, and
radians upwards.

Legend: B cameras.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from genie_gym.geometry.pose import invert, pose_to_motion, rotation_matrix

# The simulators' worlds have z up; ours is level with y down.
TO_LEVEL = np.array([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], np.float32)


def pitch_of(pose: Float[Tensor, "B 4 4"]) -> Float[Tensor, " B"]:
    """How far a camera looks up, in radians."""
    return torch.asin((-pose[:, 1, 2]).clamp(-1, 1))


def heading_of(pose: Float[Tensor, "B 4 4"]) -> Float[Tensor, " B"]:
    """How far a camera is turned to the right, in radians."""
    return torch.atan2(pose[:, 0, 2], pose[:, 2, 2])


def level_pose(
    heading: Float[Tensor, " B"], pitch: Float[Tensor, " B"], place: Float[Tensor, "B 3"]
) -> Float[Tensor, "B 4 4"]:
    """The pose of a camera at `place`."""
    zero = torch.zeros_like(heading)
    turn = rotation_matrix(torch.stack([zero, heading, zero], -1))
    tilt = rotation_matrix(torch.stack([pitch, zero, zero], -1))
    pose = torch.eye(4, device=place.device).repeat(len(place), 1, 1)
    pose[:, :3, :3], pose[:, :3, 3] = turn @ tilt, place
    return pose


def to_level(before: Float[Tensor, "B 4 4"], after: Float[Tensor, "B 4 4"]) -> Float[Tensor, "B 5"]:
    """The level motion between two poses."""
    heading = heading_of(before)
    turn = heading_of(after) - heading
    turn = torch.atan2(turn.sin(), turn.cos())
    walk = turn_by(-heading, after[:, :3, 3] - before[:, :3, 3])
    return torch.cat([walk, torch.stack([turn, pitch_of(after) - pitch_of(before)], -1)], -1)


def from_level(pose: Float[Tensor, "B 4 4"], motion: Float[Tensor, "B 5"]) -> Float[Tensor, "B 6"]:
    """The camera's motion (see `geometry.pose`) that is this level motion from `pose`."""
    heading = heading_of(pose)
    place = pose[:, :3, 3] + turn_by(heading, motion[:, :3])
    after = level_pose(heading + motion[:, 3], pitch_of(pose) + motion[:, 4], place)
    return pose_to_motion(invert(pose) @ after)


def turn_by(heading: Float[Tensor, " B"], vector: Float[Tensor, "B 3"]) -> Float[Tensor, "B 3"]:
    """A vector of someone who heads straight on, as one of someone so turned to the right."""
    sine, cosine = heading.sin(), heading.cos()
    x, y, z = vector.unbind(-1)
    return torch.stack([cosine * x + sine * z, y, cosine * z - sine * x], -1)
