"""Which assets a library gets: all shapes, by colour, and the best of what is of its own kind, as far as the bytes go."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from genie_gym.genie3.mining.around import faces_one_way
from genie_gym.genie3.mining.backdrops import closed
from genie_gym.genie3.mining.build import Piece, Source, piece_of
from genie_gym.genie3.mining.cells import Cloud, cell_of
from genie_gym.genie3.mining.collect import PHASES, Observation, is_far
from genie_gym.genie3.mining.colours import SnowRule
from genie_gym.genie3.mining.config import MiningConfig
from genie_gym.genie3.mining.kinds import Shape, Shapes
from genie_gym.genie3.mining.shapes import coverage, fused, variants
from genie_gym.genie3.mining.unique import Candidate, Candidates, is_inside
from genie_gym.places.place import Place
from genie_gym.progress import progress

LEAST, LEAST_UNIQUE = 12, 30  # surfels of a shape, and of a thing of its own kind
WHOLE = 0.85  # of how whole the wholest of a kind is


@dataclass(eq=False)
class Things:
    """What episodes saw of things, put together while they come in: by shape, and the best of those of their own kind."""

    places: Mapping[int, Place]
    shapes: Shapes
    candidates: Candidates
    observations: dict[int, list[Observation]] = field(default_factory=lambda: defaultdict(list))

    def add(self, seen: Observation) -> None:
        if seen.shape < 0:
            self.candidates.add(seen, self.places[seen.episode])
        else:
            self.observations[seen.shape].append(seen)


@dataclass(frozen=True, eq=False)
class _Variant:
    """A shape in one colour: who showed it, and its clouds (one, or one a phase)."""

    shape: Shape
    members: list[Observation]
    clouds: list[Cloud]
    far: bool
    inside: bool


def chosen_pieces(things: Things, config: MiningConfig) -> list[Piece]:
    """Shapes first, then what is of its own kind."""
    made = [
        variant
        for number, seen in progress(sorted(things.observations.items()), desc="shapes", unit="shape")
        for variant in _variants(things, things.shapes.all[number], seen)
    ]
    groups = [[(one, one.cloud()) for one in group] for group in things.candidates.ranked()]
    clouds = [cloud for variant in made for cloud in variant.clouds] + [cloud for group in groups for _, cloud in group]
    rule = SnowRule([cloud for cloud in clouds if len(cloud)], config.seed)
    sources = [source for variant in made for source in _sources(variant, things.places)]
    pieces = [piece_of(source, rule) for source in progress(sources, desc="pieces", unit="piece")]
    used = 0
    for piece in _in_turns([_whole_ones(group, rule) for group in _unique(groups, things.places)]):
        if used >= config.unique_bytes:
            break
        pieces.append(piece)
        used += piece.bytes
    return closed([piece for piece in pieces if len(piece)])


def _variants(things: Things, shape: Shape, seen: list[Observation]) -> Iterator[_Variant]:
    place = things.places[seen[0].episode]
    first = place.things[seen[0].thing]
    far, inside = is_far(first, place), is_inside(first, place)
    for members in variants(seen):
        if shape.being:
            clouds = _phases(members, shape)
        else:
            clouds = [cloud for cloud in [fused(members, shape.size, far)] if len(cloud) >= LEAST]
        if clouds:
            yield _Variant(shape, members, clouds, far, inside)


def _phases(members: list[Observation], shape: Shape) -> list[Cloud]:
    """A cloud a phase of a being's gait; what nobody saw is as the nearest phase that somebody saw."""
    parts = [[one for one in members if one.phase == phase] for phase in range(PHASES)]
    clouds = [fused(part, shape.size) if part else Cloud.joined([]) for part in parts]
    seen = [phase for phase, cloud in enumerate(clouds) if len(cloud) >= LEAST]
    if len(seen) < 2:
        return [clouds[phase] for phase in seen]
    return [clouds[min(seen, key=lambda other: abs(other - phase))] for phase in range(PHASES)]


def _sources(variant: _Variant, places: Mapping[int, Place]) -> Iterator[Source]:
    shape, clouds = variant.shape, variant.clouds
    scenes: dict[str, float] = defaultdict(float)
    for episode, _ in {(one.episode, one.thing) for one in variant.members}:
        scenes[places[episode].scene] += 1
    best = sorted(variant.members, key=lambda one: -one.pixels)
    members = tuple(dict.fromkeys((one.episode, one.thing) for one in best))
    solid = shape.kind != ""  # parts of what was parted have no holes
    for phase, cloud in enumerate(clouds):
        phases = (len(clouds) if phase == 0 else 0) if shape.being else 1
        yield Source(
            shape.name, shape.kind, shape.size, cell_of(shape.size, variant.far), cloud, dict(scenes),
            coverage(cloud, shape.size), phases, solid, around=solid and variant.inside, members=members,
        )  # fmt: skip


def _unique(groups: list[list[tuple[Candidate, Cloud]]], places: Mapping[int, Place]) -> list[list[Source]]:
    """What is of its own kind, by scene and kind, the best first."""
    often = Counter((thing.name, thing.kind, place.scene) for place in places.values() for thing in place.things)
    made = []
    for group in groups:
        narrow = faces_one_way([cloud for _, cloud in group])
        share = 1 / max(len(group), 1)
        made.append([
            Source(
                one.thing.name, one.thing.kind, one.thing.size, one.cell, cloud,
                {one.scene: share * often[one.thing.name, one.thing.kind, one.scene]}, one.score,
                around=one.inside, beyond=not one.inside and not narrow, members=one.seen,
            )
            for one, cloud in group if len(cloud) >= LEAST_UNIQUE
        ])  # fmt: skip
    return made


def _whole_ones(sources: Sequence[Source], rule: SnowRule) -> list[Piece]:
    """Those of one scene and kind that are nearly as whole as the wholest."""
    pieces = [piece_of(source, rule) for source in progress(sources, desc="unique pieces", unit="piece", leave=False)]
    wholeness = [piece.wholeness() for piece in pieces]
    return [piece for piece, whole in zip(pieces, wholeness, strict=True) if whole >= WHOLE * max(wholeness)]


def _in_turns(groups: Sequence[Sequence[Piece]]) -> Iterator[Piece]:
    """The best of each scene and kind, then the second best, and so on."""
    for turn in range(max(map(len, groups), default=0)):
        yield from (group[turn] for group in groups if turn < len(group))
