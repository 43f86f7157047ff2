"""The flat parts of a cloud of surfels, as pictures on planes: where each plane lies, what it shows, and where it ends.

A picture has texels of the cloud's cell. u runs level along the plane (x where it lies flat), v up it.

Legend: s surfels, n texels, U V texels along u and v.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy.ndimage import binary_closing, distance_transform_edt

from genie_gym.genie3.mining.cells import DRY, LEVELS, SHINE, Cloud, sums

DIRECTIONS = 64  # of planes, at most
ALIKE = float(np.cos(np.radians(20)))  # normals within 20 degrees lie in a plane
PROUD, BEHIND = 0.3, 0.12  # metres, and the share of a thing that may lie before a side by more
SLIVER = 4  # texels
ALONG_AXIS = 0.02  # of a normal across an axis of the box
SHINES_AROUND = 3.0  # texels from those that were seen in the dark
LEAST = 24.0  # texels that a plane has at least
SLAB = 0.2  # of the shorter of its other sides: what is less high is a slab
FAR_BELOW = 2.5  # metres: the base of a box that lies so far below what was seen may be another thing's


@dataclass(frozen=True, eq=False)
class Side:
    """A plane's picture. The texel in row j, column i has its middle at origin + (i + 0.5) · texel · u + (j + 0.5) · texel ·
    v. `colours` [V, U, 3, 3] and `known` [V, U, 3] as those of clouds, `mask` [V, U]: where there is a surface, `blur`: by
    how many powers of two coarser than a texel the dry colour was seen."""

    normal: Float[np.ndarray, " 3"]
    origin: Float[np.ndarray, " 3"]
    texel: float
    colours: Float[np.ndarray, "V U 3 3"]
    known: Bool[np.ndarray, "V U 3"]
    mask: Bool[np.ndarray, "V U"]
    blur: UInt8[np.ndarray, "V U"]

    @property
    def axes(self) -> tuple[np.ndarray, np.ndarray]:
        return axes_of(self.normal)

    def middles(self, rows: np.ndarray, columns: np.ndarray) -> Float[np.ndarray, "n 3"]:
        """Where texels (at fractional rows and columns, 0.5 being the middle of the first) lie."""
        u, v = self.axes
        return np.asarray(self.origin + np.outer(columns, u) * self.texel + np.outer(rows, v) * self.texel)


def axes_of(normal: Float[np.ndarray, " 3"]) -> tuple[np.ndarray, np.ndarray]:
    """u and v of a plane."""
    x, y, z = normal
    u = np.array([1.0, 0, 0]) if abs(z) > 0.95 else np.array([-y, x, 0]) / np.hypot(x, y)
    v = np.cross(normal, u)
    return u, v / np.linalg.norm(v)


def find_sides(cloud: Cloud, texel: float) -> tuple[list[Side], Cloud]:
    """The planes of a cloud, and the surfels that lie in none. Planes that lie nearly along the axes lie quite so."""
    free = np.ones(len(cloud), bool)
    area = (cloud.radius / 0.8) ** 2
    sides: list[Side] = []
    for normal in map(_snapped, _directions(cloud, area)):
        along = cloud.position @ normal
        candidates = (cloud.normal @ normal) > ALIKE
        while True:
            mine = np.flatnonzero(candidates & free)
            if area[mine].sum() < LEAST * texel**2:
                break
            peak = _peak(along[mine], area[mine], texel)
            members = mine[np.abs(along[mine] - peak) < 0.9 * texel + 0.2 * (cloud.radius[mine] - 0.8 * texel)]
            candidates[mine[np.abs(along[mine] - peak) <= 0.7 * texel]] = False
            if area[members].sum() < LEAST * texel**2:
                continue
            candidates[members] = False
            side = _picture(cloud.keep(members), normal, float(np.median(along[members])), texel)
            if side.mask.sum() >= LEAST:
                sides.append(side)
                free[members] = False
    return sides, cloud.keep(free)


def _directions(cloud: Cloud, area: np.ndarray) -> list[np.ndarray]:
    """Directions that many normals share, the commonest first."""
    left = area.astype(float).copy()
    least = max(0.004 * left.sum(), 1e-9)
    coarse = np.rint(cloud.normal * 8).astype(int) + 8
    code = (coarse[:, 0] * 17 + coarse[:, 1]) * 17 + coarse[:, 2]
    found: list[np.ndarray] = []
    for _ in range(DIRECTIONS):
        weight = np.bincount(code, left, 17**3)
        best = int(weight.argmax())
        if weight[best] < least:
            break
        start = np.array([best // 289, best // 17 % 17, best % 17]) - 8.0
        start /= np.linalg.norm(start)
        for _ in range(3):
            near = (cloud.normal @ start > np.cos(np.radians(12))) & (left > 0)
            if not near.any():
                break
            mean = (cloud.normal[near] * left[near, None]).sum(0)
            start = mean / np.linalg.norm(mean)
        left[cloud.normal @ start > np.cos(np.radians(14))] = 0
        left[code == best] = 0
        found.append(start)
    return found


def _snapped(normal: np.ndarray) -> np.ndarray:
    flat = np.where(np.abs(normal) < 0.05, 0.0, normal)
    return np.asarray(flat / np.linalg.norm(flat))


def _peak(along: np.ndarray, area: np.ndarray, texel: float) -> float:
    """The offset at which most surface lies."""
    step = texel / 3
    bins = np.floor((along - along.min()) / step).astype(int)
    mass = np.convolve(np.bincount(bins, area), np.ones(4), mode="same")
    return float(along.min() + mass.argmax() * step)


def _picture(cloud: Cloud, normal: np.ndarray, offset: float, texel: float) -> Side:
    """Draws a plane's surfels into its picture, coarse ones first."""
    u, v = axes_of(normal)
    x, y = cloud.position @ u, cloud.position @ v
    reach = np.maximum(np.rint(cloud.radius / 0.8 / texel).astype(int), 1)
    low = np.array([(x - (reach - 1) * texel / 2).min(), (y - (reach - 1) * texel / 2).min()])
    low = np.floor(low / texel) * texel
    column, row = np.floor((x - low[0]) / texel).astype(int), np.floor((y - low[1]) / texel).astype(int)
    width, height = int((column + reach).max()) + 1, int((row + reach).max()) + 1
    colours, known = np.zeros((height * width, 3, 3)), np.zeros((height * width, 3), bool)
    mask, blur = np.zeros(height * width, bool), np.zeros(height * width, np.uint8)
    for size in sorted(set(reach.tolist()), reverse=True):
        mine = np.flatnonzero(reach == size)
        shift = np.arange(size) - (size - 1) // 2
        at_row = np.clip(row[mine, None, None] + shift[:, None], 0, height - 1)
        at_column = np.clip(column[mine, None, None] + shift, 0, width - 1)
        texels = (at_row * width + at_column).ravel()
        owner = np.repeat(mine, size * size)
        mask[texels] = True
        for k in range(3):
            use = cloud.known[owner, k]
            total = np.bincount(texels[use], minlength=len(mask))
            filled = total > 0
            drawn = sums(texels[use], cloud.colours[owner[use], k], len(mask))
            colours[filled, k] = drawn[filled] / total[filled, None]
            known[filled, k] = True
            if k == DRY:
                blur[filled] = round(np.log2(size))
    shaped = mask.reshape(height, width)
    closed = binary_closing(np.pad(shaped, 2), np.ones((3, 3)), iterations=1)[2:-2, 2:-2] | shaped
    used_rows, used_columns = np.flatnonzero(closed.any(1)), np.flatnonzero(closed.any(0))
    window = slice(used_rows[0], used_rows[-1] + 1), slice(used_columns[0], used_columns[-1] + 1)
    origin = normal * offset + u * (low[0] + window[1].start * texel) + v * (low[1] + window[0].start * texel)
    whole = Side(
        normal, origin, texel, colours.reshape(height, width, 3, 3)[window], known.reshape(height, width, 3)[window],
        closed[window], blur.reshape(height, width)[window],
    )  # fmt: skip
    return filled_in(whole)


