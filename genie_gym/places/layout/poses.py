"""Poses that a thing could have, after recorded ones of its class: at a road, in a row, beside something, in an area, where
one stood, or anywhere. Which of them is taken, a network says.

Legend: K poses, R records.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from genie_gym.places.layout.board import Board
from genie_gym.places.layout.boxes import reach_along, wrap
from genie_gym.places.layout.config import LayoutConfig
from genie_gym.places.layout.records import AT, road_looks

WAYS = ("road", "row", "beside", "area", "where", "anywhere")
OFTEN = (3.0, 4.0, 2.0, 1.0, 1.5, 2.0)  # how often each way is tried where it can be
FEW_SIZES = 12  # of a class that are taken as they are; of more, sizes between them are made
MISS = 0.03  # halves of the square: how far from where one stood


class Records:
    """Recorded ones, by class and scene. Those of other scenes stand in where a scene has none."""

    def __init__(self, records: Float[np.ndarray, "R 26"], config: LayoutConfig):
        self.config = config
        self._of: dict[tuple[int, int], np.ndarray] = {}
        for label in range(len(config.classes)):
            rows = records[records[:, 1] == label]
            for scene in range(len(config.scenes)):
                own = rows[rows[:, 0] == scene]
                self._of[scene, label] = own if len(own) else rows
        self._many = {
            key: len(np.unique(np.round(rows[:, AT["wide"] : AT["lift"]], 1), axis=0)) > FEW_SIZES
            for key, rows in self._of.items()
        }

    def draw(self, scene: int, label: int, count: int, rng: np.random.Generator) -> Float[np.ndarray, "K 26"]:
        """Random ones, whose sizes lie between those of two where there are many."""
        rows = self._of[scene, label]
        drawn = rows[rng.integers(len(rows), size=count)].astype(float)
        if self._many[scene, label]:
            others = rows[rng.integers(len(rows), size=count)]
            share = np.where(others[:, AT["kind"]] == drawn[:, AT["kind"]], rng.uniform(0, 0.5, count), 0)[:, None]
            sizes = slice(AT["wide"], AT["lift"])
            drawn[:, sizes] += share * (others[:, sizes] - drawn[:, sizes])
        return drawn


def propose(
    records: Records, board: Board, scene: int, label: int, count: int, rng: np.random.Generator
) -> Float[np.ndarray, "K 26"]:
    """Poses for a thing of a class: records whose x, y are metres, and whose headings fit this place."""
    ground, half = board.ground, board.ground.half
    poses = records.draw(scene, label, count, rng)
    same = np.flatnonzero(board.labels == label)
    can = np.ones((count, len(WAYS)), bool)
    can[:, 0] = (poses[:, AT["road"]] >= 0) & (len(ground.pieces) > 0)
    can[:, 1] = can[:, 0] & (poses[:, AT["next"]] >= 0) & (len(same) > 0)
    can[:, 2] = np.isin(poses[:, AT["beside"]], board.labels)
    known = {name: number for number, name in enumerate(records.config.materials)}
    materials = np.array([known.get(area.material, -2) for area in ground.place.areas])
    can[:, 3] = np.isin(poses[:, AT["area"]], materials)
    chances = np.cumsum(can * np.array(OFTEN), 1)
    way = (rng.random((count, 1)) * chances[:, -1:] >= chances).sum(1)
    where = poses[:, AT["x"] : AT["y"] + 1] * half
    west, south, east, north = ground.land
    stood, anywhere = way == WAYS.index("where"), way == WAYS.index("anywhere")
    where[stood] += rng.normal(0, MISS * half, (int(stood.sum()), 2))
    where[anywhere] = rng.uniform((west, south), (east, north), (int(anywhere.sum()), 2))
    poses[:, AT["x"] : AT["y"] + 1] = where
    _at_roads(poses, np.flatnonzero(way == WAYS.index("road")), board, records.config, rng)
    _in_rows(poses, np.flatnonzero(way == WAYS.index("row")), board, same, rng)
    _beside(poses, np.flatnonzero(way == WAYS.index("beside")), board, rng)
    for index in np.flatnonzero(way == WAYS.index("area")):
        fitting = np.flatnonzero(materials == poses[index, AT["area"]])
        x, y, wide, deep = ground.areas[fitting[rng.integers(len(fitting))]]
        poses[index, AT["x"]] = x + poses[index, AT["area_x"]] * wide
        poses[index, AT["y"]] = y + poses[index, AT["area_y"]] * deep
    return poses


def _at_roads(poses: np.ndarray, chosen: np.ndarray, board: Board, config: LayoutConfig, rng: np.random.Generator) -> None:
    """Anywhere along roads of the recorded look, or of any where there are none; as far from the edge as recorded."""
    pieces = board.ground.pieces
    if not len(chosen):
        return
    looks = road_looks(board.ground.stacks, config)[pieces[:, 6].astype(int)]
    for look in np.unique(poses[chosen, AT["road"]]):
        rows = chosen[poses[chosen, AT["road"]] == look]
        fitting = np.flatnonzero(looks == look) if (looks == look).any() else np.arange(len(pieces))
        share = np.cumsum(pieces[fitting, 4]) / pieces[fitting, 4].sum()
        piece = pieces[fitting[np.minimum(np.searchsorted(share, rng.random(len(rows))), len(fitting) - 1)]]
        side = np.where(rng.random(len(rows)) < 0.5, 1.0, -1.0)
        _stand(poses, rows, piece, rng.random(len(rows)) * piece[:, 4], side)


def _in_rows(poses: np.ndarray, chosen: np.ndarray, board: Board, same: np.ndarray, rng: np.random.Generator) -> None:
    """Next to one of the class that stands at a road, on either side, with a recorded gap."""
    if not len(chosen):
        return
    near = board.ground.near(board.boxes[same, :2])
    pick = rng.integers(len(same), size=len(chosen))
    piece = board.ground.pieces[near.piece[pick]]
    left = np.arctan2(piece[:, 3], piece[:, 2]) + np.pi / 2
    side = np.where(np.cos(near.outwards[pick] - left) > 0, 1.0, -1.0)
    ahead = np.where(rng.random(len(chosen)) < 0.5, 1.0, -1.0)
    reach = reach_along(board.boxes[same[pick]], near.outwards[pick] + np.pi / 2)
    wide, deep, turn = (poses[chosen, AT[name]] for name in ("wide", "deep", "turn"))
    own = np.abs(np.sin(turn)) * wide / 2 + np.abs(np.cos(turn)) * deep / 2
    _stand(poses, chosen, piece, near.along[pick] + ahead * (reach + own + poses[chosen, AT["next"]]), side)


def _stand(poses: np.ndarray, rows: np.ndarray, piece: np.ndarray, along: np.ndarray, side: np.ndarray) -> None:
    """Puts poses at pieces of roads, so far along, on their left (1) or right (-1)."""
    outwards = np.arctan2(piece[:, 3], piece[:, 2]) + side * np.pi / 2
    wide, deep, turn = (poses[rows, AT[name]] for name in ("wide", "deep", "turn"))
    reach = np.abs(np.cos(turn)) * wide / 2 + np.abs(np.sin(turn)) * deep / 2
    # What stands on the road is told from its nearer edge, and so never from beyond the middle.
    out = np.maximum(piece[:, 5] + poses[rows, AT["gap"]] + reach, 0)
    poses[rows, AT["x"]] = piece[:, 0] + piece[:, 2] * along + np.cos(outwards) * out
    poses[rows, AT["y"]] = piece[:, 1] + piece[:, 3] * along + np.sin(outwards) * out
    poses[rows, AT["yaw"]] = wrap(outwards + turn)


def _beside(poses: np.ndarray, chosen: np.ndarray, board: Board, rng: np.random.Generator) -> None:
    """Where a recorded one stood from a thing of the class that was beside it."""
    noise = 0.1 * board.ground.unit
    for beside in np.unique(poses[chosen, AT["beside"]]):
        rows = chosen[poses[chosen, AT["beside"]] == beside]
        there = np.flatnonzero(board.labels == beside)
        other = board.boxes[there[rng.integers(len(there), size=len(rows))]]
        cos, sin = np.cos(other[:, 2]), np.sin(other[:, 2])
        ahead, left = poses[rows, AT["beside_x"]], poses[rows, AT["beside_y"]]
        poses[rows, AT["x"]] = other[:, 0] + ahead * cos - left * sin + rng.normal(0, noise, len(rows))
        poses[rows, AT["y"]] = other[:, 1] + ahead * sin + left * cos + rng.normal(0, noise, len(rows))
        poses[rows, AT["yaw"]] = wrap(other[:, 2] + poses[rows, AT["beside_turn"]])
