"""The agent's body: it walks, jumps, looks about, and carries, throws and shoves things. Metres, seconds, radians."""

from __future__ import annotations

import numpy as np

from genie_gym.envs.sim.town.build import AGENT_MASS, DT, GROUND_FRICTION
from genie_gym.envs.sim.town.characters import LIMB_SWING
from genie_gym.envs.sim.town.plane import Place, wrap_angle
from genie_gym.envs.sim.town.simulation import Simulation

CONTROLS = ("forward", "strafe", "turn", "look", "jump", "interact")
WALK, STRAFE, BACK = 3.0, 2.4, 2.0  # metres a second
TURN, LOOK, MAX_PITCH = np.radians(120), np.radians(60), np.radians(45)  # a second, a second, at most
JUMP_SPEED = 4.0
AIR_CONTROL = 0.12  # the share of its grip that it has in the air
WADING = 0.6  # the share of its speed that it has in water
REACH, CARRY_DISTANCE, CARRY_MASS, THROW_SPEED = 1.7, 1.15, 20.0, 2.5
CARRY_SPEED, LET_GO_SPEED = 8.0, 60.0  # of what is carried, at most; when something holds it back
AGENT_STATE = ("x", "y", "z", "yaw", "pitch", "vx", "vy", "vz", "grounded", "carrying")


class Agent:
    """A capsule that cannot fall over, and what it holds. `carrying` is the index of an entity."""

    def __init__(self, simulation: Simulation):
        self.simulation = simulation

    def enter(self, spawn: Place) -> None:
        """Begins at (x, y, yaw) of a newly compiled layout."""
        self._interacted = False
        self._stride = 0.0  # radians of its gait
        self.set_down(spawn)

    def set_down(self, place: Place, pitch: float = 0.0) -> None:
        """Stands at (x, y, yaw) from now on, at rest and with empty hands."""
        x, y, self.yaw = place
        self.pitch = pitch
        self.carrying: int | None = None
        simulation = self.simulation
        z = simulation.layout.terrain.height(x, y) + 0.01
        simulation.data.qpos[simulation.agent_qpos] = (x, y, z, self.yaw)
        simulation.data.qvel[simulation.agent_dof] = 0.0

    @property
    def position(self) -> np.ndarray:
        """Its feet, [3]."""
        return self.simulation.data.qpos[self.simulation.agent_qpos[:3]].copy()

    @property
    def velocity(self) -> np.ndarray:
        """[3]"""
        return self.simulation.data.qvel[self.simulation.agent_dof[:3]].copy()

    @property
    def heading(self) -> np.ndarray:
        """[2], of length 1."""
        return np.array([np.cos(self.yaw), np.sin(self.yaw)])

    @property
    def grounded(self) -> bool:
        """Whether something carries it."""
        contacts = self.simulation.data.contact
        mine = contacts.geom == self.simulation.model.geom("agent").id  # [contacts, 2]
        upward = np.where(mine[:, 0], -contacts.frame[:, 2], contacts.frame[:, 2])
        return bool((mine.any(1) & (upward > 0.5)).any())

    def state(self) -> np.ndarray:
        """float32 [10], named by `AGENT_STATE`: metres, radians, metres a second, flags."""
        flags = (float(self.grounded), float(self.carrying is not None))
        return np.array([*self.position, self.yaw, self.pitch, *self.velocity, *flags], np.float32)

    def act(self, controls: np.ndarray) -> None:
        """Turns, and pushes itself, under six controls in [-1, 1], named by `CONTROLS`."""
        forward, strafe, turn, look, jump, interact = (float(c) for c in np.clip(controls, -1, 1))
        self.yaw = wrap_angle(self.yaw + turn * TURN * DT)
        self.pitch = float(np.clip(self.pitch + look * LOOK * DT, -MAX_PITCH, MAX_PITCH))
        self._walk(forward, strafe, jump > 0.5)
        pressed = interact > 0.5
        if pressed and not self._interacted:
            self._interact()
        self._interacted = pressed

    def follow_through(self) -> None:
        """Keeps hold of what it carries, and swings its limbs."""
        self._carry()
        speed = float(np.hypot(*self.velocity[:2]))
        self._stride += 2.6 * speed * DT
        swing = LIMB_SWING * float(np.sin(self._stride)) * min(1.0, speed)
        self.simulation.swing_limbs(self.simulation.built.agent_limbs, swing)

    def _walk(self, forward: float, strafe: float, jump: bool) -> None:
        """Pushes the body towards the wanted velocity, no harder than its feet grip."""
        simulation, data = self.simulation, self.simulation.data
        q, v = simulation.agent_qpos, simulation.agent_dof
        data.qpos[q[3]], data.qvel[v[3]] = self.yaw, 0.0
        cos, sin = self.heading
        ahead, right = forward * (WALK if forward > 0 else BACK), strafe * STRAFE
        wanted = np.array([cos * ahead + sin * right, sin * ahead - cos * right])
        if simulation.layout.water_level is not None:
            wanted *= WADING
        grounded = self.grounded
        friction = GROUND_FRICTION * simulation.grip * (1.0 if grounded else AIR_CONTROL)
        force = AGENT_MASS * (wanted - data.qvel[v[:2]]) / DT
        limit = friction * AGENT_MASS * simulation.gravity
        data.qfrc_applied[v[:2]] = force * min(1.0, limit / max(float(np.hypot(*force)), 1e-9))
        if jump and grounded:
            data.qvel[v[2]] = JUMP_SPEED

    def _interact(self) -> None:
        """Lets go of what is carried; else picks up the nearest light thing ahead, or shoves a heavy one."""
        index, self.carrying = self.carrying, None
        if index is None:
            index = min(self.simulation.built.movable, key=self._distance_ahead, default=None)
            if index is None or self._distance_ahead(index) == np.inf:
                return
            if self.simulation.layout.entities[index].mass <= CARRY_MASS:
                self.carrying = index
                return
        _, v = self.simulation.free_joint(index)
        self.simulation.data.qvel[v : v + 2] += THROW_SPEED * self.heading

    def _distance_ahead(self, index: int) -> float:
        """Metres to a thing within reach, else inf."""
        offset = self.simulation.position_of(index)[:2] - self.position[:2]
        distance = float(np.hypot(*offset))
        ahead = float(offset @ self.heading) / max(distance, 1e-6)
        return distance if distance < REACH and ahead > 0.7 and index not in self.simulation.hidden else np.inf

    def _carry(self) -> None:
        """What is carried floats in front of the chest, as fast as it must, still colliding."""
        if self.carrying is None:
            return
        data = self.simulation.data
        q, v = self.simulation.free_joint(self.carrying)
        x, y, z = self.position
        cos, sin = self.heading
        target = np.array([x + CARRY_DISTANCE * cos, y + CARRY_DISTANCE * sin, z + 0.75])
        target[:2] += self.velocity[:2] * DT
        velocity = (target - data.qpos[q : q + 3]) / DT
        speed = float(np.linalg.norm(velocity))
        if speed > LET_GO_SPEED:
            self.carrying = None
            return
        lift = (0, 0, self.simulation.gravity * DT / 2)
        data.qvel[v : v + 3] = velocity * min(1.0, CARRY_SPEED / max(speed, 1e-9)) + lift
        data.qvel[v + 3 : v + 6] = 0
