"""Measures of places that were laid out beside recorded ones: do they look like their scene, do things stand as they should,
are they copies.

Legend: N places, F features, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import nn

from genie_gym.places.layout.board import Board
from genie_gym.places.layout.boxes import inside, marks, separation
from genie_gym.places.layout.config import GROUPS
from genie_gym.places.layout.features import MARKS
from genie_gym.places.layout.model import LayoutModel
from genie_gym.places.layout.reach import Walkable
from genie_gym.places.layout.records import labels_of
from genie_gym.places.layout.requests import TURNS
from genie_gym.places.layout.sketch import HIGH, LIFT, Sketch, Spec, asked_of
from genie_gym.places.place import Place
from genie_gym.text.spec import PLACES

GRID = 8  # cells a side in which things are counted
FAR = 8.0  # units: things farther apart are as far
NEAR_ROAD = 9.0  # units between a structure and the road that it is measured against
AT_WORD = 8.0  # units from the place that a word means


@dataclass(frozen=True)
class Stands:
    """How things stand in a place. `overlaps`: share of things whose cores overlap another's; `reached`: of the free ground,
    from the spawn; `turned`: degrees between each structure and its road, to the nearest quarter; `on_road`: share of each
    structure that lies on roads; `kept`, `asked`: things asked for that are there, and all; `view`: units free ahead."""

    overlaps: float
    reached: float
    turned: tuple[float, ...]
    on_road: tuple[float, ...]
    kept: int
    asked: int
    view: float


def stands(model: LayoutModel, place: Place, spec: Spec | None = None) -> Stands:
    """How things stand in a place that is made of what the model knows."""
    board = board_of(model, place)
    config, ground = model.config, board.ground
    apart = separation(board.cores, board.cores) > -0.05 * ground.unit
    thin = 0.06 * ground.unit
    apart |= (board.low[:, None] > board.high - thin) | (board.high[:, None] < board.low + thin)
    free = board.labels < len(config.classes)
    apart |= ~free[:, None] & ~free  # pieces of one thing touch
    np.fill_diagonal(apart, True)
    structures = board.groups == GROUPS.index("structure")
    boxes = board.boxes[structures]
    near = ground.near(boxes[:, :2])
    shown = near.edge < NEAR_ROAD * ground.unit
    turn = np.degrees((boxes[:, 2] - near.outwards) % (np.pi / 2))
    spots = marks(boxes, MARKS)
    on = ground.on_road(spots.reshape(-1, 2)).reshape(spots.shape[:2]).mean(1) if len(boxes) else np.zeros(0)
    wanted = asked_of(spec)
    there = {name: sum(thing.name == name for thing in place.things) for name in wanted}
    x, y, yaw = place.spawn
    ahead = np.arange(1, 30)[:, None] * 0.5 * ground.unit * np.array([[np.cos(yaw), np.sin(yaw)]]) + (x, y)
    tall = board.in_the_way & (board.high > 1.2 * ground.unit)
    blocked = inside(ahead, board.cores[tall]).any(1) | (ground.to_edge(ahead) < 0)
    return Stands(
        overlaps=float((~apart[free].all(1)).mean()) if free.any() else 0.0,
        reached=Walkable(board).share,
        turned=tuple(float(min(angle, 90 - angle)) for angle in turn[shown]),
        on_road=tuple(float(share) for share in on),
        kept=sum(min(there[name], count) for name, count in wanted.items()),
        asked=sum(wanted.values()),
        view=float(0.5 * (blocked.argmax() if blocked.any() else len(blocked))),
    )


def board_of(model: LayoutModel, place: Place) -> Board:
    """A finished place as a board, without its edge."""
    config = model.config
    sketch = Sketch(place, config.materials)
    role = model.roles_of(sketch)
    labels = labels_of(sketch, role, config)
    chosen = np.flatnonzero(labels >= 0)
    board = Board(config, sketch.ground, model.arrays["cores"][config.scene(place.scene)])
    low = sketch.rows[chosen, LIFT]
    if len(chosen):
        board.add(sketch.boxes(chosen), low, low + sketch.rows[chosen, HIGH], labels[chosen])
    board.spawn = place.spawn
    return board


def counts(model: LayoutModel, places: Sequence[Place]) -> Float[np.ndarray, "N C"]:
    """How many things of each class each place has."""
    boards = [board_of(model, place) for place in places]
    classes = len(model.config.classes)
    return np.array([np.bincount(board.labels[board.labels < classes], minlength=classes) for board in boards], float)


def describe(model: LayoutModel, place: Place) -> Float[np.ndarray, " F"]:
    """Counts of classes and groups, by place; materials; sizes of structures."""
    board = board_of(model, place)
    config, half = model.config, place.half
    free = board.labels < len(config.classes)
    parts = [np.log1p(np.bincount(board.labels[free], minlength=len(config.classes)))]
    axis = (np.arange(32) + 0.5) / 16 * half - half
    x, y = np.meshgrid(axis, axis)
    materials = board.ground.material(np.stack([x.ravel(), y.ravel()], 1))
    parts.append(3 * np.bincount(materials, minlength=len(config.materials)) / len(materials))
    for name in ("landmark", "structure", "large", "small"):
        points = board.boxes[board.groups == GROUPS.index(name), :2]
        held, _, _ = np.histogram2d(points[:, 1], points[:, 0], bins=GRID, range=[[-half, half]] * 2)
        parts.append(np.log1p(held).ravel() * 0.3)
    structures = board.groups == GROUPS.index("structure")
    sizes = np.stack([board.boxes[structures, 3], board.boxes[structures, 4], board.high[structures]], 1)
    parts.append(np.concatenate([sizes.mean(0), sizes.std(0)]) / board.ground.unit if len(sizes) else np.zeros(6))
    return np.concatenate(parts)


class SceneJudge:
    """Names the scene of a place. It has seen recorded places alone."""

    def __init__(self, model: LayoutModel, places: Sequence[Place], steps: int = 300, seed: int = 0):
        self.model, self.scenes = model, model.config.scene_names
        told = np.stack([describe(model, place) for place in places]).astype(np.float32)
        self._mean, self._spread = told.mean(0), told.std(0) + 0.05
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._train(told, torch.tensor([self.scenes.index(place.scene) for place in places]), steps)

    def _train(self, told: np.ndarray, names: torch.Tensor, steps: int) -> None:
        self._net = nn.Sequential(nn.Dropout(0.2), nn.Linear(told.shape[1], 64), nn.ReLU(), nn.Linear(64, len(self.scenes)))
        optimiser = torch.optim.AdamW(self._net.parameters(), 5e-3, weight_decay=0.05)
        inputs = self._inputs(told)
        for _ in range(steps):
            loss = F.cross_entropy(self._net(inputs), names)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        self._net.eval()

    def _inputs(self, told: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(((told - self._mean) / self._spread).astype(np.float32))

    def right(self, places: Sequence[Place]) -> float:
        """The share of places whose scene it names."""
        told = np.stack([describe(self.model, place) for place in places])
        with torch.no_grad():
            named = self._net(self._inputs(told)).argmax(1).tolist()
        return float(np.mean([self.scenes[k] == place.scene for k, place in zip(named, places, strict=True)]))


def nearest_training_layout(model: LayoutModel, place: Place, training: Sequence[Place]) -> float:
    """Units: the mean distance of each thing to the nearest of its class in another place, both ways (chamfer), for the
    most similar of recorded places of the scene. Beings move, and do not count."""
    boards = [board_of(model, other) for other in training if other.scene == place.scene]
    own = board_of(model, place)
    return min((_chamfer(own, other) for other in boards), default=FAR)


def _chamfer(one: Board, other: Board) -> float:
    sides = []
    for board in (one, other):
        chosen = (board.labels < len(board.config.classes)) & (board.groups != GROUPS.index("being"))
        sides.append((board.boxes[chosen, :2] / board.ground.unit, board.labels[chosen]))
    (here, labels), (there, others) = sides
    if not len(here) or not len(there):
        return FAR
    apart = np.minimum(np.hypot(*(here[:, None] - there[None]).transpose(2, 0, 1)), FAR)
    apart[labels[:, None] != others] = FAR
    return float(apart.min(1).mean() + apart.min(0).mean()) / 2


def at_word(place: Place, kind: str, word: str) -> bool:
    """Whether a thing of a kind stands where a word (`PLACES`) or a landmark says, seen from the spawn."""
    x, y, yaw = place.spawn
    unit = place.half / 32
    things = [thing for thing in place.things if thing.name == kind]
    if word in PLACES and word != "centre":
        angle = yaw + TURNS[word]
        wanted = [(x + 4.5 * unit * np.cos(angle), y + 4.5 * unit * np.sin(angle), 0.0)]
    elif word == "centre":
        wanted = [(0.0, 0.0, 0.0)]
    else:
        wanted = [(*thing.centre[:2], max(thing.size[:2]) / 2) for thing in place.things if thing.name == word]
    return any(
        np.hypot(thing.centre[0] - px, thing.centre[1] - py) < AT_WORD * unit + reach
        for thing in things
        for px, py, reach in wanted
    )
