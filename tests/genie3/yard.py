"""A yard with boxes on chequered ground, drawn by casting rays under two lights: what mining finds in it is known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genie_gym.datasets.video import Episode, VideoWriter
from genie_gym.geometry.camera import Camera
from genie_gym.places.place import Place, Thing
from genie_gym.text.vocabulary import Vocabulary

CAMERA = Camera.with_field_of_view(72, 128, 60.0)
CLASSES = ("sky", "ground", "water", "building", "crate")
WEATHERS = ("sunny", "rainy")
VOCABULARY = Vocabulary(("yard",), WEATHERS, words=(("weather", "rainy", "", ("rain",)),))
FAR, EYE = 900.0, 1.6  # metres
SKY = {"sunny": (90, 140, 220), "rainy": (120, 125, 130)}
# By weather: light from everywhere, light from above, fog a metre.
LIGHT = {"sunny": (0.55, 0.45, 0.001), "rainy": (0.45, 0.15, 0.012)}
CRATE, BRICKS, PLASTER = (170, 120, 60), (160, 70, 50), (200, 190, 170)


@dataclass
class Yard:
    """Crates of one size and a house, in other places for each seed."""

    seed: int

    @property
    def place(self) -> Place:
        rng = np.random.default_rng(self.seed)
        spots = [(-4.0, 3.0), (4.0, 3.5), (3.5, -4.0), (-4.0, -3.5)]
        things = [
            Thing("crate", (x, y, 0.4), (0.8, 0.8, 0.8), float(rng.uniform(-3, 3)), movable=True, id=k + 1)
            for k, (x, y) in enumerate(spots)
        ]
        for k, x in enumerate((-5.0, 5.0)):
            width, height = (float(side) for side in rng.uniform(3, 5, 2))
            things.append(Thing("building", (x, 9.0, height / 2), (width, 4.0, height), 0.2 * self.seed, "house", id=5 + k))
        return Place(half=16.0, base="stone", beyond="moss", things=tuple(things), scene="yard")


def colour_of(thing: Thing, points: np.ndarray) -> np.ndarray:
    """Albedo at points of a thing's own axes: houses are of two colours, which meet half-way up."""
    if thing.name == "crate":
        return np.tile(np.array(CRATE, float), (len(points), 1))
    return np.where(points[:, 2:] < 0, np.array(BRICKS, float), np.array(PLASTER, float))


def ground_of(points: np.ndarray) -> np.ndarray:
    """A chequer of one metre, every two metres the same; moss beyond the yard."""
    checks = (np.floor(points[:, 0]) + np.floor(points[:, 1])).astype(int) % 2
    inside = (np.abs(points[:, :2]).max(1) < 16)[:, None]
    return np.where(inside, np.where(checks[:, None] == 0, (150.0, 150, 150), (90.0, 95, 100)), (90.0, 110, 60))


