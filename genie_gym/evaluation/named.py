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
from genie_gym.evaluation.namer import CELL, KINDS, Examples, Namer, NamerConfig, learn_names, names_of_kinds, shown_by_cells
from genie_gym.files import alone, beside, cache_folder
from genie_gym.text.spec import time_name
from genie_gym.text.vocabulary import Vocabulary
from genie_gym.world import World

FRAMES = 12_000  # each under two lights
VIEWS = 15  # of a place
CHECKED = 0.15  # share of the places that it does not learn from
SEED = 2  # held-out video has 1
VERSION = 2  # of the network and how it learns: raised when another comes of the same numbers


def trained_namer(world: World, cache: str | Path | None = None, num_frames: int = FRAMES) -> Namer:
    """The judge of what frames of the world's simulator show, of any world in it, at the world's size and by the names that
    the world knows. Recorded and learned once; its weights are kept in `cache`. No world learned from these places: their
    seeds are held out, and not those of held-out video."""
    vocabulary = world.vocabulary
    assert vocabulary is not None  # what is to be named
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
    names = [names_of_kinds(vocabulary), shown_by_cells(vocabulary)]
    told = json.dumps([recording.source, num_frames, asdict(config), VERSION, names], sort_keys=True)
    name = f"namer-{recording.env_id.replace('/', '-')}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"
    path = (Path(cache) if cache else cache_folder()) / f"{name}.safetensors"
    with alone(path):
        if not path.exists():
            video = path.with_suffix(".h5")
            record(recording, video, num_frames, resume=True)
            with closing(VideoDataset(video)) as data, beside(path) as part:
                save_file(learn_from(data, vocabulary, config, world.device).cpu().state_dict(), part)
            video.unlink()
        namer = Namer(vocabulary, config)
        namer.load_state_dict(load_file(path))
    return namer.to(world.device).eval()


def learn_from(data: VideoDataset, vocabulary: Vocabulary, config: NamerConfig, device: torch.device) -> Namer:
    """Learns from most places, and sees on the last ones what it is sure of."""
    last = max(1, round(CHECKED * len(data)))
    spans = range(len(data) - last), range(len(data) - last, len(data))
    learn, check = (examples_of(data, vocabulary, span) for span in spans)
    return learn_names(learn, check, vocabulary, config, device)


def examples_of(data: VideoDataset, vocabulary: Vocabulary, episodes: range | None = None) -> Examples:
    """The frames of some episodes, all by default, under both lights."""
    found = [lit for index in episodes or range(len(data)) for lit in _both_lights(data, vocabulary, index)]
    return Examples(
        torch.cat([some.frames for some in found]),
        {kind: torch.cat([some.names[kind] for some in found]) for kind in KINDS},
        torch.cat([some.cells for some in found]),
    )


def _both_lights(data: VideoDataset, vocabulary: Vocabulary, index: int) -> Iterator[Examples]:
    description = data.description(index)
    cells = cells_of(torch.from_numpy(data.truth(index, "semantic")), data.source["classes"], vocabulary)
    for frames, spec in ((data.frames(index), "spec"), (data.truth(index, "twin"), "twin_spec")):
        numbers = names_of(description[spec], vocabulary)
        names = {kind: torch.full((len(frames),), number) for kind, number in numbers.items()}
        yield Examples(torch.from_numpy(np.asarray(frames)), names, cells)


def names_of(spec: Mapping[str, Any], vocabulary: Vocabulary) -> dict[str, int]:
    """Of a `WorldSpec` as JSON values: the numbers of its names in `names_of_kinds`."""
    told = {"scene": spec["scene"], "weather": spec["weather"], "time": time_name(spec["hour"])}
    return {kind: names.index(told[kind]) for kind, names in names_of_kinds(vocabulary).items()}


def cells_of(semantic: UInt8[Tensor, "B H W"], classes: list[str], vocabulary: Vocabulary) -> UInt8[Tensor, "B h w"]:
    """What the middle of each cell shows."""
    shown = shown_by_cells(vocabulary)
    number = [shown.index(name if name in shown else "other") for name in classes]
    numbers = torch.tensor(number + [shown.index("other")] * (256 - len(number)), dtype=torch.uint8)
    return numbers[semantic[:, CELL // 2 :: CELL, CELL // 2 :: CELL].long()]
