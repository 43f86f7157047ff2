"""Video files as episodes without labels: at one rate, cropped to one size, a new episode at each cut.

Legend: H W image.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path

import gymnasium as gym
import numpy as np

from genie_gym.datasets.decode import Damaged, decode, open_film
from genie_gym.datasets.interrupt import Interrupt
from genie_gym.datasets.scenes import mark_cuts
from genie_gym.datasets.video import Episode, VideoWriter
from genie_gym.errors import GenieGymError
from genie_gym.progress import progress
from genie_gym.visual import fit

VIDEO_KINDS = (
    "mp4 mkv webm avi mov m4v mpg mpeg 3g2 3gp amv apng asf avs bik divx dv evo f4v flv gif gxf h264 h265 hevc ivf m1v m2p "
    "m2t m2ts m2v mj2 mjpeg mjpg mk3d mpe mpv mts mxf nsv nut obu ogm ogv qt rm rmvb tod trp ts vob wmv wtv y4m"
)
VIDEO_SUFFIXES = tuple(f".{kind}" for kind in VIDEO_KINDS.split())
MAX_FRAMES = 512  # of an episode: longer scenes are split
EPISODE_BYTES = 1 << 29  # and no more than this at once in memory
LONGEST_PAUSE = 10.0  # seconds that one frame is shown; after a longer gap, or a jump back, a new episode begins
FASTEST = 240.0  # frames a second; some files say 1,000 or 90,000, the units of their clock
TOLERANCE = 0.25  # of a step: files round their times
SAME_RATE = 0.01  # 23.976 and 24 frames a second are the same


def record_videos(
    source: str | Path,
    out: str | Path,
    size: tuple[int, int] | None = None,
    fps: float | None = None,
    num_frames: int | None = None,
    max_frames: int = MAX_FRAMES,
    resume: bool = False,
    skip_damaged: bool = False,
) -> VideoWriter:
    """Turns a video file, or every one below a folder, into one file of episodes: frames as ffmpeg shows them (`decode`).

    Args:
        size: (height, width): the centre is cut out at this aspect and scaled; None keeps the size.
        fps: frames a second, by dropping and repeating frames; None keeps the files' own rate.
        num_frames: stop after so many frames; None takes all.
        max_frames: episodes are split after so many.
        resume: skips the episodes that are there already.
        skip_damaged: leaves out files that cannot be decoded and frames that are damaged, after which a new episode begins,
            and prints which.

    Raises:
        GenieGymError: no such files; without `skip_damaged`, damage; without `fps`, files of different rates.
    """
    if fps is not None and not 0 < fps <= 1000:
        raise GenieGymError(f"fps is a number of frames a second above 0, at most 1000; got {fps}.")
    left_out: dict[Path, list[str]] = {}

    def damaged(path: Path, what: str) -> None:
        if not skip_damaged:
            raise GenieGymError(f"{path} {what}; pass --skip-damaged to leave out what is damaged.")
        left_out.setdefault(path, []).append(what)

    rates = {path: rate for path in find_videos(source) if (rate := read_rate(path, damaged)) is not None}
    rate = common_rate(rates) if fps is None else fps
    episodes = (episode for path in rates for episode in read_video(path, rate, size, damaged, max_frames))
    first = next(episodes, None)
    if first is None:
        why = "; ".join(f"{path} {what[0]}" for path, what in left_out.items())
        raise GenieGymError(f"{source} holds no two whole frames that follow each other{why and f' ({why})'}.")
    height, width = first.frames.shape[1:3]
    about = {"kind": "videos", "name": Path(source).expanduser().resolve().name, "fps": rate, "size": size}
    bar = progress(chain([first], episodes), unit="episode", desc="decode")
    with VideoWriter(out, height, width, rate, about, resume) as writer, Interrupt() as interrupt:
        there = writer.num_episodes
        for index, episode in enumerate(bar):
            interrupt.check()
            if num_frames is not None and writer.num_frames >= num_frames:
                break
            if index >= there:
                writer.append(episode)
    for path, (what, *more) in left_out.items():
        print(f"left out: {path} {what}" + (f", and in {len(more)} more places" if more else ""))
    return writer


def is_video_source(source: str) -> bool:
    """Whether `source` means video files, rather than a Gymnasium id (which may hold a slash too)."""
    path = Path(source).expanduser()
    is_path = path.exists() or source.startswith((".", "/", "~")) or path.suffix.lower() in VIDEO_SUFFIXES
    return source not in gym.registry and is_path


def find_videos(source: str | Path) -> list[Path]:
    """The file itself, or the video files below a folder, in order of their names; says how many others are there."""
    path = Path(source).expanduser()
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise GenieGymError(f"no file or folder {path}; give a video, or a folder of them ({', '.join(VIDEO_SUFFIXES)}).")
    files = sorted(found for found in path.rglob("*") if found.is_file())
    paths = [found for found in files if found.suffix.lower() in VIDEO_SUFFIXES and not found.name.startswith(".")]
    others = [found.name for found in files if found not in set(paths)]
    if not paths:
        raise GenieGymError(f"no video files in {path}; looked for {', '.join(VIDEO_SUFFIXES)}.")
    if others:
        print(f"{path}: {len(others)} of {len(files)} files are no video by their names ({others[0]} …) and left out")
    return paths


def common_rate(rates: Mapping[Path, float]) -> float:
    """Frames a second that all files have, 0 for no files.

    Raises:
        GenieGymError: they differ, or one does not say; `fps` is to be given then.
    """
    first, rate = next(iter(rates.items()), (Path(), 0.0))
    for path, other in rates.items():
        if not 0 < other <= FASTEST:
            said = f"says {other:.5g} frames a second" if other else "does not say its rate"
            raise GenieGymError(f"{path} {said}; pass --fps, the frames a second to record.")
        if abs(other - rate) > SAME_RATE * rate:
            raise GenieGymError(
                f"the files have different rates ({first.name}: {rate:.5g} frames a second, {path.name}: {other:.5g}); pass "
                "--fps to bring them to one."
            )
    return rate


def read_rate(path: Path, damaged: Damaged) -> float | None:
    """A file's average frames a second; 0 where it does not say, None where it cannot be decoded."""
    film = open_film(path, damaged)
    if film is None:
        return None
    with film.container:
        return film.rate


