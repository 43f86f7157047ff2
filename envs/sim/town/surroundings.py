"""What stands at the world's edge, what one sees beyond it, and water. An edge runs from a to b; p and q lie along it.

All of it is pieces, each with a box of its own; they are drawn as one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from genie_gym.envs.sim.town.layout import Layout
from genie_gym.envs.sim.town.pieces import Piece, merged
from genie_gym.envs.sim.town.plane import HALF, heading_of
from genie_gym.envs.sim.town.shapes import Collider, Shape

FAR = 190.0  # metres to the horizon
SEA_LEVEL, FLOOR_BEYOND = -1.0, -0.06  # metres, of the sea, and of the ground outside the square
_SKIRT = {"grass": "moss", "forest_floor": "olive", "sand": "dune", "snow": "ice", "concrete": "grey", "pavement": "grey"}


def surroundings(layout: Layout) -> tuple[Shape, Shape | None]:
    """The boundary with all that one sees beyond it, and the water."""
    skirt = Shape()
    skirts = [(-FAR, HALF, FAR, FAR), (-FAR, -HALF, -HALF, HALF), (HALF, -HALF, FAR, HALF), (-FAR, -FAR, FAR, -HALF)]
    for west, south, east, north in skirts[: 4 if layout.quay is None else 3]:
        skirt.floor(west, south, east, north, FLOOR_BEYOND, look_beyond(layout))
    shape = merged([Piece("skirt", skirt), *edge_pieces(layout)])
    out = HALF + 0.5
    for x, y in ((0, out), (0, -out), (out, 0), (-out, 0)):
        shape.colliders.append(Collider("box", (x, y, 15), (0.5 if x else HALF, 0.5 if y else HALF, 15)))
    return shape, _water(layout)


def look_beyond(layout: Layout) -> str:
    """The cell that the ground outside the square wears."""
    return _SKIRT.get(layout.base, "moss")


def edge_pieces(layout: Layout) -> list[Piece]:
    """What stands at the edge of the world and beyond it, piece by piece, in the world's axes."""
    rng, quay = np.random.default_rng([layout.seed, 1]), layout.quay
    pieces = list(_backdrop(layout, rng))
    low = -HALF if quay is None else quay
    edges = [((-HALF, HALF), (HALF, HALF)), ((-HALF, low), (-HALF, HALF)), ((HALF, HALF), (HALF, low))]
    if quay is None:
        edges.append(((HALF, -HALF), (-HALF, -HALF)))
    else:
        pieces += _quay(quay)
    for start, end in edges:
        pieces += _BOUNDARIES[layout.boundary](np.array(start, float), np.array(end, float), rng, layout)
    return pieces


def _quay(y: float) -> Iterator[Piece]:
    """The wall of the quay, cell by cell, and bollards along it."""
    for west in np.arange(-HALF, HALF, 4.0):
        wall = Shape()
        wall.quad(np.array([[west, y, -2], [west + 4, y, -2], [west + 4, y, 0], [west, y, 0]]), "stone")
        yield Piece("quay", wall)
    for x in np.arange(-HALF + 1.5, HALF, 4.0):
        bollard = Shape()
        bollard.prism((float(x), y + 0.35, 0), 0.18, 0.6, "iron", 6)
        yield Piece("bollard", bollard)


def _water(layout: Layout) -> Shape | None:
    """A flood over everything, or a sea south of the quay that reaches to the horizon."""
    water, quay = Shape(), layout.quay
    if layout.water_level is not None:
        side = HALF + 2
        water.floor(-side, -side, side, side, layout.water_level, "water", (14, 14))
    elif quay is not None:
        near, z = HALF + 8, SEA_LEVEL
        water.floor(-near, -HALF, near, quay, z, "water", (18, 6))
        water.floor(-FAR, -FAR, FAR, -HALF, z, "water", (16, 8))
        water.floor(-FAR, -HALF, -near, quay, z, "water", (8, 2))
        water.floor(near, -HALF, FAR, quay, z, "water", (8, 2))
    else:
        return None
    return water


def _backdrop(layout: Layout, rng: np.random.Generator) -> Iterator[Piece]:
    """Hills, dunes or a skyline, far away."""
    count = 26
    for k in range(count):
        angle = 2 * np.pi * (k + rng.uniform(-0.3, 0.3)) / count
        if layout.quay is not None and np.sin(angle) < 0.1:
            continue
        distance = rng.uniform(75, 125)
        x, y = float(distance * np.cos(angle)), float(distance * np.sin(angle))
        shape = Shape()
        if layout.backdrop == "skyline":
            size = (float(rng.uniform(9, 18)), float(rng.uniform(9, 18)), float(rng.uniform(14, 46)))
            shape.box((x, y, 0), size, str(rng.choice(["concrete", "glass", "grey", "brick"])), "grey", tile=9)
            yield Piece("block", shape)
        else:
            radius, height = float(rng.uniform(18, 34)), float(rng.uniform(6, 20))
            turn = float(rng.uniform(0, 1))
            shape.prism((x, y, -1), radius, height, layout.backdrop, 7, top_radius=radius * 0.25, turn=turn)
            yield Piece("hill", shape, turn)


