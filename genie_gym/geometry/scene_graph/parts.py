"""From a semantic map and depth to the parts of a view that are each one thing.

Pixels of one class that touch are one thing, unless depth jumps between them; so are pixels that something nearer parts, as
a lamp before a house; and so are what hangs over and what stands under it, as crown and trunk, and crumbs beside a large
part.

Legend: N = H·W pixels, R some of them, E pairs of pixels, P points, Q parts, H W image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse

from genie_gym.geometry.camera import Camera
from genie_gym.geometry.scene_graph.boxes import beyond_box, fit_boxes


@dataclass(frozen=True)
class PartsConfig:
    """What counts as a thing, and what as one. Names are of classes; the defaults are for Town's."""

    stuff: tuple[str, ...] = ("sky", "ground", "water", "boundary", "agent")
    """What has no shape of its own: no things."""
    scattered: tuple[str, ...] = (
        "castle", "market", "church", "tower", "bridge", "fountain", "windmill", "lighthouse", "gate", "pyramid", "forest",
    )  # fmt: skip
    """What is large, rare, and often seen in several parts: all parts within `apart` are one."""
    apart: float = 3.0
    """Metres."""
    smallest: int = 20
    """Pixels of a part; what is smaller is left out."""
    farthest: float = 40.0
    """Metres; what is farther away is left out."""
    jump: float = 0.1
    """The share of a depth by which neighbours may differ on one surface …"""
    slack: float = 0.15
    """… and metres besides. Along planes that are seen from the side, depth goes on as it did."""
    bend: float = 0.03
    """The share of its inverse depth by which a pixel of such a plane may be off."""
    hidden: float = 1.5
    """Metres of one thing that something before it may hide."""
    beside: float = 0.5
    """Metres between a crumb, or what stands under something, and that."""
    crumb: float = 0.125
    """The share of the pixels of a part up to which another one of its class is a crumb of it."""


@dataclass(frozen=True)
class Part:
    """What a view shows of one thing: its class, its pixels (numbers, line by line), some of its surface in the world, how
    far that is from the camera (metres along its axis), and how sure the class is."""

    kind: int
    pixels: Int[np.ndarray, " R"]
    points: Float[np.ndarray, "P 3"]
    depth: float
    confidence: float


def find_parts(
    depth: Float[np.ndarray, "H W"],
    semantic: Int[np.ndarray, "H W"],
    confidence: Float[np.ndarray, "H W"],
    pose: Float[np.ndarray, "4 4"],
    classes: Sequence[str],
    camera: Camera,
    config: PartsConfig,
    points: int,
) -> list[Part]:
    """The parts of a view, the largest first, each with at most so many `points`."""
    stuff = np.array([name in config.stuff for name in classes])
    thing = ~stuff[semantic] & (depth < config.farthest)
    pairs = _touching(depth, semantic, thing, config)
    label = _label(pairs, depth.size).reshape(depth.shape)
    label = _label(np.concatenate([pairs, _hidden(depth, semantic, thing, label, camera, config)], 1), depth.size)
    surface = (_rays(camera) * depth.reshape(-1, 1)) @ pose[:3, :3].T + pose[:3, 3]
    groups = [group for group in _groups(label, thing.ravel()) if len(group) >= config.smallest / 4]
    kinds, near, sure = semantic.ravel(), depth.ravel(), confidence.ravel()
    scattered = [classes.index(name) for name in config.scattered if name in classes]
    groups = _together(groups, kinds, surface, scattered, config)
    groups = sorted((group for group in groups if len(group) >= config.smallest), key=len, reverse=True)
    return [
        Part(int(kinds[g[0]]), g, surface[some(g, points)].astype(np.float32), float(near[g].mean()), float(sure[g].mean()))
        for g in groups
    ]


def some(values: np.ndarray, most: int) -> np.ndarray:
    """At most so many of them, evenly chosen."""
    return values if len(values) <= most else values[np.linspace(0, len(values) - 1, most).astype(int)]


def _rays(camera: Camera) -> Float[np.ndarray, "N 3"]:
    columns, lines = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    x, y = (columns - camera.width / 2) / camera.focal, (lines - camera.height / 2) / camera.focal
    return np.stack([x, y, np.ones_like(x)], -1).reshape(-1, 3)


def _touching(depth: np.ndarray, semantic: np.ndarray, thing: np.ndarray, config: PartsConfig) -> Int[np.ndarray, "2 E"]:
    """Neighbours on one surface, cornerwise ones too."""
    number = np.arange(depth.size).reshape(depth.shape)
    kinds = np.where(thing, semantic, -1)
    found = []
    for down, across in ((0, 1), (1, 0), (1, 1), (1, -1)):
        here = (slice(None, depth.shape[0] - down), slice(max(-across, 0), depth.shape[1] - max(across, 0)))
        there = (slice(down, None), slice(max(across, 0), depth.shape[1] + min(across, 0)))
        allowed = np.minimum(depth[here], depth[there]) * config.jump + config.slack
        one = np.abs(depth[here] - depth[there]) < allowed
        if not (down and across):
            one |= _straight_on(1 / depth, kinds, down, config.bend)
        one &= thing[here] & (kinds[here] == kinds[there])
        found.append(np.stack([number[here][one], number[there][one]]))
    return np.concatenate(found, 1)


