"""The arm and its table as a MuJoCo model: what is drawn at random, how it is built, and where its joints must go."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np

from genie_gym.envs.sim.render import look_along, set_camera_planes

CONTROL_HZ = 24
RATES = tuple(rate for rate in range(CONTROL_HZ, 0, -1) if CONTROL_HZ % rate == 0)  # of actions, a second
SUBSTEPS = 20
TASKS = ("reach", "push", "pick")
KINDS = ("block", "ball", "can")
CLASSES = ("sky", "floor", "table", "wall", "arm", *KINDS, "target")
AGENT_STATE = ("x", "y", "z", "opening", "yaw", "shoulder", "elbow", "wrist")
STEP = 0.018  # metres that a full action moves the tip
BASE, UPPER, FORE, TOOL = 0.17, 0.27, 0.25, 0.14  # metres: the shoulder's height, upper arm, forearm, hand
REACH, LOWEST, HIGHEST = (0.17, 0.43), 0.012, 0.30  # metres: of the tip, from the base and above the table
FLOOR, ROOM = -0.78, 3.0  # metres: its height, half its side
SWEEP = np.radians(70)  # to either side
OPEN, CLOSED = 0.042, 0.0  # metres, of each finger
FOVY = 40.0  # degrees
BOX, SPHERE = mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_SPHERE
CAPSULE, CYLINDER = mujoco.mjtGeom.mjGEOM_CAPSULE, mujoco.mjtGeom.mjGEOM_CYLINDER
UNTOUCHABLE: dict[str, Any] = {"contype": 0, "conaffinity": 0}  # seen, but never hit
COLOURS = {
    "red": (0.86, 0.22, 0.18), "green": (0.24, 0.62, 0.28), "blue": (0.18, 0.38, 0.80), "yellow": (0.95, 0.80, 0.22),
    "orange": (0.95, 0.52, 0.16), "purple": (0.52, 0.30, 0.66), "teal": (0.16, 0.62, 0.62), "white": (0.94, 0.94, 0.92),
}  # fmt: skip


def joint_angles(tip: np.ndarray) -> np.ndarray:
    """Yaw, shoulder, elbow and wrist [4] that bring the tip to a place with the gripper pointing down, elbow up."""
    radius, height = float(np.hypot(tip[0], tip[1])), float(tip[2]) + TOOL - BASE
    distance = np.clip(np.hypot(radius, height), 0.05, UPPER + FORE - 1e-4)
    inner = np.arccos(np.clip((UPPER**2 + distance**2 - FORE**2) / (2 * UPPER * distance), -1, 1))
    bend = np.arccos(np.clip((UPPER**2 + FORE**2 - distance**2) / (2 * UPPER * FORE), -1, 1))
    shoulder = np.arctan2(height, radius) + inner
    elbow = bend - np.pi
    return np.array([np.arctan2(tip[1], tip[0]), shoulder, elbow, -np.pi / 2 - shoulder - elbow])


def inside(tip: np.ndarray) -> np.ndarray:
    """The nearest place that the tip may go to."""
    yaw = np.clip(np.arctan2(tip[1], tip[0]), -SWEEP, SWEEP)
    radius = np.clip(np.hypot(tip[0], tip[1]), *REACH)
    return np.array([radius * np.cos(yaw), radius * np.sin(yaw), np.clip(tip[2], LOWEST, HIGHEST)])


def free_spot(rng: np.random.Generator, taken: list[np.ndarray], apart: float) -> np.ndarray:
    """A random place [2] on the table, farther than `apart` metres from those taken (or anywhere, if it is too crowded)."""
    for _ in range(500):
        radius, yaw = rng.uniform(0.22, 0.37), rng.uniform(-0.75, 0.75)
        place = np.array([radius * np.cos(yaw), radius * np.sin(yaw)])
        if all(np.linalg.norm(place - other) > apart for other in taken):
            return place
    return place


def draw_objects(rng: np.random.Generator, count: int) -> list[dict[str, Any]]:
    """`count` objects: name, kind, colour, half extents [3], and place [2] on the table."""
    objects: list[dict[str, Any]] = []
    colours = rng.permutation(list(COLOURS))
    for k in range(count):
        kind = str(rng.choice(KINDS))
        radius, height = float(rng.uniform(0.017, 0.024)), float(rng.uniform(0.022, 0.034))
        half = (radius, radius, height if kind == "can" else radius)
        place = free_spot(rng, [thing["place"] for thing in objects], 0.085)
        objects.append({"name": f"{kind}_{k}", "kind": kind, "colour": str(colours[k]), "half": half, "place": place})
    return objects


def draw_goal(rng: np.random.Generator, task: str | None, objects: list[dict[str, Any]]) -> np.ndarray:
    """Where the task leads: a point in the air, or a place on the table clear of the other objects."""
    if task == "reach":
        return np.array([*free_spot(rng, [], 0), rng.uniform(0.06, 0.22)])
    start, others = objects[0]["place"], [thing["place"] for thing in objects[1:]]
    for _ in range(500):
        place = free_spot(rng, others, 0.09)
        way = place - start
        length = float(np.linalg.norm(way))
        if not 0.07 < length < 0.2:
            continue
        behind = start - way / length * 0.06
        along = [np.clip((o - start) @ way / length**2, -0.5, 1) for o in others]
        gap = min((float(np.linalg.norm(o - start - t * way)) for o, t in zip(others, along, strict=True)), default=1.0)
        if gap > 0.06 and REACH[0] < np.linalg.norm(behind) < REACH[1]:
            return np.array([*place, 0.0])
    objects[1:] = []  # too crowded: the first object alone
    return np.array([*free_spot(rng, [start], 0.08), 0.0])


def camera_pose(rng: np.random.Generator) -> np.ndarray:
    """Camera to world [4, 4]: in front of the table, a little elsewhere each time."""
    eye = np.array([0.95, 0.0, 0.50]) + rng.uniform(-0.05, 0.05, 3)
    return look_along(eye, np.array([0.16, 0.0, 0.13]) - eye)


def build_model(
    rng: np.random.Generator, objects: list[dict[str, Any]], task: str | None, goal: np.ndarray
) -> mujoco.MjModel:
    """The room, the arm and the objects; reach and push show their goal. Light and room vary."""
    spec = mujoco.MjSpec()
    set_camera_planes(spec)
    spec.compiler.degree = False
    spec.option.timestep = 1 / (CONTROL_HZ * SUBSTEPS)
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = 5
    light = rng.uniform(0.85, 1.1)
    spec.visual.headlight.ambient = np.full(3, 0.55 * light)
    spec.visual.headlight.diffuse = spec.visual.headlight.specular = [0, 0, 0]
    world = spec.worldbody
    world.add_camera(name="eye", fovy=FOVY)
    world.add_light(
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL, dir=[rng.uniform(-0.9, -0.3), rng.uniform(-0.5, 0.5), -1],
        diffuse=np.full(3, 0.6 * light), ambient=[0, 0, 0], specular=[0, 0, 0], castshadow=False,
    )  # fmt: skip
    _add_room(spec, rng)
    _add_arm(spec)
    for thing in objects:
        _add_object(world, thing)
    marks = {"reach": (SPHERE, [0.016, 0, 0]), "push": (CYLINDER, [0.035, 0.001, 0])}
    if task in marks:
        kind, size = marks[task]
        world.add_geom(name="target", type=kind, size=size, pos=goal, rgba=[1, 0.35, 0.85, 1], **UNTOUCHABLE)
    return spec.compile()


def _add_object(world: mujoco.MjsBody, thing: dict[str, Any]) -> None:
    x, y, z = thing["half"]
    kind, size = {"block": (BOX, [x, y, z]), "ball": (SPHERE, [x, 0, 0]), "can": (CYLINDER, [x, z, 0])}[thing["kind"]]
    rolling = 0.004 if thing["kind"] == "ball" else 0.001
    body = world.add_body(name=thing["name"], pos=[*thing["place"], z + 0.001])
    body.add_freejoint()
    body.add_geom(
        name=thing["name"], type=kind, size=size, rgba=[*COLOURS[thing["colour"]], 1], mass=0.05,
        friction=[1.2, 0.02, rolling], condim=6,
    )  # fmt: skip


def _add_room(spec: mujoco.MjSpec, rng: np.random.Generator) -> None:
    """A checkered table, a floor below it, a wall behind it."""
    world = spec.worldbody
    shade = rng.uniform(0.8, 1.0)
    woods = np.array([[0.72, 0.56, 0.40], [0.80, 0.80, 0.78], [0.46, 0.36, 0.30], [0.66, 0.72, 0.74]])
    tone = woods[rng.integers(4)] * shade
    texture = spec.add_texture(
        name="table", type=mujoco.mjtTexture.mjTEXTURE_2D, builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        width=256, height=256, rgb1=tone, rgb2=tone * 0.94,
    )  # fmt: skip
    material = spec.add_material(name="table", texrepeat=[8, 8], texuniform=False, specular=0)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = texture.name
    top = {"size": [0.45, 0.5, 0.02], "pos": [0.2, 0, -0.02], "friction": [0.7, 0.01, 0.001]}
    world.add_geom(name="table", type=BOX, material="table", **top)
    floor = {"size": [ROOM, ROOM, 0.02], "pos": [0, 0, FLOOR - 0.02]}
    world.add_geom(name="floor", type=BOX, rgba=[0.42, 0.42, 0.44, 1], **floor)
    paints = np.array([[0.86, 0.88, 0.90], [0.88, 0.84, 0.76], [0.74, 0.82, 0.80], [0.60, 0.66, 0.76]])
    world.add_geom(name="wall", type=BOX, size=[0.02, 3, 2], pos=[-0.8, 0, 0.5], rgba=[*paints[rng.integers(4)], 1])


def _add_arm(spec: mujoco.MjSpec) -> None:
    """Links as capsules; each joint with a position servo; gravity of the arm itself is compensated."""
    dark, bright, metal = [0.20, 0.21, 0.24, 1], [0.95, 0.55, 0.12, 1], [0.66, 0.68, 0.72, 1]
    base = spec.worldbody.add_body(name="base")
    base.add_geom(type=CYLINDER, size=[0.06, 0.03, 0], pos=[0, 0, 0.03], rgba=dark)
    turret = base.add_body(name="turret", gravcomp=1)
    turret.add_geom(type=CYLINDER, size=[0.042, 0.055, 0], pos=[0, 0, 0.115], rgba=bright, mass=0.5, **UNTOUCHABLE)
    body, joints = turret, [("yaw", turret, [0, 0, 1])]
    for name, offset, length, radius, colour in (
        ("shoulder", [0, 0, BASE], UPPER, 0.026, dark),
        ("elbow", [UPPER, 0, 0], FORE, 0.021, bright),
        ("wrist", [FORE, 0, 0], TOOL - 0.05, 0.016, metal),
    ):
        body = body.add_body(name=name, pos=offset, gravcomp=1)
        ends = [0, 0, 0, length, 0, 0]
        body.add_geom(type=CAPSULE, size=[radius, 0, 0], fromto=ends, rgba=colour, mass=0.25, **UNTOUCHABLE)
        joints.append((name, body, [0, -1, 0]))
    for name, owner, axis in joints:
        owner.add_joint(name=name, type=mujoco.mjtJoint.mjJNT_HINGE, axis=axis, armature=0.02, damping=2.0)
        _add_servo(spec, name, 90.0, 25.0)
    hand = body.add_body(name="hand", pos=[TOOL - 0.045, 0, 0], gravcomp=1)
    hand.add_geom(type=BOX, size=[0.008, 0.055, 0.018], rgba=dark, mass=0.08)
    hand.add_site(name="tip", pos=[0.045, 0, 0])
    for name, sign in (("left", 1), ("right", -1)):
        finger = hand.add_body(name=name, pos=[0.005, 0, 0], gravcomp=1)
        finger.add_joint(
            name=name, type=mujoco.mjtJoint.mjJNT_SLIDE, axis=[0, sign, 0], range=[0, 0.045], limited=True,
            armature=0.01, damping=2.0,
        )  # fmt: skip
        finger.add_geom(
            type=BOX, size=[0.026, 0.005, 0.011], pos=[0.026, sign * 0.005, 0], rgba=metal, mass=0.03,
            friction=[1.6, 0.03, 0.003], condim=6,
        )  # fmt: skip
        _add_servo(spec, name, 120.0, 6.0)
    for name in ("left", "right", "hand"):
        spec.add_exclude(bodyname1="base", bodyname2=name)
    spec.add_exclude(bodyname1="left", bodyname2="right")


def _add_servo(spec: mujoco.MjSpec, joint: str, stiffness: float, damping: float) -> None:
    servo = spec.add_actuator(name=joint, target=joint, trntype=mujoco.mjtTrn.mjTRN_JOINT)
    if joint in ("left", "right"):
        servo.forcerange, servo.forcelimited = [-8, 8], True
    servo.gaintype, servo.biastype = mujoco.mjtGain.mjGAIN_FIXED, mujoco.mjtBias.mjBIAS_AFFINE
    servo.gainprm[0], servo.biasprm[1], servo.biasprm[2] = stiffness, -stiffness, -damping * 0.3
