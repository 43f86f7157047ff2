"""Classes of things as recordings show them: how large, how solid for others, whether the ground is level around them.

Legend: S scenes, C classes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genie_gym.places.layout.boxes import paired_separation, separation
from genie_gym.places.layout.config import GROUPS, SPAWN
from genie_gym.places.layout.sketch import DEEP, HIGH, LIFT, WIDE, Sketch, X, Y, as_boxes
from genie_gym.places.place import heights_at

STRUCTURE, LARGE = 12.0, 1.5  # square units: from there on a thing is a structure, or large
SHARES = (1.0, 0.92, 0.84, 0.76, 0.66, 0.55, 0.45, 0.35, 0.25, 0.15)  # of a box that may be its core
CLASH, SHALLOW = 0.04, 0.03  # of a class's things may overlap others as recorded, and all by so many units
TALL, SOLID = 2.0, 0.66  # units: what is lower has no crown, and its core is at least this share of its box
MANY = 60  # things of a class in a scene that say how solid it is there
LOOKED_AT = 300  # places, for level ground
SPAWN_SIZE = 0.6  # units across


@dataclass(frozen=True)
class Classes:
    """Names of classes in the order in which their things come to a place, and what is known of each; `cores` [S, C], which
    share of a class's box is solid in each of the scenes."""

    names: tuple[str, ...]
    groups: tuple[int, ...]
    cores: np.ndarray
    levels: tuple[bool, ...]
    areas: tuple[float, ...]


def find_classes(sketches: Sequence[Sketch], roles: Sequence[np.ndarray], landmarks: frozenset[str], seed: int) -> Classes:
    """Of places and the role of each of their things."""
    areas: dict[str, list[float]] = defaultdict(list)
    heights: dict[str, list[float]] = defaultdict(list)
    being: dict[str, bool] = {}
    for sketch, role in zip(sketches, roles, strict=True):
        for index in np.flatnonzero(role == "free"):
            thing = sketch.place.things[index]
            areas[thing.name].append(thing.size[0] * thing.size[1] / sketch.ground.unit**2)
            heights[thing.name].append(thing.size[2] / sketch.ground.unit)
            being[thing.name] = being.get(thing.name, False) or thing.behaviour is not None
    usual = {name: float(np.median(values)) for name, values in areas.items()}
    usual[SPAWN] = SPAWN_SIZE**2
    group = {name: _group(name, area, name in landmarks, being.get(name, False)) for name, area in usual.items()}
    names = tuple(sorted(usual, key=lambda name: (group[name], -usual[name], name)))
    rng = np.random.default_rng([seed, 21])
    chosen = rng.permutation(len(sketches))[:LOOKED_AT]
    least = np.array([SHARES[-1] if np.median(heights[name] or 0) > TALL else SOLID for name in names])
    scenes = list(dict.fromkeys(sketch.place.scene for sketch in sketches))
    both, counts = _overlapping(sketches, roles, names, scenes)
    everywhere = _cores(both, counts.sum(0), least)
    cores = [_cores(both[both[:, -1] == k], counts[k], least) for k in range(len(scenes))]
    cores = [np.where(counts[k, :-1] >= MANY, own, everywhere) for k, own in enumerate(cores)]
    levels = _levels([sketches[k] for k in chosen], [roles[k] for k in chosen], names, rng)
    return Classes(names, tuple(group[n] for n in names), np.stack(cores), levels, tuple(usual[n] for n in names))


def _group(name: str, area: float, landmark: bool, being: bool) -> int:
    if name == SPAWN or landmark or being:
        return GROUPS.index(SPAWN if name == SPAWN else "landmark" if landmark else "being")
    return GROUPS.index("structure" if area >= STRUCTURE else "large" if area >= LARGE else "small")


def _overlapping(
    sketches: Sequence[Sketch], roles: Sequence[np.ndarray], names: tuple[str, ...], scenes: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of things whose boxes overlap: rows and classes (-1 of pieces) of both, and the scene; and how many things of
    each class there are in each scene, [S, C + 1]."""
    known = {name: number for number, name in enumerate(names)}
    pairs, counts = [], np.zeros((len(scenes), len(names) + 1))
    for sketch, role in zip(sketches, roles, strict=True):
        free = np.flatnonzero((role == "free") | (role == "rooms") | (role == "ring") | (role == "fixed"))
        labels = np.array([known.get(sketch.parts[k][0], -1) if role[k] == "free" else -1 for k in free], int)
        boxes, rows = sketch.boxes(free), sketch.rows[free]
        top = rows[:, LIFT] + rows[:, HIGH]
        apart = np.maximum(rows[:, None, LIFT] - top, rows[None, :, LIFT] - top[:, None]) > -0.05 * sketch.ground.unit
        one, other = np.nonzero(np.triu((separation(boxes, boxes) < 0) & ~apart, 1))
        keep = (labels[one] >= 0) | (labels[other] >= 0)
        scene = scenes.index(sketch.place.scene)
        rows[:, [X, Y, WIDE, DEEP]] /= sketch.ground.unit
        columns = [rows[one], rows[other], labels[one, None], labels[other, None], np.full((len(one), 1), scene)]
        pairs.append(np.concatenate(columns, 1)[keep])
        np.add.at(counts[scene], labels, 1)
    return np.concatenate(pairs), counts


def _cores(both: np.ndarray, counts: np.ndarray, least: np.ndarray) -> np.ndarray:
    """The class whose things overlap others most often has its core shrunk, until hardly any overlap, but not below
    `least`."""
    one, other, labels = both[:, :7], both[:, 7:14], both[:, 14:16].astype(int)
    step = np.zeros(len(counts), int)
    shares = np.array(SHARES)
    while len(both):
        core = shares[step]
        clash = paired_separation(as_boxes(one, core[labels[:, 0]]), as_boxes(other, core[labels[:, 1]])) < -SHALLOW
        often = np.bincount(labels[clash].ravel() % len(step), minlength=len(step)) / np.maximum(counts, 1)
        often[-1] = 0
        often[shares[step] <= np.append(least, 1)] = 0
        if often.max() <= CLASH:
            break
        step[often.argmax()] += 1
    return shares[step[:-1]]


def _levels(
    sketches: Sequence[Sketch], roles: Sequence[np.ndarray], names: tuple[str, ...], rng: np.random.Generator
) -> tuple[bool, ...]:
    """Whether the ground under a class's things is much flatter than under boxes of their size elsewhere."""
    under: dict[str, list[tuple[float, float]]] = defaultdict(list)
    around = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    ring = np.stack([np.cos(around), np.sin(around)], 1)
    for sketch, role in zip(sketches, roles, strict=True):
        place = sketch.place
        if len(place.heights) == 1:
            continue
        for index in np.flatnonzero(role == "free"):
            row = sketch.rows[index]
            reach = max(row[WIDE], row[DEEP]) / 2
            if reach > sketch.ground.unit and np.abs(row[:2]).max() < place.half - reach:
                elsewhere = rng.uniform(reach - place.half, place.half - reach, 2)
                here, there = (float(np.ptp(heights_at(place.heights, place.half, at + ring * 0.8 * reach)))
                               for at in (row[:2], elsewhere))  # fmt: skip
                under[sketch.parts[index][0]].append((here, there))
    return tuple(bool(under[name]) and _flatter(np.array(under[name])) for name in names)


def _flatter(spans: np.ndarray) -> bool:
    here, there = np.median(spans, 0)
    return bool(here < 0.35 * there)
