"""Episodes of a recording as points: where in the world each pixel lies, which way the surface faces there, whose it is.

Legend: T frames of an episode, H W image, n pixels that show things, N things that can move.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Int16, UInt8

from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError
from genie_gym.geometry.camera import Camera
from genie_gym.places.place import Place, Thing

NEEDED = ("depth", "pose", "instance", "semantic")
SKY_SHARE = 0.9  # of the farthest depth that is told: what reads at least that is sky
INSIDE = 0.04  # metres that a point may lie outside the box of what it belongs to
CLEARLY = 0.03  # metres by which it must lie nearer to the surface of one box than of the others that hold it
LIMBS = 0.3  # metres, the same of beings, whose limbs swing


@dataclass(frozen=True)
class Condition:
    """The light of a picture: `weather` by its number, `hour` of the day."""

    weather: int
    hour: float


@dataclass(frozen=True, eq=False)
class Views:
    """The frames of one episode, with all that was told of them.

    `pictures` are the frames and, where there is one, the twin: uint8 [T, H, W, 3] each, under `conditions` of the same
    order. `moved` are centres and headings of what moves, by frame: id → [T, 4] (x, y, z, yaw).
    """

    index: int
    place: Place
    camera: Camera
    pictures: tuple[UInt8[np.ndarray, "T H W 3"], ...]
    conditions: tuple[Condition, ...]
    depth: Float[np.ndarray, "T H W"]
    instance: Int16[np.ndarray, "T H W"]
    semantic: UInt8[np.ndarray, "T H W"]
    pose: Float[np.ndarray, "T 4 4"]
    moved: dict[int, Float[np.ndarray, "T 4"]]

    def __len__(self) -> int:
        return len(self.depth)

    @classmethod
    def of(cls, data: VideoDataset, index: int, weathers: Sequence[str], frames: slice = slice(None)) -> Views | None:
        """Those of an episode; None where nobody said what stands in its place.

        Raises:
            GenieGymError: for an episode without the truth that is needed, or of a weather without a name.
        """
        place = data.place(index)
        if place is None:
            return None
        told = data.description(index)
        truth = {name: data.truth(index, name, frames) for name in NEEDED}
        pictures, specs = [data.frames(index, frames)], [told.get("spec")]
        if "twin_spec" in told:
            pictures.append(data.truth(index, "twin", frames))
            specs.append(told["twin_spec"])
        conditions = tuple(condition_of(spec, weathers) for spec in specs)
        height, width = pictures[0].shape[1:3]
        camera = Camera.with_intrinsics(told["intrinsics"], height, width)
        try:
            entities = data.truth(index, "entities", frames)
        except GenieGymError:
            entities = np.zeros((len(pictures[0]), 0, 8), np.float32)
        return cls(
            index, place, camera, tuple(pictures), conditions, truth["depth"].astype(np.float32), truth["instance"],
            truth["semantic"], truth["pose"].astype(np.float64), _moved(entities),
        )  # fmt: skip

    def standing(self, thing: Thing, frame: int) -> tuple[Float[np.ndarray, " 3"], float]:
        """A thing's centre and heading in one frame."""
        if thing.id is not None and thing.id in self.moved:
            x, y, z, yaw = self.moved[thing.id][frame]
            return np.array([x, y, z]), float(yaw)
        return np.array(thing.centre), thing.yaw


def condition_of(spec: Any, weathers: Sequence[str]) -> Condition:
    """The light that a spec (JSON values) asks for: noon in the first weather where it says nothing."""
    spec = spec or {}
    weather, hour = spec.get("weather"), spec.get("hour")
    if weather is not None and weather not in weathers:
        raise GenieGymError(f"a recording's weather is one of {', '.join(weathers)}; got {weather!r:.80}.")
    return Condition(weathers.index(weather) if weather else 0, 12.0 if hour is None else float(hour) % 24)


