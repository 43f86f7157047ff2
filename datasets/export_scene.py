"""A walk through a world, as a scene for 3D programs: one mesh of all that was seen, and beside it what is known of it. Of
a world that knows its place, the place itself (`export_place`).

Learned worlds and simulators are walked through alike, by Gymnasium's interface: whatever shows depth, pose and keys.

Legend: V views, H W image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import gymnasium as gym
import numpy as np
import torch
from jaxtyping import Float, UInt8
from scipy.spatial.transform import Rotation

from genie_gym.datasets.behaviours import Behaviour, LookAround, check_policy, make_behaviour
from genie_gym.datasets.export_place import export_place, knows_its_place
from genie_gym.datasets.glb import FROM_LEVEL, find_trimesh, gltf_pose, write_glb
from genie_gym.datasets.interrupt import Interrupt
from genie_gym.datasets.play import Assignment, SingleRow, Step, play
from genie_gym.datasets.record_simulator import make_driver
from genie_gym.envs.registration import is_world, make
from genie_gym.envs.simulators import find_simulator
from genie_gym.errors import GenieGymError
from genie_gym.files import write_json
from genie_gym.geometry.camera import Camera
from genie_gym.geometry.fusion import fuse
from genie_gym.geometry.level import TO_LEVEL
from genie_gym.geometry.scene_graph.boxes import turn
from genie_gym.geometry.scene_graph.scene import SceneGraph
from genie_gym.progress import progress

LOOK_AROUND = "look_around"
OBSERVED = ("rgb", "depth", "pose")
GRAPH = "scene_graph"
CHOSEN = ("obs", "info", "action_mode", "max_episode_steps")  # options of the environment that follow from the export
MOST_PIXELS = 8_000_000  # of all views together; a pixel takes about 100 bytes of memory, and at most 44 of the file


@dataclass(frozen=True)
class ExportConfig:
    """How a world is walked through, and what is kept of it.

    Attributes:
        env: a learned world's id, or a simulator's with ground truth. env_kwargs: its options. seed: of its reset.
        policy: look_around (turns round twice, walks on, and again), a simulator's own drivers, or one of any environment:
            random, sticky, directed.
        steps: of the walk; two rounds of looking around are 432. It ends with the episode, if that is sooner.
        views: how many frames are kept at most, evenly over the walk.
        farthest: metres from the camera; what lies beyond is left out, like the sky.
        seen: what was seen is written of a world that knows its place, too.
    """

    env: str = "Genie2-v0"
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    policy: str = LOOK_AROUND
    steps: int = 432
    views: int = 48
    farthest: float = 40.0
    seen: bool = False


@runtime_checkable
class KnowsItsScene(Protocol):
    """An environment that can say what there is in its world."""

    def scene_graph(self) -> list[dict[str, Any]]:
        """Every thing: centre [3], in metres, size before turning, and rotation (w, x, y, z), in the world of its poses."""


@dataclass
class Walk:
    """What was seen: frames, depths in metres and level poses (`geometry.level`), and after which step each."""

    steps: list[int]
    frames: UInt8[np.ndarray, "V H W 3"]
    depth: Float[np.ndarray, "V H W"]
    poses: Float[np.ndarray, "V 4 4"]
    camera: Camera
    graph: SceneGraph | None = None
    """What a learned world knows of its scene at the end, where it tells what it shows."""


@dataclass(frozen=True)
class Exported:
    """What was written."""

    scene: Path
    about: Path
    triangles: int
    things: int | None
    """In the scene graph; None where there is no such graph."""
    views: int
    """That it was fused from; 0 where it is the place itself."""


def export_scene(config: ExportConfig, out: str | Path) -> Exported:
    """Walks through a world, and writes the scene `out` (.glb), and OUT.json beside it. No walk is needed where the world
    knows its place.

    Raises:
        GenieGymError: for another suffix, numbers below 1, an environment without depth and poses, options that follow from
            the export, more pixels than `MOST_PIXELS`, a walk that shows nothing; and without trimesh.
    """
    out = Path(out)
    _check(config, out)
    env = _make(config)
    knows = is_world(config.env) and knows_its_place(env)
    to_level = TO_LEVEL if knows or find_simulator(config.env) else np.eye(4, dtype=np.float32)
    about: dict[str, Any] = {
        "env": config.env,
        "options": {name: str(value) for name, value in config.env_kwargs.items()},
        "seed": config.seed,
    }
    try:
        if knows and not config.seen:
            return Exported(out, out.with_suffix(".json"), *export_place(env, config.seed, about, out), views=0)
        find_trimesh()
        walk = _walk(env, config, to_level)
        world: Any = env.unwrapped
        graph = world.scene_graph() if isinstance(world, KnowsItsScene) else None
    finally:
        env.close()
    triangles = write_scene(walk, config.farthest, out)
    about |= {
        "policy": config.policy,
        "units": "metres; x right, y up; cameras look along -z",
        "camera": {"width": walk.camera.width, "height": walk.camera.height, "focal": walk.camera.focal},
        "walk": [
            {"step": step, "pose": gltf_pose(pose).round(5).tolist()}
            for step, pose in zip(walk.steps, walk.poses, strict=True)
        ],
    }
    if walk.graph is not None:
        graph, to_level = _things(walk.graph), np.eye(4, dtype=np.float32)  # which is level
        about["relations"] = [asdict(relation) for relation in walk.graph.relations]
    if graph is not None:
        about["scene_graph"] = [_turned(thing, FROM_LEVEL @ to_level) for thing in graph]
    write_json(out.with_suffix(".json"), about)
    return Exported(out, out.with_suffix(".json"), triangles, None if graph is None else len(graph), len(walk.steps))


def write_scene(walk: Walk, farthest: float, out: Path) -> int:
    """Fuses what was seen into a mesh, and writes it. Returns how many triangles it has.

    Raises:
        GenieGymError: nothing was seen nearer than `farthest`.
    """
    inverse_depth = torch.from_numpy(np.where(walk.depth < farthest, 1 / walk.depth, 0.0)).float()
    surface = fuse(inverse_depth, torch.from_numpy(walk.poses).float(), walk.camera)
    if not len(surface.triangles):
        raise GenieGymError(f"the walk shows no surface within {farthest:g} m; give a larger --farthest, or another --seed.")
    cameras = {f"step {step}": pose for step, pose in zip(walk.steps, walk.poses, strict=True)}
    write_glb(out, surface, walk.frames, cameras, walk.camera)
    return len(surface.triangles)


def _check(config: ExportConfig, out: Path) -> None:
    if out.suffix != ".glb":
        raise GenieGymError(f"--out is a .glb; got {str(out)!r}.")
    for name in ("steps", "views", "farthest"):
        if not getattr(config, name) > 0:
            raise GenieGymError(f"--{name} is above 0; got {getattr(config, name)}.")
    for name in CHOSEN:
        if name in config.env_kwargs:
            raise GenieGymError(f"{name!r} follows from what is exported; leave it out of the options.")
    simulator = find_simulator(config.env)
    check_policy(config.policy, (LOOK_AROUND, *(simulator.drivers if simulator else ())))
    if not is_world(config.env) and not (simulator and simulator.ground_truth):
        raise GenieGymError(f"{config.env} shows no depth and poses; give a world like Genie2-v0, or GenieSim/Town-v0.")


def _make(config: ExportConfig) -> gym.Env:
    options = dict(config.env_kwargs) | {"obs": OBSERVED, "max_episode_steps": config.steps, "disable_env_checker": True}
    env: gym.Env = _make_world(config.env, options) if is_world(config.env) else make(gym.make, config.env, **options)
    assert isinstance(env.observation_space, gym.spaces.Dict)
    height, width = env.observation_space["depth"].shape or ()
    if min(config.views, config.steps + 1) * height * width > MOST_PIXELS:
        most = MOST_PIXELS // (height * width)
        raise GenieGymError(
            f"{config.views} views of {width}x{height} are too many; give --views {most}, or smaller frames."
        )
    return env


def _make_world(env_id: str, options: dict[str, Any]) -> gym.Env:
    """A learned world, with its scene graph where it tells what it shows."""
    env: gym.Env
    try:
        env = make(gym.make, env_id, action_mode="keyboard", info=(GRAPH,), **options)
    except GenieGymError:  # it may not tell; whatever else is wrong with it is said now
        env = make(gym.make, env_id, action_mode="keyboard", **options)
    return env


class _EveryNth(SingleRow):
    """Hands over every n-th observation, and nothing in place of the others: a long walk takes no more memory."""

    def __init__(self, env: gym.Env, n: int):
        super().__init__(env)
        self.n, self.count = n, 0

    def step(self, actions: Mapping[int, Any]) -> tuple[Mapping[int, np.ndarray], Step]:
        sent, step = super().step(actions)
        self.count += 1
        return sent, step if self.count % self.n == 0 else replace(step, observations=[None])


def _walk(env: gym.Env, config: ExportConfig, to_level: np.ndarray) -> Walk:
    rows = _EveryNth(env, -(-(config.steps + 1) // config.views))
    assignments = iter([Assignment(lambda: _player(env, config), config.policy, 0, config.seed)])
    with progress(total=config.steps, desc=f"walk through {config.env}", unit="step") as bar, Interrupt() as interrupt:

        def between_steps() -> None:
            interrupt.check()
            bar.update()

        played = next(play(rows, lambda _: next(assignments, None), between_steps))
    seen = {step: look for step, look in enumerate(played.observations) if look is not None}
    looks, told = list(seen.values()), rows.look(0)[1]
    depth = np.stack([look["depth"] for look in looks])
    return Walk(
        steps=list(seen),
        frames=np.stack([look["rgb"] for look in looks]),
        depth=depth,
        poses=to_level @ np.stack([look["pose"] for look in looks]),
        camera=Camera.with_intrinsics(told["intrinsics"], *depth.shape[1:]),
        graph=told.get(GRAPH),
    )


def _player(env: gym.Env, config: ExportConfig) -> Behaviour:
    rng = np.random.default_rng(config.seed)
    if config.policy == LOOK_AROUND:
        return LookAround(env.unwrapped.metadata.get("action_meanings", ()))
    if find_simulator(config.env):
        return make_driver(env, config.policy, rng)
    return make_behaviour(config.policy, env.observation_space, env.action_space, rng)


def _things(graph: SceneGraph) -> list[dict[str, Any]]:
    """As simulators list theirs; `seen` are the steps in which one was seen first and last."""
    return [
        {
            "id": thing.id,
            "name": f"{thing.name} {thing.id}",
            "class": thing.name,
            "centre": thing.centre,
            "size": thing.size,
            "rotation": np.roll(Rotation.from_matrix(turn(thing.heading)).as_quat(), 1),
            "confidence": round(thing.confidence, 3),
            "seen": [thing.first, thing.last],
        }
        for thing in graph.objects
    ]


def _turned(thing: Mapping[str, Any], to_file: np.ndarray) -> dict[str, Any]:
    """A thing of a scene graph in the coordinates of the file; its size stays along its own axes."""
    basis = Rotation.from_matrix(to_file[:3, :3])
    x, y, z, w = (basis * Rotation.from_quat(np.roll(thing["rotation"], -1))).as_quat()
    centre = to_file[:3, :3] @ np.asarray(thing["centre"])
    return dict(thing) | {"centre": centre.round(4).tolist(), "rotation": np.round([w, x, y, z], 5).tolist()}
