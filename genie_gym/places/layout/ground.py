"""The ground of a place as arrays: which road is near, which material lies where, where the land ends.

Legend: K points, S straight pieces of roads, M materials.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int

from genie_gym.places.place import Place, Road

FULL = 32.0  # metres: half a square on which a unit of length is one metre
FAR = 1e3  # metres, to what there is not


@dataclass(frozen=True, eq=False)
class Near:
    """Of each point [K]: which piece of road is nearest, how far its edge is (below 0 on the road), the heading straight
    away from the road on the point's side, how far along the piece it is; and how far the edge of the nearest other road
    is."""

    piece: Int[np.ndarray, " K"]
    edge: Float[np.ndarray, " K"]
    outwards: Float[np.ndarray, " K"]
    along: Float[np.ndarray, " K"]
    other: Float[np.ndarray, " K"]


class Ground:
    """Roads, areas and water of a place. Roads along the same line, one painted over the other, count as one: the widest.

    `pieces` [S, 7] are x, y of a piece's beginning, its direction, its length, half the road's width and the road's number;
    `roads` the widest ones; `unit` how many metres count as one.
    """

    def __init__(self, place: Place, materials: Sequence[str]):
        self.place, self.half = place, float(place.half)
        self.unit = self.half / FULL
        self.stacks = stacked(place.roads)
        self.roads = [max(stack, key=lambda road: road.width) for stack in self.stacks]
        rows = [_pieces(road, number) for number, road in enumerate(self.roads)]
        self.pieces = np.concatenate(rows) if rows else np.zeros((0, 7))
        self._strips = (
            np.concatenate([_pieces(road, k) for k, road in enumerate(place.roads)]) if place.roads else self.pieces
        )
        known = {name: number for number, name in enumerate(materials)}
        self._base = known.get(place.base, 0)
        self._area = [(a.x, a.y, *a.half, a.round, known.get(a.material, 0)) for a in place.areas]
        self._road = np.array([known.get(road.material, 0) for road in place.roads], int)
        self.areas = np.array([row[:4] for row in self._area]).reshape(-1, 4)
        self.deep = np.array([water.bounds for water in place.waters if not water.shallow]).reshape(-1, 4)
        self.land = self._land()

    def _land(self) -> tuple[float, float, float, float]:
        """West, south, east, north of the square without deep water that takes a whole side of it."""
        west, south, east, north = -self.half, -self.half, self.half, self.half
        for w, s, e, n in self.deep:
            wide, tall = w <= west and e >= east, s <= south and n >= north
            if wide and s <= south < n < north:
                south = float(n)
            elif wide and south < s < north <= n:
                north = float(s)
            elif tall and w <= west < e < east:
                west = float(e)
            elif tall and west < w < east <= e:
                east = float(w)
        return west, south, east, north

    def near(self, points: Float[np.ndarray, "K 2"]) -> Near:
        count = len(points)
        if not len(self.pieces):
            far, none = np.full(count, FAR), np.zeros(count)
            return Near(np.full(count, -1), far, none, none, far)
        side, edge, along = _to_pieces(points, self.pieces)
        piece = edge.argmin(1)
        rows = np.arange(count)
        nearest = edge[rows, piece]
        apart = np.where(self.pieces[:, 6] == self.pieces[piece, 6][:, None], FAR, edge)
        dx, dy = self.pieces[piece, 2:4].T * np.where(side[rows, piece] < 0, -1.0, 1.0)
        outwards = np.arctan2(dx, -dy)
        return Near(piece, nearest, outwards, along[rows, piece], apart.min(1))

    def on_road(self, points: Float[np.ndarray, "K 2"]) -> Bool[np.ndarray, " K"]:
        if not len(self.pieces):
            return np.zeros(len(points), bool)
        return np.asarray((_to_pieces(points, self.pieces)[1] < 0).any(1))

    def material(self, points: Float[np.ndarray, "K 2"]) -> Int[np.ndarray, " K"]:
        """The number of the material that shows at each point: roads over areas over the base, later ones over earlier."""
        out = np.full(len(points), self._base)
        for x, y, wide, deep, is_round, material in self._area:
            east, north = (points[:, 0] - x) / wide, (points[:, 1] - y) / deep
            covered = east**2 + north**2 <= 1 if is_round else (np.abs(east) <= 1) & (np.abs(north) <= 1)
            out[covered] = material
        if len(self._strips):
            on = _to_pieces(points, self._strips)[1] < 0
            last = on.shape[1] - 1 - on[:, ::-1].argmax(1)
            shown = on.any(1)
            out[shown] = self._road[self._strips[last[shown], 6].astype(int)]
        return out

    def in_deep(self, points: Float[np.ndarray, "K 2"], margin: float = 0.0) -> Bool[np.ndarray, " K"]:
        """Which points lie in water that one cannot wade through, or within a margin of it."""
        out = np.zeros(len(points), bool)
        for west, south, east, north in self.deep:
            x_in = (points[:, 0] > west - margin) & (points[:, 0] < east + margin)
            out |= x_in & (points[:, 1] > south - margin) & (points[:, 1] < north + margin)
        return out

    def to_edge(self, points: Float[np.ndarray, "K 2"]) -> Float[np.ndarray, " K"]:
        """How far the land's edge is, below 0 outside."""
        west, south, east, north = self.land
        x_apart = np.minimum(points[:, 0] - west, east - points[:, 0])
        return np.asarray(np.minimum(x_apart, np.minimum(points[:, 1] - south, north - points[:, 1])))


def stacked(roads: Sequence[Road]) -> list[list[Road]]:
    """Roads by the line that they follow: those painted over one another together, in their order."""
    lines: dict[tuple[tuple[float, float], ...], list[Road]] = {}
    for road in roads:
        lines.setdefault(tuple((round(x, 2), round(y, 2)) for x, y in road.points), []).append(road)
    return list(lines.values())


def _pieces(road: Road, number: int) -> Float[np.ndarray, "S 7"]:
    rows = []
    for (x0, y0), (x1, y1) in pairwise(road.points):
        length = max(float(np.hypot(x1 - x0, y1 - y0)), 1e-6)
        rows.append((x0, y0, (x1 - x0) / length, (y1 - y0) / length, length, road.width / 2, number))
    return np.array(rows)


def _to_pieces(points: Float[np.ndarray, "K 2"], pieces: Float[np.ndarray, "S 7"]) -> tuple[np.ndarray, ...]:
    """How far to the left of each piece each point lies, how far its edge is, and how far along it that is, [K, S] each."""
    x, y, dx, dy, length, half = pieces[:, :6].T
    east, north = points[:, :1] - x, points[:, 1:2] - y
    left, ahead = north * dx - east * dy, east * dx + north * dy
    along = np.clip(ahead, 0, length)
    return left, np.hypot(left, ahead - along) - half, along
