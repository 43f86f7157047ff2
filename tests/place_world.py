"""A room with a pillar, drawn exactly from anywhere; a world that is this room; and video of walks in it.

Legend: B rows, N pixels, T frames, H W image.
"""

from __future__ import annotations

from dataclasses import dataclass

import gymnasium as gym
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from genie_gym.actions import ContinuousActions, DiscreteActions
from genie_gym.datasets.video import Episode, VideoDataset, VideoWriter
from genie_gym.geometry.camera import Camera
from genie_gym.geometry.pose import invert, motion_to_pose, pose_to_motion
from genie_gym.world import Prediction, Provenance, World, WorldState

CAMERA = Camera.with_field_of_view(36, 64, 60.0)
ROOM = torch.tensor([[-6.0, -3.0, -6.0], [6.0, 1.6, 10.0]])  # y is down: the floor is 1.6 m below the eye
PILLAR = torch.tensor([[-0.7, -3.0, 4.0], [0.7, 1.6, 5.4]])
REACH = 0.2  # metres, and radians, of an action's end
MARGIN = 0.5  # metres that walls keep one away by
# What each key does, numbered as Town's are: forward, sideways, turned to the right.
KEYS = {"noop": (0, 0, 0), "forward": (0.125, 0, 0), "back": (-0.08, 0, 0), "turn left": (0, 0, -5), "turn right": (0, 0, 5),
        "strafe left": (0, -0.1, 0), "strafe right": (0, 0.1, 0)}  # fmt: skip


def draw(pose: Float[Tensor, "B 4 4"]) -> tuple[Tensor, Tensor]:
    """Frames uint8 [B, H, W, 3], depths [B, H, W]."""
    rays = pose[:, :3, :3] @ CAMERA.rays(pose.device)  # [B, 3, N]
    eye = pose[:, :3, 3:]
    safe = torch.where(rays.abs() < 1e-6, 1e-6, rays)
    leave = ((ROOM[:, None, :, None] - eye) / safe).amax(0).amin(1)  # [B, N], along the ray
    sides = (PILLAR[:, None, :, None] - eye) / safe
    enter, out = sides.amin(0).amax(1), sides.amax(0).amin(1)
    depth = torch.where((enter < out) & (enter > 0), enter, leave)
    x, y, z = (eye + rays * depth[:, None]).unbind(1)
    colour = torch.stack([(2.1 * x + y).sin() * (1.3 * z).cos(), (1.7 * y - z).sin() * x.cos(), (x + 2.3 * z).sin()], -1)
    size = (len(pose), CAMERA.height, CAMERA.width)
    return (128 + 100 * colour).to(torch.uint8).reshape(*size, 3), depth.reshape(size)


def key_motion(keys: Tensor) -> Float[Tensor, "B 6"]:
    forward, aside, turn = torch.tensor(list(KEYS.values()))[keys].unbind(-1)
    none = torch.zeros_like(forward)
    return torch.stack([aside, none, forward, none, torch.deg2rad(turn), none], -1)


@dataclass(kw_only=True)
class PlaceState(WorldState):
    place: Float[Tensor, "B 4 4"]
    """The camera in the room."""
    first: Float[Tensor, "B 4 4"]


class PlaceWorld(World):
    """Knows the room, and each real frame's place in it."""

    family = "place"
    actions = ContinuousActions(6)
    frame_shape = (CAMERA.height, CAMERA.width, 3)
    fps = 24.0
    extras = {
        "depth": gym.spaces.Box(0, 900, (CAMERA.height, CAMERA.width), np.float32),
        "pose": gym.spaces.Box(-np.inf, np.inf, (4, 4), np.float32),
    }
    provenance = Provenance({"kind": "test"})
    camera = CAMERA
    keys = DiscreteActions(len(KEYS))
    key_names = tuple(KEYS)
    solid = True

    def __init__(self) -> None:
        self.places: dict[bytes, Tensor] = {}

    def learn(self, frames: np.ndarray, poses: Tensor) -> None:
        self.places |= {frame.tobytes(): pose for frame, pose in zip(frames, poses, strict=True)}

    def find(self, frames: Tensor) -> Float[Tensor, "B 4 4"]:
        return torch.stack([self.places[frame.numpy().tobytes()] for frame in frames])

    def show(self, place: Tensor) -> tuple[Tensor, Tensor]:
        return draw(place)

    def reset(self, seed, start=None):
        place = self.find(start.frames)
        return self._state(place, place, torch.zeros_like(seed), seed)

    def step(self, state, actions):
        place = state.place @ motion_to_pose(actions * REACH)
        if self.solid:
            at = place[:, :3, 3]
            at = at.clamp(ROOM[0] + MARGIN, ROOM[1] - torch.tensor([MARGIN, 0, MARGIN]))
            place = torch.cat([torch.cat([place[:, :3, :3], at[..., None]], -1), place[:, 3:]], 1)
        following = self._state(place, state.first, state.position + 1, state.seed)
        self.learn(following.frames.numpy(), place)  # what it shows can be read, too
        none = torch.zeros(len(actions))
        return following, Prediction(frames=following.frames, rewards=none, terminated=none.bool(), extras=following.extras)

    def infer_actions(self, frames):
        places = self.find(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
        return pose_to_motion(invert(places[:, :-1]) @ places[:, 1:]) / REACH

    def key_actions(self, state, keys):
        return key_motion(keys) / REACH

    def without_memory(self):
        return self

    def _state(self, place: Tensor, first: Tensor, position: Tensor, seed: Tensor) -> PlaceState:
        frames, depth = self.show(place)
        extras = {"depth": depth, "pose": invert(first) @ place}
        return PlaceState(frames=frames, extras=extras, position=position, seed=seed, place=place, first=first)


def at(x: float, z: float, degrees: float) -> Float[Tensor, "4 4"]:
    """A place in the room, and where one looks."""
    turn = torch.tensor([0, 0, 0, 0, np.radians(degrees), 0], dtype=torch.float32)
    pose = motion_to_pose(turn)
    pose[0, 3], pose[2, 3] = x, z
    return pose


def walk(start: Float[Tensor, "4 4"], keys: np.ndarray) -> Float[Tensor, "T 4 4"]:
    """Where the keys lead in the room."""
    poses = [start]
    for motion in motion_to_pose(key_motion(torch.from_numpy(keys))):
        poses.append(poses[-1] @ motion)
    return torch.stack(poses)


def room_video(path, world: PlaceWorld, episodes: int = 3, steps: int = 60, seed: int = 0) -> VideoDataset:
    """Walks with ground truth, which the world learns by heart."""
    rng = np.random.default_rng(seed)
    with VideoWriter(path, CAMERA.height, CAMERA.width, 24.0, {"kind": "test"}) as writer:
        for _ in range(episodes):
            keys = rng.choice([0, 1, 3, 4, 5, 6], size=(steps + 5) // 6, p=[0.1, 0.3, 0.3, 0.1, 0.1, 0.1]).repeat(6)[:steps]
            poses = walk(at(float(rng.uniform(-1, 1)), -3.0, float(rng.uniform(-40, 40))), keys)
            frames, depth = draw(poses)
            world.learn(frames.numpy(), poses)
            truth = {"depth": depth.numpy().astype(np.float16), "pose": poses.numpy()}
            ends = np.zeros(steps, bool)
            writer.append(Episode(frames.numpy(), keys, np.zeros(steps, np.float32), ends, "walk", truth))
    return VideoDataset(path)
