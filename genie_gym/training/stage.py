"""What is trained at a time: a stage draws batches and computes a loss; most train some networks of a world. Some are
computed in one go instead.

Legend: B clips, T time, H W image.
"""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from genie_gym.datasets.video import VideoDataset
from genie_gym.models.tokenizer import ResidualBlock
from genie_gym.models.transformer import Block
from genie_gym.models.unet import UNet

Batch = dict[str, Tensor]
_RESIDENT: weakref.WeakKeyDictionary[VideoDataset, Tensor] = weakref.WeakKeyDictionary()


class Stage(nn.Module):
    """A part of a world in training. `forward(batch) -> (loss, {name: scalar tensor})`; `sample` draws a batch."""

    name: str

    def settle(self, device: torch.device) -> None:
        """Moves to where it is trained."""
        self.to(device)

    def sample(self, rng: np.random.Generator, batch_size: int) -> Batch:
        raise NotImplementedError

    def check(self) -> None:
        """Asks whether there is anything to learn from, before any stage is trained.

        Raises:
            GenieGymError: no batch can be drawn: episodes are too short, or lack something.
        """
        self.sample(np.random.default_rng(0), 2)

    def checkpoint(self) -> dict[str, Any]:
        """What a checkpoint holds of it: tensors in (nested) dicts."""
        raise NotImplementedError

    def restore(self, saved: dict[str, Any]) -> None:
        raise NotImplementedError

    def repeated_blocks(self) -> list[nn.Module]:
        """The blocks worth compiling: alike, so that one compilation serves all, and of one input shape."""
        return []

    def pieces(self) -> list[nn.Module]:
        """What is gathered at a time where parameters are shared out: large trained modules, of whose parameters nobody but
        their own `forward` makes use in training."""
        found: list[nn.Module] = [module for module in self.modules() if isinstance(module, Block | ResidualBlock)]
        for unet in (module for module in self.modules() if isinstance(module, UNet)):
            found += [m for m in unet.modules() if isinstance(m, nn.Sequential) and isinstance(m[0], nn.Conv2d)]
        return [module for module in found if any(p.requires_grad for p in module.parameters())]

    def pictures(self, rng: np.random.Generator) -> np.ndarray | None:
        """A contact sheet, uint8 [H, W, 3], of how things stand."""
        return None


class ComputedStage(Stage):
    """A stage without batches and gradients: `compute` does all of it. It counts as one step, and takes as long as it takes:
    it is given no minutes, and its recipe says one step."""

    def compute(self, work: Path) -> dict[str, float]:
        """Makes what it makes, into the world, and returns numbers that tell how it went.

        Args:
            work: a folder, made as soon as something is put there, for what would be lost if it were stopped; it is removed
                when all is done.
        """
        raise NotImplementedError

    def sample(self, rng: np.random.Generator, batch_size: int) -> Batch:
        raise TypeError(f"{self.name} is computed, from no batches")

    def check(self) -> None:
        """Asks whether there is anything to compute from, before any stage is trained."""


def resident_frames(data: VideoDataset, device: torch.device) -> Tensor | None:
    """All frames of `data` in the GPU's own memory, where they take less than half of what is free: drawing a batch is
    then one gather, and no step waits for the CPU. None elsewhere."""
    if device.type != "cuda" or data.flat is None:
        return None
    if data not in _RESIDENT and data.flat.nbytes < torch.cuda.mem_get_info(device)[0] / 2:
        _RESIDENT[data] = torch.from_numpy(data.flat).to(device)
    return _RESIDENT.get(data)


class WorldStage(Stage):
    """A stage that trains some of a world's networks, on clips of video. The rest is frozen, and in evaluation mode
    (quantisers learn in `train`)."""

    parts: tuple[str, ...]
    """Names of the networks to train, as `World.parts` has them."""

    def __init__(self, world: Any, data: VideoDataset, clip_length: int):
        super().__init__()
        self.world, self.data, self.clip_length = world, data, clip_length
        self.networks = nn.ModuleDict(world.parts())
        self.resident: Tensor | None = None

    @property
    def trained(self) -> dict[str, nn.Module]:
        return {name: self.networks[name] for name in self.parts}

    def train(self, mode: bool = True) -> WorldStage:
        super().train(mode)
        for name, network in self.networks.items():
            network.train(mode and name in self.parts)
        return self

    def checkpoint(self) -> dict[str, Any]:
        return {name: network.state_dict() for name, network in self.trained.items()}

    def restore(self, saved: dict[str, Any]) -> None:
        for name, network in self.trained.items():
            network.load_state_dict(saved[name])

    def repeated_blocks(self) -> list[nn.Module]:
        modules = [module for network in self.trained.values() for module in network.modules()]
        return [module for module in modules if isinstance(module, Block)]  # convolutions ran slower compiled (H100)

    def settle(self, device: torch.device) -> None:
        super().settle(device)
        for name, network in self.networks.items():  # stages share a world
            network.requires_grad_(name in self.parts)
        self.resident = resident_frames(self.data, device)

    def clips(self, windows: list[tuple[int, int]]) -> Tensor:
        """Frames uint8 [B, T, H, W, 3] of these windows of the data."""
        if self.resident is None:
            return torch.from_numpy(self.data.clips(windows, self.clip_length))
        first = torch.tensor([self.data.offsets[e] + s for e, s in windows])
        return self.resident[(first[:, None] + torch.arange(self.clip_length)).to(self.resident.device)]

    def sample(self, rng: np.random.Generator, batch_size: int) -> Batch:
        return {"frames": self.clips(self.data.sample_windows(rng, batch_size, self.clip_length))}
