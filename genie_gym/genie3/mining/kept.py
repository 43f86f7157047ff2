"""Unfinished work, kept as arrays in files, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from genie_gym.datasets.video import VideoDataset
from genie_gym.files import beside
from genie_gym.genie3.mining.config import MiningConfig

VERSION = 1  # of what is kept; to be raised when other arrays are

Arrays = Mapping[str, np.ndarray]


def fingerprint(data: VideoDataset, config: MiningConfig) -> str:
    """Differs where work that was kept is of no use: for other recordings, or other settings."""
    files = [(path.name, path.stat().st_size) for path in data.paths]
    about = VERSION, asdict(config), files, data.lengths.tolist(), data.source
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]


def keep(path: Path, arrays: Arrays) -> None:
    """Writes a file, whole or not at all."""
    with beside(path) as part:
        save_file({name: np.ascontiguousarray(values) for name, values in arrays.items()}, part)


def kept(path: Path) -> dict[str, np.ndarray] | None:
    """What was kept in a file; None where there is no such file, or it is damaged. The arrays are read from the disk as they
    are used, so that many of them take no memory; they are not to be written to."""
    try:
        with safe_open(path, framework="pt") as file:  # this framework maps files into memory
            return {name: file.get_tensor(name).numpy() for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError):
        return None
