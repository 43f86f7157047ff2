"""Pictures of a dataset: a contact sheet and an mp4 of its first episodes.

Legend: T frames, H W image.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from genie_gym.datasets.frames import as_frame, newest_image, observations_in
from genie_gym.datasets.minari_reader import MinariFolder
from genie_gym.visual import action_label, grid, save_mp4, save_png

EPISODES, COLUMNS = 8, 12
MOST_FRAMES = 128  # of an episode


def draw(folder: str | Path) -> bool:
    """`contact_sheet.png`: consecutive frames of the first episodes, each with the action that follows it; and
    `episodes.mp4` of the same episodes, side by side, into the dataset's folder. False where no observation is an image."""
    with MinariFolder(folder) as dataset:
        sheet = sheet_of(dataset)
        if sheet is None:
            return False
        save_png(dataset.folder / "contact_sheet.png", sheet)
        films = [frames_of(dataset, number) for number in range(min(EPISODES, len(dataset)))]
        save_mp4(dataset.folder / "episodes.mp4", _side_by_side(films), dataset.fps)
    return True


def sheet_of(dataset: MinariFolder) -> UInt8[np.ndarray, "H W 3"] | None:
    """Consecutive frames of the first episodes, each with the action that follows it; None where there are no images."""
    if shown_part(dataset) is None or not len(dataset):
        return None
    rows, captions = [], []
    for number in range(min(EPISODES, len(dataset))):
        frames, actions = frames_of(dataset, number), dataset.read(number, "actions", 0, MOST_FRAMES)
        begin = max(0, min(4, len(frames) - COLUMNS))
        rows.append(frames[begin : begin + COLUMNS])
        captions.append([action_label(action) for action in actions[begin : begin + COLUMNS]])
    labels = [f"episode {number}" for number in range(len(rows))]
    return grid(rows, scale=2, labels=labels, captions=captions)


def frames_of(dataset: MinariFolder, number: int, most: int = MOST_FRAMES) -> UInt8[np.ndarray, "T H W 3"]:
    """What an episode shows: of several observations `rgb`, else the first image; of stacks the newest frame."""
    part = shown_part(dataset)
    assert part is not None  # else it shows nothing
    key, newest = part
    frames = dataset.read(number, f"observations/{key}" if key else "observations", 0, most)[newest]
    return np.stack([as_frame(frame) for frame in frames])


def shown_part(dataset: MinariFolder) -> tuple[str, tuple[Any, ...]] | None:
    """Which observation is shown ("" where there is one), and which part of it."""
    space = dataset.observation_space
    shown = {name: newest for name, part in observations_in(space) if (newest := newest_image(part)) is not None}
    if not shown:
        return None
    key = "rgb" if "rgb" in shown else next(iter(shown))
    return key, shown[key]


def _side_by_side(films: list[np.ndarray]) -> UInt8[np.ndarray, "T H W 3"]:
    length = max(len(frames) for frames in films)
    padded = [np.concatenate([frames, frames[-1:].repeat(length - len(frames), 0)]) for frames in films]
    while len(padded) % 4:
        padded.append(np.zeros_like(padded[0]))
    wide = [np.concatenate(padded[k : k + 4], axis=2) for k in range(0, len(padded), 4)]
    return np.concatenate(wide, axis=1).repeat(2, axis=1).repeat(2, axis=2)
