"""Generates trajectories in bulk: an environment and a policy in, a dataset that Minari opens out."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path

import gymnasium as gym
import numpy as np

from genie_gym.datasets.behaviours import check_policy, make_behaviour
from genie_gym.datasets.chunks import COMPRESSIONS
from genie_gym.datasets.dataset_card import write_card
from genie_gym.datasets.dataset_pictures import draw
from genie_gym.datasets.enough import MOST_TRIES, Enough
from genie_gym.datasets.interrupt import Interrupt
from genie_gym.datasets.minari_format import MinariWriter, shard_name
from genie_gym.datasets.minari_metadata import Credits, dataset_metadata
from genie_gym.datasets.play import Assignment, VectorRows
from genie_gym.datasets.play_shards import GenerateConfig, PlayShards, asked_of, episode_seed, make_envs
from genie_gym.datasets.quality import Filters
from genie_gym.datasets.stored import Stored
from genie_gym.errors import GenieGymError, check_name
from genie_gym.executor import Executor, LocalProcesses, ThisProcess
from genie_gym.progress import progress

__all__ = ["GenerateConfig", "generate"]


def generate(
    config: GenerateConfig,
    num_envs: int,
    out: str | Path,
    resume: bool = False,
    about: Credits | None = None,
    jobs: int = 1,
    executor: Executor | None = None,
) -> MinariWriter:
    """Writes the dataset into `out` (`out`-v0 where that names no version, see `dataset_place`), with a contact sheet, an
    mp4 and a card. Returns the writer, for its counts and its `place`.

    Killed at any moment, it loses no finished shard; `resume=True` completes it.

    Args:
        num_envs: rows that each process steps together. about: what only the user knows. jobs: processes of this machine;
            `executor`: any other workers, in their place.

    Raises:
        GenieGymError: see `make_envs`, `dataset_metadata` and `MinariWriter`.
    """
    if num_envs < 1 or config.episodes_per_shard < 1 or jobs < 1:
        raise GenieGymError("num_envs, episodes_per_shard and jobs must be at least 1.")
    check_config(config)
    check_policy(config.policy)
    check_name("compression", config.compression, COMPRESSIONS)
    sure = config.filters == Filters() and config.successes is None and config.steps is None and config.hours is None
    writer = MinariWriter(out, _settings(config), resume)  # what does not do is told before a world is loaded
    with closing(make_envs(config, 1)) as envs:
        stored = Stored.of(config.store, envs, config.env_kwargs)
        _try(config, envs, stored)
        fps = float(envs.metadata.get("render_fps") or 15)
        enough = Enough.of(config.episodes, config.steps, config.hours, config.successes, fps)
        said, about = _description(config, enough), about or Credits()
        metadata = dataset_metadata(envs, config.env, config.env_kwargs, config.policy, said, about, stored.space)
    writer.begin()
    with closing(writer), _nothing_left_of_nothing(writer):
        job = PlayShards(config, num_envs, writer.data, enough.episodes if sure else None)
        with Interrupt() as interrupt:
            count = _fill(writer, job, enough, executor or (ThisProcess() if jobs == 1 else LocalProcesses(jobs)), interrupt)
        writer.finish(metadata, count)
        if not draw(writer.folder):
            print("no contact sheet and mp4: none of the observations is an image, from black (0) to white (255, floats 1).")
        write_card(writer, config, about)
    return writer


def check_config(config: GenerateConfig) -> None:
    """What can be told without a world."""
    if isinstance(config.seed, bool) or not isinstance(config.seed, int) or not 0 <= config.seed < 2**62:
        raise GenieGymError(f"a seed is a whole number from 0 on; got {config.seed!r:.40}.")
    if config.keep_failures and config.successes is None:
        raise GenieGymError("keep_failures is for successes, which leave failures out; leave it out too.")


def _try(config: GenerateConfig, envs: gym.vector.VectorEnv, stored: Stored) -> None:
    """Begins the first episode, and asks the policy for one action: what does not do is told before anything is written.

    Raises:
        GenieGymError: for what is asked of the world, kept, or done by the policy, and cannot be.
    """
    options = asked_of(config, envs).options(config.seed, 0)
    rows = VectorRows(envs)
    rng = np.random.default_rng([config.seed, 0])
    first = Assignment(
        lambda: make_behaviour(config.policy, stored.policy_space, envs.single_action_space, rng),
        seed=episode_seed(config.seed, 0), options=options,
    )  # fmt: skip
    rows.begin({0: first})
    observation, info = rows.look(0)
    told = {**observation, **info} if isinstance(observation, dict) else info
    for name in (*stored.infos, *config.filters.info):
        if name not in told:
            raise GenieGymError(f"the environment tells no {name!r}; it tells {', '.join(sorted(told)) or 'nothing'}.")
    try:
        behaviour = first.behaviour()
        behaviour.begin()
        action = behaviour.act(stored.seen(observation), told)
    except GenieGymError:
        raise
    except Exception as error:  # of somebody's own policy
        raise GenieGymError(f"the policy {config.policy} fails: {type(error).__name__}: {error}.") from error
    space = envs.single_action_space
    try:
        fits = space.contains(np.asarray(action).astype(space.dtype).reshape(space.shape or ())[()])
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise GenieGymError(f"the policy {config.policy} gave the action {action!r:.60}, which is none of {space!s:.80}.")


@contextmanager
def _nothing_left_of_nothing(writer: MinariWriter) -> Iterator[None]:
    """Where it fails before anything was written, no folder stays."""
    try:
        yield
    except BaseException:
        writer.abandon()
        raise


def _fill(writer: MinariWriter, job: PlayShards, enough: Enough, executor: Executor, interrupt: Interrupt) -> int:
    """Has shards written until there is enough in them; how many of their episodes are."""
    size = job.config.episodes_per_shard
    bar = progress(total=enough.episodes if job.end else None, unit="episode", desc=f"generate {job.config.env}")
    there = writer.whole_shards()
    bar.update(writer.tally["played"])
    count, whole = _enough_in(writer, there, enough)
    with bar:
        if count is None:
            with closing(executor.run(job, _missing(job, there), interrupt.check, bar.update)) as finished:
                for number, shard in finished:
                    writer.note_shard(number, shard)
                    there.add(number)
                    count, whole = _enough_in(writer, there, enough)
                    bar.set_postfix(_tally(writer))
                    if count is not None:
                        break
                    if enough.most_episodes is not None and whole * size >= max(enough.most_episodes, size):
                        raise GenieGymError(_too_few(writer, enough))
    assert count is not None  # else there are more shards to come
    writer.keep_shards(whole)
    return count


def _missing(job: PlayShards, there: set[int]) -> Iterator[int]:
    """Numbers of shards that are to be made."""
    size, end = job.config.episodes_per_shard, job.end
    numbers = itertools.count() if end is None else range(-(-end // size))
    return (number for number in numbers if number not in there)


def _enough_in(writer: MinariWriter, there: set[int], enough: Enough) -> tuple[int | None, int]:
    """How many episodes are enough, of those in shards before the first that is missing, and how many shards those are."""
    whole = next(number for number in itertools.count() if number not in there)
    kept: list[tuple[int, bool]] = []
    ends = []  # of shards
    for number in range(whole):
        shard = writer.shards[shard_name(number)]
        kept += zip(shard.lengths, shard.reached, strict=True)
        ends.append(len(kept))
    count = enough.count(kept)
    return (None, whole) if count is None else (count, bisect.bisect_left(ends, count) + 1)


def _tally(writer: MinariWriter) -> dict[str, int]:
    """What has become of the episodes so far."""
    tally = writer.tally
    return {"reached": tally["reached"]} | tally["left_out"] if tally["reached"] or tally["left_out"] else {}


def _too_few(writer: MinariWriter, enough: Enough) -> str:
    played, kept = writer.tally["played"], writer.num_episodes
    return (
        f"{played:,} episodes were played, {MOST_TRIES} for each that is wanted, and {kept:,} of them can be kept (left "
        f"out: {writer.tally['left_out'] or 'none'}); they are in {writer.data}. Choose another policy, task or filter."
    )


def _settings(config: GenerateConfig) -> dict[str, object]:
    """What the episodes depend on, without what is left at its default: options that came later change nothing in older
    datasets. How much is enough belongs to it."""
    default = asdict(GenerateConfig())
    always = {"env", "episodes", "policy", "seed", "max_episode_steps", "episodes_per_shard", "env_kwargs"}
    values = asdict(config)
    values["episodes"] = Enough.of(config.episodes, config.steps, config.hours, config.successes, 1).episodes
    return {name: value for name, value in values.items() if name in always or value != default[name]}


def _description(config: GenerateConfig, enough: Enough) -> str:
    much = (
        f"{enough.episodes:,} episodes" if enough.episodes else f"{enough.steps:,} steps" if enough.steps
        else f"{enough.successes:,} episodes that reached their goal"
    )  # fmt: skip
    return f"{much} of {config.env} by the policy {config.policy}, made by genie-gym generate."
