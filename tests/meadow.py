"""A second simulator, as unlike Town as it can be and have a camera: drawn without MuJoCo, with other keys, scenes, classes
and words, and one task. Importing this registers it.

Legend: H W image.
"""

from __future__ import annotations

import json
from typing import Any

import gymnasium as gym
import numpy as np

import genie_gym
from genie_gym.envs.sim.base import MAX_ENTITIES, SimEnv
from genie_gym.envs.simulators import Simulator
from genie_gym.places.place import Place, Thing
from genie_gym.text.reader import parse_prompt
from genie_gym.text.vocabulary import Vocabulary

ID = "Test/Meadow-v0"
KEYS = ("stay", "walk", "swing left", "swing right")
CLASSES = ("void", "turf", "shrine", "cairn")
TINT = {"heath": (90, 60, 90), "salt_flat": (210, 205, 190), "mire": (50, 70, 40)}
LIGHT = {"bright": 1.0, "dim": 0.5}
WORDS = {"scene": TINT, "weather": LIGHT, "landmark": ("shrine", "cairn")}
VOCABULARY = Vocabulary(
    scenes=tuple(TINT),
    weathers=tuple(LIGHT),
    landmarks=WORDS["landmark"],
    words=tuple((kind, name, "", (name.replace("_", " "),)) for kind, names in WORDS.items() for name in names),
)
GOALS = ({"task": "touch_shrine", "kind": "shrine", "reach": 1.5},)
EYE, RADIUS, HEIGHT, FAR = 1.6, 0.6, 2.5, 900.0  # metres
SIZE = (2 * RADIUS, 2 * RADIUS, HEIGHT)
STRIDE, SWING = 0.15, float(np.radians(6))


