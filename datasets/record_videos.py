"""Video files as episodes without labels: at one rate, cropped to one size, a new episode at each cut.

Legend: H W image.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import gymnasium as gym
import numpy as np

from genie_gym.datasets.interrupt import Interrupt
from genie_gym.datasets.scenes import mark_cuts
from genie_gym.datasets.video import Episode, VideoWriter
from genie_gym.errors import GenieGymError
from genie_gym.progress import progress
from genie_gym.visual import fit

VIDEO_SUFFIXES = (".mp4", ".mkv", ".webm", ".avi", ".mov", ".m4v", ".mpg", ".mpeg")
MAX_FRAMES = 512  # of an episode: longer scenes are split
EPISODE_BYTES = 1 << 29  # and no more than this at once in memory
LONGEST_PAUSE = 10.0  # seconds that one frame is shown; after a longer gap, or a jump back, a new episode begins
FASTEST = 240.0  # frames a second; some files say 1,000 or 90,000, the units of their clock
TOLERANCE = 0.25  # of a step: files round their times
SAME_RATE = 0.01  # 23.976 and 24 frames a second are the same

Timed = tuple[float, np.ndarray]


def record_videos(
    source: str | Path,
    out: str | Path,
    size: tuple[int, int] | None = None,
    fps: float | None = None,
    num_frames: int | None = None,
    max_frames: int = MAX_FRAMES,
    resume: bool = False,
) -> VideoWriter:
    """Turns a video file, or every one below a folder, into one file of episodes.

    Args:
        size: (height, width): the centre is cut out at this aspect and scaled; None keeps the size.
        fps: frames a second, by dropping and repeating frames; None keeps the files' own rate.
        num_frames: stop after so many frames; None takes all.
        max_frames: episodes are split after so many.
        resume: skips the episodes that are there already.

    Raises:
        GenieGymError: no such files, one that cannot be decoded, or, without `fps`, files of different rates.
    """
    paths = find_videos(source)
    if fps is not None and not 0 < fps <= 1000:
        raise GenieGymError(f"fps is a number of frames a second above 0, at most 1000; got {fps}.")
    rate = common_rate(paths) if fps is None else fps
    episodes = (episode for path in paths for episode in read_video(path, rate, size, max_frames))
    first = next(episodes, None)
    if first is None:
        raise GenieGymError(f"{source} holds no two frames that follow each other.")
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
    return writer


def is_video_source(source: str) -> bool:
    """Whether `source` means video files, rather than a Gymnasium id (which may hold a slash too)."""
    path = Path(source).expanduser()
    is_path = path.exists() or source.startswith((".", "/", "~")) or path.suffix.lower() in VIDEO_SUFFIXES
    return source not in gym.registry and is_path


def find_videos(source: str | Path) -> list[Path]:
    """The file itself, or the video files below a folder, in order of their names."""
    path = Path(source).expanduser()
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise GenieGymError(f"no file or folder {path}; give a video, or a folder of them ({', '.join(VIDEO_SUFFIXES)}).")
    paths = sorted(found for found in path.rglob("*") if found.suffix.lower() in VIDEO_SUFFIXES and found.is_file())
    if not paths:
        raise GenieGymError(f"no video files in {path}; looked for {', '.join(VIDEO_SUFFIXES)}.")
    return paths


def common_rate(paths: Iterable[Path]) -> float:
    """Frames a second that all files have.

    Raises:
        GenieGymError: they differ, or one does not say; `fps` is to be given then.
    """
    rates = {path: read_rate(path) for path in paths}
    (first, rate), *others = rates.items()
    for path, other in [(first, rate), *others]:
        if not 0 < other <= FASTEST:
            said = f"says {other:.5g} frames a second" if other else "does not say its rate"
            raise GenieGymError(f"{path} {said}; pass --fps, the frames a second to record.")
        if abs(other - rate) > SAME_RATE * rate:
            raise GenieGymError(
                f"the files have different rates ({first.name}: {rate:.5g} frames a second, {path.name}: {other:.5g}); pass "
                "--fps to bring them to one."
            )
    return rate


def read_rate(path: Path) -> float:
    """A file's average frames a second; 0 where it does not say."""
    import av

    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            return float(stream.average_rate or stream.guessed_rate or 0)
    except (av.error.FFmpegError, IndexError, OSError) as error:
        raise GenieGymError(f"cannot decode {path}: {_reason(error)}.") from error


def read_video(path: Path, fps: float, size: tuple[int, int] | None, max_frames: int = MAX_FRAMES) -> Iterator[Episode]:
    """One file's scenes, at `fps` frames a second, in episodes of 2 to `max_frames` frames."""
    frames: list[np.ndarray] = []
    most = max_frames
    for begins, image in resample(mark_cuts(_decode(path, size, fps)), fps):
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


def _decode(path: Path, size: tuple[int, int] | None, fps: float) -> Iterator[Timed]:
    """Frames uint8 [H, W, 3] with their time in seconds, upright, at `size` where given."""
    import av

    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            rate = float(stream.average_rate or stream.guessed_rate or fps)
            for index, frame in enumerate(container.decode(stream)):
                time = index / rate if frame.time is None else float(frame.time)
                image = frame.to_ndarray(format="rgb24")
                if frame.rotation % 90 == 0:
                    image = np.rot90(image, frame.rotation // 90)
                if size:
                    image = fit(image, size)
                yield time, np.ascontiguousarray(image)
    except (av.error.FFmpegError, IndexError, OSError) as error:
        raise GenieGymError(f"cannot decode {path}: {_reason(error)}.") from error


def _reason(error: Exception) -> str:
    return "it holds no video" if isinstance(error, IndexError) else str(error).rstrip(". ")
