"""Mining: from recordings with depth, poses, masks and boxes to assets, ground and light.

1. The light is fitted on pixels of all episodes (`light_samples.py`, `light_fit.py`).
2. Episode by episode, pixels are freed of it and gathered by thing, material and direction of the sky (`episodes.py`).
3. Things of one shape are fused (`shapes.py`), the best of those of their own kind made whole (`unique.py`, `planes.py`),
   what is flat becomes patches (`patches.py`), the ground tiles (`ground.py`), the sky panoramas (`sky.py`); backdrops are
   closed (`backdrops.py`).
4. What is flat is looked at once more, where it was seen from near (`detail.py`): patches are drawn with what looks like
   them there (`exemplars.py`).
5. Shadows say where the sun stands (`shade.py`); recorded places, drawn, say when lamps are lit and how bright rooms are
   (`compared.py`).

Legend: see the files named.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError
from genie_gym.genie3.mining.build import build_library
from genie_gym.genie3.mining.choose import Things, chosen_pieces
from genie_gym.genie3.mining.compared import compare, lit_share, put_out, write_glow, write_rooms
from genie_gym.genie3.mining.conditions import Weathers
from genie_gym.genie3.mining.config import MiningConfig
from genie_gym.genie3.mining.detail import details
from genie_gym.genie3.mining.episodes import Evidence, Setting, read_episodes
from genie_gym.genie3.mining.exemplars import make_atlas
from genie_gym.genie3.mining.ground import make_tiles
from genie_gym.genie3.mining.kept import fingerprint, keep, kept
from genie_gym.genie3.mining.kinds import Shapes
from genie_gym.genie3.mining.light import Light
from genie_gym.genie3.mining.light_fit import fit_light
from genie_gym.genie3.mining.light_samples import LightCollector
from genie_gym.genie3.mining.sky import make_skies
from genie_gym.genie3.mining.stood import Stood
from genie_gym.genie3.mining.table import fit_ground, light_table
from genie_gym.genie3.mining.unique import Candidates
from genie_gym.genie3.mining.views import NEEDED, BoxCounts, Views
from genie_gym.places.library import AssetLibrary
from genie_gym.places.light import LightTable
from genie_gym.places.place import Place
from genie_gym.progress import progress

LIGHT_SAMPLES = 12_000_000  # pixels that the light is fitted on, at most


@dataclass
class Mined:
    """What came of mining, as plain numbers (JSON): by class the share of pixels in no box and in several, and what the
    library holds of what."""

    episodes: int = 0
    unexplained: dict[str, dict[str, float]] = field(default_factory=dict)
    assets: list[dict[str, Any]] = field(default_factory=list)
    light: dict[str, Any] = field(default_factory=dict)


def mine(
    data: VideoDataset, config: MiningConfig | None = None, work: Path | None = None
) -> tuple[AssetLibrary, LightTable, Mined]:
    """Everything that places are drawn with, out of recordings.

    Args:
        work: a folder in which what each episode told is kept, so that mining goes on where it stopped.

    Raises:
        GenieGymError: recordings without places, depth, poses, masks or intrinsics, of several simulators, or that show
            nothing of what stands in them.
    """
    config = config or MiningConfig()
    work = None if work is None else work / fingerprint(data, config)
    setting, places = prepare(data, config, work)
    return assemble(data, read_episodes(data, setting, work), setting, places)


def prepare(data: VideoDataset, config: MiningConfig, work: Path | None = None) -> tuple[Setting, dict[int, Place]]:
    """What reading episodes takes: which things are of one shape, and the light. And the places, by episode."""
    data.need_truth(NEEDED, "mining takes")
    places = {index: place for index in range(len(data)) if (place := data.place(index)) is not None}
    if not places:
        raise GenieGymError(f"mining takes recordings that say what stands where; {data.paths[0]} has no places.")
    classes, weathers, shapes = _classes(data), Weathers.of(data.source), Shapes(places.values(), config)
    light = _light(data, places, shapes, weathers, config, work)
    materials = _materials(place for _, place in data.layouts)  # those of places that nobody saw too
    return Setting(weathers, classes, materials, shapes, light, config, _named(data, next(iter(places)), classes)), places


def assemble(
    data: VideoDataset, episodes: Iterable[Evidence], setting: Setting, places: Mapping[int, Place]
) -> tuple[AssetLibrary, LightTable, Mined]:
    """The library, out of what episodes told."""
    config, weathers, classes = setting.config, setting.weathers, setting.classes
    things, boxes = Things(places, setting.shapes, Candidates(config.unique_each)), BoxCounts.of(len(classes))
    told: list[Evidence] = []
    for one in episodes:
        for seen in one.observations:
            things.add(seen)
        boxes.add(one.boxes)
        told.append(replace(one, observations=[]))
    scenes = tuple(sorted({place.scene for place in places.values()} - {""}))
    pieces = chosen_pieces(things, config)
    atlas = make_atlas(pieces, details(data, setting, pieces), config.blocks, config.seed)
    materials = make_tiles([one.ground for one in told], setting.materials, len(weathers), config.tile)
    skies = [sky for one in told for sky in zip(one.conditions, one.skies, strict=True)]
    table = light_table(setting.light, make_skies(skies, len(weathers), config.sky_at, config.sky_size), config)
    library = build_library(
        pieces, atlas, Stood.of(data, places), materials, classes, scenes, weathers.names, table, config, setting.named
    )
    fit_ground(library.light, library, told, places, weathers, config)
    looked = [one.episode for one in told][:: max(1, len(told) // config.compared_episodes)]
    compared = list(compare(library, data, looked, weathers))
    write_rooms(library.light, compared)
    write_glow(library.light, compared)
    put_out(library, lit_share(compared), config.seed)
    report = Mined(len(told), _shares(boxes, classes), [piece.told() for piece in pieces])
    report.light = {"fog": setting.light.fog_density.round(5).tolist(), "roofed": round(setting.light.roofed, 3)}
    return library, library.light, report


def _classes(data: VideoDataset) -> tuple[str, ...]:
    """The names of classes, the same in all files.

    Raises:
        GenieGymError: there are none, or files differ in them.
    """
    named = {tuple(map(str, json.loads(str(file.attrs["source"])).get("classes") or ())) for file in data.files}
    if len(named) > 1 or not min(named):
        raise GenieGymError(
            f"mining takes recordings whose masks have the same classes, by name; {', '.join(map(str, data.paths))} have "
            f"{' or '.join(str(len(classes)) for classes in sorted(named))} that differ or are missing."
        )
    return named.pop()


def _materials(places: Iterable[Place]) -> list[str]:
    """All names of materials, in order of the alphabet."""
    names: set[str] = set()
    for place in places:
        names |= {place.base, place.beyond} | {area.material for area in place.areas}
        names |= {road.material for road in place.roads} | {water.look for water in place.waters}
        names |= {road.marks.material for road in place.roads if road.marks is not None}
    return sorted(names)


def _named(data: VideoDataset, index: int, classes: Sequence[str]) -> tuple[str, str, str]:
    """The classes of sky, ground and water: by their names or, where there are none, what the masks show where there is no
    thing, and below all things."""
    told = data.description(index).get("instance_classes") or ()

    def found(name: str, label: int | None, else_: str) -> str:
        if name in classes:
            return name
        return classes[label] if label is not None and 0 <= label < len(classes) else else_

    ground = found("ground", told[0] if told else None, classes[0])
    return found("sky", told[-1] if told else None, ground), ground, found("water", None, ground)


def _light(
    data: VideoDataset, places: Mapping[int, Place], shapes: Shapes, weathers: Weathers, config: MiningConfig,
    work: Path | None,
) -> Light:  # fmt: skip
    path = None if work is None else work / "light.safetensors"
    if path is not None and (arrays := kept(path)) is not None:
        return Light(arrays["gain"], arrays["fog_colour"], arrays["fog_density"], arrays["roofed"].item())
    pixels = min(config.light_pixels, max(1, LIGHT_SAMPLES // (len(places) * config.light_frames)))
    collector = LightCollector(shapes, pixels, config.seed)
    for index in progress(list(places), desc="light", unit="episode"):
        views = Views.of(data, index, weathers, max(1, int(data.calm[index]) // config.light_frames))
        if views is not None:
            collector.add(views)
    light = fit_light(collector.samples(), weathers)
    if path is not None:
        keep(path, {name: np.asarray(values) for name, values in vars(light).items()})
    return light


def _shares(boxes: BoxCounts, classes: Sequence[str]) -> dict[str, dict[str, float]]:
    found = {}
    for label in np.flatnonzero(boxes.pixels).tolist():
        pixels = int(boxes.pixels[label])
        found[classes[label]] = {
            "pixels": pixels, "in no box": round(int(boxes.nowhere[label]) / pixels, 4),
            "in several": round(int(boxes.several[label]) / pixels, 4),
        }  # fmt: skip
    return found
