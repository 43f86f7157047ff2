"""The Gymnasium ids of this package. Entry points are text, so that registering imports neither torch nor a simulator."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
from gymnasium.vector import AutoresetMode

from genie_gym.envs.packages import find_package, import_modules, import_package
from genie_gym.envs.sim.gl import choose_gl
from genie_gym.envs.simulators import SIMULATORS, Simulator, find_simulator
from genie_gym.errors import GenieGymError, did_you_mean

WORLDS = {
    "Genie1-v0": "genie1",
    "Genie2-v0": "genie2",
    "Genie3-v0": "genie3",
}  # learned worlds, by the names that they ship under


def register_all() -> None:
    """Registers every world and simulator of the package. Called once, by `import genie_gym`."""
    for simulator in list(SIMULATORS.values()):
        register_simulator(simulator)
    for env_id, world in WORLDS.items():
        register_world(env_id, world, max_episode_steps=256)


def register_simulator(simulator: Simulator) -> None:
    """Makes a simulator known: its Gymnasium id, and what recording and evaluation ask of it. The one line that one of your
    own needs, in a module that `--import` names; an environment with ground truth is a `genie_gym.envs.sim.base.SimEnv`."""
    if not isinstance(simulator, Simulator):
        raise GenieGymError(f"a genie_gym.envs.simulators.Simulator is needed; given {simulator!r:.80}.")
    other = find_simulator(simulator.name)
    if other is not None and other.id != simulator.id:
        raise GenieGymError(f"{simulator.name!r} is the short name of {other.id}; choose another one.")
    try:
        gym.register(
            simulator.id,
            entry_point=simulator.entry_point,
            vector_entry_point=simulator.vector_entry_point,
            max_episode_steps=simulator.max_episode_steps,
            kwargs=dict(simulator.kwargs),
        )
    except (gym.error.Error, TypeError) as error:
        raise GenieGymError(f"{simulator.id!r} is no Gymnasium id, such as 'Mine/Maze-v0': {error}.") from error
    SIMULATORS[simulator.id] = simulator


def register_world(env_id: str, world: str | Path, max_episode_steps: int | None = None) -> None:
    """Gives a learned world (a shipped name, a folder, a hub repository) a Gymnasium id of its own, single and batched."""
    if not isinstance(world, str | Path):
        raise GenieGymError("an id stands for a world that was saved: give its folder (genie_gym.pretrained.save_world).")
    gym.register(
        env_id,
        entry_point="genie_gym.envs.world_env:GenieEnv",
        vector_entry_point="genie_gym.envs.vector_env:GenieVectorEnv",
        max_episode_steps=max_episode_steps,
        kwargs={"world": str(world)},
    )


def find_spec(env_id: str) -> Any:
    """What Gymnasium knows of an id. "module:id" imports the module first, as `gym.make` does; well-known packages
    (`PACKAGES`) are imported when one of their ids is asked for.

    Raises:
        GenieGymError: for an id that is not registered; says the nearest one, or what to install.
    """
    module, _, name = env_id.rpartition(":")
    package = find_package(name)
    if package is not None and (not module or not package.module) and name not in gym.registry:
        import_package(package, name)
    elif module:
        import_modules([module])
    if name not in gym.registry:
        missing = "" if module or package else "; import the package that registers it with --import MODULE"
        raise GenieGymError(f"unknown environment {env_id!r}{missing}." + did_you_mean(name, gym.registry))
    return gym.registry[name]


def make(maker: Callable[..., Any], env_id: str, /, **options: Any) -> Any:
    """`maker` (`gym.make`, `gym.make_vec`) of an id.

    Raises:
        GenieGymError: for an id that is not registered, options that it does not take, or an environment of another
            package that cannot be made (it needs something that is not installed, for example).
    """
    if options.get("render_mode") and _draws_with_mujoco(env_id):
        choose_gl()
    spec = find_spec(env_id)
    try:
        return maker(spec.id, **options)
    except GenieGymError:
        raise
    except TypeError as error:
        raise GenieGymError(f"{env_id} does not take these options: {str(error).rstrip('. ')}.") from error
    except Exception as error:  # another package's, which fails in its own way
        if str(spec.entry_point).startswith("genie_gym."):
            raise
        package = find_package(spec.id)
        note = f"; {package.note}" if package and package.note else ""
        raise GenieGymError(f"{env_id} cannot be made: {type(error).__name__}: {str(error).rstrip('. ')}{note}.") from error


def _draws_with_mujoco(env_id: str) -> bool:
    """Whether another package's environment draws with MuJoCo, as far as its name or entry point tells; asked before it is
    imported, as MuJoCo is bound to its back end then."""
    name = env_id.rpartition(":")[2]
    package = find_package(name)
    entry_point = str(gym.registry[name].entry_point) if name in gym.registry else ""
    is_ours = entry_point.startswith("genie_gym.")
    return (package is not None and package.mujoco) or ("mujoco" in entry_point.lower() and not is_ours)


def steps_together(env_id: str) -> bool:
    """Whether copies of an environment of this package step in one call: learned worlds and some simulators."""
    simulator = find_simulator(env_id)
    return is_world(env_id) or (simulator is not None and simulator.vector_entry_point is not None)


def make_same_step(env_id: str, num_envs: int, env_kwargs: Mapping[str, Any]) -> gym.vector.VectorEnv:
    """Copies that reset in the step in which they end. Those that step together do so anyway; others are told to."""
    options: Any = {} if steps_together(env_id) else {"vector_kwargs": {"autoreset_mode": AutoresetMode.SAME_STEP}}
    return make(gym.make_vec, env_id, num_envs=num_envs, **options | dict(env_kwargs))


def is_world(env_id: str) -> bool:
    """Whether the id is a learned world's: one of those that `register_world` made."""
    return find_spec(env_id).vector_entry_point == "genie_gym.envs.vector_env:GenieVectorEnv"
