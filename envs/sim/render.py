"""Off-screen drawing with MuJoCo: RGB with metric depth in one pass, segmentation in another, in the process's GL context.
Threads take turns.

A context of its own for each environment would cost 100 ms and memory each time; only the textures and meshes of a world
(`mujoco.MjrContext`, about 7 ms) are made anew.

Legend: H W image.
"""

from __future__ import annotations

import weakref

import mujoco
import numpy as np

from genie_gym.envs.sim.gl import current_gl

NEAR, FAR = 0.05, 900.0  # metres; the sky reads FAR
_SKY_FROM = 300.0  # farther than anything that is built, nearer than the box that MuJoCo paints the sky on
MAX_SIDE = 2048


class SceneRenderer:
    """Draws one model at one size. `close()` frees what it holds on the GL side, as does forgetting it.

    Args:
        model: its `stat.extent` must be 1 and its clipping planes `NEAR` and `FAR` (`set_camera_planes`).
        samples: multisampling; 0 is 2.5 times faster than 4, whose edges are smooth.
    """

    def __init__(self, model: mujoco.MjModel, width: int, height: int, samples: int = 0):
        self.width, self.height = width, height
        model.vis.global_.offwidth, model.vis.global_.offheight = width, height
        model.vis.quality.offsamples = samples
        model.vis.quality.shadowsize = 0
        self.model = model
        self.rect = mujoco.MjrRect(0, 0, width, height)
        self.options = mujoco.MjvOption()
        self.camera = mujoco.MjvCamera()
        self.camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        self.camera.fixedcamid = 0
        self.scene = mujoco.MjvScene(model, maxgeom=model.ngeom + 8)
        for flag in ("SHADOW", "REFLECTION", "HAZE"):
            self.scene.flags[getattr(mujoco.mjtRndFlag, f"mjRND_{flag}")] = 0
        with current_gl():
            self.context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_50.value)
        self._free = weakref.finalize(self, _free, self.context)
        self._free.atexit = False  # the GL context goes as a whole then
        self.context.readDepthMap = mujoco.mjtDepthMap.mjDEPTH_ZEROFAR

    def upload_texture(self, texture_id: int) -> None:
        with current_gl():
            mujoco.mjr_uploadTexture(self.model, self.context, texture_id)

    def set_camera(self, data: mujoco.MjData, pose: np.ndarray) -> None:
        """Puts the model's one camera at `pose` [4, 4], camera to world (x right, y down, z forward)."""
        camera = self.camera.fixedcamid
        data.cam_xpos[camera] = pose[:3, 3]
        data.cam_xmat[camera] = (pose[:3, :3] * (1, -1, -1)).ravel()

    def _draw(self, data: mujoco.MjData, segmentation: bool, z: np.ndarray | None = None) -> np.ndarray:
        """uint8 [H, W, 3], rows from below; the depth buffer goes into `z`."""
        everything = mujoco.mjtCatBit.mjCAT_ALL.value
        mujoco.mjv_updateScene(self.model, data, self.options, None, self.camera, everything, self.scene)
        self.scene.flags[mujoco.mjtRndFlag.mjRND_SEGMENT] = segmentation
        self.scene.flags[mujoco.mjtRndFlag.mjRND_IDCOLOR] = segmentation
        rgb = np.empty((self.height, self.width, 3), np.uint8)
        with current_gl():
            mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self.context)  # others draw in the same context
            mujoco.mjr_render(self.rect, self.scene, self.context)
            mujoco.mjr_readPixels(rgb, z, self.rect, self.context)
        return rgb

    def rgb_and_depth(self, data: mujoco.MjData) -> tuple[np.ndarray, np.ndarray]:
        """uint8 [H, W, 3] and float32 [H, W]: metres along the optical axis."""
        z = np.empty((self.height, self.width), np.float32)
        rgb = self._draw(data, segmentation=False, z=z)
        depth = NEAR * FAR / (NEAR + z * np.float32(FAR - NEAR))
        depth[depth > _SKY_FROM] = FAR
        return rgb[::-1], depth[::-1]

    def geom_ids(self, data: mujoco.MjData) -> np.ndarray:
        """int32 [H, W]: the geom seen in each pixel, -1 for the sky."""
        ids = self._draw(data, segmentation=True).astype(np.int32) @ np.array([1, 1 << 8, 1 << 16], np.int32)
        table = np.full(self.scene.ngeom + 1, -1, np.int32)
        for geom in self.scene.geoms[: self.scene.ngeom]:
            if geom.segid >= 0 and geom.objtype == mujoco.mjtObj.mjOBJ_GEOM:
                table[geom.segid + 1] = geom.objid
        return table[ids][::-1]

    def close(self) -> None:
        self._free()


def _free(context: mujoco.MjrContext) -> None:
    with current_gl():
        context.free()


class Renderers:
    """One `SceneRenderer` of a model for each size and choice of geom groups, made when first asked for. Copies and pickles
    make their own."""

    def __init__(self) -> None:
        self._made: dict[tuple, SceneRenderer] = {}

    def at(
        self, model: mujoco.MjModel, width: int, height: int, samples: int, groups: tuple[int, ...] = (0, 1, 2)
    ) -> SceneRenderer:
        """`groups` are the geom groups that are seen. All calls between two `close()` are for the same model."""
        key = (width, height, samples, groups)
        if key not in self._made:
            renderer = self._made[key] = SceneRenderer(model, width, height, samples)
            renderer.options.geomgroup[:] = [group in groups for group in range(6)]
        return self._made[key]

    def upload_texture(self, texture_id: int) -> None:
        for renderer in self._made.values():
            renderer.upload_texture(texture_id)

    def close(self) -> None:
        for renderer in self._made.values():
            renderer.close()
        self._made = {}

    def __reduce__(self) -> tuple:
        return Renderers, ()


def set_camera_planes(spec: mujoco.MjSpec) -> None:
    """Clipping planes in metres, whatever the size of the model."""
    spec.stat.extent = 1
    spec.visual.map.znear, spec.visual.map.zfar = NEAR, FAR


def look_along(eye: np.ndarray, forward: np.ndarray) -> np.ndarray:
    """The pose [4, 4], camera to world, of an upright camera at `eye` that looks along `forward`."""
    forward = forward / np.linalg.norm(forward)
    right = np.cross(forward, (0, 0, 1))
    right /= np.linalg.norm(right)
    return camera_pose(eye, right, forward)


def camera_pose(eye: np.ndarray, right: np.ndarray, forward: np.ndarray) -> np.ndarray:
    """The pose [4, 4], camera to world, of a camera at `eye` with these two axes, unit vectors at right angles."""
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], 1)
    pose[:3, 3] = eye
    return pose


def pinhole_intrinsics(width: int, height: int, fovy: float) -> np.ndarray:
    """float32 [3, 3]; x right, y down, z forward, pixel centres at half-integers."""
    focal = height / 2 / np.tan(np.radians(fovy) / 2)
    return np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]], np.float32)
