"""One episode after the other: what each tells of things, ground and sky; kept, so that mining goes on where it stopped.

Legend: K pictures of an episode (frames, twin), C classes, U V rows and columns of a panorama, n things.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import Float

from genie_gym.datasets.video import VideoDataset
from genie_gym.genie3.mining.cells import Rows
from genie_gym.genie3.mining.collect import Observation, ThingCollector
from genie_gym.genie3.mining.conditions import Condition, Weathers
from genie_gym.genie3.mining.config import MiningConfig
from genie_gym.genie3.mining.ground import GroundCollector, GroundPixels
from genie_gym.genie3.mining.kept import keep, kept
from genie_gym.genie3.mining.kinds import Shapes
from genie_gym.genie3.mining.light import Light
from genie_gym.genie3.mining.sky import SkyCollector
from genie_gym.genie3.mining.views import BoxCounts, Views, back_projected, sightings
from genie_gym.progress import progress

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Evidence:
    """What one episode tells: of things, of the ground and, by picture, of the sky."""

    episode: int
    observations: list[Observation]
    ground: GroundPixels
    conditions: tuple[Condition, ...]
    skies: Float[np.ndarray, "K U V 4"]
    boxes: BoxCounts

    def arrays(self) -> dict[str, np.ndarray]:
        """As they are kept."""
        seen = self.observations
        lines = [(one.thing, one.shape, one.phase, one.pixels, len(one.rows)) for one in seen]
        return {
            "observations": np.array(lines, np.int64).reshape(-1, 5),
            **_named("rows", Rows.joined([one.rows for one in seen])), **_named("ground", self.ground),
            "conditions": np.array([(one.weather, one.hour) for one in self.conditions]), "skies": self.skies,
            **_named("boxes", self.boxes),
        }  # fmt: skip

    @classmethod
    def of(cls, episode: int, arrays: Mapping[str, np.ndarray]) -> Evidence:
        """Of what `arrays` gave."""
        rows, first, seen = _made(Rows, "rows", arrays), 0, []
        for thing, shape, phase, pixels, count in arrays["observations"].tolist():
            seen.append(Observation(episode, thing, shape, phase, pixels, rows.keep(slice(first, first + count))))
            first += count
        conditions = tuple(Condition(int(weather), float(hour)) for weather, hour in arrays["conditions"])
        ground, boxes = _made(GroundPixels, "ground", arrays), _made(BoxCounts, "boxes", arrays)
        return cls(episode, seen, ground, conditions, arrays["skies"], boxes)


def _named(part: str, values: object) -> dict[str, np.ndarray]:
    return {f"{part}.{name}": array for name, array in vars(values).items()}


def _made(kind: type[T], part: str, arrays: Mapping[str, np.ndarray]) -> T:
    return kind(**{name.partition(".")[2]: array for name, array in arrays.items() if name.startswith(f"{part}.")})


@dataclass(frozen=True, eq=False)
class Setting:
    """What reading an episode takes. `named` are the classes of sky, ground and water."""

    weathers: Weathers
    classes: Sequence[str]
    materials: Sequence[str]
    shapes: Shapes
    light: Light
    config: MiningConfig
    named: tuple[str, str, str] = ("sky", "ground", "water")


def read_episode(data: VideoDataset, index: int, setting: Setting) -> Evidence | None:
    """Everything that one episode tells; None where nobody said what stands in it."""
    config, classes = setting.config, list(setting.classes)
    views = Views.of(data, index, setting.weathers, -(-int(data.calm[index]) // config.frames))
    if views is None:
        return None
    _, ground, water = setting.named
    labels = classes.index(ground), -1 if water == ground else classes.index(water)
    things = ThingCollector(views, setting.shapes, setting.light, setting.weathers.snow)
    soil = GroundCollector(views, setting.light, setting.materials, labels, config.seed)
    sky = SkyCollector(views, config.sky_size)
    boxes = BoxCounts.of(len(classes))
    for frame in range(len(views)):
        seen = back_projected(views, frame)
        found = sightings(views, frame, seen, boxes)
        owned = np.zeros(seen.sky.size, bool)
        for one in found:
            owned[one.pixels] = True
        things.add(frame, seen, found)
        soil.add(frame, seen, owned)
        sky.add(frame, seen)
    return Evidence(index, things.observations(), soil.pixels(), views.conditions, sky.skies(), boxes)


def read_episodes(data: VideoDataset, setting: Setting, work: Path | None) -> Iterator[Evidence]:
    """All episodes in order. With a `work` folder each is kept there, and read back where it was kept."""
    for index in progress(range(len(data)), desc="mine", unit="episode"):
        path = None if work is None else work / f"episode_{index:06d}.safetensors"
        if path is not None and (arrays := kept(path)) is not None:
            yield Evidence.of(index, arrays)
            continue
        evidence = read_episode(data, index, setting)
        if evidence is not None and path is not None:
            keep(path, evidence.arrays())
            evidence = Evidence.of(index, kept(path) or evidence.arrays())  # so that its memory is free again
        if evidence is not None:
            yield evidence
