"""A small network that enlarges frames: features at low resolution, then pixels shuffled out of channels (ESPCN, Shi et al.
2016), added to what interpolation gives. What it adds is light alone, for eyes see fine detail in it, and colours coarsely.

Legend: B frames, h w image, r factor, H = r·h W = r·w.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from genie_gym.errors import GenieGymError
from genie_gym.files import beside

SHIPPED = Path(__file__).parent / "upscaler.safetensors"
CONFIG = "upscaler"  # of the file's metadata: what the network is like, as JSON


@dataclass(frozen=True)
class UpscalerConfig:
    """How large it is. `factor`: by how much it enlarges; `width`: of its features; `layers` of them beside the first and
    the last."""

    factor: int = 4
    width: int = 16
    layers: int = 1

    def __post_init__(self) -> None:
        if not all(isinstance(value, int) for value in (self.factor, self.width, self.layers)) or not (
            2 <= self.factor <= 8 and 1 <= self.width <= 256 and 0 <= self.layers <= 16
        ):
            raise GenieGymError("an upscaler enlarges 2 to 8 times, by up to 256 features and 16 layers.")


class Upscaler(nn.Module):
    """Enlarges frames `config.factor` times."""

    def __init__(self, config: UpscalerConfig):
        super().__init__()
        self.config = config
        width, out = config.width, config.factor**2
        layers: list[nn.Module] = [nn.Conv2d(3, width, 5, padding=2), nn.LeakyReLU(0.1)]
        for _ in range(config.layers):
            layers += [nn.Conv2d(width, width, 3, padding=1), nn.LeakyReLU(0.1)]
        last = nn.Conv2d(width, out, 3, padding=1)
        nn.init.zeros_(last.weight)  # it begins as interpolation
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]
        self.layers = nn.Sequential(*layers, last)

    def forward(self, frames: Float[Tensor, "B 3 h w"]) -> Float[Tensor, "B 3 H W"]:
        """Frames and result from 0 to 1; the result may lie outside by a little."""
        base = F.interpolate(frames, scale_factor=self.config.factor, mode="bilinear", align_corners=False)
        return base + self.detail(frames)

    def detail(self, frames: Float[Tensor, "B 3 h w"]) -> Float[Tensor, "B 1 H W"]:
        """What is added to bilinear interpolation, the same to all three colours."""
        return F.pixel_shuffle(self.layers(frames), self.config.factor)


def save_upscaler(network: Upscaler, path: str | Path) -> None:
    """Writes a network into one file, in half precision, with what it is like."""
    tensors = {name: value.half().cpu().contiguous() for name, value in network.state_dict().items()}
    with beside(Path(path)) as part:
        save_file(tensors, part, {CONFIG: json.dumps(asdict(network.config))})
        part.chmod(0o644)  # safetensors leaves it to its owner alone


def load_upscaler(path: str | Path) -> Upscaler:
    """A network that `save_upscaler` wrote.

    Raises:
        GenieGymError: for another file.
    """
    try:
        with safe_open(path, "pt") as file:
            network = Upscaler(UpscalerConfig(**json.loads((file.metadata() or {})[CONFIG])))
            network.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise GenieGymError(f"{path} holds no upscaler: {error}.") from error
    network = network.float().eval().requires_grad_(False)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a quarter faster on CPUs


@cache
def shipped_upscaler() -> Upscaler:
    """The one that comes with the package: learned from renders of GenieSim/Town-v0."""
    return load_upscaler(SHIPPED)
