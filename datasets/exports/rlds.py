"""Steps as RLDS has them, in a NumPy file an episode, which nothing but NumPy is needed to read.

    episode_000000.npz      of T actions, T+1 steps:
        observation/NAME        what is seen
        action, reward          what is done then, and what that gives
        discount                1; 0 of the action after which the world ended
        is_first, is_last       whether it is the first step, the last
        is_terminal             whether the world ended here, and time did not just run out
        language_instruction    the prompt, else the task, else ""
        info/NAME               what else was told
        and of the whole episode episode_metadata/NAME: seed, prompt, task, reached, spec …; state
    dataset_info.json       of each of these the type and shape of a step, how many episodes and steps there are, and all
                            that the dataset says of itself

As in RLDS (Ramos et al. 2021), action, reward and discount of a last step mean nothing; here they are 0. The layout is that
of RLDS, the files are not: TensorFlow Datasets builds its own from them with a `tfds.core.GeneratorBasedBuilder`.

Legend: T actions of an episode.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from genie_gym.datasets.exports.episodes import ACTED, STATE, Episode, as_npy, each_episode, is_text, new_folder, plain
from genie_gym.datasets.minari_reader import MinariFolder
from genie_gym.files import write_json

OF_EPISODE = "episode_metadata"


def export_rlds(dataset: MinariFolder, out: str | Path) -> None:
    """Writes the dataset as steps, in a NumPy file an episode.

    Args:
        out: a folder, new or empty.

    Raises:
        GenieGymError: a folder that holds something.
    """
    features: dict[str, dict[str, Any]] = {}
    total = 0
    with new_folder(out) as folder:
        told = _texts(dataset)
        with each_episode(dataset, "rlds") as episodes:
            for episode in episodes:
                steps = _steps(episode, told)
                known = _metadata(episode)
                np.savez_compressed(folder / f"episode_{episode.number:06d}.npz", **steps, **known)  # type: ignore[arg-type]
                features |= {name: _feature(values, 1) for name, values in steps.items()}
                features |= {name: _feature(values, 0) for name, values in known.items()}
                total += episode.steps + 1
        counts = {"episodes": len(dataset), "steps": total}
        write_json(folder / "dataset_info.json", counts | {"features": features, "minari": plain(dataset.metadata)})


def _steps(episode: Episode, told: set[str]) -> dict[str, np.ndarray]:
    """An episode's steps, by what they consist of."""
    count = episode.steps + 1
    actions, rewards, terminations, _ = (episode.read(key) for key in ACTED)
    place = np.arange(count)
    ends = np.concatenate([terminations.astype(bool), [False]])
    found = {f"observation/{name}": as_npy(episode.read(key)) for name, key in episode.observations.items()}
    found |= {
        "action": np.concatenate([actions, np.zeros_like(actions, shape=(1, *actions.shape[1:]))]),
        "reward": np.append(rewards, np.zeros_like(rewards, shape=1)),
        "discount": np.where(ends | (place == count - 1), 0, 1).astype(np.float32),
        "is_first": place == 0,
        "is_last": place == count - 1,
        "is_terminal": np.roll(ends, 1),
        "language_instruction": np.full(count, episode.instruction),
    }
    found |= {f"info/{name}": as_npy(episode.read(key)) for name, key in episode.infos.items()}
    return {f"info/{name}": np.full(count, "") for name in told} | found


def _texts(dataset: MinariFolder) -> set[str]:
    """The names of infos that are texts. Some episodes lack one (nothing happened in them), and all steps of a dataset in
    RLDS have the same parts."""
    found: set[str] = set()
    with each_episode(dataset, "rlds, first the names of texts") as episodes:
        for episode in episodes:
            new = {name: key for name, key in episode.infos.items() if name not in found}
            found |= {name for name, key in new.items() if is_text(episode.read(key, 0, 1))}
    return found


def _metadata(episode: Episode) -> dict[str, np.ndarray]:
    """What is known of the whole episode."""
    known = {f"{OF_EPISODE}/{name}": np.asarray(value) for name, value in episode.about.items()}
    known = {name: as_npy(value) for name, value in known.items()}
    if (state := episode.state) is not None:
        known[f"{OF_EPISODE}/{STATE}"] = state
    return known


def _feature(values: np.ndarray, batch: int) -> dict[str, Any]:
    return {"dtype": "str" if values.dtype.kind == "U" else values.dtype.name, "shape": list(values.shape[batch:])}
