"""The one loop that plays episodes. Recording, generation and benchmarks stand on it.

Rows are played side by side; each takes the next episode as it comes free, so that no short episode is favoured. What an
episode is (its seed, its policy) is the caller's to say, whose row it lands in is not.

Legend: B rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode

from genie_gym.datasets.behaviours import Behaviour
from genie_gym.errors import GenieGymError


@dataclass(frozen=True)
class Assignment:
    """An episode to play.

    Attributes:
        behaviour: called once its row is reset; returns who plays. name: what it is called.
        index: its number, for the caller. seed, options: for the row's reset; options of several rows are given one a row.
    """

    behaviour: Callable[[], Behaviour]
    name: str = ""
    index: int = 0
    seed: int | None = None
    options: Mapping[str, Any] | None = None


@dataclass
class Played:
    """An episode, under way or finished: observations [T+1], actions, rewards and events [T] (what happened in each step, as
    `info["events"]` tells it; "": nothing), and of its info what is kept, by name, [T+1]. `reached`: whether the last step
    reached the goal."""

    assignment: Assignment
    behaviour: Behaviour
    observations: list[Any]
    actions: list[np.ndarray] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    infos: dict[str, list[Any]] = field(default_factory=dict)
    terminated: bool = False
    truncated: bool = False
    reached: bool = False

    def see(self, observation: Any, info: Mapping[str, Any], kept: Sequence[str]) -> None:
        """What a reset or step brought.

        Raises:
            GenieGymError: there is no such info.
        """
        self.observations.append(observation)
        for name in kept:
            if name not in info:
                known = ", ".join(sorted(info)) or "nothing"
                raise GenieGymError(
                    f"the environment tells no {name!r}: it is no observation, and of info there is {known}."
                )
            self.infos.setdefault(name, []).append(info[name])


@dataclass
class Step:
    """What B rows brought: `observations` are those that the actions led to, also where an episode ended; `events` what
    happened ("": nothing)."""

    observations: Sequence[Any]
    rewards: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    events: Sequence[str]


@runtime_checkable
class Rows(Protocol):
    """B environments that begin and step together."""

    num_envs: int

    def begin(self, assignments: Mapping[int, Assignment]) -> None:
        """Begins these rows' episodes."""

    def look(self, row: int) -> tuple[Any, Mapping[str, Any]]:
        """What the row's policy sees now: observation and info."""

    def step(self, actions: Mapping[int, Any]) -> tuple[Mapping[int, np.ndarray], Step]:
        """Plays these rows' actions; returns them as the environment got them. Other rows idle along."""


def play(
    rows: Rows,
    next_assignment: Callable[[int], Assignment | None],
    between_steps: Callable[[], None] = lambda: None,
    is_enough: Callable[[Sequence[Played]], bool] = lambda under_way: False,
    kept: Sequence[str] = (),
) -> Iterator[Played]:
    """Plays what `next_assignment(row)` gives to each free row until it gives None to all, handing over each episode as it
    ends. `between_steps` may raise to stop. `is_enough`, asked after each step with the episodes under way, cuts them off
    there: they are handed over as truncated, and nothing follows. `kept` names info that episodes keep, of rows that reset
    when told to."""
    current: list[Played | None] = [None] * rows.num_envs
    while True:
        begun = {}
        for row in [row for row, episode in enumerate(current) if episode is None]:
            assignment = next_assignment(row)
            if assignment is not None:
                begun[row] = assignment
        if not begun and not any(current):
            return
        rows.begin(begun)
        for row, assignment in begun.items():
            current[row] = episode = Played(assignment, assignment.behaviour(), [])
            episode.see(*rows.look(row), kept)
            episode.behaviour.begin()
        playing = {row: episode for row, episode in enumerate(current) if episode is not None}
        between_steps()
        sent, step = rows.step({row: episode.behaviour.act(*rows.look(row)) for row, episode in playing.items()})
        for row, episode in playing.items():
            episode.see(step.observations[row], rows.look(row)[1] if kept else {}, kept)
            episode.actions.append(sent[row])
            episode.rewards.append(float(step.rewards[row]))
            episode.events.append(step.events[row])
            if step.terminated[row] or step.truncated[row]:
                episode.terminated, episode.truncated = bool(step.terminated[row]), bool(step.truncated[row])
                episode.reached = _reached(episode, rows.look(row)[1])
                current[row] = None
                yield episode
        under_way = [episode for episode in current if episode is not None]
        if is_enough(under_way):
            for episode in under_way:
                episode.truncated = True
                yield episode
            return


def _reached(episode: Played, info: Mapping[str, Any]) -> bool:
    """Whether an episode that is over reached its goal: as the environment says (`is_success`), else where it ended by
    itself with a reward."""
    told = info.get("is_success")
    return bool(told) if told is not None else episode.terminated and episode.rewards[-1] > 0


