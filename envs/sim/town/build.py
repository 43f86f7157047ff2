"""A `Layout` as a MuJoCo model: what is seen (meshes in one texture), what collides (hidden primitives), who moves."""

from __future__ import annotations

from dataclasses import dataclass

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
from genie_gym.envs.sim.town.shapes import Collider, Mesh, Shape
from genie_gym.envs.sim.town.surroundings import surroundings
from genie_gym.envs.sim.town.terrain import HEIGHT_GRID

CONTROL_HZ = 24
FOVY = 60.0  # degrees
SUBSTEPS = 6
TIMESTEP = 1 / (CONTROL_HZ * SUBSTEPS)
AGENT_RADIUS, AGENT_HEIGHT, AGENT_MASS = 0.3, 1.75, 70.0
VISIBLE, AGENT_GROUP, COLLIDER_GROUP, CULLED_GROUP = 0, 2, 3, 5
GROUND_FRICTION = 0.8
DRAUGHT = 0.15  # metres that floating things lie in the water


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
    spec = mujoco.MjSpec()
    set_camera_planes(spec)
    spec.compiler.degree = False
    spec.option.timestep = TIMESTEP
    spec.option.gravity = [0, 0, -gravity]
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.enableflags = mujoco.mjtEnableBit.mjENBL_SLEEP.value  # what rests costs nothing until something touches it
    spec.visual.headlight.diffuse = spec.visual.headlight.specular = [0, 0, 0]
    _textures(spec)
    world = spec.worldbody
    world.add_light(
        name="sun", type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL, specular=[0, 0, 0], ambient=[0, 0, 0], castshadow=False
    )
    world.add_camera(name="eye", fovy=FOVY)
    meshes: set[str] = set()
    _ground(spec, layout, meshes)
    for index, entity in enumerate(layout.entities):
        _entity(spec, entity, index, meshes, layout.water_level)
    _agent(spec, meshes)
    return _tables(spec.compile(), layout)


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


def _textures(spec: mujoco.MjSpec) -> None:
    """Blank textures, and the materials that wear them."""
    sizes = {
        "atlas": (ATLAS_SIDE, ATLAS_SIDE),
        "ground": (GROUND_SIDE, GROUND_SIDE),
        "sky": (air.SKY_SIDE, 6 * air.SKY_SIDE),
    }
    for name, (width, height) in sizes.items():
        kind = mujoco.mjtTexture.mjTEXTURE_SKYBOX if name == "sky" else mujoco.mjtTexture.mjTEXTURE_2D
        texture = spec.add_texture(name=name, type=kind, width=width, height=height, nchannel=3)
        texture.data = bytes(width * height * 3)
    for name, image_name in (("solid", "atlas"), ("glow", "atlas"), ("ground", "ground")):
        material = spec.add_material(name=name, specular=0, shininess=0)
        material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = image_name


def _add_mesh(
    spec: mujoco.MjSpec,
    body: mujoco.MjsBody,
    name: str,
    mesh: Mesh | tuple,
    material: str,
    meshes: set[str],
    tint: tuple[float, float, float] = (1, 1, 1),
    group: int = VISIBLE,
) -> None:
    """A seen geom; equal names share one mesh."""
    arrays = mesh.arrays() if isinstance(mesh, Mesh) else mesh
    if name not in meshes:
        meshes.add(name)
        points, coordinates, faces = arrays
        asset = spec.add_mesh(name=name, inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL)
        asset.uservert = points.astype(np.float32).ravel()
        asset.usertexcoord = coordinates.astype(np.float32).ravel()
        asset.userface = faces.astype(np.int32).ravel()
        asset.userfacetexcoord = faces.astype(np.int32).ravel()
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_MESH,
        meshname=name,
        material=material,
        rgba=[*tint, 1],
        contype=0,
        conaffinity=0,
        mass=0,
        group=group,
    )


def _add_shape(
    spec: mujoco.MjSpec,
    body: mujoco.MjsBody,
    key: str,
    shape: Shape,
    meshes: set[str],
    tint: tuple[float, float, float] = (1, 1, 1),
    group: int = VISIBLE,
) -> None:
    if shape.solid.size:
        _add_mesh(spec, body, f"{key}:solid", shape.solid, "solid", meshes, tint, group)
    if shape.glow.size:
        _add_mesh(spec, body, f"{key}:glow", shape.glow, "glow", meshes, (1, 1, 1), group)


_GEOM = {
    "box": mujoco.mjtGeom.mjGEOM_BOX,
    "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
    "sphere": mujoco.mjtGeom.mjGEOM_SPHERE,
}


def _add_collider(body: mujoco.MjsBody, c: Collider, mass: float = 0.0) -> None:
    size = np.zeros(3)
    size[: len(c.size)] = c.size
    half = c.yaw / 2
    body.add_geom(
        type=_GEOM[c.kind], pos=c.position, size=size, quat=[np.cos(half), 0, 0, np.sin(half)], mass=mass,
        group=COLLIDER_GROUP,
        friction=[GROUND_FRICTION, 0.01, 0.001], conaffinity=3 if mass else 1,
    )  # fmt: skip


