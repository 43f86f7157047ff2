"""Scene graphs against the simulator's own: how many of the things in view are found, and do they keep their ids?

A recording gives views with true classes; depth is the true one, or with an error laid over it, as an estimate would have.

Legend: T frames of an episode, N things that can move, K blotches, H W image.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from genie_gym.datasets.video import VideoDataset
from genie_gym.geometry.camera import Camera
from genie_gym.geometry.level import TO_LEVEL
from genie_gym.geometry.scene_graph.builder import SceneGraphBuilder, SceneGraphConfig
from genie_gym.geometry.scene_graph.match import Match, MatchConfig, match_graphs
from genie_gym.geometry.scene_graph.scene import SceneGraph, SceneObject
from genie_gym.progress import progress

NEEDED = ("depth", "pose", "instance", "semantic", "entities")
BLOTCHES = (3, 5)  # an error of depth is smooth: so many of them down and across
LASTING = 0.9  # of an error, from frame to frame


@dataclass(frozen=True)
class GraphScore:
    """Over all frames judged: how many true things count, how many found ones do, which share of the found ones is true
    (`precision`) and of the true ones found (`recall`), as `match_graphs` counts; which share of things found again has the
    id it had the last time (`kept`); the median distance between the centres of found things and true ones (`metres`). NaN
    where there is nothing to share."""

    frames: int
    true: int
    found: int
    precision: float
    recall: float
    kept: float
    metres: float


def score_recording(
    data: VideoDataset,
    classes: Sequence[str],
    config: SceneGraphConfig | None = None,
    match: MatchConfig | None = None,
    depth_error: float = 0.0,
    stride: int = 1,
    seed: int = 0,
) -> GraphScore:
    """Walks through each episode of a recording of Town, every `stride`-th frame of it, with an error of so large a share of
    depth (its standard deviation).

    Raises:
        GenieGymError: for a recording without the ground truth.
    """
    matches: list[Match] = []
    same = followed = 0
    for index in progress(range(len(data)), desc="scene graphs", unit="episode", leave=False):
        builder = SceneGraphBuilder(tuple(classes), camera_of(data, index), config)
        error = smooth_error(np.random.default_rng([seed, index]), (data.height, data.width))
        ids: dict[int, int] = {}  # of true things, by which id they were found last
        for view in true_views(data, index, stride):
            builder.update(view.depth * np.exp(depth_error * next(error)), view.semantic, view.pose)
            matches.append(match_graphs(builder.scene(), view.graph, match))
            now = {true: mine for mine, true in matches[-1].pairs}
            same += sum(ids.get(true) == mine for true, mine in now.items())
            followed += len(ids.keys() & now.keys())
            ids |= now
    found, right = sum(m.found for m in matches), sum(m.right for m in matches)
    true, recalled = sum(m.true for m in matches), sum(m.recalled for m in matches)
    metres = [metre for m in matches for metre in m.metres]
    return GraphScore(
        frames=len(matches),
        true=true,
        found=found,
        precision=right / found if found else math.nan,
        recall=recalled / true if true else math.nan,
        kept=same / followed if followed else math.nan,
        metres=float(np.median(metres)) if metres else math.nan,
    )


@dataclass(frozen=True)
class TrueView:
    """A frame with what the simulator knows: metres, classes, camera to world (level), and its scene graph."""

    depth: Float[np.ndarray, "H W"]
    semantic: Int[np.ndarray, "H W"]
    pose: Float[np.ndarray, "4 4"]
    graph: SceneGraph


def true_views(data: VideoDataset, index: int, stride: int = 1) -> Iterator[TrueView]:
    """Those of an episode.

    Raises:
        GenieGymError: for a recording without the ground truth.
    """
    data.need_truth(NEEDED, "scene graphs are judged on")
    truth = {name: data.truth(index, name)[::stride] for name in NEEDED}
    things = data.description(index)["scene_graph"]
    for step in range(len(truth["pose"])):
        pose = TO_LEVEL.astype(np.float64) @ truth["pose"][step]
        graph = true_graph(things, truth["entities"][step], truth["instance"][step], pose, step)
        depth, semantic = truth["depth"][step].astype(np.float64), truth["semantic"][step].astype(np.int64)
        yield TrueView(depth, semantic, pose, graph)


def true_graph(
    things: Sequence[Mapping[str, Any]],
    entities: Float[np.ndarray, "N 8"],
    instance: Int[np.ndarray, "H W"],
    pose: Float[np.ndarray, "4 4"],
    step: int = 0,
) -> SceneGraph:
    """The things that a view shows, without relations.

    Args:
        things: the simulator's `scene_graph()`, as it was at the start. entities: where those that can move are now.
        instance: the id of each pixel.
        pose: camera to world, level.
    """
    moved = {int(row[0]): row for row in entities if row[0] > 0}
    ids, counts = np.unique(instance, return_counts=True)
    pixels = dict(zip(ids.tolist(), counts.tolist(), strict=True))
    objects = []
    for thing in things:
        if thing["id"] not in pixels:
            continue
        row = moved.get(thing["id"])
        centre = TO_LEVEL[:3, :3] @ np.array(thing["centre"] if row is None else row[1:4], np.float64)
        w, x, y, z = thing["rotation"] if row is None else row[4:].tolist()
        east, north, up = thing["size"]
        heading = -math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
        box = (float(centre[0]), float(centre[1]), float(centre[2])), (east, up, north), heading
        objects.append(SceneObject(thing["id"], thing["class"], *box, 1.0, 0, step, pixels[thing["id"]]))
    objects.sort(key=lambda thing: float(thing.distance_to(pose[:3, 3])))
    return SceneGraph(step, tuple(tuple(line) for line in pose.tolist()), tuple(objects), ())


def camera_of(data: VideoDataset, index: int) -> Camera:
    """That of an episode."""
    return Camera.with_intrinsics(data.description(index)["intrinsics"], data.height, data.width)


def smooth_error(rng: np.random.Generator, size: tuple[int, int]) -> Iterator[Float[np.ndarray, "H W"]]:
    """Blotches of mean 0 and standard deviation 1 that change slowly, frame by frame, without end."""
    down, across = (_between(count, side) for count, side in zip(BLOTCHES, size, strict=True))
    coarse = rng.standard_normal(BLOTCHES)
    while True:
        yield down @ coarse @ across.T
        coarse = LASTING * coarse + math.sqrt(1 - LASTING**2) * rng.standard_normal(BLOTCHES)


def _between(count: int, side: int) -> Float[np.ndarray, "H K"]:
    """Weights that carry numbers at so many places to all of a side's pixels, and keep their standard deviation."""
    place = np.linspace(0, count - 1, side)
    weights = np.maximum(1 - np.abs(place[:, None] - np.arange(count)), 0)
    return weights / np.linalg.norm(weights, axis=1, keepdims=True)
