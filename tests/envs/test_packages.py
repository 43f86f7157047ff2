"""Environments of other packages: found by their ids, imported only when that is safe or asked for."""

import re
import sys

import gymnasium as gym
import pytest

from genie_gym.envs.packages import PACKAGES, check_imported, find_package, import_modules
from genie_gym.envs.registration import find_spec, make
from genie_gym.errors import GenieGymError


@pytest.mark.parametrize(
    ("env_id", "module"),
    [
        ("ALE/Pong-v5", "ale_py"),
        ("PongNoFrameskip-v4", "ale_py"),
        ("Breakout-v0", "ale_py"),
        ("VizdoomBasic-v1", "vizdoom.gymnasium_wrapper"),
        ("VizdoomDoomE1M1-S1-v0", "vizdoom.gymnasium_wrapper"),
        ("MiniGrid-Empty-5x5-v0", "minigrid"),
        ("BabyAI-GoToObj-v0", "minigrid"),
        ("highway-fast-v0", "highway_env"),
        ("dm_control/cheetah-run-v0", "shimmy"),
        ("FetchReach-v4", "gymnasium_robotics"),
        ("AntMaze_Large-v4", "gymnasium_robotics"),
        ("Meta-World/MT1", "metaworld"),
        ("CrafterReward-v1", "genie_gym.envs.crafter"),
        ("FlappyBird-v0", "flappy_bird_gymnasium"),
        ("gym_pusht/PushT-v0", "gym_pusht"),
    ],
)
def test_ids_tell_their_package(env_id, module):
    assert find_package(env_id).module == module


@pytest.mark.parametrize("env_id", ["CartPole-v1", "Ant-v5", "GenieSim/Town-v0", "Genie1-v0", "MyPong-v4", "Pongo-v0"])
def test_other_ids_are_nobodys(env_id):
    assert find_package(env_id) is None


def test_no_two_packages_claim_an_id():
    for env_id in gym.registry:
        assert sum(bool(re.match(package.ids, env_id)) for package in PACKAGES) <= 1


@pytest.mark.parametrize(
    "env_id", ["ALE/Pong-v5", "ale_py:ALE/Pong-v5", "PongNoFrameskip-v4", "VizdoomBasic-v1", "MiniGrid-Empty-5x5-v0"]
)
def test_installed_packages_are_imported_by_their_ids(env_id):
    pytest.importorskip(find_package(env_id.rpartition(":")[2]).module)
    env = make(gym.make, env_id, render_mode="rgb_array")
    env.reset(seed=0)
    assert env.render().ndim == 3
    env.close()


def test_what_is_not_installed_is_named_with_its_command(monkeypatch):
    for name in [name for name in gym.registry if name.startswith("MiniGrid-")]:
        monkeypatch.delitem(gym.registry, name)
    monkeypatch.setitem(sys.modules, "minigrid", None)
    monkeypatch.setitem(sys.modules, "dm_control", None)
    with pytest.raises(GenieGymError, match=r"^MiniGrid-Empty-5x5-v0 comes from minigrid: pip install minigrid\.$"):
        find_spec("MiniGrid-Empty-5x5-v0")
    with pytest.raises(GenieGymError, match=r'pip install "shimmy\[dm-control\]"; dm-control .* MuJoCo 4 no longer has'):
        find_spec("dm_control/cheetah-run-v0")


def test_unknown_ids_say_what_to_do():
    with pytest.raises(
        GenieGymError, match=r"'CartPol-v1'; import the package .* --import MODULE\. Did you mean 'CartPole-v1'"
    ):
        find_spec("CartPol-v1")
    with pytest.raises(GenieGymError, match="no module 'nowhere_to_be'"):
        find_spec("nowhere_to_be:Thing-v0")
    with pytest.raises(GenieGymError, match="GenieSim/CoinRun-v0"):
        find_spec("procgen:procgen-coinrun-v0")
    pytest.importorskip("ale_py")
    with pytest.raises(GenieGymError, match=r"^unknown environment 'ALE/Pongg-v5'\. Did you mean 'ALE/Pong-v5'"):
        find_spec("ALE/Pongg-v5")


class Broken(gym.Env):
    def __init__(self, render_mode=None):
        raise AttributeError("'MjModel' has no attribute 'flex'.")


gym.register("Test/Broken-v0", entry_point=Broken)


def test_environments_that_cannot_be_made_say_why_in_one_sentence():
    with pytest.raises(GenieGymError, match=r"^Test/Broken-v0 cannot be made: AttributeError: .* no attribute 'flex'\.$"):
        make(gym.make, "Test/Broken-v0")


def test_crafter_speaks_gymnasium():
    pytest.importorskip("crafter")
    env = make(gym.make, "CrafterReward-v1", render_mode="rgb_array")
    first, _ = env.reset(seed=3)
    assert first.shape == (64, 64, 3)
    assert (env.reset(seed=3)[0] == first).all()
    assert len(env.step(1)) == 5


def test_modules_in_the_current_folder_are_found(tmp_path, monkeypatch):
    (tmp_path / "made_here.py").write_text("MADE = True")
    (tmp_path / "made_badly.py").write_text("import nothing_like_that")
    (tmp_path / "made_worse.py").write_text("1 / 0")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    import_modules(["made_here"])
    assert sys.modules["made_here"].MADE
    with pytest.raises(GenieGymError, match="cannot import 'made_badly': No module named 'nothing_like_that'"):
        import_modules(["made_badly"])
    with pytest.raises(GenieGymError, match="cannot import 'made_worse': ZeroDivisionError"):
        import_modules(["made_worse"])


def test_a_module_that_only_a_file_names_is_not_imported(tmp_path, monkeypatch):
    check_imported(["ale_py", "minigrid", "pytest"])  # well known, or imported already
    with pytest.raises(GenieGymError, match=r"pass --import antigravity .* if you trust it"):
        check_imported(["antigravity"])
    assert "antigravity" not in sys.modules
