"""What a learned world is: one can reset it and step it, all rows at once. Everything outside a family's folder works
against this contract alone.

Legend: B rows (environments), R some of them, N tasks, P start frames, T time, F = T - 1 transitions, A
actions, H W image.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import gymnasium as gym
import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from genie_gym import imagine
from genie_gym.actions import ActionSpec
from genie_gym.episode import Prediction as Prediction
from genie_gym.episode import Start as Start
from genie_gym.episode import TakesKeys as TakesKeys
from genie_gym.episode import WorldState as WorldState
from genie_gym.episode import instruction as instruction
from genie_gym.errors import GenieGymError, check_name
from genie_gym.judgement import Judgement
from genie_gym.text.match import nearest, report_match
from genie_gym.text.spec import Event, WorldSpec
from genie_gym.text.tokens import Report

ACTION_PRIOR = "action_prior"
"""The name of an extra that worlds with discrete actions may have: logits [B, A] of the action that is likely next. The
policy `prior` plays by it."""


class World(ABC):
    """A world: `reset(seed, start) -> state`, `step(state, actions) -> (state, prediction)`.

    Rows never affect each other, and a row's randomness depends on its own seed and position alone. Environments and
    rollouts call the methods without gradients.
    """

    family: ClassVar[str]
    """What `register_family` knows it by."""
    format_version: ClassVar[int] = 1
    """Raised when files of before can no longer be read."""

    actions: ActionSpec
    frame_shape: tuple[int, int, int]
    """(H, W, 3) of what it shows."""
    fps: float
    """Steps a second, as the world was recorded."""
    window: int = 1
    """Frames that a frame is told from, itself included."""
    extras: Mapping[str, gym.spaces.Box] = {}
    """What comes with each frame besides, for example depth: name and space of one row."""
    starts: UInt8[np.ndarray, "P H W 3"] = np.zeros((0, 0, 0, 3), np.uint8)
    """Frames of its own to start from."""
    start_conditions: Sequence[WorldSpec] = ()
    """What each of `starts` is like, or nothing. Where a world has them, a prompt chooses among its start frames, and does
    no more."""
    imagines_starts: bool = False
    """A prompt is imagined as the first frame, in place of one that is given."""
    tasks: tuple[str, ...] = ()
    """What there is to do in it, where a start asks for it: a step that reaches the goal brings the reward 1 and ends the
    episode. Named as simulators name theirs: a verb and its object ("reach_beacon", "find:well")."""
    task_starts: Mapping[str, UInt8[np.ndarray, "P H W 3"]] = {}
    """Frames of its own that show what a task asks for, to start from where a start asks for the task."""
    takes_frames: bool = True
    takes_conditions: bool = False
    events: tuple[type[Event], ...] = ()
    """What can happen while it runs."""
    truth: tuple[str, ...] = ()
    """Ground truth that evaluating it needs; held-out video is recorded with it."""
    source: Mapping[str, Any] = {}
    """What the training video was recorded from, as the video file says; held-out video is recorded from the same."""
    made: Mapping[str, Any] = {}
    """How it was made, for its card: see `genie_gym.card`."""
    judgement: Judgement | None = None
    """What it is worth, where that was measured; its folder keeps it."""

    # Play

    @abstractmethod
    def reset(self, seed: Int[Tensor, " B"], start: Start | None = None) -> WorldState:
        """New episodes, one a row. The state shares no memory with the start.

        Raises:
            GenieGymError: for a start that this world does not take.
        """

    @abstractmethod
    def step(self, state: WorldState, actions: Tensor) -> tuple[WorldState, Prediction]:
        """Plays one action (as `actions.check` returns them) a row. May write into `state`."""

    def apply_event(self, state: WorldState, event: Event, rows: Int[Tensor, " R"]) -> WorldState:
        """The state in which `event` happened in these rows: it shows from the next step on. May write into `state`."""
        raise NotImplementedError(f"{type(self).__name__} lists events but does not apply them")

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

    def first_frames(self, seed: Int[Tensor, " B"], start: Start) -> UInt8[Tensor, "B H W 3"]:
        """The start's frames; else the world's own, which match the start's conditions where it has some."""
        if start.frames is not None:
            return start.frames
        if start.conditions is not None:
            return self.pick_matching(seed, start.conditions, start.left_open)
        if start.tasks is not None:
            pools = [self.starts if task is None else self.task_starts.get(task, self.starts) for task in start.tasks]
            return torch.cat([self.pick_starts(seed[row : row + 1], pool) for row, pool in enumerate(pools)])
        return self.pick_starts(seed, self.starts)

    def pick_starts(self, seed: Int[Tensor, " B"], pool: UInt8[np.ndarray, "P H W 3"]) -> UInt8[Tensor, "B H W 3"]:
        """Frames out of `pool`, as each row's seed chooses: those of consecutive seeds differ until the pool is through."""
        if not len(pool):
            raise GenieGymError("this world has no start frames of its own; give frames to start from.")
        picks = (seed % len(pool)).cpu().numpy()
        return torch.from_numpy(pool[picks]).to(self.device)

    def pick_matching(
        self,
        seed: Int[Tensor, " B"],
        conditions: Sequence[WorldSpec],
        left_open: Sequence[Collection[str]] | None = None,
    ) -> UInt8[Tensor, "B H W 3"]:
        """For each row, one of the world's own start frames that match its condition best (`genie_gym.text.match`); among
        those that are equally good, as the row's seed chooses.

        Args:
            left_open: fields of each condition that do not count; see `Start.left_open`.
        """
        if not len(self.starts) or len(self.start_conditions) != len(self.starts):
            raise GenieGymError("this world does not know what its start frames are like; give frames to start from.")
        opened = [frozenset(fields) for fields in left_open or [()] * len(conditions)]
        asked = list(zip(conditions, opened, strict=True))
        pools = {wish: nearest(*wish, self.start_conditions) for wish in set(asked)}
        picks = [pools[wish][row % len(pools[wish])] for wish, row in zip(asked, seed.tolist(), strict=True)]
        return torch.from_numpy(self.starts[picks]).to(self.device)

    def report_of(self, report: Report, asked: WorldSpec) -> Report:
        """What becomes of a prompt in this world: `report` as it was read, and what the world cannot do of it."""
        return report_match(report, asked, self.start_conditions) if len(self.start_conditions) else report

    @property
    def prompt_begins(self) -> bool:
        """Whether a prompt stands in place of start frames: it chooses among them, or is imagined as one."""
        return self.imagines_starts or len(self.start_conditions) > 0

    def check_start(self, start: Start, rows: int) -> None:
        """Raises `GenieGymError` for a start that this world does not take."""
        frames, conditions = start.frames, start.conditions
        if frames is not None and not self.takes_frames:
            raise GenieGymError("this world imagines its own first frames; start it without frames.")
        if conditions is not None and not self.takes_conditions:
            raise GenieGymError("this world takes no prompt: what it shows depends on its start frames alone.")
        if frames is not None and conditions is not None and self.prompt_begins:
            how = "is imagined as the first frame" if self.imagines_starts else "chooses among this world's own start frames"
            raise GenieGymError(f"a prompt {how}; give a prompt or frames, not both.")
        if frames is not None and (frames.dtype != torch.uint8 or tuple(frames.shape[1:]) != tuple(self.frame_shape)):
            raise GenieGymError(
                f"this world takes uint8 frames of {tuple(self.frame_shape)} (height, width, 3); "
                f"given {str(frames.dtype).removeprefix('torch.')} {tuple(frames.shape[1:])}. Resize them first."
            )
        asked = [task for task in start.tasks or () if task is not None]
        if asked and not self.tasks:
            raise GenieGymError(f"this world knows no tasks, not {asked[0]!r} either; leave the task out.")
        for task in asked:
            check_name("task", task, self.tasks)
        if asked and frames is None and conditions is not None:
            raise GenieGymError("a task begins in start frames that show its goal; give a task or a prompt, not both.")
        given_rows = {"frames": frames, "conditions": conditions, "left_open": start.left_open, "tasks": start.tasks}
        for name, given in given_rows.items():
            if given is not None and len(given) != rows:
                raise GenieGymError(f"{len(given)} start {name} for {rows} rows; give one a row.")


# What some worlds can do besides. Having the method is saying so.


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
