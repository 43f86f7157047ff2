"""Characters: two rigs, people on two legs and animals on four, in the clothes of their kind. They face +x."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from genie_gym.envs.sim.town.shapes import Shape, Vector


@dataclass(frozen=True)
class Rig:
    """A body and one limb shape that hangs from each of `hips`; a limb's origin is its upper end. Metres."""

    body: Shape
    limbs: tuple[Shape, ...]
    hips: tuple[Vector, ...]
    radius: float
    height: float


@dataclass(frozen=True)
class _Clothes:
    shirt: str
    trousers: str
    head: str
    hat: str | None = None
    scale: float = 1.0


_PEOPLE = {
    "villager": _Clothes("teal", "brown", "skin", None),
    "guard": _Clothes("red", "navy", "skin", "iron"),
    "knight": _Clothes("steel", "iron", "steel", "red"),
    "merchant": _Clothes("purple", "maroon", "skin_dark", "gold"),
    "child": _Clothes("yellow", "blue", "skin", None, 0.68),
    "robot": _Clothes("white", "turquoise", "light", "orange"),
    "agent": _Clothes("blue", "dark", "skin", "white"),
}
# coat, leg colour, length, height, head size
_ANIMALS = {
    "dog": ("brown", "dark_wood", 0.75, 0.62, 0.24),
    "sheep": ("white", "black", 0.95, 0.85, 0.28),
    "horse": ("copper", "dark_wood", 1.7, 1.55, 0.42),
}
SPEEDS = {"dog": 2.0, "horse": 2.2, "sheep": 0.8, "child": 1.6, "robot": 1.2}
WALK_SPEED = 1.3  # metres a second, of all others


@functools.cache
def rig(kind: str) -> Rig:
    return _animal(kind) if kind in _ANIMALS else _person(kind)


def _person(kind: str) -> Rig:
    clothes = _PEOPLE[kind]
    k = clothes.scale  # of all lengths
    body = Shape()
    body.box((0, 0, 0.78 * k), (0.3 * k, 0.5 * k, 0.62 * k), clothes.shirt, bottom=True)
    body.box((0, 0, 0.76 * k), (0.32 * k, 0.52 * k, 0.08 * k), "black")
    body.prism((0, 0, 1.42 * k), 0.16 * k, 0.3 * k, clothes.head, 8, cap="hair" if clothes.hat is None else clothes.hat)
    if kind == "robot":
        body.box((0.13, 0, 1.54), (0.1, 0.24, 0.07), "turquoise", glow=True)
    else:
        for y in (-0.06, 0.06):
            body.box((0.15 * k, y * k, 1.58 * k), (0.03, 0.04 * k, 0.04 * k), "black")
    if clothes.hat:
        body.prism((0, 0, 1.68 * k), 0.2 * k, 0.14 * k, clothes.hat, 8, top_radius=0.13 * k)
    else:
        body.prism((-0.02 * k, 0, 1.66 * k), 0.18 * k, 0.12 * k, "hair", 8, top_radius=0.1 * k)
    if kind == "knight":
        body.box((0.1, -0.42, 0.7), (0.06, 0.08, 1.1), "light")
    leg, arm = Shape(), Shape()
    leg.box((0, 0, -0.78 * k), (0.18 * k, 0.18 * k, 0.78 * k), clothes.trousers, bottom=True)
    leg.box((0.05 * k, 0, -0.78 * k), (0.28 * k, 0.18 * k, 0.1 * k), "black")
    arm.box((0, 0, -0.58 * k), (0.14 * k, 0.13 * k, 0.6 * k), clothes.shirt, bottom=True)
    arm.box((0, 0, -0.66 * k), (0.12 * k, 0.12 * k, 0.1 * k), clothes.head, bottom=True)
    hips = ((0, -0.13 * k, 0.78 * k), (0, 0.13 * k, 0.78 * k), (0, -0.33 * k, 1.36 * k), (0, 0.33 * k, 1.36 * k))
    return Rig(body, (leg, leg, arm, arm), hips, 0.3 * k, 1.75 * k)


def _animal(kind: str) -> Rig:
    coat, legs, length, height, head = _ANIMALS[kind]
    belly = height * 0.52
    body = Shape()
    body.box((0, 0, belly), (length, length * 0.4, height - belly), coat, bottom=True)
    body.box((length * 0.52, 0, height - head * 0.3), (head * 0.6, head * 0.6, head * 1.1), coat, bottom=True)
    face = legs if kind == "sheep" else coat
    nose = (length * 0.52 + head * 0.4, 0, height + head * 0.3)
    body.box(nose, (head * 1.3, head * 0.65, head * 0.65), face, bottom=True)
    body.box((-length * 0.56, 0, height - head), (head * 0.3, head * 0.3, head), legs, bottom=True)
    for y in (-0.22, 0.22):
        body.box((length * 0.52 + head * 0.1, y * head, height + head * 0.9), (head * 0.2, head * 0.2, head * 0.35), legs)
    leg = Shape()
    leg.box((0, 0, -belly), (length * 0.11, length * 0.11, belly), legs, bottom=True)
    x, y = length * 0.4, length * 0.14
    return Rig(body, (leg,) * 4, ((x, -y, belly), (-x, y, belly), (x, y, belly), (-x, -y, belly)), length * 0.4, height)
