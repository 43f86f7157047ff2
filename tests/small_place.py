"""A small world made of things: boxes and balls as surfels, villages of a few of them, and motions by heart."""

from __future__ import annotations

import functools
import json
import math
from dataclasses import asdict

import numpy as np
import torch
from town_words import TOWN

from genie_gym.genie3.config import Genie3Config
from genie_gym.genie3.world import Genie3World
from genie_gym.geometry.camera import Camera
from genie_gym.geometry.goals import Goal
from genie_gym.models.motion.latent_code import LatentCodeConfig
from genie_gym.models.motion.stride import StrideConfig
from genie_gym.places.layout.mining import mine
from genie_gym.places.layout.model import LayoutModel
from genie_gym.places.library import AssetLibrary, Material
from genie_gym.places.occupancy import BLOCKED
from genie_gym.places.place import Area, Place, Road, Thing, Water
from genie_gym.places.surfels import GRID, Asset
from genie_gym.text.spec import WorldSpec

CLASSES = ("sky", "ground", "water", "boundary", "building", "tree", "crate", "well", "beacon", "coin", "mark", "villager")
WEATHERS = TOWN.weathers
MATERIALS = {"grass": (90, 150, 60), "earth": (140, 110, 80), "water": (60, 110, 170)}
SHAPES = {  # size, colour, how many surfels; balls are round
    "boundary": ((8.0, 0.6, 3.0), (150, 140, 130), 400), "building": ((6.0, 4.0, 4.0), (190, 120, 90), 700),
    "tree": ((2.0, 2.0, 4.0), (50, 120, 40), 300), "crate": ((1.0, 1.0, 1.0), (160, 110, 60), 150),
    "well": ((2.0, 2.0, 1.6), (120, 120, 130), 200), "beacon": ((0.8, 0.8, 6.0), (250, 90, 220), 200),
    "coin": ((0.6, 0.2, 0.6), (240, 200, 40), 60), "mark": ((1.8, 1.8, 0.1), (220, 40, 40), 80),
    "villager": ((0.5, 0.5, 1.7), (60, 80, 180), 120),
}  # fmt: skip
GOALS = (Goal("reach_beacon", "beacon", 1.5), Goal("find:well", "well", 3.0, 0.52, half=(1.0, 1.0)))
KEYS = {  # right, down, forward in metres; to the right and upwards in degrees
    "noop": (0, 0, 0, 0, 0), "forward": (0, 0, 0.125, 0, 0), "back": (0, 0, -0.083, 0, 0), "turn left": (0, 0, 0, -5, 0),
    "turn right": (0, 0, 0, 5, 0), "strafe left": (-0.1, 0, 0, 0, 0), "strafe right": (0.1, 0, 0, 0, 0),
    "jump": (0, -0.16, 0, 0, 0), "look up": (0, 0, 0, 0, 2.5), "look down": (0, 0, 0, 0, -2.5),
}  # fmt: skip
NOOP, FORWARD, BACK, LEFT, RIGHT, STRAFE_LEFT, STRAFE_RIGHT, JUMP, UP, DOWN = range(len(KEYS))
GRIP = dict(zip(WEATHERS, (0.2, 0.012, 0.005, 0.2), strict=True))  # metres a step