class VectorRows:
    """The rows of a Gymnasium vector environment that resets in the same step, or when told to (DISABLED).

    Args:
        view: what policies see and episodes keep of a batch of observations (default: the observations); called after each
            reset and step, so that it may render.
    """

    def __init__(self, envs: gym.vector.VectorEnv, view: Callable[[Any], Any] = lambda observations: observations):
        self.envs, self.view, self.num_envs = envs, view, envs.num_envs
        mode = envs.metadata.get("autoreset_mode")
        if mode == AutoresetMode.NEXT_STEP:
            raise GenieGymError("NEXT_STEP spends steps on resets, which belong to no episode; use SAME_STEP or DISABLED.")
        self.same_step = mode == AutoresetMode.SAME_STEP
        self._idle: Any = envs.single_action_space.sample()
        self._ended = np.ones(self.num_envs, dtype=bool)
        self._observations: Any = None
        self._info: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]  # for each row, the one that it came in

    def reset(self, seed: int) -> Any:
        """Begins all rows' first episodes, with seeds from `seed` on. Returns what is seen."""
        return self._note(*self.envs.reset(seed=seed))

    def begin(self, assignments: Mapping[int, Assignment]) -> None:
        """Rows that reset by themselves have begun already. Rows that ended and have nothing left to play begin too."""
        if self._ended.any():
            seeds: Any = [assignments[row].seed if row in assignments else None for row in range(self.num_envs)]
            names = dict.fromkeys(name for one in assignments.values() for name in one.options or ())
            options = {name: [self._option(assignments.get(row), name) for row in range(self.num_envs)] for name in names}
            self._note(*self.envs.reset(seed=seeds, options=options | {"reset_mask": self._ended}), self._ended)

    @staticmethod
    def _option(assignment: Assignment | None, name: str) -> Any:
        return None if assignment is None or assignment.options is None else assignment.options.get(name)

    def _note(self, observations: Any, info: dict[str, Any], rows: np.ndarray | None = None) -> Any:
        """What all rows show now; the info of these rows (default: all), the others keep theirs."""
        self._observations = self.view(observations)
        for row in range(self.num_envs):
            if rows is None or rows[row]:
                self._info[row] = info
        self._ended = np.zeros(self.num_envs, dtype=bool)
        return self._observations

    def look(self, row: int) -> tuple[Any, Mapping[str, Any]]:
        info = self._info[row]  # of all rows; only what is looked at is taken apart
        told = [k for k in info if not k.startswith("final_") and f"_{k}" in info and info[f"_{k}"][row]]
        return row_of(self._observations, row), {k: row_of(info[k], row) for k in told}

    def step(self, actions: Mapping[int, Any]) -> tuple[Mapping[int, np.ndarray], Step]:
        batch = np.stack([np.asarray(self._idle)] * self.num_envs)
        for row, action in actions.items():
            batch[row] = action
        observations, rewards, terminated, truncated, info = self.envs.step(batch)
        done = terminated | truncated
        seen = self._note(observations, info)
        final = self.view(info["final_obs"]) if self.same_step and done.any() else seen
        if not self.same_step:
            self._ended = done
        led_to = [row_of(final if done[row] else seen, row) for row in range(self.num_envs)]
        events = [str(told) for told in info.get("events", [""] * self.num_envs)]
        return {row: np.array(batch[row]) for row in actions}, Step(led_to, rewards, terminated, truncated, events)


def row_of(batch: Any, row: int) -> Any:
    """A copy of one row of batched observations or info; of dictionaries, without Gymnasium's masks (`_name`)."""
    if isinstance(batch, dict):
        return {name: row_of(part, row) for name, part in batch.items() if not name.startswith("_")}
    value = batch[row]
    return value if isinstance(batch, np.ndarray) and batch.dtype.kind == "O" else np.array(value)


class SingleRow:
    """One environment as a single row. Observations may be anything."""

    num_envs = 1

    def __init__(self, env: gym.Env):
        self.env = env
        self._seen: tuple[Any, dict[str, Any]] = (None, {})

    def begin(self, assignments: Mapping[int, Assignment]) -> None:
        for assignment in assignments.values():
            options = None if assignment.options is None else dict(assignment.options)
            self._seen = self.env.reset(seed=assignment.seed, options=options)

    def look(self, row: int) -> tuple[Any, Mapping[str, Any]]:
        return self._seen

    def step(self, actions: Mapping[int, Any]) -> tuple[Mapping[int, np.ndarray], Step]:
        observation, reward, terminated, truncated, info = self.env.step(actions[0])
        self._seen = observation, info
        sent = {0: np.asarray(actions[0])}
        ends = np.array([terminated]), np.array([truncated])
        return sent, Step([observation], np.array([reward]), *ends, [str(info.get("events", ""))])
