"""Where things of a class never stood in recordings, and so never come: beyond the square's edge, in deep water, on roads.

Legend: K poses, S scenes, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float

from genie_gym.places.layout.board import Board, boxes_of
from genie_gym.places.layout.boxes import marks, reach_along
from genie_gym.places.layout.config import LayoutConfig
from genie_gym.places.layout.features import MARKS
from genie_gym.places.layout.records import AT, labels_of
from genie_gym.places.layout.sketch import Sketch

NEARLY_ALL = 0.97  # of recorded things keep a rule
SLACK = 0.06  # of a box may lie on roads beyond what was recorded
FEW = 12  # recorded things of a class in a scene that say nothing


def mine_rules(sketches: Sequence[Sketch], roles: Sequence[np.ndarray], config: LayoutConfig) -> dict[str, np.ndarray]:
    """Array "rules" [S, C, 3]: how much of a box may lie on roads, whether it may stand in deep water, how many units it may
    reach beyond the square."""
    count = len(config.classes)
    told: dict[tuple[int, int], list[tuple[float, float, float]]] = {}
    for sketch, role in zip(sketches, roles, strict=True):
        labels, scene = labels_of(sketch, role, config), config.scene(sketch.place.scene)
        chosen = np.flatnonzero((labels >= 0) & (labels < count))
        for label, *row in zip(labels[chosen], *_measured(sketch.boxes(chosen), sketch), strict=True):
            told.setdefault((scene, int(label)), []).append((float(row[0]), float(row[1]), float(row[2])))
    everywhere = [[row for (_, of), rows in told.items() if of == label for row in rows] for label in range(count)]
    rules = np.ones((len(config.scenes), count, 3))
    for scene in range(len(config.scenes)):
        for label in range(count):
            rows = told.get((scene, label), [])
            rows = rows if len(rows) >= FEW else everywhere[label]
            if rows:
                on_road, wet, beyond = np.quantile(rows, NEARLY_ALL, axis=0)
                rules[scene, label] = on_road + SLACK, wet, beyond
    return {"rules": rules}


def _measured(boxes: np.ndarray, sketch: Sketch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    ground = sketch.ground
    spots = marks(boxes, MARKS)
    on_road = ground.on_road(spots.reshape(-1, 2)).reshape(spots.shape[:2]).mean(1)
    return on_road, ground.in_deep(boxes[:, :2]), _beyond(boxes, ground.half) / ground.unit


def _beyond(boxes: np.ndarray, half: float) -> np.ndarray:
    """How far boxes reach beyond the square."""
    east, north = (reach_along(boxes, np.full(len(boxes), angle)) for angle in (0.0, np.pi / 2))
    return np.asarray(np.maximum(np.abs(boxes[:, 0]) + east, np.abs(boxes[:, 1]) + north) - half)


class Rules:
    """What `mine_rules` found, asked of poses."""

    def __init__(self, arrays: Mapping[str, np.ndarray]):
        self._rules = arrays["rules"]

    def forbid(
        self, board: Board, poses: Float[np.ndarray, "K 26"], scene: int, roads: bool = False
    ) -> Bool[np.ndarray, " K"]:
        """Which poses of one class break a rule; those on roads may, if `roads` are free to stand on."""
        ground, boxes = board.ground, boxes_of(poses)
        on_road, wet, beyond = self._rules[scene, int(poses[0, AT["label"]])]
        out = _beyond(boxes, ground.half) > max(beyond, -0.3) * ground.unit
        if wet < 0.5 and len(ground.deep):
            spots = marks(boxes, MARKS * 0.8)
            out |= ground.in_deep(spots.reshape(-1, 2)).reshape(spots.shape[:2]).any(1)
        if len(ground.pieces) and not roads and on_road < 1:
            spots = marks(boxes, MARKS)
            out |= ground.on_road(spots.reshape(-1, 2)).reshape(spots.shape[:2]).mean(1) > on_road
        return np.asarray(out)
