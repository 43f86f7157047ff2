"""`genie-gym bench` for our simulators: frames a second with depth on one core, and what a new world costs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import gymnasium as gym
import numpy as np

from genie_gym.datasets.record_simulator import make_driver
from genie_gym.envs.registration import make
from genie_gym.errors import GenieGymError
from genie_gym.progress import progress
from genie_gym.resident import resident_megabytes

WORLDS, STEPS = 20, 150
REBUILDS = 200
WARM_UP = 60  # rebuilds before anything is counted: caches fill first
SIZE = {"width": 160, "height": 90}


def bench_simulator(env_id: str, seed: int = 0, env_kwargs: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Plays 150 steps of sticky random actions in each of 20 worlds, then rebuilds 200 more, all on one core.

    Keys: frames_per_second (steps with RGB and depth at 160x90 over the time they took), slowest_world_fps,
    frames_per_second_with_masks (instance masks too, a second pass), reset_ms (a new world, with its first frame), rebuilds,
    megabytes_grown (resident memory, median over the last quarter of the rebuilds less that over the first quarter).
    """
    options = SIZE | dict(env_kwargs or {})
    if "obs" in options:
        raise GenieGymError("bench chooses `obs` by itself: rgb and depth.")
    with _one_core():
        plain = make(gym.make, env_id, obs=("rgb", "depth"), disable_env_checker=True, **options)
        masks = make(gym.make, env_id, obs=("rgb", "depth", "instance"), disable_env_checker=True, **options)
        plain.reset(seed=seed)  # textures are painted once a process
        times = _play(plain, seed, WORLDS)
        with_masks = _play(masks, seed, WORLDS // 4)
        masks.close()
        resets, grown = _rebuild(plain, seed)
        plain.close()
    return {
        "frames_per_second": times.size / float(times.sum()),
        "slowest_world_fps": STEPS / float(times.sum(1).max()),
        "frames_per_second_with_masks": with_masks.size / float(with_masks.sum()),
        "reset_ms": 1e3 * float(np.median(resets)),
        "rebuilds": REBUILDS,
        "megabytes_grown": grown,
    }


@contextmanager
def _one_core() -> Iterator[None]:
    """Holds this process to one core, where the system lets it."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _play(env: gym.Env, seed: int, worlds: int) -> np.ndarray:
    """Seconds of each step [worlds, STEPS]."""
    times = np.zeros((worlds, STEPS))
    rng = np.random.default_rng(seed)
    for world in progress(range(worlds), desc="play", unit="world"):
        env.reset(seed=seed + world)
        driver = make_driver(env, "sticky", rng)
        driver.begin()
        for step in range(STEPS):
            action = driver.act(None, {})  # sticky play looks at nothing
            begin = time.perf_counter()
            env.step(action)
            times[world, step] = time.perf_counter() - begin
    return times


def _rebuild(env: gym.Env, seed: int) -> tuple[list[float], float]:
    """Seconds of each reset, and the memory that came to stay, in MB."""
    resets, memory = [], []
    for k in progress(range(REBUILDS + WARM_UP), desc="rebuild", unit="world"):
        begin = time.perf_counter()
        env.reset(seed=seed + 1000 + k)
        env.step(env.action_space.sample())
        resets.append(time.perf_counter() - begin)
        memory.append(resident_megabytes())
    quarter = max(1, REBUILDS // 4)
    counted = memory[WARM_UP:]
    return resets[WARM_UP:], float(np.median(counted[-quarter:]) - np.median(counted[:quarter]))
