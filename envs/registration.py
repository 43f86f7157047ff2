"""The Gymnasium ids of this package. Entry points are text, so that registering imports neither torch nor a simulator."""

from collections.abc import Mapping
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


def register_world(env_id: str, world: str, max_episode_steps: int | None = None) -> None:
    """Gives a learned world (a shipped name, a folder, a hub repository) a Gymnasium id of its own, single and batched."""
    gym.register(
        env_id,
        entry_point="genie_gym.envs.world_env:GenieEnv",
        vector_entry_point="genie_gym.envs.vector_env:GenieVectorEnv",
        max_episode_steps=max_episode_steps,
        kwargs={"world": world},
    )


def find_spec(env_id: str) -> Any:
    """What Gymnasium knows of an id.

    Raises:
        GenieGymError: for an id that is not registered; says the nearest one.
    """
    if env_id not in gym.registry:
        raise GenieGymError(f"unknown environment {env_id!r}." + did_you_mean(env_id, gym.registry))
    return gym.registry[env_id]


def steps_together(env_id: str) -> bool:
    """Whether copies of an environment of this package step in one call: learned worlds and some simulators."""
    simulator = find_simulator(env_id)
    return is_world(env_id) or (simulator is not None and simulator.vector_entry_point is not None)


def make_same_step(env_id: str, num_envs: int, env_kwargs: Mapping[str, Any]) -> gym.vector.VectorEnv:
    """Copies that reset in the step in which they end. Those that step together do so anyway; others are told to."""
    options: Any = {} if steps_together(env_id) else {"vector_kwargs": {"autoreset_mode": AutoresetMode.SAME_STEP}}
    return gym.make_vec(env_id, num_envs=num_envs, **options, **env_kwargs)


def is_world(env_id: str) -> bool:
    """Whether the id is a learned world's: one of those that `register_world` made."""
    return find_spec(env_id).vector_entry_point == "genie_gym.envs.vector_env:GenieVectorEnv"
