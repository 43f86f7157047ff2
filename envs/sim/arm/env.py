"""`GenieSim/Arm-v0`: a four-joint arm with a gripper over a table with a few objects, in MuJoCo. The robot source.

One moves the tip of the gripper, which always points down; joint angles follow in closed form. Units: metres, z up, the
table top at 0, the arm's base at the origin, the objects in front of it along x.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import mujoco
import numpy as np

from genie_gym.envs.sim.arm import model as arm
from genie_gym.envs.sim.arm.driver import ArmDriver
from genie_gym.envs.sim.arm.place import place_of
from genie_gym.envs.sim.base import MAX_ENTITIES, Driver, SimEnv
from genie_gym.envs.sim.render import Renderers, pinhole_intrinsics
from genie_gym.errors import GenieGymError, did_you_mean
from genie_gym.places.place import Place


class ArmEnv(SimEnv):
    """An arm over a table. Every reset draws other objects, colours, places, light and a slightly other camera.

    Actions: `Box` float32 [4] in [-1, 1], 24 a second: the tip's motion along x, y and z, 18 mm a step at most, and the
        gripper, which closes above 0. With `fps=8` there are eight a second, each of up to 54 mm.

    Observations: uint8 [120, 160, 3], or what `obs` names; see `SimEnv`. The agent's state is float32 [8], named by
        `metadata["agent_state"]`: the tip (metres), the gripper's opening (metres), and four joint angles (radians).

    Rewards: 1 at the goal of the task, else 0.
    Episode end: terminated at the goal, truncated after 240 steps, which are ten seconds at 24 a second
        (`max_episode_steps` of `gym.make`).
    Info: see `SimEnv`.

    Args:
        task: None, "reach" (the tip to within 25 mm of the floating ball), "push" (the first object to within 3 cm of the
            ring's centre), "pick" (the first object 12 cm up).
        num_objects: 1 to 5. Where the table is too crowded for the task, the first object stands alone.
        fps: steps a second, a divisor of 24. At fewer the arm is as fast, so that more happens from frame to frame.
        obs, width, height, samples: see `SimEnv`.
    """

    metadata = SimEnv.metadata | {
        "render_fps": arm.CONTROL_HZ, "classes": arm.CLASSES, "agent_state": arm.AGENT_STATE,
    }  # fmt: skip
    driver_names = ("expert", *arm.TASKS, "wander")
    tasks = arm.TASKS
    episode_parts = (
        "task", "objects", "goal", "model", "data", "wanted", "steps", "_closed", "_camera", "_joints", "_bodies", "_tip",
        "_geom_instance", "_geom_class",
    )  # fmt: skip
    steps = 0

    def __init__(
        self, task: str | None = None, num_objects: int = 3, *, fps: int = arm.CONTROL_HZ, obs: Sequence[str] = ("rgb",),
        width: int = 160, height: int = 120, samples: int = 0, render_mode: str | None = None,
    ):  # fmt: skip
        super().__init__(task, obs, width, height, samples, render_mode)
        if not isinstance(num_objects, int) or not 1 <= num_objects <= 5:
            raise GenieGymError(f"num_objects is a whole number from 1 to 5; got {num_objects!r}.")
        if not isinstance(fps, int) or fps not in arm.RATES:
            raise GenieGymError(f"fps is one of {', '.join(map(str, arm.RATES))}; got {fps!r}.")
        self.task, self.num_objects, self.repeat = task, num_objects, arm.CONTROL_HZ // fps
        self.metadata = self.metadata | {"render_fps": fps}
        self.action_space = gym.spaces.Box(-1, 1, (4,), np.float32)
        self._renderers = Renderers()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self.begin_episode(seed, options)
        self.close()
        self.steps = 0
        self.success = False
        self.task = self.task_for(options)
        rng = self.np_random
        self.objects = arm.draw_objects(rng, self.num_objects)
        self.goal = arm.draw_goal(rng, self.task, self.objects)
        self.model = arm.build_model(rng, self.objects, self.task, self.goal)
        self.data = mujoco.MjData(self.model)
        self._camera = arm.camera_pose(rng)
        joints = ("yaw", "shoulder", "elbow", "wrist", "left", "right")
        self._joints = np.array([self.model.joint(name).qposadr[0] for name in joints])
        self._bodies = [self.model.body(thing["name"]).id for thing in self.objects]
        self._tip = self.model.site("tip").id
        self._geom_instance, self._geom_class = self._tables()
        self.wanted = np.array([0.24, 0.0, 0.16])
        self._closed = False
        self.data.qpos[self._joints[:4]] = arm.joint_angles(self.wanted)
        self.data.qpos[self._joints[4:]] = arm.OPEN
        self._drive()
        mujoco.mj_step(self.model, self.data, nstep=arm.SUBSTEPS)
        return self.observation_and_info()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        move = np.clip(np.asarray(action, np.float64), -1, 1)
        self._closed = bool(move[3] > 0)
        for _ in range(self.repeat):
            self.wanted = arm.inside(self.wanted + arm.STEP * move[:3])
            self._drive()
            mujoco.mj_step(self.model, self.data, nstep=arm.SUBSTEPS)
        self.steps += 1
        self.success = self._reached()
        observation, info = self.observation_and_info()
        return observation, float(self.success), self.success, False, info

    def _drive(self) -> None:
        self.data.ctrl[:4] = arm.joint_angles(self.wanted)
        self.data.ctrl[4:] = arm.CLOSED if self._closed else arm.OPEN

    def _reached(self) -> bool:
        if self.task == "reach":
            return bool(np.linalg.norm(self.tip - self.goal) < 0.025)
        if self.task == "push":
            return bool(np.linalg.norm(self.object_position(0)[:2] - self.goal[:2]) < 0.03)
        if self.task == "pick":
            return bool(self.object_position(0)[2] > 0.12)
        return False

    @property
    def tip(self) -> np.ndarray:
        """Between the fingers, [3]."""
        return self.data.site_xpos[self._tip].copy()

    def object_position(self, index: int) -> np.ndarray:
        return self.data.xpos[self._bodies[index]].copy()

    @property
    def instruction(self) -> str:  # type: ignore[override]
        first = f"the {self.objects[0]['colour']} {self.objects[0]['kind']}"
        texts = {"reach": "touch the floating ball", "push": f"push {first} onto the ring", "pick": f"pick up {first}"}
        return texts.get(self.task or "", "")

    def look(self, modalities: tuple[str, ...], width: int, height: int, samples: int) -> dict[str, np.ndarray]:
        opening = float(self.data.qpos[self._joints[4:]].sum())
        state = np.array([*self.tip, opening, *self.data.qpos[self._joints[:4]]], np.float32)
        intrinsics = pinhole_intrinsics(width, height, arm.FOVY)
        seen = {"pose": self._camera.astype(np.float32), "intrinsics": intrinsics, "agent": state}
        if "entities" in modalities:
            seen["entities"] = self._entities()
        if {"rgb", "depth", "instance", "semantic"} & set(modalities):
            renderer = self._renderers.at(self.model, width, height, samples)
            renderer.set_camera(self.data, self._camera)
            seen["rgb"], seen["depth"] = (np.ascontiguousarray(x) for x in renderer.rgb_and_depth(self.data))
            if "instance" in modalities or "semantic" in modalities:
                geoms = renderer.geom_ids(self.data)
                seen["instance"], seen["semantic"] = self._geom_instance[geoms], self._geom_class[geoms]
        return {name: seen[name] for name in modalities}

    def _entities(self) -> np.ndarray:
        rows, count = np.zeros((MAX_ENTITIES, 8), np.float32), len(self.objects)
        rows[:count, 0] = np.arange(count) + 1
        rows[:count, 1:4], rows[:count, 4:] = self.data.xpos[self._bodies], self.data.xquat[self._bodies]
        return rows

    def _tables(self) -> tuple[np.ndarray, np.ndarray]:
        """Instance and class of each geom, with a last row for the sky."""
        labels = {thing["name"]: (index, thing["kind"]) for index, thing in enumerate(self.objects, 1)}
        arm_id = len(labels) + 1
        labels |= {name: (arm_id + k, name) for k, name in enumerate(("table", "wall", "target"), 1)}
        labels["floor"] = (0, "floor")
        geoms = [self.model.geom(geom) for geom in range(self.model.ngeom)]
        names = [geom.name or self.model.body(geom.bodyid[0]).name for geom in geoms]
        rows = [labels.get(name, (arm_id, "arm")) for name in names] + [(-1, "sky")]
        instance, category = zip(*rows, strict=True)
        return np.array(instance, np.int32), np.array([arm.CLASSES.index(name) for name in category], np.uint8)

    @property
    def instance_classes(self) -> list[int]:
        return self.classes_by_id(self._geom_instance, self._geom_class)

    def scene_graph(self) -> list[dict[str, Any]]:
        """Every object: id, name, class, 3D box (centre, size before turning, rotation w x y z)."""
        graph = []
        for index, thing in enumerate(self.objects):
            centre, rotation = self.object_position(index), self.data.xquat[self._bodies[index]]
            facts = {"id": index + 1, "name": thing["name"], "class": thing["kind"], "centre": centre.round(4).tolist()}
            facts |= {"size": (2 * np.array(thing["half"])).round(4).tolist(), "rotation": rotation.round(5).tolist()}
            graph.append(facts | {"movable": True, "behaviour": None})
        return graph

    def place(self) -> Place:
        return place_of(self.model, self.data, self._geom_instance, self._geom_class, self._camera)

    def driver(self, name: str, rng: np.random.Generator) -> Driver:
        if name not in self.driver_names:
            raise GenieGymError(f"Arm has no scripted policy {name!r}." + did_you_mean(name, self.driver_names))
        return ArmDriver(self, (self.task or "wander") if name == "expert" else name, rng)

    def close(self) -> None:
        self._renderers.close()
