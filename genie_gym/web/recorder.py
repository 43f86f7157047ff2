"""A play as a dataset: what was seen, done, earned and what happened, as `genie-gym generate` writes it.

Legend: h w image.
"""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8

from genie_gym.datasets.minari_format import MinariWriter, Trajectory, shard_name, write_shard
from genie_gym.datasets.minari_metadata import Credits, dataset_metadata
from genie_gym.envs.vector_env import GenieVectorEnv
from genie_gym.errors import GenieGymError
from genie_gym.runtime.engine import Beginning
from genie_gym.runtime.session import Frame
from genie_gym.world import World

MOST_STEPS = 14_400  # ten minutes at 24 frames a second
MOST_BYTES = 2_000_000_000  # of frames


class Recorder:
    """Frames go to a temporary file as they come: as the world drew them, never enlarged."""

    def __init__(self, first: UInt8[np.ndarray, "h w 3"], beginning: Beginning):
        self.beginning, self.shape = beginning, first.shape
        self._file: Any = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the recording
        self._file.write(first.tobytes())
        self.actions: list[np.ndarray] = []
        self.rewards: list[float] = []
        self.events: list[str] = []
        self.over = False

    @property
    def steps(self) -> int:
        return len(self.actions)

    @property
    def is_full(self) -> bool:
        return self.over or self.steps >= MOST_STEPS or (self.steps + 2) * int(np.prod(self.shape)) > MOST_BYTES

    def add(self, frame: Frame) -> None:
        """One step; none where the episode is over or there is no more room."""
        if self.is_full or frame.drawn.shape != self.shape:
            return
        self._file.write(frame.drawn.tobytes())
        action = frame.action
        values = action.detach().cpu().numpy().copy() if isinstance(action, torch.Tensor) else np.asarray(action)
        self.actions.append(values)
        self.rewards.append(frame.reward)
        self.events.append(f"[{', '.join(frame.events)}]" if frame.events else "")
        self.over = frame.over

    def discard(self) -> None:
        self._file.close()

    def write(self, out: Path, env_id: str, world: World) -> Path:
        """A zip with a dataset that `minari.load_dataset` opens once it is unpacked; the recording is gone then.

        Raises:
            GenieGymError: nothing was recorded.
        """
        if not self.steps:
            raise GenieGymError("nothing was recorded yet.")
        self._file.flush()
        frames = np.memmap(self._file, np.uint8, "r", shape=(self.steps + 1, *self.shape))
        ends = np.zeros((2, self.steps), bool)
        ends[:, -1] = self.over, not self.over
        infos = {"events": ["", *self.events]} if any(self.events) else {}
        episode = Trajectory(
            0, self.beginning.seed, frames, np.stack(self.actions), np.array(self.rewards), ends[0], ends[1], infos
        )
        options: dict[str, Any] = {"size": tuple(int(side) for side in self.shape[:2])}
        if self.beginning.prompt:
            options["prompt"] = self.beginning.prompt
        envs = GenieVectorEnv(1, world)
        with tempfile.TemporaryDirectory() as folder:
            writer = MinariWriter(Path(folder) / "play", {"env": env_id, "options": options, "seed": self.beginning.seed})
            said = f"{self.steps} steps of {env_id}, played by a person on the page of genie-gym play."
            metadata = dataset_metadata(envs, env_id, options, "human", said, Credits(), envs.single_observation_space)
            writer.begin()
            writer.note_shard(0, write_shard(writer.data / shard_name(0), [episode]))
            writer.finish(metadata)
            writer.close()
            with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
                for path in sorted(writer.folder.rglob("*")):
                    archive.write(path, path.relative_to(writer.folder.parent))
        del frames, episode
        self._file.close()
        return out