class MeadowEnv(SimEnv):
    """A plain with posts on it: a shrine, and a cairn where one is asked for."""

    metadata = SimEnv.metadata | {
        "render_fps": 10, "action_meanings": KEYS, "classes": CLASSES, "agent_state": ("x", "y", "yaw"),
    }  # fmt: skip
    driver_names = ("wander", "expert")
    tasks = ("touch_shrine",)
    vocabulary = VOCABULARY
    goals = GOALS
    episode_parts = ("posts", "feet", "yaw", "count", "world_spec", "task")
    instance_classes = [1, 2, 3, 0]
    view = "first"

    def __init__(self, prompt=None, *, task=None, obs=("rgb",), width=80, height=48, samples=0, render_mode=None):
        super().__init__(task, obs, width, height, samples, render_mode)
        self.given = None if prompt is None else parse_prompt(prompt, VOCABULARY)[0]
        self.action_space = gym.spaces.Discrete(len(KEYS))

    def reset(self, *, seed=None, options=None):
        self.begin_episode(seed, options)
        self.world_spec = VOCABULARY.complete(self.given) if self.given else VOCABULARY.random(self.np_random)
        self.task, self.count, self.success = self.task_for(options), 0, False
        self.feet, self.yaw = np.zeros(2), 0.0
        at = [(4.0, float(self.np_random.uniform(-1, 1))), (6.0, float(self.np_random.uniform(-3, 3)))]
        self.posts = {2: at[0], 3: at[1]} if "cairn" in self.world_spec.landmarks else {2: at[0]}  # by class
        return self.observation_and_info()

    def step(self, action):
        key = KEYS[int(action)]
        self.yaw += {"swing left": SWING, "swing right": -SWING}.get(key, 0.0)
        there = self.feet + (STRIDE if key == "walk" else 0.0) * np.array([np.cos(self.yaw), np.sin(self.yaw)])
        if all(np.hypot(*(there - post)) > RADIUS + 0.3 for post in self.posts.values()):
            self.feet = there
        self.count += 1
        self.success = self.task is not None and bool(np.hypot(*(self.feet - self.posts[2])) < GOALS[0]["reach"])
        observation, info = self.observation_and_info()
        return observation, float(self.success), self.success, False, info

    @property
    def steps(self) -> int:
        return self.count

    @property
    def description(self) -> dict[str, Any]:
        return {"instruction": self.task or "", "spec": json.loads(self.world_spec.to_json()), "seed": 0}

    def scene_graph(self) -> list[dict[str, Any]]:
        fixed = {"rotation": [1, 0, 0, 0], "size": list(SIZE), "movable": False, "behaviour": None}
        return [
            {"id": kind - 1, "name": CLASSES[kind], "class": CLASSES[kind], "centre": [*at, HEIGHT / 2], **fixed}
            for kind, at in self.posts.items()
        ]

    def place(self) -> Place:
        posts = [Thing(CLASSES[kind], (*at, HEIGHT / 2), SIZE, id=kind - 1) for kind, at in self.posts.items()]
        return Place(base=CLASSES[1], beyond=CLASSES[1], things=tuple(posts), scene=self.world_spec.scene)

    def driver(self, name: str, rng: np.random.Generator) -> Driver:
        return Driver(self, name, rng)

    def look(self, modalities, width, height, samples):
        """Rays against the plain and upright posts: rgb, depth, instance, semantic [H, W], and the rest."""
        focal = width / 2 / np.tan(np.radians(35))
        across, up = np.meshgrid(
            (np.arange(width) + 0.5 - width / 2) / focal, (height / 2 - np.arange(height) - 0.5) / focal
        )
        forward, right = np.array([np.cos(self.yaw), np.sin(self.yaw)]), np.array([np.sin(self.yaw), -np.cos(self.yaw)])
        depth = np.where(up < -1e-3, EYE / np.maximum(-up, 1e-3), FAR)
        semantic = np.where(depth < 60, 1, 0)
        for kind, at in self.posts.items():
            ahead, aside = (np.array(at) - self.feet) @ forward, (np.array(at) - self.feet) @ right
            hit = (np.abs(across * ahead - aside) < RADIUS) & (np.abs(EYE + up * ahead - HEIGHT / 2) < HEIGHT / 2)
            hit &= (ahead > 0.2) & (ahead < depth)
            depth, semantic = np.where(hit, ahead, depth), np.where(hit, kind, semantic)
        depth = np.where(semantic == 0, FAR, depth)
        ground = self.feet + depth[..., None] * (forward + across[..., None] * right)
        checks = 0.7 + 0.3 * (np.floor(ground).sum(-1) % 2)
        colours = np.array([(150, 180, 220), TINT[self.world_spec.scene], (240, 60, 60), (60, 60, 240)])[semantic]
        shade = np.where(semantic == 1, checks, 1.0) * LIGHT[self.world_spec.weather]
        pose = np.eye(4, dtype=np.float32)
        pose[:2, 0], pose[:3, 1], pose[:2, 2], pose[:3, 3] = right, (0, 0, -1), forward, (*self.feet, EYE)
        pose[2, 2] = 0
        seen = {
            "rgb": (colours * shade[..., None]).astype(np.uint8),
            "depth": depth.astype(np.float32),
            "instance": (semantic - 1).astype(np.int32),
            "semantic": semantic.astype(np.uint8),
            "pose": pose,
            "intrinsics": np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]], np.float32),
            "agent": np.array([*self.feet, self.yaw], np.float32),
            "entities": np.zeros((MAX_ENTITIES, 8), np.float32),
        }
        return {name: seen[name] for name in modalities}


class Driver:
    """Wanders; the expert goes to the shrine."""

    def __init__(self, env: MeadowEnv, name: str, rng: np.random.Generator):
        self.env, self.name, self.rng, self.key = env, name, rng, 1

    def begin(self) -> None: ...

    def act(self) -> int:
        if self.name == "wander":
            self.key = int(self.rng.integers(len(KEYS))) if self.rng.random() < 0.2 else self.key
            return self.key
        off = np.array(self.env.posts[2]) - self.env.feet
        turn = (np.arctan2(off[1], off[0]) - self.env.yaw + np.pi) % (2 * np.pi) - np.pi
        return 1 if abs(turn) < SWING else 2 if turn > 0 else 3


genie_gym.register_simulator(
    Simulator(
        id=ID,
        entry_point="meadow:MeadowEnv",
        max_episode_steps=60,
        ground_truth=True,
        drivers=MeadowEnv.driver_names,
        tasks=MeadowEnv.tasks,
        mix={"wander": 0.5, "expert": 0.5},
        vocabulary="meadow:VOCABULARY",
    )
)
