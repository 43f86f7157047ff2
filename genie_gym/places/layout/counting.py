"""How many things of each class a place has of itself, and on what that depends.

Legend: S scenes, C classes, N bins of counts, I what counts depend on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool

from genie_gym.places.layout.config import COUNTS, GROUPS, LayoutConfig
from genie_gym.places.layout.ground import Ground
from genie_gym.places.layout.sketch import Pair, Spec, asked_of
from genie_gym.places.place import Place


def count_example(
    config: LayoutConfig, pieces: Mapping[tuple[str, str, str], str], spec: Spec | None, place: Place
) -> tuple[np.ndarray, np.ndarray]:
    """What counts depend on [I], and in which bin each class's own count lies [C]."""
    counts = np.zeros(len(config.classes), int)
    for thing in place.things:
        if thing.name in config.classes and (place.scene, thing.name, thing.kind) not in pieces:
            counts[config.classes.index(thing.name)] += 1
    for name, count in asked_of(spec).items():
        if name in config.classes:
            counts[config.classes.index(name)] -= count
    bins = np.searchsorted(COUNTS, np.maximum(counts, 0), side="right") - 1
    return count_inputs(config, spec, Ground(place, config.materials)), bins


def count_inputs(config: LayoutConfig, spec: Spec | None, ground: Ground) -> np.ndarray:
    """What the counts of a place depend on besides its scene, float32 [I]."""
    asked = asked_of(spec)
    groups = dict(zip(config.classes, config.groups, strict=True))
    areas = dict(zip(config.classes, config.areas, strict=True))
    landmarks = [name for name in asked if groups.get(name) == GROUPS.index("landmark")]
    beings = sum(count for name, count in asked.items() if groups.get(name) == GROUPS.index("being"))
    objects = sum(asked.values()) - beings - len(landmarks)
    full = 2 * ground.half
    roof = ground.place.roof
    covered = 0.0 if roof is None else (roof[2] - roof[0]) * (roof[3] - roof[1]) / full**2
    west, south, east, north = ground.land
    told = (
        beings > 0,
        min(objects, 12) / 12,
        len(landmarks) / 3,
        sum(areas[name] for name in landmarks) / 300,
        ground.pieces[:, 4].sum() / full / 3,
        len(ground.pieces) / 12,
        covered * 4,
        (east - west) * (north - south) / full**2,
    )
    return np.array(told, np.float32)


def mine_bins(
    pairs: Sequence[Pair], pieces: Mapping[tuple[str, str, str], str], config: LayoutConfig
) -> Bool[np.ndarray, "S C N"]:
    """Which bins of `COUNTS` the own counts of each class of a scene may lie in: recorded ones, and those beside them."""
    bins = np.zeros((len(config.scenes), len(config.classes), len(COUNTS)), bool)
    for spec, place in pairs:
        _, found = count_example(config, pieces, spec, place)
        bins[config.scene(place.scene), np.arange(len(found)), found] = True
    near = bins.copy()
    near[..., 1:] |= bins[..., :-1]
    near[..., 1:-1] |= bins[..., 2:]  # never none where there always were some
    return near
