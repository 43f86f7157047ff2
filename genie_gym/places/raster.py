"""Roads, squares and marks drawn into a map of materials.

A texel holds two materials and how much the upper one covers of it, so that edges are smooth between texels. Rows of a map
go north, columns east, over a square of `half` metres to each side.

Legend: R texels along a side, n points of a line.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np
from jaxtyping import Float, UInt8

from genie_gym.places.kernels import kernel

FULL = 255  # covers all of a texel


class Canvas:
    """A map while it is drawn: `under`, `over` and `cover` are uint8 [R, R]."""

    def __init__(self, side: int, half: float, material: int):
        self.half = half
        self.under: UInt8[np.ndarray, "R R"] = np.full((side, side), material, np.uint8)
        self.over = self.under.copy()
        self.cover = np.zeros_like(self.under)
        self._mask = np.zeros((side, side), np.float32)

    def line(self, points: Float[np.ndarray, "n 2"], width: float, soft: float, material: int) -> None:
        """A strip along a line, with round ends and corners; its edges fade over `soft` metres."""
        points = np.ascontiguousarray(points, np.float32)
        _lines(self._mask, points, self.half, width / 2, self._ramp(soft))
        self._lay(points.min(0) - width / 2 - soft, points.max(0) + width / 2 + soft, material)

    def dashes(
        self, points: Float[np.ndarray, "n 2"], width: float, length: float, period: float, start: float, material: int
    ) -> None:
        """Straight pieces along a line."""
        points = np.asarray(points, np.float64)
        along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
        for begin in np.arange(start, along[-1], period)[:10_000]:
            ends = np.array([begin, min(begin + length, along[-1])])
            a, b = np.stack([np.interp(ends, along, points[:, k]) for k in (0, 1)], 1)
            half = np.array([np.hypot(*(b - a)) / 2, width / 2])
            turn = float(np.arctan2(b[1] - a[1], b[0] - a[0]))
            self.area((a + b) / 2, half, material, turn=turn)

    def area(
        self, middle: Float[np.ndarray, " 2"], half: Float[np.ndarray, " 2"], material: int, round: bool = False,
        turn: float = 0.0,
    ) -> None:  # fmt: skip
        """A rectangle or an ellipse, turned by `turn` radians."""
        reach = np.full(2, float(np.hypot(*half))) if turn else np.asarray(half, np.float64)
        low, high = np.asarray(middle) - reach, np.asarray(middle) + reach
        place = tuple(float(value) for value in (*middle, *half, np.cos(turn), np.sin(turn)))
        _area(self._mask, place, self.half, round, self._ramp(0.0), *self._window(low, high))
        self._lay(low, high, material)

    def _ramp(self, soft: float) -> float:
        return max(soft, 2 * self.half / len(self.under))

    def _window(self, low: np.ndarray, high: np.ndarray) -> tuple[int, int, int, int]:
        """The rows and columns from `low` to `high` (x, y), and a little around."""
        scale, side = len(self.under) / (2 * self.half), len(self.under)
        west, south = (int(np.clip(np.floor((c + self.half) * scale) - 2, 0, side)) for c in low)
        east, north = (int(np.clip(np.ceil((c + self.half) * scale) + 2, 0, side)) for c in high)
        return south, north, west, east

    def _lay(self, low: np.ndarray, high: np.ndarray, material: int) -> None:
        _lay(self.under, self.over, self.cover, self._mask, np.uint8(material), *self._window(low, high))


@kernel
@no_type_check
def _lines(mask, points, half, reach, ramp):
    """How much a strip covers of each texel, at least as much as `mask` says."""
    side = mask.shape[0]
    texel = 2 * half / side
    for k in range(len(points) - 1):
        ax, ay, bx, by = points[k, 0], points[k, 1], points[k + 1, 0], points[k + 1, 1]
        far = reach + ramp
        west = max(0, int((min(ax, bx) - far + half) / texel))
        east = min(side, int((max(ax, bx) + far + half) / texel) + 2)
        south = max(0, int((min(ay, by) - far + half) / texel))
        north = min(side, int((max(ay, by) + far + half) / texel) + 2)
        dx, dy = bx - ax, by - ay
        length = max(dx * dx + dy * dy, 1e-9)
        for row in range(south, north):
            y = (row + 0.5) * texel - half - ay
            for column in range(west, east):
                x = (column + 0.5) * texel - half - ax
                t = min(max((x * dx + y * dy) / length, 0.0), 1.0)
                away = np.sqrt((x - t * dx) ** 2 + (y - t * dy) ** 2)
                covered = min(max((reach - away) / ramp + 0.5, 0.0), 1.0)
                if covered > mask[row, column]:
                    mask[row, column] = covered


@kernel
@no_type_check
def _area(mask, place, half, round, ramp, south, north, west, east):
    """The same of a rectangle or ellipse."""
    middle_x, middle_y, half_x, half_y, cos, sin = place
    texel = 2 * half / mask.shape[0]
    for row in range(south, north):
        for column in range(west, east):
            x, y = (column + 0.5) * texel - half - middle_x, (row + 0.5) * texel - half - middle_y
            u, v = abs(cos * x + sin * y), abs(cos * y - sin * x)
            if round:
                share = np.sqrt((u / half_x) ** 2 + (v / half_y) ** 2)
                inside = (1 - share) * min(half_x, half_y)
            else:
                inside = min(half_x - u, half_y - v)
            mask[row, column] = min(max(inside / ramp + 0.5, 0.0), 1.0)


@kernel
@no_type_check
def _lay(under, over, cover, mask, material, south, north, west, east):
    """Lays a material where `mask` says, over what is there, and clears the mask."""
    for row in range(south, north):
        for column in range(west, east):
            share = mask[row, column]
            mask[row, column] = 0
            if share <= 0.002:
                continue
            held = cover[row, column] / 255.0
            if share >= 0.998:
                under[row, column], over[row, column], cover[row, column] = material, material, 0
            elif over[row, column] == material and held > 0:
                cover[row, column] = np.uint8(255 * (1 - (1 - held) * (1 - share)) + 0.5)
            elif under[row, column] == material:
                cover[row, column] = np.uint8(255 * held * (1 - share) + 0.5)
            else:
                if held > 0.5:
                    under[row, column] = over[row, column]
                over[row, column], cover[row, column] = material, np.uint8(255 * share + 0.5)