def look(place: Place, pose: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Albedo [n, 3], normals [n, 3], depth [n] and line of the place's things (-1 ground, -2 sky) of a view."""
    y, x = np.mgrid[0 : CAMERA.height, 0 : CAMERA.width] + 0.5
    rays = np.stack([(x - CAMERA.width / 2) / CAMERA.focal, (y - CAMERA.height / 2) / CAMERA.focal, np.ones_like(x)], -1)
    way, eye = rays.reshape(-1, 3) @ pose[:3, :3].T, pose[:3, 3]
    depth, line = np.full(len(way), FAR), np.full(len(way), -2)
    albedo, normal = np.zeros((len(way), 3)), np.zeros((len(way), 3))
    with np.errstate(divide="ignore", invalid="ignore"):
        floor = -eye[2] / way[:, 2]
        hit = (way[:, 2] < 0) & (floor < 150)
        depth[hit], line[hit], normal[hit] = floor[hit], -1, (0, 0, 1)
        albedo[hit] = ground_of(eye + way[hit] * floor[hit, None])
        for number, thing in enumerate(place.things):
            c, s = np.cos(thing.yaw), np.sin(thing.yaw)
            turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
            start, along, half = (eye - thing.centre) @ turn, way @ turn, np.array(thing.size) / 2
            ends = (np.stack([-half, half])[:, None] - start) / along
            near, far = ends.min(0), ends.max(0)
            enter = near.max(1)
            hit = (enter < far.min(1)) & (enter > 0.05) & (enter < depth)
            own = start + along[hit] * enter[hit, None]
            axis = near[hit].argmax(1)
            facing = np.zeros_like(own)
            facing[np.arange(len(own)), axis] = -np.sign(along[hit][np.arange(len(own)), axis])
            depth[hit], line[hit] = enter[hit], number
            albedo[hit], normal[hit] = colour_of(thing, own), facing @ turn.T
    return albedo, normal, depth, line


def lit(albedo: np.ndarray, normal: np.ndarray, depth: np.ndarray, weather: str) -> np.ndarray:
    """A frame uint8 [H, W, 3]."""
    around, above, fog = LIGHT[weather]
    colours = albedo * (around + above * np.clip(normal[:, 2:], 0, 1))
    left = np.exp(-fog * depth)[:, None]
    colours = np.where(depth[:, None] < FAR, colours * left + np.array(SKY[weather]) * (1 - left), SKY[weather])
    return np.clip(np.rint(colours), 0, 255).astype(np.uint8).reshape(CAMERA.height, CAMERA.width, 3)


def pose_at(x: float, y: float, heading: float, pitch: float = 0.0) -> np.ndarray:
    """Camera to world; headings counter-clockwise from east."""
    forward = np.array([np.cos(heading) * np.cos(pitch), np.sin(heading) * np.cos(pitch), np.sin(pitch)])
    right = np.array([np.sin(heading), -np.cos(heading), 0.0])
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = np.stack([right, np.cross(forward, right), forward], 1), (x, y, EYE)
    return pose


def poses(count: int) -> list[np.ndarray]:
    """All around, some steps from the middle, level and a little up and down."""
    around = 2 * np.pi * np.arange(count) / count
    return [
        pose_at(5.5 * np.cos(a), 5.5 * np.sin(a) + 1, a + np.pi + 0.4, (0.0, -0.4, 0.2)[k % 3]) for k, a in enumerate(around)
    ]


def record(
    path: Path, seeds: Sequence[int] = (1, 2), frames: int = 18, with_places: bool = True,
    change: Callable[[Episode], object] = lambda episode: None,
) -> Path:  # fmt: skip
    """A recording of yards, sunny with rainy twins, or the other way about. `change` is done to each episode."""
    source = {"kind": "test", "classes": CLASSES, "vocabulary": VOCABULARY.to_dict()}
    with VideoWriter(path, CAMERA.height, CAMERA.width, 24.0, source) as writer:
        for seed in seeds:
            place, weathers = Yard(seed).place, WEATHERS if seed % 2 else WEATHERS[::-1]
            seen = [look(place, pose) for pose in poses(frames)]
            shape = (frames, CAMERA.height, CAMERA.width)
            line = np.stack([one[3] for one in seen]).reshape(shape)
            ids = np.array([thing.id for thing in place.things] + [-1, 0])
            labels = np.array([CLASSES.index(thing.name) for thing in place.things] + [0, 1])
            pictures = [np.stack([lit(a, n, d, weather) for a, n, d, _ in seen]) for weather in weathers]
            truth = {
                "depth": np.stack([one[2] for one in seen]).reshape(shape).astype(np.float16),
                "pose": np.stack(poses(frames)).astype(np.float32),
                "instance": ids[line].astype(np.int16),
                "semantic": labels[line].astype(np.uint8),
                "twin": pictures[1],
            }
            specs = [{"scene": "yard", "weather": weather, "hour": 12.0} for weather in weathers]
            told = {"spec": specs[0], "twin_spec": specs[1], "intrinsics": CAMERA.intrinsics().tolist()}
            place_told = place if with_places else None
            episode = Episode(pictures[0], truth=truth, description=told, place=place_told, behaviour="look")
            change(episode)
            writer.append(episode)
    return path
