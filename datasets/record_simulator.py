"""Records simulators with ground truth: worker processes play whole episodes by themselves.

An episode depends on its number and the seed alone, so the same recording comes out whatever the number of workers.

Legend: T frames of an episode, N of its things that can move, H W image.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import gymnasium as gym
import numpy as np

from genie_gym.datasets.behaviours import NAMES, Behaviour, Scripted, make_behaviour
from genie_gym.datasets.interrupt import Interrupt
from genie_gym.datasets.play import Assignment, SingleRow, play
from genie_gym.datasets.recording import Recording
from genie_gym.datasets.video import Episode, VideoWriter
from genie_gym.envs.packages import DECLARED, import_modules
from genie_gym.envs.registration import make
from genie_gym.errors import GenieGymError, check_name
from genie_gym.executor import Job, LocalProcesses, Worker, in_order
from genie_gym.places.place import Place
from genie_gym.progress import progress

# Half the bytes where that loses nothing that matters: half precision is 0.1 % of a depth.
STORED_TYPES = {"depth": np.float16, "instance": np.int16}
ABOUT = ("classes", "agent_state", "action_meanings")  # what the file says of the simulator, out of its metadata

T = TypeVar("T")


def record_simulator(
    recording: Recording, out: str | Path, num_frames: int, resume: bool = False, num_layouts: int = 0
) -> VideoWriter:
    """Plays episodes in `num_envs` processes (one a core by default) until `out` holds `num_frames` frames, and lays out
    worlds that are not filmed until it holds `num_layouts` of them.

    Behaviours are the simulator's own drivers ("wander", "expert" …) or those of any source ("random", "sticky",
    "directed"). An expert without a task gets a random one each episode. `resume=True` goes on with the next numbers.
    """
    if recording.image_key is not None:
        raise GenieGymError(f"{recording.env_id} is recorded with its camera; leave --image-key out.")
    if "obs" in recording.env_kwargs:
        raise GenieGymError("`obs` follows from what is recorded; choose ground truth with --truth.")
    env = _make(recording)  # bad options fail here, in this process
    sim: Any = env.unwrapped
    known = (*sim.driver_names, *NAMES)
    for name in recording.shares:
        check_name("behaviour", name, known)
    source = recording.source | {key: list(env.metadata.get(key, ())) for key in ABOUT}
    if sim.vocabulary is not None:
        source["vocabulary"] = sim.vocabulary.to_dict()
    source["goals"] = list(sim.goals)
    env.close()
    writer = VideoWriter(out, sim.height, sim.width, float(env.metadata["render_fps"]), source, resume)
    with writer, Interrupt() as interrupt:
        if writer.num_layouts < num_layouts:
            _record_layouts(recording, writer, num_layouts, interrupt)
        if writer.num_frames < num_frames:
            _record_frames(recording, writer, num_frames, interrupt)
    return writer


def _record_layouts(recording: Recording, writer: VideoWriter, count: int, interrupt: Interrupt) -> None:
    about = {"unit": "layout", "desc": f"lay out {writer.path.name}"}
    with progress(total=count, initial=writer.num_layouts, **about) as bar:
        for layout in _in_order(recording, LayOut(recording), writer.num_layouts, count, interrupt):
            if layout is None:
                raise GenieGymError(f"{recording.env_id} cannot say where things stand; leave --layouts out.")
            writer.append_layout(*layout)
            bar.update()


def _record_frames(recording: Recording, writer: VideoWriter, num_frames: int, interrupt: Interrupt) -> None:
    about = {"unit": "frame", "desc": f"record {writer.path.name}"}
    with progress(total=num_frames, initial=writer.num_frames, **about) as bar:
        for episode in _in_order(recording, PlayEpisodes(recording), writer.num_episodes, None, interrupt):
            writer.append(episode)
            bar.update(len(episode.frames))
            if writer.num_frames >= num_frames:
                return


def _in_order(recording: Recording, job: Job[T], first: int, stop: int | None, interrupt: Interrupt) -> Iterator[T]:
    """What the job makes of the numbers from `first` on. A few are under way at a time, so that memory stays bounded."""
    workers = recording.num_envs or os.cpu_count() or 1
    numbers = itertools.count(first) if stop is None else range(first, stop)
    with closing(LocalProcesses(workers, ahead=2 * workers).run(job, numbers, interrupt.check)) as results:
        for result in in_order(results, first):
            yield result
            interrupt.check()


def _make(recording: Recording) -> gym.Env:
    obs = tuple(dict.fromkeys(("rgb", "agent", *recording.truth)))  # two at least: then the observation is a dict
    size = {} if recording.size is None else {"height": recording.size[0], "width": recording.size[1]}
    options = size | recording.options | {"max_episode_steps": recording.max_episode_steps}
    return make(gym.make, recording.env_id, obs=obs, disable_env_checker=True, **options)


@dataclass(frozen=True)
class PlayEpisodes:
    """Plays episodes of a simulator (a `Job`)."""

    recording: Recording

    def __call__(self, worker: Worker) -> Iterator[tuple[int, Episode]]:
        env = _begun(self.recording)
        for number in worker.numbers:
            yield number, play_episode(self.recording, env, number)


@dataclass(frozen=True)
class LayOut:
    """Lays out worlds that are not filmed: other ones than the episodes', drawn as they are (a `Job`)."""

    recording: Recording

    def __call__(self, worker: Worker) -> Iterator[tuple[int, tuple[dict[str, Any] | None, Place] | None]]:
        sim: Any = _begun(self.recording).unwrapped
        for number in worker.numbers:
            rng = np.random.default_rng([self.recording.seed, number, 2])
            yield number, sim.lay_out(self.recording.first_seed + int(rng.integers(2**31)))


