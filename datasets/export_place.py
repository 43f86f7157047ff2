"""A world's place itself, as a scene for 3D programs: of worlds whose places are made of things."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from genie_gym.datasets.gltf import UPRIGHT, write_model
from genie_gym.files import write_json
from genie_gym.places.model import HasLibrary, place_model
from genie_gym.places.place import Place

TO_FILE = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""East, north, up to the file's x, y, z."""


def knows_its_place(env: gym.Env) -> bool:
    """Whether an environment's place can be written as such."""
    return isinstance(getattr(env.unwrapped, "world", None), HasLibrary)


def export_place(env: gym.Env, seed: int, about: dict[str, Any], out: Path) -> tuple[int, int]:
    """Resets the environment, and writes its place as `out` (.glb) and OUT.json: what `about` says, the place as `place=`
    takes it, and its things in the file's coordinates. Returns how many triangles and things there are."""
    env.reset(seed=seed)
    world: Any = env.unwrapped
    place: Place = world.place()
    condition = getattr(world.save_state().world, "condition", None)
    weather = 0 if condition is None else int(condition.weather[0])
    model = place_model(place, world.world.library, weather, seed)
    write_model(out, model, about)
    things = [
        {"name": node.name, **node.about, "centre": _turned(node.centre), "rotation": _rotation(node.yaw)}
        for node in model.nodes
        if "id" in node.about
    ]
    units = "metres; x east, y up, -z north. The place is as genie_gym has it: x east, y north, z up"
    write_json(out.with_suffix(".json"), about | {"units": units, "scene_graph": things, "place": place.to_dict()})
    return model.triangles, len(things)


def _turned(centre: tuple[float, float, float]) -> list[float]:
    return [round(float(c), 4) for c in TO_FILE @ np.array(centre)]


def _rotation(yaw: float) -> list[float]:
    """(w, x, y, z) in the file, of what is turned about z: a thing's size stays along its own axes, of which z is up."""
    x, _, _, w = UPRIGHT
    half = yaw / 2
    return np.round([w * np.cos(half), x * np.cos(half), -x * np.sin(half), w * np.sin(half)], 5).tolist()
