"""Real frames whose names are known, recorded for the one purpose of learning to name them; and the network that does, kept
in the cache.

Legend: B frames, H W image, h w cells of the image.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from safetensors.torch import load_file, save_file
from torch import Tensor

from genie_gym.datasets.record import record
from genie_gym.datasets.recording import Recording
from genie_gym.datasets.video import VideoDataset
from genie_gym.evaluation.namer import CELL, NAMES, SHOWN, Examples, Namer, NamerConfig, learn_names
from genie_gym.files import alone, beside, cache_folder
from genie_gym.text.spec import time_name
from genie_gym.world import World

FRAMES = 12_000  # each under two lights
VIEWS = 15  # of a place
CHECKED = 0.15  # share of the places that it does not learn from
SEED = 2  # held-out video has 1
VERSION = 2  # of the network and how it learns: raised when another comes of the same numbers


def trained_namer(world: World, cache: str | Path | None = None, num_frames: int = FRAMES) -> Namer:
    """The judge of what frames of the world's simulator show, of any world in it, at the world's size. Recorded and learned
    once; its weights are kept in `cache`. No world learned from these places: their seeds are held out, and not those of
    held-out video."""
    recording = Recording(
        env_id=world.provenance.source["env_id"],
        mix={"survey": 1.0},
        size=(world.frame_shape[0], world.frame_shape[1]),
        max_episode_steps=VIEWS - 1,
        truth=("semantic",),
        twins=True,
        seed=SEED,
        held_out=True,
    )
    config = NamerConfig()
    told = json.dumps([recording.source, num_frames, asdict(config), VERSION], sort_keys=True)
    name = f"namer-{recording.env_id.replace('/', '-')}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"
    path = (Path(cache) if cache else cache_folder()) / f"{name}.safetensors"
    with alone(path):
        if not path.exists():
            video = path.with_suffix(".h5")
            record(recording, video, num_frames, resume=True)
            with closing(VideoDataset(video)) as data, beside(path) as part:
                save_file(learn_from(data, config, world.device).cpu().state_dict(), part)
            video.unlink()
        namer = Namer(config)
        namer.load_state_dict(load_file(path))
    return namer.to(world.device).eval()


def learn_from(data: VideoDataset, config: NamerConfig, device: torch.device) -> Namer:
    """Learns from most places, and sees on the last ones what it is sure of."""
    last = max(1, round(CHECKED * len(data)))
    learn, check = (examples_of(data, span) for span in (range(len(data) - last), range(len(data) - last, len(data))))
    return learn_names(learn, check, config, device)


def examples_of(data: VideoDataset, episodes: range | None = None) -> Examples:
    """The frames of some episodes, all by default, under both lights."""
    found = [lit for index in episodes or range(len(data)) for lit in _both_lights(data, index)]
    return Examples(
        torch.cat([some.frames for some in found]),
        {kind: torch.cat([some.names[kind] for some in found]) for kind in NAMES},
        torch.cat([some.cells for some in found]),
    )


def _both_lights(data: VideoDataset, index: int) -> Iterator[Examples]:
    description = data.description(index)
    cells = cells_of(torch.from_numpy(data.truth(index, "semantic")), data.source["classes"])
    for frames, spec in ((data.frames(index), "spec"), (data.truth(index, "twin"), "twin_spec")):
        names = {kind: torch.full((len(frames),), number) for kind, number in names_of(description[spec]).items()}
        yield Examples(torch.from_numpy(np.asarray(frames)), names, cells)


def names_of(spec: Mapping[str, Any]) -> dict[str, int]:
    """Of a `WorldSpec` as JSON values: the numbers of its names in `NAMES`."""
    told = {"scene": spec["scene"], "weather": spec["weather"], "time": time_name(spec["hour"])}
    return {kind: NAMES[kind].index(name) for kind, name in told.items()}


def cells_of(semantic: UInt8[Tensor, "B H W"], classes: list[str]) -> UInt8[Tensor, "B h w"]:
    """What the middle of each cell shows."""
    number = [SHOWN.index(name if name in SHOWN else "other") for name in classes]
    numbers = torch.tensor(number + [SHOWN.index("other")] * (256 - len(number)), dtype=torch.uint8)
    return numbers[semantic[:, CELL // 2 :: CELL, CELL // 2 :: CELL].long()]
