"""The plan of Genie 3: assets and places are mined, layouts learned, latent actions read off frames, keys and a
prior over actions learned.

Recordings of several frame sizes may be given together: worlds draw frames as large as those of the first file, and walk as
one walks there; assets and layouts come of all of them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import torch

from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError
from genie_gym.genie3.presets import PRESETS, Genie3Preset
from genie_gym.genie3.recorded import has_keys, walks
from genie_gym.genie3.stages import AssetStage, KeyStage, LatentActionStage, LayoutStage, PlaceStage, PriorStage
from genie_gym.genie3.world import Genie3World
from genie_gym.geometry.camera import Camera
from genie_gym.geometry.goals import goals_of
from genie_gym.models.motion.stride import StrideConfig
from genie_gym.places.library import LibraryConfig
from genie_gym.training.plan import TrainingPlan
from genie_gym.training.recordings import parts_of

WALKS = 64  # whose beginnings are looked at
LOWEST = 0.05  # metres: of an eye above the feet
NO_WEATHER = "clear"  # what a recording without weathers has


def fit(preset: Genie3Preset, data: VideoDataset, stages: Collection[str]) -> Genie3Preset:
    """The same for what recordings say: camera, classes, keys, weathers, tasks. What a world has mined already it keeps.

    Raises:
        GenieGymError: for recordings that do not say what their camera is like and what stands where, or show other classes
            than one another.
    """
    seen = [part for part in parts_of(data) if len(part)]
    classes = data.source.get("classes")
    intrinsics = data.description(0).get("intrinsics") if len(data) else None
    if intrinsics is None or classes is None or data.place(0) is None:
        raise GenieGymError(
            "Genie 3 learns from recordings that say what their camera is like, what it may see, and what stands where; "
            f"{data.paths[0]} does not: record one with `genie-gym record --source town`."
        )
    if any(part.source.get("classes") != classes for part in seen):
        raise GenieGymError(f"{data.paths[0]} and other recordings show other classes; give recordings of one source.")
    world = preset.world
    weathers = tuple(data.source.get("vocabulary", {}).get("weathers", (NO_WEATHER,)))
    keys = tuple(data.source["action_meanings"]) if has_keys(data) else world.stride.keys
    if not world.library.names:
        world = replace(world, library=_bare_library(data, weathers), stride=StrideConfig(keys, weathers))
    camera = Camera.with_intrinsics(intrinsics, data.height, data.width)
    goals = goals_of(data.source.get("goals", ()))
    world = replace(world, camera=camera, eye=eye_height(data), fps=data.fps, goals=goals, source=data.source)
    return replace(preset, world=world)


def eye_height(data: VideoDataset) -> float:
    """Metres from the ground to the camera of who walks: the median of where episodes begin."""
    found = []
    for index in walks(data)[:WALKS].tolist():
        x, y, z = data.truth(index, "pose", slice(1))[0, :3, 3].tolist()
        place = data.place(index)
        if place is not None:
            found.append(z - place.height(x, y))
    return max(float(np.round(np.median(found), 3)), LOWEST) if found else LOWEST


def _bare_library(data: VideoDataset, weathers: tuple[str, ...]) -> LibraryConfig:
    """A library without assets, of what there may be. Instances of the number 0 are the ground, of -1 the sky."""
    classes, said = tuple(data.source["classes"]), data.description(0)["instance_classes"]
    sky, ground = classes[said[-1]], classes[said[0]]
    place = data.place(0)
    assert place is not None  # looked at before
    return LibraryConfig(
        classes=classes, scenes=(), weathers=weathers, materials=(place.base,), names=(), kinds=(), surfels=0, tile=1,
        sky=sky, ground=ground, water="water" if "water" in classes else ground,
    )  # fmt: skip


def build(preset: Genie3Preset, data: VideoDataset) -> Genie3World:
    """A world that has mined and learned nothing yet."""
    torch.manual_seed(0)
    return Genie3World(preset.world)


PLAN = TrainingPlan(
    presets=PRESETS,
    fit=fit,
    build=build,
    stages={
        "assets": AssetStage,
        "places": PlaceStage,
        "layout": LayoutStage,
        "latent_actions": LatentActionStage,
        "keys": KeyStage,
        "prior": PriorStage,
    },
    needs={"keys": has_keys},
    shares={"layout": 0.85, "keys": 0.05, "prior": 0.1},
    sizes=("tiny", "base"),
    default="tiny",
    takes_sizes=True,
)
