"""A second look at the sides of what became an asset, at all that was recorded of them from near: the same pictures, three
times as fine.

Legend: V U rows and columns of a fine picture.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter

from genie_gym.datasets.video import VideoDataset
from genie_gym.genie3.mining.build import Piece
from genie_gym.genie3.mining.cells import DRY, SHINE, sums
from genie_gym.genie3.mining.collect import bare_colours
from genie_gym.genie3.mining.episodes import Setting
from genie_gym.genie3.mining.planes import Side
from genie_gym.genie3.mining.views import INSIDE, Views, back_projected, own_axes
from genie_gym.progress import progress

FINER = 3  # texels of a fine picture along one of a side's
COARSEST = 0.15  # metres: sides with larger texels are only seen from far, and get no fine picture
NEAR = 1.7  # fine texels that a pixel may cover
FACING = float(np.cos(np.radians(25)))  # between a pixel's normal and the side's
AWAY = 0.07  # metres from a side's plane
MEMBERS = 12  # things of one shape that are looked at
LEAST_FACING = 0.2  # cosine between a surface's normal and the sight
LEAST = 30  # pixels that a frame shows of a side
SPREAD = 0.6  # fine texels: holes are filled by what lies so near
ENOUGH = 0.02  # of the usual weight, from which a texel counts as seen
VERY_SURE = 0.3  # trust in a colour, from which it counts
HEAVIEST = 60_000.0  # weight of a texel in an episode: half precision holds no more


@dataclass(eq=False)
class Detail:
    """The fine picture of a side: `albedo` [V, U, 3] and `shine` [V, U, 3], 0 to 255, each with its weight."""

    albedo: Float[np.ndarray, "V U 3"]
    albedo_weight: Float[np.ndarray, "V U"]
    shine: Float[np.ndarray, "V U 3"]
    shine_weight: Float[np.ndarray, "V U"]

    @property
    def seen(self) -> Bool[np.ndarray, "V U"]:
        return np.asarray(self.albedo_weight > 0)

    @property
    def shine_seen(self) -> Bool[np.ndarray, "V U"]:
        return np.asarray(self.shine_weight > 0)


def details(data: VideoDataset, setting: Setting, pieces: Sequence[Piece]) -> list[list[Detail | None]]:
    """Of each piece the fine pictures of its sides; None for those that nobody saw from near."""
    wanted: dict[int, list[tuple[int, int]]] = defaultdict(list)  # by episode: thing, piece
    for number, piece in enumerate(pieces):
        if piece.sides and piece.source.cell < COARSEST:
            for episode, thing in piece.source.members[:MEMBERS]:
                wanted[episode].append((thing, number))
    gathered = [[_Sum(side) for side in piece.sides] for piece in pieces]
    for episode in progress(sorted(wanted), desc="look closer", unit="episode"):
        step = -(-int(data.calm[episode]) // setting.config.frames)
        views = Views.of(data, episode, setting.weathers, step)
        if views is not None:
            for frame in range(len(views)):
                _look(views, frame, setting, wanted[episode], pieces, gathered)
            for _, number in wanted[episode]:
                for one in gathered[number]:
                    one.end_episode()
    return [[one.detail() for one in mine] for mine in gathered]


def _look(
    views: Views, frame: int, setting: Setting, wanted: Sequence[tuple[int, int]], pieces: Sequence[Piece],
    gathered: Sequence[Sequence[_Sum]],
) -> None:  # fmt: skip
    """Adds what one frame shows."""
    shown = set(np.unique(views.instance[frame]).tolist())
    wanted = [(thing, number) for thing, number in wanted if views.place.things[thing].id in shown]
    if not wanted:
        return
    seen = back_projected(views, frame)
    facing = seen.facing.ravel()
    effective = seen.footprint.ravel() / np.sqrt(np.clip(facing, 0.1, 1))
    widest = NEAR / FINER * max(pieces[number].source.cell for _, number in wanted)
    near = np.flatnonzero((effective < widest) & (facing > LEAST_FACING))
    instance = views.instance[frame].ravel()[near]
    world, normals = seen.points.reshape(-1, 3), seen.normals.reshape(-1, 3)
    for thing, number in wanted:
        about, fine = views.place.things[thing], pieces[number].source.cell / FINER
        pixels = near[instance == about.id]
        pixels = pixels[effective[pixels] < NEAR * fine]
        if len(pixels) < LEAST:
            continue
        own, turn = own_axes(views, thing, frame, world[pixels])
        inside = (np.abs(own) < np.array(about.size) / 2 + INSIDE).all(1)
        pixels, own = pixels[inside], own[inside]
        if len(pixels) < LEAST:
            continue
        light, snow = setting.light, setting.weathers.snow
        colours, trust = bare_colours(views, frame, pixels, world[pixels], normals[pixels], light, snow)
        colours[:, DRY] /= np.maximum(np.array(about.tint, np.float32), 0.05)
        weight = facing[pixels] / effective[pixels] ** 2 * fine**2
        for one in gathered[number]:
            one.add(own, normals[pixels] @ turn, colours, trust, weight)


class _Sum:
    """Sums up what is seen of one side; of several episodes, that which showed most of a texel counts."""

    def __init__(self, side: Side):
        self.side = side
        self.shape = side.mask.shape[0] * FINER, side.mask.shape[1] * FINER
        self.current: np.ndarray | None = None  # of this episode: weight, albedo, weight, shine
        self.best: np.ndarray | None = None  # of all: the same, means instead of sums

    def add(self, own: np.ndarray, facing: np.ndarray, colours: np.ndarray, trust: np.ndarray, weight: np.ndarray) -> None:
        side, fine = self.side, self.side.texel / FINER
        u, v = side.axes
        away = own - side.origin
        column, row = np.floor(away @ u / fine).astype(int), np.floor(away @ v / fine).astype(int)
        mine = (np.abs(away @ side.normal) < AWAY) & (facing @ side.normal > FACING)
        mine &= (row >= 0) & (row < self.shape[0]) & (column >= 0) & (column < self.shape[1])
        if mine.sum() < LEAST:
            return
        texel, pixel = np.unique(row[mine] * self.shape[1] + column[mine], return_inverse=True)
        if self.current is None:
            self.current = np.zeros((self.shape[0] * self.shape[1], 8), np.float32)
        for first, k in ((0, DRY), (4, SHINE)):
            sure = weight[mine] * trust[mine, k] * (trust[mine, k] > VERY_SURE)
            if sure.any():
                columns = np.concatenate([sure[:, None], sure[:, None] * colours[mine, k]], 1)
                self.current[texel, first : first + 4] += sums(pixel, columns, len(texel))

    def end_episode(self) -> None:
        if self.current is None:
            return
        current, self.current = self.current, None
        for first in (0, 4):
            current[:, first + 1 : first + 4] /= np.maximum(current[:, first, None], 1e-9)
        for first in (0, 4):
            current[:, first] = np.minimum(current[:, first], HEAVIEST)
        means = current.astype(np.float16)
        if self.best is None:
            self.best = means
        else:
            for first in (0, 4):
                better = means[:, first] > self.best[:, first]
                self.best[better, first : first + 4] = means[better, first : first + 4]

    def detail(self) -> Detail | None:
        if self.best is None:
            return None
        best, self.best = self.best.reshape(*self.shape, 8).astype(np.float32), None
        (albedo, sure), (shine, dark) = (_smooth(best[..., k], best[..., k + 1 : k + 4]) for k in (0, 4))
        return Detail(albedo, sure, shine, dark) if sure.any() else None


def _smooth(weight: Float[np.ndarray, "V U"], mean: Float[np.ndarray, "V U 3"]) -> tuple[np.ndarray, np.ndarray]:
    """Means and weights, without holes; what was hardly seen counts as not seen."""
    there = weight > 0
    if not there.any():
        return mean, weight
    own = np.minimum(weight / float(np.median(weight[there])), 4.0)
    around = gaussian_filter(own, SPREAD, truncate=3.0)
    spread = np.stack([gaussian_filter(own * mean[..., c], SPREAD, truncate=3.0) for c in range(3)], -1)
    spread /= np.maximum(around, 1e-9)[..., None]
    # A texel that many pixels showed keeps its own colour; holes take their neighbours'.
    share = np.minimum(own, 1.0)[..., None]
    known = around > ENOUGH
    return np.where(known[..., None], share * mean + (1 - share) * spread, 0), np.where(known, around, 0)
