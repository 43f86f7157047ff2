"""The Gymnasium ids of this package. Entry points are text, so that registering imports neither torch nor a simulator."""

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
from gymnasium.vector import AutoresetMode

from genie_gym.envs.simulators import SIMULATORS, find_simulator
from genie_gym.errors import GenieGymError, did_you_mean


def register_all() -> None:
    """Registers every world and simulator of the package. Called once, by `import genie_gym`."""
    for simulator in SIMULATORS.values():
        gym.register(
            simulator.id,
            entry_point=simulator.entry_point,
            vector_entry_point=simulator.vector_entry_point,
            max_episode_steps=simulator.max_episode_steps,
            kwargs=dict(simulator.kwargs),
        )
    register_world("Genie1-v0", "genie1", max_episode_steps=256)


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
    """What Gymnasium knows of an id. "module:id" imports the module first, as `gym.make` does.

    Raises:
        GenieGymError: for an id that is not registered; says the nearest one.
    """
    module, _, name = env_id.rpartition(":")
    try:
        if module:
            importlib.import_module(module)
    except ImportError as error:
        raise GenieGymError(f"cannot import {module!r} for the environment {env_id!r}: {error}.") from error
    if name not in gym.registry:
        raise GenieGymError(f"unknown environment {env_id!r}." + did_you_mean(name, gym.registry))
    return gym.registry[name]


def make(maker: Callable[..., Any], env_id: str, /, **options: Any) -> Any:
    """`maker` (`gym.make`, `gym.make_vec`) of an id.

    Raises:
        GenieGymError: for an id that is not registered, or options that it does not take.
    """
    find_spec(env_id)
    try:
        return maker(env_id, **options)
    except TypeError as error:
        raise GenieGymError(f"{env_id} does not take these options: {error}.") from error


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
