"""The landmarks that one recognises from afar, around the origin, fronts towards -y. `s` is the shape that is built."""

from __future__ import annotations

import functools
from collections.abc import Callable
from itertools import product

import numpy as np

from genie_gym.envs.sim.town.houses import panel
from genie_gym.envs.sim.town.plane import Extents
from genie_gym.envs.sim.town.props import prop
from genie_gym.envs.sim.town.shapes import Collider, Shape


@functools.cache
def landmark(kind: str) -> Shape:
    """A landmark around the origin, its front towards -y."""
    shape = Shape()
    _LANDMARKS[kind][0](shape)
    return shape


def _crenels(s: Shape, x0: float, y0: float, x1: float, y1: float, z: float, cell: str = "stone") -> None:
    length = float(np.hypot(x1 - x0, y1 - y0))
    count = max(2, int(length / 1.4))
    yaw = float(np.arctan2(y1 - y0, x1 - x0))
    for k in range(count):
        t = (k + 0.5) / count
        s.box((x0 + t * (x1 - x0), y0 + t * (y1 - y0), z), (0.7, 0.5, 0.6), cell, yaw=yaw)


def _round_tower(s: Shape, x: float, y: float, radius: float, height: float, roof: str | None, cell: str = "stone") -> None:
    s.prism((x, y, 0), radius, height, cell, 8, tile=2.6, solid=True)
    s.prism((x, y, height), radius + 0.25, 0.8, cell, 8)
    if roof:
        s.prism((x, y, height + 0.8), radius + 0.45, radius * 2.0, roof, 8, top_radius=0)
    for z in np.arange(2.2, height - 1, 3.0):
        s.quad(panel(x, y - radius * 0.95, float(z), 0.5, 1.1), "arch_lit", glow=True)


def _castle(s: Shape) -> None:
    half, wall = 7.0, 5.0
    for x0, y0, x1, y1 in ((-half, half, half, half), (-half, -half, -half, half), (half, -half, half, half)):
        middle, size = ((x0 + x1) / 2, (y0 + y1) / 2, 0.0), (abs(x1 - x0) + 1.0, abs(y1 - y0) + 1.0, wall)
        s.box(middle, size, "stone", tile=2.6, solid=True)
        _crenels(s, x0, y0, x1, y1, wall)
    for sign in (-1, 1):  # the front leaves a gateway of 3 m
        s.box((sign * 4.25, -half, 0), (5.5, 1.0, wall), "stone", tile=2.6, solid=True)
        _crenels(s, sign * 1.5, -half, sign * half, -half, wall)
    s.box((0, -half, 3.4), (3.0, 1.0, 1.6), "stone", tile=2.6, bottom=True)
    s.quad(panel(0, -half - 0.52, 3.3, 1.8, 1.7), "fabric_red")
    for x, y in product((-half, half), repeat=2):
        _round_tower(s, x, y, 1.7, 7.5, "slate")
    s.box((0, 2.6, 0), (6.0, 5.0, 9.5), "stone", tile=2.6, solid=True)
    for x0, y0, x1, y1 in ((-3, 0.1, 3, 0.1), (-3, 5.1, 3, 5.1), (-3, 0.1, -3, 5.1), (3, 0.1, 3, 5.1)):
        _crenels(s, x0, y0, x1, y1, 9.5)
    s.quad(panel(0, 0.06, 0, 1.6, 2.6), "door")
    for z, x in product((4.0, 6.6), (-1.6, 1.6)):
        s.quad(panel(x, 0.06, z, 0.8, 1.4), "arch_lit", glow=True)
    s.merge(prop("flag", 0), (0, 2.6, 9.5))
    s.colliders.pop()


def _market(s: Shape) -> None:
    for k, (x, y) in enumerate(((-3.2, 2), (0, 2.6), (3.2, 2), (-3.2, -2.2), (3.2, -2.2))):
        stall = Shape()
        stall.box((0, 0, 0), (2.2, 1.0, 0.9), "planks", top="tan", solid=True)
        for px, py in product((-1.1, 1.1), (-0.8, 0.8)):
            stall.prism((px, py, 0), 0.05, 2.4, "wood", 4)
        cell = ("awning_red", "awning_blue", "awning_green")[k % 3]
        stall.quad(np.array([[-1.3, -1.1, 2.2], [1.3, -1.1, 2.2], [1.3, 0.9, 2.8], [-1.3, 0.9, 2.8]]), cell, (2, 1))
        stall.quad(np.array([[1.3, -1.1, 2.18], [-1.3, -1.1, 2.18], [-1.3, 0.9, 2.78], [1.3, 0.9, 2.78]]), cell, (2, 1))
        goods = ("red", "orange", "lime", "yellow", "purple", "coral")
        for j, gx in enumerate((-0.75, -0.25, 0.25, 0.75)):
            stall.box((gx, -0.1, 0.9), (0.4, 0.5, 0.2), goods[(k + j) % 6])
        s.merge(stall, (x, y, 0), np.pi if y < 0 else 0.0)


