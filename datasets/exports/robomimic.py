"""One HDF5 file as robomimic reads it.

    data                attrs total, env_args, action_encoding, minari (all that the dataset says of itself)
    data/demo_N         attrs num_samples, and what is known of the episode (prompt, task, seed, spec …)
        actions         [T, A]
        rewards, dones  [T]; an episode that ran out of time is not done: its last value is worth something (truncations)
        obs/NAME        [T, …], next_obs/NAME: the observations before and after each action
        infos/NAME      [T+1, …], state: as in the dataset; robomimic does not look at them
    mask/train, valid   the names of the episodes to learn from and to validate on

Layout: robomimic 0.3 (Mandlekar et al. 2021), docs/datasets/overview. Which observations are pictures is said in its
configuration: `observation.modalities.obs.rgb = ["rgb"]`, and so `depth` and `low_dim`.

Legend: T steps, A numbers of an action, H W image.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import h5py
import numpy as np
from jaxtyping import Float, Shaped

from genie_gym.datasets.chunks import write_frames
from genie_gym.datasets.exports.episodes import ACTED, Episode, each_episode, is_text, new_file, plain
from genie_gym.datasets.minari_reader import MinariFolder
from genie_gym.errors import GenieGymError
from genie_gym.files import open_hdf5

GYM = 2  # robomimic's EnvType
SUFFIXES = (".hdf5", ".h5")


def export_robomimic(dataset: MinariFolder, out: str | Path, split: float = 0.1, seed: int = 0) -> None:
    """Writes the dataset as one file for robomimic.

    Actions are vectors of floats there. Discrete ones become one-hot float32, several at once one after the other (and
    `action_encoding` says "one-hot"); continuous ones keep their values, which robomimic wants between -1 and 1. Pictures
    stay uint8 [H, W, 3]; observations whose names end in "depth" get the channel that robomimic asks for: [H, W, 1].

    Args:
        out: the file, .hdf5. split: the part of the episodes to validate on. seed: of which these are.

    Raises:
        GenieGymError: another suffix, a file that exists, a split that is none, actions that are no array.
    """
    if Path(out).suffix not in SUFFIXES:
        raise GenieGymError(f"robomimic reads one HDF5 file, so --out ends in {SUFFIXES[0]}; given {str(out)!r}.")
    if not 0 <= split < 1:
        raise GenieGymError(f"split is the part of the episodes to validate on, from 0 to below 1; got {split}.")
    with new_file(out) as part, open_hdf5(part, "w") as file:
        data, total = file.create_group("data"), 0
        with each_episode(dataset, "robomimic") as episodes:
            for episode in episodes:
                _write_demo(data.create_group(f"demo_{episode.number}"), episode)
                total += episode.steps
        data.attrs["total"] = total
        data.attrs["env_args"] = json.dumps(_env_args(dataset))
        data.attrs["action_encoding"] = "one-hot" if _is_discrete(dataset.action_space) else "as they are"
        data.attrs["minari"] = json.dumps(plain(dataset.metadata))
        for name, numbers in _split(len(dataset), split, seed).items():
            file[f"mask/{name}"] = np.array([f"demo_{number}" for number in numbers], dtype="S")


def _write_demo(demo: h5py.Group, episode: Episode) -> None:
    demo.attrs.update(episode.about | {"num_samples": episode.steps})
    actions, rewards, terminations, truncations = (episode.read(key) for key in ACTED)
    demo["actions"] = as_vectors(actions, episode.dataset.action_space)
    demo["rewards"] = rewards
    demo["dones"] = terminations.astype(np.int64)
    demo["truncations"] = truncations
    before, after = demo.create_group("obs"), demo.create_group("next_obs")
    for name, key in episode.observations.items():
        values = episode.read(key)
        if name.lower().endswith("depth") and values.ndim == 3:
            values = values[..., None]
        _write(before, name, values[:-1])
        _write(after, name, values[1:])
    infos = demo.create_group("infos") if episode.infos else demo
    for name, key in episode.infos.items():
        _write(infos, name, episode.read(key))
    if (state := episode.state) is not None:
        demo["state"] = state


def _write(group: h5py.Group, name: str, values: np.ndarray) -> None:
    if is_text(values):
        group.create_dataset(name, data=values, dtype=h5py.string_dtype())
    else:
        write_frames(group, name, values)


def as_vectors(actions: Shaped[np.ndarray, "T ..."], space: gym.Space) -> Float[np.ndarray, "T A"]:
    """Actions of any kind as vectors of floats.

    Raises:
        GenieGymError: one is not in the space.
    """
    if isinstance(space, gym.spaces.Discrete):
        return _one_hot(actions - space.start, int(space.n))
    if isinstance(space, gym.spaces.MultiDiscrete):
        numbers = (actions - space.start).reshape(len(actions), -1)
        return np.concatenate([_one_hot(numbers[:, k], int(n)) for k, n in enumerate(space.nvec.ravel())], axis=1)
    flat = actions.reshape(len(actions), -1)
    return flat if np.issubdtype(flat.dtype, np.floating) else flat.astype(np.float32)


def _one_hot(numbers: Shaped[np.ndarray, " T"], count: int) -> Float[np.ndarray, "T A"]:
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() < count:
        raise GenieGymError(f"the dataset has {count} actions, but one of its episodes holds another; it is damaged.")
    found = np.zeros((len(numbers), count), np.float32)
    found[np.arange(len(numbers)), numbers.astype(np.int64)] = 1
    return found


def _is_discrete(space: gym.Space) -> bool:
    return isinstance(space, gym.spaces.Discrete | gym.spaces.MultiDiscrete)


def _env_args(dataset: MinariFolder) -> dict[str, Any]:
    """Which environment it was, as robomimic makes it again."""
    spec = json.loads(dataset.metadata.get("env_spec") or "{}")
    return {"env_name": spec.get("id", dataset.id), "type": GYM, "env_kwargs": spec.get("kwargs") or {}}


def _split(count: int, split: float, seed: int) -> dict[str, list[int]]:
    """The numbers of the episodes to learn from, at least one, and to validate on, at least one where there are two."""
    valid = min(count - 1, max(1, round(count * split))) if split else 0
    shuffled = np.random.default_rng(seed).permutation(count).tolist()
    return {"train": sorted(shuffled[valid:]), "valid": sorted(shuffled[:valid])}
