"""A place as a value: things in boxes on a ground with heights, roads, squares and water. Recordings say what stands where
in their episodes by it, layouts are drawn as such, and users give and are given one, as JSON.

Metres, x east, y north, z up, the middle of the square at 0, 0. Headings in radians, counter-clockwise from east.

Legend: T things, G points of the heights' grid along a side, n points.
"""

from __future__ import annotations

import dataclasses
import json
import math
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from genie_gym.errors import GenieGymError

MAX_THINGS, MAX_ROADS, MAX_AREAS, MAX_WATERS, MAX_POINTS = 1024, 256, 256, 16, 64
MAX_GRID = 257  # points of the heights along a side
MAX_NAME = 60  # characters
FARTHEST, LARGEST = 1000.0, 600.0  # metres: of a centre from the middle along an axis, of a box along one
MAX_BYTES = 4 << 20  # of JSON

Vector = tuple[float, float, float]
Point = tuple[float, float]


@dataclass(frozen=True)
class Thing:
    """One thing: a box with a class.

    Args:
        name: its class, for example "tree". kind: a finer name where there is one ("wall" of what stands at the edge).
        centre: of its box, (x, y, z). size: of its box before turning, (along x, along y, height). yaw: its heading.
        movable: it can be pushed. behaviour: what a being does ("stand", "wander", "patrol", "follow"); None: it is none.
        tint: what its colours are multiplied with.
        asset: which asset of a library draws it; None leaves it to the place's seed.
        look: things of one number are drawn with assets that look alike, as the pieces of one wall are.
        id: by which instance masks of a recording show it; of a place that is played, its number in the instance masks.
    """

    name: str
    centre: Vector
    size: Vector
    yaw: float = 0.0
    kind: str = ""
    movable: bool = False
    behaviour: str | None = None
    tint: Vector = (1.0, 1.0, 1.0)
    asset: int | None = None
    id: int | None = None
    look: int | None = None

    def __post_init__(self) -> None:
        _check_text("a thing's name", self.name)
        whose = f"the {self.name}'s"
        _check_numbers(f"{whose} centre", self.centre, 3, -FARTHEST, FARTHEST)
        _check_numbers(f"{whose} size", self.size, 3, 1e-3, LARGEST)
        _check_numbers(f"{whose} yaw", (self.yaw,), 1, -1e4, 1e4)
        _check_numbers(f"{whose} tint", self.tint, 3, 0, 4)
        _check_bool(f"whether {self.name} is movable", self.movable)
        for what in (self.kind, self.behaviour):
            if what is not None and (not isinstance(what, str) or len(what) > MAX_NAME):
                raise GenieGymError(
                    f"{whose} kind and behaviour are texts of at most {MAX_NAME} characters; got {what!r:.80}."
                )
        for number in (self.asset, self.id, self.look):
            if number is not None and (isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 1 << 24):
                raise GenieGymError(f"{whose} asset, id and look are whole numbers of at least 0; got {number!r:.40}.")

    @property
    def base(self) -> float:
        """How high its underside is."""
        return self.centre[2] - self.size[2] / 2


@dataclass(frozen=True)
class Marks:
    """Dashes in the middle of a road: a material in pieces of `length` metres, the first of which begins `start` metres from
    the road's beginning and each later one `period` metres farther on."""

    material: str
    width: float
    length: float
    period: float
    start: float = 0.0

    def __post_init__(self) -> None:
        _check_text("a material's name", self.material)
        for what in ("width", "length", "period"):
            _check_numbers(f"the marks' {what}", (getattr(self, what),), 1, 1e-2, LARGEST)
        _check_numbers("the marks' start", (self.start,), 1, 0, LARGEST)


@dataclass(frozen=True)
class Road:
    """A strip of a material, `width` metres wide, along a line of points; `soft` is how many metres its edges fade over."""

    points: tuple[Point, ...]
    width: float
    material: str
    soft: float = 0.0
    marks: Marks | None = None

    def __post_init__(self) -> None:
        _check_text("a material's name", self.material)
        if not isinstance(self.points, list | tuple) or not 2 <= len(self.points) <= MAX_POINTS:
            raise GenieGymError(f"a road is a line of 2 to {MAX_POINTS} points; got {self.points!r:.80}.")
        for point in self.points:
            _check_numbers("each of a road's points", point, 2, -FARTHEST, FARTHEST)
        _check_numbers("a road's width", (self.width,), 1, 1e-2, LARGEST)
        _check_numbers("a road's softness", (self.soft,), 1, 0, 10)


@dataclass(frozen=True)
class Area:
    """A rectangle (along the axes) or ellipse of a material: a square, a field, a floor. `half` are its half extents."""

    material: str
    x: float
    y: float
    half: Point
    round: bool = False

    def __post_init__(self) -> None:
        _check_text("a material's name", self.material)
        _check_numbers("an area's middle", (self.x, self.y), 2, -FARTHEST, FARTHEST)
        _check_numbers("an area's half extents", self.half, 2, 1e-2, LARGEST)
        _check_bool("whether an area is round", self.round)