def _along(a: np.ndarray, b: np.ndarray, step: float) -> list[tuple[np.ndarray, float]]:
    """The middles of equal pieces of a line, about `step` metres long, and their length."""
    length = float(np.hypot(*(b - a)))
    count = max(1, round(length / step))
    return [(a + (b - a) * (k + 0.5) / count, length / count) for k in range(count)]


def _town_wall(a: np.ndarray, b: np.ndarray, rng: np.random.Generator, layout: Layout) -> Iterator[Piece]:
    yaw = heading_of(b - a)
    for p, step in _along(a, b, 16):
        wall = Shape()
        wall.box((*p, 0), (step, 1.0, 4.6), "stone", tile=3, yaw=yaw)
        yield Piece("wall", wall, yaw)
    for p, _ in _along(a, b, 1.8):
        battlement = Shape()
        battlement.box((*p, 4.6), (0.9, 1.0, 0.7), "stone", yaw=yaw)
        yield Piece("battlement", battlement, yaw)
    for p in (a, b):
        tower = Shape()
        tower.prism((*p, 0), 2.4, 7.5, "stone", 8, tile=3)
        tower.prism((*p, 7.5), 2.9, 3.6, "roof_tile", 8, top_radius=0)
        yield Piece("tower", tower)


def _facades(a: np.ndarray, b: np.ndarray, rng: np.random.Generator, layout: Layout) -> Iterator[Piece]:
    yaw = heading_of(b - a)
    along = (b - a) / np.hypot(*(b - a))
    outward = np.array([-along[1], along[0]])
    for p, step in _along(a, b, 8):
        height = float(rng.uniform(8, 16))
        cell = str(rng.choice(["brick", "concrete", "glass", "plaster", "sandstone"]))
        centre = p + outward * 3
        facade = Shape()
        facade.box((*centre, 0), (step, 6, height), cell, "gravel", tile=3, yaw=yaw)
        for z in np.arange(1.2, height - 1.6, 2.9) if cell != "glass" else ():
            for t in (-0.3, 0.0, 0.3):
                q = p + along * t * step - outward * 0.03
                left, right = q - along * 0.55, q + along * 0.55
                lit = bool(rng.random() < 0.5)
                panel = np.array([[*left, z], [*right, z], [*right, z + 1.4], [*left, z + 1.4]])
                facade.quad(panel, "window_lit" if lit else "window", glow=lit)
        yield Piece("facade", facade, yaw)


def _hedges(a: np.ndarray, b: np.ndarray, rng: np.random.Generator, layout: Layout) -> Iterator[Piece]:
    yaw = heading_of(b - a)
    for p, step in _along(a, b, 8):
        hedge = Shape()
        hedge.box((*p, layout.terrain.height(*p) - 0.5), (step, 1.2, 2.4), "leaves", tile=2.2, yaw=yaw)
        yield Piece("hedge", hedge, yaw)
    for p, _ in _along(a, b, 7):
        q = p * (1 + rng.uniform(0.04, 0.16))
        tree = Shape()
        tree.prism((*q, 0), 0.3, 3, "bark", 5)
        r = float(rng.uniform(1.6, 2.4))
        tree.blob((*q, 4.0), (r, r, r), "leaves", rng, 0.15)
        yield Piece("hedge_tree", tree)


def _tree_line(a: np.ndarray, b: np.ndarray, rng: np.random.Generator, layout: Layout) -> Iterator[Piece]:
    for depth in (0.6, 3.6):
        for p, _ in _along(a, b, 2.6):
            q = p * (1 + depth / HALF) + rng.uniform(-0.6, 0.6, 2)
            height = float(rng.uniform(5, 9))
            radius, turn = float(rng.uniform(1.5, 2.2)), float(rng.uniform(0, 1))
            tree = Shape()
            tree.prism((*q, 0), radius, height, "needles", 5, top_radius=0, turn=turn)
            yield Piece("tree", tree, turn)


def _mesas(a: np.ndarray, b: np.ndarray, rng: np.random.Generator, layout: Layout) -> Iterator[Piece]:
    desert = layout.boundary == "mesa"
    for p, step in _along(a, b, 6):
        height = float(rng.uniform(3.5, 7)) if desert else float(rng.uniform(2.5, 4.5))
        centre, turn = (*(p * 1.06), layout.terrain.height(*p) - 1), float(rng.uniform(0, 1))
        cell, cap = ("adobe", "sandstone") if desert else ("snow", "snow")
        mesa = Shape()
        mesa.prism(centre, step * 0.75, height + 1, cell, 6, top_radius=step * 0.5, cap=cap, tile=4, turn=turn)
        yield Piece(layout.boundary, mesa, turn)


_BOUNDARIES = {
    "wall": _town_wall, "facade": _facades, "hedge": _hedges, "trees": _tree_line, "mesa": _mesas, "snowbank": _mesas,
}  # fmt: skip
