"""Objects: what lies, stands and grows in a world, each kind in a few variants. `s` is the shape that is built."""

from __future__ import annotations

import functools
from collections.abc import Callable
from itertools import product

import numpy as np

from genie_gym.envs.sim.town.shapes import Collider, Shape, Vector

# Kilograms; an agent picks up what is light enough and pushes the rest.
MASSES = {"crate": 18.0, "barrel": 25.0, "ball": 0.8, "pot": 3.0, "chair": 5.0, "log": 22.0, "cone": 1.5, "bucket": 1.5}
# What an object is to physics: a cylinder (radius, half height) or a box (half sizes), standing on the ground.
SOLID: dict[str, tuple[float, ...]] = {
    "barrel": (0.33, 0.4), "pot": (0.22, 0.17), "chair": (0.24, 0.24, 0.235), "log": (0.7, 0.16, 0.17),
    "cone": (0.17, 0.33), "bucket": (0.17, 0.16), "pine": (0.3, 1.0), "bush": (0.6, 0.4), "lamp": (0.12, 1.5),
    "bench": (0.85, 0.25, 0.45), "cactus": (0.35, 1.2), "car": (2.0, 0.88, 0.7), "tent": (1.3, 1.1, 0.9),
    "snowman": (0.45, 0.9), "table": (0.8, 0.45, 0.4), "haystack": (1.0, 0.7), "flag": (0.1, 2.1),
    "fence": (1.5, 0.08, 0.55), "pillar": (0.5, 0.5, 1.5),
}  # fmt: skip
VARIANTS = {"tree": 4, "pine": 4, "bush": 3, "rock": 4, "flower": 3, "car": 6, "boat": 3, "tent": 3, "flag": 3}


@functools.cache
def prop(kind: str, variant: int = 0) -> Shape:
    """The shape of an object, standing at the origin."""
    shape = Shape()
    _BUILDERS[kind](shape, np.random.default_rng([variant, *kind.encode()]), variant)
    if kind in SOLID:
        half = SOLID[kind]
        shape.colliders.append(Collider("box" if len(half) == 3 else "cylinder", (0, 0, half[-1]), half))
    return shape


def _legs(s: Shape, x: float, y: float, size: Vector, cell: str) -> None:
    """Four of them, or wheels, at (±x, ±y)."""
    for sx, sy in product((-x, x), (-y, y)):
        s.box((sx, sy, 0), size, cell)


def _barrel(s: Shape, rng: np.random.Generator, variant: int) -> None:
    s.prism((0, 0, 0), 0.27, 0.4, "barrel", 8, top_radius=0.34)
    s.prism((0, 0, 0.4), 0.34, 0.4, "barrel", 8, top_radius=0.27, cap="wood")


def _ball(s: Shape, rng: np.random.Generator, variant: int) -> None:
    for k, cell in enumerate(("red", "white", "red")):
        r0, r1 = (0.1, 0.24) if k == 0 else (0.26, 0.26) if k == 1 else (0.24, 0.06)
        s.prism((0, 0, 0.02 + 0.17 * k), r0, 0.17, cell, 8, top_radius=r1)
    s.colliders.append(Collider("sphere", (0, 0, 0.27), (0.27,)))


def _pot(s: Shape, rng: np.random.Generator, variant: int) -> None:
    s.prism((0, 0, 0), 0.16, 0.34, "copper", 8, top_radius=0.25, cap="dark_wood")
    s.blob((0, 0, 0.5), (0.26, 0.26, 0.22), "leaves", rng, 0.2)


def _chair(s: Shape, rng: np.random.Generator, variant: int) -> None:
    s.box((0, 0, 0.4), (0.48, 0.48, 0.07), "wood", bottom=True)
    s.box((0, 0.22, 0.47), (0.48, 0.05, 0.5), "planks")
    _legs(s, 0.2, 0.2, (0.06, 0.06, 0.4), "dark_wood")


def _log(s: Shape, rng: np.random.Generator, variant: int) -> None:
    # Lies along x: an upright prism turned over.
    rod = Shape()
    rod.prism((0, 0, -0.7), 0.18, 1.4, "bark", 7, cap="tan")
    for points, coordinates, faces in zip(rod.solid.points, rod.solid.coordinates, rod.solid.faces, strict=True):
        s.solid.add(points[:, [2, 1, 0]] * (1, 1, -1) + (0, 0, 0.18), coordinates, faces - faces.min())


