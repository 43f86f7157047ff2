"""Where frames come from: a Gymnasium id that gives images, or a folder of video files.

Legend: K copies of an environment, H W image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode

from genie_gym.datasets.video import Episode
from genie_gym.envs.registration import make, steps_together
from genie_gym.errors import GenieGymError
from genie_gym.visual import resize

VIDEO_SUFFIXES = (".mp4", ".mkv", ".webm", ".avi", ".mov")


def make_source(
    env_id: str, num_envs: int, max_episode_steps: int | None, env_kwargs: Mapping[str, Any]
) -> gym.vector.VectorEnv:
    """Copies of an environment whose frames are to be recorded: those that step together reset in the same step, others are
    told to.

    Raises:
        GenieGymError: unknown id, or options that it does not take.
    """
    kwargs = dict(env_kwargs)
    if steps_together(env_id):
        if max_episode_steps is not None:
            kwargs["max_episode_steps"] = max_episode_steps
        return make(gym.make_vec, env_id, num_envs=num_envs, **kwargs)
    kwargs |= {"render_mode": "rgb_array", "max_episode_steps": max_episode_steps}
    return gym.vector.SyncVectorEnv(
        [lambda: make(gym.make, env_id, **kwargs)] * num_envs, autoreset_mode=AutoresetMode.DISABLED
    )


def frames_of(envs: gym.vector.VectorEnv, size: tuple[int, int] | None) -> Callable[[Any], np.ndarray]:
    """How observations are seen as frames, uint8 [K, H, W, 3]: image observations (or those named rgb) as they are, else
    what is rendered; all resized to `size` (height, width) where given."""
    space, name = envs.single_observation_space, None
    if isinstance(space, gym.spaces.Dict) and "rgb" in space.spaces:
        space, name = space["rgb"], "rgb"
    observes_images = (
        isinstance(space, gym.spaces.Box) and space.dtype == np.uint8 and len(space.shape) == 3 and space.shape[2] == 3
    )

    if not observes_images and envs.metadata.get("autoreset_mode") == AutoresetMode.SAME_STEP:
        raise GenieGymError("an environment that resets in the same step must observe images: what it renders is reset too.")

    def view(observations: Any) -> np.ndarray:
        frames: Any = (observations if name is None else observations[name]) if observes_images else envs.render()
        if frames is None:
            raise GenieGymError("the environment gives no images: neither image observations nor render_mode='rgb_array'.")
        if size and tuple(frames[0].shape[:2]) != size:
            return np.stack([resize(frame, size) for frame in frames])
        return np.stack(list(frames))

    return view


def is_folder_name(source: str) -> bool:
    """Whether `source` means a folder rather than a Gymnasium id (which may hold one slash too)."""
    return source not in gym.registry and (Path(source).exists() or source.startswith((".", "/", "~")))


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
