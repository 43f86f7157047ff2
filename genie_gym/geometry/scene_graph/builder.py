"""A scene graph that grows while one walks: RGB-D views with a class for each pixel become things that keep their ids.

Each thing is remembered as some points of its surface. A step (`SceneGraphBuilder.update`):

1. **Split** the view into parts that are each one thing (`parts`).
2. **Look** where the remembered points are in the view: hidden, shown, or seen through.
3. **Match** parts to things of their class by how near their surfaces are, each to one (Hungarian algorithm); what is left
   over is another part of a thing, or new.
4. **Forget** points that are not where they were: seen through, or of a thing that is in view and does not show there.
5. **Remember**: the part's points are added; things that turn out to be one become one, by the older id.

Legend: N things, R some of them, P points a thing, Q parts, H W image.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from genie_gym.errors import GenieGymError
from genie_gym.geometry.camera import Camera
from genie_gym.geometry.reproject import NEAREST
from genie_gym.geometry.scene_graph.boxes import fit_boxes
from genie_gym.geometry.scene_graph.parts import Part, PartsConfig, find_parts, some
from genie_gym.geometry.scene_graph.relations import RelationsConfig, relate
from genie_gym.geometry.scene_graph.scene import SceneGraph, SceneObject

NEVER = 1e6  # metres: what is no match at all
TOUCHING = 0.25  # the share of a part's points that must be near a thing for the part to be of it, if nothing else is
INSIDE = 0.5  # the share from which it is another part of a thing that was matched already
GONE = 0.5  # the share of a thing's free points that a view sees through, from which it is not there any more
FEWEST = 4  # points of a thing that must show on a part of another for both to be one


@dataclass(frozen=True)
class SceneGraphConfig:
    parts: PartsConfig = field(default_factory=PartsConfig)
    relations: RelationsConfig = field(default_factory=RelationsConfig)
    most: int = 128
    """Things that are remembered; the one that was not seen for longest gives way, or the smallest in view is left out."""
    points: int = 64
    """Of each thing."""
    reach: float = 0.3
    """Metres by which one thing's surface may lie elsewhere than it did …"""
    depth_error: float = 0.05
    """… and the share of a depth by which it may be wrong besides."""


@dataclass(frozen=True)
class _Look:
    """What a view says of the points of things: which are in it and not hidden (`free`), which of these it sees through, and
    which do not lie on pixels of their class (`absent`); and the part on which most of each thing's points show, or -1."""

    free: Bool[np.ndarray, "N P"]
    through: Bool[np.ndarray, "N P"]
    absent: Bool[np.ndarray, "N P"]
    part: Int[np.ndarray, " N"]