def filled_in(side: Side) -> Side:
    """Texels whose colour nobody saw get that of the nearest one that was seen; where none was, `known` stays false. What
    shines in the dark is told by near ones alone."""
    colours, known, blur = side.colours.copy(), side.known.copy(), side.blur.copy()
    for k in range(3):
        if known[..., k].all() or not known[..., k].any():
            continue
        away, nearest = distance_transform_edt(~known[..., k], return_indices=True)
        near = away <= (SHINES_AROUND if k == SHINE else np.inf)
        colours[near, k] = colours[nearest[0], nearest[1], k][near]
        known[near, k] = True
        if k == DRY:
            blur = blur[nearest[0], nearest[1]]
    return replace(side, colours=colours, known=known, blur=blur)


def completed(sides: Sequence[Side], size: tuple[float, float, float], both: bool) -> list[Side]:
    """Without holes: each row of an upright or slanted side reaches as far as it does on the other half, on the opposite
    side, or in the rows beside it; what nobody saw shows what was seen there, or at the same height. With `both`, a side
    that nobody saw at all is as the opposite one. The lower and the upper side of a slab (a ceiling) are as large as it;
    what lies in other planes, as a lamp below it does, is not."""
    sides = _without_slivers(sides)
    if both:
        for side in list(sides):
            if -0.2 < side.normal[2] < 0.95 and side.mask.sum() > 200 and _opposite(side, sides) is None:
                sides.append(_turned(side))
    if size[2] < SLAB * min(size[:2]):
        slabs = [_largest(sides, way) for way in (-1, 1)]
        return [_whole_slab(side, size) if any(side is slab for slab in slabs) else side for side in sides]
    return [_whole(side, _opposite(side, sides), size) for side in sides]


