"""`genie-gym bench` for learned worlds: frames a second, beside what the same machine reaches in a large matrix product."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from torch.utils.flop_counter import FlopCounterMode

from genie_gym.envs.registration import is_world, make
from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.errors import GenieGymError
from genie_gym.progress import progress

EARLY, LATE = 10, 1000
WINDOW = 20  # steps timed around each of the two; the median counts


def bench(
    env_id: str, num_envs: int, device: str = "auto", seed: int = 0, env_kwargs: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Steps `num_envs` copies to frame 1,000 and beyond, actions and decoding included.

    Keys: frames_per_second (all rows together, median step), num_envs, gflops (floating-point operations of a step's
    matrix products and convolutions, over its time), gemm_gflops (one large float32 product, best of several, measured
    before and after), step_ms_at_10, step_ms_at_1000 (median of the 20 steps from there on).
    """
    if not is_world(env_id):
        raise GenieGymError(
            f"{env_id} is neither a learned world nor one of our simulators; bench takes Genie1-v0 or GenieSim/Town-v0."
        )
    options = {"device": device, "autoreset_mode": AutoresetMode.NEXT_STEP, "max_episode_steps": None}
    envs = make(gym.make_vec, env_id, num_envs=num_envs, **dict(env_kwargs or {}) | options)
    assert isinstance(envs.unwrapped, GenieVectorEnv)
    torch_device = envs.unwrapped.world.device
    gemm = [gemm_gflops(torch_device)]
    actions = envs.unwrapped.controls.spec.sample(np.random.default_rng(seed), LATE + WINDOW + 1, num_envs).numpy()
    envs.reset(seed=seed)
    times = np.zeros(len(actions))
    flops = 0
    for t, action in enumerate(progress(actions, desc=f"step {num_envs} x {env_id}")):
        if t == 1:
            with FlopCounterMode(display=False) as counter:
                envs.step(action)
            flops = counter.get_total_flops()
            continue
        _wait(torch_device)
        begin = time.perf_counter()
        envs.step(action)
        _wait(torch_device)
        times[t] = time.perf_counter() - begin
    gemm.append(gemm_gflops(torch_device))
    envs.close()
    step = float(np.median(times[EARLY:]))
    return {
        "frames_per_second": num_envs / step,
        "num_envs": num_envs,
        "gflops": flops / step / 1e9,
        "gemm_gflops": max(gemm),
        "gflop_per_frame": flops / num_envs / 1e9,
        "step_ms_at_10": float(np.median(times[EARLY : EARLY + WINDOW])) * 1e3,
        "step_ms_at_1000": float(np.median(times[LATE : LATE + WINDOW])) * 1e3,
    }


def gemm_gflops(device: torch.device, size: int = 2048, seconds: float = 2.0) -> float:
    """GFLOP/s of a float32 product of two square matrices: the best repetition within `seconds`."""
    a, b = torch.randn(size, size, device=device), torch.randn(size, size, device=device)
    best, started = 0.0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        _wait(device)
        begin = time.perf_counter()
        a @ b
        _wait(device)
        best = max(best, 2 * size**3 / (time.perf_counter() - begin) / 1e9)
    return best


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
