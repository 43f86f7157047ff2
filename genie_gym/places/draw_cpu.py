"""Drawing on CPUs: compiled kernels, rows and parts of pictures beside one another in threads.

Legend: B rows, H W image, M things that move.
"""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from genie_gym.geometry.camera import Camera
from genie_gym.places.ground import BEYOND_LEVEL, BEYOND_REACH, NO_WATER, Ground
from genie_gym.places.library import AssetLibrary
from genie_gym.places.light import SKY_BOTTOM, SKY_TOP, Light
from genie_gym.places.paint import paint, paint_drops
from genie_gym.places.seen import FAR, Buffers
from genie_gym.places.soil import ground_colours, slopes
from genie_gym.places.splat import CHANNELS, close_cracks, splat
from genie_gym.places.surfels import RADII
from genie_gym.places.table import Things
from genie_gym.places.terrain import meet_ground
from genie_gym.places.view import View

Jobs = Sequence[Callable[[], None]]
_POOLS: dict[tuple[int, int], ThreadPoolExecutor] = {}


def render(
    library: AssetLibrary, things: Things, ground: Ground, light: Light, view: View, poses: Float[Tensor, "B 4 4"],
    camera: Camera, falling: Tensor | None, movers: Float[Tensor, "B M 6"],
) -> Buffers:  # fmt: skip
    """Fills the buffers of each row."""
    picture = _Pictures.empty(len(poses), camera, max(1, torch.get_num_threads()))
    arrays = _Arrays(
        **{name: _array(getattr(library, name)) for name in ("position", "normal", "albedo", "snowy", "glow", "radius")},
        pattern=_array(library.pattern), atlas=library.config.atlas, texels=_array(library.patterns.texels),
        windows=_array(library.windows), means=_array(library.patterns.mean), lines=_array(library.patterns.lines),
        tiles=_array(library.tiles), period=_array(library.period), sky=_array(library.light.sky),
        snow=[name == "snowy" for name in library.config.weathers], side=library.config.tile,
    )  # fmt: skip
    tables = _Tables(
        ground={name: _array(getattr(ground, name)) for name in _GROUND},
        light={name: _array(getattr(light, name)) for name in _LIGHT},
        view={name: _array(getattr(view, name)) for name in _VIEW}, first=view.rows.tolist(), pose=_array(poses.float()),
        tint=_array(things.tint), falling=None if falling is None else _array(falling), movers=_array(movers),
    )  # fmt: skip
    rows = [_Row(arrays, tables, picture, b) for b in range(len(poses))]
    _run([job for row in rows for job in row.surfaces()], picture.threads)
    _run([job for row in rows for job in row.colours()], picture.threads)
    lines = torch.cat([view.line, torch.full((1,), -1)])
    line = lines[torch.from_numpy(picture.item).long()]  # -1 is the last: none
    kind, depth = torch.from_numpy(picture.kind).long(), torch.from_numpy(picture.depth)
    return Buffers(torch.from_numpy(picture.colours), torch.from_numpy(picture.normal), depth, line, kind)


