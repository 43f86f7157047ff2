"""Mining: from recordings with depth, poses, masks and boxes to assets, ground and light.

1. The light is fitted on pixels of all episodes (`light.py`).
2. Episode by episode, pixels are freed of it and gathered by thing, material and direction of the sky (`episodes.py`).
3. Things of one shape are fused (`shapes.py`), the best of those of their own kind made whole (`alone.py`, `planes.py`),
   what is flat becomes patches (`patches.py`), the ground tiles (`ground.py`), the sky panoramas (`sky.py`).

Legend: see the files named.
"""

from __future__ import annotations

import pickle
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError
from genie_gym.files import beside
from genie_gym.genie3.mining.alone import Candidates, cloud_of, is_far, is_inside
from genie_gym.genie3.mining.around import faces_one_way
from genie_gym.genie3.mining.build import Piece, build_library, piece_of
from genie_gym.genie3.mining.cells import Cloud, cell_of
from genie_gym.genie3.mining.collect import PHASES, Seen
from genie_gym.genie3.mining.colours import SnowRule
from genie_gym.genie3.mining.config import MiningConfig
from genie_gym.genie3.mining.episodes import Setting, Told, read_episodes
from genie_gym.genie3.mining.ground import make_tiles
from genie_gym.genie3.mining.kinds import Shape, Shapes
from genie_gym.genie3.mining.light import Collector, Light, fit_light
from genie_gym.genie3.mining.shapes import coverage, fused, variants
from genie_gym.genie3.mining.sky import make_skies
from genie_gym.genie3.mining.table import Ground, fit_ground, light_table
from genie_gym.genie3.mining.views import NEEDED, Condition, Unexplained, Views
from genie_gym.places.library import AssetLibrary, Material
from genie_gym.places.light import LightTable
from genie_gym.places.place import Place
from genie_gym.progress import progress

