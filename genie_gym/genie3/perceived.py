"""A picture as the beginning of a place: what it shows becomes things and a scene; the rest is laid out around it.

The player stands south of the middle and looks north, so that most of what a picture shows lies inside the square.

Legend: B rows, K points, M cells along a side of the square, P asked frames, H W image.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from genie_gym.geometry.camera import Camera
from genie_gym.geometry.level import level_pose
from genie_gym.geometry.percept import Percept
from genie_gym.geometry.scene_graph.builder import SceneGraphBuilder
from genie_gym.geometry.scene_graph.scene import SceneObject
from genie_gym.places.layout.config import GROUPS, LayoutConfig
from genie_gym.places.layout.given import Given
from genie_gym.places.library import AssetLibrary
from genie_gym.places.place import Place, Thing
from genie_gym.world import StartPool

HALF = 32.0  # metres, half the square's side
BACK = HALF / 3  # metres that the player stands south of the middle
CELLS = 128  # M
FARTHEST = 40.0  # metres: what is farther away is left to the layout model
LIFTED = 1.0  # metres: what seems to begin lower than that stands on the ground, hidden or out of the picture
DEEP = 5.0  # metres, at least, of what shows one side alone: buildings
SMALLEST = 0.15  # metres along a side of a thing
NEIGHBOURS = 5
BANDS, AT_ONCE = 3, 32  # of pictures; frames that are perceived at once
GRID = np.linspace(-0.5, 0.5, 7)
PART = 0.5  # the share of a thing's footprint that lies where all is known, from which it is taken away again


@runtime_checkable
class Perceives(Protocol):
    """A world that knows frames when it sees them."""

    classes: tuple[str, ...]
    """What pixels may show, by name."""
    camera: Camera
    starts: StartPool

    def perceive(self, frames: UInt8[Tensor, "B H W 3"]) -> Percept:
        """Of frames that see as far up and down as its own."""

    def __hash__(self) -> int: ...


@dataclass(frozen=True, eq=False)
class Sight:
    """What a picture says of a place: what stands there and where it sees, and of which scene it is (or "")."""

    given: Given
    scene: str


def sights(percept: Percept, eyes: Perceives, camera: Camera, eye: float, library: AssetLibrary,
           layout: LayoutConfig) -> list[Sight]:  # fmt: skip
    """What each picture says. `eye` is how high above the ground the camera is."""
    pose = level_pose(torch.zeros_like(percept.pitch), percept.pitch, percept.pitch.new_zeros(len(percept.pitch), 3))
    depth, labels = (1 / percept.inverse_depth).cpu().numpy(), percept.semantic.cpu().numpy()
    pushable = percept.pushable.cpu().numpy()
    found = []
    for row, here in enumerate(pose.cpu().numpy().astype(np.float64)):
        builder = SceneGraphBuilder(eyes.classes, camera)
        builder.update(depth[row], labels[row], here)
        read = _Reading(library, layout, eye, here, camera, pushable[row])
        things = tuple(thing for seen in builder.scene().objects if (thing := read.thing(seen)) is not None)
        place = Place(half=HALF, things=things, spawn=(0.0, -BACK, math.pi / 2))
        seen = _seen(depth[row], labels[row] == eyes.classes.index("sky"), here, camera)
        found.append(Sight(Given(place, ground=False, seen=seen), scene_like(labels[row], eyes)))
    return found


@dataclass(frozen=True, eq=False)
class _Reading:
    """Boxes of one picture as things of a place."""

    library: AssetLibrary
    layout: LayoutConfig
    eye: float
    pose: Float[np.ndarray, "4 4"]
    camera: Camera
    pushable: Bool[np.ndarray, "H W"]

    def thing(self, seen: SceneObject) -> Thing | None:
        """Standing on the ground, as deep as assets of its class are: a picture shows its front alone. None for what is
        farther away, or drawn by no asset."""
        x, down, forward = seen.centre
        away = math.hypot(x, forward)
        names = self.library.config.names
        if seen.name not in names or seen.name not in self.layout.classes or away > FARTHEST:
            return None
        across, high, deep = (max(side, SMALLEST) for side in seen.size)
        top, base = self.eye - down + high / 2, self.eye - down - high / 2
        base = 0.0 if base < LIFTED else base
        high = max(top - base, SMALLEST)
        group = GROUPS[self.layout.groups[self.layout.classes.index(seen.name)]]
        turn = seen.heading
        front = np.array([math.cos(turn) * x - math.sin(turn) * forward, math.sin(turn) * x + math.cos(turn) * forward])
        along = int(np.abs(front).argmax())  # the axis of the box (right, forward) along which one looks at it
        sides = [across, deep]
        shown = sides[1 - along]
        if group == "structure":
            whole = (shown, max(sides[along], DEEP))
        else:
            whole = self._proportions(seen.name, high, shown)
        grown = [0.0, 0.0]
        grown[1 - along], grown[along] = max(whole[0], SMALLEST), max(whole[1], sides[along])
        push = math.copysign((grown[along] - sides[along]) / 2, front[along])
        shift = np.array([push, 0.0] if along == 0 else [0.0, push])
        x += math.cos(turn) * shift[0] + math.sin(turn) * shift[1]
        forward += -math.sin(turn) * shift[0] + math.cos(turn) * shift[1]
        return Thing(
            name=seen.name, centre=(x, forward - BACK, base + high / 2), size=(grown[1], grown[0], high),
            yaw=math.remainder(math.pi / 2 - turn, 2 * math.pi), movable=self._can_be_pushed(seen),
            behaviour="wander" if group == "being" else None,
        )  # fmt: skip

    def _proportions(self, name: str, high: float, shown: float) -> tuple[float, float]:
        """How wide and how deep it is, by the asset of its class that is likest in height and in the width that shows."""
        chosen = [number for number, of in enumerate(self.library.config.names) if of == name]
        size = self.library.size[chosen].cpu().numpy().astype(np.float64)
        flat = np.concatenate([size[:, :2], size[:, 1::-1]]) * (high / np.tile(size[:, 2], 2))[:, None]
        wide, deep = flat[np.abs(np.log(flat[:, 0] / shown)).argmin()]
        return float(wide), float(deep)

    def _can_be_pushed(self, seen: SceneObject) -> bool:
        at = self.pose[:3, :3].T @ (np.array(seen.centre) - self.pose[:3, 3])
        column = int(at[0] / max(at[2], 0.1) * self.camera.focal + self.camera.width / 2)
        line = int(at[1] / max(at[2], 0.1) * self.camera.focal + self.camera.height / 2)
        around = self.pushable[max(line - 2, 0) : line + 3, max(column - 2, 0) : column + 3]
        return bool(around.size and around.mean() > PART)


def _seen(
    depth: Float[np.ndarray, "H W"], sky: Bool[np.ndarray, "H W"], pose: Float[np.ndarray, "4 4"], camera: Camera
) -> Bool[np.ndarray, "M M"]:
    """Which cells a picture sees: of each column of pixels, up to the farthest surface that shows."""
    rays = pose[:3, :3] @ camera.rays(torch.device("cpu")).numpy().astype(np.float64)
    flat = np.hypot(rays[0], rays[2]).reshape(depth.shape)
    reach = np.where(sky, 0.0, depth * flat).max(0).clip(max=FARTHEST)
    right, ahead = (rays[k].reshape(depth.shape)[depth.shape[0] // 2] for k in (0, 2))
    cells = np.zeros((CELLS, CELLS), bool)
    for r, a, far in zip(right, ahead, reach, strict=True):
        along = np.arange(0.0, far, HALF / CELLS)
        norm = math.hypot(r, a)
        column, line = ((v + HALF) * CELLS / (2 * HALF) for v in (along * r / norm, along * a / norm - BACK))
        inside = (column >= 0) & (column < CELLS) & (line >= 0) & (line < CELLS)
        cells[line[inside].astype(int), column[inside].astype(int)] = True
    return cells


def settled(place: Place, given: Given) -> Place:
    """The place without what was laid out where the picture sees that nothing stands, as high as the picture's: where one
    stands the ground is 0."""
    known = {id(thing) for thing in given.place.things}
    rise = place.height(*given.place.spawn[:2])
    things = []
    for thing in place.things:
        if id(thing) in known:
            things.append(thing)
        elif given.hides(_footprint(thing)).mean() < PART:
            x, y, z = thing.centre
            things.append(replace(thing, centre=(x, y, z - rise)))
    waters = tuple(replace(water, level=water.level - rise) for water in place.waters)
    return place.replace(things=tuple(things), waters=waters, heights=place.heights - np.float32(rise))


def _footprint(thing: Thing) -> Float[np.ndarray, "K 2"]:
    """Points spread over the ground that it covers."""
    x, y = (side * part.ravel() for side, part in zip(thing.size, np.meshgrid(GRID, GRID), strict=False))
    cos, sin = math.cos(thing.yaw), math.sin(thing.yaw)
    return np.stack([thing.centre[0] + cos * x - sin * y, thing.centre[1] + sin * x + cos * y], 1)


def scene_like(labels: Int[np.ndarray, "H W"], eyes: Perceives) -> str:
    """The scene of most of the eyes' own frames that show classes in likest amounts, high up, in the middle and below; ""
    where nobody said of which scenes these are."""
    if not eyes.starts.conditions:
        return ""
    mine, others = _amounts(labels[None], len(eyes.classes))[0], _of_starts(eyes)
    nearest = np.linalg.norm(others - mine, axis=1).argsort(kind="stable")[:NEIGHBOURS]
    return Counter(eyes.starts.conditions[number].scene for number in nearest.tolist()).most_common(1)[0][0]


@lru_cache(maxsize=2)
def _of_starts(eyes: Perceives) -> Float[np.ndarray, "P K"]:
    """The amounts of classes in each of the eyes' own frames."""
    parts = torch.from_numpy(eyes.starts.frames).split(AT_ONCE)
    labels = torch.cat([eyes.perceive(part).semantic.cpu() for part in parts])
    return _amounts(labels.numpy(), len(eyes.classes))


def _amounts(labels: Int[np.ndarray, "B H W"], classes: int) -> Float[np.ndarray, "B K"]:
    """Square roots of the shares of each class in three bands of a picture: their distance is Hellinger's."""
    bands = [
        np.stack([np.bincount(part.ravel(), minlength=classes) / part.size for part in np.array_split(row, BANDS)])
        for row in labels
    ]
    return np.sqrt(np.stack(bands)).reshape(len(labels), -1)
