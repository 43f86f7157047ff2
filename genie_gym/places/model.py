"""A place as a model for 3D programs: a node for each thing, in little squares with colours, and the ground as a mesh.

Things that one asset draws share its squares. Colours are free of light: programs light them as they like.

Legend: n surfels, V vertices of a mesh, F triangles, G points of the heights along a side, R texels along a side.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int, Int32, UInt8

from genie_gym.places.ground import BEYOND_LEVEL, BEYOND_REACH, Ground
from genie_gym.places.library import AssetLibrary
from genie_gym.places.place import Place, Thing
from genie_gym.places.splat import SNOW_SUM, SNOWED
from genie_gym.places.surfels import RADII, STEPS
from genie_gym.places.table import tables

SQUARES = 150_000  # of all assets together, at most; levels of detail are chosen so
PALETTE_SIDE = 512  # colours along a side of the palette
COLOUR_BITS = 6  # a channel; what is finer is one colour
COVER = 0.75  # half a square's side, of the surfel's radius: neighbours meet, and overlap little
GROUND_TEXELS = 1024  # along a side of the ground's picture
PALETTE, GROUND, PATTERNS = range(3)  # pictures
TILE, TILES_ABREAST = 12, 256  # texels along a side of a pattern; patterns along a side of their picture
COLOUR_STEP, STRENGTHS = 4, 4  # of 255, and of 1: of colours and patterns that share a tile
LEVEL = 0.95  # of a normal's height: from there on patterns lie along x
TINT_STEPS = 16  # tints that differ by less than one of so many steps share a mesh


@runtime_checkable
class HasLibrary(Protocol):
    """A world whose places are drawn with a library of assets."""

    library: AssetLibrary


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles, and where in a picture (by its number in the model) the colour of each vertex lies: from its upper left
    corner, 0 to 1. `position` in metres. `solid`: it has no back side."""

    position: Float[np.ndarray, "V 3"]
    colour_at: Float[np.ndarray, "V 2"]
    triangles: Int32[np.ndarray, "F 3"]
    picture: int
    solid: bool = False


@dataclass(frozen=True, eq=False)
class Node:
    """Something with a name: meshes (by their numbers; none: nothing is drawn) at a place, turned about z, and scaled
    first."""

    name: str
    meshes: tuple[int, ...]
    centre: tuple[float, float, float] = (0.0, 0.0, 0.0)
    yaw: float = 0.0
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class PlaceModel:
    """Metres, x east, y north, z up. Of the pictures, texels of the palette are not to be mixed, and those of the patterns
    only with their neighbours, not with others farther away (no mipmaps)."""

    nodes: list[Node]
    meshes: list[Mesh]
    pictures: list[UInt8[np.ndarray, "_ _ 3"]]

    @property
    def triangles(self) -> int:
        """As drawn, things that share a mesh each by themselves."""
        return sum(len(self.meshes[mesh].triangles) for node in self.nodes for mesh in node.meshes)


def place_model(place: Place, library: AssetLibrary, weather: int = 0, seed: int = 0, squares: int = SQUARES) -> PlaceModel:
    """The model of a place, as it looks in a weather of the library's: under snow there is snow on it.

    Args:
        seed: decides which asset draws a thing that does not say it. squares: how many all assets may have.

    Raises:
        GenieGymError: for classes and materials that the library lacks.
    """
    things, ground = tables([place], library, [seed], capacity=max(len(place.things), 1))
    assets = things.asset[0, : len(place.things)].tolist()
    level = _levels(library, sorted({asset for asset in assets if asset >= 0}), squares)
    snowy = library.config.weathers[weather] == "snowy"
    palette, patterns, meshes = _Palette(), _Patterns(library), list[Mesh]()
    known: dict[tuple[int, tuple[int, ...]], list[int]] = {}
    nodes, counts = [], dict[str, int]()
    ids = things.id[0].tolist()
    for thing, asset, number in zip(place.things, assets, ids, strict=False):
        counts[thing.name] = counts.get(thing.name, 0) + 1
        tint = tuple(round(value * TINT_STEPS) for value in thing.tint)
        if asset >= 0 and (asset, tint) not in known:
            made = _squares(library, asset, level[asset], np.array(tint) / TINT_STEPS, snowy, palette, patterns)
            known[asset, tint] = [*range(len(meshes), len(meshes) + len(made))]
            meshes += made
        size = (1.0, 1.0, 1.0) if asset < 0 else library.size[asset].tolist()
        scale = tuple(mine / its for mine, its in zip(thing.size, size, strict=True))
        name, about = f"{thing.name} {counts[thing.name]}", _about(thing, number)
        drawn = tuple(known.get((asset, tint), ()))
        nodes.append(Node(name, drawn, thing.centre, thing.yaw, scale, about))  # type: ignore[arg-type]
    nodes += _ground_nodes(library, ground, weather, place, palette, meshes)
    return PlaceModel(nodes, meshes, [palette.picture(), _ground_picture(library, ground, weather), patterns.picture()])