def _largest(sides: Sequence[Side], way: int) -> Side | None:
    """The largest level side that faces up (1) or down (-1)."""
    level = [side for side in sides if side.normal[2] * way > 0.95]
    return max(level, key=lambda side: int(side.mask.sum()), default=None)


def _without_slivers(sides: Sequence[Side]) -> list[Side]:
    """Without narrow strips that lie along no larger side: normals at outlines are not to be trusted."""
    large = [side for side in sides if min(side.mask.shape) > SLIVER]
    return [side for side in sides if min(side.mask.shape) > SLIVER
            or any(abs(float(side.normal @ other.normal)) > 0.98 for other in large)]  # fmt: skip


def outer_sides(sides: Sequence[Side], rest: Cloud) -> tuple[list[Side], Cloud]:
    """Of what bulges nowhere inwards: sides, and surfels, before which nothing else of it lies. What does not belong to it,
    though its box holds it, is left out."""
    spots, weights = [], []
    for side in sides:
        rows, columns = np.nonzero(side.mask)
        chosen = np.linspace(0, len(rows) - 1, min(len(rows), 200)).astype(int)
        spots.append(side.middles(rows[chosen] + 0.5, columns[chosen] + 0.5))
        weights.append(np.full(len(chosen), len(rows) / len(chosen)))
    if not spots:
        return [], rest
    points, weight = np.concatenate(spots), np.concatenate(weights)
    before = [float(weight[points @ side.normal > float(side.origin @ side.normal) + PROUD].sum()) for side in sides]
    outward = [float(side.origin @ side.normal) > 0 for side in sides]
    kept = [side for side, amount, out in zip(sides, before, outward, strict=True) if out and amount < BEHIND * weight.sum()]
    ahead = (rest.normal @ points.T > (rest.normal * rest.position).sum(1, keepdims=True) + PROUD) @ weight
    return kept, rest.keep(ahead < BEHIND * weight.sum())


def _turned(side: Side) -> Side:
    """The same by half a turn about the middle of the box: its columns stay in their order."""
    half = np.array([-1.0, -1.0, 1.0])
    return replace(side, normal=side.normal * half, origin=side.origin * half)


def _opposite(side: Side, sides: Sequence[Side]) -> Side | None:
    """The largest that faces the other way as far from the middle."""
    turned = side.normal * (-1, -1, 1)
    offset = side.origin @ side.normal
    found = [other for other in sides if other is not side and other.normal @ turned > 0.97
             and abs(other.origin @ other.normal - offset) < 0.6]  # fmt: skip
    return max(found, key=lambda other: int(other.mask.sum())) if found else None


