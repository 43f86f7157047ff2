"""Rollouts of TorchRL over learned worlds, whatever they are asked for."""

import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest
import torch
import torchrl.envs as torchrl

from genie_gym.errors import GenieGymError
from genie_gym.geometry.scene_graph.scene import SceneGraph
from genie_gym.pretrained import load_world

ASKED = {
    "task": {"task": "reach_beacon"},
    "prompt": {"prompt": "a snowy village", "action_mode": "keyboard"},
    "observations": {"obs": ("rgb", "depth", "pose"), "task": "find:well"},
}


@pytest.fixture(scope="module")
def world():
    return load_world("genie2", "cpu")


def wrapped(world, output="numpy", **asked):
    envs = gym.make_vec("Genie2-v0", num_envs=2, world=world, output=output, max_episode_steps=3, **asked)
    return torchrl.GymWrapper(envs)


def test_it_is_imported_where_procgen_is_installed():
    code = "import sys, genie_gym; from torchrl.envs import GymWrapper; assert 'gym' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("mode", ["SAME_STEP", "DISABLED"])
@pytest.mark.parametrize("output", ["numpy", "torch"])
@pytest.mark.parametrize("asked", ASKED)
def test_rollouts_go_over_ends(world, asked, output, mode):
    batch = wrapped(world, output, autoreset_mode=mode, **ASKED[asked]).rollout(4, break_when_any_done=False)
    assert batch.batch_size == (2, 4)
    assert batch["next", "done"][:, 2].all()
    assert not batch["next", "done"][:, 3].any()
    depth = batch.get(("next", "depth"), None)
    assert depth is None or (depth.dtype == torch.float32 and bool((depth[:, :2] > 0).all()))
    assert (depth is None) == (mode == "DISABLED" and asked != "observations")  # it reads no info there


def test_a_scene_graph_says_that_it_is_no_tensor(world):
    for output in ("numpy", "torch"):
        with pytest.raises(GenieGymError, match=r"a scene graph is no array: .* leave info=\('scene_graph',\) out"):
            wrapped(world, output, info=("scene_graph",))
    graphs = np.array([SceneGraph(0, (), (), ()), None], dtype=object)
    assert isinstance(graphs[0], SceneGraph)
