"""Where things stand that were asked for: at a point, on a side of the spawn, beside a landmark, or near.

Legend: K poses or points, P points.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float

from genie_gym.places.layout.board import Board
from genie_gym.places.layout.records import AT
from genie_gym.text.spec import Position

TURNS = {"ahead": 0.0, "left": np.pi / 2, "behind": np.pi, "right": -np.pi / 2}
AHEAD, BESIDE = 4.0, 0.4  # units between the spawn, or a landmark's edge, and the thing's
NEAR, FAR = 4.0, 16.0  # units from the spawn, of what may stand anywhere
RINGS, SPACING = 48, 0.6  # around a point that is taken; units between tries
PASSAGE, MARGIN = 1.1, 0.12  # units that are left around, so that one comes past; and where that is too much
NEARBY = 600  # points, the nearest ones, at which room to come past is looked for
TRIES = 64

Allowed = Callable[[Float[np.ndarray, "K 26"]], Bool[np.ndarray, " K"]]


def stand(
    board: Board, pose: Float[np.ndarray, " 26"], position: Position, allowed: Allowed, rng: np.random.Generator
) -> Float[np.ndarray, " 26"] | None:
    """A pose where a position says, or as near as there is room; None where there is none at all. `allowed` says where else
    than on other things it may stand."""
    unit = board.ground.unit
    assert board.spawn is not None
    radius = float(np.hypot(pose[AT["wide"]], pose[AT["deep"]])) / 2
    if position is None:
        angle, distance = rng.uniform(0, 2 * np.pi, TRIES), rng.uniform(NEAR, FAR, TRIES) * unit
        points = np.stack([np.cos(angle), np.sin(angle)], 1) * distance[:, None] + board.spawn[:2]
        found = _first(board, pose, points, allowed, PASSAGE)
        if found is not None:
            return found
    points = _rings(_point(board, position, radius, rng), unit, rng)
    found = _first(board, pose, points[:NEARBY], allowed, PASSAGE)
    return _first(board, pose, points, allowed, MARGIN) if found is None else found


def _point(board: Board, position: Position, radius: float, rng: np.random.Generator) -> np.ndarray:
    unit, (x, y, yaw) = board.ground.unit, board.spawn or (0.0, 0.0, 0.0)
    if position is None:
        return np.array([x, y])
    if not isinstance(position, str):
        return np.array(position, float)
    if position == "centre":
        return np.zeros(2)
    if position in TURNS:
        angle, distance = yaw + TURNS[position], AHEAD * unit + radius
        return np.array([x + distance * np.cos(angle), y + distance * np.sin(angle)])
    there = [k for k, label in enumerate(board.labels) if _name(board, int(label)) == position]
    if not there:
        return np.array([x, y])
    box = board.boxes[there[0]]
    angle, distance = rng.uniform(0, 2 * np.pi), max(box[3:]) + radius + BESIDE * unit
    return np.array([box[0] + distance * np.cos(angle), box[1] + distance * np.sin(angle)])


def _name(board: Board, label: int) -> str:
    return board.config.classes[label] if label < len(board.config.classes) else ""


def _rings(middle: np.ndarray, unit: float, rng: np.random.Generator) -> Float[np.ndarray, "K 2"]:
    """Points around one, the nearest first."""
    points = [middle]
    for ring in np.arange(1, RINGS) * SPACING * unit * np.linspace(1, 2, RINGS - 1):
        count = max(6, min(int(2 * np.pi * ring / (1.5 * SPACING * unit)), 48))
        angles = rng.uniform(0, 2 * np.pi) + np.arange(count) * 2 * np.pi / count
        points += list(middle + ring * np.stack([np.cos(angles), np.sin(angles)], 1))
    return np.array(points)


def _first(
    board: Board, pose: Float[np.ndarray, " 26"], points: Float[np.ndarray, "P 2"], allowed: Allowed, margin: float
) -> Float[np.ndarray, " 26"] | None:
    for start in range(0, len(points), TRIES):
        poses = np.tile(pose, (len(points[start : start + TRIES]), 1))
        poses[:, AT["x"] : AT["y"] + 1] = points[start : start + TRIES]
        fits = allowed(poses) & ~board.outside(poses) & ~board.clashes(poses, margin * board.ground.unit, in_view=True)
        if fits.any():
            found: np.ndarray = poses[fits.argmax()]
            return found
    return None
