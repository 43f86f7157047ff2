"""A `Layout` as a MuJoCo model: what is seen (meshes in one texture), what collides (hidden primitives), who moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np

from genie_gym.envs.sim.render import set_camera_planes
from genie_gym.envs.sim.town import atmosphere as air
from genie_gym.envs.sim.town.atlas import SIDE as ATLAS_SIDE
from genie_gym.envs.sim.town.atlas import paint_atlas
from genie_gym.envs.sim.town.ground import SIDE as GROUND_SIDE
from genie_gym.envs.sim.town.ground import ground_mesh, paint_ground
from genie_gym.envs.sim.town.layout import CLASSES, Entity, Layout
from genie_gym.envs.sim.town.people import Rig, rig
from genie_gym.envs.sim.town.plane import HALF
from genie_gym.envs.sim.town.shapes import WHITE, Collider, Shape, Vector
from genie_gym.envs.sim.town.surroundings import surroundings
from genie_gym.envs.sim.town.terrain import HEIGHT_GRID

CONTROL_HZ = 24
FOVY = 60.0  # degrees
SUBSTEPS = 6
DT = 1 / CONTROL_HZ  # seconds that a control step lasts
TIMESTEP = 1 / (CONTROL_HZ * SUBSTEPS)
AGENT_RADIUS, AGENT_HEIGHT, AGENT_MASS = 0.3, 1.75, 70.0  # metres, kilograms
VISIBLE, AGENT_GROUP, COLLIDER_GROUP, CULLED_GROUP = 0, 2, 3, 5  # groups of geoms
AGENT_JOINTS = ("agent_x", "agent_y", "agent_z", "agent_yaw")
GROUND_FRICTION = 0.8
FRICTION = [GROUND_FRICTION, 0.01, 0.001]  # sliding, spinning, rolling
DRAUGHT = 0.15  # metres that floating things lie in the water

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]  # of a mesh: vertices, texture coordinates, faces


@dataclass
class Built:
    """A compiled world, with the tables that lead from geoms back to entities; their last row is the sky's.

    `instance` [ngeom + 1] is 0 for the ground, 1 + index of the entity, or -1 where nothing is seen; `semantic` [ngeom + 1]
    indexes `CLASSES`. `limbs` are the body ids of each character's limbs; `group` [ngeom] says what a geom is for (VISIBLE,
    COLLIDER_GROUP …).
    """

    model: mujoco.MjModel
    instance: np.ndarray
    semantic: np.ndarray
    movable: list[int]
    limbs: dict[int, list[int]]
    agent_limbs: list[int]
    group: np.ndarray


def build(layout: Layout, gravity: float) -> Built:
    """Compiles the world of a layout, unlit and unpainted: `light` does both."""
    draft = _Draft()
    draft.set_options(gravity)
    draft.add_textures()
    draft.add_ground(layout)
    for _, entity in layout.standing():
        draft.add_entity(entity, layout.water_level)
    draft.add_agent()
    return _tables(draft.spec.compile(), layout)


def light(model: mujoco.MjModel, layout: Layout, weather: str, hour: float, atmosphere: air.Atmosphere) -> list[int]:
    """Lights and paints a compiled world for a weather and hour: sun, ambient, lamps, sky, ground, snow cover.

    Returns:
        The ids of the textures painted, for renderers that hold copies.
    """
    indoors = 1.35 if layout.roof is not None else 1.0  # walls throw light back
    model.vis.headlight.ambient[:] = np.clip(atmosphere.ambient * indoors, 0, 1)
    model.light_dir[0] = -np.array(atmosphere.sun)
    model.light_diffuse[0] = atmosphere.diffuse
    model.mat_emission[model.material("glow").id] = atmosphere.emission
    images = {
        "atlas": paint_atlas(weather == "snowy", not 7 <= hour < 18),
        "ground": paint_ground(layout, weather, atmosphere),
        "sky": air.paint_sky(atmosphere),
    }
    for name, image in images.items():
        start = int(model.tex_adr[model.texture(name).id])
        model.tex_data[start : start + image.size] = image.ravel()
    return [model.texture(name).id for name in images]


class _Draft:
    """A model in the making. Meshes of equal names are stored once."""

    def __init__(self) -> None:
        self.spec = mujoco.MjSpec()
        self.world = self.spec.worldbody
        self.meshes: set[str] = set()

    def set_options(self, gravity: float) -> None:
        spec = self.spec
        set_camera_planes(spec)
        spec.compiler.degree = False
        spec.option.timestep = TIMESTEP
        spec.option.gravity = [0, 0, -gravity]
        spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
        spec.option.enableflags = mujoco.mjtEnableBit.mjENBL_SLEEP.value  # what rests costs nothing until it is touched
        spec.visual.headlight.diffuse = spec.visual.headlight.specular = [0, 0, 0]
        sun, black = mujoco.mjtLightType.mjLIGHT_DIRECTIONAL, [0, 0, 0]
        self.world.add_light(name="sun", type=sun, specular=black, ambient=black, castshadow=False)
        self.world.add_camera(name="eye", fovy=FOVY)

    def add_textures(self) -> None:
        """Blank textures, and the materials that wear them."""
        for name, width in (("atlas", ATLAS_SIDE), ("ground", GROUND_SIDE), ("sky", air.SKY_SIDE)):
            height = 6 * width if name == "sky" else width  # six faces, one below the other
            kind = mujoco.mjtTexture.mjTEXTURE_SKYBOX if name == "sky" else mujoco.mjtTexture.mjTEXTURE_2D
            texture = self.spec.add_texture(name=name, type=kind, width=width, height=height, nchannel=3)
            texture.data = bytes(width * height * 3)
        for name, image in (("solid", "atlas"), ("glow", "atlas"), ("ground", "ground")):
            material = self.spec.add_material(name=name, specular=0, shininess=0)
            material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = image

    def add_mesh(
        self, body: mujoco.MjsBody, name: str, arrays: Arrays, material: str, tint: Vector = WHITE, group: int = VISIBLE
    ) -> None:
        """A geom that is seen and hits nothing."""
        if name not in self.meshes:
            self.meshes.add(name)
            points, coordinates, faces = arrays
            asset = self.spec.add_mesh(name=name, inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL)
            asset.uservert = points.astype(np.float32).ravel()
            asset.usertexcoord = coordinates.astype(np.float32).ravel()
            asset.userface = asset.userfacetexcoord = faces.astype(np.int32).ravel()
        body.add_geom(
            type=mujoco.mjtGeom.mjGEOM_MESH, meshname=name, material=material, rgba=[*tint, 1], contype=0, conaffinity=0,
            mass=0, group=group,
        )  # fmt: skip

    def add_shape(self, body: mujoco.MjsBody, name: str, shape: Shape, tint: Vector = WHITE, group: int = VISIBLE) -> None:
        if shape.solid.size:
            self.add_mesh(body, f"{name}:solid", shape.solid.arrays(), "solid", tint, group)
        if shape.glow.size:
            self.add_mesh(body, f"{name}:glow", shape.glow.arrays(), "glow", group=group)

    def add_ground(self, layout: Layout) -> None:
        """The ground, what stands at its edge, and water."""
        world, level = self.world, layout.water_level
        hidden: dict[str, Any] = {"group": COLLIDER_GROUP, "friction": FRICTION}
        plane, plane_size = mujoco.mjtGeom.mjGEOM_PLANE, [HALF + 2, HALF + 2, 1]
        if level is None:
            self.add_mesh(world.add_body(name="ground"), "ground", ground_mesh(layout), "ground")
        if layout.terrain.hilly:
            heights = layout.terrain.heights
            top = float(heights.max())
            field = self.spec.add_hfield(name="hills", nrow=HEIGHT_GRID, ncol=HEIGHT_GRID, size=[HALF, HALF, top, 0.5])
            field.userdata = (heights / top).astype(np.float32).ravel()
            world.add_geom(type=mujoco.mjtGeom.mjGEOM_HFIELD, hfieldname="hills", **hidden)
        else:
            world.add_geom(type=plane, size=plane_size, **hidden)
        shape, water = surroundings(layout)
        edge = world.add_body(name="boundary")
        self.add_shape(edge, "boundary", shape)
        for collider in (*shape.colliders, *layout.colliders):
            _add_collider(edge, collider)
        if water is None:
            return
        body = world.add_body(name="water")
        if level is not None:  # what moves floats: it rests on a slick plane that nothing else touches
            slick = hidden | {"friction": [0.05, 0.01, 0.001]}
            world.add_geom(type=plane, size=plane_size, pos=[0, 0, level - DRAUGHT], contype=2, conaffinity=0, **slick)
        self.add_mesh(body, "water", water.solid.arrays(), "solid", WHITE if level is None else (0.92, 0.86, 0.72))

    def add_entity(self, entity: Entity, water_level: float | None) -> None:
        place = [entity.x, entity.y, entity.z]
        body = self.world.add_body(name=entity.name, pos=place, quat=_upright(entity.yaw))
        if entity.shape is None:
            figure = rig(entity.kind)
            body.mocap = True
            self.add_rig(body, entity.kind, figure, VISIBLE)
            half = figure.height / 2
            _add_collider(body, Collider("cylinder", (0, 0, half), (figure.radius, half)))
            return
        if entity.mass > 0:
            body.add_freejoint(name=entity.name)
            body.pos = [entity.x, entity.y, entity.z + lift_of(entity, water_level)]
        self.add_shape(body, entity.shape_key, entity.shape, entity.tint)
        for collider in entity.shape.colliders:
            _add_collider(body, collider, entity.mass / len(entity.shape.colliders))

    def add_rig(self, body: mujoco.MjsBody, kind: str, figure: Rig, group: int) -> None:
        self.add_shape(body, f"{kind}:body", figure.body, group=group)
        for k, (limb, hip) in enumerate(zip(figure.limbs, figure.hips, strict=True)):
            part = body.add_body(name=f"{body.name}:limb{k}", pos=hip)
            self.add_shape(part, f"{kind}:limb{0 if limb is figure.limbs[0] else 1}", limb, group=group)

    def add_agent(self) -> None:
        """A capsule that cannot fall over: three slides and a turn. It grips by its controller, not by contact friction."""
        body = self.world.add_body(name="agent", pos=[0, 0, 0])
        body.sleep = mujoco.mjtSleepPolicy.mjSLEEP_NEVER
        for name, axis in zip(AGENT_JOINTS, ([1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]), strict=True):
            kind = mujoco.mjtJoint.mjJNT_HINGE if name == "agent_yaw" else mujoco.mjtJoint.mjJNT_SLIDE
            body.add_joint(name=name, type=kind, axis=axis)
        body.add_geom(
            name="agent", type=mujoco.mjtGeom.mjGEOM_CAPSULE, size=[AGENT_RADIUS, AGENT_HEIGHT / 2 - AGENT_RADIUS, 0],
            pos=[0, 0, AGENT_HEIGHT / 2], mass=AGENT_MASS, group=COLLIDER_GROUP, friction=[0, 0, 0], priority=1, condim=1,
        )  # fmt: skip
        self.add_rig(body, "agent", rig("agent"), AGENT_GROUP)


def lift_of(entity: Entity, water_level: float | None) -> float:
    """How many metres above where it was laid out a thing begins: what moves settles, or floats."""
    if entity.mass == 0:
        return 0.0
    return 0.01 if water_level is None else water_level - DRAUGHT + 0.01


def _upright(yaw: float) -> list[float]:
    """The rotation by an angle about z, as a quaternion w x y z."""
    return [np.cos(yaw / 2), 0, 0, np.sin(yaw / 2)]


def _add_collider(body: mujoco.MjsBody, collider: Collider, mass: float = 0.0) -> None:
    size = np.zeros(3)
    size[: len(collider.size)] = collider.size
    body.add_geom(
        type=getattr(mujoco.mjtGeom, f"mjGEOM_{collider.kind.upper()}"), pos=collider.position, size=size,
        quat=_upright(collider.yaw), mass=mass, group=COLLIDER_GROUP, friction=FRICTION, conaffinity=3 if mass else 1,
    )  # fmt: skip


def _tables(model: mujoco.MjModel, layout: Layout) -> Built:
    entities, unseen = list(layout.standing()), (-1, "sky")
    labels = {entity.name: (index + 1, entity.category) for index, entity in entities}
    labels |= {name: (len(layout.entities) + k, name) for k, name in enumerate(("boundary", "water", "agent"), 1)}
    labels["ground"] = (0, "ground")
    names, groups = [model.body(body).name for body in range(model.nbody)], model.geom_group.copy()
    owners = [names[body].split(":")[0] for body in model.geom_bodyid]
    seen = [unseen if group == COLLIDER_GROUP else labels[name] for group, name in zip(groups, owners, strict=True)]
    instance, category = zip(*seen, unseen, strict=True)
    semantic = np.array([CLASSES.index(name) for name in category], np.uint8)

    def limbs_of(name: str) -> list[int]:
        return [names.index(f"{name}:limb{k}") for k in range(4)]

    movable = [index for index, entity in entities if entity.mass > 0]
    limbs = {index: limbs_of(entity.name) for index, entity in entities if entity.shape is None}
    return Built(model, np.array(instance, np.int32), semantic, movable, limbs, limbs_of("agent"), groups)
