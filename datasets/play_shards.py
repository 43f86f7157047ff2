"""Plays the episodes of shards, and writes each shard as soon as all of its episodes are over.

Episode i is fixed by (seed, i): its start, what it is asked to be, its randomness and its policy's. Rows take the next
episode as they come free, so that no short episode is favoured. A dataset so depends on neither the number of rows nor that
of processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode

from genie_gym.datasets.asked import Asked, read_ranges
from genie_gym.datasets.behaviours import Behaviour, make_behaviour
from genie_gym.datasets.chunks import GZIP
from genie_gym.datasets.minari_format import ShardFile, Trajectory, shard_name, write_shard
from genie_gym.datasets.play import Assignment, Played, VectorRows, play
from genie_gym.datasets.quality import Filters
from genie_gym.datasets.stored import Stored
from genie_gym.envs.packages import DECLARED, import_modules
from genie_gym.envs.registration import is_world, make
from genie_gym.errors import GenieGymError
from genie_gym.executor import Worker

LEAST_ROWS = 2  # one alone is a matrix times a vector, which is rounded in another way: a dataset would depend on it


@dataclass(frozen=True)
class GenerateConfig:
    """What the episodes of a dataset are."""

    env: str = "Genie1-v0"
    episodes: int | None = None
    """64 where nothing else says how much is enough."""
    policy: str = "random"
    """random, sticky (actions are held for a while), directed, prior (what the world holds for likely), an SB3 .zip, a list
    of actions (.npy, .json), or module:callable."""
    seed: int = 0
    max_episode_steps: int | None = None
    episodes_per_shard: int = 32
    env_kwargs: dict[str, Any] = field(default_factory=dict)
    prompts: tuple[str, ...] = ()
    """Texts, one an episode, in turn."""
    sample_specs: tuple[str, ...] | None = None
    """Ranges that worlds are drawn from (`asked.read_ranges`); () draws from all that there is."""
    tasks: tuple[str, ...] = ()
    """Drawn, one an episode."""
    store: tuple[str, ...] = ()
    """Names of what is kept; () is what the policy observes."""
    steps: int | None = None
    hours: float | None = None
    """In place of `episodes`: of what is played back at the environment's rate."""
    successes: int | None = None
    """In place of `episodes`: goes on until so many have reached their goal."""
    keep_failures: bool = False
    """With `successes`: keeps the others too."""
    max_drift: float | None = None
    min_consistency: float | None = None
    """See `quality.Filters`."""
    compression: str = GZIP
    """Of frames: gzip, or none (see `chunks.write_frames`)."""
    imports: tuple[str, ...] = ()
    """Modules that register what is played."""

    @property
    def filters(self) -> Filters:
        return Filters(self.max_drift, self.min_consistency)


@dataclass(frozen=True)
class PlayShards:
    """Plays and writes shards into a folder (a `Job`): shard k has the episodes k·n to (k+1)·n - 1 of those that there are
    before `end`."""

    config: GenerateConfig
    num_envs: int
    folder: Path
    end: int | None = None

    def __call__(self, worker: Worker) -> Iterator[tuple[int, ShardFile]]:
        import_modules(name for name in self.config.imports if name not in DECLARED)
        with closing(make_envs(self.config, self.num_envs)) as envs, ThreadPoolExecutor(1) as writer:
            stored = Stored.of(self.config.store, envs, self.config.env_kwargs)
            under_way: dict[int, _Pile] = {}
            writing: list[tuple[int, Future[ShardFile]]] = []
            try:
                episodes = self._episodes(worker.numbers, under_way)
                for played in play_episodes(envs, self.config, episodes, worker.check, stored):
                    number = played.assignment.index // self.config.episodes_per_shard
                    pile = under_way[number]
                    pile.add(played, self.config, stored)
                    worker.tick(1)
                    if pile.is_complete:
                        yield from _written(writing, wait=True)  # one at a time: memory stays bounded
                        del under_way[number]
                        writing.append(
                            (number, writer.submit(pile.write, self.folder / shard_name(number), self.config.compression))
                        )
                    yield from _written(writing, wait=False)
                yield from _written(writing, wait=True)
            finally:
                for _, future in writing:
                    future.cancel()

    def _episodes(self, shards: Iterable[int], under_way: dict[int, _Pile]) -> Iterator[int]:
        size = self.config.episodes_per_shard
        for number in shards:
            episodes = range(number * size, (number + 1) * size if self.end is None else min((number + 1) * size, self.end))
            under_way[number] = _Pile(len(episodes))
            yield from episodes