def _church(s: Shape) -> None:
    s.box((0, 2, 0), (6, 10, 5), "stone", tile=2.6, solid=True)
    nave = Shape()
    nave.gable((0, 0, 5), (10, 6, 4), "slate", "stone")
    s.merge(nave, (0, 2, 0), np.pi / 2)
    s.box((0, -4.4, 0), (3.4, 3.4, 10), "stone", tile=2.6, solid=True)
    s.hip((0, -4.4, 10), (3.4, 3.4, 5.5), "slate", 0.2)
    for normal, x, y in (("-y", 0, -6.14), ("x", 1.74, -4.4), ("-x", -1.74, -4.4)):
        s.quad(panel(x, y, 7.2, 1.7, 1.7, normal), "clock")
    s.quad(panel(0, -6.14, 0, 1.6, 2.6), "door")
    s.quad(panel(0, -6.14, 3.4, 1.2, 2.2), "arch_lit", glow=True)
    for y, (x, normal) in product((0, 2.5, 5), ((3.04, "x"), (-3.04, "-x"))):
        s.quad(panel(x, y, 1.6, 1.0, 2.4, normal), "arch_lit", glow=True)
    s.box((0, -4.4, 15.3), (0.16, 0.16, 1.4), "gold")
    s.box((0, -4.4, 16.0), (0.8, 0.16, 0.16), "gold", bottom=True)


def _tower(s: Shape) -> None:
    _round_tower(s, 0, 0, 2.2, 12.0, None)
    for k in range(8):
        a = k * np.pi / 4
        s.box((2.3 * float(np.cos(a)), 2.3 * float(np.sin(a)), 12.8), (0.8, 0.5, 0.8), "stone", yaw=a + np.pi / 2)
    s.quad(panel(0, -2.1, 0, 1.2, 2.2), "door")
    s.merge(prop("flag", 1), (0, 0, 12.8))
    s.colliders.pop()


def _bridge(s: Shape) -> None:
    """A stone arch over a pond; one walks over it along x, or around it."""
    steps, half = 10, 5.0
    xs = np.linspace(-half, half, steps + 1)
    zs = 1.15 * np.cos(np.pi * xs / (2 * half)) ** 2
    for k in range(steps):
        (x0, x1), (z0, z1) = xs[k : k + 2], zs[k : k + 2]
        s.quad(np.array([[x0, -1.3, z0], [x1, -1.3, z1], [x1, 1.3, z1], [x0, 1.3, z0]]), "cobble")
        for side in (-1.3, 1.3):
            face = np.array([[x0, side, 0], [x1, side, 0], [x1, side, z1 + 0.8], [x0, side, z0 + 0.8]])
            if abs(x0 + x1) / 2 < 1.8:  # the arch's opening
                face[:2, 2] = (z0 - 0.35, z1 - 0.35)
            s.sheet(face, "stone")
        middle, height = float(x0 + x1) / 2, float(z0 + z1) / 2
        for part in (0.125, 0.375, 0.625, 0.875):  # risers low enough to walk up
            low = float(z0 + (z1 - z0) * part) / 2
            if low > 0.01:
                s.colliders.append(Collider("box", (float(x0 + (x1 - x0) * part), 0, low), (half / steps / 4, 1.3, low)))
        for side in (-1.38, 1.38):
            s.colliders.append(Collider("box", (middle, side, (height + 0.8) / 2), (half / steps, 0.1, (height + 0.8) / 2)))
    s.floor(-2.2, -4, 2.2, 4, 0.03, "water", (1, 2))


def _well(s: Shape) -> None:
    s.prism((0, 0, 0), 1.0, 0.9, "stone", 8, cap="navy", solid=True)
    s.prism((0, 0, 0.9), 1.08, 0.12, "stone", 8, cap="navy")
    for x in (-0.95, 0.95):
        s.box((x, 0, 0), (0.16, 0.16, 2.4), "dark_wood")
    s.gable((0, 0, 2.3), (2.1, 2.0, 0.9), "roof_tile", "wood", 0.2)
    s.box((0, 0, 1.9), (1.9, 0.12, 0.12), "wood", bottom=True)
    s.box((0, 0, 1.35), (0.3, 0.3, 0.3), "wood", bottom=True)


def _fountain(s: Shape) -> None:
    s.prism((0, 0, 0), 2.3, 0.55, "marble", 10, cap="water", solid=True)
    s.prism((0, 0, 0.5), 0.35, 1.4, "marble", 8)
    s.prism((0, 0, 1.8), 0.3, 0.35, "marble", 10, top_radius=1.1, cap="water")
    s.prism((0, 0, 2.1), 0.16, 0.9, "sky", 6, top_radius=0.05)


