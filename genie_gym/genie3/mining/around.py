"""What stands at the edge shows recordings one face. In another place it may stand on the other side: so its other faces are
made like those that were seen.

Legend: s surfels, n sides around.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from genie_gym.genie3.mining.cells import Cloud
from genie_gym.genie3.mining.planes import Side
from genie_gym.genie3.mining.views import turning

UPRIGHT = 0.75  # height of a normal, up to which a side counts as one of those around
ALIKE_OFFSET, ALIKE_TILT, ALIKE_ANGLE = 0.22, 0.14, 0.14  # share of the offset, of the normal's height, radians
FEWEST, MOST = 5, 9  # sides of what is regular
SECTORS = 8  # of what is not flat
LEAST = 40  # texels of a side that is copied
ONE_WAY = 0.75  # mean of directions in which things of a kind were seen, from which they always are


def faces_one_way(clouds: Sequence[Cloud]) -> bool:
    """Whether things of a kind were all seen from the same side of their own axes: then that side is enough."""
    ways = []
    for cloud in clouds:
        flat = cloud.normal[:, :2] * cloud.radius[:, None] ** 2
        mean = flat.sum(0)
        if np.linalg.norm(mean) > 1e-9:
            ways.append(mean / np.linalg.norm(mean))
    return len(ways) > 2 and float(np.linalg.norm(np.mean(ways, 0))) > ONE_WAY


def all_around(sides: Sequence[Side], rest: Cloud, size: tuple[float, float, float]) -> tuple[list[Side], Cloud]:
    """Sides and surfels, with copies of them, turned about the middle, where nobody looked from."""
    upright = [side for side in sides if abs(side.normal[2]) < UPRIGHT and side.mask.sum() >= LEAST]
    regular = _regular(upright)
    if regular:
        return [*(side for side in sides if abs(side.normal[2]) >= UPRIGHT), *regular], _sectors(rest)
    return [*sides, *_of_a_box(upright, size)], _sectors(rest)


def turned(side: Side, angle: float) -> Side:
    """A side turned about the upright axis through the middle."""
    turn = turning(angle).astype(float)
    return replace(side, normal=turn @ side.normal, origin=turn @ side.origin)


def _angle(normal: Float[np.ndarray, " 3"]) -> float:
    return float(np.arctan2(normal[1], normal[0]))


def _regular(sides: Sequence[Side]) -> list[Side]:
    """Of a regular prism or pyramid: all its sides, copies of others among them. Nothing where it is none."""
    if not sides:
        return []
    best = max(sides, key=lambda side: int(side.mask.sum()))
    offset = float(best.origin @ best.normal)
    alike = [
        side
        for side in sides
        if abs(float(side.origin @ side.normal) - offset) < ALIKE_OFFSET * offset
        and abs(side.normal[2] - best.normal[2]) < ALIKE_TILT
    ]
    if len(alike) < 2:
        return []
    turns = [(_angle(side.normal) - _angle(best.normal)) % (2 * np.pi) for side in alike if side is not best]
    fits = {
        count: max(abs((turn * count / (2 * np.pi) + 0.5) % 1 - 0.5) * 2 * np.pi / count for turn in turns)
        for count in range(FEWEST, MOST)
    }
    count = min(fits, key=lambda one: fits[one])
    if fits[count] > ALIKE_ANGLE:
        return []
    step = 2 * np.pi / count
    others = [side for side in alike if side is not best]
    there = {0: best} | {round(turn / step) % count: side for turn, side in zip(turns, others, strict=True)}
    missing = [slot for slot in range(count) if slot not in there]
    sources = sorted(there)
    made = []
    for slot in missing:
        near = max(sources, key=lambda source: int(there[source].mask.sum()) if (slot - source) % 2 else 0)
        made.append(turned(there[near], (slot - near) * step))
    return [*there.values(), *made]


def _of_a_box(sides: Sequence[Side], size: tuple[float, float, float]) -> list[Side]:
    """Of a box: copies of what faces one of four ways, for those that nothing faces; where width and depth differ, with more
    or fewer columns."""
    faces: dict[int, list[Side]] = {way: [] for way in range(4)}
    for side in sides:
        faces[round(_angle(side.normal) / (np.pi / 2)) % 4].append(side)
    made = []
    seen = [way for way in range(4) if faces[way]]
    for way in range(4):
        if faces[way] or not seen:
            continue
        source = next(other % 4 for other in (way + 2, way + 1, way + 3) if other % 4 in seen)
        quarter = (way - source) % 4
        for side in faces[source]:
            copy = turned(side, quarter * np.pi / 2)
            made.append(copy if quarter == 2 else _stretched(copy, size))
    return made


def _stretched(side: Side, size: tuple[float, float, float]) -> Side:
    """A side that was turned by a quarter, so that it fits a box whose width and depth differ."""
    u, _ = side.axes
    along_x = abs(u[0]) > abs(u[1])
    factor = size[0] / size[1] if along_x else size[1] / size[0]
    width = side.mask.shape[1]
    columns = max(1, round(width * factor))
    source = np.clip(((np.arange(columns) + 0.5) / columns * width).astype(int), 0, width - 1)
    first = float(side.origin @ u)
    # Across, the plane moves as far out as the box is deep; along, its picture gets as wide as the box.
    flat = (side.origin - first * u) * (1 / factor, 1 / factor, 1.0)
    origin = flat + first * factor * u
    pictures = {name: getattr(side, name)[:, source] for name in ("colours", "known", "mask", "blur")}
    return replace(side, origin=origin, **pictures)


def _sectors(rest: Cloud) -> Cloud:
    """Surfels with copies, turned, in sectors around the middle in which there are hardly any."""
    if len(rest) < 4 * SECTORS:
        return rest
    sector = ((np.arctan2(rest.position[:, 1], rest.position[:, 0]) / (2 * np.pi)) % 1 * SECTORS).astype(int) % SECTORS
    count = np.bincount(sector, minlength=SECTORS)
    parts = [rest]
    for empty in np.flatnonzero(count < 0.25 * count.max()):
        order = sorted(range(1, SECTORS), key=lambda shift: abs(shift - SECTORS // 2))
        source = next(shift for shift in order if count[(empty + shift) % SECTORS] >= 0.5 * count.max())
        mine = rest.keep(sector == (empty + source) % SECTORS)
        turn = turning(-source * 2 * np.pi / SECTORS).astype(float)
        parts.append(replace(mine, position=mine.position @ turn.T, normal=mine.normal @ turn.T))
    return Cloud.joined(parts)
