"""What a dataset will cost, by playing a part of it."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from genie_gym.datasets.enough import Enough
from genie_gym.datasets.generate import check_config
from genie_gym.datasets.minari_format import write_shard
from genie_gym.datasets.play_shards import GenerateConfig, make_envs, play_episodes
from genie_gym.datasets.stored import Stored
from genie_gym.envs.registration import find_spec
from genie_gym.errors import GenieGymError

SECONDS = 8.0
PARTS, LEAST = 4, 8  # episodes that are played for it are so much shorter, but not shorter than so many steps
LIMIT = 256  # steps, where nothing ends an episode


def price(config: GenerateConfig, num_envs: int, jobs: int = 1, seconds: float = SECONDS) -> str:
    """Plays for some seconds, and says in a sentence what all of it takes: steps, time and bytes. Episodes are assumed to be
    as long as those that were played, and as many to be kept."""
    check_config(config)
    begun = time.perf_counter()
    limit = config.max_episode_steps or find_spec(config.env).max_episode_steps or LIMIT
    short = replace(config, max_episode_steps=max(LEAST, limit // PARTS))
    kept, steps = [], 0
    with closing(make_envs(short, num_envs)) as envs:
        fps = float(envs.metadata.get("render_fps") or 15)
        enough = Enough.of(config.episodes, config.steps, config.hours, config.successes, fps)
        stored = Stored.of(config.store, envs, config.env_kwargs)
        playing = time.perf_counter()
        with suppress(_Over):
            for played in play_episodes(envs, short, itertools.count(), _stop_at(playing + seconds), stored):
                steps += len(played.actions)
                kept.append(stored.trajectory(played, {}))
        rate = steps / (time.perf_counter() - playing)
    if not kept:
        raise GenieGymError(f"no episode was over within {seconds:g} s: choose fewer rows (--num-envs) or steps.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "probe.hdf5"
        write_shard(path, kept, compression=config.compression)
        per_step = path.stat().st_size / steps
    wanted = enough.steps or (enough.episodes or enough.successes or 0) * limit
    hours = wanted / rate / 3600 / jobs
    most = "" if enough.steps else "at most "
    shares = f", if {jobs} processes have a core each" if jobs > 1 else ""
    return (
        f"{most}{wanted:,} steps: {most}{_span(hours * 3600)} at {rate:,.0f} steps a second{shares}, and "
        f"{wanted * per_step / 1e6:,.0f} MB ({per_step / 1e3:.1f} kB a step); loading takes {playing - begun:.0f} s."
    )


def _stop_at(end: float) -> Callable[[], None]:
    def check() -> None:
        if time.perf_counter() > end:
            raise _Over

    return check


class _Over(Exception):
    """Enough has been played."""


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"
