"""Small worlds and videos that every test can use. Nothing here trains."""

import functools
import os

from genie_gym.world import StartPool

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import gymnasium as gym
import hypothesis
import jaxtyping
import numpy as np
import pytest
import torch
from tiny_world import TinyWorld

import genie_gym
from genie_gym.datasets.video import Episode, VideoWriter
from genie_gym.evaluation import told_apart
from genie_gym.evaluation.told_apart import ToldApartConfig
from genie_gym.families import FAMILIES
from genie_gym.genie1.config import PRESETS
from genie_gym.genie1.heads import Outcome
from genie_gym.genie1.world import Genie1World
from genie_gym.pretrained import save_world

hypothesis.settings.register_profile("untimed", deadline=None)  # machines are busy: what is slow is not wrong
hypothesis.settings.load_profile("untimed")


def moving_squares(rng: np.random.Generator, steps: int, size: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """A square that each action (0 left, 1 right, 2 up, 3 down) moves by four pixels: frames [T, H, W, 3], actions [T-1]."""
    actions = rng.integers(4, size=steps - 1)
    place = np.array([size // 2, size // 2])
    frames = np.full((steps, size, size, 3), 40, np.uint8)
    for t in range(steps):
        if t:
            place = (place + [(0, -4), (0, 4), (-4, 0), (4, 0)][actions[t - 1]]) % (size - 8)
        frames[t, place[0] : place[0] + 8, place[1] : place[1] + 8] = (250, 200, 30)
    return frames, actions


@pytest.fixture(autouse=True)
def quick_judge(monkeypatch):
    """The network that tells composed views from real ones learns for a moment only, where a test does not say for how
    long."""
    monkeypatch.setattr(told_apart, "ToldApartConfig", functools.partial(ToldApartConfig, steps=4))


@pytest.fixture
def as_users_call():
    """Without the type checks that tests add: bad input must be met by the code itself."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture(scope="session")
def video_path(tmp_path_factory: pytest.TempPathFactory):
    """A video file of 12 episodes of 12 to 24 frames, 64x64, with labels; a third of them end with reward 1."""
    path = tmp_path_factory.mktemp("video") / "squares.h5"
    rng = np.random.default_rng(0)
    with VideoWriter(path, 64, 64, 15.0, {"kind": "test"}) as writer:
        for k in range(12):
            frames, actions = moving_squares(rng, 12 + k)
            ends = np.zeros(len(actions), bool)
            ends[-1] = True
            rewards = (ends & (k % 3 == 0)).astype(np.float32)
            writer.append(Episode(frames, actions, rewards, ends, "random"))
    return path


def make_debug_world(seed: int = 0) -> Genie1World:
    torch.manual_seed(seed)
    world = Genie1World(PRESETS["debug"].world)
    world.set_outcomes((Outcome(0.0, False), Outcome(1.0, True)))
    # Fresh dynamics copies nothing and moves nothing: random output weights make actions and history matter.
    for mix in (world.tokenizer.encoder.mix, world.tokenizer.decoder.mix):
        torch.nn.init.normal_(mix.taps, std=0.3)
    for block in world.dynamics.blocks:
        torch.nn.init.normal_(block.attention.out.weight, std=0.3)
        torch.nn.init.normal_(block.contract.weight, std=0.3)
    torch.nn.init.normal_(world.dynamics.head.weight, std=0.5)
    torch.nn.init.normal_(world.dynamics.action_in.weight, std=1.0)
    torch.nn.init.normal_(world.dynamics.no_action)
    torch.nn.init.constant_(world.outcome_head.net[-1].bias, 0.0)
    world.outcome_head.net[-1].bias.data[0] = 3.0
    rng = np.random.default_rng(seed)
    world.starts = StartPool(np.stack([moving_squares(rng, 2 + k)[0][-1] for k in range(5)]))
    return world.eval()


@pytest.fixture(scope="session")
def debug_world() -> Genie1World:
    return make_debug_world()


@pytest.fixture(scope="module")
def tiny_folder(tmp_path_factory):
    """The tiny world as a folder, registered, behind `Tiny-v0`."""
    path = tmp_path_factory.mktemp("worlds") / "tiny"
    genie_gym.register_family("tiny", "tiny_world:TinyWorld")
    genie_gym.register_world("Tiny-v0", str(path), max_episode_steps=40)
    save_world(TinyWorld(), path)
    yield path
    del FAMILIES["tiny"], gym.registry["Tiny-v0"]


@pytest.fixture(scope="session")
def world_folder(debug_world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("worlds") / "debug"
    save_world(debug_world, folder)
    return folder