def _windmill(s: Shape) -> None:
    s.prism((0, 0, 0), 2.6, 7.5, "whitewash", 8, top_radius=1.7, tile=2.7, solid=True)
    s.prism((0, 0, 7.5), 2.0, 2.2, "shingle", 8, top_radius=0)
    s.quad(panel(0, -2.46, 0, 1.2, 2.2), "door")
    s.quad(panel(0, -2.15, 4.2, 0.9, 1.1), "window_lit", glow=True)
    hub = np.array([0, -2.3, 7.4])
    for k in range(4):
        a = k * np.pi / 2 + 0.5
        out, side = np.array([np.cos(a), 0, np.sin(a)]), np.array([-np.sin(a), 0, np.cos(a)])
        blade = np.array([hub + 0.6 * out, hub + 4.8 * out, hub + 4.8 * out + 0.95 * side, hub + 0.6 * out + 0.95 * side])
        s.sheet(blade, "cream", (3, 1))
        arm = np.array([hub, hub + 4.9 * out, hub + 4.9 * out - 0.14 * side, hub - 0.14 * side]) + (0, -0.02, 0)
        s.sheet(arm[[1, 0, 3, 2]], "dark_wood")


def _lighthouse(s: Shape) -> None:
    for k in range(5):
        r0, r1 = 2.2 - 0.22 * k, 2.2 - 0.22 * (k + 1)
        s.prism((0, 0, 2.4 * k), r0, 2.4, ("white", "red")[k % 2], 10, top_radius=r1)
    s.prism((0, 0, 12.0), 1.5, 0.25, "black", 10)
    s.prism((0, 0, 12.25), 0.8, 1.4, "glow", 8, glow=True)
    s.prism((0, 0, 13.65), 1.1, 1.0, "red", 10, top_radius=0)
    s.quad(panel(0, -2.05, 0, 1.1, 2.1), "door")
    s.colliders.append(Collider("cylinder", (0, 0, 6), (2.0, 6)))


def _statue(s: Shape) -> None:
    s.box((0, 0, 0), (2.2, 2.2, 0.5), "marble")
    s.box((0, 0, 0.5), (1.5, 1.5, 1.5), "marble", solid=True)
    for x in (-0.22, 0.22):
        s.box((x, 0, 2.0), (0.32, 0.36, 1.2), "copper")
    s.box((0, 0, 3.2), (0.9, 0.5, 1.2), "copper")
    s.prism((0, 0, 4.45), 0.26, 0.5, "copper", 8)
    s.box((0.55, -0.1, 3.9), (0.22, 0.25, 1.3), "copper")
    s.box((0.55, -0.1, 5.1), (0.1, 0.1, 1.5), "gold")
    s.box((-0.58, 0, 3.1), (0.22, 0.25, 1.1), "copper")


def _gate(s: Shape) -> None:
    for x in (-2.7, 2.7):
        s.box((x, 0, 0), (1.8, 1.8, 5.6), "sandstone", tile=2.6, solid=True)
    s.box((0, 0, 4.0), (3.6, 1.8, 1.6), "sandstone", tile=2.6, bottom=True)
    _crenels(s, -3.6, -0.6, 3.6, -0.6, 5.6, "sandstone")
    _crenels(s, -3.6, 0.6, 3.6, 0.6, 5.6, "sandstone")
    for y, normal in ((-0.93, "-y"), (0.93, "y")):
        s.quad(panel(0, y, 4.2, 1.1, 1.2, normal), "fabric_blue")


def _pyramid(s: Shape) -> None:
    half, levels, rise = 6.0, 6, 1.2
    for k in range(levels):
        width = 2 * half * (1 - k / levels)
        s.box((0, 0, k * rise), (width, width, rise), "sandstone", tile=2.4)
        if k < 3:
            s.colliders.append(Collider("box", (0, 0, (k + 0.5) * rise), (width / 2, width / 2, rise / 2)))
    s.prism((0, 0, levels * rise), 1.0, 1.3, "gold", 4, top_radius=0, turn=np.pi / 4)
    s.quad(panel(0, -half - 0.03, 0, 1.4, 1.1), "black")


def _forest(s: Shape) -> None:
    """A wood: trees one can walk between."""
    rng = np.random.default_rng(7)
    spots: list[np.ndarray] = []
    while len(spots) < 14:
        spot = rng.uniform(-5.5, 5.5, 2)
        if all(np.hypot(*(spot - other)) > 2.3 for other in spots):
            s.merge(prop(("tree", "pine")[len(spots) % 3 == 0], len(spots) % 4), (*spot, 0), float(rng.uniform(0, 6)))
            spots.append(spot)


# Each landmark's builder, and half extents (x, y) of the ground that it takes.
_LANDMARKS: dict[str, tuple[Callable[[Shape], None], Extents]] = {
    "castle": (_castle, (9.0, 9.0)), "market": (_market, (4.8, 4.0)), "church": (_church, (3.6, 7.2)),
    "tower": (_tower, (2.8, 2.8)), "bridge": (_bridge, (5.4, 4.2)), "well": (_well, (1.4, 1.4)),
    "fountain": (_fountain, (2.6, 2.6)), "windmill": (_windmill, (3.2, 3.2)), "lighthouse": (_lighthouse, (2.6, 2.6)),
    "statue": (_statue, (1.4, 1.4)), "gate": (_gate, (4.0, 1.4)), "pyramid": (_pyramid, (6.4, 6.4)),
    "forest": (_forest, (6.0, 6.0)),
}  # fmt: skip
FOOTPRINTS = {kind: half for kind, (_, half) in _LANDMARKS.items()}
