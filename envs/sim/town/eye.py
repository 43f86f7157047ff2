"""What the agent's camera sees: pose, pictures, depth and masks, from its eyes, from behind, or from anywhere."""

from __future__ import annotations

import mujoco
import numpy as np

from genie_gym.envs.sim.render import camera_pose, pinhole_intrinsics
from genie_gym.envs.sim.town.agent import Agent
from genie_gym.envs.sim.town.build import AGENT_GROUP, COLLIDER_GROUP, CULLED_GROUP, FOVY, VISIBLE
from genie_gym.envs.sim.town.precipitation import Camera, draw_weather
from genie_gym.envs.sim.town.simulation import Simulation

EYE_HEIGHT = 1.6
THIRD_PERSON, LOOK_DOWN = (3.6, 0.5), 0.2  # metres behind and above the eye, radians


class Eye:
    """The camera that an agent carries through a simulation."""

    def __init__(self, simulation: Simulation, agent: Agent):
        self.simulation, self.agent = simulation, agent

    def pose(self, view: str = "first") -> np.ndarray:
        """float64 [4, 4], camera to world; the camera looks along its z, x is right, y is down."""
        yaw, pitch = self.agent.yaw, self.agent.pitch - (LOOK_DOWN if view == "third" else 0.0)
        forward = np.array([np.cos(yaw) * np.cos(pitch), np.sin(yaw) * np.cos(pitch), np.sin(pitch)])
        right = np.array([np.sin(yaw), -np.cos(yaw), 0.0])
        eye = self.agent.position + (0, 0, EYE_HEIGHT)
        if view == "third":
            back = -THIRD_PERSON[0] * forward + (0, 0, THIRD_PERSON[1])
            eye = eye + back * self._room(eye, back)
        return camera_pose(eye, right, forward)

    def _room(self, eye: np.ndarray, back: np.ndarray) -> float:
        """The share of `back` that is free of walls."""
        groups = np.zeros(6, np.uint8)
        groups[COLLIDER_GROUP] = 1
        model, data = self.simulation.model, self.simulation.data
        distance = mujoco.mj_ray(model, data, eye, back, groups, 1, model.body("agent").id, np.zeros(1, np.int32))
        return 1.0 if distance < 0 else min(1.0, max(0.1, float(distance) * 0.9))

    def observe(
        self, modalities: tuple[str, ...], width: int, height: int, view: str = "first", samples: int = 0,
        pose: np.ndarray | None = None,
    ) -> dict[str, np.ndarray]:  # fmt: skip
        """What the camera sees (shapes are in `SimEnv`). `pose` [4, 4], camera to world, puts it anywhere."""
        simulation, pose = self.simulation, self.pose(view) if pose is None else pose
        intrinsics = pinhole_intrinsics(width, height, FOVY)
        seen = {"pose": pose.astype(np.float32), "intrinsics": intrinsics, "agent": self.agent.state()}
        if "entities" in modalities:
            seen["entities"] = simulation.entities()
        if {"rgb", "depth", "instance", "semantic"} & set(modalities):
            groups = (VISIBLE, AGENT_GROUP) if view == "third" else (VISIBLE,)
            renderer = simulation.renderers.at(simulation.model, width, height, samples, groups)
            renderer.set_camera(simulation.data, pose)
            self._cull(pose, intrinsics, width, height)
        if "rgb" in modalities or "depth" in modalities:
            rgb, seen["depth"] = renderer.rgb_and_depth(simulation.data)
        if "rgb" in modalities:
            camera, roof = Camera(seen["depth"], pose, intrinsics), simulation.layout.roof
            seen["rgb"] = draw_weather(rgb, camera, simulation.weather, simulation.air, simulation.seconds, roof)
        if "instance" in modalities or "semantic" in modalities:
            geoms = renderer.geom_ids(simulation.data)
            seen["instance"], seen["semantic"] = simulation.built.instance[geoms], simulation.built.semantic[geoms]
        return {name: np.ascontiguousarray(seen[name]) for name in modalities}

    def _cull(self, pose: np.ndarray, intrinsics: np.ndarray, width: int, height: int) -> None:
        """Leaves out what lies outside the camera's pyramid, and what was collected."""
        model, built = self.simulation.model, self.simulation.built
        x, y, z = ((self.simulation.data.geom_xpos - pose[:3, 3]) @ pose[:3, :3]).T
        r = model.geom_rbound
        tx, ty = width / 2 / intrinsics[0, 0], height / 2 / intrinsics[1, 1]
        inside = (z > -r) & (np.abs(x) < z * tx + r * np.hypot(1, tx)) & (np.abs(y) < z * ty + r * np.hypot(1, ty))
        inside &= ~np.isin(built.instance[:-1], [index + 1 for index in self.simulation.hidden])
        model.geom_group[:] = np.where(inside | (built.group == COLLIDER_GROUP), built.group, CULLED_GROUP)