def _cone(s: Shape, rng: np.random.Generator, variant: int) -> None:
    s.box((0, 0, 0), (0.42, 0.42, 0.05), "orange")
    s.prism((0, 0, 0.05), 0.16, 0.25, "orange", 8, top_radius=0.11)
    s.prism((0, 0, 0.3), 0.11, 0.14, "white", 8, top_radius=0.08)
    s.prism((0, 0, 0.44), 0.08, 0.22, "orange", 8, top_radius=0.03)


def _tree(s: Shape, rng: np.random.Generator, variant: int) -> None:
    height = rng.uniform(2.0, 2.9)
    s.prism((0, 0, 0), 0.22, height, "bark", 6, top_radius=0.14)
    for _ in range(3):
        x, y, r = *rng.uniform(-0.7, 0.7, 2), rng.uniform(1.1, 1.6)
        s.blob((x, y, height + rng.uniform(0.3, 1.3)), (r, r, r * 0.85), "leaves", rng, 0.16)
    s.colliders.append(Collider("cylinder", (0, 0, height / 2), (0.25, height / 2)))


def _pine(s: Shape, rng: np.random.Generator, variant: int) -> None:
    scale = rng.uniform(0.85, 1.25)
    s.prism((0, 0, 0), 0.18, 1.0, "bark", 6)
    for k, r in enumerate((1.5, 1.15, 0.8)):
        s.prism((0, 0, (0.8 + 1.15 * k) * scale), r * scale, 1.9 * scale, "needles", 7, top_radius=0, turn=k)


def _bush(s: Shape, rng: np.random.Generator, variant: int) -> None:
    for _ in range(2):
        s.blob((*rng.uniform(-0.35, 0.35, 2), 0.4), (0.65, 0.65, 0.5), "leaves", rng, 0.2)


def _rock(s: Shape, rng: np.random.Generator, variant: int) -> None:
    r = rng.uniform(0.5, 1.1)
    s.blob((0, 0, r * 0.4), (r, r * rng.uniform(0.7, 1), r * 0.75), "rock", rng, 0.22)
    s.colliders.append(Collider("cylinder", (0, 0, r * 0.5), (r * 0.85, r * 0.5)))


def _lamp(s: Shape, rng: np.random.Generator, variant: int) -> None:
    s.prism((0, 0, 0), 0.16, 0.3, "iron", 6)
    s.prism((0, 0, 0.3), 0.06, 2.6, "iron", 6)
    s.prism((0, 0, 2.9), 0.14, 0.42, "glow", 6, top_radius=0.22, glow=True)
    s.prism((0, 0, 3.32), 0.28, 0.22, "black", 6, top_radius=0)


def _bench(s: Shape, rng: np.random.Generator, variant: int) -> None:
    s.box((0, 0, 0.42), (1.7, 0.45, 0.07), "planks", bottom=True)
    s.box((0, 0.22, 0.5), (1.7, 0.06, 0.42), "planks")
    for x in (-0.7, 0.7):
        s.box((x, 0, 0), (0.08, 0.4, 0.42), "iron")


def _cactus(s: Shape, rng: np.random.Generator, variant: int) -> None:
    s.prism((0, 0, 0), 0.24, 2.4, "cactus", 8, top_radius=0.2)
    for sign, z in ((1, 0.9), (-1, 1.3)):
        s.box((sign * 0.45, 0, z), (0.5, 0.2, 0.22), "cactus", bottom=True)
        s.prism((sign * 0.66, 0, z), 0.14, 0.9, "cactus", 8, top_radius=0.11)


def _flower(s: Shape, rng: np.random.Generator, variant: int) -> None:
    for k in range(5):
        x, y = rng.uniform(-0.5, 0.5, 2)
        h = rng.uniform(0.3, 0.5)
        s.prism((x, y, 0), 0.02, h, "green", 4)
        s.prism((x, y, h), 0.05, 0.1, ("pink", "yellow", "red", "purple", "white")[(k + variant) % 5], 6, top_radius=0.14)
    s.blob((0, 0, 0.08), (0.7, 0.7, 0.16), "grass", rng, 0.1)


def _car(s: Shape, rng: np.random.Generator, variant: int) -> None:
    colour = ("red", "blue", "white", "yellow", "teal", "dark")[variant % 6]
    s.box((0, 0, 0.3), (4.0, 1.75, 0.55), colour, bottom=True)
    cabin = np.array([[-1.2, -0.8], [1.0, -0.8], [1.0, 0.8], [-1.2, 0.8]])
    s.walls(cabin, 0.85, 1.4, "navy", taper=0.84)
    s.quad(np.c_[cabin.mean(0) + (cabin - cabin.mean(0)) * 0.84, np.full(4, 1.4)], colour)
    _legs(s, 1.25, 0.82, (0.66, 0.2, 0.6), "black")
    for y in (-0.6, 0.6):
        s.box((2.0, y, 0.55), (0.06, 0.3, 0.16), "glow", glow=True)
        s.box((-2.0, y, 0.55), (0.06, 0.3, 0.16), "red")


