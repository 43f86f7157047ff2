"""Episodes of a recording as points: where in the world each pixel lies, which way the surface faces there, whose it is.

Legend: T frames of an episode, H W image, n pixels that show things, N things that can move.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Int16, UInt8

from genie_gym.datasets.video import VideoDataset
from genie_gym.errors import GenieGymError
from genie_gym.genie3.mining.conditions import Condition, Weathers
from genie_gym.geometry.camera import Camera
from genie_gym.places.place import Place, Thing

NEEDED = ("depth", "pose", "instance", "semantic")
MOST_PIXELS = 32_000_000  # of an episode's frames together
NOTHING = -1  # in instance masks: the sky
INSIDE = 0.04  # metres that a point may lie outside the box of what it belongs to
CLEARLY = 0.03  # metres by which it must lie nearer to the surface of one box than of the others that hold it
LIMBS = 0.3  # metres, INSIDE of beings, whose limbs swing


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
    def of(cls, data: VideoDataset, index: int, weathers: Weathers, step: int) -> Views | None:
        """Every `step`-th frame of an episode up to its first event, which may change what stands where, and the light;
        fewer where frames are huge. None where nobody said what stands in its place, or no frame shows it.

        Raises:
            GenieGymError: an episode without the truth or the intrinsics that are needed, or of a weather without a name.
        """
        place = data.place(index)
        calm = int(data.calm[index])
        if place is None or not calm:
            return None
        pixels = data.frames(index, slice(0, 1)).shape[1:3]
        frames = slice(0, calm, max(step, -(-calm * math.prod(pixels) // MOST_PIXELS)))
        told = data.description(index)
        if "intrinsics" not in told:
            raise GenieGymError(f"mining takes recordings with intrinsics; {data.paths[0]} has an episode without them.")
        truth = {name: data.truth(index, name, frames) for name in NEEDED}
        pictures, specs = [data.frames(index, frames)], [told.get("spec")]
        if "twin_spec" in told:
            pictures.append(data.truth(index, "twin", frames))
            specs.append(told["twin_spec"])
        conditions = tuple(weathers.condition(spec) for spec in specs)
        camera = Camera.with_intrinsics(told["intrinsics"], *pixels)
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


def _moved(entities: Float[np.ndarray, "T N 8"]) -> dict[int, Float[np.ndarray, "T 4"]]:
    """Centres and headings by id; NaN, which lies nowhere, in frames in which a thing is not there."""
    moved: dict[int, np.ndarray] = {}
    ids = entities[..., 0].astype(int)
    w, x, y, z = np.moveaxis(entities[..., 4:], -1, 0)
    yaw = np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    standing = np.concatenate([entities[..., 1:4], yaw[..., None]], -1)
    for row in range(entities.shape[1]):
        for one in set(ids[:, row].tolist()) - {0}:
            there = ids[:, row] == one
            moved.setdefault(one, np.full((len(ids), 4), np.nan, np.float32))[there] = standing[there, row]
    return moved


@dataclass(frozen=True, eq=False)
class Points:
    """The pixels of one frame as points of the world: `points` and unit `normals` (towards the camera) [H, W, 3], `facing`:
    the cosine between normal and sight, 0 where depth is not known, `footprint`: metres that a pixel covers across the
    sight, `sky` [H, W]."""

    points: Float[np.ndarray, "H W 3"]
    normals: Float[np.ndarray, "H W 3"]
    facing: Float[np.ndarray, "H W"]
    footprint: Float[np.ndarray, "H W"]
    sky: Bool[np.ndarray, "H W"]


def back_projected(views: Views, frame: int) -> Points:
    """The points of one frame."""
    camera, depth, pose = views.camera, views.depth[frame], views.pose[frame]
    known = np.isfinite(depth) & (depth > 0)
    depth = np.where(known, depth, 0)
    rays = rays_of(camera)
    seen = normals_of(1 / np.maximum(depth, 1e-3), rays, camera.focal)
    facing = np.where(known, -(seen * rays).sum(-1) / np.linalg.norm(rays, axis=-1), 0)
    turn = pose[:3, :3].astype(np.float32)
    points = (rays * depth[..., None]) @ turn.T + pose[:3, 3].astype(np.float32)
    return Points(points, seen @ turn.T, facing, depth / camera.focal, views.instance[frame] == NOTHING)


@functools.lru_cache(maxsize=4)
def rays_of(camera: Camera) -> Float[np.ndarray, "H W 3"]:
    """The point at depth 1 that each pixel's middle sees, in the camera's axes."""
    x = ((np.arange(camera.width) + 0.5 - camera.width / 2) / camera.focal).astype(np.float32)
    y = ((np.arange(camera.height) + 0.5 - camera.height / 2) / camera.focal).astype(np.float32)[:, None]
    return np.stack(np.broadcast_arrays(x, y, np.float32(1)), -1)


def normals_of(
    nearness: Float[np.ndarray, "H W"], rays: Float[np.ndarray, "H W 3"], focal: float
) -> Float[np.ndarray, "H W 3"]:
    """Unit normals towards the camera, in its axes, from 1 / depth, which is linear across a plane."""
    across, down = (_slope(nearness, axis) for axis in (1, 0))
    forward = nearness - rays[..., 0] * across * focal - rays[..., 1] * down * focal
    normal = np.stack([across * focal, down * focal, forward], -1)
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12)
    return -normal  # 1 / depth grows towards the camera on what is seen from outside


def _slope(nearness: Float[np.ndarray, "H W"], axis: int) -> Float[np.ndarray, "H W"]:
    """How 1 / depth grows a pixel along an axis: the smaller of the differences to both sides; where it goes on straight for
    two pixels, the mean over these, which has less noise."""
    last = nearness.shape[axis] - 1
    padded = np.pad(nearness, [(2, 2) if a == axis else (0, 0) for a in (0, 1)], mode="edge")
    left2, left, _, right, right2 = (np.take(padded, np.arange(k, k + last + 1), axis) for k in range(5))
    before, after = nearness - left, right - nearness
    slope = np.where(np.abs(before) < np.abs(after), before, after)
    edge = np.arange(last + 1) if axis == 1 else np.arange(last + 1)[:, None]
    slope = np.where(edge == 0, after, np.where(edge == last, before, slope))
    noise = nearness * 1.2e-3
    straight = (np.abs(right2 + left2 - 2 * nearness) < noise) & (np.abs(after - before) < noise)
    return np.where(straight & (edge > 1) & (edge < last - 1), (right2 - left2) / 4, slope)


@dataclass(frozen=True, eq=False)
class Sighting:
    """All pixels of one frame that show one thing: `pixels` are their flat indices, `points` metres in the thing's own axes,
    from the middle of its box, `normals` in the same axes."""

    thing: int
    pixels: Int[np.ndarray, " n"]
    points: Float[np.ndarray, "n 3"]
    normals: Float[np.ndarray, "n 3"]


@dataclass(frozen=True, eq=False)
class BoxCounts:
    """Of the pixels that show things, how many lie in no box of theirs, and in several: int64 [classes] each."""

    pixels: np.ndarray
    nowhere: np.ndarray
    several: np.ndarray

    @classmethod
    def of(cls, classes: int) -> BoxCounts:
        return cls(*np.zeros((3, classes), np.int64))

    def add(self, other: BoxCounts) -> None:
        for name in self.__dataclass_fields__:
            getattr(self, name)[:] += getattr(other, name)


def sightings(views: Views, frame: int, seen: Points, counts: BoxCounts | None = None) -> list[Sighting]:
    """Which pixels show which thing. A pixel belongs to the thing with its id whose box holds it; of several such, to the
    one whose surface is clearly the nearest, else to none."""
    points, normals = seen.points.reshape(-1, 3), seen.normals.reshape(-1, 3)
    found = []
    for numbers, pixels in _by_id(views, frame):
        owner, unclear = _owners(views, frame, numbers, points[pixels])
        if counts is not None:
            label = views.semantic[frame].ravel()[pixels[0]]
            counts.pixels[label] += len(pixels)
            counts.nowhere[label] += int((owner < 0).sum())
            counts.several[label] += int(unclear.sum())
        owner[unclear] = -1
        for number in np.unique(owner[owner >= 0]).tolist():
            mine = pixels[owner == number]
            own, turn = own_axes(views, number, frame, points[mine])
            found.append(Sighting(number, mine, own, normals[mine] @ turn))
    return found


def _by_id(views: Views, frame: int) -> Iterator[tuple[list[int], Int[np.ndarray, " n"]]]:
    """The things of each id that a frame shows, and its pixels."""
    groups: dict[int, list[int]] = {}
    for number, thing in enumerate(views.place.things):
        if thing.id:
            groups.setdefault(thing.id, []).append(number)
    instance = views.instance[frame].ravel()
    order = np.argsort(instance, kind="stable")
    ids, first = np.unique(instance[order], return_index=True)
    for one, begin, end in zip(ids.tolist(), first, [*first[1:], len(order)], strict=True):
        if one in groups:
            yield groups[one], order[begin:end]


def _owners(
    views: Views, frame: int, numbers: list[int], points: Float[np.ndarray, "n 3"]
) -> tuple[Int[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """Which of several things' boxes holds each point, -1 where none does; and where another one holds it nearly as well."""
    best, second = np.full(len(points), np.inf), np.full(len(points), np.inf)
    owner = np.full(len(points), -1)
    for number in numbers:
        near, away = _inside(views, number, frame, points)
        first = away < best[near]
        second[near] = np.where(first, best[near], np.minimum(second[near], away))
        best[near] = np.where(first, away, best[near])
        owner[near[first]] = number
    unclear = np.zeros(len(points), bool)
    held = np.isfinite(second)
    unclear[held] = second[held] - best[held] < CLEARLY
    return owner, unclear


def turning(yaw: float) -> Float[np.ndarray, "3 3"]:
    """Takes a thing's own axes to the world's; on the right of row vectors, the world's to its own."""
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]], np.float32)


def own_axes(views: Views, number: int, frame: int, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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
    x, y, z = np.abs(own_axes(views, number, frame, points[near])[0]).T
    half = np.array(thing.size, np.float32) / 2
    away = np.maximum(np.maximum(x - half[0], y - half[1]), z - half[2])
    inside = away < margin
    return near[inside], np.abs(away[inside])
