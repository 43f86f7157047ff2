"""What a learned world is: one can reset it and step it, all rows at once. Everything outside a family's folder works
against this contract alone.

Legend: B rows (environments), N tasks, T time, F = T - 1 transitions, A actions, H W image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from genie_gym import imagine
from genie_gym.episode import Prediction as Prediction
from genie_gym.episode import Start as Start
from genie_gym.episode import WorldState as WorldState
from genie_gym.episode import instruction as instruction
from genie_gym.errors import GenieGymError, check_name
from genie_gym.geometry.scene_graph.scene import SceneGraph
from genie_gym.places.place import Place
from genie_gym.playable import HasPrototypes as HasPrototypes
from genie_gym.playable import Playable
from genie_gym.playable import Step as Step
from genie_gym.playable import TakesKeys as TakesKeys
from genie_gym.playable import TakesUserActions as TakesUserActions
from genie_gym.playable import steps as steps
from genie_gym.provenance import Provenance as Provenance
from genie_gym.start_pool import StartPool as StartPool
from genie_gym.text.match import report_match
from genie_gym.text.spec import Event, WorldSpec
from genie_gym.text.tokens import Report

ACTION_PRIOR = "action_prior"
"""The name of an extra that worlds with a prior have, by which the policy `prior` plays: of discrete actions the logits
[B, A] of what is likely next, of continuous ones an action [B, A] that is drawn."""


class World(Playable):
    """A world that is kept: what is played (`Playable`), its networks, and what its folder says of it."""

    format_version: ClassVar[int] = 1
    """Raised when files of before can no longer be read."""
    window: int = 1
    """Frames that a frame is told from, itself included."""
    truth: tuple[str, ...] = ()
    """Ground truth that evaluating it needs; held-out video is recorded with it."""
    starts: StartPool = StartPool()
    """Frames of its own that episodes begin in."""
    provenance: Provenance = Provenance()
    """What it was learned from, how it was made, what it is worth."""

    # Asked in words and pictures: `genie_gym.imagine` says more of each

    def generate_from_text(self, prompt: str, seed: int | Sequence[int] = 0) -> tuple[UInt8[np.ndarray, "*B H W 3"], Report]:
        """The first view of a world as the prompt asks for, [H, W, 3] (of several seeds [B, H, W, 3]), and what became of
        the prompt."""
        return imagine.generate_from_text(self, prompt, seed)

    def generate_from_image(
        self, init_image: str | Path | np.ndarray, action_sequence: Any, seed: int | Sequence[int] = 0
    ) -> UInt8[np.ndarray, "*B T H W 3"]:
        """What is seen from an image of any size on, as F actions, or keys, are played: T = F + 1 frames."""
        return imagine.generate_from_image(self, init_image, action_sequence, seed)

    def generate_playable(
        self, prompt: str, num_actions: int = 100, action_sequence: Any = None, seed: int | Sequence[int] = 0
    ) -> dict[str, Any]:
        """A world as the prompt asks for, and how it responds to actions: `init_frames` [1, H, W, 3], `action_responses`
        [F, H, W, 3], `actions` [F, …] and `report`; of several seeds the first three are [B, …]."""
        return imagine.generate_playable(self, prompt, num_actions, action_sequence, seed)

    @property
    def device(self) -> torch.device:
        """Where it computes, and where seeds, actions and start frames are given to it. `load_world` moves its `parts`."""
        return next((p.device for part in self.parts().values() for p in part.parameters()), torch.device("cpu"))

    # Files

    def config_dict(self) -> dict[str, Any]:
        """All that `from_config` needs, as JSON holds it."""
        return {}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> World:
        """A world with fresh weights."""
        return cls()

    def parts(self) -> Mapping[str, nn.Module]:
        """The networks, by the name of the file that holds each one's weights."""
        return {}

    # What every world shares

    def report_of(self, report: Report, asked: WorldSpec) -> Report:
        return report_match(report, asked, self.starts.conditions) if self.starts.conditions else report

    @property
    def prompt_begins(self) -> bool:
        """Whether a prompt stands in place of start frames: it chooses among them, or is imagined as one."""
        return self.imagines_starts or len(self.starts.conditions) > 0

    def check_start(self, start: Start, rows: int) -> None:
        """Raises `GenieGymError` for a start that this world does not take."""
        frames, prompts = start.frames, [prompt for prompt in start.prompts or () if prompt is not None]
        if frames is not None and not self.takes_frames:
            raise GenieGymError("this world imagines its own first frames; start it without frames.")
        if prompts and self.vocabulary is None:
            raise GenieGymError(imagine.NO_PROMPT)
        if frames is not None and prompts and self.prompt_begins:
            how = "is imagined as the first frame" if self.imagines_starts else "chooses among this world's own start frames"
            raise GenieGymError(f"a prompt {how}; give a prompt or frames, not both.")
        if frames is not None and (frames.dtype != torch.uint8 or tuple(frames.shape[1:]) != tuple(self.frame_shape)):
            raise GenieGymError(
                f"this world takes uint8 frames of {tuple(self.frame_shape)} (height, width, 3); "
                f"given {str(frames.dtype).removeprefix('torch.')} {tuple(frames.shape[1:])}. Resize them first."
            )
        if not self.takes_places and any(place is not None for place in start.places or ()):
            raise GenieGymError(f"a {self.family} world begins in no place that it is given; leave the place out.")
        everything = {"frames": frames, "prompts": start.prompts, "tasks": start.tasks, "places": start.places}
        for name, given in everything.items():
            if given is not None and len(given) != rows:
                raise GenieGymError(f"{len(given)} start {name} for {rows} rows; give one a row.")
        for task, prompt in zip(start.tasks or (), start.prompts or [None] * rows, strict=False):
            if task is not None and not self.tasks:
                raise GenieGymError(f"this world knows no tasks, not {task!r} either; leave the task out.")
            if task is not None:
                check_name("task", task, self.tasks)
            if task is not None and prompt is not None and frames is None and not self.places_goals:
                raise GenieGymError(
                    "a task begins in start frames that show its goal; give a row a task or a prompt, not both (None takes "
                    "back one that stands)."
                )