def _boat(s: Shape, rng: np.random.Generator, variant: int) -> None:
    deck = np.array([[-2.2, -0.8], [1.2, -0.9], [2.6, 0], [1.2, 0.9], [-2.2, 0.8]])
    hull = deck * (0.82, 0.6)
    for k in range(5):
        a, b = k, (k + 1) % 5
        side = np.array([[*hull[a], -0.3], [*hull[b], -0.3], [*deck[b], 0.7], [*deck[a], 0.7]])
        s.quad(side, ("hull", "navy", "maroon")[variant % 3])
    s.fan(np.c_[deck, np.full(5, 0.55)], "tan")
    if variant % 3 != 1:
        s.prism((0.2, 0, 0.5), 0.07, 3.6, "wood", 5)
        sail = np.array([[0.15, 0, 1.1], [-1.9, 0, 1.1], [0.15, 0, 3.9]])
        s.triangle(sail, "cream")
        s.triangle(sail[::-1], "cream")
    else:
        s.box((-0.8, 0, 0.55), (1.2, 1.0, 0.9), "white", solid=False)
    s.colliders.append(Collider("box", (0, 0, 0.35), (2.2, 0.8, 0.5)))


def _cart(s: Shape, rng: np.random.Generator, variant: int) -> None:
    s.box((0, 0, 0.55), (1.8, 1.0, 0.1), "planks", bottom=True)
    for y in (-0.48, 0.48):
        s.box((0, y, 0.65), (1.8, 0.06, 0.35), "planks")
    for x in (-0.87, 0.87):
        s.box((x, 0, 0.65), (0.06, 1.0, 0.35), "planks")
    s.blob((0, 0, 0.75), (0.75, 0.4, 0.35), "hay", rng, 0.15)
    wheel = np.array([[np.cos(a), np.sin(a)] for a in np.arange(8) * np.pi / 4]) * 0.5
    for y in (-0.56, 0.56):
        ring = np.c_[wheel[:, 0], np.full(8, y), wheel[:, 1] + 0.5]
        for k in range(1, 7):
            face = ring[[0, k, k + 1]]
            s.triangle(face, "dark_wood")
            s.triangle(face[::-1], "dark_wood")
    for y in (-0.3, 0.3):
        s.box((1.5, y, 0.5), (1.3, 0.07, 0.07), "dark_wood", bottom=True)
    s.colliders.append(Collider("box", (0.2, 0, 0.5), (1.2, 0.6, 0.5)))


def _tent(s: Shape, rng: np.random.Generator, variant: int) -> None:
    cell = ("awning_red", "awning_blue", "awning_green")[variant % 3]
    s.gable((0, 0, 0), (2.6, 2.6, 1.9), cell, "cream", 0.05)


def _snowman(s: Shape, rng: np.random.Generator, variant: int) -> None:
    for z, r in ((0.45, 0.52), (1.15, 0.38), (1.65, 0.25)):
        s.blob((0, 0, z), (r, r, r), "snow", rng, 0.03)
    s.box((0, -0.32, 1.62), (0.07, 0.26, 0.07), "orange", bottom=True)
    for x in (-0.09, 0.09):
        s.box((x, -0.24, 1.72), (0.06, 0.04, 0.06), "black")
    s.prism((0, 0, 1.84), 0.3, 0.05, "black", 8)
    s.prism((0, 0, 1.88), 0.19, 0.3, "black", 8)


def _table(s: Shape, rng: np.random.Generator, variant: int) -> None:
    s.box((0, 0, 0.72), (1.6, 0.9, 0.07), "planks", bottom=True)
    _legs(s, 0.7, 0.36, (0.09, 0.09, 0.72), "dark_wood")


def _haystack(s: Shape, rng: np.random.Generator, variant: int) -> None:
    s.prism((0, 0, 0), 1.1, 0.7, "hay", 8, top_radius=1.0)
    s.prism((0, 0, 0.7), 1.05, 1.1, "hay", 8, top_radius=0)


def _flag(s: Shape, rng: np.random.Generator, variant: int) -> None:
    s.prism((0, 0, 0), 0.06, 4.2, "steel", 5)
    cloth = np.array([[0.05, 0, 3.2], [1.3, 0.1, 3.1], [1.3, 0.1, 4.0], [0.05, 0, 4.1]])
    s.sheet(cloth, ("red", "blue", "gold")[variant % 3])