@dataclass(frozen=True, eq=False)
class _Pictures:
    """Buffers of all rows."""

    threads: int
    focal: float
    ground: np.ndarray
    kind: np.ndarray
    surfel: np.ndarray
    item: np.ndarray
    depth: np.ndarray
    key: np.ndarray
    mixed: np.ndarray
    soil: np.ndarray
    colours: np.ndarray
    normal: np.ndarray

    @classmethod
    def empty(cls, rows: int, camera: Camera, threads: int) -> _Pictures:
        shape = (rows, camera.height, camera.width)
        return cls(
            threads=threads, focal=camera.focal, ground=np.empty(shape, np.float32), kind=np.empty(shape, np.int32),
            surfel=np.full(shape, -1, np.int32), item=np.full(shape, -1, np.int32), depth=np.full(shape, np.float32(1e9)),
            key=np.full(shape, np.float32(1e9)), mixed=np.zeros((*shape, CHANNELS), np.float32),
            soil=np.empty((*shape, 3), np.float32), colours=np.empty((*shape, 3), np.uint8),
            normal=np.empty((*shape, 3), np.float32),
        )  # fmt: skip

    def parts(self, length: int) -> list[tuple[int, int]]:
        """A side in as many parts as there are threads without a row of their own."""
        count = max(1, self.threads // len(self.depth))
        edges = [length * k // count for k in range(count + 1)]
        return list(itertools.pairwise(edges))


@dataclass(frozen=True, eq=False)
class _Arrays:
    """The library's buffers."""

    position: np.ndarray
    normal: np.ndarray
    albedo: np.ndarray
    snowy: np.ndarray
    glow: np.ndarray
    radius: np.ndarray
    pattern: np.ndarray
    atlas: tuple[int, int]
    texels: np.ndarray
    windows: np.ndarray
    means: np.ndarray
    lines: np.ndarray
    tiles: np.ndarray
    period: np.ndarray
    sky: np.ndarray
    snow: list[bool]
    side: int


@dataclass(frozen=True, eq=False)
class _Tables:
    """What there is of all rows, as arrays. `first` says where each row's things begin in the view."""

    ground: dict[str, np.ndarray]
    light: dict[str, np.ndarray]
    view: dict[str, np.ndarray]
    first: list[int]
    pose: np.ndarray
    tint: np.ndarray
    falling: np.ndarray | None
    movers: np.ndarray


class _Row:
    """One row's part of everything, and what is to be done for it."""

    def __init__(self, arrays: _Arrays, tables: _Tables, picture: _Pictures, row: int):
        self.arrays, self.picture, self.row, self.view = arrays, picture, row, tables.view
        self.ground = {name: values[row] for name, values in tables.ground.items()}
        self.light = {name: values[row] for name, values in tables.light.items()}
        self.items = tables.first[row], tables.first[row + 1]
        self.pose, self.tint = tables.pose[row], tables.tint[row]
        self.falling = None if tables.falling is None else tables.falling[row]
        self.movers = tables.movers[row]
        weather, earlier, later = (int(value) for value in self.light["sky"][:3])
        self.weather, self.skies = weather, (arrays.sky[weather, earlier], arrays.sky[weather, later])
        self.albedo = arrays.snowy if arrays.snow[weather] else arrays.albedo

    def surfaces(self) -> Jobs:
        """Which surfels and which ground pixels show."""
        return [functools.partial(self._surfaces, part) for part in self.picture.parts(self.picture.depth.shape[2])]

    def colours(self) -> Jobs:
        """How they look: after `surfaces`."""
        close_cracks(*(getattr(self.picture, name)[self.row] for name in ("surfel", "item", "depth", "mixed")))
        return [functools.partial(self._colours, part) for part in self.picture.parts(self.picture.depth.shape[1])]

    def _surfaces(self, columns: tuple[int, int]) -> None:
        b, picture, arrays, view, ground = self.row, self.picture, self.arrays, self.view, self.ground
        meet_ground(
            self.pose, picture.focal, float(ground["half"]), ground["heights"], ground["water"], NO_WATER, BEYOND_LEVEL,
            BEYOND_REACH, columns, picture.ground[b], picture.kind[b],
        )  # fmt: skip
        splat(
            self.items, view["begin"], view["end"], view["axes"], view["origin"], view["step"], view["size"],
            view["squeeze"], view["scale"], view["eye"], view["sheltered"], arrays.position, arrays.normal, arrays.radius,
            RADII, self.albedo, arrays.glow, arrays.pattern, arrays.atlas, arrays.texels, arrays.windows, arrays.means,
            arrays.lines, arrays.albedo, picture.focal, picture.ground[b], columns, picture.surfel[b], picture.item[b],
            picture.depth[b], picture.key[b], picture.mixed[b],
        )  # fmt: skip

    def _colours(self, rows: tuple[int, int]) -> None:
        b, picture, arrays, view, ground, light = self.row, self.picture, self.arrays, self.view, self.ground, self.light
        part = slice(*rows)
        depth = picture.depth[b, part]
        np.copyto(depth, np.where(picture.kind[b, part] == 0, FAR, picture.ground[b, part]), where=picture.item[b, part] < 0)
        half = float(ground["half"])
        ground_colours(
            rows, self.pose, picture.focal, picture.item[b], picture.depth[b], picture.kind[b],
            slopes(ground["heights"], half), half, ground["under"], ground["over"], ground["cover"], ground["shade"],
            ground["noise"], ground["water_look"], int(ground["beyond"]), ground["roof"], self.weather, arrays.tiles,
            arrays.period, arrays.side, light["ground"], light["shadow"], self.movers, picture.soil[b],
            picture.normal[b],
        )  # fmt: skip
        paint(
            rows, self.pose, picture.focal, FAR,
            picture.surfel[b], picture.item[b], picture.depth[b], picture.mixed[b], view["line"], view["axes"],
            view["squeeze"], view["sheltered"], self.tint, self.albedo, arrays.albedo, arrays.glow, arrays.normal,
            picture.kind[b], picture.soil[b], ground["roof"], light["gain"], light["fog"], float(light["glow"]),
            *self.skies, float(light["sky"][3]), SKY_BOTTOM, SKY_TOP, picture.colours[b], picture.normal[b],
        )  # fmt: skip
        fall = light["fall"]
        if self.falling is not None and fall[0] > 0:
            places = self.falling.copy()
            places[:, 1] -= rows[0]
            paint_drops(
                places, bool(fall[1] > 0.5), fall[2:5], float(fall[5]), picture.focal, len(picture.depth[b]),
                picture.depth[b, part], picture.colours[b, part],
            )  # fmt: skip


_GROUND = (
    "half", "heights", "under", "over", "cover", "shade", "noise", "water", "water_look", "beyond", "roof"
)  # fmt: skip
_LIGHT = ("gain", "fog", "shadow", "glow", "ground", "fall", "sky")
_VIEW = ("line", "begin", "end", "axes", "origin", "step", "size", "squeeze", "scale", "eye", "sheltered")


def _array(tensor: Tensor) -> Any:
    return tensor.detach().contiguous().numpy()


def _run(jobs: Jobs, threads: int) -> None:
    """Does all jobs, in any order."""
    if threads == 1 or len(jobs) == 1:
        for job in jobs:
            job()
        return
    pool = _POOLS.get((os.getpid(), threads))
    if pool is None:
        pool = _POOLS[os.getpid(), threads] = ThreadPoolExecutor(threads, "draw")
    for done in [pool.submit(job) for job in jobs]:
        done.result()