def asset(name: str, phases: int = 1, lean: float = 0.0) -> Asset:
    """A box, or a ball for a tree."""
    size, colour, count = SHAPES[name]
    half = np.array(size) / 2
    if name == "tree":
        k = np.arange(count) + 0.5
        z, turn = 1 - 2 * k / count, np.pi * (1 + 5**0.5) * k
        normal = np.stack([np.sqrt(1 - z * z) * np.cos(turn), np.sqrt(1 - z * z) * np.sin(turn), z], 1)
        points, radius = normal * half, 2.2 * half.max() / math.sqrt(count)
    else:
        areas = np.array([half[1] * half[2], half[0] * half[2], half[0] * half[1]]).repeat(2)
        points, normal = [], []
        for side, area in enumerate(areas):
            side_count = max(4, round(count * area / areas.sum()))
            axis, sign = side // 2, 1 - 2 * (side % 2)
            across = [k for k in range(3) if k != axis]
            columns = max(2, round(math.sqrt(side_count * half[across[0]] / half[across[1]])))
            rows = max(2, round(side_count / columns))
            u, v = np.meshgrid((np.arange(columns) + 0.5) / columns * 2 - 1, (np.arange(rows) + 0.5) / rows * 2 - 1)
            part = np.zeros((u.size, 3))
            part[:, across[0]], part[:, across[1]], part[:, axis] = u.ravel(), v.ravel(), sign
            points.append(part * half)
            normal.append(np.tile(np.eye(3)[axis] * sign, (u.size, 1)))
        points, normal = np.concatenate(points), np.concatenate(normal)
        radius = 1.3 * math.sqrt(8 * areas.sum() / len(points) / 4)
    points = points + [lean, 0, 0]
    tones = np.random.default_rng(0).normal(1, 0.1, (len(points), 1))
    colours = (np.array(colour) * tones).clip(0, 255).astype(np.uint8)
    glow = np.full_like(colours, 60) if name == "building" else None
    more = {"glow": glow, "occupancy": occupancy(name), "frequency": {"village": 1.0, "desert": 1.0}, "phases": phases}
    return Asset(name, size, points, normal, colours, np.full(len(points), radius), **more)


def occupancy(name: str) -> np.ndarray:
    """Boxes are solid, of trees the trunk is; one walks over coins and marks."""
    cells = np.arange(GRID) - (GRID - 1) / 2
    solid = np.hypot(cells, cells[:, None]) < {"tree": GRID / 6, "coin": 0, "mark": 0}.get(name, GRID)
    return np.where(solid, BLOCKED, 0).astype(np.uint8)


@functools.cache
def small_library() -> AssetLibrary:
    rng = np.random.default_rng(0)
    materials = [
        Material(name, (np.array(tone) * rng.normal(1, 0.08, (4, 16, 16, 1))).clip(0, 255).astype(np.uint8))
        for name, tone in MATERIALS.items()
    ]
    assets = [asset(name) for name in SHAPES if name != "villager"]
    assets += [asset("villager", 2), asset("villager", 0, lean=0.1)]
    library = AssetLibrary.build(assets, materials, CLASSES, ("village", "desert"), WEATHERS)
    light = library.light
    snowy, foggy = WEATHERS.index("snowy"), WEATHERS.index("foggy")
    light.fog[foggy, :, 3] = 0.08
    light.fall[snowy, :, 0], light.fall[snowy, :, 1] = 20.0, 1.0
    night = torch.tensor([hour < 5 or hour > 20 for hour in light.config.hours])
    light.gain[:, night] *= 0.3
    light.glow[:, night] = 1.0
    return library


def thing(name: str, x: float, y: float, yaw: float = 0.0, lift: float = 0.0, **more) -> Thing:
    size = more.pop("size", SHAPES[name][0])
    return Thing(name, (float(x), float(y), lift + size[2] / 2), size, yaw, **more)


def fence(half: float) -> list[Thing]:
    """The edge of the square."""
    size = (2 * half, 0.6, 3.0)
    sides = [(0, half, 0.0), (0, -half, 0.0), (half, 0, math.pi / 2), (-half, 0, math.pi / 2)]
    return [thing("boundary", x, y, yaw, size=size, kind="wall") for x, y, yaw in sides]


