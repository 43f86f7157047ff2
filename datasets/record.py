"""Records unlabelled video (with the labels kept beside it) from any source into one video file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import gymnasium as gym
import numpy as np

from genie_gym.datasets.behaviours import Behaviour, make_behaviour
from genie_gym.datasets.frames import choose_image, frames_of, images_in
from genie_gym.datasets.interrupt import Interrupt
from genie_gym.datasets.play import Assignment, Played, VectorRows, play
from genie_gym.datasets.record_simulator import record_simulator
from genie_gym.datasets.recording import Recording
from genie_gym.datasets.sources import make_source
from genie_gym.datasets.video import Episode, VideoWriter
from genie_gym.errors import GenieGymError
from genie_gym.files import part_of
from genie_gym.progress import progress

ERRING = 0.1  # of a trained policy's actions are random, so that it is seen to recover
FRAMES_A_COPY = 64  # few frames are not spread over many copies, which would hold beginnings alone


def record(
    recording: Recording, out: str | Path, num_frames: int, resume: bool = False, num_layouts: int = 0
) -> VideoWriter:
    """Plays the source until `out` holds `num_frames` frames, each episode driven by a behaviour drawn from the mix; of
    simulators that say where things stand, also `num_layouts` worlds that are not filmed.

    On Ctrl-C the file is finished with the episodes it has; `resume=True` goes on, with other episodes.
    Returns the closed writer, for its counts.
    """
    if recording.simulator and recording.simulator.ground_truth:
        return record_simulator(recording, out, num_frames, resume, num_layouts)
    if num_layouts:
        raise GenieGymError(f"{recording.env_id} cannot say where things stand; leave --layouts out.")
    return record_gym(recording, out, num_frames, resume)


def record_gym(recording: Recording, out: str | Path, num_frames: int, resume: bool = False) -> VideoWriter:
    """Records frames: image observations, or else what the environment renders.

    Every episode that is begun is kept (`Enough`), so that short ones are not favoured.
    """
    out = Path(out)
    count = recording.num_envs or min(max(num_frames // FRAMES_A_COPY, 1), 16)
    envs = make_source(recording, count)
    rows = VectorRows(envs, frames_of(envs, recording.size, recording.image_key))
    if recording.image_key is None:
        _offer_images(recording.env_id, envs.single_observation_space)
    seed = _resumed_seed(out, recording.seed, resume)
    frames = rows.reset(recording.first_seed + seed)
    height, width = frames.shape[1:3]
    rng = np.random.default_rng(seed)
    shares = recording.shares
    frame_space = gym.spaces.Box(0, 255, frames.shape[1:], np.uint8)
    weights = recording.simulator.directed if recording.simulator else None

    def behaviour(name: str) -> Behaviour:
        own = np.random.default_rng(rng.integers(2**63))
        return make_behaviour(name, frame_space, envs.single_action_space, own, weights, ERRING)

    behaviours = [{name: behaviour(name) for name in shares} for _ in range(count)]
    shows_terminal_frame = bool(envs.metadata.get("shows_terminal_frame", True))
    writer = VideoWriter(out, height, width, float(envs.metadata.get("render_fps") or 15), recording.source, resume)
    enough = Enough(num_frames, lambda: writer.num_frames)

    def next_assignment(row: int) -> Assignment | None:
        if enough.to_begin_no_more():
            return None
        name = str(rng.choice(list(shares), p=list(shares.values())))
        return Assignment(lambda: behaviours[row][name], name)

    bar = progress(total=num_frames, initial=writer.num_frames, unit="frame", desc=f"record {out.name}")
    with closing(envs), writer, bar, Interrupt() as interrupt:
        for played in play(rows, next_assignment, interrupt.check, enough.to_cut_off):
            episode = _episode(played, played.terminated and not shows_terminal_frame)
            if episode is not None:
                writer.append(episode)
                bar.update(len(episode.frames))
    return writer


@dataclass
class Enough:
    """When a recording has enough frames.

    An episode is begun as long as those that are written and those under way have fewer than `num_frames` together. That
    rests on what was seen before it alone, so what is begun is a fair sample of all lengths; and all of it is kept: those
    under way are played to their end. Where that would take more than a quarter of `num_frames` on top (an environment
    that does not end, few frames for many long episodes), they are cut off there, and kept as truncated.
    """

    num_frames: int
    written: Callable[[], int]
    """Frames of the episodes that are kept so far."""
    under_way: int = 0
    """Frames that the episodes under way will have at least. With one so far it may end as none (`_episode`)."""

    def to_begin_no_more(self) -> bool:
        return self.written() + self.under_way >= self.num_frames

    def to_cut_off(self, under_way: Sequence[Played]) -> bool:
        lengths = [len(played.observations) for played in under_way]
        self.under_way = sum(length for length in lengths if length > 1)
        return self.written() + self.under_way >= 1.25 * self.num_frames


def _offer_images(env_id: str, space: gym.Space) -> None:
    """Says which images are observed, where what is rendered is recorded instead of them."""
    others = list(images_in(space))
    if others and choose_image(space, None) is None:
        keys = " or ".join(f"--image-key {name}" for name in others)
        print(f"recording what {env_id} renders; its observations hold images too: {keys}", file=sys.stderr)


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
