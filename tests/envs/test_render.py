import ctypes.util
import gc
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import gymnasium as gym
import mujoco
import numpy as np
import pytest

from genie_gym.envs.sim import gl, render
from genie_gym.envs.sim.render import SceneRenderer, pinhole_intrinsics, set_camera_planes
from genie_gym.errors import GenieGymError


def _ball(distance: float) -> tuple[mujoco.MjModel, mujoco.MjData]:
    """A white ball of 1 m straight ahead of a camera that looks along -z of its own frame."""
    spec = mujoco.MjSpec()
    set_camera_planes(spec)
    spec.worldbody.add_camera(name="eye", fovy=60)
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[1, 0, 0], pos=[0, 0, -distance])
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return model, data


@pytest.mark.parametrize("distance", [2.0, 20.0, 150.0])
def test_depth_is_metres_and_the_sky_is_far(distance):
    model, data = _ball(distance)
    renderer = SceneRenderer(model, 65, 65)
    _, depth = renderer.rgb_and_depth(data)
    assert depth[32, 32] == pytest.approx(distance - 1, rel=0.002)
    assert depth[0, 0] == render.FAR
    ids = renderer.geom_ids(data)
    assert ids[32, 32] == 0
    assert ids[0, 0] == -1
    focal = pinhole_intrinsics(65, 65, 60.0)[0, 0]
    if distance == 20.0:  # the ball is as wide as the intrinsics say
        assert (ids[32] == 0).sum() == pytest.approx(2 * focal / np.sqrt(distance**2 - 1), abs=1.5)
    renderer.close()


def test_two_sizes_of_one_model_do_not_disturb_each_other():
    model, data = _ball(3.0)
    small, large = SceneRenderer(model, 16, 16), SceneRenderer(model, 64, 48, samples=4)
    before = small.rgb_and_depth(data)[0]
    assert large.rgb_and_depth(data)[0].shape == (48, 64, 3)
    assert np.array_equal(small.rgb_and_depth(data)[0], before)
    assert set(np.unique(small.geom_ids(data))) == {-1, 0}
    small.close()
    large.close()
    small.close()  # twice is fine


def test_without_opengl_the_error_names_the_packages(monkeypatch):
    monkeypatch.setattr(gl, "_context", None)
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)
    packages = r"apt-get install libegl1 .* or `apt-get install libosmesa6`"
    with pytest.raises(GenieGymError, match=packages), gl.current_gl():
        pass


@pytest.mark.parametrize("backend", ["egl", "osmesa"])
def test_either_back_end_gives_the_frame(backend):
    if ctypes.util.find_library(gl.BACKENDS[backend]) is None:
        pytest.skip(f"lib{gl.BACKENDS[backend]} is not installed")
    code = (
        "import gymnasium as gym, genie_gym; env = gym.make('GenieSim/Arm-v0'); "
        "print(env.reset(seed=0)[0].astype(int).sum()); env.close()"
    )
    environment = {k: v for k, v in os.environ.items() if k != "PYOPENGL_PLATFORM"} | {"MUJOCO_GL": backend}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert int(done.stdout) > 1e6
    assert "Traceback" not in done.stderr


def test_what_others_draw_with_is_named_before_mujoco_is_imported():
    """As on a machine without a display: HalfCheetah is drawn, and MuJoCo's own renderer too."""
    code = (
        "import sys, os, genie_gym, gymnasium as gym; assert 'mujoco' not in sys.modules; "
        "from genie_gym.envs.registration import make; "
        "env = make(gym.make, 'HalfCheetah-v5', render_mode='rgb_array'); env.reset(seed=0); print(env.render().mean()); "
        "import mujoco; print(os.environ['MUJOCO_GL'], mujoco.GLContext.__module__); env.close()"
    )
    environment = {k: v for k, v in os.environ.items() if k not in ("PYOPENGL_PLATFORM", "MUJOCO_GL", "DISPLAY")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    mean, named, bound = done.stdout.split()
    assert float(mean) > 10
    assert named in gl.BACKENDS
    assert bound.endswith(named)


def test_what_the_user_chose_stays(monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "glfw")
    monkeypatch.setattr(gl, "current_gl", lambda: pytest.fail("nothing was to choose"))
    gl.choose_gl()


def _episode(env_id: str, seed: int) -> np.ndarray:
    env = gym.make(env_id, width=32, height=24, obs=("rgb", "instance"))
    frames = [env.reset(seed=seed)[0]] + [env.step(env.action_space.sample() * 0)[0] for _ in range(3)]
    env.close()
    return np.stack([np.concatenate([frame["rgb"], frame["instance"][..., None]], -1) for frame in frames])


@pytest.mark.parametrize("env_id", ["GenieSim/Town-v0", "GenieSim/Arm-v0"])
def test_simulators_are_played_from_any_thread(env_id):
    """One after the other, several at once, handed on in the middle of an episode, and closed elsewhere."""
    alone = [_episode(env_id, seed) for seed in range(4)]
    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(lambda seed: _episode(env_id, seed), range(4)))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))
    env = gym.make(env_id, width=32, height=24, obs=("rgb", "instance"))
    begun = env.reset(seed=0)[0]
    with ThreadPoolExecutor(1) as other:
        following = other.submit(env.step, env.action_space.sample() * 0).result()[0]
        other.submit(env.close).result()
    for seen, expected in ((begun, alone[0][0]), (following, alone[0][1])):
        assert np.array_equal(seen["rgb"], expected[..., :3])
    again = env.reset(seed=0)[0]  # as after any close
    assert np.array_equal(again["rgb"], begun["rgb"])
    env.close()


def test_what_a_thread_forgets_harms_no_other():
    model, data = _ball(3.0)
    kept = SceneRenderer(model, 32, 32)
    before = kept.rgb_and_depth(data)[0]

    def forget():
        SceneRenderer(_ball(5.0)[0], 32, 32)
        gc.collect()

    thread = threading.Thread(target=forget)
    thread.start()
    thread.join()
    assert np.array_equal(kept.rgb_and_depth(data)[0], before)
    kept.close()
