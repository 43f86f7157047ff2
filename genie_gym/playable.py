"""A world as those who play it see it: what it shows, what it takes, reset and step.

Legend: B rows, F steps, H W image.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable

import gymnasium as gym
import torch
from jaxtyping import Int
from torch import Tensor

from genie_gym.actions import ActionSpec, DiscreteActions
from genie_gym.devices import autocast_for_play
from genie_gym.episode import Prediction, Start, WorldState
from genie_gym.progress import progress
from genie_gym.text.spec import WorldSpec
from genie_gym.text.tokens import Report
from genie_gym.text.vocabulary import Vocabulary
from genie_gym.user_action import UserAction

HARD_PIXELS = 72  # along a side: frames that are no larger have pixels one sees


def has_hard_pixels(frame_shape: tuple[int, ...]) -> bool:
    """Whether frames (height, width, …) are so small that who enlarges them does so pixel by pixel, as in old games."""
    return max(frame_shape[:2]) <= HARD_PIXELS


class Playable(ABC):
    """`reset(seed, start) -> state`, `step(state, actions) -> (state, prediction)`.

    Rows never affect each other, and a row's randomness depends on its own seed and position alone. Environments and
    rollouts call the methods without gradients.
    """

    family: ClassVar[str]
    """What `register_family` knows it by."""
    actions: ActionSpec
    frame_shape: tuple[int, int, int]
    """(H, W, 3) of what it shows."""
    fps: float
    """Steps a second, as the world was recorded."""
    extras: Mapping[str, gym.spaces.Box] = {}
    """What comes with each frame besides, for example depth: name and space of one row."""
    tasks: tuple[str, ...] = ()
    """What there is to do in it, where a start asks for it: a step that reaches the goal brings the reward 1 and ends the
    episode. Named as simulators name theirs: a verb and its object ("reach_beacon", "find:well")."""
    takes_frames: bool = True
    takes_places: bool = False
    """It begins in places that it is given (`places.place.Place`)."""
    places_goals: bool = False
    """What a task asks for is put into whatever world a prompt makes, so that a row can have both."""
    hard_pixels: bool = False
    """Its frames are small and sharp, as those of old games: who enlarges them does so pixel by pixel."""
    vocabulary: Vocabulary | None = None
    """In which words prompts and events are asked of it, those of what it learned from; without one it takes no prompt."""
    imagines_starts: bool = False
    """A prompt is imagined as the first frame, in place of one that is given."""

    @property
    def device(self) -> torch.device:
        """Where it computes, and where seeds, actions and start frames are given to it."""
        return torch.device("cpu")

    @abstractmethod
    def reset(self, seed: Int[Tensor, " B"], start: Start | None = None) -> WorldState:
        """New episodes, one a row. The state shares no memory with the start.

        Raises:
            GenieGymError: for a start that this world does not take.
        """

    @abstractmethod
    def step(self, state: WorldState, actions: Tensor) -> tuple[WorldState, Prediction]:
        """Plays one action (as `actions.check` returns them) a row. May write into `state`."""

    def report_of(self, report: Report, asked: WorldSpec) -> Report:
        """What becomes of a prompt in this world: `report` as it was read, and what the world cannot do of it."""
        return report


@runtime_checkable
class TakesKeys(Protocol):
    """A world that understands a keyboard too: what each key comes to in its own actions."""

    keys: DiscreteActions
    key_names: tuple[str, ...]
    """What each key does, in their order."""

    def key_actions(self, state: WorldState, keys: Int[Tensor, " B"]) -> Tensor:
        """The world's own actions [B, …] that these keys come to, in this state, which it leaves as it is."""


@runtime_checkable
class TakesUserActions(Protocol):
    """A world that understands keys, a mouse and a gamepad together."""

    def get_controllable_action(self, state: WorldState, user_action: UserAction | Sequence[UserAction]) -> Tensor:
        """The world's own actions [B, …] that one user's, or each row's user's, come to in this state."""


@runtime_checkable
class HasPrototypes(Protocol):
    """A world of continuous actions that knows a few typical ones, learned from video as its actions are."""

    prototypes: DiscreteActions
    prototype_names: tuple[str, ...]
    """What each comes to, in their order."""

    def prototype_actions(self, codes: Int[Tensor, " B"]) -> Tensor:
        """The world's own actions [B, …] that these stand for."""


class Step(NamedTuple):
    """What came of one step: the state after it, what it brought, and the world's own actions that were played, [B, …]."""

    state: WorldState
    prediction: Prediction
    actions: Tensor


def steps(world: Playable, state: WorldState, actions: Tensor, by_keys: bool = False, desc: str = "") -> Iterator[Step]:
    """Plays actions [B, F, …] (or [1, F, …], the same in all rows), the world's own or keys of its keyboard, one after the
    other. Asking for the next step may write into the last state. With `desc` it shows how far it is."""
    actions = actions.to(world.device)
    for t in progress(range(actions.shape[1]), desc=desc, unit="step", disable=not desc):
        now = actions[:, t].expand(state.num_rows, *actions.shape[2:])
        with torch.no_grad(), autocast_for_play(world.device):
            if by_keys:
                assert isinstance(world, TakesKeys)
                now = world.key_actions(state, now)
            state, prediction = world.step(state, now)
        yield Step(state, prediction, now)
