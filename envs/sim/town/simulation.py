"""A layout as a running MuJoCo model: where each thing's numbers stand in it, its light and friction, and who draws it.

Legend: N rows of entities (`MAX_ENTITIES`).
"""

from __future__ import annotations

import copy
from typing import Any

import mujoco
import numpy as np

from genie_gym.envs.sim.base import MAX_ENTITIES
from genie_gym.envs.sim.render import Renderers
from genie_gym.envs.sim.town.atmosphere import GRIP, make_atmosphere
from genie_gym.envs.sim.town.build import AGENT_JOINTS, DT, SUBSTEPS, build, light
from genie_gym.envs.sim.town.characters import Character
from genie_gym.envs.sim.town.layout import Layout
from genie_gym.text.spec import WorldSpec

_NOT_PICKLED = ("ntree_awake", "nbody_awake", "nv_awake")  # what MuJoCo's own pickles of MjData forget (4.0): who sleeps


class Simulation:
    """Physics and light of one layout at a time; `compile` takes the next one. Entities go by their index in the layout.

    `steps` are the control steps since the episode began. `hidden` are entities that are there no longer, as when they
    were collected: neither seen nor reached for.
    """

    def __init__(self) -> None:
        self.steps = 0
        self.hidden: set[int] = set()
        self.renderers = Renderers()

    def compile(self, layout: Layout, spec: WorldSpec) -> None:
        """Everything at rest where it was laid out, under the weather, hour and physics of a spec."""
        self.close()
        self.layout, self.weather = layout, spec.weather
        self.built = build(layout, spec.gravity)
        self.model = self.built.model
        self._light(spec)
        self.data = mujoco.MjData(self.model)
        joints = [self.model.joint(name) for name in AGENT_JOINTS]
        self.agent_qpos = np.array([int(joint.qposadr[0]) for joint in joints])
        self.agent_dof = np.array([int(joint.dofadr[0]) for joint in joints])
        self.body_of = {index: int(self.model.body(entity.name).id) for index, entity in layout.standing()}
        self._movers = [index for index, entity in enumerate(layout.entities) if entity.moves][:MAX_ENTITIES]
        self._centres = {index: layout.entities[index].box()[0] for index in self._movers}
        self._base_friction = self.model.geom_friction[:, 0].copy()
        self.set_physics(spec)

    def recompile(self, spec: WorldSpec) -> None:
        """Compiles again after something was added or removed; all else stays where it is and keeps moving."""
        old, old_agent = self.data, (self.agent_qpos, self.agent_dof)
        old_joints = {index: self.free_joint(index) for index in self.built.movable}
        self.compile(self.layout, spec)
        for index, (old_q, old_v) in old_joints.items():
            if self.layout.entities[index].removed:
                continue
            q, v = self.free_joint(index)
            self.data.qpos[q : q + 7] = old.qpos[old_q : old_q + 7]
            self.data.qvel[v : v + 6] = old.qvel[old_v : old_v + 6]
        self.data.qpos[self.agent_qpos], self.data.qvel[self.agent_dof] = old.qpos[old_agent[0]], old.qvel[old_agent[1]]
        self.data.time = old.time

    def __deepcopy__(self, memo: dict[int, Any]) -> Simulation:
        """Physics is copied whole, with what MuJoCo keeps of the step before: a copy goes on to the bit as this does."""
        model = copy.copy(self.model)
        data = mujoco.MjData(model)
        mujoco.mj_copyData(data, model, self.data)
        memo[id(self.model)], memo[id(self.data)] = model, data
        twin = memo[id(self)] = object.__new__(type(self))
        twin.__dict__.update({name: copy.deepcopy(value, memo) for name, value in self.__dict__.items()})
        return twin

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {name: getattr(self.data, name) for name in _NOT_PICKLED}

    def __setstate__(self, state: dict[str, Any]) -> None:
        counts = {name: state.pop(name) for name in _NOT_PICKLED}
        self.__dict__.update(state)
        for name, count in counts.items():
            setattr(self.data, name, count)

    def _light(self, spec: WorldSpec) -> None:
        self.air = make_atmosphere(spec.weather, spec.hour)
        for texture in light(self.model, self.layout, spec.weather, spec.hour, self.air):
            self.renderers.upload_texture(texture)

    def relight(self, spec: WorldSpec) -> None:
        """Light, sky, ground, snow cover and grip of the spec's weather and hour, without compiling."""
        self.weather = spec.weather
        self._light(spec)
        self.set_physics(spec)
        mujoco.mj_forward(self.model, self.data)
        self.data.light_xdir[0] = self.model.light_dir[0]  # with sleeping enabled, what is fixed is not computed anew

    def set_physics(self, spec: WorldSpec) -> None:
        """Gravity, and friction: the spec's, times what the weather leaves of it (not indoors)."""
        self.gravity = spec.gravity
        self.grip = spec.friction * (1.0 if self.layout.roof is not None else GRIP[spec.weather])
        self.model.opt.gravity[2] = -self.gravity
        self.model.geom_friction[:, 0] = self._base_friction * self.grip

    def advance(self) -> None:
        """Lets one control step of time go by."""
        mujoco.mj_step(self.model, self.data, nstep=SUBSTEPS)
        mujoco.mj_kinematics(self.model, self.data)  # what is seen is where things are now, not a substep before
        self.steps += 1

    @property
    def seconds(self) -> float:
        """Since the episode began."""
        return self.steps * DT

    def free_joint(self, index: int) -> tuple[int, int]:
        """Where a movable thing's position (seven numbers) begins in `data.qpos`, and its velocity (six) in `data.qvel`."""
        joint = self.model.joint(self.layout.entities[index].name)
        return int(joint.qposadr[0]), int(joint.dofadr[0])

    def position_of(self, index: int) -> np.ndarray:
        """[3] in metres."""
        return self.data.xpos[self.body_of[index]].copy()

    def place_character(self, person: Character) -> None:
        mocap = self.model.body_mocapid[self.body_of[person.index]]
        self.data.mocap_pos[mocap] = (person.x, person.y, self.layout.terrain.height(person.x, person.y))
        self.data.mocap_quat[mocap] = (np.cos(person.yaw / 2), 0, 0, np.sin(person.yaw / 2))
        self.swing_limbs(self.built.limbs[person.index], person.swing)

    def swing_limbs(self, limbs: list[int], angle: float) -> None:
        """Opposite limbs swing together."""
        for limb, sign in zip(limbs, (1, -1, -1, 1), strict=True):
            self.model.body_quat[limb] = (np.cos(angle / 2), 0, sign * np.sin(angle / 2), 0)

    def scene_graph(self) -> list[dict[str, Any]]:
        """Every entity: id (as in instance masks), name, class, 3D box (centre, size before turning, rotation w x y z)."""
        graph = []
        for index, entity in self.layout.standing():
            if index in self.hidden:
                continue
            body = self.body_of[index]
            middle, size = entity.box()
            centre = self.data.xpos[body] + self.data.xmat[body].reshape(3, 3) @ middle
            facts = {"id": index + 1, "name": entity.name, "class": entity.category, "centre": centre.round(4).tolist()}
            facts |= {"size": size.round(4).tolist(), "rotation": self.data.xquat[body].round(5).tolist()}
            graph.append(facts | {"movable": entity.mass > 0, "behaviour": entity.behaviour or None})
        return graph

    def entities(self) -> np.ndarray:
        """float32 [N, 8]: id, centre and rotation of everything that can move, as in `scene_graph`. The n-th row is that of
        the layout's n-th such thing, zeros where it was removed or hidden."""
        rows = np.zeros((MAX_ENTITIES, 8), np.float32)
        there = [(row, i) for row, i in enumerate(self._movers) if i in self.body_of and i not in self.hidden]
        if there:
            at, indices = (list(numbers) for numbers in zip(*there, strict=True))
            bodies, middles = [self.body_of[i] for i in indices], np.stack([self._centres[i] for i in indices])
            rotations = self.data.xmat[bodies].reshape(-1, 3, 3)
            rows[at, 0] = np.array(indices) + 1
            rows[at, 1:4] = self.data.xpos[bodies] + (rotations @ middles[..., None])[..., 0]
            rows[at, 4:] = self.data.xquat[bodies]
        return rows

    def close(self) -> None:
        self.renderers.close()
