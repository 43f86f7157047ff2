"""Does a world know what it sees? The classes that its perception tells of real frames, and the scene graphs that come of
them, of real frames and of imagined ones, against the simulator's.

Legend: B clips, N frames, C classes, H W image.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import chain
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from genie_gym.errors import GenieGymError
from genie_gym.evaluation.measure import NOTES, Evaluation
from genie_gym.evaluation.metrics import interval_of
from genie_gym.evaluation.place import Clips, begin, parts
from genie_gym.evaluation.scene_graphs import true_graph
from genie_gym.genie2.perception import UNLABELLED
from genie_gym.genie2.views import class_table
from genie_gym.genie2.world import Genie2World
from genie_gym.geometry.level import TO_LEVEL, heading_of, level_pose
from genie_gym.geometry.pose import invert
from genie_gym.geometry.scene_graph.builder import SceneGraphBuilder
from genie_gym.geometry.scene_graph.match import Match, match_graphs
from genie_gym.geometry.scene_graph.scene import SceneGraph
from genie_gym.world import steps

STEPS, EVERY = 24, 4  # steps that a graph grows for, and how often it is shown a view
NEEDED = ("instance", "entities", "pose")


def semantics(evaluation: Evaluation) -> dict[str, Any]:
    """semantic_miou, the mean over the classes that occur of intersection / union of their pixels, all frames together, and
    semantic_accuracy, the share of pixels whose class is right: twice `clips` real frames. semantic_classes says how many
    occur."""
    data = evaluation.data
    if not data.has_truth("instance"):
        return {NOTES: ["classes were not measured: the video lacks instance; record it with --truth instance"]}
    world = cast(Genie2World, evaluation.world)
    windows = data.sample_windows(evaluation.rng, 2 * evaluation.config.clips, 1, calm=True)
    counts = []
    for span in parts(len(windows)):
        told = world.tell_classes(torch.from_numpy(data.clips(windows[span], 1)[:, 0])).cpu().numpy()
        for some, (episode, at) in zip(told, windows[span], strict=True):
            real = class_table(data, episode)[data.truth(episode, "instance", slice(at, at + 1))[0]]
            counts.append(_counts(real, some, len(world.config.classes)))
    both, one, other = (np.stack(part) for part in zip(*counts, strict=True))
    return {
        "semantic_miou": mean_iou(both, one, other),
        "semantic_miou_interval": interval_of(mean_iou, both, one, other),
        "semantic_accuracy": float(both.sum() / one.sum()),
        "semantic_classes": int((one.sum(0) > 0).sum()),
    }


def mean_iou(both: Int[np.ndarray, "N C"], real: Int[np.ndarray, "N C"], told: Int[np.ndarray, "N C"]) -> float:
    """Of pixels a frame of each class: of both, in truth, and as told."""
    shared, either = both.sum(0), (real + told - both).sum(0)
    occurs = real.sum(0) > 0
    return float((shared[occurs] / either[occurs]).mean())


def _counts(real: UInt8[np.ndarray, "H W"], told: Int[np.ndarray, "H W"], count: int) -> list[np.ndarray]:
    known = real != UNLABELLED
    real, told = real[known], told[known]
    return [np.bincount(some, minlength=count) for some in (real[real == told], real, told)]


def graphs(evaluation: Evaluation) -> dict[str, Any]:
    """graph_precision and graph_recall of scene graphs after `STEPS` real frames, by the world's depth and classes and the
    true pose; and …_at_24, after as many imagined ones under the keys that were held, by its own pose too, counted from
    where the camera truly stood. As `match_graphs` counts, within 10 m: a quarter of `clips`. graph_seen_at_24 is the share
    of these things that the first frame shows already, graph_recall_at_24_of_seen the recall of them: nobody can know the
    others."""
    data = evaluation.data
    if not (data.has_truth(*NEEDED) and data.has_labels()):
        wanted = " ".join(NEEDED)
        return {
            NOTES: [f"scene graphs were not measured: the video lacks {wanted} or keys; record it with --truth {wanted}"]
        }
    world = cast(Genie2World, evaluation.world)
    try:
        drawn = Clips.draw_standing(evaluation, max(2, evaluation.config.clips // 4), STEPS + 1)
    except GenieGymError as error:
        return {NOTES: [f"scene graphs were not measured: {error}"]}
    numbers: dict[str, Any] = {}
    truths = [_truth(drawn, row) for row in range(len(drawn.windows))]
    imagined = _imagined_graphs(evaluation, world, drawn)
    for of, found in (("", _real_graphs(world, drawn)), (f"_at_{STEPS}", imagined)):
        matches = [match_graphs(*pair) for pair in zip(found, truths, strict=True)]
        for name, parts_of in (("precision", ("right", "found")), ("recall", ("recalled", "true"))):
            part, whole = (_each(matches, field) for field in parts_of)
            numbers[f"graph_{name}{of}"] = _share(part, whole)
            numbers[f"graph_{name}{of}_interval"] = interval_of(_share, part, whole)
    true = _each(matches, "true")  # of what is imagined, the last of both
    in_first = [_in_first(graph, drawn, row) for row, graph in enumerate(truths)]
    matches = [match_graphs(*pair) for pair in zip(imagined, in_first, strict=True)]
    seen = _each(matches, "true")
    return numbers | {
        f"graph_recall_at_{STEPS}_of_seen": _share(_each(matches, "recalled"), seen),
        f"graph_seen_at_{STEPS}": _share(seen, true),
    }


def _each(matches: list[Match], field: str) -> Int[np.ndarray, " B"]:
    return np.array([getattr(match, field) for match in matches])


def _share(part: np.ndarray, whole: np.ndarray) -> float:
    """NaN where there is nothing to share."""
    return float(part.sum() / whole.sum()) if whole.sum() else math.nan


def _real_graphs(world: Genie2World, drawn: Clips) -> list[SceneGraph]:
    builders = _builders(world, len(drawn.frames))
    for at in range(0, STEPS + 1, EVERY):
        poses = torch.from_numpy(TO_LEVEL) @ drawn.pose(at)
        for span in parts(len(builders)):
            percept = world.perceive(drawn.frames[span, at])
            _update(builders[span], 1 / percept.inverse_depth, percept.semantic, poses[span])
    return [builder.scene() for builder in builders]


def _imagined_graphs(evaluation: Evaluation, world: Genie2World, drawn: Clips) -> list[SceneGraph]:
    builders, keys = _builders(world, len(drawn.frames)), drawn.keys()
    first = _standing(torch.from_numpy(TO_LEVEL) @ drawn.pose(0))
    rows = parts(len(builders))
    for number, span in enumerate(rows):
        state = begin(world, drawn.frames[span, 0], evaluation.config.seed + number)
        to_real = first[span] @ invert(_standing(state.extras["pose"].cpu()))
        played = steps(world, state, keys[span], by_keys=True, desc=f"scene graphs, {number + 1} of {len(rows)}")
        for t, now in enumerate(chain([state], (step.state for step in played))):
            if t % EVERY == 0:
                pose = to_real @ now.extras["pose"].cpu()
                _update(builders[span], now.extras["depth"], world.tell_classes(now.frames), pose)
    return [builder.scene() for builder in builders]


def _builders(world: Genie2World, count: int) -> list[SceneGraphBuilder]:
    return [SceneGraphBuilder(world.config.classes, world.camera) for _ in range(count)]


def _update(builders: list[SceneGraphBuilder], depth: Tensor, semantic: Tensor, poses: Tensor) -> None:
    for builder, *view in zip(builders, depth.cpu(), semantic.cpu(), poses, strict=True):
        builder.update(*view)


def _standing(pose: Float[Tensor, "B 4 4"]) -> Float[Tensor, "B 4 4"]:
    """The same camera, looking neither up nor down: how far it does is for the world to know."""
    return level_pose(heading_of(pose), torch.zeros(len(pose)), pose[:, :3, 3])


def _truth(drawn: Clips, row: int) -> SceneGraph:
    """What the simulator knows of the last frame of a clip."""
    episode, start = drawn.windows[row]
    span = slice(start + STEPS, start + STEPS + 1)
    instance, entities, pose = (drawn.data.truth(episode, name, span)[0] for name in NEEDED)
    return true_graph(drawn.data.description(episode)["scene_graph"], entities, instance, TO_LEVEL.astype(float) @ pose)


def _in_first(graph: SceneGraph, drawn: Clips, row: int) -> SceneGraph:
    """Of a graph, what the first frame of a clip shows too."""
    episode, start = drawn.windows[row]
    shown = np.unique(drawn.data.truth(episode, "instance", slice(start, start + 1)))
    return replace(graph, objects=tuple(thing for thing in graph.objects if thing.id in shown))