# Task props and furniture, which prompts cannot name.
def _beacon(s: Shape, rng: np.random.Generator, variant: int) -> None:
    s.prism((0, 0, 0), 0.8, 0.12, "white", 10)
    s.prism((0, 0, 0.12), 0.3, 9.0, "beacon", 8, top_radius=0.18, glow=True)


def _coin(s: Shape, rng: np.random.Generator, variant: int) -> None:
    disc = np.array([[np.cos(a), 0, np.sin(a)] for a in np.arange(8) * np.pi / 4]) * 0.32 + (0, 0, 0.9)
    for sign in (1, -1):
        s.fan((disc + (0, -0.04 * sign, 0))[::sign], "gold", glow=True)
    for k in range(8):
        a, b = disc[k], disc[(k + 1) % 8]
        s.quad(np.array([a + (0, -0.04, 0), a + (0, 0.04, 0), b + (0, 0.04, 0), b + (0, -0.04, 0)]), "gold", glow=True)


def _mark(s: Shape, rng: np.random.Generator, variant: int) -> None:
    s.floor(-0.9, -0.9, 0.9, 0.9, 0.02, "mark")
    for y, x in product((-0.9, 0.9), repeat=2):
        s.prism((x, y, 0), 0.05, 0.9, "red", 5)


def _bed(s: Shape, rng: np.random.Generator, variant: int) -> None:
    s.box((0, 0, 0), (1.6, 2.1, 0.5), ("fabric_red", "fabric_blue")[variant % 2], solid=True)
    s.box((0, 0.8, 0.5), (1.3, 0.4, 0.14), "white")
    s.box((0, 1.08, 0), (1.6, 0.08, 1.0), "dark_wood")


def _sofa(s: Shape, rng: np.random.Generator, variant: int) -> None:
    cell = ("fabric_blue", "fabric_red")[variant % 2]
    s.box((0, 0, 0), (2.0, 0.85, 0.45), cell, solid=True)
    s.box((0, 0.33, 0.45), (2.0, 0.2, 0.5), cell)
    for x in (-0.92, 0.92):
        s.box((x, 0, 0.45), (0.18, 0.85, 0.22), cell)


def _fence(s: Shape, rng: np.random.Generator, variant: int) -> None:
    for z in (0.4, 0.85):
        s.box((0, 0, z), (3.0, 0.06, 0.14), "wood", bottom=True)
    for x in (-1.45, 0, 1.45):
        s.box((x, 0, 0), (0.12, 0.12, 1.15), "dark_wood")


def _pillar(s: Shape, rng: np.random.Generator, variant: int) -> None:
    s.box((0, 0, 0), (1.1, 1.1, 0.35), "marble")
    s.prism((0, 0, 0.35), 0.4, 3.2 if variant == 0 else 1.5, "marble", 8, top_radius=0.34)
    if variant == 0:
        s.box((0, 0, 3.55), (1.0, 1.0, 0.3), "marble", bottom=True)


FURNITURE = ("bed", "sofa", "bookshelf", "container", "hedge", "fence", "pillar")
TASK_PROPS = ("beacon", "coin", "mark")
_BUILDERS: dict[str, Callable[[Shape, np.random.Generator, int], None]] = {
    "crate": lambda s, rng, variant: s.box((0, 0, 0), (0.8, 0.8, 0.8), "crate", bottom=True, solid=True),
    "bookshelf": lambda s, rng, variant: s.box((0, 0, 0), (1.5, 0.4, 2.0), "books", top="dark_wood", solid=True),
    "container": lambda s, rng, variant: s.box((0, 0, 0), (6.0, 2.4, 2.5), "container", tile=2.5, solid=True),
    "hedge": lambda s, rng, variant: s.box((0, 0, 0), (4.0, 0.8, 1.2), "leaves", tile=1.3, solid=True),
    "bucket": lambda s, rng, variant: s.prism((0, 0, 0), 0.14, 0.32, "steel", 8, top_radius=0.19, cap="iron"),
    "barrel": _barrel, "ball": _ball, "pot": _pot, "chair": _chair, "log": _log, "cone": _cone,
    "tree": _tree, "pine": _pine, "bush": _bush, "rock": _rock, "lamp": _lamp, "bench": _bench,
    "cactus": _cactus, "flower": _flower, "car": _car, "boat": _boat, "cart": _cart, "tent": _tent, "snowman": _snowman,
    "table": _table, "haystack": _haystack, "flag": _flag, "beacon": _beacon, "coin": _coin, "mark": _mark, "bed": _bed,
    "sofa": _sofa, "fence": _fence, "pillar": _pillar,
}  # fmt: skip
