"""Environments whose frames are to be recorded."""

from __future__ import annotations

import gymnasium as gym
from gymnasium.vector import AutoresetMode

from genie_gym.datasets.recording import Recording
from genie_gym.envs.packages import DECLARED, import_modules
from genie_gym.envs.registration import make, steps_together
from genie_gym.errors import GenieGymError

PLAYABLE = (gym.spaces.Discrete, gym.spaces.MultiDiscrete, gym.spaces.MultiBinary, gym.spaces.Box)


def make_source(recording: Recording, num_envs: int) -> gym.vector.VectorEnv:
    """Copies of a recording's environment: those that step together reset in the same step, others are told to.

    Raises:
        GenieGymError: unknown id, options that it does not take, or actions that no behaviour can play.
    """
    import_modules(name for name in recording.imports if name not in DECLARED)  # those are imported by their ids
    env_id, kwargs, steps = recording.env_id, recording.options, recording.max_episode_steps
    if steps_together(env_id):
        if steps is not None:
            kwargs["max_episode_steps"] = steps
        envs: gym.vector.VectorEnv = make(gym.make_vec, env_id, num_envs=num_envs, **kwargs)
    else:
        kwargs |= {"render_mode": "rgb_array", "max_episode_steps": steps}
        envs = gym.vector.SyncVectorEnv(
            [lambda: make(gym.make, env_id, **kwargs)] * num_envs, autoreset_mode=AutoresetMode.DISABLED
        )
    if not isinstance(envs.single_action_space, PLAYABLE):
        envs.close()
        raise GenieGymError(
            f"{env_id} takes actions of the kind {type(envs.single_action_space).__name__}, which behaviours cannot play; "
            "wrap it so that it takes Discrete, MultiDiscrete, MultiBinary or Box actions, and register that."
        )
    return envs
