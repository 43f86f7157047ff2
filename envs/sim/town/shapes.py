"""Building blocks of meshes: quads and triangles that wear cells of the atlas, gathered into a `Shape`.

A shape has two meshes: `solid`, and `glow` (windows, lamps), which shines at night. Its colliders are simple
primitives that nobody sees. Faces are seen from outside only: corners go counter-clockwise. Metres, z up;
w d h are width (along x), depth (along y) and height.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import numpy as np

from genie_gym.envs.sim.town.atlas import cell_uv

Vector = tuple[float, float, float]
WHITE: Vector = (1.0, 1.0, 1.0)  # tints nothing

_CORNERS = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
_TIP = np.array([[0, 0], [1, 0], [0.5, 1]])  # of a triangle
_QUAD = np.array([[0, 1, 2], [0, 2, 3]])


@functools.cache
def _uv(cell: str, corners: int) -> np.ndarray:
    return cell_uv(cell, *(_CORNERS if corners == 4 else _TIP).T)


@dataclass
class Mesh:
    """Vertices [n, 3] with texture coordinates [n, 2], and triangles that index them."""

    points: list[np.ndarray] = field(default_factory=list)
    coordinates: list[np.ndarray] = field(default_factory=list)
    faces: list[np.ndarray] = field(default_factory=list)
    size: int = 0

    def add(self, points: np.ndarray, coordinates: np.ndarray, faces: np.ndarray) -> None:
        self.points.append(points)
        self.coordinates.append(coordinates)
        self.faces.append(faces + self.size)
        self.size += len(points)

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return np.concatenate(self.points), np.concatenate(self.coordinates), np.concatenate(self.faces)


@dataclass(frozen=True)
class Collider:
    """kind "box" (half sizes x, y, z), "cylinder" (radius, half height) or "sphere" (radius), turned by `yaw` about z."""

    kind: str
    position: Vector
    size: tuple[float, ...]
    yaw: float = 0.0

    @property
    def half(self) -> tuple[float, float]:
        """Half extents seen from above, before turning."""
        return (self.size[0], self.size[1]) if self.kind == "box" else (self.size[0], self.size[0])


@dataclass
class Shape:
    solid: Mesh = field(default_factory=Mesh)
    glow: Mesh = field(default_factory=Mesh)
    colliders: list[Collider] = field(default_factory=list)

    def quad(self, corners: np.ndarray, cell: str, repeat: tuple[int, int] = (1, 1), glow: bool = False) -> None:
        """Four corners (lower left, lower right, upper right, upper left as seen from outside), tiled `repeat` times."""
        corners = np.asarray(corners, float)
        mesh, (nu, nv) = self.glow if glow else self.solid, repeat
        if nu == nv == 1:
            mesh.add(corners, _uv(cell, 4), _QUAD)
            return
        u0, v0 = np.tile(np.arange(nu), nv), np.repeat(np.arange(nv), nu)
        uv = (np.stack([u0, v0], -1)[:, None] + _CORNERS) / (nu, nv)  # [tiles, 4, 2]
        u, v = uv[..., :1], uv[..., 1:]
        points = (1 - v) * ((1 - u) * corners[0] + u * corners[1]) + v * ((1 - u) * corners[3] + u * corners[2])
        faces = (4 * np.arange(nu * nv)[:, None, None] + _QUAD).reshape(-1, 3)
        mesh.add(points.reshape(-1, 3), np.tile(_uv(cell, 4), (nu * nv, 1)), faces)

    def triangle(self, corners: np.ndarray, cell: str, glow: bool = False) -> None:
        (self.glow if glow else self.solid).add(np.asarray(corners, float), _uv(cell, 3), _QUAD[:1])

    def fan(self, corners: np.ndarray, cell: str, glow: bool = False) -> None:
        """A convex polygon [n, 3], as triangles that meet in its first corner."""
        for k in range(1, len(corners) - 1):
            self.triangle(corners[[0, k, k + 1]], cell, glow)

    def sheet(self, corners: np.ndarray, cell: str, repeat: tuple[int, int] = (1, 1)) -> None:
        """Four corners of something thin: seen from both sides."""
        self.quad(corners, cell, repeat)
        self.quad(np.asarray(corners)[[1, 0, 3, 2]], cell, repeat)

    def floor(
        self, west: float, south: float, east: float, north: float, z: float, cell: str, repeat: tuple[int, int] = (1, 1)
    ) -> None:
        """A level rectangle, seen from above."""
        self.quad(np.array([[west, south, z], [east, south, z], [east, north, z], [west, north, z]]), cell, repeat)

    def box(
        self, centre: Vector, size: Vector, cell: str, top: str | None = None, *, yaw: float = 0.0, tile: float = 0.0,
        glow: bool = False, bottom: bool = False, solid: bool = False,
    ) -> None:  # fmt: skip
        """A box whose underside lies at centre z. `tile`: metres that a cell covers (0: one cell a face). `solid` adds a
        collider."""
        x, y, z = centre
        w, d, h = size
        corners = turned(np.array([[-w, -d], [w, -d], [w, d], [-w, d]]) / 2, yaw) + (x, y)
        self.walls(corners, z, z + h, cell, tile=tile, glow=glow)
        self.quad(np.c_[corners, np.full(4, z + h)], top or cell, _tiles(w, d, tile), glow)
        if bottom:
            self.quad(np.c_[corners, np.full(4, z)][::-1], top or cell, _tiles(w, d, tile), glow)
        if solid:
            self.colliders.append(Collider("box", (x, y, z + h / 2), (w / 2, d / 2, h / 2), yaw))

    def walls(
        self, corners: np.ndarray, low: float, high: float, cell: str, tile: float = 0.0, glow: bool = False,
        taper: float = 1.0,
    ) -> None:  # fmt: skip
        """Upright faces around a polygon given counter-clockwise; the upper rim is shrunk by `taper`."""
        middle = corners.mean(0)
        upper = middle + (corners - middle) * taper
        for a, b, c, d in zip(corners, np.roll(corners, -1, 0), np.roll(upper, -1, 0), upper, strict=True):
            face = np.array([[*a, low], [*b, low], [*c, high], [*d, high]])
            self.quad(face, cell, _tiles(float(np.linalg.norm(b - a)), high - low, tile), glow)

    def prism(
        self, centre: Vector, radius: float, height: float, cell: str, sides: int = 8, *, top_radius: float | None = None,
        cap: str | None = None, tile: float = 0.0, glow: bool = False, solid: bool = False, turn: float = 0.0,
    ) -> None:  # fmt: skip
        """An upright prism, cylinder or (with `top_radius` 0) cone, standing at centre z."""
        x, y, z = centre
        top = radius if top_radius is None else top_radius
        angles = turn + 2 * np.pi * np.arange(sides) / sides
        ring = np.c_[np.cos(angles), np.sin(angles)]
        if top > 0:
            self.walls(ring * radius + (x, y), z, z + height, cell, tile, glow, top / radius)
            self.fan(np.c_[ring * top + (x, y), np.full(sides, z + height)], cap or cell, glow)
        else:
            base = np.c_[ring * radius + (x, y), np.full(sides, z)]
            for a, b in zip(base, np.roll(base, -1, 0), strict=True):
                self.triangle(np.array([a, b, (x, y, z + height)]), cell, glow)
        if solid:
            self.colliders.append(Collider("cylinder", (x, y, z + height / 2), (max(radius, top), height / 2)))

    def gable(self, centre: Vector, size: Vector, roof: str, wall: str, overhang: float = 0.35) -> None:
        """A roof with its ridge along x and gable walls at both ends."""
        x, y, z = centre
        w, d, h = size[0] / 2, size[1] / 2, size[2]
        drop = overhang * h / d
        for sign in (1, -1):
            eave, out, ridge = d + overhang, w + overhang, z + h
            corners = np.array([[-out, -eave, z - drop], [out, -eave, z - drop], [out, 0, ridge], [-out, 0, ridge]])
            corners[:, :2] *= sign
            slope = float(np.hypot(d, h))
            self.quad(corners + (x, y, 0), roof, _tiles(2 * w, slope, 2.4))
            self.quad((corners + (x, y, -0.02))[::-1], "dark_wood")
            end = np.array([[w, -d, z], [w, d, z], [w, 0, z + h]], float)
            end[:, :2] *= sign
            self.triangle(end + (x, y, 0), wall)

    def hip(self, centre: Vector, size: Vector, roof: str, overhang: float = 0.35) -> None:
        """A roof of four slopes to one point."""
        x, y, z = centre
        w, d = size[0] / 2 + overhang, size[1] / 2 + overhang
        base = np.array([[-w, -d, 0], [w, -d, 0], [w, d, 0], [-w, d, 0]]) + (x, y, z - 0.1)
        for k in range(4):
            a, b, top = base[k], base[(k + 1) % 4], np.array([x, y, z + size[2]])
            middle = (a + top) / 2, (b + top) / 2
            self.quad(np.array([a, b, middle[1], middle[0]]), roof, _tiles(float(np.linalg.norm(b - a)), 2, 2.4))
            self.triangle(np.array([middle[0], middle[1], top]), roof)

    def blob(self, centre: Vector, radii: Vector, cell: str, rng: np.random.Generator, bumps: float) -> None:
        """A low-poly ball of 6 x 4 faces with dented corners: crowns, bushes, rocks."""
        columns, rows = 6, 4
        polar = np.pi * np.arange(rows + 1)[:, None] / rows
        turn = 2 * np.pi * (np.arange(columns) + rng.uniform()) / columns
        sine, around = np.sin(polar), turn + 0.3 * polar
        grid = np.stack([sine * np.cos(around), sine * np.sin(around), -np.cos(polar) * np.ones(columns)], -1)
        dents = 1 + bumps * rng.uniform(-1, 1, (rows + 1, columns, 1))
        dents[[0, -1]] = 1
        grid = grid * dents * radii + centre
        for r in range(rows):
            for c in range(columns):
                d = (c + 1) % columns
                if r == 0:
                    self.triangle(grid[[0, 1, 1], [c, d, c]], cell)
                elif r == rows - 1:
                    self.triangle(grid[[r, r, r + 1], [c, d, c]], cell)
                else:
                    self.quad(grid[[r, r, r + 1, r + 1], [c, d, d, c]], cell)

    def merge(self, other: Shape, offset: Vector = (0, 0, 0), yaw: float = 0.0) -> None:
        """Adds all of another shape, turned about z and moved."""
        for mine, theirs in ((self.solid, other.solid), (self.glow, other.glow)):
            for points, coordinates, faces in zip(theirs.points, theirs.coordinates, theirs.faces, strict=True):
                moved = np.c_[turned(points[:, :2], yaw), points[:, 2]] + offset
                mine.add(moved, coordinates, faces - faces.min())
        for collider in other.colliders:
            x, y = turned(np.array(collider.position[:2]), yaw)
            position = (float(x + offset[0]), float(y + offset[1]), collider.position[2] + offset[2])
            self.colliders.append(Collider(collider.kind, position, collider.size, collider.yaw + yaw))

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest corner of all that is drawn."""
        points = self.points()
        return points.min(0), points.max(0)

    def points(self) -> np.ndarray:
        """All vertices [n, 3] of what is drawn."""
        return np.concatenate([*self.solid.points, *self.glow.points])


def turned(points: np.ndarray, yaw: float) -> np.ndarray:
    """Points [n, 2] turned about the origin."""
    c, s = np.cos(yaw), np.sin(yaw)
    return points @ np.array([[c, s], [-s, c]])


def _tiles(width: float, height: float, tile: float) -> tuple[int, int]:
    return (1, 1) if tile <= 0 else (max(1, round(width / tile)), max(1, round(height / tile)))
