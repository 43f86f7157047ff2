"""What a pose looks like to the network that chooses: where it lies, told from roads, areas, water, what stands around it.

Legend: K poses, F features, T things that stand, P points.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from genie_gym.places.layout.board import VIEW, VIEW_SIDE, Board, boxes_of
from genie_gym.places.layout.boxes import marks, reach_along, separation
from genie_gym.places.layout.config import GROUPS, LayoutConfig
from genie_gym.places.layout.ground import FAR
from genie_gym.places.layout.records import AT, road_looks
from genie_gym.places.place import heights_at

MARKS = np.array([(x, y) for x in (-0.9, 0.0, 0.9) for y in (-0.9, 0.0, 0.9)])
AROUND = ("frame", "landmark", "structure", "large", "small", "being")  # and of the same class
CROWDS = (5.0, 12.0)  # units within which others are counted


def count_features(config: LayoutConfig) -> int:
    return 51 + 7 * (3 + len(CROWDS)) + len(_looks(config)) + len(config.materials)


def features(board: Board, poses: Float[np.ndarray, "K 26"]) -> tuple[Float[np.ndarray, "K F"], Int[np.ndarray, " K"]]:
    """Of poses of one class; and who is nearest: a class, len(classes) + kind of a piece, or, one more, nothing."""
    ground, config, unit = board.ground, board.config, board.ground.unit
    boxes = boxes_of(poses)
    points = boxes[:, :2]
    columns = [points / ground.half, np.hypot(points[:, :1], points[:, 1:]) / ground.half]
    edge = ground.to_edge(points)
    columns += [_near(edge / unit, 2.0, 8.0)]
    spots = marks(boxes, MARKS)
    columns += _of_roads(board, boxes, points, spots)
    shown = ground.material(points)
    columns.append(np.eye(len(config.materials))[shown])
    columns += _of_areas(board, points, spots)
    around, beside = _of_things(board, boxes, int(poses[0, AT["label"]]))
    columns += around
    columns += _of_spawn(board, points, boxes[:, 2])
    roof = ground.place.roof
    inside = np.zeros(len(points), bool) if roof is None else np.asarray(((points > roof[:2]) & (points < roof[2:])).all(1))
    sizes = np.log(poses[:, AT["wide"] : AT["high"] + 1] / unit)
    columns += [inside[:, None], sizes, np.cos(4 * boxes[:, 2:3]), np.sin(4 * boxes[:, 2:3]), _of_heights(board, points)]
    columns.append(np.tanh(poses[:, AT["lift"], None] / unit))
    return np.concatenate(columns, 1, dtype=np.float32), beside


def _near(distance: np.ndarray, *scales: float) -> np.ndarray:
    return np.tanh(distance[:, None] / np.array(scales))


def _looks(config: LayoutConfig) -> list[int]:
    return [number for number, look in enumerate(config.looks) if look.sort == "road"]


def _of_roads(board: Board, boxes: np.ndarray, points: np.ndarray, spots: np.ndarray) -> list[np.ndarray]:
    """15 columns, and one for each look of roads."""
    ground, unit = board.ground, board.ground.unit
    near = ground.near(points)
    looks = _looks(board.config)
    if not len(ground.pieces):
        return [np.ones((len(points), 8)), np.zeros((len(points), 7 + len(looks)))]
    front = near.edge - reach_along(boxes, near.outwards)
    turn = boxes[:, 2] - near.outwards
    waves = np.stack([np.cos(turn), np.sin(turn), np.cos(2 * turn), np.sin(2 * turn), np.cos(4 * turn), np.sin(4 * turn)], 1)
    waves *= np.exp(-np.maximum(near.edge, 0) / (12 * unit))[:, None]
    on = ground.on_road(spots.reshape(-1, 2)).reshape(spots.shape[:2]).mean(1)
    look = road_looks(ground.stacks, board.config)[ground.pieces[near.piece, 6].astype(int)]
    shown = (look[:, None] == np.array(looks)) & (near.edge < 15 * unit)[:, None]
    return [
        _near(near.edge / unit, 1.5, 5.0, 15.0), _near(front / unit, 0.4, 2.0, 6.0), _near(near.other / unit, 2.0, 8.0),
        waves, on[:, None], shown.astype(float),
    ]  # fmt: skip


def _of_areas(board: Board, points: np.ndarray, spots: np.ndarray) -> list[np.ndarray]:
    """4 columns."""
    ground = board.ground
    deep = ground.in_deep(spots.reshape(-1, 2)).reshape(spots.shape[:2])
    if len(ground.areas):
        within = np.abs((points[:, None] - ground.areas[:, :2]) / ground.areas[:, 2:])
        nearest = np.hypot(within[..., 0], within[..., 1]).min(1)
    else:
        nearest = np.full(len(points), 9.0)
    return [np.tanh(nearest)[:, None], (nearest < 1)[:, None], deep[:, 4:5], deep.mean(1)[:, None]]


def _of_things(board: Board, boxes: np.ndarray, label: int) -> tuple[list[np.ndarray], np.ndarray]:
    """7 × (3 + counts) columns of who is how near, and 12 of how one stands to the nearest that is large."""
    unit, count = board.ground.unit, len(boxes)
    chosen = np.flatnonzero(board.in_the_way)
    nothing = len(board.config.classes) + len(board.config.kinds)
    if not len(chosen):
        rows = np.tile([1.0, 1.0, 1.0, *[0.0] * len(CROWDS)], (count, 7))
        return [rows, np.zeros((count, 12))], np.full(count, nothing)
    labels, groups = board.labels[chosen], board.groups[chosen]
    label_cores = board.solid(boxes, np.full(count, label))
    apart = separation(label_cores, board.cores[chosen]) / unit
    columns = []
    same = labels == label
    for member in (*(groups == GROUPS.index(name) for name in AROUND), same):
        nearest = apart[:, member].min(1, initial=FAR)
        crowds = [np.log1p((apart[:, member] < reach).sum(1)) for reach in CROWDS]
        columns += [_near(nearest, 0.5, 3.0, 10.0), np.stack(crowds, 1)]
    whole = board.boxes[chosen]
    large = groups < GROUPS.index("large")
    columns.append(_to_nearest(boxes, whole, np.where(large, apart, FAR), unit))
    columns.append(_to_nearest(boxes, whole, np.where(same, apart, FAR), unit))
    beside = np.where(groups < GROUPS.index("small"), apart, FAR)
    nearest_label = labels[beside.argmin(1)]
    return columns, np.where(beside.min(1) < 6.0, nearest_label, nothing)


def _to_nearest(boxes: np.ndarray, others: np.ndarray, apart: np.ndarray, unit: float) -> np.ndarray:
    """6 columns: how the nearest is turned, and how well in line one stands with it."""
    nearest = apart.argmin(1)
    gone = apart.min(1) > 14
    other = others[nearest]
    turn = boxes[:, 2] - other[:, 2]
    east, north = (boxes[:, 0] - other[:, 0]) / unit, (boxes[:, 1] - other[:, 1]) / unit
    cos, sin = np.cos(other[:, 2]), np.sin(other[:, 2])
    ahead, left = east * cos + north * sin, north * cos - east * sin
    out_of_line = np.minimum(np.abs(ahead), np.abs(left))
    fronts = np.abs(left - (boxes[:, 4] - other[:, 4]) / unit)
    found = [np.cos(4 * turn), np.cos(turn), np.tanh(out_of_line / 0.4), np.tanh(out_of_line / 3), np.tanh(fronts / 0.3),
             np.tanh(np.abs(left) / (np.abs(ahead) + 0.1))]  # fmt: skip
    return np.where(gone[:, None], 0.0, np.stack(found, 1))


def _of_spawn(board: Board, points: np.ndarray, headings: np.ndarray) -> list[np.ndarray]:
    """6 columns."""
    if board.spawn is None:
        return [np.zeros((len(points), 6))]
    unit = board.ground.unit
    x, y, yaw = board.spawn
    east, north = (points[:, 0] - x) / unit, (points[:, 1] - y) / unit
    ahead, left = east * np.cos(yaw) + north * np.sin(yaw), north * np.cos(yaw) - east * np.sin(yaw)
    distance = np.hypot(east, north)
    seen = (ahead > 0) & (ahead < VIEW) & (np.abs(left) < VIEW_SIDE)
    told = [np.ones(len(points)), np.tanh(distance / 3), np.tanh(distance / 12), ahead / np.maximum(distance, 1), seen]
    return [np.stack([*told, np.cos(headings - yaw)], 1)]


def _of_heights(board: Board, points: np.ndarray) -> np.ndarray:
    """2 columns: how high the ground is here, from its lowest (0) to its highest (1), and that there are hills at all."""
    heights = board.ground.place.heights
    span = float(np.ptp(heights))
    if span < 1e-3:
        return np.zeros((len(points), 2))
    here = (heights_at(heights, board.ground.half, points) - heights.min()) / span
    return np.stack([here, np.ones(len(points))], 1)