class SceneGraphBuilder:
    """What one row of a walk has seen of things. A plain value of constant size: `clone()` copies it, it can be pickled.

    Args:
        classes: the name of each class of the semantic maps.
        camera: that of the views.
    """

    def __init__(self, classes: tuple[str, ...], camera: Camera, config: SceneGraphConfig | None = None):
        self.classes, self.camera, self.config = tuple(classes), camera, config or SceneGraphConfig()
        most, points = self.config.most, self.config.points
        self.step, self.next_id = 0, 1
        self.pose: Float[np.ndarray, "4 4"] = np.eye(4)
        self.id: Int[np.ndarray, " N"] = np.zeros(most, np.int64)  # 0: a free place
        self.kind: Int[np.ndarray, " N"] = np.zeros(most, np.int64)
        self.points: Float[np.ndarray, "N P 3"] = np.zeros((most, points, 3), np.float32)  # in the world
        self.held: Bool[np.ndarray, "N P"] = np.zeros((most, points), bool)
        self.confidence: Float[np.ndarray, " N"] = np.zeros(most)
        self.sightings: Int[np.ndarray, " N"] = np.zeros(most, np.int64)
        self.first: Int[np.ndarray, " N"] = np.zeros(most, np.int64)
        self.last: Int[np.ndarray, " N"] = np.zeros(most, np.int64)
        self.pixels: Int[np.ndarray, " N"] = np.zeros(most, np.int64)

    def clone(self) -> SceneGraphBuilder:
        """A copy that shares no memory."""
        return self.filled(self.arrays())

    def arrays(self) -> dict[str, np.ndarray]:
        """Copies of all that it remembers, by name, in shapes that stay the same."""
        return {name: np.array(value) for name, value in vars(self).items() if name not in ("classes", "camera", "config")}

    def filled(self, arrays: Mapping[str, np.ndarray]) -> SceneGraphBuilder:
        """A twin that remembers what another one did (`arrays`), and shares no memory."""
        twin = copy.copy(self)
        twin.__dict__.update({name: value.copy() if value.ndim else int(value) for name, value in arrays.items()})
        return twin

    def update(self, depth: Any, semantic: Any, pose: Any, confidence: Any = None) -> None:
        """Takes in the next view. All are arrays, or tensors in the computer's own memory.

        Args:
            depth: [H, W], metres along the optical axis.
            semantic: [H, W], the class of each pixel, an index of `classes`.
            pose: [4, 4], camera to world, level (`geometry.level`).
            confidence: [H, W], from 0 to 1, how sure each class is; without it, all are.

        Raises:
            GenieGymError: for other shapes, for depths that cannot be, or classes that there are not.
        """
        size = (self.camera.height, self.camera.width)
        depth = _checked("depth", depth, size).astype(np.float64)
        semantic = _checked("semantic", semantic, size).astype(np.int64)
        pose = _checked("pose", pose, (4, 4)).astype(np.float64)
        sure = np.ones(size) if confidence is None else _checked("confidence", confidence, size).astype(np.float64)
        if depth.min() <= 0:
            raise GenieGymError(f"depth is in metres, above 0 (the sky is far away); given {depth.min():g}.")
        if semantic.min() < 0 or semantic.max() >= len(self.classes):
            raise GenieGymError(
                f"classes go from 0 to {len(self.classes) - 1}; the semantic map has {semantic.min()} to {semantic.max()}."
            )
        config = self.config
        parts = find_parts(depth, semantic, sure, pose, self.classes, self.camera, config.parts, config.points)
        look = self._look(depth, semantic, pose, parts)
        slots = self._match(parts)
        matched = sorted({slot for slot in slots if slot is not None})
        self._forget(look, matched)
        self.last[matched], self.pixels[:] = self.step, 0
        self.sightings[matched] += 1
        known = self.id.copy()
        for q, part in enumerate(parts):
            first = self._new(part.kind) if slots[q] is None else slots[q]
            if first is None:
                continue
            pieces = (look.part == q) & (self.id == known) & (known > 0) & (self.kind == part.kind)
            slot = self._join([first, *(n for n in np.flatnonzero(pieces).tolist() if n not in slots and n != first)])
            slots = [slot if other == first else other for other in slots]
            self._remember(part, slot)
        self.step, self.pose = self.step + 1, pose

    def _look(
        self, depth: Float[np.ndarray, "H W"], semantic: Int[np.ndarray, "H W"], pose: Float[np.ndarray, "4 4"],
        parts: list[Part],
    ) -> _Look:  # fmt: skip
        x, y, z = np.moveaxis((self.points - pose[:3, 3]) @ pose[:3, :3], -1, 0)
        near = 1 / np.maximum(z, NEAREST)
        column = np.floor(x * near * self.camera.focal + self.camera.width / 2)
        line = np.floor(y * near * self.camera.focal + self.camera.height / 2)
        inside = (z > NEAREST) & (column >= 0) & (column < self.camera.width) & (line >= 0) & (line < self.camera.height)
        line, column = (np.where(inside, place, 0).astype(int) for place in (line, column))
        nearest = ndimage.minimum_filter(depth, 3)[line, column]  # at an edge, a point may come to lie beside its thing
        free = self.held & inside & (nearest > z - self._reach(z))
        shows = np.zeros_like(free)
        for kind in np.unique(self.kind[self.id > 0]):
            mask = ndimage.maximum_filter(semantic == kind, 3)
            rows = self.kind == kind
            shows[rows] = mask[line[rows], column[rows]]
        label = np.full(depth.size, len(parts))
        for q, part in enumerate(parts):
            label[part.pixels] = q
        thing, point = np.nonzero(free & (np.abs(depth[line, column] - z) < self._reach(z)))
        votes = np.zeros((len(self.id), len(parts) + 1), int)
        np.add.at(votes, (thing, label.reshape(depth.shape)[line, column][thing, point]), 1)
        most = votes.argmax(1)
        enough = (votes.max(1) >= FEWEST) & (most < len(parts))
        return _Look(free, free & (nearest > z + self._reach(z)), free & ~shows, np.where(enough, most, -1))

    def _forget(self, look: _Look, matched: list[int]) -> None:
        """Lets go of points that are not there, and of things that have none left."""
        here = np.isin(np.arange(len(self.id)), matched)[:, None]
        vanished = look.through.sum(1, keepdims=True) >= GONE * np.maximum(look.free.sum(1, keepdims=True), 1)
        self.held &= ~(look.through | (here & look.absent) | (~here & vanished & look.free))
        self.id[~self.held.any(1) & ~here[:, 0]] = 0

    def _reach(self, depth: Any) -> Any:
        return self.config.reach + self.config.depth_error * depth

    def _match(self, parts: list[Part]) -> list[int | None]:
        """The thing of each part; None for new ones."""
        slots = np.flatnonzero(self.id)
        held = self.held[slots, :, None]
        low = np.where(held, self.points[slots], np.inf).min(1)
        high = np.where(held, self.points[slots], -np.inf).max(1)
        near = np.full((2, len(parts), len(slots)), NEVER)  # metres within which `TOUCHING`, and `INSIDE`, of the points lie
        reach = np.array([self._reach(part.depth) for part in parts])
        scattered = np.array([self.classes[part.kind] in self.config.parts.scattered for part in parts], bool)
        reach = np.where(scattered, np.maximum(reach, self.config.parts.apart), reach)
        for q, part in enumerate(parts):
            points = part.points
            gap = np.maximum(np.maximum(low - points.max(0), points.min(0) - high), 0).max(1)
            shares = [int(share * len(points)) for share in (TOUCHING, INSIDE)]
            for n in np.flatnonzero((self.kind[slots] == part.kind) & (gap < reach[q])):
                distance = cdist(points, self.points[slots[n], self.held[slots[n]]]).min(1)
                near[:, q, n] = np.partition(distance, shares)[shares]
        allowed = near < reach[:, None]
        found: list[int | None] = [None] * len(parts)
        for q, n in zip(*linear_sum_assignment(np.where(allowed[0], near.sum(0), NEVER)), strict=True):
            if allowed[0, q, n]:
                found[q] = int(slots[n])
        for q, slot in enumerate(found):
            if slot is None and allowed[1, q].any():
                found[q] = int(slots[near[1, q].argmin()])
        return found

    def _new(self, kind: int) -> int | None:
        """A place for a new thing; None where all are taken by things in view."""
        free = np.flatnonzero(self.id == 0)
        slot = int(free[0] if len(free) else self.last.argmin())
        if not len(free) and self.last[slot] == self.step:
            return None
        self.id[slot], self.kind[slot], self.next_id = self.next_id, kind, self.next_id + 1
        self.held[slot], self.confidence[slot], self.pixels[slot] = False, 0.0, 0
        self.first[slot], self.last[slot], self.sightings[slot] = self.step, self.step, 1
        return slot

    def _join(self, slots: list[int]) -> int:
        """Makes several things one, by the oldest id. Returns its place."""
        kept, *rest = sorted(slots, key=lambda slot: int(self.id[slot]))
        if rest:
            self._hold(kept, np.concatenate([self.points[slot, self.held[slot]] for slot in (kept, *rest)]))
            self.first[kept], self.last[kept] = self.first[slots].min(), self.step
            self.pixels[kept] = self.pixels[slots].sum()
            self.id[rest], self.held[rest] = 0, False
        return kept

    def _remember(self, part: Part, slot: int) -> None:
        self._hold(slot, np.concatenate([part.points, self.points[slot, self.held[slot]]]))
        self.confidence[slot] += (part.confidence - self.confidence[slot]) / self.sightings[slot]
        self.pixels[slot] += len(part.pixels)

    def _hold(self, slot: int, points: Float[np.ndarray, "R 3"]) -> None:
        kept = _thinned(points, self.config.points)
        self.points[slot, : len(kept)], self.held[slot] = kept, np.arange(self.config.points) < len(kept)

    def scene(self) -> SceneGraph:
        """Everything remembered, as the last view's camera sees it.

        Raises:
            GenieGymError: there was no view yet.
        """
        if not self.step:
            raise GenieGymError("no view was taken in yet: call `update` first.")
        slots = np.flatnonzero(self.id)
        boxes = fit_boxes(self.points[slots], self.held[slots])
        objects = [self._object(slot, *box) for slot, *box in zip(slots.tolist(), *boxes, strict=True)]
        objects.sort(key=lambda thing: float(thing.distance_to(self.pose[:3, 3])))
        lines = tuple(tuple(line) for line in self.pose.tolist())
        relations = relate(objects, self.pose, self.config.relations)
        return SceneGraph(step=self.step - 1, pose=lines, objects=tuple(objects), relations=tuple(relations))

    def _object(self, slot: int, centre: np.ndarray, size: np.ndarray, heading: float) -> SceneObject:
        return SceneObject(
            id=int(self.id[slot]),
            name=self.classes[self.kind[slot]],
            centre=(float(centre[0]), float(centre[1]), float(centre[2])),
            size=(float(size[0]), float(size[1]), float(size[2])),
            heading=float(heading),
            confidence=float(self.confidence[slot]),
            first=int(self.first[slot]),
            last=int(self.last[slot]),
            pixels=int(self.pixels[slot]),
        )


def _thinned(points: Float[np.ndarray, "R 3"], most: int) -> np.ndarray:
    """At most so many points that lie about evenly, with the outermost ones; earlier ones rather than later ones."""
    if len(points) <= most:
        return points
    ends = np.concatenate([points.argmin(0), points.argmax(0)])
    cell = np.ptp(points, axis=0).max() / 8 + 1e-6
    _, first = np.unique(np.floor((points - points.min(0)) / cell).astype(np.int64) @ (1, 64, 4096), return_index=True)
    return points[np.unique(np.concatenate([ends, some(np.sort(first), most - len(ends))]))]


def _checked(name: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    array = np.asarray(value)
    if array.shape != shape:
        raise GenieGymError(f"{name} must be of shape {list(shape)}, one view at a time; given {list(array.shape)}.")
    if not np.isfinite(array).all():
        raise GenieGymError(f"{name} has numbers that are not finite; give what is unknown, as the sky, a large depth.")
    return array
