"""Pictures of a dataset: a contact sheet and an mp4 of its first episodes."""

from __future__ import annotations

import gymnasium as gym
import numpy as np

from genie_gym.datasets.frames import as_frame, newest_image, observations_in
from genie_gym.datasets.minari_format import MinariWriter
from genie_gym.files import open_hdf5
from genie_gym.visual import action_label, grid, save_mp4, save_png


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
            for index in writer.shards[name].episodes[: episodes - len(taken)]:
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
