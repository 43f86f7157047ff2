"""Minari's on-disk layout, written directly: shards of episodes joined by external links.

    DIR/data/shard-00000.hdf5   episode_0 … : attrs id, seed, total_steps; observations [T+1, …], actions, rewards,
                                terminations, truncations [T]
    DIR/data/main_data.hdf5     episode_i -> ExternalLink (fails loudly when a shard is missing)
    DIR/data/metadata.json      what `minari.load_dataset` reads
    DIR/manifest.json           the settings, and each finished shard's checksum: what resuming trusts

A shard is written under another name and renamed when whole. Layout and traps: Minari 0.5 (Younis et al. 2024).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gymnasium as gym
import h5py
import numpy as np
from minari.serialization import serialize_space

from genie_gym.datasets.play import Played
from genie_gym.datasets.video import write_frames
from genie_gym.errors import GenieGymError
from genie_gym.files import MANIFEST_FILE, beside, part_of, sha256, write_json, write_text


@dataclass
class Trajectory:
    """One episode: observations [T+1, …] (or a dict of such), the rest [T]."""

    index: int
    seed: int | None
    observations: Any
    actions: np.ndarray
    rewards: np.ndarray
    terminations: np.ndarray
    truncations: np.ndarray

    @classmethod
    def of(cls, episode: Played) -> Trajectory:
        ends = np.zeros((2, len(episode.actions)), dtype=bool)
        ends[:, -1] = episode.terminated, episode.truncated
        return cls(
            episode.assignment.index,
            episode.assignment.seed,
            _stack(episode.observations),
            np.stack(episode.actions),
            np.asarray(episode.rewards, dtype=np.float64),
            *ends,
        )

    @property
    def steps(self) -> int:
        return len(self.actions)


def _stack(observations: list[Any]) -> Any:
    """Observations of one step after the other, as one array or a dict of arrays."""
    first = observations[0]
    if isinstance(first, dict):
        return {name: _stack([observation[name] for observation in observations]) for name in first}
    return np.stack(observations)


class MinariWriter:
    """Writes shards into `folder`, in any order, and the files that join them at the end."""

    def __init__(self, folder: str | Path, settings: dict[str, Any], resume: bool = False):
        self.folder, self.data = Path(folder), Path(folder) / "data"
        self.manifest_path = self.folder / MANIFEST_FILE
        self.shards: dict[str, dict[str, Any]] = {}
        try:
            settings = json.loads(json.dumps(settings))  # as they are read back: tuples are lists then
        except TypeError as error:
            raise GenieGymError(f"these settings cannot be written beside the dataset: {error}.") from error
        if self.manifest_path.exists():
            if not resume:
                raise GenieGymError(f"{self.folder} holds a dataset already; pass --resume to go on, or another --out.")
            known = json.loads(self.manifest_path.read_text())
            if known["settings"] != settings:
                changed = sorted(k for k in settings if known["settings"].get(k) != settings[k])
                raise GenieGymError(
                    f"{self.folder} was begun with other settings ({', '.join(changed)}); give the same ones."
                )
            self.shards = known["shards"]
        elif self.folder.exists() and any(self.folder.iterdir()):
            raise GenieGymError(f"{self.folder} is not empty and holds no dataset; choose another --out.")
        self.settings = settings
        self.data.mkdir(parents=True, exist_ok=True)
        for leftover in self.data.glob(part_of("*.hdf5").name):
            leftover.unlink()
        self._write_manifest()

    def has_shard(self, number: int) -> bool:
        """Whether the shard is there, whole: the file's checksum is compared."""
        known = self.shards.get(_shard_name(number))
        path = self.data / _shard_name(number)
        return known is not None and path.is_file() and sha256(path) == known["sha256"]

    def write_shard(self, number: int, episodes: list[Trajectory]) -> None:
        path = self.data / _shard_name(number)
        try:
            with beside(path) as part, h5py.File(part, "w") as file:
                for episode in sorted(episodes, key=lambda e: e.index):
                    _write_episode(file, episode)
        except OSError as error:
            raise GenieGymError(
                f"could not write {path}: {error} (is the disk full?). Finished shards are kept; go on with --resume."
            ) from error
        self.shards[path.name] = {
            "sha256": sha256(path),
            "episodes": [e.index for e in sorted(episodes, key=lambda e: e.index)],
            "steps": sum(e.steps for e in episodes),
        }
        self._write_manifest()

    def finish(self, observation_space: gym.Space, action_space: gym.Space, env_id: str, description: str) -> None:
        """Joins the shards into a dataset that `minari.load_dataset` opens."""
        with beside(self.data / "main_data.hdf5") as part, h5py.File(part, "w") as file:
            for name in sorted(self.shards):
                for index in self.shards[name]["episodes"]:
                    file[f"episode_{index}"] = h5py.ExternalLink(name, f"episode_{index}")
            file.attrs["total_episodes"] = self.num_episodes
            file.attrs["total_steps"] = self.num_steps
        metadata = {
            "total_episodes": self.num_episodes,
            "total_steps": self.num_steps,
            "data_format": "hdf5",
            "jpeg_encoding": False,  # a missing key counts as true, and JPEG is lossy
            "observation_space": serialize_space(observation_space),
            "action_space": serialize_space(action_space),
            "dataset_id": self.folder.resolve().name,
            "minari_version": version("minari"),
            "env_spec": gym.spec(env_id).to_json(),
            "description": description,
            "algorithm_name": self.settings["policy"],
        }
        write_text(self.data / "metadata.json", json.dumps(metadata))

    @property
    def num_episodes(self) -> int:
        return sum(len(shard["episodes"]) for shard in self.shards.values())

    @property
    def num_steps(self) -> int:
        return sum(shard["steps"] for shard in self.shards.values())

    def _write_manifest(self) -> None:
        write_json(self.manifest_path, {"settings": self.settings, "shards": self.shards})


def _shard_name(number: int) -> str:
    return f"shard-{number:05d}.hdf5"


def _write_episode(file: h5py.File, episode: Trajectory) -> None:
    group = file.create_group(f"episode_{episode.index}")
    group.attrs.update(id=episode.index, seed=episode.seed, total_steps=episode.steps)
    _write_observations(group, "observations", episode.observations)
    for key in ("actions", "rewards", "terminations", "truncations"):
        group.create_dataset(key, data=getattr(episode, key))


def _write_observations(group: h5py.Group, name: str, values: Any) -> None:
    """Dictionaries become groups, as in Minari."""
    if isinstance(values, dict):
        inner = group.create_group(name)
        for key, part in values.items():
            _write_observations(inner, key, part)
        return
    write_frames(group, name, values)