def _whole(side: Side, opposite: Side | None, size: tuple[float, float, float]) -> Side:
    along = np.abs(side.normal[:2]).min() < ALONG_AXIS  # else it is no side of a box, or of its roof
    if not along or not -0.2 < side.normal[2] < 0.95 or side.mask.sum() < 200:
        return side
    texel, (u, v) = side.texel, side.axes
    # A frame in which the middle of the box is u = 0: from -n to n columns, rows from the box's base where it is upright.
    first = round(float(side.origin @ u) / texel)
    reach = max(-first, first + side.mask.shape[1])
    low, across = _rows_below(side, size), 0
    rows = side.mask.shape[0] + low
    if opposite is not None:
        across = round((float(opposite.origin @ opposite.axes[1]) - float(side.origin @ v)) / texel) + low
        rows = max(rows, across + opposite.mask.shape[0])
    shape = rows, 2 * reach
    # The fourth channel of colours is how blurred they are.
    seen, colours, known = np.zeros(shape, bool), np.zeros((*shape, 3, 4)), np.zeros((*shape, 3), bool)
    window = slice(low, low + side.mask.shape[0]), slice(first + reach, first + reach + side.mask.shape[1])
    seen[window], colours[window], known[window] = side.mask, _with_blur(side), side.known & side.mask[..., None]
    span = np.maximum(_span(seen), _span(seen[:, ::-1]))
    if opposite is not None:
        span = np.maximum(span, _span_of(opposite, reach, across, rows))
    if not span.any():
        return side
    distance = np.abs(np.arange(2 * reach) - (reach - 0.5))
    mask = (distance < _without_gaps(span)[:, None]) | seen
    for k in range(3):
        mirrored = mask & ~known[..., k] & known[:, ::-1, k]
        colours[mirrored, k] = colours[:, ::-1, k][mirrored]
        known[mirrored, k] = True
        if opposite is not None:
            _shown_across(colours[..., k, :], known[..., k], mask, opposite, reach, across, k)
        _along_rows(colours[..., k, :], known[..., k], mask)
    used = np.flatnonzero(mask.any(0))
    window = slice(None), slice(used[0], used[-1] + 1)
    origin = side.origin + u * (used[0] - reach - first) * texel - v * low * texel
    blur = colours[window][..., DRY, 3].astype(np.uint8)
    return filled_in(Side(side.normal, origin, texel, colours[window][..., :3], known[window], mask[window], blur))


def _with_blur(side: Side) -> Float[np.ndarray, "V U 3 4"]:
    """Colours, and how blurred they are."""
    blur = np.broadcast_to(side.blur[..., None, None], (*side.blur.shape, 3, 1))
    return np.concatenate([side.colours, blur], -1)


def _whole_slab(side: Side, size: tuple[float, float, float]) -> Side:
    """A level side as large as the box. What nobody saw has the mean colour of what was seen: rooms are looked at, and their
    ceilings seldom."""
    texel, (u, v) = side.texel, side.axes
    columns, rows = (max(round(extent / texel), 1) for extent in size[:2])
    first = round(float(side.origin @ u) / texel + columns / 2), round(float(side.origin @ v) / texel + rows / 2)
    at_column, at_row = (np.arange(count) + start for count, start in zip(side.mask.shape[::-1], first, strict=True))
    rows_inside, columns_inside = (at_row >= 0) & (at_row < rows), (at_column >= 0) & (at_column < columns)
    inside, window = np.ix_(rows_inside, columns_inside), np.ix_(at_row[rows_inside], at_column[columns_inside])
    seen, known = np.zeros((rows, columns), bool), np.zeros((rows, columns, 3), bool)
    colours, blur = np.zeros((rows, columns, 3, 3)), np.full((rows, columns), LEVELS - 1, np.uint8)
    seen[window], blur[window] = side.mask[inside], side.blur[inside]
    if not seen.any():
        return side
    colours[window], known[window] = side.colours[inside], side.known[inside] & side.mask[inside][..., None]
    for k in range(3):
        told = known[..., k]
        if told.any():
            colours[~told, k] = colours[told, k].mean(0)
            known[..., k] = True
    height = side.normal * float(side.origin @ side.normal)
    origin = height - u * (columns * texel / 2) - v * (rows * texel / 2)
    return Side(side.normal, origin, texel, colours, known, np.ones((rows, columns), bool), blur)


