"""`TownWorld`: one world in motion. It owns the layout, the physics, the agent's body and the characters, and takes events.

Time runs in control steps of 1/24 s. Controls are six numbers in [-1, 1]: forward, strafe (to the right), turn (to the
left), look (up), jump, interact.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mujoco
import numpy as np

from genie_gym.envs.sim.town.atmosphere import GRIP, make_atmosphere
from genie_gym.envs.sim.town.build import (
    CONTROL_HZ,
    GROUND_FRICTION,
    SUBSTEPS,
    Built,
    build,
    light,
)
from genie_gym.envs.sim.town.builder import Builder
from genie_gym.envs.sim.town.characters import LIMB_SWING, Character, move
from genie_gym.envs.sim.town.eye import Eye
from genie_gym.envs.sim.town.layout import Entity
from genie_gym.envs.sim.town.navigation import NavigationGrid
from genie_gym.envs.sim.town.people import rig
from genie_gym.envs.sim.town.plane import wrap_angle
from genie_gym.envs.sim.town.scenes import lay_out
from genie_gym.text.spec import (
    CharacterAdd,
    CharacterSpec,
    Event,
    ObjectAdd,
    ObjectSpec,
    PhysicsModifier,
    SceneTransition,
    TimeOfDay,
    WeatherChange,
    WorldSpec,
)

CONTROLS = ("forward", "strafe", "turn", "look", "jump", "interact")
WALK, STRAFE, BACK = 3.0, 2.4, 2.0  # metres a second
TURN, LOOK, MAX_PITCH = np.radians(120), np.radians(60), np.radians(45)
JUMP_SPEED = 4.0
AIR_CONTROL = 0.12
WADING = 0.6
REACH, CARRY_DISTANCE, CARRY_MASS, THROW_SPEED = 1.7, 1.15, 20.0, 2.5
DT = 1 / CONTROL_HZ
AGENT_STATE = ("x", "y", "z", "yaw", "pitch", "vx", "vy", "vz", "grounded", "carrying")


class TownWorld:
    """The world of a spec and a seed, at the start of an episode.

    Args:
        prepare: called with each new layout before it is built, to add what a task needs.
    """

    def __init__(self, spec: WorldSpec, seed: int, prepare: Callable[[Builder], None] | None = None):
        self.spec, self.seed, self.prepare = spec, seed, prepare
        self.rng = np.random.default_rng([seed, 2])
        self.steps = 0
        self.event_log: list[tuple[int, Event]] = []
        self.eye = Eye(self)
        self._enter_layout()

    # --- building ---

    def _enter_layout(self) -> None:
        self.builder = lay_out(self.spec, self.seed)
        self.layout = self.builder.layout
        if self.prepare is not None:
            self.prepare(self.builder)
        x, y, self.yaw = self.layout.spawn
        self.pitch = 0.0
        self.carrying: int | None = None
        self._interacted = False
        self._stride = 0.0
        self.hidden: set[int] = set()
        self.characters = [Character.of(i, e) for i, e in enumerate(self.layout.entities) if e.shape is None]
        self._compile()
        self.data.qpos[self._agent_qpos] = (x, y, self.layout.terrain.height(x, y) + 0.01, self.yaw)
        self._place_characters()
        mujoco.mj_forward(self.model, self.data)

    def _compile(self) -> None:
        self.close()
        self.built: Built = build(self.layout, self.spec.gravity)
        self.model = self.built.model
        self._light()
        self.data = mujoco.MjData(self.model)
        joints = [self.model.joint(name) for name in ("agent_x", "agent_y", "agent_z", "agent_yaw")]
        self._agent_qpos = np.array([int(j.qposadr[0]) for j in joints])
        self._agent_dof = np.array([int(j.dofadr[0]) for j in joints])
        self._agent_geom = self.model.geom("agent").id
        self._agent_mass = float(self.model.body("agent").mass[0])
        self.body_of = {i: int(self.model.body(e.name).id) for i, e in enumerate(self.layout.entities)}
        self._base_friction = self.model.geom_friction.copy()
        self._grid: NavigationGrid | None = None
        self._set_friction()

    @property
    def grid(self) -> NavigationGrid:
        """Where one can walk, with movable things where they started."""
        if self._grid is None:
            self._grid = NavigationGrid.of(self.layout)
        return self._grid

    def _rebuild(self) -> None:
        """Compiles again after something was added; all that was there stays where it is and keeps moving."""
        old, old_model, names = self.data, self.model, {i: e.name for i, e in enumerate(self.layout.entities)}
        agent_q, agent_v = old.qpos[self._agent_qpos].copy(), old.qvel[self._agent_dof].copy()
        known = {old_model.joint(j).name: j for j in range(old_model.njnt)}
        self._compile()
        for index in self.built.movable:
            joint = known.get(names[index])
            if joint is not None:
                q, v = self._free_addresses(index)
                oq, ov = int(old_model.jnt_qposadr[joint]), int(old_model.jnt_dofadr[joint])
                self.data.qpos[q : q + 7], self.data.qvel[v : v + 6] = old.qpos[oq : oq + 7], old.qvel[ov : ov + 6]
        self.data.qpos[self._agent_qpos], self.data.qvel[self._agent_dof] = agent_q, agent_v
        self.data.time = old.time
        self._place_characters()
        mujoco.mj_forward(self.model, self.data)

    def _free_addresses(self, index: int) -> tuple[int, int]:
        joint = self.model.joint(self.layout.entities[index].name)
        return int(joint.qposadr[0]), int(joint.dofadr[0])

    def _set_friction(self) -> None:
        self.model.geom_friction[:, 0] = self._base_friction[:, 0] * self.grip

    @property
    def grip(self) -> float:
        """The factor on every friction: the spec's, times what the weather leaves of it (not indoors)."""
        return self.spec.friction * (1.0 if self.layout.roof is not None else GRIP[self.spec.weather])

    # --- motion ---

    def step(self, controls: np.ndarray) -> None:
        """One control step of 1/24 s under six controls in [-1, 1]."""
        forward, strafe, turn, look, jump, interact = (float(c) for c in np.clip(controls, -1, 1))
        self.yaw = wrap_angle(self.yaw + turn * TURN * DT)
        self.pitch = float(np.clip(self.pitch + look * LOOK * DT, -MAX_PITCH, MAX_PITCH))
        self._walk(forward, strafe, jump > 0.5)
        pressed = interact > 0.5
        if pressed and not self._interacted:
            self._interact()
        self._interacted = pressed
        here = self.position
        for person in self.characters:
            move(person, self.layout, self.grid, (here[0], here[1]), self.rng, DT)
        self._place_characters()
        self._carry()
        self._swing_limbs()
        mujoco.mj_step(self.model, self.data, nstep=SUBSTEPS)
        mujoco.mj_kinematics(self.model, self.data)  # what is seen is where things are now, not a substep before
        self.steps += 1

    @property
    def seconds(self) -> float:
        """Since the episode began."""
        return self.steps * DT

    @property
    def position(self) -> np.ndarray:
        """The agent's feet, [3] in metres."""
        return self.data.qpos[self._agent_qpos[:3]].copy()

    @property
    def velocity(self) -> np.ndarray:
        return self.data.qvel[self._agent_dof[:3]].copy()

    @property
    def grounded(self) -> bool:
        """Whether something carries the agent."""
        contacts = self.data.contact
        mine = contacts.geom == self._agent_geom  # [contacts, 2]
        upward = np.where(mine[:, 0], -contacts.frame[:, 2], contacts.frame[:, 2])
        return bool((mine.any(1) & (upward > 0.5)).any())

    def _walk(self, forward: float, strafe: float, jump: bool) -> None:
        """Pushes the body towards the wanted velocity, no harder than its feet grip."""
        q, v = self._agent_qpos, self._agent_dof
        self.data.qpos[q[3]], self.data.qvel[v[3]] = self.yaw, 0.0
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        ahead, right = forward * (WALK if forward > 0 else BACK), strafe * STRAFE
        wanted = np.array([c * ahead + s * right, s * ahead - c * right])
        if self.layout.water_level is not None:
            wanted *= WADING
        grounded = self.grounded
        friction = GROUND_FRICTION * self.grip * (1.0 if grounded else AIR_CONTROL)
        force = self._agent_mass * (wanted - self.data.qvel[v[:2]]) / DT
        limit = friction * self._agent_mass * self.spec.gravity
        size = float(np.hypot(*force))
        self.data.qfrc_applied[v[:2]] = force * min(1.0, limit / max(size, 1e-9))
        if jump and grounded:
            self.data.qvel[v[2]] = JUMP_SPEED

    def _interact(self) -> None:
        """Lets go of what is carried; else picks up the nearest light thing ahead, or shoves a heavy one."""
        heading = np.array([np.cos(self.yaw), np.sin(self.yaw)])
        if self.carrying is not None:
            _, v = self._free_addresses(self.carrying)
            self.data.qvel[v : v + 2] += THROW_SPEED * heading
            self.carrying = None
            return
        reach = [self._within_reach(index, heading) for index in self.built.movable]
        if not reach or min(reach) == np.inf:
            return
        index = self.built.movable[int(np.argmin(reach))]
        if self.layout.entities[index].mass <= CARRY_MASS:
            self.carrying = index
        else:
            _, v = self._free_addresses(index)
            self.data.qvel[v : v + 2] += THROW_SPEED * heading

    def _within_reach(self, index: int, heading: np.ndarray) -> float:
        offset = self.data.xpos[self.body_of[index]][:2] - self.position[:2]
        distance = float(np.hypot(*offset))
        ahead = float(offset @ heading) / max(distance, 1e-6)
        return distance if distance < REACH and ahead > 0.7 and index not in self.hidden else np.inf

    def _carry(self) -> None:
        """What is carried floats in front of the chest, as fast as it must, still colliding."""
        if self.carrying is None:
            return
        q, v = self._free_addresses(self.carrying)
        x, y, z = self.position
        target = np.array([x + CARRY_DISTANCE * np.cos(self.yaw), y + CARRY_DISTANCE * np.sin(self.yaw), z + 0.75])
        target[:2] += self.velocity[:2] * DT
        speed = (target - self.data.qpos[q : q + 3]) / DT
        size = float(np.linalg.norm(speed))
        if size > 60:  # something holds it back
            self.carrying = None
            return
        self.data.qvel[v : v + 3] = speed * min(1.0, 8.0 / max(size, 1e-9)) + (0, 0, self.spec.gravity * DT / 2)
        self.data.qvel[v + 3 : v + 6] = 0

    def _swing_limbs(self) -> None:
        """The agent's own arms and legs, as others see them."""
        speed = float(np.hypot(*self.velocity[:2]))
        self._stride += 2.6 * speed * DT
        self._turn_limbs(self.built.agent_limbs, LIMB_SWING * float(np.sin(self._stride)) * min(1.0, speed))

    def _turn_limbs(self, limbs: list[int], swing: float) -> None:
        """Opposite limbs swing together."""
        for limb, sign in zip(limbs, (1, -1, -1, 1), strict=True):
            self.model.body_quat[limb] = (np.cos(swing / 2), 0, sign * np.sin(swing / 2), 0)

    def _place_characters(self) -> None:
        for person in self.characters:
            mocap = self.model.body_mocapid[self.body_of[person.index]]
            z = self.layout.terrain.height(person.x, person.y)
            self.data.mocap_pos[mocap] = (person.x, person.y, z)
            self.data.mocap_quat[mocap] = (np.cos(person.yaw / 2), 0, 0, np.sin(person.yaw / 2))
            self._turn_limbs(self.built.limbs[person.index], person.swing)

    # --- events ---

    def apply(self, event: Event) -> None:
        """Changes the world from now on; `spec` says what it is since then, `event_log` when it came about."""
        around = (float(self.position[0]), float(self.position[1]), self.yaw)
        if isinstance(event, WeatherChange):
            self.spec = self.spec.replace(weather=event.weather)
            self._relight()
        elif isinstance(event, TimeOfDay):
            self.spec = self.spec.replace(hour=event.hour)
            self._relight()
        elif isinstance(event, PhysicsModifier):
            self.spec = self.spec.replace(
                gravity=self.spec.gravity if event.gravity is None else event.gravity,
                friction=self.spec.friction if event.friction is None else event.friction,
            )
            self.model.opt.gravity[2] = -self.spec.gravity
            self._set_friction()
        elif isinstance(event, ObjectAdd):
            added = ObjectSpec(event.kind, event.count, event.position)
            self.spec = self.spec.replace(objects=(*self.spec.objects, added))
            self._take_here(around)
            for _ in range(event.count):
                self.builder.add_object_at(event.kind, event.position, around)
            self._rebuild()
        elif isinstance(event, CharacterAdd):
            person = CharacterSpec(event.kind, event.behaviour, event.count, event.position)
            self.spec = self.spec.replace(characters=(*self.spec.characters, person))
            self._take_here(around)
            for _ in range(event.count):
                entity = self.builder.add_character_at(event.kind, event.behaviour, event.position, around)
                self.characters.append(Character.of(len(self.layout.entities) - 1, entity))
            self._rebuild()
        elif isinstance(event, SceneTransition):
            self.spec = self.spec.replace(scene=event.scene)
            self._enter_layout()
        self.event_log.append((self.steps, event))

    def _take_here(self, around: tuple[float, float, float]) -> None:
        """Nothing may appear inside the agent, a character, or what has moved since."""
        self.builder.room.occupy(around[0], around[1], (0.7, 0.7))
        for person in self.characters:
            self.builder.room.occupy(person.x, person.y, (0.6, 0.6))
        for index in self.built.movable:
            x, y, _ = self.data.xpos[self.body_of[index]]
            self.builder.room.occupy(float(x), float(y), (0.6, 0.6))

    def _light(self) -> None:
        """Light, sky, ground and snow cover of the spec's weather and hour."""
        self.air = make_atmosphere(self.spec.weather, self.spec.hour)
        for texture in light(self.model, self.layout, self.spec.weather, self.spec.hour, self.air):
            self.eye.upload_texture(texture)

    def _relight(self) -> None:
        """The same in a world that runs, without compiling."""
        self._light()
        self._set_friction()
        mujoco.mj_forward(self.model, self.data)
        self.data.light_xdir[0] = self.model.light_dir[0]  # with sleeping enabled, what is fixed is not computed anew

    # --- saying what there is ---

    def agent_state(self) -> np.ndarray:
        """float32 [10], named by `AGENT_STATE`: metres, radians, metres a second, flags."""
        flags = (float(self.grounded), float(self.carrying is not None))
        return np.array([*self.position, self.yaw, self.pitch, *self.velocity, *flags], np.float32)

    def scene_graph(self) -> list[dict[str, Any]]:
        """Every entity: id (as in instance masks), name, class, 3D box (centre, size before turning, rotation w x y z)."""
        graph = []
        for index, entity in enumerate(self.layout.entities):
            if index in self.hidden:
                continue
            body = self.body_of[index]
            low, high = _box(entity)
            rotation = self.data.xmat[body].reshape(3, 3)
            graph.append(
                {
                    "id": index + 1,
                    "name": entity.name,
                    "class": entity.category,
                    "centre": (self.data.xpos[body] + rotation @ ((low + high) / 2)).round(4).tolist(),
                    "size": (high - low).round(4).tolist(),
                    "rotation": self.data.xquat[body].round(5).tolist(),
                    "movable": entity.mass > 0,
                    "behaviour": entity.behaviour or None,
                }
            )
        return graph

    def hide(self, index: int) -> None:
        """Takes an entity out of sight, as when it is collected."""
        self.hidden.add(index)

    def close(self) -> None:
        self.eye.close()


def _box(entity: Entity) -> tuple[np.ndarray, np.ndarray]:
    if entity.shape is not None:
        return entity.shape.bounds()
    figure = rig(entity.kind)
    low, high = figure.body.bounds()
    return np.array([*low[:2], 0.0]), high
