"""What acts in a Genie 3 world: keys, a user's mouse and gamepad, prototypes, video, and a prior that walks by itself. All
of them come to latent actions.

Legend: B rows, A size of a latent action, V numbers that the prior sees, T frames, F = T - 1 transitions, H W image.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from genie_gym.actions import DiscreteActions
from genie_gym.devices import full_precision
from genie_gym.errors import GenieGymError
from genie_gym.genie3.config import Genie3Config
from genie_gym.genie3.memory import ActionMemory
from genie_gym.genie3.motion import Motion
from genie_gym.genie3.pictured import eyes_of, read_motions
from genie_gym.genie3.predictor import ActionPredictor, seen_from
from genie_gym.genie3.state import Genie3State
from genie_gym.genie3.user import asked_by
from genie_gym.genie3.walker import gripping, motion_of
from genie_gym.geometry.camera import Camera
from genie_gym.models.motion.stride import EARTH
from genie_gym.places.library import AssetLibrary
from genie_gym.user_action import UserAction
from genie_gym.world import World, WorldState


class Acts(World):
    """The part of a world that reads actions."""

    config: Genie3Config
    library: AssetLibrary
    motion: Motion
    predictor: ActionPredictor | None
    camera: Camera
    keys: DiscreteActions
    key_names: tuple[str, ...]

    def key_actions(self, state: WorldState, keys: Int[Tensor, " B"]) -> Float[Tensor, "B A"]:
        """The latent actions that keys come to, as one moves and looks now, by what feet grip. Walls and gravity are for
        `step`."""
        assert isinstance(state, Genie3State)
        with torch.no_grad(), full_precision(self.device):
            return self._followed(state, self.motion.stride.asked(keys.to(self.device), self._wades(state)))

    def get_controllable_action(
        self, state: WorldState, user_action: UserAction | Sequence[UserAction]
    ) -> Float[Tensor, "B A"]:
        """The latent actions that a user's keys, mouse and gamepad come to together, as `key_actions` says it of one key.

        Args:
            user_action: of all rows, or one a row.

        Raises:
            GenieGymError: for keys and axes that this world does not have, and for another number of rows.

        Example:
            world.get_controllable_action(state, UserAction(keys=["w"], mouse=(3.0, 0.0)))
        """
        assert isinstance(state, Genie3State)
        users = [user_action] * state.num_rows if isinstance(user_action, UserAction) else list(user_action)
        if len(users) != state.num_rows:
            raise GenieGymError(f"{len(users)} actions of users for {state.num_rows} rows; give one, or one a row.")
        with torch.no_grad(), full_precision(self.device):
            asked = asked_by(users, self.motion.stride.wanted, self.key_names)
            return self._followed(state, self.motion.stride.slowed(asked, self._wades(state)))

    def _followed(self, state: Genie3State, asked: Float[Tensor, "B 5"]) -> Float[Tensor, "B A"]:
        """What comes of asking for a level motion, by what feet grip."""
        level = gripping(state.walker, asked, self._grip(state), self.config)
        return self.motion.latent.encode(motion_of(state.walker, level, self.config))

    def prototype_actions(self, codes: Int[Tensor, " B"]) -> Float[Tensor, "B A"]:
        return self.motion.latent.prototypes[codes.to(self.device)]

    @torch.no_grad()
    def infer_actions(self, frames: UInt8[Tensor, "B T H W 3"]) -> Float[Tensor, "B F A"]:
        """The latent action of each transition of real frames: how the camera moved, by the depth that the eyes perceive.

        Raises:
            GenieGymError: the world has no eyes.
        """
        frames, eyes = frames.to(self.device), eyes_of(self.config, self.device)
        with full_precision(self.device):
            motions = read_motions(eyes, frames, self.camera)
            return self.motion.latent.encode(motions)

    def _grip(self, state: Genie3State) -> Float[Tensor, " B"]:
        """By how many metres a step a walk may change. Rain and snow do not get under a roof."""
        weather = torch.where(state.ground.under_roof(state.walker.feet[:, None, :2])[:, 0], 0, state.condition.weather)
        known = self.config.stride.weathers
        number = [known.index(name) if name in known else 0 for name in self.library.config.weathers]
        numbers = torch.tensor(number, device=weather.device)[weather]
        return self.motion.stride.grip(numbers, state.gravity * state.friction / EARTH, ~state.walker.stands)

    def _wades(self, state: Genie3State) -> Bool[Tensor, " B"]:
        """Whether one stands in shallow water."""
        shallow = state.ground.water[..., 5] > 0
        return (state.ground.in_water(state.walker.feet) & shallow).any(1)

    # What one would do next

    def video_features(self, state: WorldState) -> Float[Tensor, "B V"]:
        """What each row's walker sees, as the prior takes it.

        Raises:
            GenieGymError: the world has no prior.
        """
        assert isinstance(state, Genie3State)
        return seen_from(state.extras["depth"], state.walker.pitch, self._prior().config)

    def predicted(self, state: WorldState) -> Float[Tensor, "B A"]:
        """The latent action that the prior draws in each row, by the row's seed and step.

        Raises:
            GenieGymError: the world has no prior.
        """
        assert isinstance(state, Genie3State)
        predictor = self._prior()
        past = state.memory.last(predictor.config.past)
        return predictor.draw(self.video_features(state), past, state.seed, state.position)

    def predict_and_store(
        self, video_features: Float[Tensor, "B V"], past_actions: ActionMemory, seed: Int[Tensor, " B"]
    ) -> Float[Tensor, "B A"]:
        """Draws the next latent action of each row, and stores it in what was done so far, in place.

        Raises:
            GenieGymError: the world has no prior.
        """
        predictor = self._prior()
        drawn = predictor.draw(video_features, past_actions.last(predictor.config.past), seed, past_actions.count)
        past_actions.store(drawn)
        return drawn

    def _prior(self) -> ActionPredictor:
        if self.predictor is None:
            raise GenieGymError("this world has learned no prior over actions; train its stage `prior`.")
        return self.predictor