@dataclass(frozen=True)
class Water:
    """Water up to `level` metres, within `west`, `south`, `east`, `north`; `look` is the material that shows. Where it is
    `shallow` one wades through it, elsewhere it stops who walks."""

    level: float
    bounds: tuple[float, float, float, float]
    look: str = "water"
    shallow: bool = False

    def __post_init__(self) -> None:
        _check_text("a material's name", self.look)
        _check_numbers("a water's level", (self.level,), 1, -FARTHEST, FARTHEST)
        _check_numbers("a water's bounds", self.bounds, 4, -FARTHEST, FARTHEST)
        _check_bool("whether a water is shallow", self.shallow)


@dataclass(frozen=True, eq=False)
class Place:
    """A square of ground with all that stands on it and around it.

    Args:
        half: half the square's side; one walks within it.
        base: the ground's material where no area or road lies on it. Areas come over it, roads over these, in their order.
        beyond: the material of the ground outside the square.
        heights: float [G, G], of the ground, at points from edge to edge (rows go north, columns east); flat where it is
            [1, 1].
        roof: (west, south, east, north) of what is under a roof: no rain or snow falls there.
        spawn: x, y and heading of who enters.
        scene: what kind of place it is, by name; "" where nobody said.
    """

    half: float = 32.0
    base: str = "ground"
    beyond: str = "ground"
    heights: Float[np.ndarray, "G G"] = field(default_factory=lambda: np.zeros((1, 1), np.float32))
    roads: tuple[Road, ...] = ()
    areas: tuple[Area, ...] = ()
    waters: tuple[Water, ...] = ()
    things: tuple[Thing, ...] = ()
    roof: tuple[float, float, float, float] | None = None
    spawn: Vector = (0.0, 0.0, 0.0)
    scene: str = ""

    def __post_init__(self) -> None:
        for name in (self.base, self.beyond):
            _check_text("a material's name", name)
        if not isinstance(self.scene, str) or len(self.scene) > MAX_NAME:
            raise GenieGymError(f"a place's scene is a text of at most {MAX_NAME} characters; got {self.scene!r:.80}.")
        _check_numbers("half a place's side", (self.half,), 1, 1, FARTHEST)
        _check_numbers("where one enters", self.spawn, 3, -FARTHEST, FARTHEST)
        if self.roof is not None:
            _check_numbers("a place's roof", self.roof, 4, -FARTHEST, FARTHEST)
        parts = (Thing, MAX_THINGS), (Road, MAX_ROADS), (Area, MAX_AREAS), (Water, MAX_WATERS)
        for what, (part, most) in zip(("things", "roads", "areas", "waters"), parts, strict=True):
            given = getattr(self, what)
            if not isinstance(given, list | tuple) or not all(isinstance(one, part) for one in given):
                raise GenieGymError(
                    f"the {what} of a place are a tuple of {part.__name__}s; got {given!r:.80} (from_dict takes dicts)."
                )
            if len(given) > most:
                raise GenieGymError(f"a place has at most {most} {what}; got {len(given):,}.")
        heights = self.heights
        if not isinstance(heights, np.ndarray) or heights.dtype.kind not in "fiu":
            raise GenieGymError(f"a place's heights are an array of numbers, [G, G]; got {heights!r:.80}.")
        square = heights.ndim == 2 and heights.shape[0] == heights.shape[1] and 1 <= len(heights) <= MAX_GRID
        if not square or not np.isfinite(heights).all() or np.abs(heights).max() > FARTHEST:
            raise GenieGymError(
                f"a place's heights are [G, G] finite metres, G from 1 to {MAX_GRID}; got an array of {heights.shape}."
            )

    def replace(self, **changes: Any) -> Place:
        return dataclasses.replace(self, **changes)

    def height(self, x: float, y: float) -> float:
        """Of the ground at a point, bilinear between the points of the grid; outside the square as at its edge."""
        return float(heights_at(self.heights, self.half, np.array([[x, y]]))[0])

    # JSON

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it; what is as by default is left out of things."""
        values: dict[str, Any] = {"half": self.half, "base": self.base, "beyond": self.beyond, "scene": self.scene}
        values |= {"spawn": _rounded(self.spawn), "roof": None if self.roof is None else _rounded(self.roof)}
        values["heights"] = np.round(self.heights.astype(float), 3).tolist()
        for name in ("roads", "areas", "waters", "things"):
            values[name] = [_as_json(one) for one in getattr(self, name)]
        return values

    def to_json(self) -> str:
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str | bytes) -> Place:
        """Raises `GenieGymError` for what is not the JSON of a place."""
        if len(text) > MAX_BYTES:
            raise GenieGymError(f"the JSON of a place has at most {MAX_BYTES >> 20} MB; got {len(text) / (1 << 20):.1f} MB.")
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise GenieGymError(f"not the JSON of a place: {error!s:.200}.") from None
        return cls.from_dict(values)

    @classmethod
    def from_dict(cls, values: Any) -> Place:
        """Of what `to_dict` gave, or a JSON file holds.

        Raises:
            GenieGymError: for what is no place.
        """
        known = [part.name for part in dataclasses.fields(cls)]
        if not isinstance(values, Mapping) or not values.keys() <= set(known):
            raise GenieGymError(f"a place is a JSON object of {', '.join(known)}; got {reprlib.repr(values):.80}.")
        made = dict(values)
        parts = {"roads": Road, "areas": Area, "waters": Water, "things": Thing}
        for name in parts:
            rows = made.get(name, ())
            if not isinstance(rows, list | tuple) or len(rows) > 100_000:
                raise GenieGymError(f"the {name} of a place are a list; got {rows!r:.80}.")
            if name == "things" and len(rows) > MAX_THINGS:
                raise GenieGymError(f"a place has at most {MAX_THINGS} things; got {len(rows):,}.")
            made[name] = rows
        try:
            for name, part in parts.items():
                made[name] = tuple(_made(part, name, row) for row in made[name])
            made["heights"] = np.asarray(made.get("heights", [[0.0]]), np.float32)
            for name in ("spawn", "roof"):
                if name in made:
                    made[name] = _tuples(made[name])
            return cls(**made)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:  # too large an integer, lists in lists
            if isinstance(error, GenieGymError):
                raise
            raise GenieGymError(f"this JSON is not a place: {error!s:.200}.") from None


def heights_at(heights: Float[np.ndarray, "G G"], half: float, points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, " n"]:
    """The ground's height at points (x, y), bilinear; outside the square as at its edge."""
    last = len(heights) - 1
    if last == 0:
        return np.full(len(points), float(heights[0, 0]))
    at = np.clip((np.asarray(points, float) + half) * (last / (2 * half)), 0, last)
    low = np.minimum(at.astype(int), last - 1)
    (east, north), (column, row) = (at - low).T, low.T
    south_side = heights[row, column] * (1 - east) + heights[row, column + 1] * east
    north_side = heights[row + 1, column] * (1 - east) + heights[row + 1, column + 1] * east
    return np.asarray(south_side * (1 - north) + north_side * north)