@dataclass
class _Pile:
    """The episodes of a shard, so far."""

    size: int
    kept: list[Trajectory] = field(default_factory=list)
    played: int = 0
    reached: int = 0
    left_out: dict[str, int] = field(default_factory=dict)

    def add(self, played: Played, config: GenerateConfig, stored: Stored) -> None:
        """Takes an episode in, unless there is a reason against it."""
        self.played += 1
        self.reached += played.reached
        filters = config.filters
        measured = filters.measure(stored.frames(played), stored.told(played)) if filters != Filters() else {}
        reasons = filters.reasons(measured)
        if config.successes is not None and not config.keep_failures and not played.reached:
            reasons.append("goal not reached")
        for reason in reasons:
            self.left_out[reason] = self.left_out.get(reason, 0) + 1
        if not reasons:
            self.kept.append(stored.trajectory(played, measured))

    @property
    def is_complete(self) -> bool:
        return self.played == self.size

    def write(self, path: Path, compression: str) -> ShardFile:
        tally = {"played": self.played, "reached": self.reached, "left_out": self.left_out}
        return write_shard(path, self.kept, tally, compression)


def _written(writing: list[tuple[int, Future[ShardFile]]], wait: bool) -> Iterator[tuple[int, ShardFile]]:
    """Shards whose files are there."""
    while writing and (wait or writing[0][1].done()):
        number, future = writing.pop(0)
        yield number, future.result()


def make_envs(config: GenerateConfig, num_envs: int) -> gym.vector.VectorEnv:
    """A vector environment whose rows reset when told to, each with a seed of its own; its observations are what the policy
    sees and what is kept."""
    options = dict(config.env_kwargs)
    if config.max_episode_steps is not None:
        options["max_episode_steps"] = config.max_episode_steps
    if is_world(config.env):
        options |= Stored.options(config.store, config.env_kwargs)
        rows = max(LEAST_ROWS, num_envs)
        return make(gym.make_vec, config.env, num_envs=rows, **options | {"autoreset_mode": AutoresetMode.DISABLED})
    if config.prompts or config.sample_specs is not None or config.tasks:
        raise GenieGymError(f"prompts and tasks are asked of learned worlds; give those of {config.env} as --option.")
    makers = [lambda: make(gym.make, config.env, **options)] * num_envs
    return gym.vector.SyncVectorEnv(makers, autoreset_mode=AutoresetMode.DISABLED)


def asked_of(config: GenerateConfig, envs: gym.vector.VectorEnv) -> Asked:
    """What episodes are asked to be.

    Raises:
        GenieGymError: the world takes no prompts, or does not know what is asked for.
    """
    if config.sample_specs is None:
        return Asked(config.prompts, None, config.tasks)
    vocabulary = getattr(getattr(envs.unwrapped, "world", None), "vocabulary", None)
    if vocabulary is None:
        raise GenieGymError(f"{config.env} takes no prompts: leave --sample-specs out.")
    ranges = read_ranges(config.sample_specs)
    ranges.check(vocabulary)
    return Asked((), ranges, config.tasks, vocabulary)


def play_episodes(
    envs: gym.vector.VectorEnv,
    config: GenerateConfig,
    numbers: Iterable[int],
    between_steps: Callable[[], None] = lambda: None,
    stored: Stored | None = None,
) -> Iterator[Played]:
    """Plays the numbered episodes (`assignment.index`), each fixed by its number and the seed alone. They keep what `stored`
    says."""
    waiting, asked = iter(numbers), asked_of(config, envs)
    stored = stored or Stored.of((), envs, config.env_kwargs)
    space, action_space = stored.policy_space, envs.single_action_space

    def next_assignment(row: int) -> Assignment | None:
        number = next(waiting, None)
        if number is None:
            return None
        rng = np.random.default_rng([config.seed, number])
        behaviour = make_behaviour(config.policy, space, action_space, rng)
        seen = behaviour if space == envs.single_observation_space else _Narrow(behaviour, stored)

        def begin() -> Behaviour:
            stored.begin(number, row, envs)
            return seen

        options = asked.options(config.seed, number)
        return Assignment(begin, config.policy, number, episode_seed(config.seed, number), options)

    observed = envs.single_observation_space
    unseen = [
        name for name in config.filters.info if not isinstance(observed, gym.spaces.Dict) or name not in observed.spaces
    ]
    return play(VectorRows(envs), next_assignment, between_steps, kept=(*stored.infos, *unseen))


@dataclass
class _Narrow:
    """A behaviour that sees what the user said it shall, of more that is observed."""

    behaviour: Behaviour
    stored: Stored

    def begin(self) -> None:
        self.behaviour.begin()

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        return self.behaviour.act(self.stored.seen(observation), {**observation, **info})


def episode_seed(seed: int, number: int) -> int:
    """The reset seed of an episode by its number. They are consecutive, and so begin in different start frames."""
    return int(np.random.default_rng(seed).integers(2**30)) + number
