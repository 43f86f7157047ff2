"""One episode after the other: what each tells of things, ground and sky; kept, so that mining goes on where it stopped.

Legend: T frames of an episode.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genie_gym.datasets.video import VideoDataset
from genie_gym.files import beside
from genie_gym.genie3.mining.collect import Gatherer, Seen
from genie_gym.genie3.mining.config import MiningConfig
from genie_gym.genie3.mining.ground import Soil, SoilGatherer
from genie_gym.genie3.mining.kinds import Shapes
from genie_gym.genie3.mining.light import Light
from genie_gym.genie3.mining.sky import SkyGatherer
from genie_gym.genie3.mining.views import Condition, Unexplained, Views, look, sightings
from genie_gym.progress import progress


@dataclass(frozen=True, eq=False)
class Told:
    """What one episode tells."""

    index: int
    seen: list[Seen]
    soil: Soil | None
    skies: list[tuple[Condition, np.ndarray]]
    unexplained: Unexplained


@dataclass(frozen=True, eq=False)
class Setting:
    """What reading an episode takes."""

    weathers: Sequence[str]
    classes: Sequence[str]
    materials: Sequence[str]
    shapes: Shapes
    light: Light
    snowy: int | None
    farthest: float
    config: MiningConfig
    named: tuple[str, str, str] = ("sky", "ground", "water")  # classes of these


def read_episode(data: VideoDataset, index: int, setting: Setting) -> Told | None:
    """Everything that one episode tells; None where nobody said what stands in it."""
    step = -(-int(data.lengths[index]) // setting.config.frames)
    views = Views.of(data, index, setting.weathers, slice(None, None, step))
    if views is None:
        return None
    config, classes = setting.config, list(setting.classes)
    _, ground, water = setting.named
    labels = classes.index(ground), -1 if water == ground else classes.index(water)
    things = Gatherer(views, setting.shapes, setting.light, setting.snowy)
    soil = SoilGatherer(views, setting.light, setting.materials, labels, config.seed)
    sky = SkyGatherer(views, config.sky_size)
    unexplained = Unexplained.of(len(classes))
    for frame in range(len(views)):
        seen = look(views, frame, setting.farthest)
        found = sightings(views, frame, seen, unexplained)
        owned = np.zeros(seen.sky.size, bool)
        for one in found:
            owned[one.pixels] = True
        things.add(frame, seen, found)
        soil.add(frame, seen, owned)
        sky.add(frame, seen)
    return Told(index, things.rows(), soil.soil(), sky.skies(), unexplained)


def read_episodes(data: VideoDataset, setting: Setting, work: Path | None, name: str) -> Iterator[Told]:
    """All episodes in order. With a `work` folder each is kept there under `name`, and read back where it was kept."""
    for index in progress(range(len(data)), desc="mine", unit="episode"):
        told = kept_episode(data, index, setting, None if work is None else part_of_work(work, name, index))
        if told is not None:
            yield told


def part_of_work(work: Path, name: str, index: int) -> Path:
    """Where an episode is kept."""
    return work / name / f"episode_{index:06d}.pickle"


def kept_episode(data: VideoDataset, index: int, setting: Setting, path: Path | None) -> Told | None:
    """One episode, from where it was kept or, the first time, from the recording."""
    if path is not None and path.is_file():
        with path.open("rb") as file:
            return pickle.load(file)  # type: ignore[no-any-return]
    told = read_episode(data, index, setting)
    if path is not None:
        with beside(path) as part, part.open("wb") as file:
            pickle.dump(told, file, protocol=pickle.HIGHEST_PROTOCOL)
    return told
