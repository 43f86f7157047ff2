"""A square room with chequered walls, floor and ceiling, drawn by casting rays: a place whose depth is known exactly."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from town_words import TOWN

from genie_gym.datasets.video import Episode, VideoWriter
from genie_gym.genie2.config import PRESETS
from genie_gym.geometry.camera import Camera
from genie_gym.geometry.goals import Goal
from genie_gym.geometry.level import TO_LEVEL, level_pose
from genie_gym.geometry.percept import Percept
from genie_gym.models.motion.keys import KeyMapConfig

CAMERA = Camera.with_field_of_view(90, 160, 60.0)
CLASSES = ("sky", "ground", "water", "boundary", "building", "agent", "crate", "beacon")
KEYS = ("noop", "forward", "back", "turn left", "turn right", "strafe left", "strafe right", "jump", "look up", "look down",
        "interact")  # fmt: skip
GOALS = (Goal("reach_beacon", "beacon", 1.5), Goal("find:well", "well", 3.0, 0.5))
SOURCE = {
    "kind": "test",
    "action_meanings": KEYS,
    "classes": CLASSES,
    "vocabulary": TOWN.to_dict(),
    "goals": [asdict(goal) for goal in GOALS],
}
SPEC = {"scene": "indoor_rooms", "weather": "sunny", "hour": 12.0}
BEACON, PINK = (0.0, 0.0), (255, 90, 220)  # right and forward; its colour
SMALL = replace(PRESETS["debug"].world, keys=KeyMapConfig(KEYS))
HALF, EYE, CEILING = 3.0, 1.6, 1.4  # metres: to each wall, to the floor, to the ceiling


def draw(pose: np.ndarray, camera: Camera = CAMERA) -> tuple[np.ndarray, np.ndarray]:
    """Frame uint8 [H, W, 3] and depth [H, W] from a level pose (x right, y down, z forward)."""
    rays = pose[:3, :3] @ camera.rays(torch.device("cpu")).numpy().astype(np.float64)  # [3, H·W]
    low, high = np.array([-HALF, -CEILING, -HALF]), np.array([HALF, EYE, HALF])
    bound = np.where(rays > 0, high[:, None], low[:, None]) - pose[:3, 3:]
    depth = np.where(np.abs(rays) > 1e-9, bound / np.where(rays == 0, 1, rays), np.inf)
    hit = depth.argmin(0)
    depth = depth.min(0)
    place = pose[:3, 3:] + rays * depth
    checks = np.floor(place * 1.5 + 1e-6).astype(int).sum(0) % 2
    tone = np.array([[200, 90, 60], [70, 150, 90], [80, 100, 190]])[hit]
    frame = (tone * (0.55 + 0.45 * checks[:, None])).astype(np.uint8)
    size = (camera.height, camera.width)
    return frame.reshape(*size, 3), depth.reshape(size)


def pose_at(x: float, z: float, heading: float = 0.0, pitch: float = 0.0) -> np.ndarray:
    place = torch.tensor([[x, 0.0, z]])
    return level_pose(torch.tensor([heading]), torch.tensor([pitch]), place)[0].numpy().astype(np.float64)


def with_beacon(frame: np.ndarray, depth: np.ndarray, pose: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same with a beacon at `BEACON`; and which pixels show it."""
    right, _, ahead = pose[:3, :3].T @ (np.array([BEACON[0], 0.0, BEACON[1]]) - pose[:3, 3])
    columns = CAMERA.focal * right / max(ahead, 0.1) + CAMERA.width / 2 - 0.5 - np.arange(CAMERA.width)
    shows = np.broadcast_to((ahead > 0.1) & (np.abs(columns) < CAMERA.focal * 0.3 / max(ahead, 0.1)), depth.shape)
    return np.where(shows[..., None], PINK, frame).astype(np.uint8), np.where(shows, ahead, depth), shows