def _rows_below(side: Side, size: tuple[float, float, float]) -> int:
    """How many rows an upright side lacks down to its box's base; none where that is far below."""
    low = max(0, round((float(side.origin @ side.axes[1]) + size[2] / 2) / side.texel))
    return low if abs(side.normal[2]) < 0.2 and low * side.texel < FAR_BELOW else 0


def _without_gaps(span: np.ndarray) -> np.ndarray:
    """How far rows reach: those that nobody saw as far as the nearest that somebody saw, and none farther than those below
    it, for walls and roofs do not widen upwards."""
    have = span > 0
    nearest = distance_transform_edt(~have, return_distances=False, return_indices=True)[0]
    inside = np.arange(len(span)) <= np.flatnonzero(have).max()
    return np.asarray(np.maximum.accumulate(np.where(inside, span[nearest], 0)[::-1])[::-1])


def _span(mask: np.ndarray) -> np.ndarray:
    """How far from the middle each row reaches, in texels; 0 where it is empty."""
    middle = (mask.shape[1] - 1) / 2
    distance = np.abs(np.arange(mask.shape[1]) - middle) + 0.5
    return np.asarray((mask * distance).max(1))


def _span_of(side: Side, reach: int, shift: int, rows: int) -> np.ndarray:
    """Of another side, in rows that begin `shift` rows below its own."""
    first = round(float(side.origin @ side.axes[0]) / side.texel)
    columns = np.arange(side.mask.shape[1]) + first
    distance = np.abs(columns + 0.5) + 0.5
    span = (side.mask * distance).max(1)
    found = np.zeros(rows)
    for row, value in enumerate(span):
        if 0 <= row + shift < rows:
            found[row + shift] = min(value, reach)
    return found


def _shown_across(
    colours: np.ndarray, known: np.ndarray, mask: np.ndarray, opposite: Side, reach: int, shift: int, light: int
) -> None:
    """Fills what is unknown with what the opposite side, turned half about, shows there."""
    first = round(float(opposite.origin @ opposite.axes[0]) / opposite.texel) + reach
    rows, columns = np.nonzero(opposite.mask & opposite.known[..., light])
    at_row, at_column = rows + shift, columns + first
    inside = (at_row >= 0) & (at_row < len(mask)) & (at_column >= 0) & (at_column < mask.shape[1])
    rows, columns, at_row, at_column = (one[inside] for one in (rows, columns, at_row, at_column))
    wanted = (mask & ~known)[at_row, at_column]
    at_row, at_column = at_row[wanted], at_column[wanted]
    colours[at_row, at_column] = _with_blur(opposite)[rows[wanted], columns[wanted], light]
    known[at_row, at_column] = True


def _along_rows(colours: np.ndarray, known: np.ndarray, mask: np.ndarray) -> None:
    """Fills what is unknown in rows that are known in part: what lies there goes on, mirrored at its ends."""
    for row in range(len(mask)):
        have = np.flatnonzero(known[row] & mask[row])
        want = np.flatnonzero(mask[row] & ~known[row])
        if len(have) < 6 or not len(want):
            continue
        at = np.searchsorted(have, want)
        left, right = have[np.clip(at - 1, 0, len(have) - 1)], have[np.clip(at, 0, len(have) - 1)]
        near = np.where(np.abs(want - left) <= np.abs(right - want), left, right)
        source = np.clip(2 * near - want, 0, mask.shape[1] - 1)
        good = known[row, source] & mask[row, source]
        source = np.where(good, source, have[np.abs(want * 7919) % len(have)])
        colours[row, want], known[row, want] = colours[row, source], True