def _begun(recording: Recording) -> gym.Env:
    """The simulator, in a process that may just have started."""
    import_modules(name for name in recording.imports if name not in DECLARED)
    return _make(recording)


def play_episode(recording: Recording, env: gym.Env, number: int) -> Episode:
    """Episode `number` of a simulator made with `obs=("rgb", *truth)`, from reset to end."""
    sim: Any = env.unwrapped
    rng = np.random.default_rng([recording.seed, number])
    shares = recording.shares
    name = str(rng.choice(list(shares), p=list(shares.values())))
    options = {"task": str(rng.choice(sim.tasks))} if name == "expert" and sim.task_name is None else None
    seed = recording.first_seed + int(rng.integers(2**31))
    at_start: dict[str, Any] = {}
    places: list[Place | None] = []

    def behaviour() -> Behaviour:
        at_start.update(sim.description | {"scene_graph": sim.scene_graph(), "instance_classes": sim.instance_classes})
        places.append(sim.place())
        return make_driver(env, name, rng)

    twins = Twins(env, np.random.default_rng([recording.seed, number, 1])) if recording.twins else None
    rows = SingleRow(twins or env)
    assignments = iter([Assignment(behaviour, name, number, seed, options)])
    played = next(play(rows, lambda _: next(assignments, None)))
    seen = played.observations
    truth = {key: np.stack([o[key] for o in seen]) for key in recording.truth}
    if "entities" in truth:
        truth["entities"] = used_rows(truth["entities"])
    if twins is not None:
        truth["twin"] = np.stack([o["twin"] for o in seen])
        at_start["twin_spec"] = twins.finish()
    terminated = np.zeros(len(played.actions), dtype=bool)
    terminated[-1] = played.terminated
    intrinsics = rows.look(0)[1]["intrinsics"].tolist()
    return Episode(
        frames=np.stack([o["rgb"] for o in seen]),
        actions=np.stack(played.actions),
        rewards=np.asarray(played.rewards, np.float32),
        terminated=terminated,
        behaviour=name,
        truth={key: values.astype(STORED_TYPES.get(key, values.dtype)) for key, values in truth.items()},
        description=at_start | {"intrinsics": intrinsics, "events": sim.events_json, "is_success": sim.success},
        place=places[0],
    )


class Twins(gym.Wrapper):
    """Adds to each observation of one episode what is seen under another weather and hour: twin uint8 [H, W, 3]."""

    def __init__(self, env: gym.Env, rng: np.random.Generator):
        super().__init__(env)
        self.rng = rng

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        observation, info = self.env.reset(**options)
        sim: Any = self.unwrapped
        self.twin = sim.twin(self.rng)
        return self._with_twin(observation), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = self.env.step(action)
        return self._with_twin(observation), reward, terminated, truncated, info

    def _with_twin(self, observation: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        sim: Any = self.unwrapped
        return observation | {"twin": self.twin.observe(("rgb",), sim.width, sim.height, sim.view, sim.samples)["rgb"]}

    def finish(self) -> dict[str, Any]:
        """The spec of the twin, as JSON values; its renderer goes."""
        self.twin.close()
        return dict(json.loads(self.twin.spec.to_json()))


def used_rows(entities: np.ndarray) -> np.ndarray:
    """Entities [T, N, 8] without the rows at the end that no frame uses."""
    used = np.flatnonzero((entities[..., 0] > 0).any(axis=0))
    return entities[:, : used.max(initial=-1) + 1]


def make_driver(env: gym.Env, name: str, rng: np.random.Generator) -> Behaviour:
    """One of the simulator's own drivers, or a behaviour of any source that looks at no frame ("random", "sticky" …)."""
    sim: Any = env.unwrapped
    if name in sim.driver_names:
        return Scripted(sim.driver(name, rng))
    return make_behaviour(name, env.observation_space, env.action_space, rng)
