"""The layout model: a spec and a seed become a place.

Learned from recorded places alone (see `mining` and `tables`): three small networks, for the ground, counts and poses, and
what was mined. Nothing in it knows a simulator.

Legend: B batch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from genie_gym.errors import GenieGymError
from genie_gym.places.layout.config import LayoutConfig
from genie_gym.places.layout.counting import pieces_of, roles_of
from genie_gym.places.layout.given import Given
from genie_gym.places.layout.nets import CountNet, PoseNet
from genie_gym.places.layout.plan import PlanCoder
from genie_gym.places.layout.plan_net import PlanNet
from genie_gym.places.layout.poses import Records
from genie_gym.places.layout.rules import Rules
from genie_gym.places.layout.sampling import lay_out
from genie_gym.places.layout.sketch import Sketch
from genie_gym.places.layout.tables import REAL, LayoutBatch
from genie_gym.places.place import Place
from genie_gym.text.spec import WorldSpec


class LayoutModel(nn.Module):
    """Begin with `LayoutModel.mined(*mine(pairs))`, train with `layout_loss`, then `sample`. All of it is in its state dict;
    what it knows by name is in its configuration."""

    def __init__(self, config: LayoutConfig):
        super().__init__()
        self.config, self.coder = config, PlanCoder(config.looks)
        self.poses, self.counts = PoseNet(config), CountNet(config)
        self.plan = PlanNet(self.coder, len(config.scenes), config.plan_width, config.plan_layers, config.longest)
        for name, shape in config.arrays:
            self.register_buffer(f"mined_{name}", torch.zeros(shape, dtype=torch.float16))

    @classmethod
    def mined(cls, config: LayoutConfig, arrays: Mapping[str, np.ndarray]) -> LayoutModel:
        """A model that knows what was mined, and has learned nothing."""
        model = cls(config)
        for name, _ in config.arrays:
            model.get_buffer(f"mined_{name}").copy_(torch.from_numpy(arrays[name]))
        return model

    @property
    def device(self) -> torch.device:
        return self.plan.out.weight.device

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """What was mined, as numbers. Read once: load weights before."""
        return {name: self.get_buffer(f"mined_{name}").cpu().numpy().astype(float) for name, _ in self.config.arrays}

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

    def sample(
        self, specs: Sequence[WorldSpec], seeds: Sequence[int], given: Sequence[Given | Place | None] | None = None
    ) -> list[Place]:
        """A place for each spec and seed; equal ones for equal pairs, whatever else is asked for at once.

        Args:
            given: of each place what is known already; all its things are kept. A `Place` stands for `Given(place)`.

        Raises:
            GenieGymError: for scenes and things that no recording showed, and where there is not one seed a spec.
        """
        known = [None] * len(specs) if given is None else list(given)
        if not len(specs) == len(seeds) == len(known):
            raise GenieGymError(
                f"each of {len(specs)} specs needs a seed; got {len(seeds)} seeds and {len(known)} given places."
            )
        for spec in specs:
            self._check(spec)
        told = [Given(one) if isinstance(one, Place) else one for one in known]
        return [lay_out(self, *row) for row in zip(specs, seeds, told, strict=True)]

    def _check(self, spec: WorldSpec) -> None:
        if spec.scene:
            self.config.scene(spec.scene)
        asked = [*(one.kind for one in spec.objects), *(one.kind for one in spec.characters)]
        for name in (*spec.landmarks, *asked):
            self.config.label(name)


def layout_loss(model: LayoutModel, batch: LayoutBatch) -> tuple[Float[Tensor, ""], dict[str, float]]:
    """Nats a pose, a token of the ground and a count, summed; and each by name."""
    poses = batch.poses
    scores = model.poses(poses.seen, poses.beside, poses.label, poses.scene).masked_fill(~poses.told, -1e4)
    real, others = scores[:, :REAL], scores[:, REAL:].logsumexp(1, keepdim=True)
    of_poses = F.softplus(others - real)[poses.told[:, :REAL]].mean()  # each real one against all others
    of_grounds = model.plan.loss(batch.tokens, batch.numbers, batch.told_tokens, batch.ground_scene)
    of_counts = F.cross_entropy(model.counts(batch.count_scene, batch.count_told).flatten(0, 1), batch.counts.flatten())
    parts = {"poses": of_poses, "ground": of_grounds, "counts": of_counts}
    return of_poses + of_grounds + of_counts, {name: float(part.detach()) for name, part in parts.items()}