# What some worlds can do besides. Having the method is saying so.


@runtime_checkable
class TakesEvents(Protocol):
    """Things happen in it while it runs."""

    events: tuple[type[Event], ...]
    """What can happen."""

    def apply_events(self, state: WorldState, events: Sequence[Event | None]) -> WorldState:
        """The state in which these happened, one a row, None where nothing did: it shows from the next step on. May write
        into `state`."""


@runtime_checkable
class TellsSpecs(Protocol):
    """Knows what it is like now, so that events can be told in relation to it ("two hours later")."""

    def specs(self, state: WorldState) -> list[WorldSpec]:
        """Scene, weather, hour, gravity and friction of each row."""


@runtime_checkable
class InfersActions(Protocol):
    """Reads actions off real frames."""

    def infer_actions(self, frames: UInt8[Tensor, "B T H W 3"]) -> Tensor:
        """The action of each transition [B, F, …]: action t leads from frame t to frame t+1."""


@runtime_checkable
class Rebuilds(Protocol):
    """Shows real frames as well as it can draw them at all (for a tokenizer: encoded and decoded)."""

    def rebuild(self, frames: UInt8[Tensor, "B T H W 3"]) -> UInt8[Tensor, "B T H W 3"]: ...


@runtime_checkable
class JudgesOutcomes(Protocol):
    """Tells reward and end of episode from real frames."""

    def outcome_chances(self, frames: UInt8[Tensor, "B T H W 3"]) -> tuple[Float[Tensor, " B"], Float[Tensor, " B"]]:
        """The chances that the step to the last frame brought a reward, and that it ended the episode."""


@runtime_checkable
class JudgesTasks(Protocol):
    """Tells from real frames whether the goals of its tasks are reached."""

    def task_chances(self, frames: UInt8[Tensor, "B H W 3"]) -> Float[Tensor, "B N"]:
        """The chance that each of `World.tasks` is done in each frame."""


@runtime_checkable
class JudgesConsistency(Protocol):
    """Tells whether frames show one place."""

    def ensure_consistency(self, frames: UInt8[Tensor, "B T H W 3"]) -> Float[Tensor, " B"]:
        """From 0 to 1 for each clip: 1, all that its frames share agrees."""


@runtime_checkable
class TellsClasses(Protocol):
    """Tells what each pixel shows. With the extras `depth`, `pose` and `intrinsics`, scene graphs come of it."""

    classes: tuple[str, ...]
    """What pixels may show, by name."""

    def tell_classes(self, frames: UInt8[Tensor, "B H W 3"]) -> Int[Tensor, "B H W"]:
        """The class of each pixel, an index of `classes`."""


@runtime_checkable
class TellsScene(Protocol):
    """Knows what stands where, and need not estimate it."""

    def scene_graphs(self, state: WorldState) -> list[SceneGraph]:
        """The scene of each row as it is now, and what shows of it."""


@runtime_checkable
class TellsPlaces(Protocol):
    """Shows places that can be told as values, to begin in them again."""

    def places(self, state: WorldState) -> list[Place]:
        """Each row's place as it is now; who enters it begins where the row stands."""


@runtime_checkable
class AnySize(Protocol):
    """Draws frames of any size."""

    def at_size(self, height: int, width: int) -> World:
        """The same world with frames of another size, and the same field of view from the upper to the lower edge. Shares
        the networks.

        Raises:
            GenieGymError: for sizes that it does not draw.
        """


def at_size(world: World, size: Sequence[int] | None) -> World:
    """The same world with frames of `size` (height, width); None leaves it as it is.

    Raises:
        GenieGymError: for worlds that draw frames of one size, for sizes that the world does not draw, and for what is none.
    """
    if size is None:
        return world
    if not isinstance(world, AnySize):
        raise GenieGymError(f"a {world.family} world draws frames of one size, {world.frame_shape[:2]}; leave size out.")
    given = size.tolist() if isinstance(size, np.ndarray) else size
    is_pair = isinstance(given, Sequence) and not isinstance(given, str) and len(given) == 2
    if not is_pair or not all(isinstance(pixels, int | np.integer) and pixels > 0 for pixels in given):
        raise GenieGymError(f"size is (height, width) in pixels, whole numbers of at least 1; got {size!r:.80}.")
    return world.at_size(*map(int, given))
