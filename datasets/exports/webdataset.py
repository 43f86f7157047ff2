"""Tar files as the package webdataset streams them: one sample a step, without loss.

    shard-000000.tar            EPISODE-STEP.json            episode, step, action, reward, terminated, truncated, is_last,
                                                             prompt, task; observations and infos that are texts or numbers
                                EPISODE-STEP.NAME.png        observations that are pictures
                                EPISODE-STEP.NAME.npy        the other observations
                                EPISODE-STEP.info.NAME.npy   infos that are arrays
    index.jsonl                 of each episode its shard, its steps and what is known of it (seed, spec …)
    dataset_info.json           how many there are of each, and all that the dataset says of itself

An episode of T actions has T+1 samples, since it has so many observations; in the last one action, reward, terminated and
truncated are null. Who learns actions leaves it out:

    wds.WebDataset("OUT/shard-{000000..000003}.tar").decode("rgb8").select(lambda one: not one["json"]["is_last"])
        .to_tuple("rgb.png", "json")

The same dataset makes the same bytes. The world's state at the beginning is not kept.

Legend: T actions of an episode.
"""

from __future__ import annotations

import io
import itertools
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np

from genie_gym.datasets.exports.episodes import ACTED, Episode, each_episode, is_text, new_folder, plain
from genie_gym.datasets.minari_reader import MinariFolder
from genie_gym.errors import GenieGymError
from genie_gym.files import write_json, write_text
from genie_gym.visual import png_bytes

ENDS = ("action", "reward", "terminated", "truncated")  # what `ACTED` is called of a single step


def export_webdataset(dataset: MinariFolder, out: str | Path, episodes_per_tar: int = 100) -> None:
    """Writes the dataset as tar files for webdataset.

    Args:
        out: a folder, new or empty. episodes_per_tar: which lie in one file, the last of which may have fewer.

    Raises:
        GenieGymError: a folder that holds something, or less than one episode a file.
    """
    if episodes_per_tar < 1:
        raise GenieGymError(f"episodes_per_tar must be at least 1; got {episodes_per_tar}.")
    lines: list[dict[str, Any]] = []
    with new_folder(out) as folder:
        with each_episode(dataset, "webdataset") as episodes:
            for number, together in itertools.groupby(episodes, lambda one: one.number // episodes_per_tar):
                name = f"shard-{number:06d}.tar"
                with tarfile.open(folder / name, "w") as tar:
                    for episode in together:
                        _write_episode(tar, episode)
                        lines.append(episode.about | {"episode": episode.number, "shard": name, "steps": episode.steps})
        write_text(folder / "index.jsonl", "".join(json.dumps(plain(line)) + "\n" for line in lines))
        counts = {"shards": number + 1, "episodes": len(lines), "samples": sum(line["steps"] + 1 for line in lines)}
        write_json(folder / "dataset_info.json", counts | {"minari": plain(dataset.metadata)})


def _write_episode(tar: tarfile.TarFile, episode: Episode) -> None:
    for begin, end in episode.blocks():
        acted = [episode.read(key, begin, end) for key in ACTED]
        observations = {name: episode.read(key, begin, end) for name, key in episode.observations.items()}
        infos = {name: episode.read(key, begin, end) for name, key in episode.infos.items()}
        for row in range(end - begin):
            said: dict[str, Any] = {"episode": episode.number, "step": begin + row}
            said |= {name: values[row] if row < len(values) else None for name, values in zip(ENDS, acted, strict=True)}
            said |= {"is_last": begin + row == episode.steps}
            said |= {name: episode.about.get(name) for name in ("prompt", "task")}
            key = f"{episode.number:06d}-{begin + row:06d}"
            for kind, prefix, known in (("observations", "", observations), ("infos", "info.", infos)):
                said[kind] = {name: values[row] for name, values in known.items() if _is_short(values)}
                for name, values in known.items():
                    if kind == "observations" and name in episode.pictures:
                        _add(tar, f"{key}.{name}.png", png_bytes(values[row]))
                    elif not _is_short(values):
                        _add(tar, f"{key}.{prefix}{name}.npy", _npy_bytes(values[row]))
            _add(tar, f"{key}.json", json.dumps(plain(said)).encode())


def _is_short(values: np.ndarray) -> bool:
    """Whether they are texts or numbers, which JSON holds."""
    return is_text(values) or values.ndim == 1


def _npy_bytes(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, values, allow_pickle=False)
    return file.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """A file in a tar, of no date and of nobody: nothing in it is of the machine or the hour."""
    about = tarfile.TarInfo(name)
    about.size = len(content)
    tar.addfile(about, io.BytesIO(content))
