"""Houses in the styles of the scenes. `s` is the shape that is built; w d are width (along x) and depth (along y)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from genie_gym.envs.sim.town.shapes import Collider, Shape


@dataclass(frozen=True)
class HouseStyle:
    """What houses of a scene have in common: cells of the atlas to choose from, house by house, and ranges in metres."""

    ground: tuple[str, ...]
    upper: tuple[str, ...]
    roofs: tuple[str, ...]
    roof_kind: tuple[str, ...]
    floors: tuple[int, int]
    width: tuple[float, float]
    depth: tuple[float, float]
    storey: float = 2.7
    roof_height: float = 2.6
    shop_share: float = 0.0
    jetty: float = 0.0  # upper floors stand out by so much, as in old towns


STYLES = {
    "medieval": HouseStyle(("stone", "plaster", "timber"), ("timber", "plaster"), ("roof_tile", "slate", "shingle"),
                           ("gable",), (2, 3), (5, 7.5), (5, 7), jetty=0.3),
    "modern": HouseStyle(("concrete", "brick"), ("brick", "concrete", "glass"), ("gravel",),
                         ("flat",), (3, 7), (7, 10), (7, 9), storey=2.9, shop_share=0.6),
    "cottage": HouseStyle(("whitewash", "stone", "plaster"), ("whitewash",), ("thatch", "shingle", "roof_tile"),
                          ("gable", "hip"), (1, 2), (5, 8), (4.5, 6), roof_height=2.4),
    "cabin": HouseStyle(("logs",), ("logs",), ("shingle", "slate"), ("gable",), (1, 1), (4.5, 6), (4, 5)),
    "adobe": HouseStyle(("adobe",), ("adobe",), ("adobe",), ("flat",), (1, 2), (4, 7), (4, 6), storey=2.6),
    "warehouse": HouseStyle(("brick", "metal", "planks"), ("brick", "metal"), ("slate", "roof_tile"),
                            ("gable",), (2, 2), (8, 11), (6, 8), storey=3.0),
}  # fmt: skip


def house(style: HouseStyle, rng: np.random.Generator, width: float, depth: float) -> Shape:
    """A house around the origin, its door towards -y."""
    s = Shape()
    floors = int(rng.integers(style.floors[0], style.floors[1] + 1))
    ground, upper = str(rng.choice(style.ground)), str(rng.choice(style.upper))
    roof, kind = str(rng.choice(style.roofs)), str(rng.choice(style.roof_kind))
    shop = rng.random() < style.shop_share
    w, d = width, depth
    for floor in range(floors):
        z = floor * style.storey
        if floor == 1:
            w, d = width + style.jetty, depth + style.jetty
        s.box((0, 0, z), (w, d, style.storey), ground if floor == 0 else upper, "dark_wood", tile=2.7, bottom=floor == 1)
        if upper == "glass" and floor:
            continue
        _windows(s, w, d, z + 0.95, floor == 0, shop, int(rng.integers(1 << 30)))
    if shop:
        s.quad(panel(0, -depth / 2 - 0.03, 0, width * 0.85, 2.4), "shopfront", (max(1, round(width / 3.5)), 1))
    else:
        s.quad(panel(0, -depth / 2 - 0.04, 0, 1.05, 2.1), "door")
    top = floors * style.storey
    if kind == "gable":
        s.gable((0, 0, top), (w, d, style.roof_height), roof, upper if floors > 1 else ground)
        if rng.random() < 0.6:
            s.box((w * 0.28, d * 0.18, top + 0.6), (0.6, 0.6, style.roof_height * 0.9), "brick")
    elif kind == "hip":
        s.hip((0, 0, top), (w, d, style.roof_height), roof)
    else:
        for x, y, a, b in ((0, -d / 2, w, 0.25), (0, d / 2, w, 0.25), (-w / 2, 0, 0.25, d), (w / 2, 0, 0.25, d)):
            s.box((x, y, top), (a, b, 0.5), ground)
        s.box((0, 0, top), (w - 0.1, d - 0.1, 0.06), roof)
        s.box((w * 0.2, d * 0.1, top), (1.6, 1.4, 1.1), "metal" if roof == "gravel" else ground)
    s.colliders.append(Collider("box", (0, 0, top / 2), (width / 2, depth / 2, top / 2)))
    return s


def panel(x: float, y: float, z: float, width: float, height: float, normal: str = "-y") -> np.ndarray:
    """An upright rectangle whose lower edge is centred at (x, y, z)."""
    h = width / 2
    a, b = {"-y": ((-h, 0), (h, 0)), "y": ((h, 0), (-h, 0)), "x": ((0, -h), (0, h)), "-x": ((0, h), (0, -h))}[normal]
    left, right = [x + a[0], y + a[1]], [x + b[0], y + b[1]]
    return np.array([[*left, z], [*right, z], [*right, z + height], [*left, z + height]])


def _windows(s: Shape, w: float, d: float, z: float, ground: bool, shop: bool, seed: int) -> None:
    """Windows in all four walls; about a third stay dark at night."""
    rng = np.random.default_rng(seed)
    for normal, length, off in (("-y", w, -d / 2), ("y", w, d / 2), ("x", d, w / 2), ("-x", d, -w / 2)):
        bays = max(1, int(length // 2.2))
        for k in range(bays):
            along = (k + 0.5) / bays * length - length / 2
            if ground and normal == "-y" and (shop or abs(along) < 1.1):
                continue
            lit = rng.random() < 0.65
            out = off + np.sign(off) * 0.035
            x, y = (along, out) if normal in ("-y", "y") else (out, along)
            s.quad(panel(x, y, z, 0.95, 1.2, normal), "window_lit" if lit else "window", glow=lit)
