"""The ground of a place as tokens: water, then roads, then areas, each as its look, its sizes, and points.

A coordinate is one of 129 lines over the square; the first and the last are its edges. Sizes are steps on a logarithmic
scale.

Legend: N tokens.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from genie_gym.places.layout.config import Look
from genie_gym.places.layout.ground import stacked
from genie_gym.places.place import LARGEST as LONGEST
from genie_gym.places.place import Area, Marks, Place, Road, Water

SIZES, SMALLEST, LARGEST = 96, 0.25, 64.0  # steps; units
MOST_POINTS = 12  # of a road
LINES = 129
END = 0
FEW = 12  # recorded widths of a look that are taken as they are, and not as a range


@dataclass
class Plan:
    """Roads, areas and waters of a place."""

    roads: list[Road] = field(default_factory=list)
    areas: list[Area] = field(default_factory=list)
    waters: list[Water] = field(default_factory=list)


class PlanCoder:
    """Tokens: 0 ends; then looks, numbers of points (2 up), sizes, coordinates."""

    def __init__(self, looks: Sequence[Look]):
        self.looks = tuple(looks)
        self.points = 1 + len(self.looks) - 2  # the token of n points is this + n
        self.sizes = 1 + len(self.looks) + MOST_POINTS - 1
        self.lines = self.sizes + SIZES
        self.tokens = self.lines + LINES
        self._road = {tuple(part[0] for part in look.layers): k for k, look in enumerate(self.looks) if look.sort == "road"}
        self._other = {(k.sort, k.layers[0][0], k.round, k.shallow): n for n, k in enumerate(self.looks) if k.sort != "road"}

    def encode(self, place: Place, quarter: int = 0, mirrored: bool = False) -> list[int]:
        """The tokens [N] of a place's ground, perhaps mirrored, turned by quarters. What has a look of its own is left out,
        so are floors under a roof, and bends of roads beyond `MOST_POINTS`."""
        half, out = place.half, list[int]()
        for water in place.waters:
            look = self._other.get(("water", water.look, False, water.shallow))
            if look is not None:
                out += [1 + look, *(self._line(value, half) for value in water.bounds)]
        for stack in stacked(place.roads):
            look = self._road.get(tuple(road.material for road in stack))
            if look is not None:
                points = _turned(np.array(stack[0].points), quarter, mirrored)
                kept = np.linspace(0, len(points) - 1, min(len(points), MOST_POINTS))
                points = points[np.unique(np.round(kept).astype(int))]
                out += [1 + look, self._size(stack[0].width, half), self.points + len(points)]
                out += [self._line(value, half) for value in points.ravel()]
        for area in open_areas(place):
            look = self._other.get(("area", area.material, area.round, False))
            if look is not None:
                wide, deep = area.half[:: -1 if quarter % 2 else 1]
                x, y = _turned(np.array([[area.x, area.y]]), quarter, mirrored)[0]
                out += [1 + look, self._size(wide, half), self._size(deep, half), self._line(x, half), self._line(y, half)]
        return [*out, END]

    def _line(self, value: float, half: float) -> int:
        return self.lines + int(np.clip(round((value / half + 1) * (LINES - 1) / 2), 0, LINES - 1))

    def _size(self, value: float, half: float) -> int:
        step = np.log(value * 32 / half / SMALLEST) / np.log(LARGEST / SMALLEST) * (SIZES - 1)
        return self.sizes + int(np.clip(round(float(step)), 0, SIZES - 1))

    def numbers(self, tokens: Sequence[int]) -> list[int]:
        """Of each token of a ground [N]: its number within its item."""
        out: list[int] = []
        left = 0  # tokens of the item that are still to come
        for token in tokens:
            out.append(out[-1] + 1 if left else 0)
            left += len(self.following(token, out[-1])) - (left > 0)
        return out

    def following(self, token: int, number: int) -> list[tuple[int, int]]:
        """What a token, the `number`-th of its item, says of those that come: from which up to which each may be."""
        if number:
            count = token - self.points
            return [(self.lines, self.tokens)] * (2 * count) if 2 <= count <= MOST_POINTS else []
        if token == END:
            return []
        size, line = (self.sizes, self.lines), (self.lines, self.tokens)
        items = {"water": [line] * 4, "area": [size, size, line, line], "road": [size, (self.points + 2, self.sizes)]}
        return items[self.looks[token - 1].sort]

    def decode(self, tokens: Sequence[int], half: float, rng: np.random.Generator) -> Plan:
        """The ground that tokens tell. Within a place equal tokens are equal metres; which ones within a step is drawn."""
        east, north = (_lines(half, rng) for _ in range(2))
        sizes = _within_steps(SIZES, rng)
        plan, at = Plan(), 0
        while at < len(tokens) and tokens[at] != END:
            look, at = self.looks[tokens[at] - 1], at + 1
            if look.sort == "road":
                width = self._width(look, tokens[at], half, sizes)
                end = at + 2 + 2 * (tokens[at + 1] - self.points)
                numbers = [token - self.lines for token in tokens[at + 2 : end]]
                points = tuple((float(east[x]), float(north[y])) for x, y in zip(numbers[::2], numbers[1::2], strict=True))
                plan.roads += _layered(look, width, points)
                at = end
                continue
            item, at = tokens[at : at + 4], at + 4
            if look.sort == "area":
                plan.areas.append(self._area(look, item, half, sizes, (east, north)))
            else:
                coordinates = [(east, north)[k % 2][token - self.lines] for k, token in enumerate(item)]
                bounds = [_beyond(look.bounds[k], value, half) for k, value in enumerate(coordinates)]
                if bounds[0] < bounds[2] and bounds[1] < bounds[3]:
                    plan.waters.append(Water(look.level, _four(bounds), look.layers[0][0], look.shallow))
        plan.roads = _by_layer(plan.roads)
        return plan

    def _area(
        self, look: Look, item: Sequence[int], half: float, sizes: np.ndarray, lines: tuple[np.ndarray, np.ndarray]
    ) -> Area:
        wide, deep = (min(self._metres(token, half, sizes), LONGEST) for token in item[:2])
        x, y = (float(line[token - self.lines]) for line, token in zip(lines, item[2:], strict=True))
        return Area(look.layers[0][0], x, y, (wide, wide if look.round and item[0] == item[1] else deep), look.round)

    def _metres(self, token: int, half: float, spread: np.ndarray) -> float:
        step = spread[token - self.sizes] / (SIZES - 1)
        return float(SMALLEST * (LARGEST / SMALLEST) ** step * half / 32)

    def _width(self, look: Look, token: int, half: float, spread: np.ndarray) -> float:
        """A recorded one near the token's, where a look has few widths."""
        width = self._metres(token, half, spread)
        if 0 < len(look.widths) <= FEW:
            return min(look.widths, key=lambda known: abs(np.log(known / width)))
        return float(np.clip(width, min(look.widths, default=width), max(look.widths, default=width)))