def _check_text(what: str, text: Any) -> None:
    if not isinstance(text, str) or not text or len(text) > MAX_NAME:
        raise GenieGymError(f"{what} is a text of 1 to {MAX_NAME} characters; got {text!r:.80}.")


def _check_numbers(what: str, values: Any, count: int, low: float, high: float) -> None:
    """Raises `GenieGymError` for what is not `count` finite numbers in a range."""
    numbers = isinstance(values, list | tuple) and len(values) == count
    if not numbers or not all(_is_number(value) and low <= value <= high for value in values):
        many, given = ("a number", values[0]) if count == 1 else (f"{count} numbers", values)
        raise GenieGymError(f"{what} is {many} from {low:g} to {high:g}; got {given!r:.80}.")


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, int) or math.isfinite(value)  # integers may be too large for a float


def _check_bool(what: str, value: Any) -> None:
    if not isinstance(value, bool | np.bool_):
        raise GenieGymError(f"{what} is true or false; got {value!r:.80}.")


def _rounded(values: Any) -> list[float]:
    return [round(float(value), 4) for value in values]


def _as_json(part: Any) -> dict[str, Any]:
    """A part of a place without what is as by default, numbers to a tenth of a millimetre."""
    values = {}
    for about in dataclasses.fields(part):
        value = getattr(part, about.name)
        if value != about.default:
            values[about.name] = _as_json(value) if dataclasses.is_dataclass(value) else _plain(value)
    return values


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _made(part: Any, name: str, row: Any) -> Any:
    """A part of a place out of JSON, whose lists are tuples here."""
    if not isinstance(row, Mapping):
        raise GenieGymError(f"each of the {name} of a place is a JSON object; got {row!r:.80}.")
    values = {key: _tuples(value) for key, value in row.items()}
    if name == "roads" and values.get("marks") is not None:
        values["marks"] = _made(Marks, "marks", row["marks"])
    try:
        return part(**values)
    except TypeError as error:
        if isinstance(error, GenieGymError):
            raise
        known = ", ".join(about.name for about in dataclasses.fields(part))
        raise GenieGymError(
            f"one of the {name} of a place has what none has, or lacks what all have ({known}): {row!r:.80}."
        ) from None


def _tuples(value: Any) -> Any:
    return tuple(_tuples(one) for one in value) if isinstance(value, list) else value
