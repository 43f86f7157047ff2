"""Records our simulators: worker processes play whole episodes by themselves, with scripted drivers and every ground truth.

An episode depends on its number and the seed alone, so the same recording comes out whatever the number of workers.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from tqdm import tqdm

from genie_gym.datasets.behaviours import NAMES, make_behaviour
from genie_gym.datasets.interrupt import Interrupt
from genie_gym.datasets.video import Episode, VideoWriter
from genie_gym.errors import GenieGymError, did_you_mean

TRUTH = ("depth", "instance", "semantic", "pose", "agent")
# Half the bytes where that loses nothing that matters: half precision is 0.1 % of a depth.
_STORED = {"depth": np.float16, "instance": np.int16}
DEFAULT_MIX = {"sticky": 0.15, "wander": 0.6, "expert": 0.25}


@dataclass
class SimRecording:
    """What is recorded: an id with its options, drivers and their shares, and which ground truth beside the frames.

    Behaviours are the simulator's own drivers ("wander", "expert" …) or those of any source ("random", "sticky",
    "directed"). An expert without a task gets a random one each episode.
    """

    env_id: str
    mix: dict[str, float] = field(default_factory=lambda: dict(DEFAULT_MIX))
    truth: tuple[str, ...] = TRUTH
    max_episode_steps: int | None = None
    seed: int = 0
    env_kwargs: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.truth:
            if name not in TRUTH:
                raise GenieGymError(f"unknown ground truth {name!r}." + did_you_mean(name, TRUTH))
        if "obs" in self.env_kwargs:
            raise GenieGymError("`obs` follows from what is recorded; choose ground truth with --truth.")


def record_sim(
    recording: SimRecording, out: str | Path, num_frames: int, workers: int | None = None, resume: bool = False
) -> VideoWriter:
    """Plays episodes in `workers` processes (one a core by default) until `out` holds `num_frames` frames.

    On Ctrl-C the file is finished with the episodes it has; `resume=True` goes on with the next episode number.
    Returns the closed writer, for its counts.
    """
    env = _make(recording)  # bad options fail here, in this process
    sim: Any = env.unwrapped
    known = (*sim.driver_names, *NAMES)
    for name in recording.mix:
        if name not in known:
            raise GenieGymError(f"unknown behaviour {name!r}." + did_you_mean(name, known))
    source = {
        "kind": "gymnasium",
        "env_id": recording.env_id,
        "env_kwargs": recording.env_kwargs,
        "seed": recording.seed,
        "classes": list(env.metadata.get("classes", ())),
        "agent_state": list(env.metadata.get("agent_state", ())),
        "action_meanings": list(env.metadata.get("action_meanings", ())),
    }
    env.close()
    writer = VideoWriter(out, sim.height, sim.width, float(env.metadata["render_fps"]), source, resume)
    bar = tqdm(total=num_frames, initial=writer.num_frames, unit="frame", desc=f"record {Path(out).name}", disable=None)
    with writer, bar, Interrupt() as interrupt:
        if writer.num_frames < num_frames:
            for episode in _episodes(recording, writer.num_episodes, workers or os.cpu_count() or 1, interrupt):
                writer.append(episode)
                bar.update(len(episode.frames))
                if writer.num_frames >= num_frames:
                    break
    return writer


def _episodes(recording: SimRecording, first: int, workers: int, interrupt: Interrupt) -> Iterator[Episode]:
    """Episodes in order of their number. A few are under way at a time, so that memory stays bounded."""
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _start_worker, (recording,))
    waiting: deque[Future[Episode]] = deque()
    number = first
    try:
        while True:
            while len(waiting) < workers + 1:
                waiting.append(pool.submit(_play, number))
                number += 1
            while not waiting[0].done():
                interrupt.check()
                wait([waiting[0]], timeout=0.2)
            yield waiting.popleft().result()
            interrupt.check()
    except BrokenProcessPool as error:
        raise GenieGymError(f"a recording process of {recording.env_id} died ({error}); is there memory enough?") from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in list((getattr(pool, "_processes", None) or {}).values()):
            process.terminate()


def _make(recording: SimRecording) -> gym.Env:
    obs = tuple(dict.fromkeys(("rgb", "agent", *recording.truth)))  # two at least: then the observation is a dict
    try:
        return gym.make(
            recording.env_id,
            obs=obs,
            max_episode_steps=recording.max_episode_steps,
            disable_env_checker=True,
            **recording.env_kwargs,
        )
    except TypeError as error:
        raise GenieGymError(f"{recording.env_id} does not take these options: {error}.") from error


_worker: tuple[SimRecording, gym.Env] | None = None


def _start_worker(recording: SimRecording) -> None:
    global _worker
    import genie_gym  # noqa: F401  (registers the ids in this new process)

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    _worker = (recording, _make(recording))


def _play(number: int) -> Episode:
    """Episode `number`, from reset to end."""
    assert _worker is not None
    return play_episode(*_worker, number)


def play_episode(recording: SimRecording, env: gym.Env, number: int) -> Episode:
    """Plays one episode of a simulator made with `obs=("rgb", *truth)`."""
    rng = np.random.default_rng([recording.seed, number])
    name = str(rng.choice(list(recording.mix), p=list(recording.mix.values())))
    sim: Any = env.unwrapped
    options = {"task": str(rng.choice(sim.tasks))} if name == "expert" and sim.task_name is None else None
    observation, info = env.reset(seed=int(rng.integers(2**31)), options=options)
    description = sim.description | {"scene_graph": sim.scene_graph()}
    driver = make_driver(env, name, rng)
    driver.begin()
    seen, actions, rewards, terminated = [observation], [], [], []
    while True:
        action = driver.act()
        observation, reward, ended, truncated, _ = env.step(action)
        seen.append(observation)
        actions.append(action)
        rewards.append(reward)
        terminated.append(ended)
        if ended or truncated:
            break
    truth = {key: np.stack([o[key] for o in seen]) for key in recording.truth}
    return Episode(
        frames=np.stack([o["rgb"] for o in seen]),
        actions=np.stack([np.asarray(a) for a in actions]),
        rewards=np.asarray(rewards, np.float32),
        terminated=np.asarray(terminated, bool),
        behaviour=name,
        truth={key: values.astype(_STORED.get(key, values.dtype)) for key, values in truth.items()},
        description=description
        | {"intrinsics": info["intrinsics"].tolist(), "events": sim.events_json, "is_success": sim.success},
    )


def make_driver(env: gym.Env, name: str, rng: np.random.Generator) -> Any:
    """One of the simulator's own drivers, or a behaviour that looks at no frame ("random", "sticky", "directed")."""
    sim: Any = env.unwrapped
    if name in sim.driver_names:
        return sim.driver(name, rng)
    return _Blind(make_behaviour(name, env.observation_space, env.action_space, rng))


class _Blind:
    """A behaviour that looks at no frame, as a driver."""

    def __init__(self, behaviour: Any):
        self.behaviour = behaviour

    def begin(self) -> None:
        self.behaviour.begin()

    def act(self) -> Any:
        return self.behaviour.act(np.empty(0))