def _straight_on(inverse: np.ndarray, kinds: np.ndarray, down: int, bend: float) -> np.ndarray:
    """Of neighbours in a line, or in a column: whether the one's inverse depth, which is linear along a plane, goes on to
    the other's."""
    inverse, kinds = (inverse.T, kinds.T) if down else (inverse, kinds)
    step = np.diff(inverse, axis=1)
    same = kinds[:, :-1] == kinds[:, 1:]
    close = (np.abs(np.diff(step, axis=1)) < bend * inverse[:, 1:-1]) & same[:, :-1] & same[:, 1:]
    on = np.zeros_like(same)
    on[:, :-1] |= close
    on[:, 1:] |= close
    return on.T if down else on


def _label(pairs: Int[np.ndarray, "2 E"], count: int) -> Int[np.ndarray, " N"]:
    """The number of the component of each of `count` pixels, or parts."""
    links = sparse.coo_matrix((np.ones(pairs.shape[1], bool), tuple(pairs)), shape=(count, count))
    return sparse.csgraph.connected_components(links, directed=False)[1]


def _hidden(
    depth: np.ndarray, semantic: np.ndarray, thing: np.ndarray, label: np.ndarray, camera: Camera, config: PartsConfig
) -> Int[np.ndarray, "2 E"]:
    """Pixels of one surface, in a line or a column, that are parted by something nearer: of another class, or another
    component of theirs."""
    number = np.arange(depth.size).reshape(depth.shape)
    found = [np.zeros((2, 0), int)]
    for z, kinds, things, labels, numbers in (
        [x.ravel() for x in (depth, semantic, thing, label, number)],
        [x.T.ravel() for x in (depth, semantic, thing, label, number)],
    ):
        length = depth.shape[1] if numbers[1] == 1 else depth.shape[0]
        for kind in np.unique(kinds[things]):
            every = np.flatnonzero(things & (kinds == kind))
            found.append(numbers[_gaps(every, z, length, camera, config)])
            component, size = np.unique(labels[every], return_counts=True)
            for nearer in component[size >= config.smallest] if len(component) > 2 else ():
                found.append(numbers[_gaps(every[labels[every] != nearer], z, length, camera, config)])
    return np.concatenate(found, 1)


def _gaps(
    place: Int[np.ndarray, " R"], z: Float[np.ndarray, " N"], length: int, camera: Camera, config: PartsConfig
) -> Int[np.ndarray, "2 E"]:
    """Of pixels, those next to each other in a line of so many that show one surface on both sides of something nearer."""
    begin, end = place[:-1], place[1:]
    gap = (end - begin > 1) & (begin // length == end // length)
    begin, end = begin[gap], end[gap]
    if not len(begin):
        return np.zeros((2, 0), int)
    between = np.maximum.reduceat(z, np.stack([begin + 1, end], 1).ravel())[::2]
    near, far = np.minimum(z[begin], z[end]), np.maximum(z[begin], z[end])
    wide = (end - begin) * near / camera.focal
    one = (between < near) & (wide < config.hidden) & (far - near < near * config.jump + config.slack + wide)
    return np.stack([begin[one], end[one]])


def _groups(label: Int[np.ndarray, " N"], thing: Bool[np.ndarray, " N"]) -> list[Int[np.ndarray, " R"]]:
    """The pixels of each component."""
    pixels = np.flatnonzero(thing)
    order = pixels[np.argsort(label[pixels], kind="stable")]
    return np.split(order, np.flatnonzero(np.diff(label[order])) + 1) if len(order) else []


def _together(
    groups: list[np.ndarray], kinds: np.ndarray, surface: np.ndarray, scattered: list[int], config: PartsConfig
) -> list[np.ndarray]:
    """Groups of pixels that are one thing though no surface leads from one to the other."""
    if not groups:
        return []
    points = np.stack([surface[g[np.linspace(0, len(g) - 1, 32).astype(int)]] for g in groups])  # [Q, P, 3]
    centre, size, heading = fit_boxes(points, np.ones(points.shape[:2], bool))
    count, kind = np.array([len(g) for g in groups]), np.array([kinds[g[0]] for g in groups])
    top, foot = centre[:, 1] - size[:, 1] / 2, centre[:, 1] + size[:, 1] / 2
    pairs = [np.zeros((2, 0), int)]
    for j in range(len(groups)):
        other = np.flatnonzero((kind == kind[j]) & (count <= count[j]))
        gap = np.linalg.norm(beyond_box(points[other], centre[j], size[j], heading[j]), axis=-1).min(1)
        away = np.linalg.norm(beyond_box(centre[other], centre[j], size[j], heading[j])[:, ::2], axis=-1)
        level = np.minimum(foot[other], foot[j]) - np.maximum(top[other], top[j])
        under = (away < config.beside) & (level < 0.5 * np.minimum(size[other, 1], size[j, 1]))
        crumb = (gap < config.beside) & (count[other] < config.crumb * count[j])
        near = other[under | crumb | ((gap < config.apart) & np.isin(kind[other], scattered))]
        pairs.append(np.stack([near, np.full_like(near, j)]))
    label = _label(np.concatenate(pairs, 1), len(groups))
    return [np.concatenate([groups[i] for i in np.flatnonzero(label == one)]) for one in range(label.max() + 1)]
