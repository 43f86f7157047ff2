"""Records unlabelled video (with the labels kept beside it) from a source into one video file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from genie_gym.datasets.behaviours import make_behaviour
from genie_gym.datasets.interrupt import Interrupt
from genie_gym.datasets.sources import GymSource, read_video_folder
from genie_gym.datasets.video import Episode, VideoWriter
from genie_gym.errors import GenieGymError


def parse_mix(text: str) -> dict[str, float]:
    """ "sticky=0.3,directed=0.7" to shares that add up to 1. A name alone has share 1."""
    mix: dict[str, float] = {}
    for part in text.split(","):
        name, _, share = part.strip().rpartition("=") if "=" in part else (part.strip(), "", "1")
        try:
            mix[name] = float(share)
        except ValueError:
            raise GenieGymError(
                f"cannot read the behaviour mix {text!r}; write for example sticky=0.3,directed=0.7."
            ) from None
    total = sum(mix.values())
    if not mix or total <= 0 or min(mix.values()) < 0:
        raise GenieGymError(f"the behaviour mix {text!r} needs shares above 0.")
    return {name: share / total for name, share in mix.items()}


def record_gym(
    source: GymSource, out: str | Path, num_frames: int, mix: dict[str, float], seed: int = 0, resume: bool = False
) -> VideoWriter:
    """Plays `source` until `out` holds `num_frames` frames, each episode driven by a behaviour drawn from `mix`.

    On Ctrl-C the file is finished with the episodes it has; `resume=True` goes on (with fresh randomness).
    Returns the closed writer, for its counts.
    """
    out = Path(out)
    resumed = _resumed_seed(out, seed, resume)
    frames = source.reset(resumed)
    height, width = frames.shape[1:3]
    rng = np.random.default_rng(resumed)
    names = list(mix)
    spaces = source.frame_space(frames), source.action_space
    drivers = [
        {
            name: make_behaviour(name, *spaces, np.random.default_rng(rng.integers(2**63)), source.directed_weights)
            for name in names
        }
        for _ in range(source.num_envs)
    ]
    writer = VideoWriter(out, height, width, source.fps, source.description, resume)
    takes = [_Take(frame) for frame in frames]

    def begin(row: int) -> None:
        takes[row].behaviour = str(rng.choice(names, p=list(mix.values())))
        drivers[row][takes[row].behaviour].begin()

    for row in range(source.num_envs):
        begin(row)
    bar = tqdm(total=num_frames, initial=writer.num_frames, unit="frame", desc=f"record {out.name}", disable=None)
    with writer, bar, Interrupt() as interrupt:
        while writer.num_frames < num_frames:
            interrupt.check()
            actions = np.stack([drivers[row][take.behaviour].act(frames[row]) for row, take in enumerate(takes)])
            step = source.step(actions)
            for row, take in enumerate(takes):
                ended = bool(step.terminated[row] or step.truncated[row])
                take.add(actions[row], float(step.rewards[row]), bool(step.terminated[row]), step.frames[row])
                if ended:
                    episode = take.episode(bool(step.terminated[row]) and not source.shows_terminal_frame)
                    if episode is not None and writer.num_frames < num_frames:
                        writer.append(episode)
                        bar.update(len(episode.frames))
                    takes[row] = _Take(step.next_frames[row])
                    begin(row)
            frames = step.next_frames
    return writer


def _resumed_seed(out: Path, seed: int, resume: bool) -> int:
    """A resumed recording must not replay the levels of the first one."""
    part = out.with_name(out.name + ".part")
    size = next((p.stat().st_size for p in (part, out) if resume and p.exists()), 0)
    return int(np.random.default_rng([seed, size]).integers(2**31 - 1)) if size else seed


class _Take:
    """The episode under way in one row."""

    def __init__(self, frame: np.ndarray):
        self.frames, self.actions, self.rewards, self.terminated = [frame], [], [], []  # type: ignore[var-annotated]
        self.behaviour = ""

    def add(self, action: Any, reward: float, terminated: bool, frame: np.ndarray) -> None:
        self.frames.append(frame)
        self.actions.append(action)
        self.rewards.append(reward)
        self.terminated.append(terminated)

    def episode(self, last_frame_is_repeat: bool) -> Episode | None:
        """The finished episode. Where the last frame only repeats the one before it, it is dropped, and the reward
        and the end count for the last transition that is visible; an episode with none left is None."""
        if last_frame_is_repeat:
            self.frames.pop()
            self.actions.pop()
            reward = self.rewards.pop()
            self.terminated.pop()
            if not self.actions:
                return None
            self.rewards[-1] += reward
            self.terminated[-1] = True
        return Episode(
            np.stack(self.frames),
            np.stack(self.actions),
            np.asarray(self.rewards, dtype=np.float32),
            np.asarray(self.terminated, dtype=bool),
            self.behaviour,
        )


def record_videos(
    folder: str | Path, out: str | Path, size: tuple[int, int] | None, max_frames: int = 512, resume: bool = False
) -> VideoWriter:
    """Turns a folder of video files into one video file. `resume` skips the episodes that are there already."""
    writer: VideoWriter | None = None
    for index, episode in enumerate(
        tqdm(read_video_folder(folder, size, max_frames), unit="episode", desc="decode", disable=None)
    ):
        height, width = episode.frames.shape[1:3]
        if writer is None:
            writer = VideoWriter(out, height, width, 15.0, {"kind": "videos"}, resume)
        if (height, width) != (int(writer.file.attrs["height"]), int(writer.file.attrs["width"])):
            shape = (int(writer.file.attrs["height"]), int(writer.file.attrs["width"]))
            writer.file.close()
            raise GenieGymError(
                f"{episode.behaviour} is {height}x{width}, the first video was {shape[0]}x{shape[1]}; pass --size to resize."
            )
        if index >= writer.num_episodes:
            writer.append(episode)
    if writer is None:
        raise GenieGymError(f"the video files in {folder} hold no frames.")
    writer.close()
    return writer
