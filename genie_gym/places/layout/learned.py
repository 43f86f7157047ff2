"""All that was learned from recorded places: three small networks, for the ground, counts and poses, and what was mined as
arrays. Arrays come out of files, and so are checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import nn

from genie_gym.errors import GenieGymError
from genie_gym.places.layout.config import COUNTS, LayoutConfig
from genie_gym.places.layout.hills import WAVES
from genie_gym.places.layout.nets import CountNet, PlanNet, PoseNet
from genie_gym.places.layout.plan import PlanCoder
from genie_gym.places.layout.poses import Records
from genie_gym.places.layout.records import AT
from genie_gym.places.layout.roles import ROLES, pieces_of, roles_of
from genie_gym.places.layout.rules import Rules
from genie_gym.places.layout.sketch import Sketch
from genie_gym.places.place import MAX_AREAS, MAX_GRID
from genie_gym.text.spec import WorldSpec

Bounds = Mapping[int, tuple[float, float]]  # by column: the least number, and the one that all are below


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


def check_arrays(arrays: Mapping[str, np.ndarray], config: LayoutConfig) -> None:
    """Raises `GenieGymError` where mined arrays are not what a layout model reads, or name what its configuration does not
    know."""
    scenes, classes = len(config.scenes), len(config.classes)
    shapes: dict[str, tuple[int, ...]] = {
        "records": (len(AT),), "frames": (16,), "walls": (12,), "covers": (12,), "plans": (5,), "spans": (3,),
        "floors": (2,), "rings": (15,), "pieces": (4,), "fixtures": (14,), "waves": (scenes, WAVES), "hills": (scenes, 5),
        "rules": (scenes, classes, 3), "cores": (scenes, classes), "bins": (scenes, classes, len(COUNTS)),
    }  # fmt: skip
    for name, shape in shapes.items():
        if name not in arrays or arrays[name].ndim != max(len(shape), 2) or arrays[name].shape[-len(shape) :] != shape:
            found = arrays[name].shape if name in arrays else "none"
            raise GenieGymError(f"a layout model reads an array {name!r} of [.., {str(shape)[1:-1]}]; got {found}.")
        if not np.isfinite(arrays[name]).all():
            raise GenieGymError(f"the layout model's array {name!r} holds what is no number; load its weights again.")
    for name, bounds in _bounds(config).items():
        for column, (least, end) in bounds.items():
            values = arrays[name][..., column]
            if values.size and not (values.min() >= least and values.max() < end):
                raise GenieGymError(
                    f"column {column} of the layout model's array {name!r} lies from {least:g} up to {end:g}; got "
                    f"{values.min():g} to {values.max():g}. Load the weights that belong to the configuration."
                )
    known = np.bincount(arrays["records"][:, AT["label"]].astype(int), minlength=classes)
    if not known.all() or not arrays["bins"].any(-1).all() or (arrays["plans"][:, 1:3].prod(1) > MAX_AREAS).any():
        raise GenieGymError(
            "this layout model has mined nothing of some of its classes, or too large a house; mine it again."
        )


def _bounds(config: LayoutConfig) -> dict[str, Bounds]:
    scene = 0, len(config.scenes)
    name, kind = (0, len(config.names)), (0, len(config.kinds))
    return {
        "records": {
            AT["scene"]: scene, AT["label"]: (0, len(config.classes)), AT["kind"]: (-1, len(config.kinds)),
            AT["behaviour"]: (-1, len(config.behaviours)),
        },
        "frames": {1: scene, 11: (-1, len(config.names)), 12: (-1, len(config.kinds))},
        "walls": {1: scene, 10: name, 11: kind},
        "covers": {1: scene, 8: name, 9: kind},
        "plans": {0: scene, 1: (1, MAX_AREAS + 1), 2: (1, MAX_AREAS + 1)},
        "spans": {0: scene, 1: (0, 2)},
        "floors": {0: scene, 1: (0, len(config.materials))},
        "rings": {1: scene, 10: name, 11: kind},
        "pieces": {0: scene, 1: name, 2: kind, 3: (0, len(ROLES))},
        "fixtures": {0: scene, 8: name, 9: kind},
        "hills": {0: (1, MAX_GRID + 1)},
        "waves": dict.fromkeys(range(WAVES), (0, np.inf)),
    }  # fmt: skip
