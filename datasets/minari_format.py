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
import os
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gymnasium as gym
import h5py
import numpy as np
from minari.serialization import serialize_space

from genie_gym.errors import GenieGymError
from genie_gym.world_model import sha256

CHUNK_FRAMES = 8


@dataclass
class Trajectory:
    """One episode: observations [T+1, …], the rest [T]."""

    index: int
    seed: int
    observations: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray
    terminations: np.ndarray
    truncations: np.ndarray

    @property
    def steps(self) -> int:
        return len(self.actions)


class MinariWriter:
    """Writes shards into `folder`, in any order, and the files that join them at the end."""

    def __init__(self, folder: str | Path, settings: dict[str, Any], resume: bool = False):
        self.folder, self.data = Path(folder), Path(folder) / "data"
        self.manifest_path = self.folder / "manifest.json"
        self.shards: dict[str, dict[str, Any]] = {}
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
        for leftover in self.data.glob("*.part"):
            leftover.unlink()
        self._write_manifest()

    def has_shard(self, number: int) -> bool:
        """Whether the shard is there, whole: the file's checksum is compared."""
        known = self.shards.get(_shard_name(number))
        path = self.data / _shard_name(number)
        return known is not None and path.is_file() and sha256(path) == known["sha256"]

    def write_shard(self, number: int, episodes: list[Trajectory]) -> None:
        path = self.data / _shard_name(number)
        part = path.with_name(path.name + ".part")
        try:
            with h5py.File(part, "w") as file:
                for episode in sorted(episodes, key=lambda e: e.index):
                    _write_episode(file, episode)
            os.replace(part, path)
        except OSError as error:
            part.unlink(missing_ok=True)
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
        main = self.data / "main_data.hdf5"
        part = main.with_name(main.name + ".part")
        with h5py.File(part, "w") as file:
            for name in sorted(self.shards):
                for index in self.shards[name]["episodes"]:
                    file[f"episode_{index}"] = h5py.ExternalLink(name, f"episode_{index}")
            file.attrs["total_episodes"] = self.num_episodes
            file.attrs["total_steps"] = self.num_steps
        os.replace(part, main)
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
        write_text(self.manifest_path, json.dumps({"settings": self.settings, "shards": self.shards}, indent=1) + "\n")


def _shard_name(number: int) -> str:
    return f"shard-{number:05d}.hdf5"


def _write_episode(file: h5py.File, episode: Trajectory) -> None:
    group = file.create_group(f"episode_{episode.index}")
    group.attrs.update(id=episode.index, seed=episode.seed, total_steps=episode.steps)
    frames = episode.observations
    group.create_dataset(
        "observations",
        data=frames,
        chunks=(min(CHUNK_FRAMES, len(frames)), *frames.shape[1:]),
        compression="gzip",
        compression_opts=1,
        fletcher32=True,
    )
    for key in ("actions", "rewards", "terminations", "truncations"):
        group.create_dataset(key, data=getattr(episode, key))


def write_text(path: Path, text: str) -> None:
    """Replaces a file whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(text)
    os.replace(part, path)
