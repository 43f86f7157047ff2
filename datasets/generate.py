"""Generates trajectories in bulk: an environment and a policy in, a dataset that Minari opens out.

Episode i is fixed by (seed, i): its start, its randomness and its policy's. Rows take the next episode as they come free,
so no short episode is favoured, and a shard is written as soon as all of its episodes are finished.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode

from genie_gym.datasets.behaviours import check_policy, make_behaviour
from genie_gym.datasets.frames import as_frame, newest_image, observations_in
from genie_gym.datasets.interrupt import Interrupt
from genie_gym.datasets.minari_format import MinariWriter, Trajectory
from genie_gym.datasets.minari_metadata import Credits, dataset_metadata
from genie_gym.datasets.play import Assignment, Played, VectorRows, play
from genie_gym.envs.registration import is_world, make
from genie_gym.errors import GenieGymError
from genie_gym.files import open_hdf5
from genie_gym.progress import progress
from genie_gym.visual import action_label, grid, save_mp4, save_png


@dataclass(frozen=True)
class GenerateConfig:
    env: str = "Genie1-v0"
    episodes: int = 64
    policy: str = "random"
    """random, sticky (actions are held for a while), directed, prior (what the world holds for likely), or an SB3 .zip."""
    seed: int = 0
    max_episode_steps: int | None = None
    episodes_per_shard: int = 32
    env_kwargs: dict[str, Any] = field(default_factory=dict)


def generate(
    config: GenerateConfig, num_envs: int, out: str | Path, resume: bool = False, about: Credits | None = None
) -> MinariWriter:
    """Writes the dataset into `out` (`out`-v0 where that names no version, see `dataset_place`), with a contact sheet and an
    mp4. Returns the writer, for its counts and its `place`.

    Killed at any moment, it loses no finished shard; `resume=True` completes it. `about` says what only the user knows.

    Raises:
        GenieGymError: see `make_envs`, `dataset_metadata` and `MinariWriter`.
    """
    if config.episodes < 1 or num_envs < 1 or config.episodes_per_shard < 1:
        raise GenieGymError("episodes, num_envs and episodes_per_shard must be at least 1.")
    check_policy(config.policy)
    writer = MinariWriter(out, asdict(config), resume)  # what does not do is told before a world is loaded
    envs = make_envs(config, num_envs)
    try:
        played = f"{config.episodes} episodes of {config.env} by the policy {config.policy}"
        metadata = dataset_metadata(
            envs, config.env, config.env_kwargs, config.policy, f"{played}, made by genie-gym generate.", about or Credits()
        )
        writer.begin()
        size = config.episodes_per_shard
        shards = [range(k, min(k + size, config.episodes)) for k in range(0, config.episodes, size)]
        missing = [number for number in range(len(shards)) if not writer.has_shard(number)]
        todo = [index for number in missing for index in shards[number]]
        finished: dict[int, list[Trajectory]] = {number: [] for number in missing}
        done = config.episodes - len(todo)
        bar = progress(total=config.episodes, initial=done, unit="episode", desc=f"generate {config.env}")
        with bar, Interrupt() as interrupt:
            for episode in play_episodes(envs, config, todo, interrupt.check):
                number = episode.assignment.index // size
                finished[number].append(Trajectory.of(episode))
                bar.update()
                if len(finished[number]) == len(shards[number]):
                    writer.write_shard(number, finished.pop(number))
        writer.finish(metadata)
        if not draw(writer, envs.single_observation_space, float(envs.metadata.get("render_fps") or 15)):
            print("no contact sheet and mp4: none of the observations is an image, from black (0) to white (255, floats 1).")
    finally:
        envs.close()
    return writer


def make_envs(config: GenerateConfig, num_envs: int) -> gym.vector.VectorEnv:
    """A vector environment whose rows reset when told to, each with a seed of its own."""
    options = dict(config.env_kwargs)
    if config.max_episode_steps is not None:
        options["max_episode_steps"] = config.max_episode_steps
    if is_world(config.env):
        return make(gym.make_vec, config.env, num_envs=num_envs, **options | {"autoreset_mode": AutoresetMode.DISABLED})
    makers = [lambda: make(gym.make, config.env, **options)] * num_envs
    return gym.vector.SyncVectorEnv(makers, autoreset_mode=AutoresetMode.DISABLED)


def play_episodes(
    envs: gym.vector.VectorEnv,
    config: GenerateConfig,
    numbers: Iterable[int],
    between_steps: Callable[[], None] = lambda: None,
) -> Iterator[Played]:
    """Plays the numbered episodes (`assignment.index`), each fixed by its number and the seed alone."""
    waiting = iter(numbers)
    spaces = envs.single_observation_space, envs.single_action_space

    def next_assignment(_: int) -> Assignment | None:
        number = next(waiting, None)
        if number is None:
            return None
        rng = np.random.default_rng([config.seed, number])
        behaviour = make_behaviour(config.policy, *spaces, rng)
        return Assignment(lambda: behaviour, config.policy, number, episode_seed(config.seed, number))

    return play(VectorRows(envs), next_assignment, between_steps)


def episode_seed(seed: int, number: int) -> int:
    """The reset seed of an episode by its number. They are consecutive, and so begin in different start frames."""
    return int(np.random.default_rng(seed).integers(2**30)) + number


def draw(writer: MinariWriter, space: gym.Space, fps: float, episodes: int = 8, columns: int = 12) -> bool:
    """`contact_sheet.png`: consecutive frames of the first episodes, each with the action that follows it; and
    `episodes.mp4` of the same episodes, side by side. Of dicts of observations `rgb` is shown, else the first image; of
    stacks the newest frame. False where the space of observations holds no image."""
    shown = {name: newest for name, part in observations_in(space) if (newest := newest_image(part)) is not None}
    if not shown:
        return False
    key = "rgb" if "rgb" in shown else next(iter(shown))
    taken: list[tuple[int, np.ndarray, np.ndarray]] = []
    for name in sorted(writer.shards):
        with open_hdf5(writer.data / name) as file:
            for index in writer.shards[name]["episodes"][: episodes - len(taken)]:
                group = file[f"episode_{index}"]
                frames = group[f"observations/{key}"][:128][shown[key]]
                taken.append((index, np.stack([as_frame(frame) for frame in frames]), group["actions"][:128]))
    rows, captions = [], []
    for _, frames, actions in taken:
        begin = max(0, min(4, len(frames) - columns))
        rows.append(frames[begin : begin + columns])
        captions.append([action_label(a) for a in actions[begin : begin + columns]])
    labels = [f"episode {index}" for index, _, _ in taken]
    save_png(writer.folder / "contact_sheet.png", grid(rows, scale=2, labels=labels, captions=captions))
    length = max(len(frames) for _, frames, _ in taken)
    padded = [np.concatenate([f, f[-1:].repeat(length - len(f), 0)]) for _, f, _ in taken]
    while len(padded) % 4:
        padded.append(np.zeros_like(padded[0]))
    wide = [np.concatenate(padded[k : k + 4], axis=2) for k in range(0, len(padded), 4)]
    movie = np.concatenate(wide, axis=1).repeat(2, axis=1).repeat(2, axis=2)
    save_mp4(writer.folder / "episodes.mp4", movie, fps)
    return True