def small_place(seed: int = 0, half: float = 20.0, scene: str = "village", landmarks: tuple[str, ...] = ()) -> Place:
    """A village: houses along a road, trees, crates, villagers; a pond in the corner."""
    rng = np.random.default_rng(seed)
    things = fence(half)
    for k in range(4):
        x, side = -12 + 8 * k + rng.uniform(-0.5, 0.5), 1 if k % 2 else -1
        things.append(thing("building", x, side * 8, 0.0 if side > 0 else math.pi))
    spots = [(x, y) for x in range(-14, 15, 7) for y in (-15, 3.8, 15)]
    for x, y in rng.permutation(spots)[:6]:
        things.append(thing("tree", x + rng.uniform(-1, 1), y))
    things.append(thing("crate", 6, 0.5, movable=True))
    things += [thing("villager", x, -2.5, behaviour=way) for x, way in ((-8, "wander"), (8, "patrol"), (12, "stand"))]
    things += [thing("well", -14, 12) for name in landmarks if name == "well"]
    heights = np.zeros((9, 9), np.float32)
    heights[0, 0] = -2.0
    return Place(
        half=half,
        base="grass" if scene == "village" else "earth",
        beyond="grass",
        heights=heights,
        roads=(Road(((-half, 0.0), (half, 0.0)), 3.0, "earth", 0.3),),
        areas=(Area("earth", 0.0, 0.0, (4.0, 4.0), round=True),),
        waters=(Water(-0.8, (-half, -half, -half + 4, -half + 4)),),
        things=tuple(things),
        spawn=(-2.0, 0.0, 0.0),
        scene=scene,
    )


def empty_place(half: float = 20.0, *things: Thing) -> Place:
    """A meadow with a fence, and these things; one enters in the middle and looks east."""
    return Place(half=half, base="grass", beyond="grass", things=(*fence(half), *things), scene="village")


@functools.cache
def _mined_layout():
    pairs = []
    for seed in range(24):
        scene, landmarks = ("village", "desert")[seed % 2], ("well",) if seed % 3 == 0 else ()
        spec = WorldSpec(scene=scene, weather="sunny", landmarks=landmarks)
        pairs.append((LayoutModel.spec_dict(spec), small_place(seed, scene=scene, landmarks=landmarks)))
    return mine(pairs)


def small_layout() -> LayoutModel:
    torch.manual_seed(0)
    return LayoutModel.mined(*_mined_layout())


def small_config(**changes) -> Genie3Config:
    source = {
        "kind": "test", "vocabulary": TOWN.to_dict(), "classes": list(CLASSES), "action_meanings": list(KEYS),
        "goals": json.loads(json.dumps([asdict(goal) for goal in GOALS])),
    }  # fmt: skip
    options = {
        "library": small_library().config, "stride": StrideConfig(tuple(KEYS), WEATHERS),
        "latent": LatentCodeConfig(), "camera": Camera.with_field_of_view(36, 64, 60.0), "goals": GOALS, "capacity": 96,
        "preset": "debug", "source": source,
    }  # fmt: skip
    if "layout" not in changes:
        options["layout"] = _mined_layout()[0]
    return Genie3Config(**options | changes)


def motions() -> torch.Tensor:
    """Of cameras [n, 6], as walks have them."""
    rng = np.random.default_rng(0)
    often = [0.25, 0.3, 0.02, 0.14, 0.14, 0.05, 0.05, 0.02, 0.015, 0.015]
    level = np.array(list(KEYS.values()), np.float32)[rng.choice(len(KEYS), 3000, p=often)]
    turn = np.radians(level[:, 3:])
    motion = np.concatenate([level[:, :3], turn[:, 1:], turn[:, :1], np.zeros((3000, 1))], 1)
    return torch.from_numpy(motion + rng.normal(0, 1e-3, motion.shape)).float()


def small_world(**changes) -> Genie3World:
    """A debug world that knows what it would have learned."""
    world = Genie3World(small_config(**changes))
    world.library.load_state_dict(small_library().state_dict())
    if world.layout is not None:
        world.layout.load_state_dict(small_layout().state_dict())
    wanted = torch.tensor(list(KEYS.values()))
    wanted[:, 3:] = torch.deg2rad(wanted[:, 3:])
    with torch.no_grad():
        world.motion.stride.wanted.copy_(wanted)
        world.motion.stride.log_grip.copy_(torch.tensor([GRIP[name] for name in WEATHERS]).log())
    world.motion.latent.learn(motions())
    return world.eval()