def _ground(spec: mujoco.MjSpec, layout: Layout, meshes: set[str]) -> None:
    world = spec.worldbody
    friction = [GROUND_FRICTION, 0.01, 0.001]
    if layout.water_level is None:
        ground = world.add_body(name="ground")
        _add_mesh(spec, ground, "ground", ground_mesh(layout), "ground", meshes)
    if layout.terrain.hilly:
        top = float(layout.terrain.heights.max())
        field = spec.add_hfield(name="hills", nrow=HEIGHT_GRID, ncol=HEIGHT_GRID, size=[HALF, HALF, top, 0.5])
        field.userdata = (layout.terrain.heights / top).astype(np.float32).ravel()
        world.add_geom(type=mujoco.mjtGeom.mjGEOM_HFIELD, hfieldname="hills", group=COLLIDER_GROUP, friction=friction)
    else:
        world.add_geom(
            type=mujoco.mjtGeom.mjGEOM_PLANE, size=[HALF + 2, HALF + 2, 1], group=COLLIDER_GROUP, friction=friction
        )
    shape, water = surroundings(layout)
    edge = world.add_body(name="boundary")
    _add_shape(spec, edge, "boundary", shape, meshes)
    for collider in (*shape.colliders, *layout.colliders):
        _add_collider(edge, collider)
    if water is not None:
        body = world.add_body(name="water")
        tint = (0.92, 0.86, 0.72) if layout.water_level is not None else (1.0, 1.0, 1.0)
        if layout.water_level is not None:  # what moves floats: it rests on a slick plane that nothing else touches
            world.add_geom(
                type=mujoco.mjtGeom.mjGEOM_PLANE, pos=[0, 0, layout.water_level - DRAUGHT], size=[HALF + 2, HALF + 2, 1],
                group=COLLIDER_GROUP, friction=[0.05, 0.01, 0.001], contype=2, conaffinity=0,
            )  # fmt: skip
        _add_mesh(spec, body, "water", water.solid, "solid", meshes, tint)


def _entity(spec: mujoco.MjSpec, entity: Entity, index: int, meshes: set[str], water_level: float | None) -> None:
    half = entity.yaw / 2
    quat = [np.cos(half), 0, 0, np.sin(half)]
    body = spec.worldbody.add_body(name=entity.name, pos=[entity.x, entity.y, entity.z], quat=quat)
    if entity.shape is None:
        body.mocap = True
        _add_rig(spec, body, entity.kind, rig(entity.kind), meshes, VISIBLE)
        r, h = rig(entity.kind).radius, rig(entity.kind).height
        _add_collider(body, Collider("cylinder", (0, 0, h / 2), (r, h / 2)))
        return
    if entity.mass > 0:
        body.add_freejoint(name=entity.name)
        lift = 0.01 if water_level is None else water_level - DRAUGHT + 0.01
        body.pos = [entity.x, entity.y, entity.z + lift]
    _add_shape(spec, body, entity.shape_key, entity.shape, meshes, entity.tint)
    for collider in entity.shape.colliders:
        _add_collider(body, collider, entity.mass / len(entity.shape.colliders))


def _add_rig(spec: mujoco.MjSpec, body: mujoco.MjsBody, kind: str, figure: Rig, meshes: set[str], group: int) -> None:
    _add_shape(spec, body, f"{kind}:body", figure.body, meshes, group=group)
    for k, (limb, hip) in enumerate(zip(figure.limbs, figure.hips, strict=True)):
        part = body.add_body(name=f"{body.name}:limb{k}", pos=hip)
        _add_shape(spec, part, f"{kind}:limb{0 if limb is figure.limbs[0] else 1}", limb, meshes, group=group)


def _agent(spec: mujoco.MjSpec, meshes: set[str]) -> None:
    """A capsule that cannot fall over: three slides and a turn. It grips by its controller, not by contact friction."""
    body = spec.worldbody.add_body(name="agent", pos=[0, 0, 0])
    body.sleep = mujoco.mjtSleepPolicy.mjSLEEP_NEVER
    for name, axis in (("agent_x", [1, 0, 0]), ("agent_y", [0, 1, 0]), ("agent_z", [0, 0, 1])):
        body.add_joint(name=name, type=mujoco.mjtJoint.mjJNT_SLIDE, axis=axis)
    body.add_joint(name="agent_yaw", type=mujoco.mjtJoint.mjJNT_HINGE, axis=[0, 0, 1])
    body.add_geom(
        name="agent", type=mujoco.mjtGeom.mjGEOM_CAPSULE, size=[AGENT_RADIUS, AGENT_HEIGHT / 2 - AGENT_RADIUS, 0],
        pos=[0, 0, AGENT_HEIGHT / 2], mass=AGENT_MASS, group=COLLIDER_GROUP, friction=[0, 0, 0], priority=1, condim=1,
    )  # fmt: skip
    _add_rig(spec, body, "agent", rig("agent"), meshes, AGENT_GROUP)


def _tables(model: mujoco.MjModel, layout: Layout) -> Built:
    owner = {entity.name: index for index, entity in enumerate(layout.entities)}
    names = [model.body(b).name for b in range(model.nbody)]
    instance = np.full(model.ngeom + 1, -1, np.int32)
    semantic = np.full(model.ngeom + 1, CLASSES.index("sky"), np.uint8)
    extra = {"ground": 0, "boundary": len(owner) + 1, "water": len(owner) + 2, "agent": len(owner) + 3}
    for geom in range(model.ngeom):
        if model.geom_group[geom] == COLLIDER_GROUP:
            continue
        name = names[model.geom_bodyid[geom]].split(":")[0]
        if name in owner:
            instance[geom] = owner[name] + 1
            semantic[geom] = CLASSES.index(layout.entities[owner[name]].category)
        else:
            instance[geom], semantic[geom] = extra[name], CLASSES.index(name)
    movable = [index for index, entity in enumerate(layout.entities) if entity.mass > 0]
    limbs = {
        index: [names.index(f"{entity.name}:limb{k}") for k in range(4)]
        for index, entity in enumerate(layout.entities)
        if entity.shape is None
    }
    agent_limbs = [names.index(f"agent:limb{k}") for k in range(4)]
    return Built(model, instance, semantic, movable, limbs, agent_limbs, model.geom_group.copy())
