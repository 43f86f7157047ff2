"""From keys to motion: what a key comes to depends on how one moves already.

Learned from a few hundred labelled steps. What it learns is level (see `geometry.level`): where one looks changes nothing
about how one walks.

Legend: B rows, T poses of a walk, F = T - 1 steps, I inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as nnf
from jaxtyping import Float, Int
from torch import Tensor, nn

from genie_gym.geometry.level import pitch_of, to_level

SCALES = (10.0, 10.0, 10.0, 1.0, 1.0)
"""Of what the map sees of a row besides the key: the last walk (right, down, forward), the height above where
one last stood, in metres, and the pitch, in radians. They bring each to about 1."""
OUT_SCALES = (0.1, 0.1, 0.1, 0.08, 0.05)
"""Of what it says: right, down and forward in metres; to the right and upwards in radians."""
STANDS_STILL = 0.004  # metres up or down a step: less, twice, and one stands


@dataclass(frozen=True)
class KeyMapConfig:
    keys: tuple[str, ...] = ("noop",)
    """What each is called, as the recording says."""
    width: int = 64


class KeyMap(nn.Module):
    """Keys and motion so far to the next level motion."""

    label_count: Tensor

    def __init__(self, config: KeyMapConfig):
        super().__init__()
        self.count = len(config.keys)
        inputs = self.count + len(SCALES)
        self.linear = nn.Linear(inputs, len(OUT_SCALES))
        self.net = nn.Sequential(
            nn.Linear(inputs, config.width), nn.SiLU(), nn.Linear(config.width, config.width), nn.SiLU(),
            nn.Linear(config.width, len(OUT_SCALES)),
        )  # fmt: skip
        self.register_buffer("label_count", torch.zeros((), dtype=torch.int64))

    def forward(self, keys: Int[Tensor, " B"], state: Float[Tensor, "B I"]) -> Float[Tensor, "B 5"]:
        """The level motion (right, down, forward, yaw, pitch) that follows; `state` as `SCALES` says."""
        x = torch.cat([nnf.one_hot(keys, self.count).float(), state * state.new_tensor(SCALES)], 1)
        return (self.linear(x) + self.net(x)) * x.new_tensor(OUT_SCALES)


def stand(
    fallen: Float[Tensor, " B"], down: Float[Tensor, " B"], stood: Int[Tensor, " B"], floor: Float[Tensor, " B"]
) -> tuple[Int[Tensor, " B"], Float[Tensor, " B"]]:
    """For how many steps each row has neither risen nor fallen, and how far down it is where it last stood, after a step
    that went `fallen` metres down, to `down`."""
    stood = torch.where(fallen.abs() < STANDS_STILL, stood + 1, 0)
    return stood, torch.where(stood >= 2, down, floor)


def key_steps(poses: Float[Tensor, "T 4 4"], keys: Int[Tensor, " F"]) -> dict[str, Tensor]:
    """The labelled steps of one walk of level poses, from the second on: keys [n], state [n, I], motion [n, 5]."""
    motion = to_level(poses[:-1], poses[1:])
    down, stood, floor = poses[:, 1, 3], torch.full((1,), 2), poses[:1, 1, 3]
    heights = []
    for step in range(1, len(motion)):
        stood, floor = stand(motion[step - 1 : step, 1], down[step : step + 1], stood, floor)
        heights.append(floor - down[step])
    state = torch.cat([motion[:-1, :3], torch.stack([torch.cat(heights), pitch_of(poses[1:-1])], 1)], 1)
    return {"keys": keys[1:], "state": state, "motion": motion[1:]}


def some_steps(tables: Sequence[dict[str, Tensor]], count: int, rng: np.random.Generator) -> dict[str, Tensor]:
    """`count` steps drawn from those of several walks, or all of them where there are fewer."""
    whole = {name: torch.cat([table[name] for table in tables]) for name in tables[0]}
    chosen = torch.from_numpy(rng.permutation(len(whole["keys"]))[:count])
    return {name: values[chosen] for name, values in whole.items()}