SNOW, CLEAR = "snowy", "sunny"


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
        GenieGymError: recordings without places, depth, poses or masks.
    """
    setting, places = prepare(data, config or MiningConfig(), work)
    return assemble(read_episodes(data, setting, work, "episodes"), setting, places)


def prepare(data: VideoDataset, config: MiningConfig, work: Path | None = None) -> tuple[Setting, dict[int, Place]]:
    """What reading episodes takes: which things are of one shape, and the light. And the places, by episode."""
    data.need_truth(NEEDED, "mining takes")
    places = {index: place for index in range(len(data)) if (place := data.place(index)) is not None}
    if not places:
        raise GenieGymError(f"mining takes recordings that say what stands where; {data.paths[0]} has no places.")
    classes = tuple(str(name) for name in data.source["classes"])
    weathers = tuple(str(name) for name in data.source.get("vocabulary", {}).get("weathers", ())) or ("clear",)
    shapes = Shapes(places.values(), config)
    snowy = weathers.index(SNOW) if SNOW in weathers else None
    light = _light(data, places, shapes, weathers, snowy, config, work)
    materials, farthest = _materials(place for _, place in data.layouts), _farthest(data, places)  # unseen ones too
    named = named_classes(data, next(iter(places)), classes)
    return Setting(weathers, classes, materials, shapes, light, snowy, farthest, config, named), places


def assemble(episodes: Iterable[Told], setting: Setting, places: dict[int, Place]) -> tuple[AssetLibrary, LightTable, Mined]:
    """The library, out of what episodes told."""
    config, weathers, classes = setting.config, setting.weathers, setting.classes
    half = max(place.half for place in places.values())
    gathered = _Gathered(Candidates(config.unique_each, half), Unexplained.of(len(classes)))
    for told in episodes:
        gathered.add(told, places[told.index])
    scenes = tuple(sorted({place.scene for place in places.values()} - {""}))
    pieces = _pieces(gathered, setting.shapes, places, half, config)
    soils = [one.soil for one in gathered.grounds]
    materials: list[Material] = make_tiles(soils, setting.materials, len(weathers), config.tile)
    skies = make_skies(gathered.skies, len(weathers), config.sky_at, config.sky_size)
    table = light_table(setting.light, skies, config, weathers)
    library = build_library(pieces, materials, classes, scenes, weathers, table, config, setting.named)
    fit_ground(library.light, library, gathered.grounds, places, weathers, config)
    report = Mined(len(gathered.grounds), _shares(gathered.unexplained, classes), [piece.told() for piece in pieces])
    report.light = {"fog": setting.light.fog_density.round(5).tolist(), "roofed": round(setting.light.roofed, 3)}
    return library, library.light, report


def _materials(places: Iterable[Place]) -> list[str]:
    """All names of materials, in order of the alphabet."""
    names: set[str] = set()
    for place in places:
        names |= {place.base, place.beyond} | {area.material for area in place.areas}
        names |= {road.material for road in place.roads} | {water.look for water in place.waters}
        names |= {road.marks.material for road in place.roads if road.marks is not None}
    return sorted(names)


def named_classes(data: VideoDataset, index: int, classes: Sequence[str]) -> tuple[str, str, str]:
    """The classes of sky, ground and water: by their names or, where there are none, what the masks show where there is no
    thing, and below all things."""
    told = data.description(index).get("instance_classes") or ()

    def found(name: str, label: int | None, else_: str) -> str:
        if name in classes:
            return name
        return classes[label] if label is not None and 0 <= label < len(classes) else else_

    ground = found("ground", told[0] if told else None, classes[0])
    return found("sky", told[-1] if told else None, ground), ground, found("water", None, ground)


def _farthest(data: VideoDataset, places: dict[int, Place]) -> float:
    """What depth tells of the sky: the largest value of some frames."""
    some = list(places)[:: max(1, len(places) // 8)]
    depths = [data.truth(index, "depth", slice(0, 8)).astype(np.float32) for index in some]
    return max(float(np.nanmax(np.minimum(depth, 1e6))) for depth in depths)


def _light(
    data: VideoDataset, places: dict[int, Place], shapes: Shapes, weathers: Sequence[str], snowy: int | None,
    config: MiningConfig, work: Path | None,
) -> Light:  # fmt: skip
    kept = None if work is None else work / "light.pickle"
    if kept is not None and kept.is_file():
        with kept.open("rb") as file:
            return pickle.load(file)  # type: ignore[no-any-return]
    collector = Collector(_farthest(data, places), config)
    for index in progress(list(places), desc="light", unit="episode"):
        length = int(data.lengths[index])
        step = max(1, length // config.light_frames)
        views = Views.of(data, index, weathers, slice(None, None, step))
        assert views is not None
        collector.add(views, [shapes.number(thing) for thing in views.place.things])
    clear = weathers.index(CLEAR) if CLEAR in weathers else 0
    light = fit_light(collector.samples(), len(weathers), snowy, clear)
    if kept is not None:
        with beside(kept) as part, part.open("wb") as file:
            pickle.dump(light, file)
    return light


@dataclass(eq=False)
class _Gathered:
    """What episodes told, put together while they come in."""

    candidates: Candidates
    unexplained: Unexplained
    shapes: dict[int, list[Seen]] = field(default_factory=lambda: defaultdict(list))
    grounds: list[Ground] = field(default_factory=list)
    skies: list[tuple[Condition, np.ndarray]] = field(default_factory=list)

    def add(self, told: Told, place: Place) -> None:
        for seen in told.seen:
            if seen.shape < 0:
                self.candidates.add(seen, place)
            else:
                self.shapes[seen.shape].append(seen)
        if told.soil is not None:
            self.grounds.append(Ground(told.index, told.soil, tuple(condition for condition, _ in told.skies)))
        self.skies += told.skies
        for name in ("pixels", "nowhere", "several"):
            getattr(self.unexplained, name)[:] += getattr(told.unexplained, name)


def _pieces(gathered: _Gathered, shapes: Shapes, places: dict[int, Place], half: float, config: MiningConfig) -> list[Piece]:
    """Shapes first, then the best of what is of its own kind, as far as the bytes go."""
    often: dict[tuple[str, str], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for place in places.values():
        for thing in place.things:
            often[thing.name, thing.kind][place.scene] += 1
    kinds = []
    for number, seen in progress(sorted(gathered.shapes.items()), desc="shapes", unit="shape"):
        first = places[seen[0].episode].things[seen[0].thing]
        far, inside = is_far(first, half), is_inside(first, half)
        kinds.append((shapes.all[number], far, inside, _by_colour(seen, shapes.all[number], far)))
    groups = gathered.candidates.ranked()
    clouds = {id(one): cloud_of(one, is_far(one.thing, half)) for group in groups for one in group}
    every = [cloud for *_, made in kinds for _, phases in made for cloud in phases] + list(clouds.values())
    rule = SnowRule([cloud for cloud in every if len(cloud)], config.seed)
    pieces = []
    for shape, far, inside, made in progress(kinds, desc="pieces", unit="shape"):
        for members, phases in made:
            scenes: dict[str, float] = defaultdict(float)
            for episode, _ in {(one.episode, one.thing) for one in members}:
                scenes[places[episode].scene] += 1
            for step, cloud in enumerate(phases):
                cell = max(cell_of(shape.size), 0.3) if far else cell_of(shape.size)
                count = (len(phases) if step == 0 else 0) if shape.being else 1
                whole = coverage(cloud, shape.size)
                solid = shape.kind != ""  # parts of what was parted have no holes
                about = shape.name, shape.kind, shape.size
                pieces.append(piece_of(*about, cloud, cell, rule, dict(scenes), whole, count, solid, solid and inside))
    one_way = {id(group): faces_one_way([clouds[id(one)] for one in group]) for group in groups}
    used, turn = 0, 0
    while used < config.unique_bytes and any(turn < len(group) for group in groups):
        for group in groups:
            if turn >= len(group) or used >= config.unique_bytes:
                continue
            one = group[turn]
            far, inside = is_far(one.thing, half), is_inside(one.thing, half)
            beyond = not inside and not one_way[id(group)]
            cell = max(cell_of(one.thing.size), 0.3) if far else cell_of(one.thing.size)
            cloud = clouds[id(one)]
            if len(cloud) < 30:
                continue
            share = often[one.thing.name, one.thing.kind][one.scene] / len(group)
            about = one.thing.name, one.thing.kind, one.thing.size
            piece = piece_of(*about, cloud, cell, rule, {one.scene: share}, one.score, 1, True, inside, beyond)
            pieces.append(piece)
            used += piece.bytes
        turn += 1
    return [piece for piece in pieces if len(piece)]


def _by_colour(seen: list[Seen], shape: Shape, far: bool) -> list[tuple[list[Seen], list[Cloud]]]:
    """Variants of a shape: who showed it, and its clouds (one, or one a phase)."""
    made = []
    for members in variants(seen):
        if shape.being:
            clouds = [fused(part, shape.size) for step in range(PHASES) if (part := [m for m in members if m.phase == step])]
        else:
            clouds = [fused(members, shape.size, far)]
        clouds = [cloud for cloud in clouds if len(cloud) >= 12]
        if clouds:
            made.append((members, clouds))
    return made


def _shares(unexplained: Unexplained, classes: Sequence[str]) -> dict[str, dict[str, float]]:
    found = {}
    for label in np.flatnonzero(unexplained.pixels).tolist():
        pixels = int(unexplained.pixels[label])
        found[classes[label]] = {
            "pixels": pixels, "in no box": round(int(unexplained.nowhere[label]) / pixels, 4),
            "in several": round(int(unexplained.several[label]) / pixels, 4),
        }  # fmt: skip
    return found
