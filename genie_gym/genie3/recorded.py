"""What the stages of Genie 3 read of recordings: places, walks, and the steps of walks that say which key was pressed.

Legend: n episodes, points or steps.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError
from genie_gym.genie3.predictor import PredictorConfig, seen_from
from genie_gym.geometry.level import TO_LEVEL
from genie_gym.geometry.pose import invert, pose_to_motion
from genie_gym.models.motion.keys import some_steps
from genie_gym.models.motion.latent_code import LatentCode
from genie_gym.models.motion.stride import stride_steps
from genie_gym.places.layout.mining import Pair
from genie_gym.places.place import Place, heights_at
from genie_gym.progress import progress
from genie_gym.text.spec import EARTH_GRAVITY
from genie_gym.training.recordings import parts_of

LEAP = 1.0  # metres a step: who gets farther was set down elsewhere, and does not walk


def recorded_layouts(data: VideoDataset, most: int) -> list[Pair]:
    """Places and the specs that they were made from, at most so many, spread over all recordings.

    Raises:
        GenieGymError: there are none.
    """
    parts = [part.layouts for part in parts_of(data)]
    count = sum(map(len, parts))
    if not count:
        raise GenieGymError(
            f"{data.paths[0]} does not say what stands where; record places with `genie-gym record --source town`."
        )
    rng = np.random.default_rng(0)
    chosen = np.sort(rng.permutation(count)[:most])
    begins = np.cumsum([0, *map(len, parts)])
    of = np.searchsorted(begins, chosen, side="right") - 1
    return [parts[part][int(number - begins[part])] for part, number in zip(of, chosen, strict=True)]


def walks(data: VideoDataset) -> Int[np.ndarray, " n"]:
    """The episodes in which somebody walks, and is not set down somewhere else from frame to frame, as surveys do.

    Raises:
        GenieGymError: there is none.
    """
    found = [index for index in range(len(data)) if data.calm[index] > 2 and _walks(data.truth(index, "pose"))]
    if not found:
        raise GenieGymError(f"nobody walks in {data.paths[0]} for three frames; record longer walks of this frame size.")
    return np.array(found)


def _walks(poses: np.ndarray) -> bool:
    return bool(np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1).max(initial=0) < LEAP)


def has_keys(data: VideoDataset) -> bool:
    """Whether a recording says which of its named keys were pressed."""
    if not data.has_labels() or not data.source.get("action_meanings") or not len(data):
        return False
    return data.clip_labels([(0, 0)], 2)["actions"].ndim == 2  # else vectors: no keys


def labelled_steps(data: VideoDataset, weathers: Sequence[str], count: int) -> dict[str, Tensor]:
    """`count` labelled steps, or as many as there are, from all over the walks: what `stride_loss` takes of each [n]. Under
    the gravity and friction that are usual."""
    rng = np.random.default_rng(0)
    tables: list[dict[str, Tensor]] = []
    for index in rng.permutation(walks(data)).tolist():
        told, calm = data.description(index).get("spec") or {}, int(data.calm[index])
        if told.get("gravity", EARTH_GRAVITY) != EARTH_GRAVITY or told.get("friction", 1.0) != 1.0:
            continue
        poses = data.truth(index, "pose", slice(calm))
        keys = data.clip_labels([(index, 0)], calm)["actions"][0]
        steps = stride_steps(torch.from_numpy(TO_LEVEL @ poses), torch.from_numpy(keys).long())
        weather = told.get("weather")
        steps["weather"] = torch.full_like(steps["keys"], weathers.index(weather) if weather in weathers else 0)
        steps["wading"] = torch.from_numpy(wades(data.place(index), poses[1:-1, :2, 3]))
        tables.append(steps)
        if sum(len(table["keys"]) for table in tables) > 20 * count:  # enough to draw from
            break
    if not tables:
        raise GenieGymError(f"no walk in {data.paths[0]} is under usual gravity and friction; record some that are.")
    return some_steps(tables, count, rng)


def wades(place: Place | None, points: Float[np.ndarray, "n 2"]) -> Bool[np.ndarray, " n"]:
    """Whether who stands at points (x, y) stands in shallow water."""
    wet = np.zeros(len(points), bool)
    if place is None:
        return wet
    x, y = points.T
    height = heights_at(place.heights, place.half, points)
    for water in place.waters:
        west, south, east, north = water.bounds
        inside = (x > west) & (x < east) & (y > south) & (y < north)
        wet |= inside & (height < water.level) & water.shallow
    return wet


def walked_steps(data: VideoDataset, code: LatentCode, config: PredictorConfig) -> dict[str, Tensor]:
    """What walkers did next, all over the walks: what each saw (`seen` [n, V]), its actions before (`past` [n, …, A], rest
    where there were none) and the `following` one [n, A]. Actions are motions of the recorded camera."""
    tables: dict[str, list[Tensor]] = {"seen": [], "past": [], "following": []}
    for index in progress(walks(data).tolist(), desc="walks", unit="episode"):
        calm = slice(int(data.calm[index]))
        pose = torch.from_numpy(data.truth(index, "pose", calm)).double()
        depth = torch.from_numpy(data.truth(index, "depth", calm)).float()
        with torch.no_grad():
            motions = pose_to_motion(invert(pose[:-1]) @ pose[1:]).float()
            actions = code.encode(motions.to(code.axes.device)).cpu()
        pitch = torch.asin(pose[:-1, 2, 2].clamp(-1, 1)).float()
        before = torch.cat([torch.zeros(config.past, actions.shape[1]), actions])
        tables["seen"].append(seen_from(depth[:-1], pitch, config))
        tables["past"].append(before.unfold(0, config.past, 1)[: len(actions)].mT)
        tables["following"].append(actions)
    return {name: torch.cat(parts) for name, parts in tables.items()}
