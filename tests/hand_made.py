"""A Minari dataset made by hand, which takes no world: pictures, depths, poses. Legend: T steps, H W image."""

import json

import gymnasium as gym
import numpy as np
from minari.serialization import serialize_space

from genie_gym.datasets.minari_format import MinariWriter, Trajectory, shard_name, write_shard
from genie_gym.datasets.minari_reader import MinariFolder

LENGTHS = (7, 5, 9)
ASKED: list[dict] = [{"prompt": "a meadow", "task": "reach_beacon"}, {"prompt": "a meadow"}, {}]
KEYS = ["noop", "left", "right", "up"]


def pictures(count: int, height: int, width: int) -> np.ndarray:
    """uint8 [T, H, W, 3]: waves that move."""
    y, x = np.mgrid[:height, :width] / 16
    frames = [np.stack([127 + 100 * np.sin(x + y * k + t / 3) for k in range(3)], -1) for t in range(count)]
    return np.stack(frames).astype(np.uint8)


def depths(rng: np.random.Generator, count: int, height: int, width: int) -> np.ndarray:
    """float32 [T, H, W]: floors, with a hole."""
    near = 0.5 + 30 * rng.random((count, 1, 1)) + np.linspace(0, 20, height)[:, None] + np.zeros(width)
    near[0, 0, 0] = np.inf
    return near.astype(np.float32)


def make_dataset(
    out, height: int = 48, width: int = 64, discrete: bool = True, space: gym.Space | None = None
) -> MinariFolder:
    """Three episodes: one reaches its goal, two have prompts, one ends and one runs out of time."""
    rng = np.random.default_rng(0)
    usual = gym.spaces.Dict(
        {
            "rgb": gym.spaces.Box(0, 255, (height, width, 3), np.uint8),
            "depth": gym.spaces.Box(0, np.inf, (height, width), np.float32),
            "pose": gym.spaces.Box(-np.inf, np.inf, (4, 4), np.float32),
        }
    )
    writer = MinariWriter(out, {"made": "by hand"})
    writer.begin()
    episodes = []
    for number, length in enumerate(LENGTHS):
        if space is None:
            seen = {
                "rgb": pictures(length + 1, height, width),
                "depth": depths(rng, length + 1, height, width),
                "pose": rng.normal(size=(length + 1, 4, 4)).astype(np.float32),
            }
        else:
            seen = np.stack([space.sample() for _ in range(length + 1)])
        actions = rng.integers(len(KEYS), size=length) if discrete else rng.uniform(-1, 1, (length, 3)).astype(np.float32)
        ends = np.zeros((2, length), bool)
        ends[number % 2, -1] = True
        about = [{"prompt": "a meadow", "task": "reach_beacon"}, {"prompt": "a meadow"}, {}][number] | {
            "reached": number == 0
        }
        rewards = rng.random(length)
        episodes.append(Trajectory(number, number, seen, actions, rewards, ends[0], ends[1], about=about))
    writer.note_shard(0, write_shard(writer.data / shard_name(0), episodes))
    action_space = gym.spaces.Discrete(len(KEYS)) if discrete else gym.spaces.Box(-1, 1, (3,), np.float32)
    metadata = {
        "data_format": "hdf5",
        "jpeg_encoding": False,
        "observation_space": serialize_space(usual if space is None else space),
        "action_space": serialize_space(action_space),
        "minari_version": "0.5.4",
        "env_spec": json.dumps({"id": "Walks-v0"}),
        "render_fps": 15.0,
    }
    writer.finish(metadata | ({"action_meanings": KEYS} if discrete else {}))
    writer.close()
    return MinariFolder(writer.folder)


def psnr(first: np.ndarray, second: np.ndarray) -> float:
    """dB, of pictures from 0 to 255."""
    return 10 * np.log10(255**2 / max(((first.astype(float) - second) ** 2).mean(), 1e-9))
