"""How a world is led through real clips: from their first frames on, by the actions that it reads off them; or, of a world
that does not do both and begins in places, from the recorded places on, by the keys that were held.

Legend: B clips, T frames, F = T - 1 steps, H W image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from genie_gym.errors import GenieGymError
from genie_gym.evaluation.measure import Evaluation
from genie_gym.evaluation.moments import Enter, begin_at, entered, no_places, recorded, taken
from genie_gym.evaluation.place import Clips, begin
from genie_gym.rollout import infer_actions, rollout_from
from genie_gym.world import InfersActions, TakesKeys, World, WorldState


@dataclass(frozen=True)
class Guide:
    """Leads a world through clips.

    Args:
        enter: how the world begins in recorded places, where it is led from there.
    """

    world: World
    enter: Enter = entered

    @property
    def by_keys(self) -> bool:
        """Whether it is led from recorded places by recorded keys."""
        reads = self.world.takes_frames and isinstance(self.world, InfersActions)
        return self.world.takes_places and isinstance(self.world, TakesKeys) and not reads

    def why_not(self, evaluation: Evaluation, what: str) -> list[str]:
        """Why the world cannot be led through the video, in one sentence; nothing where it can."""
        if not self.by_keys:
            return []
        if missing := no_places(evaluation, what):
            return missing
        return (
            [] if evaluation.data.has_labels() else [f"{what} was not measured: the video does not say which keys were held"]
        )

    def draw(self, evaluation: Evaluation, count: int, length: int) -> Clips:
        """Clips of `length` frames, every window equally likely: `count` of them, or of those as many as begin in a place
        that the world takes.

        Raises:
            GenieGymError: there is none.
        """
        data = evaluation.data
        windows = data.sample_windows(evaluation.rng, count, length, calm=self.by_keys)
        if self.by_keys:
            moments = [recorded(data, *window) for window in windows]
            windows = [windows[number] for number in taken(self.world, moments, self.enter)]
            if not windows:
                raise GenieGymError("the world draws none of the places of the video; give video of what it learned.")
        return Clips(data, windows, torch.from_numpy(data.clips(windows, length)))

    def begin(self, clips: Clips, seed: int) -> WorldState:
        """Rows that begin where the clips do."""
        if not self.by_keys:
            return begin(self.world, clips.frames[:, 0], seed)
        return begin_at(self.world, [recorded(clips.data, *window) for window in clips.windows], seed, self.enter)

    def actions(self, clips: Clips) -> Tensor:
        """What leads through them: keys that were held, or actions that the world reads off them [B, F, …].

        Raises:
            GenieGymError: the world reads none off frames.
        """
        return clips.keys() if self.by_keys else infer_actions(self.world, clips.frames.to(self.world.device))

    def random(self, rng: np.random.Generator, *shape: int) -> Tensor:
        """Uniformly drawn ones."""
        if self.by_keys:
            assert isinstance(self.world, TakesKeys)
            return self.world.keys.sample(rng, *shape)
        return self.world.actions.sample(rng, *shape)

    def rollout(self, state: WorldState, actions: Tensor) -> UInt8[Tensor, "B T H W 3"]:
        """What the world shows from a state on, which is written to, under these."""
        return rollout_from(self.world, state, actions, by_keys=self.by_keys)
