"""How fast datasets are made, written and read, beside Minari's own writer and other readers: the same frames, one run."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import gymnasium as gym
import h5py
import numpy as np
from minari.data_collector.episode_buffer import EpisodeBuffer
from minari.dataset._storages.hdf5_storage import HDF5Storage
from minari.serialization import serialize_space

from genie_gym.datasets.chunks import COMPRESSIONS
from genie_gym.datasets.minari_format import MinariWriter, Trajectory, shard_name, write_shard
from genie_gym.datasets.play_shards import GenerateConfig, PlayShards, make_envs, play_episodes
from genie_gym.datasets.windows import Windows
from genie_gym.executor import Worker
from genie_gym.progress import progress

FRAMES, EPISODES_A_SHARD = 16, 32  # of a window
READS = 2000  # windows
Told = dict[str, Any]


def bench_data(env: str = "Genie1-v0", episodes: int = 64, num_envs: int = 32, options: Told | None = None) -> Told:
    """Keys: steps_per_s, played and thrown away, and stored; storing_share, the share of time that storing takes on top;
    write_MB_per_s and megabytes, by each compression and by Minari's own writer; windows_per_s, random windows of 16 frames,
    by each compression, by h5py from Minari's own file, and by stable-worldmodel where it is installed. Frames are counted
    as they are in memory."""
    config = GenerateConfig(env, episodes, "sticky", 0, 128, EPISODES_A_SHARD, options or {})
    with tempfile.TemporaryDirectory() as folder, progress(total=6, desc="bench datasets", unit="part") as bar:
        trajectories, found = _rollouts(config, num_envs, Path(folder))
        bar.update(2)
        raw = sum(one.observations.nbytes for one in trajectories) / 1e6
        found |= {"frames_MB": raw, "write_MB_per_s": {}, "megabytes": {}, "windows_per_s": {}}
        for compression in COMPRESSIONS:
            place = _ours(trajectories, Path(folder) / f"{compression}-v0", compression, raw, found)
            found["windows_per_s"][compression] = _read_ours(place)
            bar.update()
        theirs = _minaris(trajectories, Path(folder) / "minari", raw, found)
        found["windows_per_s"]["h5py"] = _read_h5py(theirs, trajectories)
        bar.update()
        others = _stable_worldmodel(trajectories, Path(folder) / "other.h5")
        if others is not None:
            found["windows_per_s"]["stable-worldmodel"] = others
        bar.update()
    return found


def _rollouts(config: GenerateConfig, num_envs: int, folder: Path) -> tuple[list[Trajectory], Told]:
    """The same episodes, played and thrown away, and played and stored; loading is not counted."""
    trajectories = []
    begin = time.perf_counter()
    with closing(make_envs(config, num_envs)) as envs:
        loading = time.perf_counter() - begin
        begin = time.perf_counter()
        for played in play_episodes(envs, config, range(config.episodes or 0)):
            ends = np.zeros((2, len(played.actions)), bool)
            seen, actions = np.stack(played.observations), np.stack(played.actions)
            trajectories.append(Trajectory(played.assignment.index, 0, seen, actions, np.array(played.rewards), *ends))
        alone = time.perf_counter() - begin
    job = PlayShards(config, num_envs, folder / "stored", config.episodes)
    begin = time.perf_counter()
    for _ in job(Worker(iter(range(-(-len(trajectories) // config.episodes_per_shard))))):
        pass
    stored = time.perf_counter() - begin - loading
    steps = sum(one.steps for one in trajectories)
    rates = {"played": steps / alone, "stored": steps / stored}
    return trajectories, {"env": config.env, "steps": steps, "steps_per_s": rates, "storing_share": stored / alone - 1}


def _ours(trajectories: list[Trajectory], folder: Path, compression: str, raw: float, found: Told) -> Path:
    writer = MinariWriter(folder, {})
    writer.begin()
    begin = time.perf_counter()
    for number in range(0, len(trajectories), EPISODES_A_SHARD):
        path = writer.data / shard_name(number // EPISODES_A_SHARD)
        shard = write_shard(path, trajectories[number : number + EPISODES_A_SHARD], compression=compression)
        writer.note_shard(number // EPISODES_A_SHARD, shard)
    found["write_MB_per_s"][compression] = raw / (time.perf_counter() - begin)
    space = gym.spaces.Box(0, 255, trajectories[0].observations.shape[1:], np.uint8)
    metadata = {"observation_space": serialize_space(space), "action_space": serialize_space(gym.spaces.Discrete(1))}
    writer.finish({"data_format": "hdf5", "jpeg_encoding": False} | metadata)
    writer.close()
    found["megabytes"][compression] = _size(writer.data)
    return writer.folder


def _minaris(trajectories: list[Trajectory], folder: Path, raw: float, found: Told) -> Path:
    """As Minari's own writer has it, without JPEG."""
    folder.mkdir()
    space = gym.spaces.Box(0, 255, trajectories[0].observations.shape[1:], np.uint8)
    action = trajectories[0].actions
    actions = gym.spaces.Discrete(1000) if action.ndim == 1 else gym.spaces.Box(-1, 1, action.shape[1:], np.float32)
    storage = HDF5Storage.new(folder, space, actions, jpeg_encoding=False)
    buffers = [
        EpisodeBuffer(
            id=number, seed=0, observations=one.observations, actions=one.actions, rewards=one.rewards.tolist(),
            terminations=one.terminations.tolist(), truncations=one.truncations.tolist(), infos={},
        )
        for number, one in enumerate(trajectories)
    ]  # fmt: skip
    begin = time.perf_counter()
    storage.update_episodes(buffers)
    found["write_MB_per_s"]["minari"] = raw / (time.perf_counter() - begin)
    found["megabytes"]["minari"] = _size(folder)
    return folder / "main_data.hdf5"


def _read_ours(folder: Path) -> float:
    windows = Windows(folder, FRAMES, cache=0)  # nothing is kept, as of sets that are larger than memory
    return _rate(windows.__getitem__, np.random.default_rng(0).integers(len(windows), size=READS))


def _read_h5py(path: Path, trajectories: list[Trajectory]) -> float:
    long = [number for number, one in enumerate(trajectories) if one.steps >= FRAMES]
    rng = np.random.default_rng(0)
    with h5py.File(path) as file:

        def read(number: int) -> None:
            group = file[f"episode_{number}"]
            first = int(rng.integers(len(group["actions"]) - FRAMES + 1))
            for name in ("observations", "actions", "rewards"):
                group[name][first : first + FRAMES]

        return _rate(read, rng.choice(long, READS))


def _stable_worldmodel(trajectories: list[Trajectory], path: Path) -> float | None:
    try:
        from stable_worldmodel.data.formats.hdf5 import HDF5Dataset, HDF5Writer
    except ImportError:
        return None
    with HDF5Writer(path, mode="overwrite") as writer:
        for one in trajectories:
            last = np.concatenate([one.actions, one.actions[-1:]]), np.append(one.rewards, 0.0)
            writer.write_episode({"pixels": one.observations, "action": last[0], "reward": last[1]})
    dataset = HDF5Dataset(path=path, num_steps=FRAMES)
    return _rate(dataset.__getitem__, np.random.default_rng(0).integers(len(dataset), size=READS))


def _rate(read: Callable[[int], Any], numbers: Iterable[Any]) -> float:
    """How many a second, after a round that opens files."""
    listed = [int(number) for number in numbers]
    for number in listed:
        read(number)
    begin = time.perf_counter()
    for number in listed:
        read(number)
    return len(listed) / (time.perf_counter() - begin)


def _size(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.iterdir()) / 1e6
