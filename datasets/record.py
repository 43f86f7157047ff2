"""Records unlabelled video (with the labels kept beside it) from any source into one video file."""

from __future__ import annotations

from contextlib import closing
from itertools import chain
from pathlib import Path

import gymnasium as gym
import numpy as np
from tqdm import tqdm

from genie_gym.datasets.behaviours import Behaviour, make_behaviour
from genie_gym.datasets.interrupt import Interrupt
from genie_gym.datasets.play import Assignment, Played, VectorRows, play
from genie_gym.datasets.record_simulator import record_simulator
from genie_gym.datasets.recording import Recording
from genie_gym.datasets.sources import frames_of, make_source, read_video_folder
from genie_gym.datasets.video import Episode, VideoWriter
from genie_gym.errors import GenieGymError
from genie_gym.files import part_of


def record(recording: Recording, out: str | Path, num_frames: int, resume: bool = False) -> VideoWriter:
    """Plays the source until `out` holds `num_frames` frames, each episode driven by a behaviour drawn from the mix.

    On Ctrl-C the file is finished with the episodes it has; `resume=True` goes on, with other episodes.
    Returns the closed writer, for its counts.
    """
    if recording.simulator and recording.simulator.ground_truth:
        return record_simulator(recording, out, num_frames, resume)
    return record_gym(recording, out, num_frames, resume)


def record_gym(recording: Recording, out: str | Path, num_frames: int, resume: bool = False) -> VideoWriter:
    """Records frames: image observations, or else what the environment renders."""
    out = Path(out)
    count = recording.num_envs or 16
    envs = make_source(recording.env_id, count, recording.max_episode_steps, recording.options)
    rows = VectorRows(envs, frames_of(envs, recording.size))
    seed = _resumed_seed(out, recording.seed, resume)
    frames = rows.reset(recording.first_seed + seed)
    height, width = frames.shape[1:3]
    rng = np.random.default_rng(seed)
    shares = recording.shares
    frame_space = gym.spaces.Box(0, 255, frames.shape[1:], np.uint8)
    weights = recording.simulator.directed if recording.simulator else None

    def behaviour(name: str) -> Behaviour:
        own = np.random.default_rng(rng.integers(2**63))
        return make_behaviour(name, frame_space, envs.single_action_space, own, weights)

    behaviours = [{name: behaviour(name) for name in shares} for _ in range(count)]
    shows_terminal_frame = bool(envs.metadata.get("shows_terminal_frame", True))
    writer = VideoWriter(out, height, width, float(envs.metadata.get("render_fps") or 15), recording.source, resume)

    def next_assignment(row: int) -> Assignment:
        name = str(rng.choice(list(shares), p=list(shares.values())))
        return Assignment(lambda: behaviours[row][name], name)

    bar = tqdm(total=num_frames, initial=writer.num_frames, unit="frame", desc=f"record {out.name}", disable=None)
    with closing(envs), writer, bar, Interrupt() as interrupt:
        if writer.num_frames < num_frames:
            for played in play(rows, next_assignment, interrupt.check):
                episode = _episode(played, played.terminated and not shows_terminal_frame)
                if episode is not None:
                    writer.append(episode)
                    bar.update(len(episode.frames))
                if writer.num_frames >= num_frames:
                    break
    return writer


def _resumed_seed(out: Path, seed: int, resume: bool) -> int:
    """A resumed recording must not replay the levels of the first one."""
    size = next((path.stat().st_size for path in (part_of(out), out) if resume and path.exists()), 0)
    return int(np.random.default_rng([seed, size]).integers(2**31 - 1)) if size else seed


def _episode(played: Played, last_frame_is_repeat: bool) -> Episode | None:
    """A finished episode as video. Where the last frame only repeats the one before it, it is dropped, and reward and end
    count for the last transition that is visible; an episode with none left is None."""
    frames, actions, rewards = played.observations, played.actions, played.rewards
    if last_frame_is_repeat:
        frames, actions, late = frames[:-1], actions[:-1], rewards[-1]
        if not actions:
            return None
        rewards = [*rewards[:-2], rewards[-2] + late]
    terminated = np.zeros(len(actions), dtype=bool)
    terminated[-1] = played.terminated
    return Episode(np.stack(frames), np.stack(actions), np.asarray(rewards, np.float32), terminated, played.assignment.name)


def record_videos(
    folder: str | Path, out: str | Path, size: tuple[int, int] | None, max_frames: int = 512, resume: bool = False
) -> VideoWriter:
    """Turns a folder of video files into one video file. `resume` skips the episodes that are there already."""
    episodes = read_video_folder(folder, size, max_frames)
    first = next(episodes, None)
    if first is None:
        raise GenieGymError(f"the video files in {folder} hold no frames.")
    height, width = first.frames.shape[1:3]
    bar = tqdm(chain([first], episodes), unit="episode", desc="decode", disable=None)
    with VideoWriter(out, height, width, 15.0, {"kind": "videos"}, resume) as writer:
        for index, episode in enumerate(bar):
            if index >= writer.num_episodes:
                writer.append(episode)
    return writer