def _moved(entities: Float[np.ndarray, "T N 8"]) -> dict[int, Float[np.ndarray, "T 4"]]:
    moved = {}
    for row in range(entities.shape[1]):
        ids = entities[:, row, 0].astype(int)
        if not len(ids) or ids[0] == 0 or (ids != ids[0]).any():
            continue
        w, x, y, z = entities[:, row, 4:].T
        yaw = np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
        moved[int(ids[0])] = np.concatenate([entities[:, row, 1:4], yaw[:, None]], 1)
    return moved


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame as points of the world: `points` and unit `normals` (towards the camera) [H, W, 3], `facing`: the cosine
    between normal and sight, `footprint`: metres that a pixel covers across the sight, `sky` [H, W]."""

    points: Float[np.ndarray, "H W 3"]
    normals: Float[np.ndarray, "H W 3"]
    facing: Float[np.ndarray, "H W"]
    footprint: Float[np.ndarray, "H W"]
    sky: Bool[np.ndarray, "H W"]


def look(views: Views, frame: int, farthest: float) -> Frame:
    """Back-projects one frame. `farthest` is what depth tells of the sky."""
    camera, depth, pose = views.camera, views.depth[frame], views.pose[frame]
    height, width = depth.shape
    x = ((np.arange(width) + 0.5 - width / 2) / camera.focal).astype(np.float32)
    y = ((np.arange(height) + 0.5 - height / 2) / camera.focal).astype(np.float32)[:, None]
    rays = np.stack(np.broadcast_arrays(x, y, np.float32(1)), -1)
    seen = normals_of(1 / np.maximum(depth, 1e-3), rays, camera.focal)
    length = np.linalg.norm(rays, axis=-1)
    facing = -(seen * rays).sum(-1) / length
    turn = pose[:3, :3].astype(np.float32)
    points = (rays * depth[..., None]) @ turn.T + pose[:3, 3].astype(np.float32)
    return Frame(points, seen @ turn.T, facing, depth / camera.focal, depth >= SKY_SHARE * farthest)


def normals_of(
    nearness: Float[np.ndarray, "H W"], rays: Float[np.ndarray, "H W 3"], focal: float
) -> Float[np.ndarray, "H W 3"]:
    """Unit normals towards the camera, in its axes, from 1 / depth, which is linear across a plane: so the smaller of the
    differences to both sides is its slope, and where it goes on straight for two pixels, a longer one has less noise."""
    slopes = []
    for axis in (1, 0):
        padded = np.pad(nearness, [(2, 2) if a == axis else (0, 0) for a in (0, 1)], mode="edge")

        def at(shift: int, padded: np.ndarray = padded, axis: int = axis) -> np.ndarray:
            return np.take(padded, np.arange(2 + shift, 2 + shift + nearness.shape[axis]), axis)

        before, after = nearness - at(-1), at(1) - nearness
        slope = np.where(np.abs(before) < np.abs(after), before, after)
        last = nearness.shape[axis] - 1
        edge = np.arange(nearness.shape[axis])
        edge = edge if axis == 1 else edge[:, None]
        slope = np.where(edge == 0, after, np.where(edge == last, before, slope))
        wide = (at(2) - at(-2)) / 4
        noise = nearness * 1.2e-3
        straight = (np.abs(at(2) + at(-2) - 2 * nearness) < noise) & (np.abs(after - before) < noise)
        slopes.append(np.where(straight & (edge > 1) & (edge < last - 1), wide, slope))
    normal = np.stack(
        [
            slopes[0] * focal,
            slopes[1] * focal,
            nearness - rays[..., 0] * slopes[0] * focal - rays[..., 1] * slopes[1] * focal,
        ],
        -1,
    )
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12)
    return -normal  # 1 / depth grows towards the camera on what is seen from outside


@dataclass(frozen=True, eq=False)
class Sighting:
    """All pixels of one frame that show one thing: `pixels` are their flat indices, `points` metres in the thing's own axes,
    from the middle of its box, `normals` in the same axes."""

    thing: int
    frame: int
    pixels: Int[np.ndarray, " n"]
    points: Float[np.ndarray, "n 3"]
    normals: Float[np.ndarray, "n 3"]


@dataclass
class Unexplained:
    """Of the pixels that show things, how many lie in no box of theirs, and in several; by class."""

    pixels: np.ndarray
    nowhere: np.ndarray
    several: np.ndarray

    @classmethod
    def of(cls, classes: int) -> Unexplained:
        return cls(*(np.zeros(classes, np.int64) for _ in range(3)))


def sightings(views: Views, frame: int, seen: Frame, unexplained: Unexplained | None = None) -> list[Sighting]:
    """Which pixels show which thing. A pixel belongs to the thing with its id whose box holds it; of several such, to the
    one whose surface is clearly the nearest, else to none."""
    instance = views.instance[frame].ravel()
    points, normals = seen.points.reshape(-1, 3), seen.normals.reshape(-1, 3)
    groups: dict[int, list[int]] = {}
    for number, thing in enumerate(views.place.things):
        if thing.id is not None:
            groups.setdefault(thing.id, []).append(number)
    order = np.argsort(instance, kind="stable")
    ids, first = np.unique(instance[order], return_index=True)
    found = []
    for one, begin, end in zip(ids, first, [*first[1:], len(order)], strict=True):
        if one <= 0 or int(one) not in groups:
            continue
        pixels = order[begin:end]
        numbers = groups[int(one)]
        best, second = np.full(len(pixels), np.inf), np.full(len(pixels), np.inf)
        owner, where = np.full(len(pixels), -1), points[pixels]
        for number in numbers:
            near, away = _inside(views, number, frame, where)
            first = away < best[near]
            second[near] = np.where(first, best[near], np.minimum(second[near], away))
            best[near] = np.where(first, away, best[near])
            owner[near[first]] = number
        unclear = np.zeros(len(pixels), bool)
        held = np.isfinite(second)
        unclear[held] = second[held] - best[held] < CLEARLY
        if unexplained is not None:
            label = views.semantic[frame].ravel()[pixels[0]]
            unexplained.pixels[label] += len(pixels)
            unexplained.nowhere[label] += int((owner < 0).sum())
            unexplained.several[label] += int(unclear.sum())
        owner[unclear] = -1
        for number in numbers if len(numbers) == 1 else np.unique(owner[owner >= 0]):
            mine = pixels[owner == number]
            if len(mine):
                own, turn = _own(views, int(number), frame, points[mine])
                found.append(Sighting(int(number), frame, mine, own, normals[mine] @ turn))
    return found


def turning(yaw: float) -> Float[np.ndarray, "3 3"]:
    """Takes a thing's own axes to the world's; on the right of row vectors, the world's to its own."""
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]], np.float32)


def _own(views: Views, number: int, frame: int, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points in a thing's own axes, and what turns vectors into them."""
    centre, yaw = views.standing(views.place.things[number], frame)
    turn = turning(yaw)
    return (points - centre.astype(np.float32)) @ turn, turn


def _inside(views: Views, number: int, frame: int, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which points lie in a thing's box, and how far each is from its surface."""
    thing = views.place.things[number]
    margin = LIMBS if thing.behaviour else INSIDE
    centre, _ = views.standing(thing, frame)
    reach = math.hypot(thing.size[0], thing.size[1]) / 2 + margin
    near = np.flatnonzero(np.abs(points[:, 0] - np.float32(centre[0])) < reach)
    near = near[np.abs(points[near, 1] - np.float32(centre[1])) < reach]
    x, y, z = np.abs(_own(views, number, frame, points[near])[0]).T
    half = np.array(thing.size, np.float32) / 2
    away = np.maximum(np.maximum(x - half[0], y - half[1]), z - half[2])
    inside = away < margin
    return near[inside], np.abs(away[inside])
