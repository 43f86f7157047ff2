"""The arm and its table as a MuJoCo model: what is drawn at random, how it is built, and where its joints must go."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np

from genie_gym.envs.sim.render import look_along, set_camera_planes

CONTROL_HZ = 24
SUBSTEPS = 20
TASKS = ("reach", "push", "pick")
KINDS = ("block", "ball", "can")
CLASSES = ("sky", "floor", "table", "wall", "arm", *KINDS, "target")
AGENT_STATE = ("x", "y", "z", "opening", "yaw", "shoulder", "elbow", "wrist")
STEP = 0.018  # metres that a full action moves the tip
BASE, UPPER, FORE, TOOL = 0.17, 0.27, 0.25, 0.14
REACH = (0.17, 0.43)  # of the tip, from the base
LOWEST, HIGHEST = 0.012, 0.30
SWEEP = np.radians(70)
OPEN, CLOSED = 0.042, 0.0
FOVY = 40.0
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


def free_spot(
    rng: np.random.Generator, taken: list[np.ndarray], apart: float, low: float = 0.22, high: float = 0.37
) -> np.ndarray:
    for _ in range(500):
        radius, yaw = rng.uniform(low, high), rng.uniform(-0.75, 0.75)
        place = np.array([radius * np.cos(yaw), radius * np.sin(yaw)])
        if all(np.linalg.norm(place - other) > apart for other in taken):
            return place
    return place


def draw_objects(rng: np.random.Generator, count: int) -> list[dict[str, Any]]:
    objects: list[dict[str, Any]] = []
    colours = rng.permutation(list(COLOURS))
    for k in range(count):
        kind = str(rng.choice(KINDS))
        r = float(rng.uniform(0.017, 0.024))
        half = {"block": (r, r, r), "ball": (r, r, r), "can": (r, r, float(rng.uniform(0.022, 0.034)))}[kind]
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
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        dir=[rng.uniform(-0.9, -0.3), rng.uniform(-0.5, 0.5), -1],
        diffuse=np.full(3, 0.6 * light),
        ambient=[0, 0, 0],
        specular=[0, 0, 0],
        castshadow=False,
    )
    _room(spec, rng)
    _arm(spec)
    for thing in objects:
        body = world.add_body(name=thing["name"], pos=[*thing["place"], thing["half"][2] + 0.001])
        body.add_freejoint()
        kind = {
            "block": mujoco.mjtGeom.mjGEOM_BOX,
            "ball": mujoco.mjtGeom.mjGEOM_SPHERE,
            "can": mujoco.mjtGeom.mjGEOM_CYLINDER,
        }
        size = {"block": thing["half"], "ball": (thing["half"][0], 0, 0), "can": (thing["half"][0], thing["half"][2], 0)}
        body.add_geom(
            name=thing["name"], type=kind[thing["kind"]], size=size[thing["kind"]], rgba=[*COLOURS[thing["colour"]], 1],
            mass=0.05,
            friction=[1.2, 0.02, 0.004 if thing["kind"] == "ball" else 0.001], condim=6,
        )  # fmt: skip
    if task == "reach":
        world.add_geom(
            name="target",
            type=mujoco.mjtGeom.mjGEOM_SPHERE,
            size=[0.016, 0, 0],
            pos=goal,
            rgba=[1, 0.35, 0.85, 1],
            contype=0,
            conaffinity=0,
        )
    elif task == "push":
        world.add_geom(
            name="target",
            type=mujoco.mjtGeom.mjGEOM_CYLINDER,
            size=[0.035, 0.001, 0],
            pos=goal,
            rgba=[1, 0.35, 0.85, 1],
            contype=0,
            conaffinity=0,
        )
    return spec.compile()


def _room(spec: mujoco.MjSpec, rng: np.random.Generator) -> None:
    world = spec.worldbody
    shade = rng.uniform(0.8, 1.0)
    tone = (
        np.array([[0.72, 0.56, 0.40], [0.80, 0.80, 0.78], [0.46, 0.36, 0.30], [0.66, 0.72, 0.74]])[rng.integers(4)] * shade
    )
    texture = spec.add_texture(
        name="table",
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        width=256,
        height=256,
        rgb1=tone,
        rgb2=tone * 0.94,
    )
    material = spec.add_material(name="table", texrepeat=[8, 8], texuniform=False, specular=0)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = texture.name
    world.add_geom(
        name="table",
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=[0.45, 0.5, 0.02],
        pos=[0.2, 0, -0.02],
        material="table",
        friction=[0.7, 0.01, 0.001],
    )
    world.add_geom(
        name="floor", type=mujoco.mjtGeom.mjGEOM_BOX, size=[3, 3, 0.02], pos=[0, 0, -0.8], rgba=[0.42, 0.42, 0.44, 1]
    )
    wall = np.array([[0.86, 0.88, 0.90], [0.88, 0.84, 0.76], [0.74, 0.82, 0.80], [0.60, 0.66, 0.76]])[rng.integers(4)]
    world.add_geom(name="wall", type=mujoco.mjtGeom.mjGEOM_BOX, size=[0.02, 3, 2], pos=[-0.8, 0, 0.5], rgba=[*wall, 1])


def _arm(spec: mujoco.MjSpec) -> None:
    """Links as capsules; each joint with a position servo; gravity of the arm itself is compensated."""
    dark, bright, metal = [0.20, 0.21, 0.24, 1], [0.95, 0.55, 0.12, 1], [0.66, 0.68, 0.72, 1]
    capsule, box, cylinder = mujoco.mjtGeom.mjGEOM_CAPSULE, mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_CYLINDER
    base = spec.worldbody.add_body(name="base")
    base.add_geom(type=cylinder, size=[0.06, 0.03, 0], pos=[0, 0, 0.03], rgba=dark)
    turret = base.add_body(name="turret", gravcomp=1)
    turret.add_geom(
        type=cylinder, size=[0.042, 0.055, 0], pos=[0, 0, 0.115], rgba=bright, mass=0.5, contype=0, conaffinity=0
    )
    body, joints = turret, [("yaw", turret, [0, 0, 1], [0, 0, 0])]
    for name, offset, length, radius, colour in (
        ("shoulder", [0, 0, BASE], UPPER, 0.026, dark),
        ("elbow", [UPPER, 0, 0], FORE, 0.021, bright),
        ("wrist", [FORE, 0, 0], TOOL - 0.05, 0.016, metal),
    ):
        body = body.add_body(name=name, pos=offset, gravcomp=1)
        body.add_geom(
            type=capsule,
            size=[radius, 0, 0],
            fromto=[0, 0, 0, length, 0, 0],
            rgba=colour,
            mass=0.25,
            contype=0,
            conaffinity=0,
        )
        joints.append((name, body, [0, -1, 0], [0, 0, 0]))
    for name, owner, axis, pos in joints:
        owner.add_joint(name=name, type=mujoco.mjtJoint.mjJNT_HINGE, axis=axis, pos=pos, armature=0.02, damping=2.0)
        _servo(spec, name, 90.0, 25.0)
    hand = body.add_body(name="hand", pos=[TOOL - 0.045, 0, 0], gravcomp=1)
    hand.add_geom(type=box, size=[0.008, 0.055, 0.018], rgba=dark, mass=0.08)
    hand.add_site(name="tip", pos=[0.045, 0, 0])
    for name, sign in (("left", 1), ("right", -1)):
        finger = hand.add_body(name=name, pos=[0.005, 0, 0], gravcomp=1)
        finger.add_joint(
            name=name,
            type=mujoco.mjtJoint.mjJNT_SLIDE,
            axis=[0, sign, 0],
            range=[0, 0.045],
            limited=True,
            armature=0.01,
            damping=2.0,
        )
        finger.add_geom(
            type=box,
            size=[0.026, 0.005, 0.011],
            pos=[0.026, sign * 0.005, 0],
            rgba=metal,
            mass=0.03,
            friction=[1.6, 0.03, 0.003],
            condim=6,
        )
        _servo(spec, name, 120.0, 6.0)
    for name in ("left", "right", "hand"):
        spec.add_exclude(bodyname1="base", bodyname2=name)
    spec.add_exclude(bodyname1="left", bodyname2="right")


def _servo(spec: mujoco.MjSpec, joint: str, stiffness: float, damping: float) -> None:
    servo = spec.add_actuator(name=joint, target=joint, trntype=mujoco.mjtTrn.mjTRN_JOINT)
    if joint in ("left", "right"):
        servo.forcerange, servo.forcelimited = [-8, 8], True
    servo.gaintype, servo.biastype = mujoco.mjtGain.mjGAIN_FIXED, mujoco.mjtBias.mjBIAS_AFFINE
    servo.gainprm[0], servo.biasprm[1], servo.biasprm[2] = stiffness, -stiffness, -damping * 0.3
