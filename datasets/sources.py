"""Where frames come from: a Gymnasium id that gives images, or a folder of video files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from PIL import Image

from genie_gym.datasets.video import Episode
from genie_gym.envs.registration import is_native
from genie_gym.errors import GenieGymError, did_you_mean

VIDEO_SUFFIXES = (".mp4", ".mkv", ".webm", ".avi", ".mov")


@dataclass
class SourceStep:
    """What one step of K environments gave. `frames` [K, H, W, 3] are those that the actions led to; `next_frames`
    differ from them where an episode ended and another one began."""

    frames: np.ndarray
    next_frames: np.ndarray
    rewards: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray


class GymSource:
    """K copies of a Gymnasium environment, seen as frames: its image observations, or else what it renders.

    Args:
        env_id: a registered id.
        num_envs: K.
        size: (height, width) to resize to; None keeps the source's own.
        env_kwargs: options of the environment.
    """

    def __init__(
        self,
        env_id: str,
        num_envs: int,
        size: tuple[int, int] | None = None,
        max_episode_steps: int | None = None,
        env_kwargs: dict[str, Any] | None = None,
    ):
        if env_id not in gym.registry:
            raise GenieGymError(f"unknown environment {env_id!r}." + did_you_mean(env_id, gym.registry))
        self.size = size
        kwargs = dict(env_kwargs or {})
        try:
            if is_native(env_id):
                if max_episode_steps is not None:
                    kwargs["max_episode_steps"] = max_episode_steps
                self.envs = gym.make_vec(env_id, num_envs=num_envs, **kwargs)
                self._same_step = True
            else:
                makers = [
                    lambda: gym.make(env_id, render_mode="rgb_array", max_episode_steps=max_episode_steps, **kwargs)
                ] * num_envs
                self.envs = gym.vector.SyncVectorEnv(makers, autoreset_mode=AutoresetMode.DISABLED)
                self._same_step = False
        except TypeError as error:
            raise GenieGymError(f"{env_id} does not take these options: {error}.") from error
        self.num_envs = num_envs
        self.action_space = self.envs.single_action_space
        self.fps = float(self.envs.metadata.get("render_fps") or 15)
        space = self.envs.single_observation_space
        self._observes_images = (
            isinstance(space, gym.spaces.Box) and space.dtype == np.uint8 and len(space.shape) == 3 and space.shape[2] == 3
        )
        self.shows_terminal_frame = bool(self.envs.metadata.get("shows_terminal_frame", True))
        self.directed_weights = getattr(self.envs.unwrapped, "directed_weights", None)
        self.description = {"kind": "gymnasium", "env_id": env_id, "env_kwargs": env_kwargs or {}}

    def _frames(self, observations: np.ndarray) -> np.ndarray:
        frames: Any = observations if self._observes_images else self.envs.render()
        if frames is None:
            raise GenieGymError("the environment gives no images: neither image observations nor render_mode='rgb_array'.")
        if self.size and tuple(frames[0].shape[:2]) != self.size:
            return np.stack([resize(frame, self.size) for frame in frames])
        return np.stack(list(frames))

    @staticmethod
    def frame_space(frames: np.ndarray) -> gym.spaces.Box:
        """The space of one frame, for policies that act on frames."""
        return gym.spaces.Box(0, 255, frames.shape[1:], np.uint8)

    def reset(self, seed: int) -> np.ndarray:
        return self._frames(self.envs.reset(seed=seed)[0])

    def step(self, actions: np.ndarray) -> SourceStep:
        observations, rewards, terminated, truncated, info = self.envs.step(actions)
        done = terminated | truncated
        if self._same_step:
            next_frames = self._frames(observations)
            frames = next_frames
            if done.any():
                finals = self._frames(info["final_obs"])
                frames = np.where(done[:, None, None, None], finals, next_frames)
        else:
            next_frames = frames = self._frames(observations)
            if done.any():
                next_frames = self._frames(self.envs.reset(options={"reset_mask": done})[0])
        return SourceStep(frames, next_frames, np.asarray(rewards), np.asarray(terminated), np.asarray(truncated))

    def close(self) -> None:
        self.envs.close()


def is_folder_name(source: str) -> bool:
    """Whether `source` means a folder rather than a Gymnasium id (which may hold one slash too)."""
    return source not in gym.registry and (Path(source).exists() or source.startswith((".", "/", "~")))


def resize(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """uint8 [H, W, 3] to uint8 [height, width, 3], area-averaged."""
    image = Image.fromarray(frame).resize((size[1], size[0]), Image.Resampling.BOX)
    return np.asarray(image)


def read_video_folder(folder: str | Path, size: tuple[int, int] | None, max_frames: int) -> Iterator[Episode]:
    """Decodes every video file below `folder` into episodes of at most `max_frames` frames, without labels."""
    import av

    folder = Path(folder)
    if not folder.is_dir():
        raise GenieGymError(f"no folder {folder}; give a folder of video files ({', '.join(VIDEO_SUFFIXES)}).")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES)
    if not paths:
        raise GenieGymError(f"no video files in {folder}; looked for {', '.join(VIDEO_SUFFIXES)}.")
    for path in paths:
        frames: list[np.ndarray] = []
        try:
            with av.open(str(path)) as container:
                for frame in container.decode(video=0):
                    image = frame.to_ndarray(format="rgb24")
                    frames.append(resize(image, size) if size else image)
                    if len(frames) == max_frames:
                        yield Episode(np.stack(frames), behaviour=path.name)
                        frames = []
        except (av.error.FFmpegError, IndexError) as error:
            raise GenieGymError(f"cannot decode {path}: {error}.") from error
        if len(frames) > 1:
            yield Episode(np.stack(frames), behaviour=path.name)