def read_video(
    path: Path, fps: float, size: tuple[int, int] | None, damaged: Damaged, max_frames: int = MAX_FRAMES
) -> Iterator[Episode]:
    """One file's scenes, at `fps` frames a second, in episodes of 2 to `max_frames` frames, without what is damaged."""
    frames: list[np.ndarray] = []
    most = max_frames
    fitted = (
        ((time, fit(image, size) if size else image) for time, image in frames) for frames in decode(path, fps, damaged)
    )
    for begins, image in chain.from_iterable(resample(mark_cuts(frames), fps) for frames in fitted):
        most = min(max_frames, max(2, EPISODE_BYTES // image.nbytes))
        if frames and (begins or len(frames) == most or image.shape != frames[0].shape):
            if len(frames) > 1:
                yield Episode(np.stack(frames), behaviour=path.name)
            frames = []
        frames.append(image)
    if len(frames) > 1:
        yield Episode(np.stack(frames), behaviour=path.name)


def resample(frames: Iterable[tuple[bool, float, np.ndarray]], fps: float) -> Iterator[tuple[bool, np.ndarray]]:
    """Frames at constant steps of time. Given and returned with whether a scene begins with each; a scene begins too where
    the time jumps.

    What each step shows is the last frame that has come by then: frames are dropped or repeated.
    """
    image: np.ndarray | None = None
    begins, start, slot, before = True, 0.0, 0, 0.0
    for is_cut, time, new in frames:
        if image is not None and not is_cut and 0 <= time - before <= LONGEST_PAUSE:
            following = math.ceil((time - start) * fps - TOLERANCE)
            for _ in range(following - slot):
                yield begins, image
                begins = False
            slot = max(slot, following)
        else:
            if image is not None:
                yield begins, image
            begins, start, slot = True, time, 0
        image, before = new, time
    if image is not None:
        yield begins, image