def _about(thing: Thing, number: int) -> dict[str, Any]:
    """What a node says of its thing."""
    about: dict[str, Any] = {"class": thing.name, "id": number, "size": [round(side, 4) for side in thing.size]}
    if thing.kind:
        about["kind"] = thing.kind
    if thing.behaviour is not None:
        about["behaviour"] = thing.behaviour
    return about | ({"movable": True} if thing.movable else {})


def _levels(library: AssetLibrary, assets: list[int], squares: int) -> dict[int, int]:
    """Of each asset its finest level that is not finer than what all can be drawn with."""
    first, spacing = library.first.cpu().numpy(), library.spacing.cpu().numpy()
    counts = np.diff(first, axis=1)
    last = counts.shape[1] - 1
    chosen = {asset: 0 for asset in assets}
    for least in np.unique(spacing[assets]) if assets else ():
        if sum(int(counts[asset, at]) for asset, at in chosen.items()) <= squares:
            break
        for asset in assets:
            coarse = np.flatnonzero(spacing[asset] > least)
            chosen[asset] = int(coarse[0]) if len(coarse) else last
    return chosen


class _Palette:
    """Colours as texels of a picture."""

    def __init__(self) -> None:
        self.number: dict[int, int] = {}

    def places(self, colours: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 2"]:
        """Where each colour (0 to 255) lies."""
        step = 256 >> COLOUR_BITS
        coarse = np.clip(colours // step, 0, (1 << COLOUR_BITS) - 1).astype(np.int64)
        codes = (coarse[:, 0] << 2 * COLOUR_BITS) | (coarse[:, 1] << COLOUR_BITS) | coarse[:, 2]
        found, inverse = np.unique(codes, return_inverse=True)
        numbers = np.array([self.number.setdefault(int(code), len(self.number)) for code in found])[inverse]
        at = np.stack([numbers % PALETTE_SIDE, numbers // PALETTE_SIDE], 1)
        return (at + 0.5) / PALETTE_SIDE

    def picture(self) -> UInt8[np.ndarray, "_ _ 3"]:
        texels, step = np.zeros((PALETTE_SIDE**2, 3), np.uint8), 256 >> COLOUR_BITS
        codes = np.array([*self.number][: len(texels)], np.int64)
        mask = (1 << COLOUR_BITS) - 1
        channels = np.stack([codes >> 2 * COLOUR_BITS, codes >> COLOUR_BITS & mask, codes & mask], 1)
        texels[: len(codes)] = np.minimum(channels * step + step // 2, 255)
        return texels.reshape(PALETTE_SIDE, PALETTE_SIDE, 3)


class _Patterns:
    """What square surfels show, each as a tile of a picture."""

    def __init__(self, library: AssetLibrary):
        self.atlas = library.atlas[..., :3].cpu().numpy()
        self.windows, self.mean = (x.cpu().numpy() for x in (library.windows, library.patterns.mean[:, :3]))
        self.number: dict[tuple[int, ...], int] = {}

    def places(
        self, pattern: Int[np.ndarray, " n"], colours: Float[np.ndarray, "n 3"], strength: Float[np.ndarray, " n"]
    ) -> Float[np.ndarray, "n 4 2"]:
        """Where the corners of each surfel's tile lie, counter-clockwise from the lower left one: its pattern, so strong, on
        its colour. Colours that are nearly alike share a tile; where the picture is full, all share its last one."""
        coarse = np.rint(np.concatenate([pattern[:, None], colours / COLOUR_STEP, strength[:, None] * STRENGTHS], 1))
        last = TILES_ABREAST**2 - 1
        numbers = [min(self.number.setdefault(tuple(key), len(self.number)), last) for key in coarse.astype(int).tolist()]
        column, row = np.divmod(np.array(numbers, int), TILES_ABREAST)[::-1]
        low, high = 0.5, TILE - 0.5  # texels: from middle to middle, so that no other tile shines through
        corners = np.array([(low, high), (high, high), (high, low), (low, low)])
        return (np.stack([column, row], 1)[:, None] * TILE + corners) / (TILES_ABREAST * TILE)

    def picture(self) -> UInt8[np.ndarray, "_ _ 3"]:
        keys = np.array([*self.number][: TILES_ABREAST**2], int).reshape(-1, 5)
        texels = keys[:, None, 1:4] * COLOUR_STEP + self._texels(keys[:, 0]) * keys[:, None, 4:] / STRENGTHS
        tiles = np.zeros((TILES_ABREAST**2, TILE, TILE, 3), np.uint8)
        tiles[: len(keys)] = np.clip(np.rint(texels), 0, 255).reshape(-1, TILE, TILE, 3)[:, ::-1]  # rows of patterns go up
        side = TILES_ABREAST * TILE
        return tiles.reshape(TILES_ABREAST, TILES_ABREAST, TILE, TILE, 3).swapaxes(1, 2).reshape(side, side, 3)

    def _texels(self, pattern: Int[np.ndarray, " n"]) -> Float[np.ndarray, "n texels 3"]:
        """What patterns differ by from their mean, texel by texel of a tile: means over 2×2 points."""
        row, column, span = (self.windows[pattern, k, None].astype(int) for k in range(3))
        points = ((np.arange(2 * TILE) + 0.5) / (2 * TILE) * span).astype(int)
        shown = self.atlas[(row + points)[:, :, None], (column + points)[:, None, :]].astype(np.float64)
        tiles = shown.reshape(-1, TILE, 2, TILE, 2, 3).mean((2, 4)).reshape(-1, TILE * TILE, 3)
        return np.asarray(tiles - self.mean[pattern, None])


def _squares(
    library: AssetLibrary,
    asset: int,
    level: int,
    tint: Float[np.ndarray, " 3"],
    snowy: bool,
    palette: _Palette,
    patterns: _Patterns,
) -> list[Mesh]:
    """An asset's surfels as squares, in its own metres: those of one colour, and those with patterns."""
    rows = slice(*library.first[asset, level : level + 2].tolist())
    size = library.size[asset].cpu().numpy().astype(np.float64)
    centre = library.position[rows].cpu().numpy() / STEPS * size
    normal = library.normal[rows].cpu().numpy() / 127.0
    pattern = library.pattern[rows].cpu().numpy().astype(np.int64)
    radius = RADII[library.radius[rows].cpu().numpy()].astype(np.float64)
    half = np.where(pattern < 0, COVER, math.sqrt(0.5))[:, None] * radius[:, None]
    flat = np.hypot(normal[:, 0], normal[:, 1])[:, None]
    across = np.stack([-normal[:, 1], normal[:, 0], np.zeros(len(normal))], 1) / np.maximum(flat, 1e-9)
    across = np.where(np.abs(normal[:, 2:]) > LEVEL, (1.0, 0.0, 0.0), across)
    up = np.cross(normal, across)
    up /= np.maximum(np.linalg.norm(up, axis=1, keepdims=True), 1e-9)
    across = np.cross(up, normal)
    corners = np.stack([centre + half * (a * across + b * up) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))], 1)
    dry = library.albedo[rows].cpu().numpy().astype(np.float64)
    wet = library.snowy[rows].cpu().numpy().astype(np.float64) if snowy else dry
    strength = 1 - SNOWED * np.minimum(np.abs(wet - dry).sum(1) / SNOW_SUM, 1)
    colours, made = wet * tint, []
    for chosen, picture in ((pattern < 0, PALETTE), (pattern >= 0, PATTERNS)):
        if not chosen.any():
            continue
        if picture == PALETTE:
            at = np.repeat(palette.places(colours[chosen])[:, None], 4, 1)
        else:
            at = patterns.places(pattern[chosen], colours[chosen], strength[chosen])
        begin = 4 * np.arange(int(chosen.sum()), dtype=np.int32)[:, None, None]
        triangles = (begin + np.array([[0, 1, 2], [0, 2, 3]], np.int32)).reshape(-1, 3)
        position = corners[chosen].reshape(-1, 3).astype(np.float32)
        made.append(Mesh(position, at.reshape(-1, 2).astype(np.float32), triangles, picture))
    return made


def _ground_nodes(
    library: AssetLibrary, ground: Ground, weather: int, place: Place, palette: _Palette, meshes: list[Mesh]
) -> list[Node]:
    """The ground, what lies beyond it, and waters; their meshes are added to `meshes`."""
    heights, half = ground.heights[0].cpu().numpy(), float(ground.half[0])
    side = len(heights)
    axis = np.linspace(-half, half, side)
    x, y = np.meshgrid(axis, axis)
    position = np.stack([x, y, heights], -1).reshape(-1, 3)
    at = np.stack([x / (2 * half) + 0.5, 0.5 - y / (2 * half)], -1).reshape(-1, 2)
    begin = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).reshape(-1, 1)
    triangles = np.concatenate([begin + (0, 1, side + 1), begin + (0, side + 1, side)])
    meshes.append(Mesh(position.astype(np.float32), at.astype(np.float32), triangles.astype(np.int32), GROUND, solid=True))
    nodes = [Node("ground", (len(meshes) - 1,), about={"material": place.base})]

    def plate(name: str, material: int, points: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> None:
        colour = library.tiles[material, weather, -1:].cpu().numpy().astype(np.float64)
        where = np.repeat(palette.places(colour), len(points), 0).astype(np.float32)
        meshes.append(Mesh(points.astype(np.float32), where, faces.astype(np.int32), PALETTE, solid=True))
        nodes.append(Node(name, (len(meshes) - 1,), about={"material": library.config.materials[material]}))

    inner, outer = (np.array([[-r, -r], [r, -r], [r, r], [-r, r]]) for r in (half, max(BEYOND_REACH, 2 * half)))
    ring = np.array([[k, k + 4, (k + 1) % 4 + 4] for k in range(4)] + [[k, (k + 1) % 4 + 4, (k + 1) % 4] for k in range(4)])
    corners = np.concatenate([inner, outer])
    plate("beyond", int(ground.beyond[0]), np.insert(corners, 2, BEYOND_LEVEL, 1), ring)
    for number, water in enumerate(place.waters):
        west, south, east, north = (min(max(edge, -BEYOND_REACH), BEYOND_REACH) for edge in water.bounds)
        points = np.array([[x, y, water.level] for x, y in ((west, south), (east, south), (east, north), (west, north))])
        plate(f"water {number + 1}", int(ground.water_look[0, number]), points, np.array([[0, 1, 2], [0, 2, 3]]))
    return nodes


def _ground_picture(library: AssetLibrary, ground: Ground, weather: int) -> UInt8[np.ndarray, "R R 3"]:
    """The ground from above, north up, as its materials are in a weather, without light."""
    half, side = float(ground.half[0]), GROUND_TEXELS
    texel = 2 * half / side
    x = (np.arange(side) + 0.5) * texel - half
    east, north = np.meshgrid(x, x[::-1])
    cells = ground.under.shape[1]
    column, row = (np.minimum(((v + half) / (2 * half) * cells).astype(int), cells - 1) for v in (east, north))
    under, over = (_albedo(library, getattr(ground, name)[0].cpu().numpy()[row, column], weather, east, north, texel)
                   for name in ("under", "over"))  # fmt: skip
    share = ground.cover[0].cpu().numpy()[row, column][..., None] / 255
    return np.clip(np.rint(under * (1 - share) + over * share), 0, 255).astype(np.uint8)


def _albedo(
    library: AssetLibrary, material: np.ndarray, weather: int, east: np.ndarray, north: np.ndarray, texel: float
) -> Float[np.ndarray, "R R 3"]:
    """The texels of materials' tiles at points, of the level of the pyramid that is as fine as `texel` metres."""
    colours = np.zeros((*material.shape, 3))
    for number in np.unique(material):
        period, side = float(library.period[number]), library.config.tile
        level = int(np.clip(round(math.log2(max(texel * side / period, 1e-9))), 0, side.bit_length() - 1))
        begin, fine = sum((side >> k) ** 2 for k in range(level)), side >> level
        tile = library.tiles[number, weather, begin : begin + fine * fine].cpu().numpy().reshape(fine, fine, 3)
        chosen = material == number
        column, row = (np.floor(v[chosen] / period % 1 * fine).astype(int) % fine for v in (east, north))
        colours[chosen] = tile[row, column]
    return colours
