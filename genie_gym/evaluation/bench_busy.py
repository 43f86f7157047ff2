"""`genie-gym bench --busy N`: a world's speed alone and beside N busy processes, with OpenMP's threads waiting as they are
set to, and as they do by themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from genie_gym.envs.registration import is_world, make
from genie_gym.errors import GenieGymError
from genie_gym.progress import progress
from genie_gym.threads import SETTINGS, SPINNING

ROUNDS, SECONDS, WARM_UP = 3, 3.0, 2
MAX_BUSY = 256
# Holds one core until it is killed, or until whoever started it is gone.
BUSY = """
import os, sys
parent, core = int(sys.argv[1]), int(sys.argv[2])
if core >= 0:
    os.sched_setaffinity(0, {core})
while os.getppid() == parent:
    for _ in range(10**6):
        pass
"""


def bench_busy(
    env_id: str, num_envs: int, busy: int, device: str = "auto", env_kwargs: Mapping[str, Any] | None = None
) -> dict[str, float]:
    """Steps `num_envs` copies for three seconds at a time, alone and beside busy processes, each held to one of the cores
    that this process may use. Everything is measured in turns, three times, and the median counts.

    Keys: frames_per_second_alone, frames_per_second_beside (as OpenMP is set now, see `genie_gym.threads`),
    spinning_frames_per_second_alone, spinning_frames_per_second_beside (as it waits when nothing is set), num_envs, busy,
    cores.

    Raises:
        GenieGymError: not a learned world, options that it does not take, or no sensible number of processes.
    """
    if not is_world(env_id):
        raise GenieGymError(f"{env_id} is no learned world; bench --busy takes those alone, for example Genie1-v0.")
    if not 1 <= busy <= MAX_BUSY:
        raise GenieGymError(f"busy is a number of processes from 1 to {MAX_BUSY}; got {busy}.")
    task = {"env_id": env_id, "num_envs": num_envs, "options": {"device": device} | dict(env_kwargs or {})}
    plain = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    with ExitStack() as stack:
        players = {
            "": stack.enter_context(_player(task, dict(os.environ))),
            "spinning_": stack.enter_context(_player(task, plain | SPINNING)),
        }
        rates: dict[str, list[float]] = {}
        for _ in progress(range(ROUNDS), desc=f"{num_envs} x {env_id}, alone and beside {busy}", unit="round"):
            for prefix, player in players.items():
                rates.setdefault(f"{prefix}frames_per_second_alone", []).append(_measure(player))
            with _busy_processes(busy):
                for prefix, player in players.items():
                    rates.setdefault(f"{prefix}frames_per_second_beside", []).append(_measure(player))
    medians = {name: float(np.median(values)) for name, values in rates.items()}
    return medians | {"num_envs": num_envs, "busy": busy, "cores": len(_cores())}


@contextmanager
def _player(task: Mapping[str, Any], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that plays when asked to, since OpenMP is set once a process."""
    code = "from genie_gym.evaluation.bench_busy import serve; serve()"
    player = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(environment)
    )
    try:
        _ask(player, task)
        yield player
    finally:
        player.kill()
        player.communicate()


def _ask(player: subprocess.Popen[str], question: Any) -> Any:
    assert player.stdin is not None
    assert player.stdout is not None
    try:
        print(json.dumps(question), file=player.stdin, flush=True)
        answer = json.loads(player.stdout.readline())
    except (OSError, ValueError) as error:
        raise GenieGymError("the process that plays has ended; what it said stands above.") from error
    if "error" in answer:
        raise GenieGymError(answer["error"])
    return answer


def _measure(player: subprocess.Popen[str]) -> float:
    return float(_ask(player, SECONDS)["frames_per_second"])


def serve() -> None:
    """The playing process: reads what to make, then for how many seconds to play; answers in JSON, a line each."""
    import gymnasium as gym
    from gymnasium.vector import AutoresetMode

    task = json.loads(sys.stdin.readline())
    options = {"autoreset_mode": AutoresetMode.NEXT_STEP, "max_episode_steps": None}
    try:
        envs = make(gym.make_vec, task["env_id"], num_envs=task["num_envs"], **task["options"] | options)
    except GenieGymError as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return
    envs.reset(seed=0)
    envs.action_space.seed(0)
    for _ in range(WARM_UP):
        envs.step(envs.action_space.sample())
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        begin, steps = time.perf_counter(), 0
        while time.perf_counter() - begin < float(line):
            envs.step(envs.action_space.sample())
            steps += 1
        rate = task["num_envs"] * steps / (time.perf_counter() - begin)
        print(json.dumps({"frames_per_second": rate}), flush=True)


@contextmanager
def _busy_processes(number: int) -> Iterator[None]:
    """So many processes that never rest, each on a core that this one may use; gone afterwards, whatever happens."""
    cores, running = _cores(), []
    try:
        for k in range(number):
            core = cores[k % len(cores)] if hasattr(os, "sched_setaffinity") else -1
            running.append(subprocess.Popen([sys.executable, "-c", BUSY, str(os.getpid()), str(core)]))
        yield
    finally:
        for process in running:
            process.kill()
        for process in running:
            process.wait()


def _cores() -> list[int]:
    """The cores that this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