def walk(rng: np.random.Generator, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Poses [T, 4, 4] and keys [T-1]: turning by 5 degrees, or going 12 cm, where there is room."""
    x, z, heading = *rng.uniform(-1.5, 1.5, 2), rng.uniform(-3, 3)
    poses, keys, key = [pose_at(x, z, heading)], [], 1
    for _ in range(steps - 1):
        key = int(rng.choice([1, 3, 4])) if rng.random() < 0.2 else key
        if key == 1:
            there = x + 0.12 * np.sin(heading), z + 0.12 * np.cos(heading)
            x, z = there if max(map(abs, there)) < HALF - 0.5 else (x, z)
        heading += {3: -np.radians(5), 4: np.radians(5)}.get(key, 0.0)
        poses.append(pose_at(x, z, heading))
        keys.append(key)
    return np.stack(poses), np.array(keys)


def record(
    path: Path,
    episodes: int = 3,
    steps: int = 24,
    behaviour: str = "walk",
    events: Sequence[tuple[int, str]] = (),
    source: Mapping[str, Any] = SOURCE,
    vectors: bool = False,
    beacon: bool = False,
) -> Path:
    """A recording of walks, with the ground truth that Genie 2 learns from; its world has z up, as the simulator's. `events`
    (step, JSON) are said to happen in each; with `vectors`, actions are three numbers; with `beacon`, one stands in the
    middle."""
    rng = np.random.default_rng(0)
    with VideoWriter(path, CAMERA.height, CAMERA.width, 24.0, dict(source)) as writer:
        for _ in range(episodes):
            poses, keys = walk(rng, steps)
            frames, depths = zip(*(draw(pose) for pose in poses), strict=True)
            instance, graph = np.zeros((steps, CAMERA.height, CAMERA.width), np.int16), []
            if beacon:
                drawn = [with_beacon(*seen) for seen in zip(frames, depths, poses, strict=True)]
                frames, depths, shows = zip(*drawn, strict=True)
                instance[np.stack(shows)] = 5
                centre = TO_LEVEL[:3, :3].T @ [BEACON[0], 0.0, BEACON[1]]
                fixed = {"rotation": [1, 0, 0, 0], "behaviour": None}
                graph = [{"id": 5, "class": "beacon", "centre": centre.tolist(), **fixed}]
            truth = {
                "depth": np.stack(depths).astype(np.float16),
                "pose": (TO_LEVEL.T @ poses).astype(np.float32),
                "instance": instance,
                "entities": np.zeros((steps, 0, 8), np.float32),
            }
            intrinsics = [[CAMERA.focal, 0, 80], [0, CAMERA.focal, 45], [0, 0, 1]]
            none = np.zeros(steps - 1)
            writer.append(
                Episode(
                    np.stack(frames),
                    np.zeros((steps - 1, 3), np.float32) if vectors else keys,
                    none.astype(np.float32),
                    none.astype(bool),
                    behaviour,
                    truth,
                    {
                        "intrinsics": intrinsics,
                        "scene_graph": graph,
                        "instance_classes": [1, 255, 255, 255, 255, 7, 0],
                        "events": list(events),
                        "spec": SPEC,
                    },
                )
            )
    return path


class KnowsTheRoom(nn.Module):
    """Perception that is right about one view of the room."""

    def __init__(self, pose: np.ndarray):
        super().__init__()
        self.inverse_depth = nn.Parameter(torch.from_numpy(1 / draw(pose)[1]).float(), requires_grad=False)

    def chances(self, frames: torch.Tensor) -> torch.Tensor:
        """Nothing shows any class."""
        return torch.zeros(len(frames), len(SOURCE["classes"]), CAMERA.height // 2, CAMERA.width // 2)

    def forward(self, frames: torch.Tensor) -> Percept:
        rows = len(frames)
        nothing = torch.zeros(rows, CAMERA.height, CAMERA.width, dtype=torch.bool)
        inverse_depth = self.inverse_depth.expand(rows, -1, -1)
        velocity = torch.zeros(rows, 3, CAMERA.height, CAMERA.width)
        return Percept(inverse_depth.clone(), nothing, nothing, velocity, torch.zeros(rows), nothing.long())
