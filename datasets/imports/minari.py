"""Minari's datasets as recordings.

Legend: T frames, H W image.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from genie_gym.datasets.exports.contents import instruction_of, read_pictures, read_values, steps_of
from genie_gym.datasets.frames import choose_image
from genie_gym.datasets.imports.foreign import Foreign, Found, plain_actions
from genie_gym.datasets.minari_place import INSIDE
from genie_gym.datasets.minari_reader import MinariFolder
from genie_gym.datasets.video import VideoWriter
from genie_gym.errors import GenieGymError


def import_minari(
    folder_or_id: str | Path,
    out: str | Path,
    image_key: str | None = None,
    size: tuple[int, int] | None = None,
    num_frames: int | None = None,
    max_frames: int | None = None,
    resume: bool = False,
) -> VideoWriter:
    """Records a dataset of Minari, with actions, rewards and ends; see `Foreign.record`.

    Args:
        folder_or_id: a dataset's folder, or its id below Minari's root (MINARI_DATASETS_PATH, else ~/.minari/datasets).
        image_key: which observation; None is the only one, or `rgb`.

    Raises:
        GenieGymError: no such dataset, or it holds no pictures.
    """
    with MinariFolder(_folder(folder_or_id)) as dataset:
        name = choose_image(dataset.observation_space, image_key)
        if name is None:
            raise GenieGymError(f"{dataset.folder} observes no pictures, so there is nothing to record.")
        about = {"image_key": name} | ({"action_meanings": meanings} if (meanings := dataset.action_meanings) else {})
        foreign = Foreign("minari", dataset.id, dataset.fps, _episodes(dataset, name), about)
        return foreign.record(out, size, num_frames, max_frames, resume)


def _folder(folder_or_id: str | Path) -> Path:
    path = Path(folder_or_id).expanduser()
    if (path / INSIDE).is_dir() or Path(folder_or_id).is_absolute():
        return path
    root = Path(os.environ.get("MINARI_DATASETS_PATH") or Path.home() / ".minari" / "datasets")
    below = root / path
    if not below.resolve().is_relative_to(root.resolve()):
        return path
    return below if (below / INSIDE).is_dir() else path


def _episodes(dataset: MinariFolder, name: str) -> Iterator[Found]:
    for number in range(len(dataset)):
        steps = steps_of(dataset, number)
        yield Found(
            f"{dataset.id} episode {number}",
            read_pictures(dataset, number, name, steps + 1),
            steps + 1,
            plain_actions(read_values(dataset, number, "actions", steps)),
            read_values(dataset, number, "rewards", steps).astype(np.float32),
            read_values(dataset, number, "terminations", steps).astype(bool),
            instruction_of(dataset, number),
        )
