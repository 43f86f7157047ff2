"""A folder of videos: one mp4 an episode and picture, which anything plays.

    episode_000000.NAME.mp4     H.264 (yuv420p, crf 18) of the T+1 frames
    episode_000000.npz          actions, rewards, terminations, truncations; observations/NAME that are no pictures;
                                infos/NAME; state. `np.load(…, allow_pickle=False)` reads it
    index.jsonl                 a line an episode: its files, its videos' size, frames a second and PSNR, and what is known
                                of it (prompt, task, seed, spec …)
    dataset_info.json           all that the dataset says of itself

H.264 loses a little, most of it in colours that change from one pixel to the next. The PSNR says how much: the mean over
frames, of what is played against what was stored.

Legend: T actions of an episode, H W image.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from genie_gym.datasets.exports.episodes import (
    ACTED,
    INFOS,
    OBSERVATIONS,
    STATE,
    Episode,
    as_npy,
    each_episode,
    new_folder,
    plain,
)
from genie_gym.datasets.minari_reader import MinariFolder
from genie_gym.errors import GenieGymError
from genie_gym.files import write_json, write_text
from genie_gym.visual import save_mp4

BEST = 100.0  # dB, of frames that are the same


def export_mp4(dataset: MinariFolder, out: str | Path) -> None:
    """Writes the dataset as videos, and beside them all that is no picture.

    Args:
        out: a folder, new or empty.

    Raises:
        GenieGymError: a folder that holds something, or observations without pictures.
    """
    if not dataset.image_keys():
        raise GenieGymError(f"{dataset.folder} observes no pictures (uint8 [H, W, 3]), so there are no videos of it.")
    fps = max(1, round(dataset.fps))
    with new_folder(out) as folder:
        with each_episode(dataset, "mp4") as episodes:
            lines = [_write_episode(folder, episode, fps) for episode in episodes]
        write_text(folder / "index.jsonl", "".join(json.dumps(plain(line)) + "\n" for line in lines))
        write_json(folder / "dataset_info.json", {"episodes": len(lines), "minari": plain(dataset.metadata)})


def _write_episode(folder: Path, episode: Episode, fps: int) -> dict[str, Any]:
    """The episode's line of the index."""
    name = f"episode_{episode.number:06d}"
    arrays = {key: episode.read(key) for key in ACTED}
    for kind, known in ((OBSERVATIONS, episode.observations), (INFOS, episode.infos)):
        shown = episode.pictures if kind == OBSERVATIONS else ()
        arrays |= {f"{kind}/{inner}": as_npy(episode.read(key)) for inner, key in known.items() if inner not in shown}
    if (state := episode.state) is not None:
        arrays[STATE] = state
    np.savez_compressed(folder / f"{name}.npz", **arrays)  # type: ignore[arg-type]  # its stub knows no other names
    videos = {}
    for picture in episode.pictures:
        path = folder / f"{name}.{picture}.mp4"
        save_mp4(path, _frames(episode, picture), fps)
        height, width = episode.read(episode.observations[picture], 0, 1).shape[1:3]
        quality = _psnr(path, _frames(episode, picture))
        videos[picture] = {"file": path.name, "height": height, "width": width, "fps": fps, "psnr": round(quality, 2)}
    said = {"episode": episode.number, "steps": episode.steps, "arrays": f"{name}.npz", "videos": videos}
    return episode.about | said


def _frames(episode: Episode, picture: str) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    for begin, end in episode.blocks():
        yield from episode.read(episode.observations[picture], begin, end)


def _psnr(path: Path, frames: Iterator[UInt8[np.ndarray, "H W 3"]]) -> float:
    """dB: the mean over frames of how near a video is to them; at most `BEST` each."""
    import av

    found = []
    with av.open(str(path)) as container:
        for played, frame in zip(container.decode(video=0), frames, strict=True):
            there = played.to_ndarray(format="rgb24")[: frame.shape[0], : frame.shape[1]]  # odd sizes were made even
            error = float(np.mean((there.astype(np.float64) - frame) ** 2))
            found.append(min(BEST, 10 * math.log10(255**2 / error)) if error else BEST)
    return float(np.mean(found))
