"""Packages of other people whose environments are known by their ids: what to import, and what to install.

Importing this imports none of them. A module that only a file names (a world from elsewhere) is never imported by itself.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
import types
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from genie_gym.errors import GenieGymError

ATARI = (
    "Adventure AirRaid Alien Amidar Assault Asterix Asteroids Atlantis BankHeist BattleZone BeamRider Berzerk Bowling "
    "Boxing Breakout Carnival Centipede ChopperCommand CrazyClimber Defender DemonAttack DoubleDunk ElevatorAction Enduro "
    "FishingDerby Freeway Frostbite Gopher Gravitar Hero IceHockey Jamesbond JourneyEscape Kangaroo Krull KungFuMaster "
    "MontezumaRevenge MsPacman NameThisGame Phoenix Pitfall Pong Pooyan PrivateEye Qbert Riverraid RoadRunner Robotank "
    "Seaquest Skiing Solaris SpaceInvaders StarGunner Tennis TimePilot Tutankham UpNDown Venture VideoPinball WizardOfWor "
    "YarsRevenge Zaxxon"
)


@dataclass(frozen=True)
class Package:
    """A package that registers environments.

    Attributes:
        ids: a regular expression that its ids begin with.
        module: what registers them when imported; "" for what is no Gymnasium environment (`note` says what to do).
        pip: what `pip install` takes. needs: another module without which it registers nothing.
        mujoco: whether MuJoCo draws them.
        note: said where its environments cannot be made.
    """

    ids: str
    module: str
    pip: str
    needs: str = ""
    mujoco: bool = False
    note: str = ""


PACKAGES = (
    Package(rf"ALE/|({ATARI.replace(' ', '|')})(NoFrameskip|Deterministic)?(-ram)?-v\d", "ale_py", "ale-py"),
    Package(r"Vizdoom", "vizdoom.gymnasium_wrapper", "vizdoom"),
    Package(r"MiniGrid-|BabyAI-", "minigrid", "minigrid"),
    Package(r"MiniWorld-", "miniworld", "miniworld", note="on a machine without a display, set PYGLET_HEADLESS=1"),
    Package(r"Crafter", "genie_gym.envs.crafter", "crafter"),
    Package(r"FlappyBird-", "flappy_bird_gymnasium", "flappy-bird-gymnasium"),
    Package(
        r"(highway|merge|roundabout|parking|intersection|racetrack|exit|u-turn|two-way|lane-keeping)-",
        "highway_env",
        "highway-env",
    ),
    Package(r"Panda(Reach|Slide|Push|PickAndPlace|Stack|Flip)", "panda_gym", "panda-gym"),
    Package(r"gym_pusht/", "gym_pusht", "gym-pusht"),
    Package(r"gym_xarm/", "gym_xarm", "gym-xarm", mujoco=True),
    Package(r"gym_aloha/", "gym_aloha", "gym-aloha", mujoco=True),
    Package(
        r"Fetch(Reach|Push|Slide|PickAndPlace)|HandReach|HandManipulate|AdroitHand|FrankaKitchen|(Point|Ant)Maze",
        "gymnasium_robotics",
        "gymnasium-robotics",
        mujoco=True,
        note="parts of gymnasium-robotics do not run on MuJoCo 4 yet",
    ),
    Package(r"Meta-World/", "metaworld", "metaworld", mujoco=True, note="parts of metaworld do not run on MuJoCo 4 yet"),
    Package(
        r"dm_control/",
        "shimmy",
        '"shimmy[dm-control]"',
        needs="dm_control",
        mujoco=True,
        note="dm-control (1.0.50 and before) reads fields that MuJoCo 4 no longer has; render its frames to video files "
        "beside mujoco<4 and give their folder as the source",
    ),
    Package(r"procgen", "", "", note="Procgen's games are GenieSim/CoinRun-v0, GenieSim/BigFish-v0, … here"),
)
DECLARED = frozenset(package.module for package in PACKAGES if package.module)


def spare_old_gym() -> None:
    """Lets Procgen be imported without old `gym`, where it only registers its ids; TorchRL imports it wherever it is
    installed. `gym` itself is not stood in for: other libraries look whether it is there."""
    if "gym" not in sys.modules and importlib.util.find_spec("gym") is None:
        registers_nothing: Any = types.ModuleType("procgen.gym_registration")
        registers_nothing.register_environments = lambda: None
        sys.modules.setdefault(registers_nothing.__name__, registers_nothing)


def find_package(env_id: str) -> Package | None:
    """The package that environments of this name come from, where that is known."""
    return next((package for package in PACKAGES if re.match(package.ids, env_id)), None)


def import_package(package: Package, env_id: str) -> None:
    """Registers a known package's environments.

    Raises:
        GenieGymError: it is not installed (says how to), or cannot be imported.
    """
    if not package.module:
        raise GenieGymError(f"no environment {env_id!r}: {package.note}.")
    note = f"; {package.note}" if package.note else ""
    root = package.module.split(".")[0]
    name = package.pip.strip('"')
    try:
        importlib.import_module(package.needs or package.module)
        importlib.import_module(package.module)
    except ModuleNotFoundError as error:
        if error.name in (root, package.needs, package.pip):
            raise GenieGymError(f"{env_id} comes from {name}: pip install {package.pip}{note}.") from error
        raise GenieGymError(f"{env_id} comes from {name}, which needs {error.name!r}: pip install it too{note}.") from error
    except Exception as error:  # what a package does when it is imported is its own
        raise GenieGymError(f"{env_id} comes from {name}, which cannot be imported: {error}{note}.") from error


def import_modules(names: Iterable[str]) -> None:
    """Imports modules that register environments, or families of worlds, because the user says so.

    Modules in the current folder are found too.

    Raises:
        GenieGymError: one cannot be imported.
    """
    for name in names:
        if os.getcwd() not in sys.path and "" not in sys.path:
            sys.path.append(os.getcwd())  # last: it hides nothing
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if name == error.name or name.startswith(f"{error.name}."):
                raise GenieGymError(f"no module {name!r}: is it installed, or in this folder?") from error
            raise GenieGymError(f"cannot import {name!r}: {error}.") from error
        except Exception as error:  # what a module does when it is imported is its own
            raise GenieGymError(f"cannot import {name!r}: {type(error).__name__}: {error}.") from error


def check_imported(names: Iterable[str]) -> None:
    """Of modules that a file names: passes those that are imported already or come from the table above.

    Raises:
        GenieGymError: for another one. Importing runs code, and a file may come from anywhere.
    """
    for name in names:
        if name not in sys.modules and name not in DECLARED:
            raise GenieGymError(
                f"this was recorded with the module {name!r} imported, which is not imported without being asked to: pass "
                f"--import {name} (in Python: import it first) if you trust it."
            )
