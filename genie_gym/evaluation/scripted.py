"""Scripted cases out of the simulator that a world was learned from, in worlds that it never saw: played once, kept in the
cache as a small video file.

Legend: H W image.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from jaxtyping import UInt8

from genie_gym.datasets.interrupt import Interrupt
from genie_gym.datasets.layouts import pack
from genie_gym.datasets.recording import HELD_OUT_SEED, Recording
from genie_gym.datasets.video import Episode, VideoDataset, VideoWriter
from genie_gym.envs.registration import make
from genie_gym.envs.simulators import find_simulator
from genie_gym.files import alone, cache_folder
from genie_gym.progress import progress
from genie_gym.text.spec import WorldSpec
from genie_gym.world import World

VERSION = 2  # of the scripts: raised when other cases come of the same numbers
MOVES = ("noop", "forward", "turn left", "turn right", "strafe left", "strafe right")  # keys that scripts are made of
TRUTH = {"depth": np.float16, "instance": np.int16, "pose": np.float32}
LAYOUT = "layout"  # what a look says of where everything stands, of simulators that know: packed {"spec", "place"}

Play = Callable[["Scripted", np.random.Generator], Episode]
"""Plays one case from a simulator that was just reset."""


class Scripted:
    """A simulator with keys of known names, stepped without being looked at."""

    def __init__(self, world: World):
        recording = Recording.like(world.provenance.source, truth=(), seed=1, held_out=True)
        size = {"height": world.frame_shape[0], "width": world.frame_shape[1]}
        options = recording.options | size | {"obs": ("pose",)}
        options.pop("event_rate", None)  # nothing happens on the way
        self.env = make(gym.make, recording.env_id, disable_env_checker=True, **options)
        self.sim: Any = self.env.unwrapped
        self.keys = {name: number for number, name in enumerate(self.env.metadata["action_meanings"])}

    def begin(self, rng: np.random.Generator, spec: WorldSpec | None = None, task: str | None = None) -> None:
        """Another world, which recordings for training never draw: as `spec` says from now on, or as the source has them;
        with something to do in it, or nothing."""
        if spec is not None:
            self.sim.given = spec
        self.env.reset(seed=HELD_OUT_SEED + int(rng.integers(2**31)), options={"task": task})

    def play(self, keys: np.ndarray) -> np.ndarray:
        """Where the camera is after each key: poses float32 [len(keys), 4, 4]."""
        return np.array([self.sim.step(key)[0] for key in keys], np.float32).reshape(-1, 4, 4)  # of no keys, none

    def close(self) -> None:
        self.env.close()

    def see(self) -> UInt8[np.ndarray, "H W 3"]:
        """The frame alone."""
        frame: np.ndarray = self.sim.look(("rgb",), self.sim.width, self.sim.height, self.sim.samples)["rgb"]
        return frame

    def look(self) -> dict[str, np.ndarray]:
        """What is seen now: rgb, depth, instance, pose; and the layout as it stands now."""
        seen: dict[str, np.ndarray] = self.sim.look(("rgb", *TRUTH), self.sim.width, self.sim.height, self.sim.samples)
        place = self.sim.place()
        if place is None:
            return seen
        return seen | {LAYOUT: pack({"spec": self.sim.description.get("spec"), "place": place.to_dict()})}


def episode(seen: list[dict[str, np.ndarray]], facts: dict[str, Any]) -> Episode:
    """Looks of one case, with what else is known of it."""
    truth = {name: np.stack([look[name] for look in seen]).astype(kind) for name, kind in TRUTH.items()}
    if all(LAYOUT in look for look in seen):
        longest = max(len(look[LAYOUT]) for look in seen)
        truth[LAYOUT] = np.stack([np.pad(look[LAYOUT], (0, longest - len(look[LAYOUT]))) for look in seen])
    return Episode(np.stack([look["rgb"] for look in seen]), truth=truth, description=facts)


def can_script(world: World) -> bool:
    """Whether the world was learned from a simulator with ground truth and the keys of the scripts."""
    simulator = find_simulator(world.provenance.source.get("env_id", ""))
    if simulator is None or not simulator.ground_truth:
        return False
    entry: Any = gym.envs.registration.load_env_creator(simulator.entry_point)
    return set(MOVES) <= set(entry.metadata.get("action_meanings", ()))


def scripted_cases(world: World, kind: str, count: int, play: Play, cache: str | Path | None = None) -> list[Episode]:
    """The first `count` cases of this kind. Case `number` is the same each time; those that the cache lacks are played. Who
    asks for the same file meanwhile, in another process, waits."""
    source = Recording.like(
        world.provenance.source, truth=(), size=tuple(world.frame_shape[:2]), seed=1, held_out=True
    ).source
    told = hashlib.sha256(json.dumps([source, kind, VERSION], sort_keys=True).encode()).hexdigest()[:8]
    folder = Path(cache) if cache else cache_folder()
    path = folder / f"{kind}-{source['env_id'].replace('/', '-')}-{told}.h5"
    height, width, _ = world.frame_shape
    with alone(path):
        with VideoWriter(path, height, width, world.fps, source, resume=True) as writer:
            if writer.num_episodes < count:
                _play_more(world, kind, count, play, writer)
        with closing(VideoDataset(path)) as data:
            return [data.episode(number) for number in range(count)]


def _play_more(world: World, kind: str, count: int, play: Play, writer: VideoWriter) -> None:
    """Adds cases until there are `count`."""
    with Interrupt() as interrupt, closing(Scripted(world)) as scripted:
        for number in progress(range(writer.num_episodes, count), desc=f"play {kind} in the simulator", unit="case"):
            rng = np.random.default_rng([HELD_OUT_SEED, *kind.encode(), number])
            scripted.begin(rng)
            writer.append(play(scripted, rng))
            interrupt.check()
