"""The layout model: a spec and a seed become a place.

Learned from recorded places alone (see `mining` and `tables`): three small networks, for the ground, counts and poses, and
what was mined. Nothing in it knows a simulator.

Legend: B batch.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from genie_gym.errors import GenieGymError
from genie_gym.places.layout.adding import added
from genie_gym.places.layout.given import Given
from genie_gym.places.layout.learned import Learned
from genie_gym.places.layout.sampling import lay_out
from genie_gym.places.layout.tables import REAL, LayoutBatch
from genie_gym.places.place import Place, Thing
from genie_gym.text.spec import CharacterSpec, ObjectSpec, WorldSpec


class LayoutModel(Learned):
    """Begin with `LayoutModel.mined(*mine(pairs))`, train with `layout_loss`, then `sample`."""

    def sample(
        self, specs: Sequence[WorldSpec], seeds: Sequence[int], given: Sequence[Given | Place | None] | None = None
    ) -> list[Place]:
        """A place for each spec and seed; equal ones for equal pairs, whatever else is asked for at once.

        Args:
            given: of each place what is known already; all its things are kept. A `Place` stands for `Given(place)`.

        Raises:
            GenieGymError: for scenes and things that no recording showed, for more things than a place holds, and where not
                each spec has a whole number as its seed.
        """
        known = [None] * len(specs) if given is None else list(given)
        if not len(specs) == len(seeds) == len(known):
            raise GenieGymError(
                f"each of {len(specs)} specs needs a seed; got {len(seeds)} seeds and {len(known)} given places."
            )
        for spec in specs:
            self._check(spec)
        numbers = [_whole(seed) for seed in seeds]
        told = [Given(one) if isinstance(one, Place) else one for one in known]
        training = self.training
        self.eval()  # with dropout a seed would have another place each time
        try:
            return [lay_out(self, *row) for row in zip(specs, numbers, told, strict=True)]
        finally:
            self.train(training)

    def add(self, place: Place, asked: ObjectSpec | CharacterSpec, seed: Sequence[int]) -> list[Thing]:
        """Things that come to a place, where one stands at its spawn (`adding.added`); the same for the same numbers as
        seed."""
        training = self.training
        self.eval()
        try:
            return added(self, place, asked, np.random.default_rng(seed))
        finally:
            self.train(training)

    def _check(self, spec: WorldSpec) -> None:
        if spec.scene:
            self.config.scene(spec.scene)
        asked = [*(one.kind for one in spec.objects), *(one.kind for one in spec.characters)]
        for name in (*spec.landmarks, *asked):
            self.config.label(name)


def _whole(seed: Any) -> int:
    try:
        return operator.index(seed)
    except TypeError:
        raise GenieGymError(f"the seed of a place is a whole number; got {seed!r:.40}.") from None


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