def mine_looks(places: Sequence[Place]) -> tuple[Look, ...]:
    """What roads, areas and waters look like."""
    stacks: dict[tuple[str, ...], list[list[Road]]] = defaultdict(list)
    areas: Counter[tuple[str, bool]] = Counter()
    waters: dict[tuple[str, bool], list[Water]] = defaultdict(list)
    for place in places:
        for stack in stacked(place.roads):
            stacks[tuple(road.material for road in stack)].append(stack)
        areas.update((area.material, area.round) for area in open_areas(place))
        for water in place.waters:
            waters[water.look, water.shallow].append(water)
    looks = []
    for same in stacks.values():
        wider = np.median([[road.width - stack[0].width for road in stack] for stack in same], 0)
        layers = tuple(
            (road.material, float(more), road.soft, _marks(road.marks)) for road, more in zip(same[0], wider, strict=True)
        )
        widths = sorted({round(stack[0].width, 3) for stack in same})
        if len(widths) > FEW:
            widths = np.quantile(widths, np.linspace(0, 1, FEW + 1)).tolist()
        looks.append(Look("road", layers, tuple(widths)))
    looks += [Look("area", ((material, 0.0, 0.0, None),), round=is_round) for material, is_round in areas]
    for (material, shallow), same_water in waters.items():
        bounds = np.median([water.bounds for water in same_water], 0)
        level = float(np.median([water.level for water in same_water]))
        looks.append(Look("water", ((material, 0.0, 0.0, None),), level=level, shallow=shallow, bounds=_four(bounds)))
    return tuple(looks)


def open_areas(place: Place) -> list[Area]:
    """Those that are no floors under a roof."""
    if place.roof is None:
        return list(place.areas)
    west, south, east, north = place.roof
    return [area for area in place.areas if not (west < area.x < east and south < area.y < north)]


def _marks(marks: Marks | None) -> tuple[str, float, float, float, float] | None:
    return None if marks is None else (marks.material, marks.width, marks.length, marks.period, marks.start)


def _layered(look: Look, width: float, points: tuple[tuple[float, float], ...]) -> list[Road]:
    if len(set(points)) < 2:
        return []
    return [
        Road(points, min(max(width + wider, 0.1), LONGEST), material, soft, None if marks is None else Marks(*marks))
        for material, wider, soft, marks in look.layers
    ]


def _by_layer(roads: list[Road]) -> list[Road]:
    """The lowest layers of all roads first."""
    height: Counter[tuple[tuple[float, float], ...]] = Counter()
    order = []
    for road in roads:
        order.append(height[road.points])
        height[road.points] += 1
    return [roads[k] for k in np.argsort(order, kind="stable")]


def _within_steps(count: int, rng: np.random.Generator) -> np.ndarray:
    """Each of `count` steps, moved within itself."""
    return np.arange(count) + rng.uniform(-0.45, 0.45, count)


def _lines(half: float, rng: np.random.Generator) -> np.ndarray:
    """Metres from the middle to each line, moved within its step; the first and the last stay at the edges."""
    steps = _within_steps(LINES, rng)
    steps[[0, -1]] = 0, LINES - 1
    return (steps - (LINES - 1) / 2) * half * 2 / (LINES - 1)


def _beyond(recorded: float, value: float, half: float) -> float:
    return recorded if abs(recorded) >= half and abs(value) > half * 0.99 else float(value)


def _four(values: Sequence[float] | np.ndarray) -> tuple[float, float, float, float]:
    west, south, east, north = (float(value) for value in values)
    return west, south, east, north


def _turned(points: np.ndarray, quarter: int, mirrored: bool) -> np.ndarray:
    cos, sin = ((1, 0), (0, 1), (-1, 0), (0, -1))[quarter % 4]
    x, y = points[:, 0] * (-1 if mirrored else 1), points[:, 1]
    return np.stack([x * cos - y * sin, x * sin + y * cos], 1)
