"""A scene graph as a value: things with boxes, how they lie to one another, and its JSON and networkx forms.

World coordinates are level (`geometry.level`): x right and z forward of the first camera, y down. Metres, radians.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

import networkx as nx
import numpy as np
from jaxtyping import Float

from genie_gym.errors import GenieGymError
from genie_gym.geometry.scene_graph.boxes import beyond_box, turn

MOST = 40  # things that `to_json` writes
DIGITS = 3  # of what it writes: millimetres

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class SceneObject:
    """One thing. `centre` (metres, in the world), `size` (metres, before it is turned: to its right, upwards and forward)
    and `heading` (radians to the right) are its box. `first` and `last` are the steps in which it was seen, `pixels` how
    many show it now, 0 while it is out of sight, `confidence` how sure its class is, from 0 to 1."""

    id: int
    name: str
    centre: Vector
    size: Vector
    heading: float
    confidence: float
    first: int
    last: int
    pixels: int

    def corners(self) -> Float[np.ndarray, "8 3"]:
        """Of the box, in the world: those on top first."""
        signs = np.array([(x, y, z) for y in (-1, 1) for x, z in ((-1, -1), (1, -1), (1, 1), (-1, 1))])
        return self.to_world(signs * np.array(self.size) / 2)

    def to_world(self, points: Float[np.ndarray, "*points 3"]) -> Float[np.ndarray, "*points 3"]:
        """Points of its own axes."""
        return points @ turn(self.heading).T + np.array(self.centre)

    def distance_to(self, points: Float[np.ndarray, "*points 3"]) -> Float[np.ndarray, "*points"]:
        """Metres from points in the world to its box; 0 inside."""
        outside = beyond_box(points, np.array(self.centre), np.array(self.size), self.heading)
        return np.asarray(np.linalg.norm(outside, axis=-1))


@dataclass(frozen=True)
class Relation:
    """`first` is `name` of `second`, both by id. `distance` is between the boxes, in metres."""

    first: int
    name: str
    second: int
    distance: float


@dataclass(frozen=True)
class SceneGraph:
    """What is known after a step, as seen by the camera at `pose` (4x4, camera to world): things, the nearest first."""

    step: int
    pose: tuple[tuple[float, ...], ...]
    objects: tuple[SceneObject, ...]
    relations: tuple[Relation, ...]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Among objects, itself; else refused: readers of `info` such as TorchRL's make arrays of all that is in it."""
        if np.dtype(dtype) != np.dtype(object):  # None is float64
            raise GenieGymError(
                "a scene graph is no array: it has as many things as were seen; leave info=('scene_graph',) out where all "
                "of info becomes tensors, as in TorchRL."
            )
        held = np.empty((), object)
        held[()] = self
        return held

    def place(self, thing: SceneObject) -> Vector:
        """Where a thing's centre is for the current camera: metres to its right, down and forward."""
        pose = np.array(self.pose)
        x, y, z = ((np.array(thing.centre) - pose[:3, 3]) @ pose[:3, :3]).tolist()
        return x, y, z

    def graph(self) -> nx.MultiDiGraph:
        """Nodes are ids with everything known of the thing, and its `place`; edges have the relation as key, and
        `distance`."""
        graph = nx.MultiDiGraph(step=self.step)
        for thing in self.objects:
            graph.add_node(thing.id, **_facts(thing), place=self.place(thing))
        for relation in self.relations:
            graph.add_edge(relation.first, relation.second, key=relation.name, distance=relation.distance)
        return graph

    def nearest(self, most: int) -> SceneGraph:
        """The same of the `most` nearest things."""
        kept = {thing.id for thing in self.objects[:most]}
        relations = tuple(r for r in self.relations if r.first in kept and r.second in kept)
        return replace(self, objects=self.objects[:most], relations=relations)

    def to_json(self, most: int = MOST) -> str:
        """The `most` nearest things and what relates them, in lengths rounded to millimetres; `from_json` reads it."""
        part = self.nearest(most)
        objects = [asdict(thing) | {"place": self.place(thing)} for thing in part.objects]
        relations = [asdict(relation) for relation in part.relations]
        return json.dumps(_rounded({"step": self.step, "pose": self.pose, "objects": objects, "relations": relations}))

    @classmethod
    def from_json(cls, text: str) -> SceneGraph:
        """Reads what `to_json` wrote.

        Raises:
            GenieGymError: it is something else.
        """
        try:
            facts = json.loads(text)
            objects = [{name: value for name, value in thing.items() if name != "place"} for thing in facts["objects"]]
            return cls(
                step=facts["step"],
                pose=tuple(tuple(line) for line in facts["pose"]),
                objects=tuple(
                    SceneObject(**thing | {"centre": tuple(thing["centre"]), "size": tuple(thing["size"])})
                    for thing in objects
                ),
                relations=tuple(Relation(**relation) for relation in facts["relations"]),
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise GenieGymError(f"this is no scene graph ({error!r}): give what `SceneGraph.to_json` wrote.") from error


def _facts(thing: SceneObject) -> dict[str, Any]:
    return {name: value for name, value in asdict(thing).items() if name != "id"}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(part) for part in value]
    return round(value, DIGITS) if isinstance(value, float) else value
