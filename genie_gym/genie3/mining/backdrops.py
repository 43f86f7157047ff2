"""Backdrops without holes. Of what stands at the edge recordings show one side, and that over a hedge or between trees: so
where nobody saw a hill, there is what other hills look like there, in its own colours.

Shapes are compared, and closed, in directions around the upright axis, as shares of their boxes.

Legend: m points, s surfels, n patches, R directions around, Z heights, P pieces.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

from genie_gym.genie3.mining.build import Piece
from genie_gym.genie3.mining.cells import SHINE, Cloud
from genie_gym.genie3.mining.planes import axes_of
from genie_gym.places.surfels import CUT_ANGLES, CUT_STEPS, REACH, UNCUT

KIN = 3  # pieces that tell of a kind's shape
AROUND, HEIGHTS = 64, 24  # directions and heights
ALONG = 6  # points along a side of a patch
OUTERMOST = 80  # percentile of how far out the points in a direction lie: what is seen of them
AWAY = 0.2  # of how far out it should lie: what is farther away is no part of the surface
BEHIND = 0.97  # of that: what is added lies behind what was seen
SMOOTH = 2.0  # heights over which the slope of what is added is evened
NEIGHBOURS = 9  # surfels whose colours, in the median, one has that is added
STEEP = 0.5  # of a normal's height against heights within the box, where such surfels are looked for


def closed(pieces: Sequence[Piece]) -> list[Piece]:
    """The same pieces; those that were seen from beyond alone (`Source.beyond`), with discs where they have holes."""
    kinds: dict[tuple[str, str], list[Piece]] = defaultdict(list)
    for piece in pieces:
        if piece.source.beyond and len(piece):
            kinds[piece.source.name, piece.source.kind].append(piece)
    outlines = {key: _common(kin) for key, kin in kinds.items() if len(kin) >= KIN}

    def whole(piece: Piece) -> Piece:
        outline = outlines.get((piece.source.name, piece.source.kind))
        return piece if outline is None or not piece.source.beyond else _closed(piece, outline)

    return [whole(piece) for piece in pieces]


def _common(kin: Sequence[Piece]) -> Float[np.ndarray, "R Z"]:
    """How far out things of a kind reach in each direction, as most of them do; where none was seen in a direction, as in
    the others at that height; NaN where none was seen there at all."""
    reaches = np.stack([_reach(_points(piece)) for piece in kin])
    return _along_ring(_median(reaches))


def _median(values: Float[np.ndarray, "P R Z"]) -> Float[np.ndarray, "R Z"]:
    known = np.isfinite(values)
    ordered = np.sort(np.where(known, values, np.inf), axis=0)
    middle = np.maximum(known.sum(0) - 1, 0) // 2
    found = np.take_along_axis(ordered, middle[None], 0)[0]
    return np.where(np.isfinite(found), found, np.nan)


def _along_ring(outline: Float[np.ndarray, "R Z"]) -> Float[np.ndarray, "R Z"]:
    """What is not known, as the median of its height."""
    whole = outline.copy()
    for height in range(outline.shape[1]):
        known = np.isfinite(outline[:, height])
        if known.any():
            whole[~known, height] = np.median(outline[known, height])
    return whole


def _points(piece: Piece) -> Float[np.ndarray, "m 3"]:
    """Points all over the surface of a piece, in halves of its box."""
    cloud, patches = piece.cloud, piece.patches
    u, v = _axes(cloud.normal)
    rim = 0.8 * np.array([(0.0, 0.0), *((np.cos(a), np.sin(a)) for a in np.arange(8) * np.pi / 4)])
    discs = [cloud.position + cloud.radius[:, None] * (east * u + north * v) for east, north in rim]
    u, v = _axes(patches.normal)
    spots = (np.arange(ALONG) + 0.5) / ALONG * 2 - 1
    half = patches.radius[:, None] / 2**0.5
    squares = [
        (patches.position + half * (east * u + north * v))[_is_there(piece, east, north)]
        for north in spots
        for east in spots
    ]
    return np.concatenate([*discs, *squares]) / (np.array(piece.source.size) / 2)


def _axes(normals: Float[np.ndarray, "s 3"]) -> tuple[Float[np.ndarray, "s 3"], Float[np.ndarray, "s 3"]]:
    axes = np.array([axes_of(normal) for normal in normals]).reshape(-1, 2, 3)
    return axes[:, 0], axes[:, 1]


def _is_there(piece: Piece, east: float, north: float) -> Bool[np.ndarray, " n"]:
    """Of each patch, whether its lines leave a point of it (in halves of its side from its middle)."""
    lines = piece.patches.cuts.reshape(-1, 2, 2).astype(float)
    way = 2 * np.pi / CUT_ANGLES * lines[..., 0]
    beyond = east * np.cos(way) + north * np.sin(way) - lines[..., 1] / CUT_STEPS
    return np.asarray(((lines[..., 1] == UNCUT) | (beyond <= 0)).all(1))


def _reach(points: Float[np.ndarray, "m 3"]) -> Float[np.ndarray, "R Z"]:
    """How far out the surface lies in each direction; NaN where there is none."""
    x, y, z = points.T
    around = ((np.arctan2(y, x) / (2 * np.pi) + 0.5) * AROUND).astype(int) % AROUND
    height = np.floor((z + 1) / 2 * HEIGHTS).astype(int)
    inside = (height >= 0) & (height < HEIGHTS)
    bins, far = (around * HEIGHTS + height)[inside], np.hypot(x, y)[inside]
    order = np.lexsort((far, bins))
    bins, far = bins[order], far[order]
    found, begin, count = np.unique(bins, return_index=True, return_counts=True)
    reach = np.full(AROUND * HEIGHTS, np.nan)
    reach[found] = far[begin + (count - 1) * OUTERMOST // 100]
    return reach.reshape(AROUND, HEIGHTS)


def _closed(piece: Piece, outline: Float[np.ndarray, "R Z"]) -> Piece:
    """A piece with discs in the directions in which there is nothing of it."""
    own, size = _reach(_points(piece)), np.array(piece.source.size) / 2
    shared = np.isfinite(own) & np.isfinite(outline)
    outline = outline * (float(np.median(own[shared] / np.maximum(outline[shared], 1e-3))) if shared.any() else 1.0)
    there = shared & (np.abs(own - outline) < AWAY * outline)
    missing = _and_beside(~there & np.isfinite(outline)) & np.isfinite(outline)
    if not missing.any():
        return piece
    part = _coloured(_surface(BEHIND * outline, size).keep(missing.ravel()), piece)
    return replace(piece, source=replace(piece.source, coverage=1.0), cloud=Cloud.joined([piece.cloud, part]))


def _and_beside(missing: Bool[np.ndarray, "R Z"]) -> Bool[np.ndarray, "R Z"]:
    """These directions and those beside them, of which a part may be missing too."""
    whole = missing.copy()
    whole[:, 1:] |= missing[:, :-1]
    whole[:, :-1] |= missing[:, 1:]
    return np.asarray(whole | np.roll(whole, 1, 0) | np.roll(whole, -1, 0))


def _surface(reach: Float[np.ndarray, "R Z"], size: Float[np.ndarray, " 3"]) -> Cloud:
    """Discs all over a shape, without colours yet."""
    turn = ((np.arange(AROUND) + 0.5) / AROUND - 0.5) * 2 * np.pi
    z = ((np.arange(HEIGHTS) + 0.5) / HEIGHTS) * 2 - 1
    unit = np.stack([np.cos(turn), np.sin(turn), np.zeros(AROUND)], 1)
    position = reach[..., None] * unit[:, None] * size + z[:, None] * size * (0, 0, 1)
    leaning = -np.gradient(gaussian_filter1d(_rings(reach), SMOOTH, mode="nearest"), z)
    normal = unit[:, None] / size + (leaning / size[2])[:, None] * (0, 0, 1)
    normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    across = 2 * np.pi / AROUND * reach * size[:2].mean()
    upright = np.maximum(np.linalg.norm(normal[..., :2], axis=2), 0.2)
    along = np.minimum(2 * size[2] / HEIGHTS / upright, across.max(initial=0, where=np.isfinite(across)))
    radius = REACH * np.maximum(across, along)
    count = AROUND * HEIGHTS
    return Cloud(
        position.reshape(-1, 3), normal.reshape(-1, 3), np.zeros((count, 3, 3)), np.ones((count, 3), bool), radius.ravel()
    )


def _rings(reach: Float[np.ndarray, "R Z"]) -> Float[np.ndarray, " Z"]:
    """The mean reach at each height, carried on to heights at which there is none."""
    known = np.isfinite(reach).any(0)
    if not known.any():
        return np.zeros(HEIGHTS)
    mean = np.array([reach[np.isfinite(reach[:, k]), k].mean() if known[k] else np.nan for k in range(HEIGHTS)])
    return np.interp(np.arange(HEIGHTS), np.flatnonzero(known), mean[known])


def _coloured(part: Cloud, piece: Piece) -> Cloud:
    """Discs in the colours of what the piece shows at their height that faces as much upwards; they do not shine."""

    def places(position: np.ndarray, normal: np.ndarray) -> np.ndarray:
        return np.stack([position[:, 2] / piece.source.size[2], STEEP * normal[:, 2]], 1)

    colours = np.concatenate([piece.cloud.colours, piece.patches.colours])
    seen = places(*(np.concatenate([getattr(piece.cloud, n), getattr(piece.patches, n)]) for n in ("position", "normal")))
    _, near = cKDTree(seen).query(places(part.position, part.normal), k=min(NEIGHBOURS, len(seen)))
    found = np.median(colours[near.reshape(len(part), -1)], 1)
    found[:, SHINE] = 0
    return replace(part, colours=found)
