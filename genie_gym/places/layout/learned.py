"""All that was learned from recorded places: three small networks, for the ground, counts and poses, and what was mined."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import nn

from genie_gym.places.layout.arrays import check_arrays
from genie_gym.places.layout.config import LayoutConfig
from genie_gym.places.layout.nets import CountNet, PlanNet, PoseNet
from genie_gym.places.layout.plan import PlanCoder
from genie_gym.places.layout.poses import Records
from genie_gym.places.layout.roles import pieces_of, roles_of
from genie_gym.places.layout.rules import Rules
from genie_gym.places.layout.sketch import Sketch
from genie_gym.text.spec import WorldSpec


class Learned(nn.Module):
    """All of it is in its state dict; what it knows by name is in its configuration."""

    def __init__(self, config: LayoutConfig):
        super().__init__()
        self.config, self.coder = config, PlanCoder(config.looks)
        self.poses, self.counts = PoseNet(config), CountNet(config)
        self.plan = PlanNet(self.coder, len(config.scenes), config.plan_width, config.plan_layers, config.longest)
        for name, shape in config.arrays:
            self.register_buffer(f"mined_{name}", torch.zeros(shape, dtype=torch.float16))

    @classmethod
    def mined(cls, config: LayoutConfig, arrays: Mapping[str, np.ndarray]) -> Any:
        """A model that knows what was mined, and has learned nothing."""
        model = cls(config)
        for name, _ in config.arrays:
            model.get_buffer(f"mined_{name}").copy_(torch.from_numpy(arrays[name]))
        return model

    @property
    def device(self) -> torch.device:
        return self.plan.out.weight.device

    def _load_from_state_dict(self, *args: Any) -> None:
        for name in ("arrays", "records", "rules", "_pieces"):
            self.__dict__.pop(name, None)  # what was read of earlier weights
        super()._load_from_state_dict(*args)

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """What was mined, as numbers.

        Raises:
            GenieGymError: they name what the configuration does not know.
        """
        arrays = {name: self.get_buffer(f"mined_{name}").cpu().numpy().astype(float) for name, _ in self.config.arrays}
        check_arrays(arrays, self.config)
        return arrays

    @cached_property
    def records(self) -> Records:
        return Records(self.arrays["records"], self.config)

    @cached_property
    def rules(self) -> Rules:
        return Rules(self.arrays)

    @cached_property
    def _pieces(self) -> dict[tuple[str, str, str], str]:
        return pieces_of(self.arrays, self.config)

    def roles_of(self, sketch: Sketch) -> np.ndarray:
        """The role of each thing of a place, by its scene, name and kind."""
        return roles_of(sketch, self._pieces)

    @staticmethod
    def spec_dict(spec: WorldSpec) -> dict[str, Any]:
        values: dict[str, Any] = json.loads(spec.to_json())
        return values
