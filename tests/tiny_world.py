"""A second implementation of the contract, as unlike Genie 1 as it can be: continuous actions, a keyboard, depth, a pose, an
event, prompts, and neither networks nor tokens. Legend: B rows, H W image."""

from __future__ import annotations

from dataclasses import dataclass

import gymnasium as gym
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from town_words import TOWN

from genie_gym.actions import ContinuousActions, DiscreteActions
from genie_gym.models.row_random import uniform
from genie_gym.text.spec import WeatherChange
from genie_gym.world import Prediction, Provenance, Start, World, WorldState

SIZE, STEP, RADIUS = 48, 4.0, 4
BRIGHTNESS = {"sunny": 250.0, "rainy": 150.0, "snowy": 200.0, "foggy": 100.0}


@dataclass(kw_only=True)
class TinyState(WorldState):
    place: Float[Tensor, "B 2"]
    brightness: Float[Tensor, " B"]


class TinyWorld(World):
    """A square that the first two numbers of an action move (across, down); the third is the reward. It ends by chance. The
    keyboard moves it too; the key "home" leads to the middle, wherever it is. The pose is the square's."""

    family = "tiny"
    actions = ContinuousActions(3)
    frame_shape = (SIZE, SIZE, 3)
    fps = 10.0
    extras = {
        "depth": gym.spaces.Box(0, 100, (SIZE, SIZE), np.float32),
        "pose": gym.spaces.Box(-np.inf, np.inf, (4, 4), np.float32),
    }
    keys = DiscreteActions(4)
    key_names = ("noop", "right", "down", "home")
    vocabulary = TOWN
    events = (WeatherChange,)
    provenance = Provenance({"kind": "test"})

    def reset(self, seed, start=None):
        start = start or Start()
        self.check_start(start, len(seed))
        position = torch.zeros_like(seed)
        own = start.frames is None and not len(self.starts)
        place = SIZE * (0.25 + 0.5 * uniform(seed, position, 1, 2)) if own else centre(self.starts.first_frames(seed, start))
        weather = ["sunny" if prompt is None else prompt.spec.weather for prompt in start.prompts or [None] * len(seed)]
        brightness = torch.tensor([BRIGHTNESS[name] for name in weather])
        return self._show(seed, position, place, brightness)

    def step(self, state, actions):
        position = state.position + 1
        place = (state.place + STEP * actions[:, :2]).clamp(0, SIZE - 1)
        following = self._show(state.seed, position, place, state.brightness)
        terminated = uniform(state.seed, position, 1, 1)[:, 0] < 0.05
        return following, Prediction(
            frames=following.frames, rewards=actions[:, 2], terminated=terminated, extras=following.extras
        )

    def key_actions(self, state, keys):
        moves = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])[keys]
        home = ((SIZE / 2 - state.place) / STEP).clamp(-1, 1)
        moves = torch.where((keys == 3)[:, None], home, moves)
        return torch.cat([moves, torch.zeros_like(moves[:, :1])], 1)

    def apply_events(self, state, events):
        came = torch.tensor([BRIGHTNESS[event.weather] if event else torch.nan for event in events])
        brightness = torch.where(came.isnan(), state.brightness, came)
        return self._show(state.seed, state.position, state.place, brightness)

    def infer_actions(self, frames):
        places = torch.stack([centre(frames[:, t]) for t in range(frames.shape[1])], 1)
        moved = places.diff(dim=1).clamp(-STEP, STEP) / STEP
        return torch.cat([moved, torch.zeros_like(moved[..., :1])], -1)

    def _show(self, seed: Tensor, position: Tensor, place: Tensor, brightness: Tensor) -> TinyState:
        cells = torch.arange(SIZE) + 0.5
        near = (cells - place[..., None]).abs() < RADIUS  # [B, 2, cells]
        inside = near[:, 0, None, :] & near[:, 1, :, None]
        frames = (inside * brightness[:, None, None])[..., None].expand(-1, -1, -1, 3).to(torch.uint8)
        pose = torch.eye(4).repeat(len(place), 1, 1)
        pose[:, :2, 3] = place
        extras = {"depth": torch.where(inside, 1.0, 10.0), "pose": pose}
        return TinyState(frames=frames, extras=extras, position=position, seed=seed, place=place, brightness=brightness)


def centre(frames: Tensor) -> Tensor:
    """Where the square is: [B, 2], across and down."""
    lit = (frames[..., 0] > 50).float()
    cells = torch.arange(frames.shape[-2]) + 0.5
    total = lit.sum((1, 2)).clamp(min=1)
    return torch.stack([(lit.sum(1) * cells).sum(1) / total, (lit.sum(2) * cells).sum(1) / total], 1)
